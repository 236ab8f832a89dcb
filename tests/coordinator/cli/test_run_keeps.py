"""``coordinator run`` keeps its session, says so, and survives a disk that does not."""

from __future__ import annotations

import json
import re
import shutil
import signal
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import Popen
from typing import TypeAlias

import pytest

from coordinator.journal.framing import Kind
from coordinator.journal.reader import read_session
from coordinator.journal.store import default_root
from coordinator.team.builder import team_of

pytestmark = pytest.mark.long

Run: TypeAlias = Callable[..., tuple[int, str, str]]
Start: TypeAlias = Callable[..., AbstractContextManager[Popen[bytes]]]

# One has answered when the other's stream outgrows the disk.
LONG = """\
question: Is it so?
agents:
  - id: ada
    script:
      turns:
        - {when: {task: draft}, lines: [{answer: It is so indeed.}]}
        - {when: {task: review}, lines: [{vote: indeed}]}
  - id: bo
    script:
      turns:
        - lines:
            - {repeat_text: {text: "and so on ", times: 4000}, delay_s: 0.05}
            - {answer: Not at all., delay_s: 0.2}
voting: {rule: plurality, straggler: null}
final: reuse
"""
DISK_BYTES = 65_536


def _ids(root: Path) -> list[str]:
    return sorted(path.stem for path in root.glob("*.journal"))


@pytest.mark.parametrize("durability", ["exit", "async", "sync"])
@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
def test_a_run_is_kept_and_its_end_names_the_session(
    run: Run, team: str, root: Path, durability: str, runtime: str
) -> None:
    keeping = ("--journal", str(root), "--durability", durability)
    code, out, err = run("run", "-c", team, *keeping, "--runtime", runtime)
    assert (code, out.count("\n")) == (0, 1)
    (session,) = _ids(root)
    why = f"coordinator report {session} --journal {root} --open"
    assert err.endswith(f"session {session}\nwhy it won: {why}\n")
    assert stat.S_IMODE((root / f"{session}.journal").stat().st_mode) == 0o600
    journal = read_session(root, session)
    assert journal.records[-1].kind == Kind.RESULT
    told = json.loads(bytes(journal.opened.team))
    made_again = team_of(json.dumps(told["source"]).encode())
    assert [agent.id for agent in made_again.agents] == ["ada", "bo"]


def test_without_a_word_a_run_is_kept_in_the_usual_folder(run: Run, team: str) -> None:
    before = set(_ids(default_root()))
    code, _, err = run("run", "-c", team)
    (session,) = set(_ids(default_root())) - before
    assert code == 0
    assert err.endswith(f"why it won: coordinator report {session} --open\n")


def test_the_answer_alone_is_still_all_that_is_said(run: Run, team: str) -> None:
    assert run("run", "-c", team, "--display", "none") == (0, "Yes, it is.\n", "")


def test_a_run_may_keep_nothing(run: Run, team: str) -> None:
    before = _ids(default_root())
    code, out, err = run("run", "-c", team, "--no-journal")
    assert (code, out) == (0, "Yes, it is.\n")
    assert "coordinator" not in err
    assert _ids(default_root()) == before


def test_a_folder_for_nothing_is_a_contradiction(run: Run, team: str) -> None:
    code, _, err = run("run", "-c", team, "--no-journal", "--journal", "x")
    assert code == 1
    assert err == ("coordinator: --journal and --no-journal contradict; give one\n")


def test_a_usual_folder_that_cannot_be_made_does_not_stop_a_run(
    run: Run, team: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    code, out, err = run("run", "-c", team, "--display", "plain")
    assert (code, err.count("\n")) == (0, 1)
    assert err.startswith("coordinator: no journal is kept: ")
    assert "--journal DIR" in err
    assert "why it won" not in out


@pytest.mark.parametrize("mode", [0o777, None])
def test_a_folder_that_was_named_and_cannot_be_used_is_one_sentence(
    run: Run, team: str, root: Path, mode: int | None
) -> None:
    if mode is None:
        root.write_text("in the way")
    else:
        root.mkdir()
        root.chmod(mode)
    code, out, err = run("run", "-c", team, "--journal", str(root))
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("coordinator: journal ")
    assert str(root) in err


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
def test_an_interrupted_run_says_how_to_go_on(
    started: Start, talking: str, root: Path, runtime: str
) -> None:
    with started(
        "run", "-c", talking, "--display", "jsonl", "--runtime", runtime,
        "--journal", str(root),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if b"answer_accepted" in line:
                break
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    (session,) = _ids(root)
    assert process.returncode == 4, err
    assert err.decode() == (
        f"coordinator: interrupted; session {session} is kept; go on with it: "
        f"coordinator resume {session} --journal {root}\n"
    )


def test_who_interrupts_twice_is_told_as_well(
    started: Start, talking: str, root: Path
) -> None:
    with started(
        "run", "-c", talking, "--display", "jsonl", "--durability", "exit",
        "--journal", str(root),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if b"thinking_delta" in line:
                break
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    (session,) = _ids(root)
    assert process.returncode == 4, err
    said = rf"(interrupted|stopped at once); session {session} is kept; "
    assert re.search(said, err.decode())
    assert any(r.kind == Kind.FRAME for r in read_session(root, session).records)


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="needs util-linux")
@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
def test_with_sync_a_full_disk_ends_the_session_with_the_best_answer_so_far(
    started: Start, tmp_path: Path, root: Path, runtime: str
) -> None:
    team = tmp_path / "long.yaml"
    team.write_text(LONG)
    with started(
        "run", "-c", str(team), "--json", "--runtime", runtime,
        "--journal", str(root), "--durability", "sync", file_bytes=DISK_BYTES,
    ) as process:  # fmt: skip
        out, err = process.communicate(timeout=30)
    assert process.returncode == 4, err
    result = json.loads(out)
    assert (result["status"], result["winner"]) == ("interrupted", "ada")
    assert result["answer"] == "It is so indeed."
    assert "may not grow further" in result["detail"]
    lost, how = err.decode().splitlines()
    assert lost.endswith("(ulimit -f); from there on nothing is kept")
    assert "coordinator resume" in how


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="needs util-linux")
@pytest.mark.parametrize("durability", ["exit", "async"])
def test_in_the_other_modes_a_full_disk_costs_the_journal_and_not_the_answer(
    started: Start, tmp_path: Path, root: Path, durability: str
) -> None:
    team = tmp_path / "long.yaml"
    team.write_text(LONG)
    with started(
        "run", "-c", str(team), "--journal", str(root), "--durability", durability,
        "--display", "plain", file_bytes=DISK_BYTES,
    ) as process:  # fmt: skip
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "★ ada wins" in out.decode()
    assert "may not grow further" in err.decode()
    assert err.count(b"\n") == 1
    was_said = "from here on nothing is kept" in out.decode()
    assert was_said == (durability == "async")  # `exit` learns it at the end
