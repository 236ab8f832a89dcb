"""The sandbox of a command: bubblewrap, or the kernel's namespaces without it.

In a sandbox a command sees its own folder and the system's programs, processes of its
own alone, and no network. Its first process is started with the cleaned environment
too, so that ``/proc/1/environ`` holds nothing. Without one its parent is this process,
whose environment holds keys: :func:`hide_environment` keeps other processes of the same
user from reading it, but not root's. Command lines as tried with bubblewrap 0.8.0; what
stands in for it is :mod:`agents.tools.workspace.namespaces`.

A sandbox ends with the thread that has started it: start it by
:func:`agents.tools.workspace.child_process.open_process`.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["bubblewrap", "namespaces"]
PROGRAM = "bwrap"
PATH = "/usr/local/bin:/usr/bin:/bin"
"""Of a command in a sandbox, which sees no other programs."""
PROBE_S = 5.0
"""How long the first try may take; it takes 6 ms, without bubblewrap some 30."""
NONE_HERE = (
    f"neither {PROGRAM} nor user namespaces work here; install bubblewrap, or write "
    "'sandbox: off'"
)
"""Why nothing keeps commands to a folder, and the way out."""

_PR_SET_DUMPABLE = 4
_LINKS = ("bin", "sbin", "lib", "lib64")
_READ = (
    "/usr",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/passwd",
    "/etc/group",
    "/etc/ssl",
)
"""Paths that every command needs to read: programs, libraries, names, certificates."""


def is_there() -> bool:
    """Whether commands can be run in a sandbox here; tried once. Blocks for 6 ms."""
    return kind() is not None


@cache
def kind() -> Kind | None:
    """Of what a sandbox is made here: the first that works; tried once. Blocks."""
    if sys.platform != "linux":
        return None
    if shutil.which(PROGRAM) is not None and _works(_by_bubblewrap):
        return "bubblewrap"
    return "namespaces" if _works(_by_namespaces) else None


def _works(line: _Line) -> bool:
    try:
        tried = subprocess.run(  # noqa: S603  (our own command line)
            line(["true"], Path("/usr"), {"PATH": PATH}, Path("/usr"), ()),
            check=False,
            capture_output=True,
            timeout=PROBE_S,
            env={},
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
    line = _by_namespaces if kind() == "namespaces" else _by_bubblewrap
    return line(command, folder, environment, place or folder, reads)


def _by_bubblewrap(
    command: list[str],
    folder: Path,
    environment: Mapping[str, str],
    place: Path,
    reads: Sequence[Path],
) -> list[str]:
    return [
        shutil.which(PROGRAM) or PROGRAM,
        "--unshare-all",
        "--unshare-user",
        "--disable-userns",
        # The command is the first process itself: bwrap's own would show in /proc/1.
        "--as-pid-1",
        "--die-with-parent",
        "--new-session",
        *("--cap-drop", "ALL"),
        "--clearenv",
        *_words("--setenv", *environment.items()),
        *_words("--symlink", *_links()),
        *("--proc", "/proc"),
        *("--dev", "/dev"),
        *("--tmpfs", "/tmp"),  # noqa: S108  (one of its own)
        *_words("--ro-bind-try", *((each, each) for each in _readable(reads))),
        *("--bind", str(folder), str(folder)),
        *("--chdir", str(place)),
        *("--remount-ro", "/"),
        "--",
        *command,
    ]


def _by_namespaces(
    command: list[str],
    folder: Path,
    environment: Mapping[str, str],
    place: Path,
    reads: Sequence[Path],
) -> list[str]:
    return [
        *(sys.executable, "-I", "-S"),  # nothing but the standard library: 10 ms
        str(Path(__file__).with_name("namespaces.py")),
        *_words("--set", *environment.items()),
        *_words("--link", *_links()),
        *_words("--read", *((each,) for each in _readable(reads))),
        *("--write", str(folder)),
        *("--chdir", str(place)),
        "--",
        *command,
    ]


_Line: TypeAlias = Callable[
    [list[str], Path, Mapping[str, str], Path, Sequence[Path]], list[str]
]


def _words(option: str, *values: tuple[str, ...]) -> list[str]:
    return [word for value in values for word in (option, *value)]


def _links() -> list[tuple[str, str]]:
    """The root's links to the system's programs: their target, and where they are."""
    return [
        (os.readlink(f"/{name}"), f"/{name}")  # noqa: PTH115  (its words, not a path)
        for name in _LINKS
        if os.path.islink(f"/{name}")  # noqa: PTH114
    ]


def _readable(reads: Sequence[Path]) -> list[str]:
    """The paths that may be read; also folders of programs that are no links."""
    folders = [f"/{name}" for name in _LINKS if not os.path.islink(f"/{name}")]  # noqa: PTH114
    return [*_READ, *folders, *map(str, reads)]


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
