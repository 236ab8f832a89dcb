from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec
import pytest

from agents.errors import ToolFailed
from agents.tools.workspace import shared_folders
from agents.tools.workspace.editor import TextEditor
from agents.tools.workspace.shared_folders import SharedCopies, SharedFolder
from agents.tools.workspace.work_place import PlacedTool, WorkPlace


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("ref")
    (folder / "src" / "a.py").write_text("one\ntwo\n")
    (folder / "old.txt").write_text("old\n")
    (folder / "link").symlink_to("/etc/passwd")
    return folder


@pytest.fixture
def copies(project: Path, tmp_path: Path) -> SharedCopies:
    made = SharedCopies(
        [SharedFolder(name="project", path=project)], tmp_path / "work" / "s" / "ada"
    )
    made.make()
    return made


def test_a_copy_holds_files_and_no_links_nor_version_control(
    copies: SharedCopies,
) -> None:
    copy = copies.place / "project"
    assert (copy / "src" / "a.py").read_text() == "one\ntwo\n"
    assert not (copy / ".git").exists()
    assert not (copy / "link").exists()
    assert copies.changes() == ()
    assert copies.difference() == ""


def test_changes_are_told_as_a_difference_and_go_back(
    copies: SharedCopies, project: Path
) -> None:
    copy = copies.place / "project"
    (copy / "src" / "a.py").write_text("one\n2\n")
    (copy / "new").mkdir()
    (copy / "new" / "b.txt").write_text("b")
    (copy / "old.txt").unlink()
    (copy / "picture.bin").write_bytes(b"\xff\xfe\x00\xff")
    told = copies.difference()
    assert "--- a/project/src/a.py" in told
    assert "-two\n+2\n" in told
    assert "--- /dev/null\n+++ b/project/new/b.txt" in told
    assert "+b\n\\ No newline at end of file\n" in told
    assert "--- a/project/old.txt\n+++ /dev/null" in told
    assert "added: project/picture.bin (not shown" in told
    written, kept = copies.write_back()
    assert kept == []
    assert [each.kind for each in written] == ["added", "deleted", "added", "changed"]
    assert (project / "src" / "a.py").read_text() == "one\n2\n"
    assert (project / "new" / "b.txt").read_text() == "b"
    assert not (project / "old.txt").exists()
    assert (project / ".git" / "HEAD").read_text() == "ref"


def test_what_the_user_has_changed_meanwhile_is_kept(
    copies: SharedCopies, project: Path
) -> None:
    copy = copies.place / "project"
    for name in ("src/a.py", "old.txt"):
        (copy / name).write_text("theirs\n")
    (copy / "new.txt").write_text("theirs\n")
    (project / "src" / "a.py").write_text("mine\n")
    (project / "new.txt").write_text("mine\n")
    written, kept = copies.write_back()
    assert [each.path for each in written] == ["old.txt"]
    assert [each.path for each in kept] == ["new.txt", "src/a.py"]
    assert (project / "src" / "a.py").read_text() == "mine\n"
    assert (project / "new.txt").read_text() == "mine\n"


def test_nothing_is_written_through_a_link(copies: SharedCopies, project: Path) -> None:
    outside = project.parent / "outside"
    outside.mkdir()
    (copies.place / "project" / "there").mkdir()
    (copies.place / "project" / "there" / "x").write_text("x")
    (project / "there").symlink_to(outside)
    written, kept = copies.write_back()
    assert written == []
    assert [each.path for each in kept] == ["there/x"]
    assert list(outside.iterdir()) == []


def test_a_long_difference_names_what_it_does_not_show(copies: SharedCopies) -> None:
    (copies.place / "project" / "src" / "a.py").write_text("x\n" * 100)
    assert copies.difference(50) == (
        "changed: project/src/a.py (not shown: it is long)\n"
    )


def test_a_file_alone_may_be_shared(project: Path, tmp_path: Path) -> None:
    shared = SharedFolder(name="notes", path=project / "old.txt")
    copies = SharedCopies([shared], tmp_path / "work" / "s" / "ada")
    copies.make()
    (copies.place / "notes" / "old.txt").write_text("new\n")
    assert "-old\n+new" in copies.difference()
    copies.write_back()
    assert (project / "old.txt").read_text() == "new\n"


