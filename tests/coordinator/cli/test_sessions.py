"""``coordinator sessions``: what was kept, as a person and as a program see it."""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from subprocess import Popen
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., tuple[int, str, str]]
Start: TypeAlias = Callable[..., AbstractContextManager[Popen[bytes]]]


TORN_BYTES = 50
"""The mark that ends a journal, 37 bytes, and a part of the last record."""


@pytest.fixture
def listed(run: Run, root: Path) -> Callable[[], list[dict[str, Any]]]:
    """Read the list as a program does."""

    def listed() -> list[dict[str, Any]]:
        code, out, err = run("sessions", "list", "--json", "--journal", str(root))
        assert (code, err) == (0, "")
        return json.loads(out)

    return listed


@pytest.fixture
def kept(run: Run, team: str, root: Path) -> tuple[str, str]:
    """Two sessions, the newer one first."""
    for question in ("The first?", "The second?"):
        code, _, _ = run("run", question, "-c", team, "--journal", str(root))
        assert code == 0
    _, out, _ = run("sessions", "list", "--json", "--journal", str(root))
    newer, older = (session["session"] for session in json.loads(out))
    return newer, older


def test_the_list_for_programs_has_the_newest_first(
    kept: tuple[str, str], listed: Callable[[], list[dict[str, Any]]]
) -> None:
    newer, older = listed()
    assert (newer["session"], older["session"]) == kept
    assert (newer["question"], older["question"]) == ("The second?", "The first?")
    assert (newer["status"], newer["cost_usd"], newer["winner"]) == (
        "answered",
        0.0,
        "ada",
    )
    assert datetime.fromisoformat(newer["started"]) > datetime.fromisoformat(
        older["started"]
    )


def test_the_list_for_people_has_a_line_for_each(
    run: Run, kept: tuple[str, str], root: Path
) -> None:
    code, out, err = run("sessions", "list", "--journal", str(root))
    head, first, second = out.splitlines()
    assert (code, err) == (0, "")
    assert head.split() == ["session", "started", "status", "cost", "question"]
    assert first.startswith(kept[0])
    assert second.endswith("answered        $0.00  The first?")


def test_an_empty_folder_is_no_error_to_list(run: Run, root: Path) -> None:
    code, out, err = run("sessions", "list", "--journal", str(root))
    assert (code, out, err) == (0, f"no session is kept in {root}\n", "")
    code, out, _ = run("sessions", "list", "--json", "--journal", str(root))
    assert (code, out) == (0, "[]\n")


def test_what_is_asked_cannot_move_a_terminals_cursor(
    run: Run, team: str, root: Path
) -> None:
    run("run", "Why \x1b[2J\x1b]0;title\x07so?", "-c", team, "--journal", str(root))
    for command in (["list"], ["prune", "--keep", "0", "--dry-run"]):
        _, out, _ = run("sessions", *command, "--journal", str(root))
        assert "Why so?" in out
        assert "\x1b" not in out


def test_a_session_is_shown_with_its_votes_and_its_answer(
    run: Run, kept: tuple[str, str], root: Path
) -> None:
    code, out, err = run("sessions", "show", kept[0], "--journal", str(root))
    assert (code, err) == (0, "")
    for line in (
        "question  The second?",
        "team      ada (scripted), bo (scripted)",
        "vote      bo for ada: I was wrong.",
        "winner    ada",
        f"replay    coordinator replay {kept[0]} --journal {root}",
    ):
        assert line in out.splitlines()
    assert "\nanswer    bo's answer: Not at all.\n" in out
    assert out.endswith("\n\nYes, it is.\n")
    assert "resume" not in out


def test_a_session_is_shown_to_a_program_whole(
    run: Run, kept: tuple[str, str], root: Path
) -> None:
    _, out, _ = run("sessions", "show", kept[0], "--json", "--journal", str(root))
    shown = json.loads(out)
    assert (shown["session"], shown["status"]) == (kept[0], "answered")
    assert shown["result"]["answer"] == "Yes, it is."
    assert (shown["damage"], shown["parent"]) == (None, None)
    assert list(shown["models"]) == ["ada", "bo"]


def test_a_damaged_session_is_shown_with_what_is_whole(
    run: Run, kept: tuple[str, str], root: Path
) -> None:
    path = root / f"{kept[0]}.journal"
    path.write_bytes(path.read_bytes()[:-TORN_BYTES])
    code, out, _ = run("sessions", "show", kept[0], "--journal", str(root))
    assert code == 0
    assert "status    unfinished\n" in out
    assert "a record is cut short at byte" in out
    assert f"resume    coordinator resume {kept[0]} --journal {root}" in out


