"""The shell that Claude knows by its type: commands in a folder, each a session.

The folder a command ends in is where the next begins; variables do not last. Commands
run in a sandbox where the system has one (:mod:`.sandbox`). A command is killed with
its session when its turn is cancelled, its time is up or it has ended; without a
sandbox a child that begins a session of its own (``setsid``) is not found again.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import anyio.abc
import msgspec

from agents.errors import ToolFailed
from agents.protocol.backend import KnownTool
from agents.tools.workspace import sandbox, schemas
from agents.tools.workspace.child_process import kill_session, open_process
from agents.tools.workspace.folder import Folder

TYPE = "bash_20250124"
OUTPUT_BYTES_MAX = 30_000
"""Most bytes of output that a model reads; the rest is read and thrown away."""
CLOSE_GRACE_S = 2.0
"""How long a killed group may take to be gone."""
KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "TERM")
"""Environment variables that a command inherits: none that could be a key."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one command; the kernel holds each of its processes to them."""

    time_s: float = 60.0
    cpu_s: int = 60
    memory_mib: int = 2048
    """Address space."""
    file_mib: int = 100
    """Largest file it writes."""
    open_files: int = 256
    processes: int = 256
    """In a sandbox; elsewhere the system counts all of the user's."""


LIMITS = Limits()


def limited(
    command: str, limits: Limits, *, is_sandboxed: bool, before: str = ""
) -> str:
    """A script for bash that runs ``command`` within ``limits``.

    Args:
        command: As a person would type it.
        limits: Set by the shell itself before it reads a word of the command.
        is_sandboxed: Whether it has processes of its own, which can be counted.
        before: What the script does first.
    """
    processes = f" -u {limits.processes}" if is_sandboxed else ""
    return (
        f"ulimit -t {limits.cpu_s} -v {limits.memory_mib * 1024} "
        f"-f {limits.file_mib * 1024} -n {limits.open_files} -c 0{processes}\n"
        f"{before}eval {shlex.quote(command)}"
    )


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """The tool's input."""

    command: str = ""
    restart: bool = False


_decoder = msgspec.json.Decoder(Command)