def test_a_folder_that_is_too_large_is_refused(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_folders, "FILES_MOST", 1)
    shared = SharedFolder(name="project", path=project)
    with pytest.raises(ToolFailed, match="share a folder within it"):
        SharedCopies([shared], tmp_path / "work" / "ada").make()


async def test_a_tool_finds_the_copy_and_shows_what_was_done(
    project: Path, tmp_path: Path
) -> None:
    shared = (SharedFolder(name="project", path=project),)
    place = WorkPlace(tmp_path / "work", "ada", lasts=False, shared=shared)
    tool = PlacedTool(place, TextEditor).in_session("s1")
    assert await tool.work_shown() == ""
    given = {
        "command": "str_replace",
        "path": "project/src/a.py",
        "old_str": "two",
        "new_str": "2",
    }
    await tool.call(msgspec.Raw(msgspec.json.encode(given)))
    assert "-two\n+2\n" in await tool.work_shown()
    assert (project / "src" / "a.py").read_text() == "one\ntwo\n"


async def test_the_files_of_a_workspace_are_shown_where_that_is_asked_for(
    project: Path, tmp_path: Path
) -> None:
    shared = (SharedFolder(name="project", path=project),)
    place = WorkPlace(
        tmp_path / "work", "ada", lasts=False, shared=shared, is_shown=True
    )
    tool = PlacedTool(place, TextEditor).in_session("s1")
    assert await tool.work_shown() == ""
    for path in ("site/index.html", "project/new.txt"):
        given = {"command": "create", "path": path, "file_text": f"of {path}\n"}
        await tool.call(msgspec.Raw(msgspec.json.encode(given)))
    folder = tool.folder
    (folder / "photo.png").write_bytes(b"\x89PNG\xff")
    (folder / ".cache").write_text("hidden")
    (folder / "key").symlink_to(project / "old.txt")
    shown = await tool.work_shown()
    assert "+++ b/site/index.html\n@@ -0,0 +1 @@\n+of site/index.html\n" in shown
    assert shown.count("of project/new.txt") == 1
    assert "added: photo.png (not shown: no text, or large)\n" in shown
    assert "hidden" not in shown
    assert "key" not in shown


async def test_of_many_long_files_the_first_are_shown_and_the_rest_counted(
    tmp_path: Path,
) -> None:
    place = WorkPlace(tmp_path / "work", "ada", lasts=False, is_shown=True)
    tool = PlacedTool(place, TextEditor).in_session("s1")
    tool.folder.mkdir(parents=True)
    for number in range(1000):
        (tool.folder / f"{number:04}.txt").write_text("a line of some length\n" * 10)
    shown = await tool.work_shown()
    assert len(shown) < shared_folders.DIFF_CHARS + 100
    assert "+++ b/0000.txt" in shown
    assert shown.endswith(" more files\n")


async def shown_of(folder: Path) -> str:
    """The files of a workspace, as others see them."""
    place = WorkPlace(folder.parent, folder.name, lasts=True, is_shown=True)
    return await PlacedTool(place, TextEditor).work_shown()


async def test_a_workspace_is_shown_without_opening_what_is_no_file(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "ada"
    folder.mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "key").write_text("CANARY")
    (folder / "there").symlink_to(outside)
    (folder / "key").symlink_to(outside / "key")
    os.mkfifo(folder / "pipe")
    (folder / "large.txt").write_text("x" * (shared_folders.TEXT_BYTES + 1))
    (folder / "page.html").write_text("<p>")
    shown = await shown_of(folder)
    assert "+<p>" in shown
    assert "added: large.txt (not shown: no text, or large)\n" in shown
    assert "CANARY" not in shown
    assert "pipe" not in shown


@pytest.fixture
def odd_name(tmp_path: Path) -> Path:
    """A workspace with a file whose name is not UTF-8."""
    folder = tmp_path / "ada"
    folder.mkdir()
    try:
        Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.txt")).write_text("new\n")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    return folder


