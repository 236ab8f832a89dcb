"""The user's folders in an agent's workspace: copies, their changes, and the way back.

Each agent works in a copy of its own, made when one of its tools is first used, so that
nobody's half-done work meets another's and nothing of the user's changes meanwhile.
What a copy was made of is noted beside the workspace, out of the agents' reach. Going
back, only what an agent has changed is written, and only where the user's file is still
as it was copied. Blocking; whoever awaits calls it in a thread.

Left out of a copy, and never written: version control, installed packages and caches
(:data:`SKIPPED`), links, and what is no regular file.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from difflib import unified_diff
from hashlib import sha256
from io import StringIO
from pathlib import Path
from tempfile import mkstemp
from threading import Lock
from typing import Literal

import msgspec

from agents.errors import ToolFailed
from agents.protocol.unicode_text import whole_text
from agents.tools.workspace.folder import open_below

SKIPPED = frozenset(
    {
        *(".git", ".hg", ".svn"),
        *(".venv", "venv", "node_modules", "__pycache__"),
        ".massgen",
    }
)
FILES_MOST = 20_000
MIB_MOST = 512
"""Of one folder: every agent has a copy."""
DIFF_CHARS = 30_000
"""Of one answer's changes; some 8,000 tokens that every voter reads."""
TEXT_BYTES = 200_000
"""Larger files are named in a difference and not shown."""


class SharedFolder(msgspec.Struct, frozen=True, kw_only=True):
    """A folder of the user's that agents see."""

    name: str
    """The folder's name in a workspace."""
    path: Path
    protect: tuple[str, ...] = ()
    """Files and folders in it that nothing is written to, by their paths within it."""


class FileChange(msgspec.Struct, frozen=True, kw_only=True):
    """One file that differs from what was copied."""

    folder: str
    path: str
    """Within the folder, with ``/``."""
    kind: Literal["added", "changed", "deleted"]

    @property
    def shown(self) -> str:
        """The file as people and agents name it."""
        return whole_text(f"{self.folder}/{self.path}")


class _Base(msgspec.Struct):
    """The originals of the copies: folder → file → digest of its content.

    A file's name is bytes, not always UTF-8: here each byte is a character.
    """

    folders: dict[str, dict[str, str]]


def _noted(path: str) -> str:
    return os.fsencode(path).decode("latin-1")


def _named(note: str) -> str:
    return os.fsdecode(note.encode("latin-1"))


