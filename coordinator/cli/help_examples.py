"""The examples beneath each command's ``--help``: what it is for, and the line to type.

A test runs the command line's reader over every one of them.
"""

from __future__ import annotations

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "run": (
        ("See a team at work, without a key", "coordinator run --demo"),
        (
            "Your own question, answered in made-up words by a pretended API",
            'coordinator run "Which of two designs would you ship?" --emulate',
        ),
        (
            "Three agents of one model, for two dollars at most",
            'coordinator run "Why?" --model claude-haiku-5-5 --agents 3',
        ),
        (
            "A team file, with text that is piped in",
            'git diff | coordinator run -c team.yaml "Is this safe to merge?"',
        ),
        (
            "For a program: the answer in a file, the rest as one JSON object",
            'coordinator run -c team.yaml "Why?" --json -o answer.md',
        ),
        ("The next question", 'coordinator run --continue last "And then?"'),
        (
            "A configuration of MassGen's, with its flags",
            'coordinator run --config their.yaml --automation "Why?"',
        ),
    ),
    "convert": (
        (
            "A configuration of MassGen's as a team file",
            "coordinator convert their.yaml -o team.yaml",
        ),
    ),
    "web": (
        ("A page for teams of yours", "coordinator web -c team.yaml --open"),
        ("To try it without a key", "coordinator web --emulate --open"),
        (
            "For others, with the token that it says",
            "coordinator web --host 0.0.0.0 --port 8400",
        ),
    ),
    "resume": (
        ("Go on with what was interrupted", "coordinator resume last"),
        (
            "Decide anew under another rule, from its 120th record on",
            "coordinator resume last --from 120 --rule schulze",
        ),
    ),
    "replay": (
        ("Watch it again, four times as fast", "coordinator replay last --speed 4"),
        ("What was seen, at once", "coordinator replay last --speed max"),
    ),
    "report": (
        ("Look at it in a browser", "coordinator report last --open"),
        ("For a pull request", "coordinator report last -o answer.md"),
    ),
    "sessions": (
        ("What is kept", "coordinator sessions list"),
        ("One of them", "coordinator sessions show last"),
        (
            "Its records, for jq",
            "coordinator sessions export last | jq -r .kind | sort | uniq -c",
        ),
    ),
    "measure": (
        (
            "What it would cost",
            "coordinator measure q.jsonl -c team.yaml --estimate",
        ),
        (
            "On a pretended API, to see what it prints",
            "coordinator measure q.jsonl -c team.yaml --emulate",
        ),
    ),
    "records": (
        ("What the right answer was", "coordinator records tell last Canberra"),
        ("Which answer was right", "coordinator records tell last agent2.1"),
        ("Weights, and who drafts first", "coordinator records learn"),
    ),
    "init": (
        ("A talk that ends in a running team", "coordinator init"),
        (
            "For a script, without a talk",
            "coordinator init review.yaml --yes --agents 5 --budget-usd 0.5",
        ),
    ),
    "examples": (
        ("What there is", "coordinator examples"),
        ("Read one", "coordinator examples web_search"),
        (
            "Copy one; a team of scripts runs without a key",
            "coordinator examples offline_team -o team.yaml",
        ),
    ),
    "validate": (
        ("Before a run", "coordinator validate team.yaml"),
        ("In a pipeline, all of a folder", "coordinator validate teams --json"),
    ),
    "doctor": (
        ("Before a first run", "coordinator doctor"),
        ("What the API does today, for some cents", "coordinator doctor --live"),
        ("What a local server can", "coordinator doctor --server ollama"),
        (
            "Keep its streams, to decode or to test with",
            "coordinator doctor --live --record streams",
        ),
    ),
    "models": (
        ("What OpenAI's cost", "coordinator models --maker openai"),
        ("As JSON, for a script", "coordinator models --json"),
    ),
    "schema": (
        (
            "Have an editor complete team files",
            "coordinator schema team > team.schema.json",
        ),
    ),
    "completion": (
        ("In this bash", "source <(coordinator completion bash)"),
        ("For good", "coordinator completion --install"),
    ),
    "emulate": (
        (
            "Point any client of the Messages API at it",
            "coordinator emulate --port 8484",
        ),
        (
            "Would the API take this request?",
            "coordinator emulate --check request.json",
        ),
    ),
    "scenario": (
        ("Run all of a folder", "coordinator scenario scenarios"),
        (
            "One, with what happened line by line",
            "coordinator scenario scenarios -k majority --trace",
        ),
    ),
    "stress": (
        (
            "Twenty seeds of faults",
            "coordinator stress team.yaml --seeds 0..19",
        ),
    ),
    "simulate": (
        ("Ten thousand random sessions", "coordinator simulate --runs 10000"),
    ),
    "sweep": (
        (
            "Ask two teams a set of questions, judged by its references",
            "coordinator sweep questions.jsonl -c one.yaml -c two.yaml",
        ),
        (
            "The same on a Ray cluster, for ten dollars at most",
            "coordinator sweep questions.jsonl -c one.yaml --on ray --budget-usd 10",
        ),
    ),
    "compare": (
        (
            "Two policies on teams of seven",
            "coordinator compare --size 7 --contender slate --contender massgen",
        ),
    ),
    "bench": (("In less than a minute", "coordinator bench --quick"),),
    "decode": (
        (
            "What a recorded stream amounts to",
            "coordinator decode stream.sse --message",
        ),
    ),
}
"""By command: what each is for, and the line."""


IN_THIS_ORDER = (
    "run",
    "web",
    "init",
    "examples",
    "validate",
    "doctor",
    "sessions",
    "report",
)
"""Commands that their group begins with; the others follow by their names."""


def beneath_help(command: str) -> str:
    """The examples of a command, as they stand at the end of its help."""
    lines = [f"  {why}:\n    {line}" for why, line in EXAMPLES.get(command, ())]
    return "\n".join(["Examples:", *lines]) if lines else ""
