"""``coordinator resume`` as people call it, in processes of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from coordinator.journal.reader import read_session

TEAM = """\
question: The capital of France?
agents:
  - id: ada
    script:
      turns:
        - when: {task: draft}
          lines: [{answer: Paris, delay_s: 0.1}]
        - when: {task: review}
          lines: [{vote: Paris, delay_s: SLOW}]
        - when: {task: present}
          lines: [{text: Paris.}]
  - id: bob
    script:
      turns:
        - when: {task: draft}
          lines: [{answer: Lyon, delay_s: 0.2}]
        - when: {task: review}
          lines: [{vote: Paris, delay_s: SLOW}]
voting: {policy: slate}
"""
MORE = """\
agents:
  - id: dan
    script:
      turns:
        - when: {task: draft}
          lines: [{answer: Brest}]
        - when: {task: review}
          lines: [{vote: Paris}]
"""

EXITS = {"answered": 0, "interrupted": 4}

pytestmark = [pytest.mark.real_time, pytest.mark.long]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def killed(root: Path, tmp_path: Path) -> str:
    """The name of a session whose process was killed while its team voted."""
    file = tmp_path / "team.yaml"
    file.write_text(TEAM.replace("SLOW", "0.4"), "utf-8")
    arguments = ["run", "-c", str(file), "--display", "jsonl", "--journal", str(root)]
    command = [sys.executable, "-m", "coordinator", *arguments, "--durability", "sync"]
    with subprocess.Popen(  # noqa: S603  (our own program)
        command, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if b"slate_frozen" in line:
                process.kill()
                break
    (path,) = root.glob("*.journal")
    return path.stem


def test_a_killed_session_goes_on_is_finished_and_is_branched(
    run: Run, root: Path, killed: str, tmp_path: Path
) -> None:
    where = ("--journal", str(root))
    code, out, _ = run("resume", killed[:6], *where, "--json", "--deadline", "50")
    result = json.loads(out)
    assert (code, result["answer"], result["session"]) == (0, "Paris.", killed)

    code, _, err = run("resume", killed, *where)
    assert code == 1
    assert "is finished" in err
    assert f"coordinator replay {killed} --journal {root}; or" in err

    (tmp_path / "more.yaml").write_text(MORE, "utf-8")
    count = len(read_session(root, killed).records) // 3
    more = ("--rule", "plurality", "--add-agent", str(tmp_path / "more.yaml"))
    changes = ("--from", str(count), *more, "--tell", "Be brief.")
    code, out, _ = run("resume", killed, *changes, *where, "--json")
    branch = json.loads(out)
    assert (code, branch["answer"]) == (0, "Paris.")
    assert branch["session"] != killed
    assert "dan" in branch["agents"]


def test_a_session_that_runs_elsewhere_is_not_taken_over(
    run: Run, root: Path, tmp_path: Path
) -> None:
    file = tmp_path / "team.yaml"
    file.write_text(TEAM.replace("SLOW", "90"), "utf-8")
    arguments = ["run", "-c", str(file), "--display", "jsonl", "--journal", str(root)]
    command = [sys.executable, "-m", "coordinator", *arguments]
    with subprocess.Popen(  # noqa: S603  (our own program)
        command, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        (path,) = root.glob("*.journal")
        code, _, err = run("resume", path.stem, "--journal", str(root))
        process.kill()
    assert code == 1
    assert "in use by another process" in err


def test_changes_need_a_record_to_begin_at(run: Run, root: Path, killed: str) -> None:
    where = ("--journal", str(root))
    code, _, err = run("resume", killed, "--rule", "borda", *where)
    assert (code, "--from" in err) == (1, True)
    code, _, err = run("resume", killed, "--deadline", "0", *where)
    assert (code, "not a time" in err) == (1, True)
    code, _, err = run("resume", killed, "--from", "3", "--add-agent", "x.yaml", *where)
    assert (code, "no such file" in err) == (1, True)


LIMITED = """
import resource, sys
from coordinator.cli import main

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
sys.exit(main(sys.argv[2:]))
"""


def with_room(file_bytes: int, *arguments: str) -> tuple[int, str, str]:
    """Call the program where no file may grow further: what a full disk is to it."""
    # -B: Python would cut what it compiles there, too, and everybody reads that.
    command = [sys.executable, "-B", "-c", LIMITED, str(file_bytes), *arguments]
    done = subprocess.run(  # noqa: S603  (our own program)
        command, capture_output=True, check=False, text=True
    )
    return done.returncode, done.stdout, done.stderr


def test_a_disk_that_is_full_refuses_to_go_on_and_loses_nothing(
    run: Run, root: Path, killed: str
) -> None:
    path = root / f"{killed}.journal"
    before, size = read_session(root, killed).records, path.stat().st_size
    code, out, err = with_room(size, "resume", killed, "--journal", str(root))
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert f"journal {str(path)!r}: the file may not grow further" in err
    # The kill may have torn a record: its room is used, and what is whole stays.
    assert read_session(root, killed).records[: len(before)] == before
    assert path.stat().st_size <= size

    code, out, _ = run("resume", killed, "--journal", str(root), "--json")
    assert (code, json.loads(out)["answer"]) == (0, "Paris.")


@pytest.mark.parametrize(
    ("durability", "ends"), [("sync", "interrupted"), ("async", "answered")]
)
def test_a_disk_that_fills_up_in_between_keeps_what_was_safe(
    run: Run, root: Path, killed: str, durability: str, ends: str
) -> None:
    path = root / f"{killed}.journal"
    before = len(read_session(root, killed).records)
    room = path.stat().st_size + 1500  # for going on, and not for another ballot
    where = (killed, "--journal", str(root), "--json")
    code, out, err = with_room(room, "resume", *where, "--durability", durability)
    assert (code, json.loads(out)["status"]) == (EXITS[ends], ends)
    assert err.count("the file may not grow further") == 1
    kept = read_session(root, killed)
    assert len(kept.records) > before

    code, out, err = run("resume", *where)
    assert (code, json.loads(out)["answer"]) == (0, "Paris.")
    assert not kept.damage or f"{killed}.damaged-1" in err
    assert read_session(root, killed).damage is None
