"""A person takes part from a terminal: asked, heard, and able to steer."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from agents.protocol.chunks import AgentId, Label
from agents.protocol.turns import BallotForm, Present, Review, VisibleAnswer
from coordinator.displays import slash_commands as spoken
from coordinator.displays.slash_commands import command_of, request_of
from coordinator.protocol import wishes

pytestmark = pytest.mark.long

YOU = AgentId("you")
TEAM = """\
question: Which city is the capital of France?
agents:
  - id: ada
    script:
      turns:
        - {when: {task: draft}, lines: [{answer: Paris}]}
        - {when: {task: review}, lines: [{vote: Versailles}]}
        - {when: {task: present}, lines: [{text: It is Paris.}]}
  - {id: you, backend: human}
voting: {rule: plurality, straggler: null, early: false}
deadline_s: 60
"""
RUNTIMES = pytest.mark.parametrize("runtime", ["asyncio", "trio"])


class Typing:
    """The program, read and typed to as a person would."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.shown = b""

    def read_until(self, text: str) -> str:
        assert self.process.stdout is not None
        while text.encode() not in self.shown:
            line = self.process.stdout.readline()
            assert line, self.shown.decode()
            self.shown += line
        before, _, self.shown = self.shown.partition(text.encode())
        return before.decode()

    def type(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()


@contextmanager
def typing(team: str, folder: Path, options: Sequence[str]) -> Generator[Typing]:
    file = folder / "team.yaml"
    file.write_text(team)
    command = [sys.executable, "-m", "coordinator", "run", "-c", str(file), *options]
    with subprocess.Popen(  # noqa: S603  (our own program)
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        yield Typing(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.stdout is not None
        process.stdout.read()
        assert process.wait(30) in {0, 4}


@pytest.mark.real_time
@RUNTIMES
def test_a_person_answers_votes_and_presents(tmp_path: Path, runtime: str) -> None:
    with typing(TEAM, tmp_path, ["--runtime", runtime]) as person:
        person.read_until("you are asked for a first answer")
        person.type("/what\n")
        person.read_until("/what is not known; /help shows what is")
        person.type("/stop bob\n")
        person.read_until("'bob' is not in the team; choose from ada, you")
        person.type("Versailles,\nof course.\n\n")
        person.read_until("you are asked to vote")
        own = person.read_until("] (yours)\nVersailles,\nof course.").split("[")[-1]
        person.type(f"/vote {own} because I live there\n")
        person.read_until("you are asked for the final words")
        person.type("Versailles, in a way.\n\n")
        person.read_until("★ you wins")
        person.read_until("Versailles, in a way.")


@pytest.mark.real_time
@RUNTIMES
def test_a_session_ends_without_a_person_who_leaves(
    tmp_path: Path, runtime: str
) -> None:
    options = ["--runtime", runtime, "--json"]
    with typing(TEAM, tmp_path, options) as person:
        person.read_until("you are asked for a first answer")
        assert person.process.stdin is not None
        person.process.stdin.close()
        assert person.process.stdout is not None
        last = person.process.stdout.read().splitlines()[-1]
    result = json.loads(last)
    assert result["answer"] == "It is Paris."
    assert result["agents"]["you"]["error"] == "nobody is at the terminal any more"


@pytest.mark.real_time
@RUNTIMES
@pytest.mark.parametrize(
    ("piped", "status", "answer"),
    [
        ("Versailles.\n\n/vote 1 because mine\n\nVersailles, yes.", "done", True),
        ("Versailles.", "retired", True),
        ("Versailles.\n\n/vote 9\n", "retired", True),
        ("/vote 1\n", "retired", False),
        ("", "retired", False),
    ],
)
def test_what_is_piped_before_anybody_is_asked_is_handed_in_when_they_are(
    tmp_path: Path, runtime: str, piped: str, status: str, *, answer: bool
) -> None:
    options = ["--runtime", runtime, "--json"]
    with typing(TEAM, tmp_path, options) as person:
        assert person.process.stdin is not None
        person.process.stdin.write(piped.encode())
        person.process.stdin.close()
        assert person.process.stdout is not None
        last = person.process.stdout.read().splitlines()[-1]
    result = json.loads(last)
    contents = [each["content"] for each in result["answers"]]
    assert ("Versailles." in contents) is answer
    assert result["status"] == "answered"
    assert result["agents"]["you"]["status"] == status
    if status == "retired":
        assert result["agents"]["you"]["error"] == "nobody is at the terminal any more"


@pytest.mark.real_time
def test_a_team_without_people_is_steered_when_asked_for(tmp_path: Path) -> None:
    team = TEAM.replace(
        "{id: you, backend: human}",
        "{id: you, script: {turns: [{lines: [{stall: true}]}]}}",
    )
    with typing(team, tmp_path, ["--steer"]) as person:
        person.read_until("/help")
        person.type("/say Mind the year.\n")
        person.read_until("Every agent will read it")
        person.type("/end\n")
        person.read_until("Paris")


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("/vote a1.1", wishes.Vote(choices=("a1.1",))),
        (
            "/vote a1.1 > a2.1, a3.2 because it is right",
            wishes.Vote(choices=("a1.1", "a2.1", "a3.2"), reason="it is right"),
        ),
        ("/say  mind the gap ", wishes.Tell(text="mind the gap")),
        ("/veto a1.1", wishes.Veto(choice="a1.1")),
        ("/veto a1.1 no source", wishes.Veto(choice="a1.1", reason="no source")),
        ("/stop ada it rambles", wishes.StopAgent(agent="ada", reason="it rambles")),
        ("/end", wishes.End()),
        ("/help", spoken.Helped()),
        ("/say", spoken.Misspoken("/say needs something after it; /help shows what")),
        ("/vot a", spoken.Misspoken("/vot is not known; /help shows what is")),
    ],
)
def test_a_line_with_a_slash_is_a_command(line: str, command: object) -> None:
    assert command_of(line) == command


def test_a_person_reads_all_there_is_to_vote_on() -> None:
    answers = (
        VisibleAnswer(label=Label("agent1.1"), content="Paris"),
        VisibleAnswer(label=Label("agent2.1"), content="Lyon", is_own=True),
    )
    labels = tuple(answer.label for answer in answers)
    form = BallotForm(kind="ranking", labels=labels)
    review = Review(answers=answers, ballot=form, may_revise=True)
    assert request_of(YOU, review) == (
        "you, you are asked to vote.\n\n1 [agent1.1]\nParis\n\n2 [agent2.1] (yours)\n"
        "Lyon\n\n/vote takes numbers, best first, and 'because' with a reason. "
        "You may write a better answer of your own instead."
    )
    words = request_of(YOU, Present(answers=answers[:1], reasons=("it is",)))
    assert "[agent1.1]\nParis\n\n  for it: it is" in words


APPROVED = """\
question: What is in the folder?
agents:
  - id: ada
    tools: [bash]
    workspace: FOLDER
    approve: [bash]
    script:
      turns:
        - when: {task: draft, call: 1}
          lines: [{tool: bash, input: {command: touch made}}]
        - {when: {task: draft, call: 2}, lines: [{answer: Done.}]}
deadline_s: 60
"""


@pytest.mark.real_time
@RUNTIMES
@pytest.mark.parametrize("typed", ["/yes", "/no not today"])
def test_a_tool_runs_only_when_a_person_has_said_yes(
    tmp_path: Path, runtime: str, typed: str
) -> None:
    team = APPROVED.replace("FOLDER", str(tmp_path / "work"))
    with typing(team, tmp_path, ["--runtime", runtime]) as person:
        person.read_until('ada wants to run bash:\n{"command":"touch made"}')
        assert not (tmp_path / "work").exists()
        person.type(f"{typed}\n")
        person.read_until("Done.")
    made = list(tmp_path.glob("work/*/ada/made"))  # in a folder of the session's
    assert len(made) == (typed == "/yes")


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("approve", "told"),
    [
        ("ask", "it was not run: nobody is at the terminal"),
        ("all", "bash"),
        ("none", "it was not run: no tool is approved in this session"),
    ],
)
def test_without_a_terminal_a_tool_runs_only_if_all_are_allowed(
    tmp_path: Path, approve: str, told: str
) -> None:
    file = tmp_path / "team.yaml"
    file.write_text(APPROVED.replace("FOLDER", str(tmp_path / "work")))
    command = [sys.executable, "-m", "coordinator", "run", "-c", str(file)]
    done = subprocess.run(  # noqa: S603  (our own program)
        [*command, "--approve", approve, "--display", "jsonl"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("work/*/ada/made"))) == (approve == "all")
    assert told in done.stdout