def test_an_empty_journal_is_said_to_be_empty(
    run: Run, kept: tuple[str, str], root: Path
) -> None:
    path = root / f"{kept[0]}.journal"
    path.write_bytes(b"")
    said = f"journal {str(path)!r} does not say what it is about: it is empty"
    at = ("--journal", str(root))
    assert run("sessions", "show", kept[0], *at) == (1, "", f"coordinator: {said}\n")


def test_commands_to_copy_are_quoted(run: Run, team: str, tmp_path: Path) -> None:
    root = tmp_path / "with a space"
    _, _, err = run("run", "-c", team, "--journal", str(root))
    (path,) = root.glob("*.journal")
    again = f"coordinator replay {path.stem} --journal '{root}'"
    assert f"coordinator report {path.stem} --journal '{root}' --open\n" in err
    _, _, err = run("resume", path.stem, "--journal", str(root))
    assert f"{again}; or" in err


def test_an_id_may_be_cut_short_while_it_is_unique(
    run: Run, kept: tuple[str, str], root: Path
) -> None:
    shutil.copy(root / f"{kept[0]}.journal", root / "same-1.journal")
    shutil.copy(root / f"{kept[0]}.journal", root / "same-12.journal")
    short = next(
        kept[0][:n] for n in range(1, 13) if not kept[1].startswith(kept[0][:n])
    )
    code, out, _ = run("sessions", "show", short, "--journal", str(root))
    assert code == 0
    assert out.startswith(f"session   {kept[0]}\n")
    code, _, err = run("sessions", "show", "same", "--journal", str(root))
    assert code == 1
    assert err == (
        "coordinator: 2 sessions begin with 'same': same-1, same-12; give more of the "
        "id\n"
    )
    # A whole id is its own, though another begins with it; a copy answers to none.
    code, _, err = run("sessions", "show", "same-1", "--journal", str(root))
    assert (code, err.count("\n")) == (1, 1)
    assert f"same-1.journal' is of session {kept[0]!r}; to use it, name it" in err


@pytest.mark.parametrize("command", ["show", "export"])
@pytest.mark.parametrize(
    ("session", "said"),
    [
        ("nonesuch", "there is no session 'nonesuch' in .*; see: coordinator sess"),
        ("TYPO", "there is no session .* did you mean "),
        ("../../etc/passwd", "session id '../../etc/passwd' is not usable; use up to"),
        ("a" * 65, "is not usable"),
    ],
)
def test_a_session_that_is_not_there_is_one_sentence(
    run: Run,
    kept: tuple[str, str],
    root: Path,
    *,
    command: str,
    session: str,
    said: str,
) -> None:
    name = f"{kept[0][:-1]}x" if session == "TYPO" else session
    code, out, err = run("sessions", command, name, "--journal", str(root))
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert re.search(said, err)


def test_where_nothing_is_kept_that_is_said(run: Run, root: Path) -> None:
    code, _, err = run("sessions", "show", "abc", "--journal", str(root))
    assert code == 1
    assert err.startswith(f"coordinator: no session is kept in '{root}'; ")


def test_a_file_that_is_no_journal_is_one_sentence(run: Run, root: Path) -> None:
    root.mkdir(mode=0o700)
    (root / "s1.journal").write_bytes(b"something else altogether")
    code, _, err = run("sessions", "show", "s1", "--journal", str(root))
    assert (code, err.count("\n")) == (1, 1)
    assert "is not a journal" in err
    code, out, _ = run("sessions", "list", "--journal", str(root))
    assert (code, "unreadable" in out) == (0, True)


def test_a_session_is_exported_as_the_lines_that_a_display_prints(
    run: Run, kept: tuple[str, str], root: Path, tmp_path: Path
) -> None:
    code, out, _ = run("sessions", "export", kept[0], "--journal", str(root))
    kinds = [json.loads(line)["kind"] for line in out.splitlines()]
    assert code == 0
    assert (kinds[0], kinds[-1]) == ("opened", "result")
    assert {"answer_accepted", "vote_counted", "turn_ended"} <= set(kinds)
    to_file = ("--output", str(tmp_path / "out"), "--journal", str(root))
    code, named, _ = run("sessions", "export", kept[0], *to_file)
    assert (code, Path(named.strip()).read_text()) == (0, out)
    code, _, err = run("sessions", "export", kept[0], *to_file)
    assert (code, err.count("\n")) == (1, 1)
    assert "exists; move it away" in err


