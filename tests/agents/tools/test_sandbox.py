"""A command is kept to its folder: it finds no key, no network, nobody else's files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
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


REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(params=["bubblewrap", "namespaces"])
def made_of(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[str]:
    """Each kind of sandbox; namespaces are used where there is no bubblewrap."""
    if request.param == "namespaces":
        monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("programs")))
    sandbox.kind.cache_clear()
    try:
        if sandbox.kind() != request.param:
            pytest.skip(f"there is no sandbox made of {request.param} here")
        yield request.param
    finally:
        sandbox.kind.cache_clear()


async def test_a_command_in_a_sandbox_finds_no_key_of_any_process(
    made_of: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del made_of
    monkeypatch.setenv("SOME_API_KEY", "canary-1c5e")
    bash = Bash(tmp_path, LIMITS, is_sandboxed=True)
    said = await run(bash, "cat /proc/*/environ 2>&1 | tr '\\0' '\\n'; echo $PPID")
    assert "PATH=/usr/local/bin" in said
    assert f"HOME={tmp_path}" in said
    assert "canary" not in said
    assert said.endswith("\n0")  # it is the first process there is


async def test_a_command_in_a_sandbox_sees_its_folder_alone(
    made_of: str, tmp_path: Path
) -> None:
    del made_of
    (tmp_path / "own").mkdir()
    (tmp_path / "secret").write_text("of somebody else")
    bash = Bash(tmp_path / "own", LIMITS, is_sandboxed=True)
    said = await run(
        bash,
        f"ls {tmp_path}; cat {tmp_path}/secret; touch /usr/x; touch /x; mkdir /dev/x/y;"
        " ls -d /home /root /etc/shadow /sys; echo mine > note; pwd",
    )
    assert "of somebody else" not in said
    assert said.count("Read-only file system") == 2
    assert said.count("No such file or directory") == 6
    assert said.splitlines()[0] == "own"
    assert said.splitlines()[-1] == str(tmp_path / "own")
    written = tmp_path / "own" / "note"
    assert (written.read_text(), written.stat().st_uid) == ("mine\n", os.geteuid())


async def test_a_command_in_a_sandbox_reaches_no_network(
    made_of: str, tmp_path: Path
) -> None:
    del made_of
    bash = Bash(tmp_path, LIMITS, is_sandboxed=True)
    # Two lines of titles, and its own loopback.
    assert await run(bash, "cat /proc/net/dev | wc -l") == "3"


async def test_a_command_in_a_sandbox_has_no_rights_and_gains_none(
    made_of: str, tmp_path: Path
) -> None:
    del made_of
    bash = Bash(tmp_path, LIMITS, is_sandboxed=True)
    said = await run(
        bash,
        "grep -E '^(Cap|NoNewPrivs)' /proc/self/status; mount -t tmpfs x /tmp;"
        " unshare --user true; echo 9 > /proc/sys/user/max_user_namespaces",
    )
    assert said.count("0000000000000000") == 5
    assert "NoNewPrivs:\t1" in said
    assert "mount: " in said
    assert "unshare failed" in said
    assert "Permission denied" in said


async def test_a_command_in_a_sandbox_has_what_programs_need(
    made_of: str, tmp_path: Path
) -> None:
    del made_of
    bash = Bash(tmp_path, LIMITS, is_sandboxed=True)
    said = await run(
        bash,
        "echo lost > /dev/null; head -c 4 /dev/urandom | wc -c; echo x > /tmp/t;"
        " echo kept | cat /dev/stdin /tmp/t; ls /dev/shm; sh -c 'exit 7'",
    )
    assert said == "4\nkept\nx\n[exit code 7]"


async def test_a_sandbox_lives_longer_than_any_thread_that_is_idle(
    made_of: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del made_of
    # It ends with the thread that has started it, and trio's end when they are idle.
    monkeypatch.setattr("trio._core._thread_cache.IDLE_TIMEOUT", 0.2)
    bash = Bash(tmp_path, LIMITS, is_sandboxed=True)
    assert await run(bash, "sleep 1; echo done") == "done"


STARTS = """
import subprocess, sys, time
process = subprocess.Popen(sys.argv[1:])
print("started", flush=True)
time.sleep(60)
"""


def test_a_sandbox_ends_with_the_process_that_has_started_it(
    made_of: str, tmp_path: Path
) -> None:
    del made_of
    (tmp_path / "own").mkdir()
    mark = f"sleep 7{os.getpid()}"
    line = sandbox.around(
        ["bash", "-c", f"setsid {mark} & touch begun; {mark}"],
        tmp_path / "own",
        {"PATH": sandbox.PATH},
    )
    starter = subprocess.Popen([sys.executable, "-c", STARTS, *line])  # noqa: S603  (ours)
    try:
        _wait_until((tmp_path / "own" / "begun").exists)
        _wait_until(lambda: _running(mark) == 2)
    finally:
        starter.send_signal(signal.SIGKILL)
        starter.wait()
    _wait_until(lambda: _running(mark) == 0)


def _running(command: str) -> int:
    words = command.replace(" ", "\0") + "\0"
    return sum(line == words for line in _command_lines())


def _wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until, "it did not come to pass within 20 s"
        time.sleep(0.02)


REFUSED = """
from agents.tools.workspace import sandbox
from coordinator import ConfigInvalid, load_team
print("made of", sandbox.kind())
load_team("let.yaml")
print("let")
try:
    load_team("team.yaml")
except ConfigInvalid as error:
    print(error)
"""
TEAM = """
agents:
  - id: ada
    tools: [bash]
    workspace: work
    script: {turns: [{repeat: true, lines: [{answer: It is so.}]}]}
"""


def test_where_nothing_makes_a_sandbox_a_files_bash_is_refused_in_words(
    made_of: str, tmp_path: Path
) -> None:
    del made_of
    # Within a sandbox there are no more of them: what a container is that forbids it.
    (tmp_path / "team.yaml").write_text(TEAM)
    (tmp_path / "let.yaml").write_text(f"{TEAM}    sandbox: off\n")
    (tmp_path / "refused.py").write_text(REFUSED)
    packages = [Path(each) for each in sys.path if each.endswith("site-packages")]
    line = sandbox.around(
        [sys.executable, "refused.py"],
        tmp_path,
        {
            "PATH": sandbox.PATH,
            "PYTHONPATH": os.pathsep.join(map(str, (REPOSITORY, *packages))),
            "HOME": str(tmp_path),
        },
        reads=[REPOSITORY, Path(sys.prefix), Path(sys.base_prefix), *packages],
    )
    ended = subprocess.run(line, capture_output=True, text=True, check=False)  # noqa: S603  (ours)
    assert ended.stderr == ""
    kind, is_let, refusal = ended.stdout.splitlines()
    assert (kind, is_let) == ("made of None", "let")
    assert "'ada' has bash, and nothing here keeps commands to its folder" in refusal
    assert "neither bwrap nor user namespaces work here; install bubblewrap" in refusal
    assert "or write 'sandbox: off'" in refusal


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


def test_the_tools_of_one_folder_take_turns(tmp_path: Path) -> None:
    place = WorkPlace(tmp_path, "ada", lasts=False)
    bash = PlacedTool(place, lambda root: Bash(root, LIMITS, is_sandboxed=False))
    editor = PlacedTool(place, TextEditor)
    one, other = bash.in_session("one"), bash.in_session("two")
    assert one.serial
    assert one.serial == editor.in_session("one").serial
    assert one.serial != other.serial
    assert not one.rerunnable


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
