"""The memory that Claude knows by its type: files that outlive a conversation."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from agents.boundary.threads import in_thread
from agents.errors import ToolFailed
from agents.protocol.backend import KnownTool
from agents.tools.workspace import schemas
from agents.tools.workspace.commands import (
    Create,
    Delete,
    Insert,
    Keep,
    Rename,
    StrReplace,
    View,
)
from agents.tools.workspace.editor import edit
from agents.tools.workspace.folder import Folder

TYPE = "memory_20250818"
PLACE = "/memories"
"""Where a model believes its memories to be."""

_decoder = msgspec.json.Decoder(Keep)


class Memory:
    """Keeps what an agent wants to remember, in files below ``root``.

    Args:
        root: The folder that the model knows as ``/memories``; made when first used.
    """

    spec = KnownTool(
        type=TYPE,
        name="memory",
        description="Keeps notes in files below /memories, for later.",
        input_schema=schemas.MEMORY,
    )

    def __init__(self, root: Path) -> None:
        self._folder = Folder(root)
        self.serial = self._folder.serial

    @property
    def name(self) -> str:
        """The tool's name, as the model calls it."""
        return self.spec.name

    async def call(self, given: msgspec.Raw) -> str:
        """Carry out one command.

        Raises:
            ToolFailed: It is not one, or cannot be done as it says.
        """
        try:
            command = _decoder.decode(given)
        except msgspec.ValidationError as error:
            raise ToolFailed(f"the command is not usable: {error}") from error
        return await in_thread(lambda: self._carry_out(command))

    def _carry_out(self, command: Keep) -> str:
        match command:
            case Delete(path=path):
                return self._delete(path)
            case Rename(old_path=old, new_path=new):
                return self._rename(old, new)
            case View(path=path) if (folder := self._inside(path)).is_dir():
                return self._folder.listing(folder, shown_as=PLACE)
            case View() | Create() | StrReplace() | Insert():
                placed = msgspec.structs.replace(command, path=_placed(command.path))
                return edit(self._folder, placed)

    def _delete(self, path: str) -> str:
        place = self._existing(path)
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink()
        return f"{path} is deleted"

    def _rename(self, old: str, new: str) -> str:
        place, wanted = self._existing(old), self._inside(new)
        if wanted.exists():
            raise ToolFailed(f"{new} exists; delete it first, or choose another name")
        wanted.parent.mkdir(parents=True, exist_ok=True)
        place.rename(wanted)
        return f"{old} is {new} now"

    def _inside(self, path: str) -> Path:
        return self._folder.inside(_placed(path))

    def _existing(self, path: str) -> Path:
        place = self._inside(path)
        if place == self._folder.root.resolve():
            raise ToolFailed(f"{PLACE} itself stays; name what is in it")
        if not place.exists():
            raise ToolFailed(f"{path} does not exist; view {PLACE} to see what does")
        return place


def _placed(path: str) -> str:
    """``path`` below the folder.

    Raises:
        ToolFailed: It is not below ``/memories``.
    """
    if path != PLACE and not path.startswith(f"{PLACE}/"):
        raise ToolFailed(f"{path} is not in {PLACE}; begin the path with it")
    return path.removeprefix(PLACE).lstrip("/") or "."