class Bash:
    """Runs commands with bash, in ``root`` or where the last one went.

    Args:
        root: The folder; made when it is first used.
        limits: What one command may take.
        is_sandboxed: ``None``: where the system has a sandbox. ``True`` makes a command
            fail where there is none; ``False`` never uses one: then commands see the
            whole file system and network, and as root our environment.
        reads: Folders that commands in a sandbox may read as well.
    """

    spec = KnownTool(
        type=TYPE,
        name="bash",
        description="Runs a command with bash in the working folder.",
        input_schema=schemas.BASH,
    )

    def __init__(
        self,
        root: Path,
        limits: Limits = LIMITS,
        *,
        is_sandboxed: bool | None = None,
        reads: Sequence[Path] = (),
    ) -> None:
        self._folder = Folder(root)
        self._reads = reads
        self._is_sandboxed = is_sandboxed
        self._limits = limits
        self._place = self._folder.root
        self.serial = self._folder.serial

    @property
    def name(self) -> str:
        """The tool's name, as the model calls it."""
        return self.spec.name

    async def call(self, given: msgspec.Raw) -> str:
        """Run one command; what it wrote, and how it ended where that was not well.

        Raises:
            ToolFailed: The input is no command, its time was up, or there is no bash.
        """
        try:
            command = _decoder.decode(given)
        except msgspec.ValidationError as error:
            raise ToolFailed(f"the command is not usable: {error}") from error
        self._folder.make()
        if command.restart or not self._place.is_dir():
            self._place = self._folder.root
        if not command.command:
            if command.restart:
                return "the shell begins afresh"
            raise ToolFailed("there is no command; give one")
        return await self._run(command.command)

    async def _run(self, command: str) -> str:
        output = _Said()
        is_late = True
        async with self._started(command) as process:
            with anyio.move_on_after(self._limits.time_s):
                async with anyio.create_task_group() as group:
                    assert process.stdout is not None
                    group.start_soon(output.read, process.stdout, name="output of bash")
                    await process.wait()
                    # What it left behind holds its output open.
                    kill_session(process.pid)
                is_late = False
        if is_late:
            raise ToolFailed(
                f"{output.text()}\n[stopped: it took longer than "
                f"{self._limits.time_s:g} s]"
            )
        self._go_to(output.take_place())
        code = process.returncode
        return (
            output.text() + (f"\n[exit code {code}]" if code else "") or "(no output)"
        )

    @asynccontextmanager
    async def _started(self, command: str) -> AsyncGenerator[anyio.abc.Process]:
        """The command as the leader of a session of its own, killed in the end."""
        try:
            process = await open_process(
                self._command_line(command),
                cwd=self._place,
                env=self._environment(),
            )
        except OSError as error:
            raise ToolFailed(f"bash cannot be started: {error}") from error
        try:
            yield process
        finally:
            kill_session(process.pid)
            with anyio.move_on_after(CLOSE_GRACE_S, shield=True):
                await process.aclose()

    def _command_line(self, command: str) -> list[str]:
        """How the command is run.

        Raises:
            ToolFailed: It shall be in a sandbox, and there is none.
        """
        is_there = sandbox.is_there()
        if self._is_sandboxed and not is_there:
            raise ToolFailed(
                f"there is no sandbox here, and commands need one: {sandbox.NONE_HERE}"
            )
        is_sandboxed = is_there and self._is_sandboxed is not False
        line = ["bash", "-c", self._limited(command, is_sandboxed=is_sandboxed)]
        if not is_sandboxed:
            sandbox.hide_environment()
            return line
        environment = {**self._environment(), "PATH": sandbox.PATH}
        return sandbox.around(
            line, self._folder.root, environment, self._place, reads=self._reads
        )

    def _limited(self, command: str, *, is_sandboxed: bool) -> str:
        trap = f'trap \'printf "\\n%s%s" {_MARK} "$PWD"\' EXIT\n'
        return limited(command, self._limits, is_sandboxed=is_sandboxed, before=trap)

    def _environment(self) -> dict[str, str]:
        variables = {name: os.environ[name] for name in KEPT if name in os.environ}
        return {**variables, "HOME": str(self._folder.root)}

    def _go_to(self, place: str | None) -> None:
        with suppress(ToolFailed):
            if place:
                folder = self._folder.inside(place)
                self._place = folder if folder.is_dir() else self._folder.root


_MARK = "\x1e"
"""Before the folder that a command ended in, at the end of its output."""


class _Said:
    """The output of a command, at most as much as a model reads."""

    def __init__(self) -> None:
        self._head = b""
        self._tail = b""
        self._bytes = 0
        self._place: str | None = None

    async def read(self, output: anyio.abc.ByteReceiveStream) -> None:
        """Until the last process that holds it has closed it."""
        async for data in output:
            self._bytes += len(data)
            room = OUTPUT_BYTES_MAX - len(self._head)
            self._head += data[:room]
            self._tail = (self._tail + data[max(room, 0) :])[-_TAIL_BYTES:]

    def take_place(self) -> str | None:
        """Where the command ended, taken from the end of what it wrote."""
        whole = self._head + self._tail
        before, mark, place = whole.rpartition(b"\n" + _MARK.encode())
        if not mark:
            return None
        length = len(before)
        self._head, self._tail = whole[: min(length, len(self._head))], b""
        self._bytes -= len(mark) + len(place)
        return place.decode("utf-8", "replace")

    def text(self) -> str:
        """The output as text, with a note on what was cut."""
        left_out = self._bytes - len(self._head)
        words = self._head.decode("utf-8", "replace").rstrip("\n")
        return words + (f"\n[cut: {left_out:,} more bytes]" if left_out > 0 else "")


_TAIL_BYTES = 8_192
"""Enough for the longest path there is, behind output that is too long."""
