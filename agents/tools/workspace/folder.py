"""Paths that a model names, kept inside one folder. Blocking; no rule of any tool."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from agents.errors import ToolFailed

FILE_BYTES_MAX = 1_000_000
"""Largest file that is read or written: a model reads about 100,000 characters."""
LISTED_MAX = 500
"""Most entries of one listing."""
DEPTH_MAX = 2
"""How far below a folder its listing goes."""


def open_below(root: Path, place: Path, flags: int) -> int:
    """A descriptor of ``place``, to which no link leads from ``root``."""
    if sys.platform == "win32" or os.open not in os.supports_dir_fd:
        return os.open(place, flags)
    folders = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    *parents, name = place.relative_to(root).parts
    at = os.open(root, folders)
    try:
        for parent in parents:
            inner = os.open(parent, folders | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = inner
        # Without waiting: a pipe may have taken the file's place as well.
        safe = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(name, flags | safe, 0o666, dir_fd=at)
    finally:
        os.close(at)


class Folder:
    """One folder; every path is taken as one inside it.

    Args:
        root: The folder; made when it is first used.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.abspath(root))  # noqa: PTH100  (no link is resolved)
        self.serial = f"folder {self.root}"
        """The group of tools that work in it: their calls go one after the other."""

    def make(self) -> None:
        """Make the folder, for its owner alone."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def inside(self, path: str) -> Path:
        """Where ``path`` is: below the folder, also where it begins with a slash.

        Raises:
            ToolFailed: It leads out, by dots or by a link.
        """
        if "\0" in path:
            raise ToolFailed(f"{path!r} is not a path")
        wanted = Path(path)
        if wanted.is_absolute() and not wanted.is_relative_to(self.root):
            wanted = wanted.relative_to(wanted.anchor)
        self.make()
        root = self.root.resolve()
        try:
            place = (root / wanted).resolve()
            place.exists()  # asked for its errors: a name may be too long
        except OSError as error:  # its own words name the place on this machine
            raise ToolFailed(f"{path}: {error.strerror}") from None
        except RuntimeError:
            raise ToolFailed(f"{path} is a link that leads to itself") from None
        if not place.is_relative_to(root):
            raise ToolFailed(f"{path} is outside of the workspace; stay inside it")
        return place

    def shown(self, path: Path) -> str:
        """``path`` as a model names it."""
        return "/" + path.relative_to(self.root.resolve()).as_posix().removeprefix(".")

    def read(self, path: str) -> str:
        """The text of a file.

        Raises:
            ToolFailed: There is none, or it is too large, or no text.
        """
        place = self.inside(path)
        if not place.is_file():
            raise ToolFailed(f"{path} is not a file; view its folder to see what is")
        size = place.stat().st_size
        if size > FILE_BYTES_MAX:
            raise ToolFailed(
                f"{path} has {size:,} bytes, more than the {FILE_BYTES_MAX:,} that can "
                "be read at once"
            )
        with self._opened(place, path, os.O_RDONLY) as file:
            data = file.read(FILE_BYTES_MAX + 1)
        try:
            return data.decode()  # line ends as they are
        except UnicodeDecodeError:
            raise ToolFailed(f"{path} is not UTF-8 text") from None

    def write(self, path: str, text: str) -> Path:
        """Write a file, and the folders above it.

        Raises:
            ToolFailed: It is too large, or a folder is in its place.
        """
        place = self.inside(path)
        if len(text.encode()) > FILE_BYTES_MAX:
            raise ToolFailed(
                f"that is more than the {FILE_BYTES_MAX:,} bytes a file may have"
            )
        if place == self.root.resolve() or place.is_dir():
            raise ToolFailed(f"{path} is a folder; name a file")
        if place.exists() and not place.is_file():
            # Opening a pipe without a reader would hang, and a device is no file.
            raise ToolFailed(f"{path} is not a regular file; name another")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ToolFailed(f"{path}: {error.strerror}") from None
        with self._opened(place, path, os.O_WRONLY | os.O_CREAT) as file:
            file.truncate()
            file.write(text.encode())
        return place

    @contextmanager
    def _opened(self, place: Path, path: str, flags: int) -> Generator[IO[bytes]]:
        """Open ``place`` as it was looked at: no part of it is a link by now.

        A command that runs beside may put one there between the look and this.

        Raises:
            ToolFailed: It cannot be opened; its place on this machine is not told.
        """
        try:
            descriptor = open_below(self.root.resolve(), place, flags)
            mode = "rb" if flags == os.O_RDONLY else "wb"
            with os.fdopen(descriptor, mode, buffering=0) as file:
                yield file
        except OSError as error:
            raise ToolFailed(f"{path}: {error.strerror}") from None

    def listing(self, path: Path, *, shown_as: str = "") -> str:
        """The entries below ``path``, folders with a slash at their end.

        Args:
            path: A folder inside this one.
            shown_as: What the model knows this folder as, without a slash at its end.
        """
        lines: list[str] = []
        self._list(path, 1, lines)
        lines = [f"{shown_as}{line}" for line in lines]
        if len(lines) > LISTED_MAX:
            lines = [*lines[:LISTED_MAX], "… there is more"]
        return "\n".join(lines) or "(empty)"

    def _list(self, path: Path, depth: int, lines: list[str]) -> None:
        for entry in sorted(path.iterdir()):
            if entry.name.startswith(".") or len(lines) > LISTED_MAX:
                continue
            is_folder = entry.is_dir() and not entry.is_symlink()
            name = entry.relative_to(self.root.resolve()).as_posix()
            lines.append(f"/{name}{'/' if is_folder else ''}")
            if is_folder and depth < DEPTH_MAX:
                self._list(entry, depth + 1, lines)
