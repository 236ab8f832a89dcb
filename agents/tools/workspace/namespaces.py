"""Entry of a sandbox made of the kernel's namespaces alone, where bubblewrap is not.

A program of its own, started by :mod:`agents.tools.workspace.sandbox` as a file and
free of all but the standard library: it makes namespaces (user, mounts, processes,
network, IPC, host name), a file system of what it is told, gives up every capability
and becomes the command. What bubblewrap promises is promised here: no network, no
process but its own, no folder but those named, nothing to write but the one, an empty
``/proc/1/environ``, no way to more namespaces, an end with whoever started it.

It fails, with a sentence on standard error and exit code 125, where one of these
cannot be had. Calls as in Linux's man-pages 6.03: unshare(2), user_namespaces(7),
pivot_root(2), mount_setattr(2), capabilities(7).
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator

FAILED = 125
"""The exit code where there is no sandbox; the command is not run then."""

BASES = ("/mnt", "/srv", "/opt", "/media", "/run", "/var", "/tmp", "/home")  # noqa: S108  (a place to mount on)
"""Folders of which one is covered, while the new file system is put together."""
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")

_NEW_NS, _NEW_UTS, _NEW_IPC = 0x00020000, 0x04000000, 0x08000000
_NEW_USER, _NEW_PID, _NEW_NET = 0x10000000, 0x20000000, 0x40000000
_NAMESPACES = _NEW_USER | _NEW_NS | _NEW_PID | _NEW_NET | _NEW_IPC | _NEW_UTS
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 2, 4, 8
_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18
_MNT_DETACH = 2
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 24, 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_SIGKILL = 9
_CAPABILITY_VERSION_3 = 0x20080522
_CAPABILITIES_MOST = 64
_SYS_MOUNT_SETATTR = 442  # of every architecture; Linux 5.12
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_RDONLY, _NOSUID, _NODEV = 1, 2, 4


class _Setup:
    """The command's file system and environment, parsed from the command line."""

    def __init__(self, words: Iterator[str]) -> None:
        self.links: list[tuple[str, str]] = []
        self.reads: list[str] = []
        self.writes = ""
        self.place = "/"
        self.environment: dict[str, str] = {}
        for word in words:
            if word == "--":
                break
            if word == "--link":
                self.links.append((next(words), next(words)))
            elif word == "--read":
                self.reads.append(next(words))
            elif word == "--write":
                self.writes = next(words)
            elif word == "--chdir":
                self.place = next(words)
            elif word == "--set":
                name = next(words)
                self.environment[name] = next(words)
            else:
                raise ValueError(f"unknown option {word!r}")
        self.command = list(words)

    @property
    def base(self) -> str:
        """A folder that may be covered: nothing that is needed is in it.

        Raises:
            OSError: There is none.
        """
        named = (*self.reads, self.writes)
        needed = {*named, *map(os.path.realpath, named)}
        for base in BASES:
            is_free = not any(each.startswith(f"{base}/") for each in needed)
            if os.path.isdir(base) and base not in needed and is_free:  # noqa: PTH112  (pathlib takes 10 ms)
                return base
        raise OSError(f"no folder to mount on: none of {', '.join(BASES)} is free")


def main(words: list[str]) -> int:
    """Make the sandbox, become the command in it, and end as the command does."""
    assert sys.platform == "linux"
    try:
        setup = _Setup(iter(words))
        _die_with_parent()
        _enter_namespaces()
        first = os.fork()  # the first process of the new namespace
        if first == 0:
            _become(setup)
    except (OSError, ValueError, StopIteration):
        return FAILED
    # Whoever reads the command's output waits for its end, and not for this process's.
    for stream in (0, 1, 2):
        os.close(stream)
    _, status = os.waitpid(first, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _become(setup: _Setup) -> None:
    """Put the file system together, let go of every right, and be the command."""
    try:
        _die_with_parent()
        _mount_all(setup)
        _give_up_rights()
        os.chdir(setup.place)
        _execute(setup.command, setup.environment)
    except BaseException as error:  # noqa: BLE001  (it must not return: it is a fork)
        os.write(2, f"no sandbox: {error}\n".encode("utf-8", "replace"))
    os._exit(FAILED)


def _execute(command: list[str], environment: dict[str, str]) -> None:
    """Become ``command``; ``os.execvpe`` would import what is out of sight by now."""
    for folder in environment.get("PATH", "").split(":"):
        path = command[0] if "/" in command[0] else f"{folder}/{command[0]}"
        if os.access(path, os.X_OK):
            os.execve(path, command, environment)  # noqa: S606  (that is the task)
    raise OSError(f"there is no {command[0]}")


_libc = ctypes.CDLL(None, use_errno=True)


def _called(name: str, *arguments: object) -> int:
    """Call a function of the C library.

    Raises:
        OSError: It has failed.
    """
    try:
        function = getattr(_libc, name)
    except AttributeError:
        raise OSError(f"the C library has no {name}") from None
    passed = (
        each.encode("utf-8", "surrogateescape") if isinstance(each, str) else each
        for each in arguments
    )
    result: int = function(*passed)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def _die_with_parent() -> None:
    _called("prctl", _PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)


def _enter_namespaces() -> None:
    assert sys.platform == "linux"
    user, group = os.geteuid(), os.getegid()
    _called("unshare", _NAMESPACES)
    # The same user inside as outside, and no other: what it writes is its own.
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user} {user} 1")
    _write("/proc/self/gid_map", f"{group} {group} 1")