@pytest.mark.parametrize("form", ["jsonl", "massgen"])
def test_an_export_that_cannot_be_written_names_its_own_option(
    run: Run, kept: tuple[str, str], root: Path, tmp_path: Path, form: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    to = ("--output", str(tmp_path / "file" / "out"), "--format", form)
    code, _, err = run("sessions", "export", kept[0], *to, "--journal", str(root))
    assert (code, err.count("\n")) == (1, 1)
    assert "Not a directory; choose another --output" in err


@pytest.mark.parametrize("form", ["jsonl", "massgen"])
def test_an_export_without_room_leaves_no_part_of_itself(
    run: Run, started: Start, kept: tuple[str, str], root: Path, *, form: str
) -> None:
    out = root.with_name("out")
    to = ("--output", str(out), "--format", form, "--journal", str(root))
    with started("sessions", "export", kept[0], *to, file_bytes=1000) as process:
        said = process.communicate()[1].decode()
    assert (process.returncode, said.count("\n")) == (1, 1)
    assert "File too large; choose another --output" in said
    assert not [*out.iterdir()]
    assert run("sessions", "export", kept[0], *to)[0] == 0


def test_an_export_under_a_name_that_cannot_be_is_one_sentence(
    run: Run, kept: tuple[str, str], root: Path, tmp_path: Path
) -> None:
    for form in ("jsonl", "massgen"):
        to = ("--output", str(tmp_path / ("a" * 300)), "--format", form)
        code, _, err = run("sessions", "export", kept[0], *to, "--journal", str(root))
        assert (code, err.count("\n")) == (1, 1)
        assert "File name too long; choose another --output" in err


@pytest.mark.parametrize("command", ["sessions list", "sessions export", "replay"])
def test_an_output_without_room_is_no_mistake_of_the_programs(
    kept: tuple[str, str], root: Path, command: str
) -> None:
    session = () if command.endswith("list") else (kept[0],)
    words = (*command.split(), *session, "--journal", str(root))
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(  # noqa: S603  (our own program)
            [sys.executable, "-m", "coordinator", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.decode() == (
        "coordinator: standard output: No space left on device; make room, or send "
        "it elsewhere\n"
    )


def test_a_session_is_exported_for_massgens_tools(
    run: Run,
    kept: tuple[str, str],
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    form = ("--format", "massgen", "--journal", str(root))
    code, named, _ = run("sessions", "export", kept[0], *form)
    made = Path(named.strip())
    assert (code, made.parent) == (0, Path(".massgen/massgen_logs"))
    status = json.loads((made / "turn_1/attempt_1/status.json").read_text())
    assert status["results"]["winner"] == "ada"


def test_all_but_the_newest_are_deleted_after_a_rehearsal(
    run: Run,
    kept: tuple[str, str],
    root: Path,
    listed: Callable[[], list[dict[str, Any]]],
) -> None:
    keep = ("--keep", "1", "--journal", str(root))
    code, out, _ = run("sessions", "prune", *keep, "--dry-run")
    assert (code, out.splitlines()[-1][:22]) == (0, "would delete 1 session")
    assert out.startswith(kept[1])
    assert len(listed()) == 2
    code, out, _ = run("sessions", "prune", *keep, "--json")
    assert [session["session"] for session in json.loads(out)] == [kept[1]]
    assert [session["session"] for session in listed()] == [kept[0]]


@pytest.mark.usefixtures("kept")
def test_only_what_is_old_enough_is_deleted(
    run: Run, root: Path, listed: Callable[[], list[dict[str, Any]]]
) -> None:
    at = ("--journal", str(root))
    for age in ("30d", "999999w"):
        assert run("sessions", "prune", "--older-than", age, *at)[0] == 0
        assert len(listed()) == 2
    assert run("sessions", "prune", "--older-than", "0s", *at)[0] == 0
    assert listed() == []


def test_what_could_still_be_resumed_is_spared_unless_that_is_said(
    run: Run,
    kept: tuple[str, str],
    root: Path,
    listed: Callable[[], list[dict[str, Any]]],
) -> None:
    path = root / f"{kept[0]}.journal"
    path.write_bytes(path.read_bytes()[:-TORN_BYTES])
    everything = ("sessions", "prune", "--keep", "0", "--journal", str(root))
    assert run(*everything)[0] == 0
    assert [session["status"] for session in listed()] == ["unfinished"]
    assert run(*everything, "--unfinished")[0] == 0
    assert listed() == []


def test_an_index_that_a_stranger_holds_is_waited_for_a_second_named_and_done_without(
    run: Run, team: str, root: Path
) -> None:
    run("run", "-c", team, "--journal", str(root))
    (path,) = root.glob("*.journal")
    with (root / "index.lock").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        code, out, err = run("sessions", "list", "--journal", str(root))
        assert (code, path.stem in out) == (0, True)
        named = f"notice: '{root}/index.lock' has been held by another process for"
        assert err.startswith(named)
        assert err.endswith("index.lock; listed without the index\n")
        prune = ("prune", "--keep", "0", "--journal", str(root))
        code, out, err = run("sessions", *prune)
        assert code == 0
        assert err.startswith(named)
    assert not path.exists()


def test_a_session_that_is_being_written_is_listed_and_not_deleted(
    run: Run,
    started: Start,
    root: Path,
    listed: Callable[[], list[dict[str, Any]]],
) -> None:
    demo = ("run", "--demo", "--display", "jsonl", "--journal", str(root))
    with started(*demo) as process:
        assert process.stdout is not None
        process.stdout.readline()
        (session,) = listed()
        assert session["status"] == "running"
        everything = ("--keep", "0", "--unfinished", "--journal", str(root))
        code, out, err = run("sessions", "prune", *everything)
    assert (code, out) == (1, "deleted 0 sessions, 0 bytes\n")
    assert err.count("\n") == 1
    assert "is in use by another process; wait for that session to end" in err
    assert list(root.glob("*.journal"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "say what to delete: --older-than 30d"),
        (("--older-than", "soon"), "--older-than 'soon' is no age"),
        (("--keep", "-1"), "--keep -1 is no number of sessions"),
        (("--keep", "1.5"), "--keep: '1.5' is no whole number"),
    ],
)
def test_a_deletion_that_does_not_say_what_is_refused(
    run: Run, root: Path, options: tuple[str, ...], said: str
) -> None:
    code, _, err = run("sessions", "prune", *options, "--journal", str(root))
    assert (code, err.count("\n")) == (1, 1)
    assert said in err


def test_files_that_agents_wrote_are_deleted_with_their_session(
    run: Run, kept: tuple[str, str], root: Path, tmp_path: Path
) -> None:
    for session in kept:
        folder = root / f"{session}.files"
        folder.mkdir()
        (folder / "chart.svg").write_bytes(b"x" * 1000)
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine", "utf-8")
    (root / f"{kept[1]}.files" / "link").symlink_to(other)
    keep = ("--keep", "1", "--journal", str(root))
    _, out, _ = run("sessions", "prune", *keep, "--dry-run")
    assert "would delete 1 session with 2 written files, " in out
    code, out, _ = run("sessions", "prune", *keep)
    assert code == 0
    assert "deleted 1 session with 2 written files, " in out
    assert [path.name for path in root.glob("*.files")] == [f"{kept[0]}.files"]
    assert (other / "mine.txt").exists()
    code, out, _ = run("sessions", "prune", "--keep", "0", *keep[2:], "--json")
    (told,) = json.loads(out)
    assert (code, told["files"], told["files_bytes"]) == (0, 1, 1000)


def test_a_link_in_the_place_of_written_files_is_left_alone(
    run: Run, kept: tuple[str, str], root: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine", "utf-8")
    (root / f"{kept[0]}.files").symlink_to(other)
    code, out, _ = run("sessions", "prune", "--keep", "0", "--journal", str(root))
    assert (code, out.splitlines()[-1][:19]) == (0, "deleted 2 sessions,")
    assert (other / "mine.txt").exists()


@pytest.mark.parametrize(
    "command",
    [("run", "--demo"), ("sessions", "list"), ("resume", "x"), ("replay", "x")],
    ids=" ".join,
)
def test_an_empty_name_is_no_folder(
    run: Run, command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run(*command, "--journal", "")
    assert (code, err.count("\n")) == (1, 1)
    assert "an empty name is no folder" in err
    assert not [*tmp_path.iterdir()]


def test_a_hint_names_the_folder_that_was_named(
    run: Run, kept: tuple[str, str], root: Path
) -> None:
    at = ("--journal", str(root))
    _, _, err = run("resume", "zzzz", *at)
    assert f"see: coordinator sessions list --journal {root}" in err
    _, _, err = run("run", "--continue", "zzzz", "So?", *at)
    assert f"see: coordinator sessions list --journal {root}" in err
    _, _, err = run("resume", kept[0], *at)
    assert f"coordinator replay {kept[0]} --journal {root}" in err
