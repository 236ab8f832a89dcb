"""The folder of an agent's tools: one for each session, or a lasting one, locked."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from agents.boundary.guard import attribute_of
from agents.boundary.threads import in_thread
from agents.errors import ToolFailed
from agents.protocol.backend import KnownTool, ToolSpec
from agents.tools.base import Tool, ToolResult
from agents.tools.workspace.shared_folders import (
    DIFF_CHARS,
    SharedCopies,
    SharedFolder,
    files_shown,
)

OWNER = ".session"
"""In a lasting folder: the session that works there, locked as long as it does."""
OWN_FILES = "The files in its author's workspace:"
BOTH = "The files in its author's workspace, and its changes to the shared files:"
MEMORIES = "memories"
"""In an agent's folder of every session: its memories, which are for itself alone."""
NO_SESSION = "no-session"
"""The folder of tools that are used outside of any session."""


class WorkPlace:
    """The folder of one agent, shared by its tools.

    Args:
        root: The team's workspace.
        agent: Whose folder it is.
        lasts: Whether it is the same in every session.
        shared: Folders of the user's that are copied into it.
        skips: Folders within those that no copy holds: workspaces.
        is_shown: Whether the agent's own files are shown with its answer, too.
    """

    def __init__(
        self,
        root: Path,
        agent: str,
        *,
        lasts: bool,
        shared: Sequence[SharedFolder] = (),
        skips: Sequence[Path] = (),
        is_shown: bool = False,
    ) -> None:
        self.root = root
        self.agent = agent
        self.lasts = lasts
        self.shared = tuple(shared)
        self.skips = tuple(skips)
        self.is_shown = is_shown

    def of(self, session: str) -> Path:
        """The folder in one session."""
        if self.lasts:
            return self.root / self.agent
        return self.root / session / self.agent

    def copies(self, session: str) -> SharedCopies | None:
        """The copies in one session; ``None``: nothing is shared."""
        if not self.shared:
            return None
        return SharedCopies(self.shared, self.of(session), self.skips)


class PlacedTool:
    """A tool that works in its agent's folder of whatever session it is in.

    Args:
        place: Where that is.
        make: Makes the tool for a folder.
        session: The session; outside of any where absent.
    """

    def __init__(
        self,
        place: WorkPlace,
        make: Callable[[Path], Tool],
        session: str = NO_SESSION,
    ) -> None:
        self._place = place
        self._make = make
        self._session = session
        self._tool = make(place.of(session))
        self._copies = place.copies(session)
        self._lock: int | None = None

    @property
    def spec(self) -> ToolSpec | KnownTool:
        """Name, description and input schema, as the model gets them."""
        return self._tool.spec

    @property
    def name(self) -> str:
        """The tool's name, as the model calls it."""
        return self._tool.name

    @property
    def serial(self) -> str | None:
        """The group of tools that take turns: those of one folder."""
        return attribute_of(self._tool, "serial", None)

    @property
    def rerunnable(self) -> bool:
        """Whether a call that a dead process may have carried out is made again."""
        return bool(attribute_of(self._tool, "rerunnable", False))

    @property
    def folder(self) -> Path:
        """Where it works."""
        return self._place.of(self._session)

    def in_session(self, session: str) -> PlacedTool:
        """The same tool, at work in ``session``."""
        return PlacedTool(self._place, self._make, session)

    async def call(self, given: msgspec.Raw) -> ToolResult:
        """Do it; see the tool.

        Raises:
            ToolFailed: As the tool does, another session works in the folder, or what
            is shared cannot be copied.
        """
        if self._place.lasts:
            self._hold()
        if self._copies is not None:
            await in_thread(self._copies.make)
        return await self._tool.call(given)

    @property
    def work_heading(self) -> str:
        """The heading over the work where it is more than changes to shared files."""
        if not self._place.is_shown:
            return ""
        return BOTH if self._place.shared else OWN_FILES

    async def work_shown(self) -> str:
        """The agent's work as a unified diff: changes to the user's folders, own files.

        Raises:
            ToolFailed: A file cannot be read.
        """
        if self._copies is None and not self._place.is_shown:
            return ""
        try:
            return await in_thread(self._shown)
        except OSError as error:
            raise ToolFailed(f"a file cannot be read: {error}") from error

    def _shown(self) -> str:
        changes = "" if self._copies is None else self._copies.difference()
        if not self._place.is_shown:
            return changes
        left_out = [folder.name for folder in self._place.shared]
        left_out += [MEMORIES] if self._place.lasts else []
        room = max(0, DIFF_CHARS - len(changes))
        return changes + files_shown(self.folder, left_out, room)

    def _hold(self) -> None:
        """Take a lasting folder for this session, unless it has it.

        Raises:
            ToolFailed: Another session has it.
        """
        if self._lock is not None:
            return
        folder = self._place.of(self._session)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / OWNER, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            owner = os.read(lock, 200).decode("utf-8", "replace")
            if not _is_locked_by_us(lock) and owner != self._session:
                raise ToolFailed(  # noqa: TRY301  (beside the handle it closes)
                    f"the folder is in use by session {owner or 'unknown'!r}; this "
                    "session cannot work in it until that has ended"
                )
            os.ftruncate(lock, 0)
            os.lseek(lock, 0, os.SEEK_SET)
            os.write(lock, self._session.encode())
        except BaseException:
            os.close(lock)
            raise
        self._lock = lock

    def leave(self) -> None:
        """The session has ended: let another one have the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _is_locked_by_us(lock: int) -> bool:
    if sys.platform == "win32":
        return True
    try:
        import fcntl  # noqa: PLC0415  (not everywhere)
    except ImportError:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