def _write(path: str, text: str) -> None:
    file = os.open(path, os.O_WRONLY)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def _mount_all(setup: _Setup) -> None:
    base = setup.base
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    _mount("sandbox", base, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=0755")
    for target, name in setup.links:
        os.symlink(target, base + name)  # noqa: PTH211
    _devices(base)
    for name in ("proc", "tmp"):
        os.mkdir(f"{base}/{name}")  # noqa: PTH102
    _mount("proc", f"{base}/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    _mount("tmp", f"{base}/tmp", "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=1777")  # noqa: S108  (the sandbox's own)
    for path in setup.reads:
        if os.path.exists(path):  # noqa: PTH110
            _bind(path, base + path, is_read_only=True)
    _bind(setup.writes, base + setup.writes, is_read_only=False)
    os.chdir(base)
    _called("pivot_root", ".", ".")  # the old root lies over the new one
    _called("umount2", ".", _MNT_DETACH)
    os.chdir("/")
    _set_attributes("/", _RDONLY, is_recursive=False)


def _devices(base: str) -> None:
    _mkdir(f"{base}/dev")
    _mount("dev", f"{base}/dev", "tmpfs", _MS_NOSUID, "mode=0755")
    for name in DEVICES:
        if os.path.exists(f"/dev/{name}"):  # noqa: PTH110
            _file(f"{base}/dev/{name}")
            _mount(f"/dev/{name}", f"{base}/dev/{name}", None, _MS_BIND)
    os.mkdir(f"{base}/dev/shm")  # noqa: PTH102, S108
    os.mkdir(f"{base}/dev/pts")  # noqa: PTH102
    options = "newinstance,ptmxmode=0666,mode=620"
    _mount("devpts", f"{base}/dev/pts", "devpts", _MS_NOSUID | _MS_NOEXEC, options)
    for target, name in (
        ("pts/ptmx", "ptmx"),
        ("/proc/self/fd", "fd"),
        ("/proc/self/fd/0", "stdin"),
        ("/proc/self/fd/1", "stdout"),
        ("/proc/self/fd/2", "stderr"),
    ):
        os.symlink(target, f"{base}/dev/{name}")  # noqa: PTH211


def _bind(source: str, target: str, *, is_read_only: bool) -> None:
    """Show ``source`` at ``target``, with all that is mounted below it."""
    if os.path.isdir(source):  # noqa: PTH112
        _mkdir(target)
    else:
        _mkdir(target.rpartition("/")[0])
        _file(target)
    _mount(source, target, None, _MS_BIND | _MS_REC)
    # Adds, and takes nothing away that a mount has by whoever made it.
    _set_attributes(target, _NOSUID | _NODEV | (_RDONLY if is_read_only else 0))


def _mkdir(path: str) -> None:
    os.makedirs(path, mode=0o755, exist_ok=True)  # noqa: PTH103


def _file(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o644))


def _mount(
    source: str, target: str, kind: str | None, flags: int, options: str | None = None
) -> None:
    try:
        _called("mount", source, target, kind, ctypes.c_ulong(flags), options)
    except OSError as error:
        raise OSError(error.errno, f"mount {source} at {target}: {error}") from None


class _Attributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("on", "off", "spread", "user")]


def _set_attributes(path: str, on: int, *, is_recursive: bool = True) -> None:
    attributes = _Attributes(on, 0, 0, 0)
    _called(
        "syscall",
        ctypes.c_long(_SYS_MOUNT_SETATTR),
        _AT_FDCWD,
        path,
        _AT_RECURSIVE if is_recursive else 0,
        ctypes.byref(attributes),
        ctypes.sizeof(attributes),
    )


def _give_up_rights() -> None:
    """Hold no capability, gain none by a program, and make no further namespace."""
    # Only whoever has a capability that is dropped below could raise it again.
    _write("/proc/sys/user/max_user_namespaces", "0")
    for capability in range(_CAPABILITIES_MOST):
        try:
            _called("prctl", _PR_CAPBSET_DROP, capability, 0, 0, 0)
        except OSError:
            break  # the kernel knows no more of them
    _called("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _called("capset", header, (ctypes.c_uint32 * 6)())
    _called("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