class SharedCopies:
    """The copies of one agent in one session.

    Args:
        folders: What is copied, of different names.
        place: The agent's workspace in the session.
        skips: Folders within those that no copy holds.
    """

    def __init__(
        self,
        folders: Sequence[SharedFolder],
        place: Path,
        skips: Sequence[Path] = (),
    ) -> None:
        self._skips = frozenset(skips)
        self._protected = {folder.name: folder.protect for folder in folders}
        self._folders = {folder.name: folder.path for folder in folders}
        self._roots = {
            name: path.parent if path.is_file() else path
            for name, path in self._folders.items()
        }
        self.place = place
        """The agent's workspace in the session."""
        self._lock = Lock()
        self._note = place.with_name(f"{place.name}.shared.json")

    def make(self) -> None:
        """Copy what is not there yet.

        Raises:
            ToolFailed: A folder is too large, or cannot be read.
        """
        with self._lock:  # two tools may be called at once
            if not self._note.exists():
                self._copy()

    def _copy(self) -> None:
        self.place.mkdir(mode=0o700, parents=True, exist_ok=True)
        base: dict[str, dict[str, str]] = {}
        for name, source in self._folders.items():
            try:
                base[name] = _copied(source, self.place / name, self._skips)
            except OSError as error:
                raise ToolFailed(f"{source} cannot be copied: {error}") from error
        fresh = self._note.with_name(self._note.name + ".new")
        noted = {
            name: {_noted(path): digest for path, digest in files.items()}
            for name, files in base.items()
        }
        fresh.write_bytes(msgspec.json.encode(_Base(noted)))
        fresh.replace(self._note)

    def changes(self) -> tuple[FileChange, ...]:
        """The agent's changes, in the order of names; none before a copy.

        Raises:
            ToolFailed: A copy is gone, or the agent has put a link in its place: what
                that points to is neither read nor taken over.
        """
        listed: list[FileChange] = []
        for name, files in self._base().items():
            if not stat.S_ISDIR(_mode(self.place / name)):
                raise ToolFailed(
                    f"the copy of {name} is no folder any more; nothing of it is "
                    "taken over"
                )
            now = {path: _digest(file) for path, file in _files(self.place / name)}
            for path in sorted({*files, *now}):
                if now.get(path) == files.get(path):
                    continue
                kind = "changed" if path in files and path in now else "added"
                kind = "deleted" if path not in now else kind
                listed.append(FileChange(folder=name, path=path, kind=kind))
        return tuple(listed)

    def difference(self, most: int = DIFF_CHARS) -> str:
        """The changes as a unified diff; empty where there are none.

        Args:
            most: So many characters at most; the rest is named.

        Raises:
            ToolFailed: As for :meth:`changes`.
        """
        parts: list[str] = []
        room = most
        for change in self.changes():
            text = self._diff(change)
            if len(text) > room:
                text = f"{change.kind}: {change.shown} (not shown: it is long)\n"
            room -= len(text)
            parts.append(text)
        return "".join(parts)

    def write_back(self) -> tuple[list[FileChange], list[FileChange]]:
        """Bring the changes to the user's folders.

        Returns:
            What was written; and what was not, because it is protected, the user's own
            file has changed since it was copied, or a link is in the way.

        Raises:
            OSError: A file cannot be written.
            ToolFailed: As for :meth:`changes`.
        """
        written: list[FileChange] = []
        conflicting: list[FileChange] = []
        base = self._base()
        for change in self.changes():
            before = base[change.folder].get(change.path)
            root = self._roots[change.folder]
            target = root / change.path
            if self._is_protected(change) or _now(root, change.path) != before:
                conflicting.append(change)
                continue
            if change.kind == "deleted":
                target.unlink()
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                _replace(self.place / change.folder / change.path, target)
            written.append(change)
        return written, conflicting

    def _is_protected(self, change: FileChange) -> bool:
        return any(
            change.path == each.strip("/")
            or change.path.startswith(each.strip("/") + "/")
            for each in self._protected[change.folder]
        )

    def _base(self) -> dict[str, dict[str, str]]:
        try:
            base = msgspec.json.decode(self._note.read_bytes(), type=_Base)
        except FileNotFoundError:
            return {}
        return {
            name: {_named(note): each for note, each in base.folders[name].items()}
            for name in self._folders
        }

    def _diff(self, change: FileChange) -> str:
        # What is not told is not opened: a pipe may stand in its place.
        theirs = self.place / change.folder / change.path
        root = self._roots[change.folder]
        old = "" if change.kind == "added" else _text(root, root / change.path)
        new = "" if change.kind == "deleted" else _text(self.place, theirs)
        return _difference(change.kind, change.shown, old, new)


def files_shown(
    place: Path, left_out: Sequence[str] = (), most: int = DIFF_CHARS
) -> str:
    """An agent's own files as a unified diff that adds them; empty: it has none.

    Args:
        place: Its workspace in the session.
        left_out: Names in it that are not shown: copies of folders, memories.
        most: So many characters, about; what has no room is named or counted.
    """
    parts: list[str] = []
    room, uncounted = most, 0
    for path, file in _files(place):
        first = path.partition("/")[0]
        if first in left_out or path.startswith(".") or "/." in path:
            continue
        if room <= 0:
            uncounted += 1
            continue
        name = whole_text(path)
        text = _difference("added", name, "", _text(place, file))
        if len(text) > room:
            text = f"added: {name} (not shown: it is long)\n"
        if len(text) > room:
            uncounted += 1
            continue
        parts.append(text)
        room -= len(text)
    if uncounted:
        parts.append(f"and {uncounted} more files\n")
    return "".join(parts)


