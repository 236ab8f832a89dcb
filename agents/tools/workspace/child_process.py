"""Child processes: started by the event loop's own thread, killed with their session.

The kernel ends a sandbox with the *thread* that has started it (``PR_SET_PDEATHSIG``,
prctl(2), Linux's man-pages 6.03), and trio starts processes in threads that end once
they have been idle for ten seconds. Here the loop's thread starts them, as asyncio does
(some 2 ms), and both event loops wait for them by a descriptor.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO

import anyio
import anyio.abc
import anyio.lowlevel

from agents.limits.outside_work import outside_work

READ_BYTES = 65_536
"""As much as a pipe of Linux holds."""


async def open_process(
    command: list[str],
    *,
    cwd: Path | None,
    env: Mapping[str, str],
    takes_input: bool = False,
) -> anyio.abc.Process:
    """Start ``command`` as the leader of a session of its own.

    Its standard error goes where its output goes.

    Args:
        command: The program, and its arguments.
        cwd: The folder it begins in; ``None``: this process's.
        env: All of its environment.
        takes_input: Whether its standard input is a pipe; else it has none.

    Raises:
        OSError: It cannot be started.
    """
    stdin = subprocess.PIPE if takes_input else subprocess.DEVNULL
    if not _has_descriptors():
        with outside_work():
            return await anyio.open_process(
                command,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=env,
                start_new_session=True,
            )
    await anyio.lowlevel.checkpoint()
    process = subprocess.Popen(  # noqa: ASYNC220, S603  (as asyncio's own; see the module's words)
        command,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env=env,
        start_new_session=True,
    )
    try:
        return _Child(process, _descriptor_of(process.pid))
    except OSError:
        # No file is left to be opened, and without one nobody can wait for its end.
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        raise


@cache
def _has_descriptors() -> bool:
    """Whether a process can be waited for by a descriptor: on Linux, since 5.3."""
    try:
        os.close(_descriptor_of(os.getpid()))
    except OSError:
        return False
    return True


def _descriptor_of(pid: int) -> int:
    """A descriptor that can be read once process ``pid`` has ended.

    Raises:
        OSError: The system has none.
    """
    if sys.platform != "linux":
        raise OSError("a process has no descriptor here")
    return os.pidfd_open(pid)


def _unblock(pipe: IO[bytes]) -> None:
    if sys.platform != "win32":
        os.set_blocking(pipe.fileno(), False)


class _Child(anyio.abc.Process):
    def __init__(self, process: subprocess.Popen[bytes], descriptor: int) -> None:
        assert process.stdout is not None
        self._process = process
        self._output = _Output(process.stdout)
        self._input = _Input(process.stdin) if process.stdin is not None else None
        self._descriptor = descriptor

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.poll()

    @property
    def stdin(self) -> anyio.abc.ByteSendStream | None:
        return self._input

    @property
    def stdout(self) -> anyio.abc.ByteReceiveStream:
        return self._output

    @property
    def stderr(self) -> None:
        return None

    def send_signal(self, signal: int) -> None:
        self._process.send_signal(signal)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    async def wait(self) -> int:
        with outside_work():
            while (code := self._process.poll()) is None:
                await anyio.wait_readable(self._descriptor)
        await anyio.lowlevel.checkpoint()
        return code

    async def aclose(self) -> None:
        """Close its pipes, wait for its end, and kill it where that is cancelled."""
        try:
            for stream in (self._input, self._output):
                if stream is not None:
                    await stream.aclose()
            await self.wait()
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1


class _Output(anyio.abc.ByteReceiveStream):
    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        _unblock(pipe)

    async def receive(self, max_bytes: int = READ_BYTES) -> bytes:
        while True:
            if self._pipe.closed:
                raise anyio.ClosedResourceError
            await anyio.wait_readable(self._pipe)
            try:
                data = os.read(self._pipe.fileno(), max_bytes)
            except BlockingIOError:
                continue  # another process that shares the pipe was faster
            if not data:
                raise anyio.EndOfStream
            return data

    async def aclose(self) -> None:
        _close(self._pipe)
        await anyio.lowlevel.checkpoint()


class _Input(anyio.abc.ByteSendStream):
    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        _unblock(pipe)

    async def send(self, item: bytes) -> None:
        rest = memoryview(item)
        while rest:
            if self._pipe.closed:
                raise anyio.ClosedResourceError
            await anyio.wait_writable(self._pipe)
            try:
                rest = rest[os.write(self._pipe.fileno(), rest) :]
            except BlockingIOError:
                continue
            except BrokenPipeError as error:
                raise anyio.BrokenResourceError from error

    async def aclose(self) -> None:
        _close(self._pipe)
        await anyio.lowlevel.checkpoint()


def _close(pipe: IO[bytes]) -> None:
    if pipe.closed:
        return
    anyio.notify_closing(pipe)
    with suppress(OSError):  # what is written was unbuffered: nothing is lost
        pipe.close()


def kill_session(leader: int) -> None:
    """Kill every process of the session that ``leader`` leads; itself, where it is all.

    Job control gives each job a group of its own, but they all stay in the session.
    Only a child that begins a session of its own is not found. On Windows there are no
    sessions of this kind: the leader alone is killed.
    """
    if sys.platform == "win32":
        with suppress(OSError):
            os.kill(leader, signal.SIGTERM)
        return
    for _ in range(3):  # what is killed may have begun another meanwhile
        members = _of_session(leader)
        for process in members:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        if not members:
            break
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _of_session(leader: int) -> list[int]:
    pids: list[int] = []
    processes = Path("/proc")
    if not processes.is_dir():
        return pids
    for entry in os.listdir(processes):  # noqa: PTH208  (names alone, of thousands)
        if not entry.isdigit():
            continue
        with suppress(OSError, ValueError, IndexError):
            stat = (processes / entry / "stat").read_bytes()
            # Behind the program's name, which may hold anything: state, parent, group,
            # session (proc(5)).
            fields = stat.rpartition(b")")[2].split()
            if int(fields[3]) == leader and fields[0] not in (b"Z", b"X"):
                pids.append(int(entry))
    return pids
