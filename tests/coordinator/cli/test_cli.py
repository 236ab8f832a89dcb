"""The command line, as a person and as a program meet it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from coordinator.errors import ConfigInvalid
from coordinator.protocol.events import Event
from coordinator.team.approvals import check_approvals
from coordinator.team.builder import assemble
from coordinator.team.reader import read_team

TEAM = """\
question: Is it so?
agents:
  - id: ada
    script:
      turns:
        - {when: {task: draft}, lines: [{answer: It is so indeed.}]}
        - {when: {task: review}, lines: [{vote: indeed, reason: Sure.}]}
        - {when: {task: present}, lines: [{text: "Yes, it is."}]}
  - id: bo
    script:
      turns:
        - {when: {task: draft}, lines: [{answer: Not at all.}]}
        - {when: {task: review}, lines: [{vote: indeed, reason: I was wrong.}]}
voting: {rule: plurality, early: false}
"""
STALLED = """\
question: Is it so?
agents: [{id: ada, script: {turns: [{lines: [{stall: true}]}]}}]
"""
REFUSED = """\
question: Is it so?
agents: [{id: ada, script: {turns: [{lines: [{error: {status: 401}}]}]}}]
"""
EMULATED = """\
turns:
  - {when: {task: draft}, repeat: true, lines: [{answer: Because.}]}
  - {when: {task: present}, repeat: true, lines: [{text: "Because, in short."}]}
  - {when: {offered: vote}, repeat: true, lines: [{rank: [{first: true}]}]}
