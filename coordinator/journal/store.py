"""The store of journals: one root folder, 0700, files in it, 0600. Links end here.

Owns session ids, paths, creation, locks and the wording of what the operating system
refuses. Every file is opened relative to the root's own descriptor and never through a
link. Everything here blocks: callers on an event loop use a thread. POSIX only, because
of :func:`fcntl.flock`, which goes away with the process however it dies.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import shlex
import shutil
import stat
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from coordinator.errors import ConfigInvalid, JournalUnavailable

IS_POSIX = hasattr(os, "O_NOFOLLOW")
"""Not on Windows: a journal is refused there, and all else works."""

SUFFIX = ".journal"

FILES_SUFFIX = ".files"
"""Of the folder beside a journal into which go files that agents' code has written."""

_SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_PIECES_AT_ONCE = 1_024
"""As many as POSIX systems of today take in one call (``IOV_MAX``)."""
_OPEN = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
)
"""Not blocking, so that a FIFO put in a journal's place cannot hold us up."""

_ADVICE = {
    errno.ENOSPC: "the disk is full; free some space or choose another --journal",
    errno.EDQUOT: "the disk quota is used up; free some or choose another --journal",
    errno.EFBIG: "the file may not grow further; raise the limit (ulimit -f)",
    errno.EROFS: "the file system is read-only; choose another --journal",
    errno.EACCES: "permission denied; choose a --journal folder of your own",
    errno.EPERM: "permission denied; choose a --journal folder of your own",
    errno.ELOOP: "it is a link, and links are not followed; name the real place",
    errno.ENOTDIR: "it is not a folder, or a link to one, and links are not followed",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter --journal",
    errno.EEXIST: "it is there already; resume that session or choose another id",
    errno.EIO: "the disk reports an error; nothing after this is safe on it",
}

sync_data = getattr(os, "fdatasync", os.fsync)
"""Makes a file's bytes and length durable; macOS has ``fsync`` only."""


VARIABLE = "COORDINATOR_SESSIONS"
"""Names the usual folder; ``off``: programs keep nothing unless they name one."""


def usual_root() -> Path | None:
    """The usual folder, made if it is not there; ``None``: nothing is kept there.

    A program that named none is not refused its session because of it: what is wrong
    with the folder is for the log.
    """
    if not IS_POSIX or os.environ.get(VARIABLE) == "off":
        return None
    root = default_root()
    try:
        with open_folder(root, create=True):
            if os.access(root, os.W_OK | os.X_OK):
                return root
        why = f"journal folder {str(root)!r} cannot be written"
    except JournalUnavailable as error:
        why = str(error)
    logging.getLogger("coordinator.journal").warning("nothing is kept: %s", why)
    return None


def default_root() -> Path:
    """Where journals go unless ``--journal`` says otherwise."""
    named = os.environ.get(VARIABLE, "")
    if named and named != "off":
        return Path(named).expanduser()
    import platformdirs  # noqa: PLC0415 (only needed where no folder was named)

    return platformdirs.user_state_path("massgen-coordinator") / "sessions"


def option_of(root: Path) -> str:
    """The program's option for this folder; empty where it is the usual one."""
    if root == default_root():
        return ""
    return f" --journal {shlex.quote(str(root))}"


def checked_session_id(text: str) -> str:
    """Let a session id through.

    Raises:
        ConfigInvalid: It could name something else than a file in the root.
    """
    if not _SESSION_ID.fullmatch(text):
        raise ConfigInvalid(
            f"session id {text[:80]!r} is not usable; use up to 64 letters, digits, "
            "'_' or '-', and begin with a letter or digit"
        )
    return text


def unavailable(path: Path, trouble: OSError) -> JournalUnavailable:
    """Say what the operating system refused, and the way out."""
    advice = _ADVICE.get(trouble.errno or 0, os.strerror(trouble.errno or 0))
    if trouble.errno == errno.ENOENT:
        root = path.parent if path.suffix == SUFFIX else path
        advice = f"there is none; see: coordinator sessions list{option_of(root)}"
    return JournalUnavailable(f"journal {str(path)!r}: {advice}", path=path)


