"""Tools in a folder of the agent's own: they do their work and do not leave it."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec
import pytest

from agents.errors import ToolFailed
from agents.tools.base import Tool
from agents.tools.workspace import Bash, Limits, Memory, TextEditor
from agents.tools.workspace.folder import Folder

EDITOR = "str_replace_based_edit_tool"


async def use(tool: Tool, **given: object) -> str:
    said = await tool.call(msgspec.Raw(msgspec.json.encode(given)))
    assert isinstance(said, str)
    return said


@pytest.fixture
def editor(tmp_path: Path) -> TextEditor:
    return TextEditor(tmp_path / "work")


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path / "memories")


async def test_lines_keep_the_ends_they_have(
    editor: TextEditor, tmp_path: Path
) -> None:
    file = tmp_path / "work/dos.txt"
    file.parent.mkdir()
    file.write_bytes(b"one\r\ntwo\r\nthree\r\n")
    said = await use(
        editor,
        command="str_replace",
        path="dos.txt",
        old_str="one\ntwo",
        new_str="1\n2",
    )
    assert "\r" not in said
    await use(
        editor, command="insert", path="dos.txt", insert_line=2, insert_text="a\nb"
    )
    assert file.read_bytes() == b"1\r\n2\r\na\r\nb\r\nthree\r\n"
    await use(editor, command="create", path="dos.txt", file_text="one\ntwo\r\n")
    assert file.read_bytes() == b"one\ntwo\r\n"


async def test_a_file_is_written_viewed_and_changed(
    editor: TextEditor, tmp_path: Path
) -> None:
    await use(editor, command="create", path="/a/b.txt", file_text="one\ntwo\nthree")
    assert await use(editor, command="view", path="/") == "/a/\n/a/b.txt"
    assert await use(editor, command="view", path="a/b.txt") == (
        "     1\tone\n     2\ttwo\n     3\tthree"
    )
    said = await use(
        editor, command="str_replace", path="/a/b.txt", old_str="two", new_str="2"
    )
    assert "     2\t2" in said
    await use(
        editor, command="insert", path="/a/b.txt", insert_line=0, insert_text="zero\n"
    )
    file = tmp_path / "work/a/b.txt"
    assert file.read_text() == "zero\none\n2\nthree"
    ranged = await use(editor, command="view", path=str(file), view_range=[2, 3])
    assert ranged == "     2\tone\n     3\t2"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"command": "view", "path": "/none"}, "/none is not a file"),
        ({"command": "view", "path": "../x"}, "outside of the workspace"),
        ({"command": "create", "path": "/link/x", "file_text": ""}, "outside of the"),
        ({"command": "view", "path": "/binary"}, "is not UTF-8 text"),
        ({"command": "view", "path": "/f", "view_range": [3, 9]}, "none of the 2 line"),
        ({"command": "create", "path": "/", "file_text": ""}, "is a folder"),
        ({"command": "str_replace", "path": "/f", "old_str": "z"}, "does not occur"),
        ({"command": "str_replace", "path": "/f", "old_str": "a"}, "2 times, in lines"),
        ({"command": "insert", "path": "/f", "insert_line": 9}, "between 0 and 2"),
        (
            {"command": "create", "path": "/f", "file_text": "x" * 1_000_001},
            "more than",
        ),
        ({"command": "erase", "path": "/f"}, "not usable"),
        ({"command": "view", "path": "a\0b"}, "is not a path"),
    ],
)
async def test_what_the_editor_cannot_do_it_says(
    editor: TextEditor, tmp_path: Path, given: dict[str, object], why: str
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "f").write_text("a\na")
    (work / "binary").write_bytes(b"\xff\xfe")
    (work / "link").symlink_to(tmp_path)
    with pytest.raises(ToolFailed, match=why):
        await use(editor, **given)


async def test_memories_are_kept_renamed_and_deleted(memory: Memory) -> None:
    notes = "/memories/notes.md"
    assert await use(memory, command="view", path="/memories") == "(empty)"
    await use(memory, command="create", path=notes, file_text="Paris")
    await use(memory, command="rename", old_path=notes, new_path="/memories/a/n.md")
    assert (
        await use(memory, command="view", path="/memories")
        == "/memories/a/\n/memories/a/n.md"
    )
    assert "Paris" in await use(memory, command="view", path="/memories/a/n.md")
    await use(memory, command="delete", path="/memories/a")
    assert await use(memory, command="view", path="/memories") == "(empty)"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"command": "view", "path": "/etc"}, "begin the path with it"),
        ({"command": "view", "path": "/memories/../../x"}, "outside of the workspace"),
        ({"command": "delete", "path": "/memories"}, "itself stays"),
        ({"command": "delete", "path": "/memories/none"}, "does not exist"),
        (
            {"command": "rename", "old_path": "/memories/a", "new_path": "/memories/a"},
            "exists; delete it first",
        ),
    ],
)
async def test_what_the_memory_cannot_do_it_says(
    memory: Memory, given: dict[str, object], why: str
) -> None:
    await use(memory, command="create", path="/memories/a", file_text="x")
    with pytest.raises(ToolFailed, match=why):
        await use(memory, **given)


LIMITS = Limits(time_s=20)


@pytest.mark.real_time
async def test_a_command_runs_where_the_last_one_ended(tmp_path: Path) -> None:
    bash = Bash(tmp_path, LIMITS)
    assert await use(bash, command="mkdir in && cd in && echo hello") == "hello"
    assert await use(bash, command='basename "$PWD"; exit 3') == "in\n[exit code 3]"
    assert await use(bash, restart=True) == "the shell begins afresh"
    assert await use(bash, command="pwd") == str(tmp_path)
    assert await use(bash, command="true") == "(no output)"


@pytest.mark.real_time
async def test_a_command_gets_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "canary-6b1f")
    said = await use(Bash(tmp_path, LIMITS), command="env; cat /proc/self/environ")
    assert "PATH=" in said
    assert "canary" not in said


HOLDING = "exec 9> held; echo up >&9; sleep 600 & sleep 600"
"""Its children hold the pipe open as well: it ends when the last of them is gone."""


@pytest.fixture
def held(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "held")
    return tmp_path / "held"


@pytest.mark.real_time
async def test_a_command_that_takes_too_long_is_killed_with_its_children(
    held: Path,
) -> None:
    said = ""

    async def read() -> None:
        nonlocal said
        said = await anyio.to_thread.run_sync(held.read_text)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(read)
            with pytest.raises(ToolFailed, match=r"longer than 0.5 s"):
                await use(Bash(held.parent, Limits(time_s=0.5)), command=HOLDING)
    assert said == "up\n"


@pytest.mark.real_time
async def test_a_cancelled_command_is_killed_with_its_children(held: Path) -> None:
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: use(Bash(held.parent, LIMITS), command=HOLDING))
            with await anyio.to_thread.run_sync(held.open) as pipe:
                assert await anyio.to_thread.run_sync(pipe.readline) == "up\n"
                group.cancel_scope.cancel()
                with anyio.CancelScope(shield=True):
                    assert await anyio.to_thread.run_sync(pipe.read) == ""


@pytest.mark.real_time
async def test_what_a_command_leaves_behind_does_not_hold_it_open(
    tmp_path: Path,
) -> None:
    # It still runs when its end is begun to be waited for.
    command = "sleep 600 & read -t 0.3 < <(sleep 600); echo done"
    assert await use(Bash(tmp_path, LIMITS), command=command) == "done"


@pytest.mark.real_time
async def test_too_much_output_is_cut_and_the_folder_still_known(
    tmp_path: Path,
) -> None:
    bash = Bash(tmp_path, LIMITS)
    said = await use(
        bash, command="mkdir in; cd in; head -c 200000 /dev/zero | tr '\\0' x"
    )
    assert said.endswith("[cut: 170,000 more bytes]")
    assert await use(bash, command='basename "$PWD"') == "in"


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("command", "limits"),
    [
        ("head -c 3000000 /dev/zero > big", Limits(file_mib=1)),
        ("while :; do :; done", Limits(cpu_s=1)),
        ("exec 5<. 6<. 7<. 8<. 9<. && echo fine", Limits(open_files=6)),
    ],
    ids=["file size", "processor time", "open files"],
)
async def test_the_kernel_holds_a_command_to_its_limits(
    tmp_path: Path, command: str, limits: Limits
) -> None:
    said = await use(Bash(tmp_path, limits), command=command)
    assert "[exit code" in said
    big = tmp_path / "big"
    assert not big.exists() or big.stat().st_size <= 1 << 20


@pytest.mark.parametrize("part", ["note", "inner"])
@pytest.mark.parametrize("does", ["read", "write"])
def test_a_link_that_takes_a_files_place_after_the_look_is_not_followed(
    does: str, part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, other = tmp_path / "work", tmp_path / "other"
    (work / "inner").mkdir(parents=True)
    other.mkdir()
    for place in (work / "inner", other):
        (place / "note").write_text(f"of {place.name}")
    folder, look = Folder(work), Folder.inside

    def swapped(self: Folder, path: str) -> Path:
        found = look(self, path)
        if part == "note":
            found.unlink()
            found.symlink_to(other / "note")
        else:
            (work / "inner").rename(work / "away")
            (work / "inner").symlink_to(other)
        return found

    monkeypatch.setattr(Folder, "inside", swapped)

    # The kind of file is looked at in between; a command is as fast as it likes.
    def is_file(_: Path) -> bool:
        return True

    def call() -> object:
        if does == "read":
            return folder.read("inner/note")
        return folder.write("inner/note", "of mine")

    monkeypatch.setattr(Path, "is_file", is_file)
    with pytest.raises(ToolFailed, match="inner/note: "):
        call()
    assert (other / "note").read_text() == "of other"


def test_a_name_that_is_too_long_is_told_without_the_folders_place(
    tmp_path: Path,
) -> None:
    with pytest.raises(ToolFailed) as failed:
        Folder(tmp_path).write("x" * 300, "")
    assert str(tmp_path) not in str(failed.value)
