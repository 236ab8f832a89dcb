"""A command is kept to its folder: it finds no key, no network, nobody else's files."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from agents.errors import ToolFailed
from agents.tools.workspace import Bash, Limits, PlacedTool, WorkPlace, sandbox
from agents.tools.workspace.editor import TextEditor

pytestmark = [pytest.mark.real_time]
LIMITS = Limits(time_s=20)


async def run(bash: Bash | PlacedTool, command: str) -> str:
    said = await bash.call(msgspec.Raw(msgspec.json.encode({"command": command})))
    assert isinstance(said, str)
    return said


@pytest.mark.needs("bwrap")
async def test_a_command_in_a_sandbox_finds_no_key_of_any_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "canary-1c5e")
    bash = Bash(tmp_path, LIMITS, is_sandboxed=True)
    said = await run(bash, "cat /proc/*/environ 2>&1 | tr '\\0' '\\n'; echo $PPID")
    assert "PATH=" in said
    assert "canary" not in said
    assert said.endswith("\n0")  # it is the first process there is


@pytest.mark.needs("bwrap")
async def test_a_command_in_a_sandbox_sees_its_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "secret").write_text("of somebody else")
    bash = Bash(tmp_path / "own", LIMITS, is_sandboxed=True)
    said = await run(bash, f"ls {tmp_path}; cat {tmp_path}/secret; touch /usr/x; pwd")
    assert "of somebody else" not in said
    assert "Read-only file system" in said
    assert said.splitlines()[0] == "own"
    assert said.splitlines()[-1] == str(tmp_path / "own")


@pytest.mark.needs("bwrap")
async def test_a_command_in_a_sandbox_reaches_no_network(tmp_path: Path) -> None:
    said = await run(
        Bash(tmp_path, LIMITS, is_sandboxed=True), "cat /proc/net/dev | wc -l"
    )
    assert said == "3"  # two lines of titles, and its own loopback


@pytest.mark.parametrize("is_sandboxed", [True, False])
@pytest.mark.parametrize("command", ["set -m; sleep 643 &", "set -m; sleep 643"])
async def test_jobs_of_a_command_end_with_it(
    tmp_path: Path, is_sandboxed: bool, command: str
) -> None:
    if is_sandboxed and not sandbox.is_there():
        pytest.skip("there is no sandbox here")
    bash = Bash(tmp_path, Limits(time_s=0.7), is_sandboxed=is_sandboxed)
    with suppress(ToolFailed):  # one of both takes longer than it may
        await run(bash, command)
    assert not [name for name in _command_lines() if name == "sleep\0643\0"]


def _command_lines() -> list[str]:
    found: list[str] = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                found.append((process / "cmdline").read_text())
            except OSError:
                continue
    return found


async def test_where_there_is_no_sandbox_a_command_that_needs_one_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "is_there", lambda: False)
    with pytest.raises(ToolFailed, match="no sandbox here"):
        await run(Bash(tmp_path, LIMITS, is_sandboxed=True), "touch ran")
    assert not (tmp_path / "ran").exists()


async def test_each_session_has_a_folder_of_its_own(tmp_path: Path) -> None:
    place = WorkPlace(tmp_path, "ada", lasts=False)
    tool = PlacedTool(place, lambda root: Bash(root, LIMITS, is_sandboxed=False))
    await run(tool.in_session("one"), "echo mine > note")
    assert await run(tool.in_session("two"), "ls") == "(no output)"
    assert (tmp_path / "one" / "ada" / "note").read_text() == "mine\n"
    assert await run(tool.in_session("one"), "cat note") == "mine"


async def test_a_lasting_folder_is_one_sessions_at_a_time_which_is_named(
    tmp_path: Path,
) -> None:
    place = WorkPlace(tmp_path, "ada", lasts=True)
    tool = PlacedTool(place, lambda root: Bash(root, LIMITS, is_sandboxed=False))
    editor = PlacedTool(place, TextEditor).in_session("one")
    first, second = tool.in_session("one"), tool.in_session("two")
    await run(first, "echo mine > note")
    view = msgspec.Raw(b'{"command": "view", "path": "/note"}')
    assert "mine" in str(await editor.call(view))  # of the same session
    with pytest.raises(ToolFailed, match=r"in use by session 'one'"):
        await run(second, "cat note")
    first.leave()
    editor.leave()
    assert await run(second, "cat note") == "mine"
    second.leave()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
async def test_without_a_sandbox_a_users_environment_is_hidden_from_its_commands(
    tmp_path: Path,
) -> None:
    bash = Bash(tmp_path, LIMITS, is_sandboxed=False)
    assert "denied" in await run(bash, "cat /proc/$PPID/environ 2>&1")