@contextmanager
def mapped(path: Path) -> Generator[None]:
    """Turn an ``OSError`` about ``path`` into :class:`JournalUnavailable`."""
    try:
        yield
    except OSError as trouble:
        raise unavailable(path, trouble) from trouble


class Folder:
    """A root folder, held open so that nobody can put another in its place."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self._fd = fd

    def path_of(self, name: str) -> Path:
        """The full path of a file in here, for messages."""
        return self.path / name

    def insist_on_privacy(self, *, may_be_sticky: bool = False) -> None:
        """Refuse a folder in which others could replace a file beneath us.

        Args:
            may_be_sticky: Let one through in which everybody writes and nobody can
                replace what is another's, like ``/tmp``.

        Raises:
            JournalUnavailable: Others may write into it, or it is theirs.
        """
        assert sys.platform != "win32"  # a journal's folder is refused there
        state = os.fstat(self._fd)
        is_shared = state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if may_be_sticky and state.st_mode & stat.S_ISVTX:
            is_shared = 0
        if is_shared:
            raise JournalUnavailable(
                f"journal folder {str(self.path)!r} is writable for others; "
                f"run: chmod 700 {shlex.quote(str(self.path))}"
            )
        if state.st_uid not in {os.geteuid(), 0}:
            raise JournalUnavailable(
                f"journal folder {str(self.path)!r} belongs to user {state.st_uid}, "
                "who could replace what is in it; choose a --journal folder of your own"
            )

    def create(self, name: str) -> int:
        """Make a file that was not there; the caller closes the descriptor.

        Raises:
            JournalUnavailable: It exists, or cannot be made.
        """
        assert sys.platform != "win32"
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | _OPEN
        with mapped(self.path_of(name)):
            fd = os.open(name, flags, 0o600, dir_fd=self._fd)
            try:
                os.fchmod(fd, 0o600)  # whatever the umask takes away
                os.fsync(self._fd)  # the name itself must survive power loss
            except OSError:
                os.close(fd)
                raise
        return fd

    def open(self, name: str, *, writable: bool = False) -> int:
        """Open a file that is there; the caller closes the descriptor.

        Raises:
            JournalUnavailable: There is none, it is a link or no plain file, or it may
                not be opened.
        """
        flags = (os.O_RDWR | os.O_APPEND if writable else os.O_RDONLY) | _OPEN
        with mapped(self.path_of(name)):
            fd = os.open(name, flags, dir_fd=self._fd)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise JournalUnavailable(
                f"journal {str(self.path_of(name))!r}: it is not a plain file"
            )
        return fd

    def publish(self, name: str, public: str) -> None:
        """Give a file the name that others know; never in place of another.

        Raises:
            JournalUnavailable: There is a file of that name, or none can be made.
        """
        with mapped(self.path_of(public)):
            try:
                os.link(name, public, src_dir_fd=self._fd, dst_dir_fd=self._fd)
            except FileExistsError:
                raise
            except OSError:
                # A file system without hard links: look, then rename.
                if public in self.names():
                    raise FileExistsError(errno.EEXIST, "is there", public) from None
                os.rename(name, public, src_dir_fd=self._fd, dst_dir_fd=self._fd)
            else:
                os.unlink(name, dir_fd=self._fd)
            os.fsync(self._fd)

    def remove(self, name: str) -> None:
        """Delete a file, if it is there."""
        with mapped(self.path_of(name)):
            try:
                os.unlink(name, dir_fd=self._fd)
            except FileNotFoundError:
                return
            os.fsync(self._fd)

    def files_in(self, name: str) -> list[int]:
        """The sizes of the files in a folder in here; none where it is no folder.

        Raises:
            JournalUnavailable: It may not be read.
        """
        assert sys.platform != "win32"
        with mapped(self.path_of(name)):
            try:
                fd = os.open(name, os.O_DIRECTORY | _OPEN, dir_fd=self._fd)
            except OSError as trouble:
                if trouble.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
                    return []
                raise
            try:
                with os.scandir(fd) as entries:
                    return [one.stat(follow_symlinks=False).st_size for one in entries]
            finally:
                os.close(fd)

    def remove_files(self, name: str) -> None:
        """Delete a folder in here and all that is in it; a link is left alone."""
        with mapped(self.path_of(name)):
            try:
                state = os.stat(name, dir_fd=self._fd, follow_symlinks=False)
            except FileNotFoundError:
                return
            if stat.S_ISDIR(state.st_mode):
                shutil.rmtree(name, dir_fd=self._fd)

    def names(self) -> list[str]:
        """Every name in here, sorted."""
        with mapped(self.path):
            # Of the descriptor: pathlib lists paths only.
            return sorted(os.listdir(self._fd))  # noqa: PTH208

    def sessions(self) -> Iterator[tuple[str, os.stat_result]]:
        """Every session whose journal is a plain file in here, with its state."""
        for name in self.names():
            session = name.removesuffix(SUFFIX)
            if session == name or not _SESSION_ID.fullmatch(session):
                continue
            try:
                state = os.stat(name, dir_fd=self._fd, follow_symlinks=False)
            except FileNotFoundError:
                continue  # removed in between
            if stat.S_ISREG(state.st_mode):
                yield session, state


def is_there(root: Path) -> bool:
    """Whether there is a root folder, or something in its place.

    Raises:
        JournalUnavailable: The system does not let us see, or takes no such name.
    """
    with mapped(root):
        return root.exists()


@contextmanager
def open_folder(root: Path, *, create: bool = False) -> Generator[Folder]:
    """Hold a root folder open.

    Args:
        root: The folder; its last part must not be a link.
        create: Make it, 0700, where it is missing, and insist that nobody else may
            write into it.

    Raises:
        JournalUnavailable: It is missing, a link, another user's, or open to others;
            or the system is not POSIX.
    """
    if sys.platform == "win32" or not IS_POSIX:
        raise JournalUnavailable(
            f"journal folder {str(root)!r}: a journal needs a POSIX system's locks, "
            "which this one has not; run with --no-journal (in Python, journal=False)"
        )
    with mapped(root):
        if create:
            with suppress(FileExistsError):  # what is there instead is said below
                root.mkdir(mode=0o700, parents=True)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(root, flags)
    try:
        folder = Folder(root, fd)
        if create:
            folder.insist_on_privacy(may_be_sticky=True)
        yield folder
    finally:
        os.close(fd)


def lock(fd: int, path: Path) -> None:
    """Claim an open journal for this process until the descriptor is closed.

    Raises:
        JournalUnavailable: Another process (or another part of this one) has it.
    """
    try:
        _claim(fd)
    except BlockingIOError as taken:
        raise JournalUnavailable(
            f"journal {str(path)!r} is in use by another process; wait for that "
            "session to end, or interrupt it"
        ) from taken
    except OSError as trouble:
        raise unavailable(path, trouble) from trouble
    if os.fstat(fd).st_nlink == 0:
        raise JournalUnavailable(f"journal {str(path)!r} was removed meanwhile")


def _claim(fd: int) -> None:
    """Try a few times: whoever lists sessions looks at each lock for an instant."""
    assert sys.platform != "win32"
    import fcntl  # noqa: PLC0415  (not everywhere)

    for _ in range(5):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        else:
            return
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_locked(fd: int) -> bool:
    """Whether somebody is writing this journal now."""
    assert sys.platform != "win32"
    import fcntl  # noqa: PLC0415  (not everywhere)

    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(fd, fcntl.LOCK_UN)
    return False


def read_all(fd: int) -> bytes:
    """Everything in an open file, from its beginning."""
    assert sys.platform != "win32"
    parts: list[bytes] = []
    offset = 0
    while part := os.pread(fd, 1 << 24, offset):
        parts.append(part)
        offset += len(part)
    return b"".join(parts)


def write_pieces(fd: int, pieces: Sequence[bytes]) -> None:
    """Append everything, without joining it first."""
    assert sys.platform != "win32"
    for at in range(0, len(pieces), _PIECES_AT_ONCE):
        some = pieces[at : at + _PIECES_AT_ONCE]
        done = os.writev(fd, some)
        if done < sum(map(len, some)):
            write_all(fd, b"".join(some)[done:])


def write_all(fd: int, data: bytes) -> None:
    """Append everything; the system may take it in several bites."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