async def test_a_file_name_that_is_not_utf_8_is_shown_with_its_text(
    odd_name: Path,
) -> None:
    shown = await shown_of(odd_name)
    assert "+new\n" in shown
    shown.encode()


async def test_an_empty_file_is_named(copies: SharedCopies, tmp_path: Path) -> None:
    folder = tmp_path / "ada"
    folder.mkdir()
    (folder / "__init__.py").touch()
    assert await shown_of(folder) == "added: __init__.py (empty)\n"
    (copies.place / "project" / "__init__.py").touch()
    assert copies.difference() == "added: project/__init__.py (empty)\n"


async def test_only_a_line_feed_ends_a_line(
    copies: SharedCopies, tmp_path: Path
) -> None:
    text = "one\x0ctwo\rthree\u2028four\n"
    folder = tmp_path / "ada"
    folder.mkdir()
    (folder / "a.txt").write_bytes(text.encode())
    (copies.place / "project" / "a.txt").write_bytes(text.encode())
    for shown in (await shown_of(folder), copies.difference()):
        assert f"@@ -0,0 +1 @@\n+{text}" in shown
        assert "No newline" not in shown


async def test_memories_in_a_lasting_workspace_are_their_agents_own(
    tmp_path: Path,
) -> None:
    memories = tmp_path / "ada" / "memories"
    memories.mkdir(parents=True)
    (memories / "notes.txt").write_text("CANARY")
    (tmp_path / "ada" / "page.html").write_text("<p>")
    shown = await shown_of(tmp_path / "ada")
    assert "+<p>" in shown
    assert "CANARY" not in shown


def test_an_agent_cannot_show_or_send_back_what_a_link_points_to(
    copies: SharedCopies, project: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("CANARY")
    copy = copies.place / "project"
    copy.rename(copies.place / "moved")
    copy.symlink_to(secret)
    with pytest.raises(ToolFailed, match="is no folder any more"):
        copies.difference()
    with pytest.raises(ToolFailed, match="is no folder any more"):
        copies.write_back()
    assert not (project / "key").exists()
    assert (project / "old.txt").exists()


def test_a_copy_that_is_gone_deletes_nothing(
    copies: SharedCopies, project: Path
) -> None:
    shutil.rmtree(copies.place / "project")
    with pytest.raises(ToolFailed, match="nothing of it is taken over"):
        copies.write_back()
    assert (project / "old.txt").read_text() == "old\n"


def test_a_pipe_in_a_files_place_holds_nobody_up(copies: SharedCopies) -> None:
    file = copies.place / "project" / "old.txt"
    file.unlink()
    os.mkfifo(file)
    assert "+++ /dev/null" in copies.difference()


def test_no_file_of_the_users_is_lost_to_a_passing_name(
    copies: SharedCopies, project: Path
) -> None:
    (project / ".old.txt.new").write_text("mine\n")
    (copies.place / "project" / "old.txt").write_text("theirs\n")
    copies.write_back()
    assert (project / ".old.txt.new").read_text() == "mine\n"
    assert (project / "old.txt").read_text() == "theirs\n"
    assert sorted(x.name for x in project.iterdir() if x.name.startswith(".")) == [
        ".git",
        ".old.txt.new",
    ]


def test_names_that_are_not_utf_8_are_copied_shown_and_written_back(
    tmp_path: Path,
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    odd = Path(os.fsdecode(os.fsencode(project) + b"/caf\xe9.txt"))
    try:
        odd.write_text("old\n")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (project / "día.txt").write_text("old\n")
    folder = SharedFolder(name="project", path=project)
    copies = SharedCopies([folder], tmp_path / "ada")
    copies.make()
    assert copies.changes() == ()
    (copies.place / "project" / odd.name).write_text("new\n")
    (copies.place / "project" / "día.txt").unlink()
    assert "+new" in copies.difference()
    copies.difference().encode()
    copies.write_back()
    assert odd.read_text() == "new\n"
    assert not (project / "día.txt").exists()