"""
STREAM = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":'
    b'"message","role":"assistant","model":"claude-x","content":[],"stop_reason":null,'
    b'"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}}\n\n'
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
    b'"content_block":{"type":"text","text":""}}\n\n'
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":"Hello."}}\n\n'
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":'
    b'"end_turn","stop_sequence":null},"usage":{"output_tokens":3}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def team(tmp_path: Path) -> str:
    path = tmp_path / "team.yaml"
    path.write_text(TEAM)
    return str(path)


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
def test_a_team_answers_off_a_terminal_in_plain_lines(
    run: Run, team: str, runtime: str
) -> None:
    code, out, err = run("run", "-c", team, "--runtime", runtime)
    assert (code, out) == (0, "Yes, it is.\n")  # the story is told beside it
    assert "? Is it so?" in err
    assert "bo  ✔ votes for ada: I was wrong." in err
    assert "★ ada wins" in err
    assert "\nYes, it is.\n" in err
    assert "\x1b" not in err


def test_json_is_one_object_with_everything_in_it(run: Run, team: str) -> None:
    code, out, err = run("run", "Is it, then?", "-c", team, "--json")
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert out.count("\n") == 1
    assert {
        "session", "status", "question", "winner", "answer", "answers", "votes",
        "agents", "usage", "cost_usd", "elapsed_s",
    } <= set(result)  # fmt: skip
    assert result["status"] == "answered"
    assert result["question"] == "Is it, then?"
    assert (result["winner"], result["answer"]) == ("ada", "Yes, it is.")
    assert {"agent", "label", "content"} <= set(result["answers"][0])
    assert {"voter", "choice", "reason"} <= set(result["votes"][0])
    assert {"status", "turns", "usage", "cost_usd", "error"} <= set(
        result["agents"]["bo"]
    )
    assert result["cost_usd"] == 0


def test_with_json_what_there_is_to_watch_goes_to_standard_error(
    run: Run, team: str
) -> None:
    code, out, err = run("run", "-c", team, "--json", "--display", "plain")
    assert code == 0
    assert json.loads(out)["winner"] == "ada"
    assert "★ ada wins" in err


def test_json_lines_are_the_events_of_the_session(run: Run, team: str) -> None:
    code, out, _ = run("run", "-c", team, "--display", "jsonl")
    events = msgspec.json.Decoder(Event).decode_lines(out.encode())
    names = [type(event).__name__ for event in events]
    assert code == 0
    for name in ("StartTurn", "TurnStarted", "AnswerAccepted", "Conclude"):
        assert name in names


def test_without_a_display_the_answer_is_all_that_is_said(run: Run, team: str) -> None:
    assert run("run", "-c", team, "--display", "none") == (0, "Yes, it is.\n", "")


def test_the_answer_is_written_to_a_file_as_well(
    run: Run, team: str, tmp_path: Path
) -> None:
    code, _, _ = run("run", "-c", team, "--output", str(tmp_path / "answer.md"))
    assert code == 0
    assert (tmp_path / "answer.md").read_text() == "Yes, it is.\n"


@pytest.mark.parametrize("arguments", [("-",), ()])
def test_the_question_may_come_from_standard_input(
    run: Run, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    path = tmp_path / "team.yaml"
    path.write_text(TEAM.replace("question: Is it so?\n", ""))
    code, out, _ = run(
        "run", *arguments, "-c", str(path), "--json", stdin="Is it,\nreally?\n"
    )
    assert code == 0
    assert json.loads(out)["question"] == "Is it,\nreally?"


def test_a_deadline_without_an_answer_has_its_own_exit_code(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "team.yaml"
    path.write_text(STALLED)
    code, out, err = run(
        "run", "-c", str(path), "--deadline", "0.05", "--display", "none"
    )
    assert (code, out) == (3, "")
    assert err.startswith("coordinator: no answer: ")


def test_a_session_in_which_everybody_fails_says_why(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "team.yaml"
    path.write_text(REFUSED)
    code, out, err = run("run", "-c", str(path), "--display", "none")
    assert (code, out) == (2, "")
    assert err.count("401") == 1
    assert "check the key: coordinator doctor" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("run", "Why?"),
            "no team was named; give a team file (-c team.yaml), a model",
        ),
        (("run", "--demo", "--model", "m"), "each name a team; give one"),
        (("run", "Why?", "-c", "none.yaml"), "none.yaml: cannot be read"),
        (("run", "--dmo"), "--demo"),
        (("run", "--demo", "--display", "loud"), "--display"),
        (("run", "--demo", "--deadline", "0"), "give seconds over 0"),
        (("run", "--demo", "--deadline", "nan"), "give seconds over 0"),
        (("run", "--demo", "-o", "/none/such"), "cannot be written"),
        (("run", "--model", "m"), "no question was asked"),
        (("run", "Why?", "--model", "m", "--agents", "0"), "give 1 to 1000"),
        (("run", "Why?", "--model", "m"), "ANTHROPIC_API_KEY is not set"),
        (("decode", "none.sse"), "none.sse: cannot be read"),
        (("emulate", "--script", "none.yaml"), "none.yaml: cannot be read"),
        (("emulate", "--port", "99999"), "--port 99999 is no port; give 0 to 65535"),
        (("dance",), "'dance' is no command"),
        (("runn", "Why?"), "perhaps 'run'"),
        (
            ("run", "Why", "so?", "--demo"),
            (
                "run: there is no place for 'so?'; put several words in quotes; see "
                "coordinator run --help\n"
            ),
        ),
        (
            ("sessions", "show", "a", "b"),
            "sessions show: there is no place for 'b'; leave that out",
        ),
    ],
)
def test_misuse_is_one_sentence_and_exit_code_one(
    run: Run, arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (1, "")
    assert said in err
    assert err.startswith("coordinator: ")
    assert err.count("\n") == 1
    assert ", ;" not in err


def test_a_mistake_in_a_team_file_is_said_by_line(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "team.yaml"
    path.write_text("agents:\n  - id: ada\n    modle: x")
    code, _, err = run("run", "Why?", "-c", str(path))
    assert code == 1
    assert "team.yaml:3: agents[0].modle: unknown key 'modle'; did you mean" in err


def test_a_tool_that_cannot_be_imported_is_said_so(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "team.yaml"
    path.write_text(TEAM.replace("id: ada", "id: ada\n    tools: ['json:nonesuch']"))
    code, _, err = run("run", "-c", str(path))
    assert code == 1
    assert "tool 'json:nonesuch' cannot be used" in err


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("def look(", "SyntaxError: '(' was never closed"),
    ],
)
def test_a_module_of_tools_that_fails_is_its_authors_mistake(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, why: str
) -> None:
    (tmp_path / "failing_tools.py").write_text(source)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    path = tmp_path / "team.yaml"
    path.write_text(
        TEAM.replace("id: ada", "id: ada\n    tools: ['failing_tools:look']")
    )
    code, _, err = run("run", "-c", str(path))
    assert code == 1
    assert f"'failing_tools' fails as it is imported: {why}" in err


def test_a_tool_named_as_one_of_the_apis_is_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / "my_search.py").write_text("def web_search(query: str) -> str: ...")
    path = tmp_path / "team.yaml"
    path.write_text(
        "agents: [{id: ada, model: m, tools: [web_search, 'my_search:web_search']}]"
    )
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test")
    code, _, err = run("run", "Why?", "-c", str(path))
    assert code == 1
    assert "agent 'ada' has a tool of yours and one of the API's named 'web_se" in err


@pytest.mark.parametrize("name", ["bahs", "text_editor", "web_search"])
def test_approval_of_a_tool_that_nobody_has_is_refused(
    run: Run, tmp_path: Path, name: str
) -> None:
    work = f"tools: [bash, text_editor]\n    workspace: {tmp_path}"
    path = tmp_path / "team.yaml"
    path.write_text(
        TEAM.replace("id: ada", f"id: ada\n    {work}\n    approve: [bash, {name}]")
    )
    code, _, err = run("run", "-c", str(path))
    assert code == 1
    assert f"approve names {name!r}, which is no tool" in err
    assert "choose from *, bash, str_replace_based_edit_tool" in err


SILENT = "{turns: [{lines: [{answer: Because.}]}]}"


def test_approval_may_name_a_tool_that_another_agent_has(tmp_path: Path) -> None:
    path = tmp_path / "team.yaml"
    path.write_text(f"""\
