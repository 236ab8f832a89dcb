"""Finding one's way: help, examples, validate, init, doctor, completion."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from coordinator.cli.app import app
from coordinator.cli.doctor import fits, keys, packages
from coordinator.cli.help_examples import EXAMPLES
from coordinator.cli.live_checks import cleaned
from coordinator.scenarios.library import examples
from coordinator.team.reader import read_team

Run: TypeAlias = Callable[..., tuple[int, str, str]]


def test_every_example_of_help_is_a_command_line_that_is_taken() -> None:
    for why, line in [pair for told in EXAMPLES.values() for pair in told]:
        assert why[0].isupper(), why
        for part in re.split(r" \| | && | > |<\(|\)", line):
            words = shlex.split(part.strip())
            if words[:1] == ["coordinator"]:
                app.parse_args(words[1:], exit_on_error=False, print_error=False)


def test_help_begins_with_what_users_need(run: Run) -> None:
    _, out, _ = run("--help")
    titles = re.findall(r"^(\S.*):$", out, re.MULTILINE)
    assert titles[:2] == ["Ask", "Look back"]
    assert titles[-1].startswith("For builders")


def test_help_and_a_command_shows_how_it_is_used(run: Run) -> None:
    assert run("help", "sessions", "show")[1] == run("sessions", "show", "--help")[1]
    code, out, _ = run("help", "run")
    assert code == 0
    assert "coordinator run --continue last" in out


def test_a_command_that_is_none_is_asked_back(run: Run) -> None:
    code, _, err = run("vaildate")
    assert code == 1
    assert "'vaildate' is no command, perhaps 'validate'" in err


def test_every_example_file_says_what_it_is_for(run: Run) -> None:
    assert all(each.sentence for each in examples())
    _, out, _ = run("examples")
    assert "web_search" in out
    assert len(out.splitlines()) < 80  # the rules would be a hundred more


def test_an_example_is_found_by_a_part_of_its_name_and_printed_whole(run: Run) -> None:
    code, out, _ = run("examples", "web-sea")
    assert code == 0
    (one,) = (each for each in examples() if each.path.stem == "web_search")
    assert out == one.path.read_text("utf-8")


def test_an_example_is_copied_with_the_files_it_names_and_over_nothing(
    run: Run, tmp_path: Path
) -> None:
    target = tmp_path / "team.yaml"
    assert run("examples", "files_in", "-o", str(target))[0] == 0
    assert (tmp_path / "files" / "sales.png").is_file()
    assert run("validate", str(target))[0] == 0
    target.write_text("mine")
    code, _, err = run("examples", "files_in", "-o", str(target))
    assert (code, target.read_text()) == (1, "mine")
    assert "is there already" in err


def test_validate_tells_all_faults_of_all_files(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("agents: [{id: a, modle: x}]\nvotng: {}\n")
    (tmp_path / "good.yaml").write_text("agents: [{id: a, model: claude-haiku-5-5}]\n")
    code, out, _ = run("validate", str(tmp_path))
    assert code == 1
    assert "did you mean 'model'" in out
    assert "did you mean 'voting'" in out
    assert "good.yaml: usable: 1 agent (claude-haiku-5-5)" in out
    assert "2 files, 1 not usable" in out


def test_a_key_that_is_not_set_is_no_fault_of_a_file(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "team.yaml"
    path.write_text("agents: [{id: a, model: claude-haiku-55}]\n")
    code, out, _ = run("validate", str(path), "--json")
    (told,) = json.loads(out)
    assert (code, told["faults"]) == (0, [])
    assert "ANTHROPIC_API_KEY is not set" in told["notices"][0]
    assert "is it spelt right?" in told["notices"][1]


def test_every_capability_file_is_valid_without_a_key(run: Run) -> None:
    folder = next(x for x in examples() if x.folder == "capabilities").path.parent
    code, out, _ = run("validate", str(folder))
    assert code == 0, out


def test_init_for_a_script_writes_a_team_that_is_usable_and_overwrites_none(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "team.yaml"
    code, out, _ = run("init", str(path), "--yes", "--agents", "4")
    assert code == 0
    assert "--emulate" in out  # there is no key here
    assert len(read_team(path).agents) == 4
    assert run("init", str(path), "--yes")[0] == 1


def test_init_asks_a_misspelt_model_back(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "team.yaml"
    code, _, err = run("init", str(path), "--yes", "--model", "claude-sonet-5-5")
    assert (code, path.exists()) == (1, False)
    assert "did you mean claude-sonnet-5-5?" in err


@pytest.mark.real_time
def test_the_talk_of_init_ends_in_a_running_team(tmp_path: Path) -> None:
    pty: Any = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if "ANTHROPIC" not in k}
    process = subprocess.Popen(  # noqa: S603  (ours)
        [sys.executable, "-m", "coordinator", "init", str(tmp_path / "team.yaml")],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
    )
    os.close(theirs)
    # The third kind; a model that is none, then the default; 2 agents; 0.5 USD.
    os.write(ours, b"3\nclaude-sonet-5-5\n\n2\n0.5\nWhich of two designs is better?\n")
    out, _ = process.communicate(timeout=60)
    os.close(ours)
    text = out.decode()
    assert process.returncode == 0, text
    assert "did you mean claude-sonnet-5-5?" in text
    assert "Which of two designs is better?" in text
    team = read_team(tmp_path / "team.yaml")
    assert [entry.tools for entry in team.agents] == [("web_search",)] * 2


@pytest.mark.parametrize(
    ("has", "wanted", "is_met"),
    [
        ("4.16.0", ">=4.16,<4.17", True),
        ("4.17", ">=4.16,<4.17", False),
        ("0.35.0", "<0.36,>=0.31", True),
        ("3", ">=2.12,<3", False),
        ("1.0.0rc1", ">=1.0", True),
    ],
)
def test_a_version_is_held_against_what_is_needed(
    has: str, wanted: str, is_met: bool
) -> None:
    assert fits(has, wanted) == is_met


def test_the_doctor_sees_what_is_odd_about_a_key_and_shows_none() -> None:
    environment = {
        "ANTHROPIC_API_KEY": "sk-ant-secret ",
        "OPENAI_API_KEY": '"sk-other-secret"',
        "XAI_API_KEY": "xai-fine-secret",
    }
    found = {finding.about: finding for finding in keys(environment)}
    assert "blank" in found["ANTHROPIC_API_KEY"].told
    assert "quotes" in found["OPENAI_API_KEY"].told
    assert found["XAI_API_KEY"].verdict == "well"
    assert "secret" not in repr(found)


def test_the_doctor_names_another_package_that_brings_our_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = tmp_path / "openai_agents-1.0.dist-info"
    stranger.mkdir()
    (stranger / "METADATA").write_text("Name: openai-agents\nVersion: 1.0\n")
    (stranger / "top_level.txt").write_text("agents\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    wrong = [finding for finding in packages({}) if finding.verdict == "wrong"]
    assert any("openai-agents brings a package 'agents'" in x.told for x in wrong)
    assert all(finding.way_out for finding in wrong)


def test_doctor_says_of_a_server_that_it_is_not_there(run: Run) -> None:
    code, out, _ = run("doctor", "--server", "http://127.0.0.1:9/v1")
    assert code == 1
    assert "!!  server" in out
    code, _, err = run("doctor", "--server", "olama")
    assert code == 1
    assert "give one, or an address" in err


def test_a_port_that_is_none_is_one_sentence(run: Run) -> None:
    code, _, err = run("web", "--emulate", "--port", "99999")
    assert (code, err.count("\n")) == (1, 1)
    assert "give 0 to 65535" in err


def test_doctor_live_without_a_key_or_a_yes_asks_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    code, _, err = run("doctor", "--live")
    assert code == 1
    assert "ANTHROPIC_API_KEY is not set" in err
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-something")
    code, _, err = run("doctor", "--live")
    assert code == 1
    assert "USD; say yes beforehand: --yes" in err


@pytest.mark.real_time
def test_doctor_live_asks_one_request_for_each_capability_and_keeps_clean_streams(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = subprocess.Popen(
        [sys.executable, "-m", "coordinator", "emulate", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]
        monkeypatch.setenv("ANTHROPIC_BASE_URL", address)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-something")
        record = tmp_path / "streams"
        code, out, _ = run("doctor", "--live", "--yes", "--record", str(record))
    finally:
        server.terminate()
        server.communicate()
    assert (
        code == 1
    )  # the emulator runs no code unless a script says so, and it is said
    assert re.search(r"^ok  stream +as expected", out, re.MULTILINE)
    assert re.search(r"^ok  file +as expected", out, re.MULTILINE)
    assert "no server_tool_called" in out
    assert len(list(record.iterdir())) == 7
    assert b"msg_000000" in (record / "stream.sse").read_bytes()


def test_a_recorded_stream_has_no_ids_signatures_or_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-something")
    said = (
        b'{"id":"msg_01Ab","for":"toolu_9","again":"toolu_9","key":"sk-ant-something"}'
    )
    clean = cleaned(said + b'{"signature":"EqQBCgIYAhIM1gbcDa9GJwZA2b3h"}')
    assert b"sk-ant" not in clean
    assert b"EqQB" not in clean
    assert clean.count(b"toolu_000001") == 2


@pytest.mark.real_time
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(run: Run, shell: str) -> None:
    code, out, _ = run("completion", shell)
    assert code == 0
    assert "coordinator" in out
    assert "doctor" in out


@pytest.mark.needs("bash")
@pytest.mark.real_time
def test_bash_completes_commands_options_and_last(tmp_path: Path) -> None:
    script = tmp_path / "try.sh"
    script.write_text(
        f'coordinator() {{ {shlex.quote(sys.executable)} -m coordinator "$@"; }}\n'
        "source <(coordinator completion bash)\n"
        'try() { COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); COMPREPLY=();\n'
        "  $(complete -p coordinator | sed 's/.*-F \\([^ ]*\\).*/\\1/');\n"
        '  echo "${COMPREPLY[*]}"; }\n'
        'try coordinator val\ntry coordinator report ""\ntry coordinator run --budg\n'
    )
    done = subprocess.run(  # noqa: S603  (ours)
        ["bash", str(script)],  # noqa: S607  (any)
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    validate, sessions, budget = done.stdout.splitlines()
    assert validate == "validate"
    assert sessions.startswith("last")
    assert budget == "--budget-usd"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("web --host 0.0.0.0 --token=", "--token is empty, which lets everybody in"),
        ("web --port 99999", "--port 99999: there is no such port; give 0 to 65535"),
        ("sessions list -n=-3", "-n -3: give how many are listed; 0: all"),
        ("sessions lst", "'lst' is no command, perhaps 'list'"),
        ("report -o out.pdf", "a report is HTML or Markdown; name it out.html or"),
        ("report -o - --journal nowhere", "no session is kept in"),
        ("report --journal nowhere", "no session is kept in"),
        ("run Q? --emulate --deadline x", "'x' is no number"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_way_out(
    run: Run, words: str, sentence: str
) -> None:
    code, out, err = run(*words.split())
    assert (code, out) == (1, "")
    assert sentence in err
    assert err.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a thing of Linux")
@pytest.mark.parametrize("words", ["schema", "--help", "completion bash", "examples"])
def test_an_output_without_room_is_said_in_a_sentence(words: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(  # noqa: S603  (ours)
            [sys.executable, "-m", "coordinator", *words.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("coordinator: standard output: No space left")
    assert done.stderr.count("\n") == 1
