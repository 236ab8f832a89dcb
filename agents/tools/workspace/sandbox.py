"""The sandbox of a command: bubblewrap, where the system has it.

In a sandbox a command sees its own folder and the system's programs, processes of its
own alone, and no network. Its first process is started with the cleaned environment
too, so that ``/proc/1/environ`` holds nothing. Without one its parent is this process,
whose environment holds keys: :func:`hide_environment` keeps other processes of the same
user from reading it, but not root's. Command lines as tried with bubblewrap 0.8.0.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

PROGRAM = "bwrap"
PATH = "/usr/local/bin:/usr/bin:/bin"
"""Of a command in a sandbox, which sees no other programs."""
PROBE_S = 5.0
"""How long the first try may take; it takes 6 ms."""

_PR_SET_DUMPABLE = 4


@cache
def is_there() -> bool:
    """Whether commands can be run in a sandbox here; tried once. Blocks for 6 ms."""
    if sys.platform != "linux" or shutil.which(PROGRAM) is None:
        return False
    command = around(["true"], Path("/usr"), {})
    try:
        tried = subprocess.run(  # noqa: S603  (our own command line)
            command, check=False, capture_output=True, timeout=PROBE_S, env={}
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0


def around(
    command: list[str],
    folder: Path,
    environment: Mapping[str, str],
    place: Path | None = None,
    *,
    reads: Sequence[Path] = (),
) -> list[str]:
    """The command line that runs ``command`` in a sandbox of ``folder``.

    Args:
        command: What to run; found on :data:`PATH`.
        folder: All that it may write, and all it sees beside the system's programs.
        environment: Its environment.
        place: The folder it begins in, within ``folder``; ``None``: that one.
        reads: Folders that it may read as well: where programs are.
    """
    variables = [
        word
        for name, value in environment.items()
        for word in ("--setenv", name, value)
    ]
    return [
        shutil.which(PROGRAM) or PROGRAM,
        "--unshare-all",
        "--unshare-user",
        "--disable-userns",
        # The command is the first process itself: bwrap's own would show in /proc/1.
        "--as-pid-1",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
        "--clearenv",
        *variables,
        "--ro-bind",
        "/usr",
        "/usr",
        *("--symlink", "usr/bin", "/bin"),
        *("--symlink", "usr/sbin", "/sbin"),
        *("--symlink", "usr/lib", "/lib"),
        *("--symlink", "usr/lib64", "/lib64"),
        *("--ro-bind-try", "/etc/alternatives", "/etc/alternatives"),
        *("--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"),
        *("--ro-bind-try", "/etc/passwd", "/etc/passwd"),
        *("--ro-bind-try", "/etc/group", "/etc/group"),
        *("--ro-bind-try", "/etc/ssl", "/etc/ssl"),
        *("--proc", "/proc"),
        *("--dev", "/dev"),
        *("--tmpfs", "/tmp"),  # noqa: S108  (one of its own)
        *(word for each in reads for word in ("--ro-bind-try", str(each), str(each))),
        *("--bind", str(folder), str(folder)),
        *("--chdir", str(place or folder)),
        *("--remount-ro", "/"),
        "--",
        *command,
    ]


def hide_environment() -> bool:
    """Keep other processes of this user from reading this one's environment.

    That takes the right to look into it from debuggers as well. Nothing holds root
    back.

    Returns:
        Whether anything is gained by it: not as root, and on Linux only.
    """
    if sys.platform != "linux" or os.geteuid() == 0:
        return False
    with suppress(OSError, AttributeError):
        return ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0
    return False


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
    found: list[int] = []
    processes = Path("/proc")
    if not processes.is_dir():
        return found
    for entry in os.listdir(processes):  # noqa: PTH208  (names alone, of thousands)
        if not entry.isdigit():
            continue
        with suppress(OSError, ValueError, IndexError):
            stat = (processes / entry / "stat").read_bytes()
            # Behind the program's name, which may hold anything: state, parent, group,
            # session (proc(5)).
            fields = stat.rpartition(b")")[2].split()
            if int(fields[3]) == leader and fields[0] not in (b"Z", b"X"):
                found.append(int(entry))
    return found