defaults: {{approve: [bash, "files__*"]}}
agents:
  - {{id: ada, tools: [bash], workspace: {tmp_path}, script: {SILENT}}}
  - {{id: bob, script: {SILENT}}}
""")
    team = assemble(read_team(path))
    assert all(agent.approval.is_needed("bash") for agent in team.with_models)


def test_approval_may_name_what_an_mcp_server_will_offer(tmp_path: Path) -> None:
    path = tmp_path / "team.yaml"
    team = """\
agents:
  - {id: ada, model: m, mcp: [{name: docs, command: [d]}], approve: [NAME]}
"""
    path.write_text(team.replace("NAME", "docs__delete"))
    check_approvals(read_team(path).agents, ())
    path.write_text(team.replace("NAME", "dogs__delete"))
    with pytest.raises(ConfigInvalid, match=r"choose from \*, docs__\*"):
        check_approvals(read_team(path).agents, ())


def test_a_key_variable_that_is_not_set_is_named(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "team.yaml"
    path.write_text("agents: [{id: ada, model: m, api_key_env: MY_KEY}]")
    code, _, err = run("run", "Why?", "-c", str(path))
    assert code == 1
    assert "MY_KEY, which is not set" in err


def test_a_bare_call_shows_the_way_in(run: Run) -> None:
    code, out, err = run()
    assert (code, err) == (0, "")
    assert "coordinator run --demo" in out


@pytest.mark.parametrize("command", [(), ("run",), ("decode",), ("emulate",)])
def test_help_fits_a_terminal_and_names_the_exit_codes(
    run: Run, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = run(*command, "--help")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    if command in ((), ("run",)):
        assert re.search(r"3 the\s+deadline passed without an answer", out)


def test_decode_prints_the_chunks_of_a_recorded_stream(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "recorded.sse"
    path.write_bytes(STREAM)
    code, out, err = run("decode", str(path))
    kinds = [json.loads(line)["kind"] for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert kinds[0] == "response_started"
    assert kinds[-1] == "response_ended"
    assert "text_delta" in kinds


def test_decode_prints_the_message_of_a_recorded_stream(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "recorded.sse"
    path.write_bytes(STREAM)
    code, out, _ = run("decode", str(path), "--message")
    message = json.loads(out)
    assert code == 0
    assert message["content"] == [{"type": "text", "text": "Hello."}]
    assert message["stop_reason"] == "end_turn"


def test_decode_of_a_broken_stream_fails_after_what_was_whole(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "recorded.sse"
    path.write_bytes(STREAM[: STREAM.index(b"event: message_delta")])
    code, out, err = run("decode", str(path))
    assert code == 2
    assert "text_delta" in out
    assert err.startswith(f"coordinator: {path}: ")


@contextmanager
def _started(*arguments: str) -> Generator[subprocess.Popen[bytes]]:
    """A process of ours, which does not outlive the test."""
    with subprocess.Popen(  # noqa: S603  (our own program)
        [sys.executable, "-m", "coordinator", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
def test_an_interrupt_ends_a_session_with_what_there_is(runtime: str) -> None:
    with _started(
        "run", "--demo", "--display", "jsonl", "--runtime", runtime
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if b"thinking_delta" in line:
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 4, err
    assert b'"kind":"conclude","status":"interrupted"' in out
    assert b"Traceback" not in err


def test_a_reader_that_leaves_ends_the_session_quietly() -> None:
    with _started("run", "--demo", "--display", "jsonl") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
        process.wait(timeout=30)
    assert (process.returncode, err) == (4, b"")


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
def test_a_team_of_models_runs_against_the_emulator_without_a_key(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str
) -> None:
    script = tmp_path / "script.yaml"
    script.write_text(EMULATED)
    arguments = ("--script", str(script), "--port", "0", "--runtime", runtime)
    with _started("emulate", *arguments) as process:
        assert process.stdout is not None
        url = process.stdout.readline().decode().split()[-1]
        monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
        code, out, err = run(
            "run", "Why?", "--model", "claude-haiku-5-5", "--json", "--runtime", runtime
        )
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=30)
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert result["answer"] == "Because, in short."
    assert list(result["agents"]) == ["ada", "ben", "cleo"]
    assert 0 < result["cost_usd"] < 0.01
    assert (process.returncode, complaint) == (0, b"")


def test_help_and_the_demo_load_nothing_they_do_not_need() -> None:
    code = (
        "import sys\n"
        "from coordinator.cli import main\n"
        "assert main(['--help']) == 0\n"
        "assert not {'anthropic', 'yaml', 'trio', 'asyncio'} & set(sys.modules)\n"
        "assert main(['run', '--demo', '--deadline', '0.01', '--display', 'none'])\n"
        "assert not {'anthropic', 'rich.live', 'h11'} & set(sys.modules)\n"
    )
    done = subprocess.run(  # noqa: S603  (our own program)
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