def _difference(kind: str, name: str, old: str | None, new: str | None) -> str:
    """One file's change as a unified diff, or by its name alone.

    Args:
        kind: Added, changed or deleted.
        name: The file's.
        old: The text before, empty where there was none; ``None``: it is no text.
        new: The text after, likewise.
    """
    if old is None or new is None:
        return f"{kind}: {name} (not shown: no text, or large)\n"
    if not old and not new:
        return f"{kind}: {name} (empty)\n"
    lines = unified_diff(
        _lines(old),
        _lines(new),
        "/dev/null" if kind == "added" else f"a/{name}",
        "/dev/null" if kind == "deleted" else f"b/{name}",
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in lines
    )


def _lines(text: str) -> list[str]:
    r"""The lines of a text as ``diff`` has them: a form feed or ``\r`` ends none."""
    return list(StringIO(text, newline="\n"))


def _copied(source: Path, target: Path, skips: frozenset[Path]) -> dict[str, str]:
    """Copy a folder; the digest of each file, as it was copied.

    Raises:
        ToolFailed: It has too many files, or too large ones.
    """
    digests: dict[str, str] = {}
    size = 0
    partial = target.with_name(f".{target.name}.new")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for path, file in _files(source, skips):
        size += file.stat().st_size
        if len(digests) >= FILES_MOST or size > MIB_MOST * 2**20:
            shutil.rmtree(partial, ignore_errors=True)
            raise ToolFailed(
                f"{source} has more than {FILES_MOST:,} files or {MIB_MOST} MiB, and "
                "every agent has a copy; share a folder within it"
            )
        copy = partial / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
        copy.chmod((file.stat().st_mode & 0o777) | stat.S_IRUSR | stat.S_IWUSR)
        digests[path] = _digest(copy)
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    return digests


def _files(
    folder: Path, skips: frozenset[Path] = frozenset()
) -> Iterator[tuple[str, Path]]:
    """Each regular file below ``folder``, by its path within it; or it alone."""
    if folder.is_file():
        yield folder.name, folder
        return
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(
            each
            for each in folders
            if each not in SKIPPED and Path(place, each) not in skips
        )
        for name in sorted(names):
            file = Path(place, name)
            if stat.S_ISREG(file.lstat().st_mode):
                yield file.relative_to(folder).as_posix(), file


def _digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


def _now(root: Path, path: str) -> str | None:
    """The user's file now, by its digest; ``None``: there is none; empty: a link."""
    real = root.resolve()
    target = root / path
    if target.is_symlink() or not target.resolve().is_relative_to(real):
        return ""
    if not target.exists():
        return None
    return _digest(target) if target.is_file() else ""


def _replace(source: Path, target: Path) -> None:
    """Write a file as a whole, with the mode that it has; a reader sees old or new."""
    known = target if target.exists() else source
    mode = known.stat().st_mode & 0o777
    fd, name = mkstemp(prefix=".", suffix=".new", dir=target.parent)
    os.close(fd)
    fresh = Path(name)
    try:
        shutil.copyfile(source, fresh)
        fresh.chmod(mode)
        fresh.replace(target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def _mode(path: Path) -> int:
    """The type and mode of what is there itself; 0: nothing is."""
    try:
        return path.lstat().st_mode
    except OSError:
        return 0


def _text(root: Path, file: Path) -> str | None:
    """The text of a file below ``root``, empty where there is none.

    A command that still runs may put a link or a pipe in the file's place.

    Returns:
        ``None``: it is no text, too large, or cannot be read.
    """
    if not _mode(file):
        return ""
    try:
        with os.fdopen(open_below(root, file, os.O_RDONLY), "rb") as opened:
            about = os.fstat(opened.fileno())
            if not stat.S_ISREG(about.st_mode) or about.st_size > TEXT_BYTES:
                return None
            return opened.read(TEXT_BYTES).decode()
    except (OSError, UnicodeDecodeError):
        return None
