"""The editor that Claude knows by its type: views and changes files of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

import msgspec

from agents.boundary.threads import in_thread
from agents.errors import ToolFailed
from agents.protocol.backend import KnownTool
from agents.tools.workspace import schemas
from agents.tools.workspace.commands import Create, Edit, Insert, StrReplace, View
from agents.tools.workspace.folder import Folder
from agents.tools.workspace.texts import inserted, numbered, replaced

TYPE = "text_editor_20250728"
"""The editor of models since generation 4 (docs.claude.com, read 2026-11-22)."""

_decoder = msgspec.json.Decoder(Edit)


def edit(folder: Folder, command: Edit) -> str:
    """Carry out one command in ``folder``; what the model reads of it.

    Raises:
        ToolFailed: It cannot be done as it says.
    """
    match command:
        case View(path=path):
            place = folder.inside(path)
            if place.is_dir():
                return folder.listing(place)
            first, last = command.view_range or (1, -1)
            return numbered(folder.read(path), first, last)
        case Create(path=path):
            folder.write(path, command.file_text)
            return f"{path} is written"
        case StrReplace(path=path, old_str=old, new_str=new):
            changed, around = replaced(folder.read(path), old, new)
        case Insert(path=path, insert_line=line):
            text = command.insert_text or command.new_str
            changed, around = inserted(folder.read(path), line, text)
        case _:
            assert_never(command)
    folder.write(path, changed)
    return f"{path} is changed:\n{around}"


class TextEditor:
    """Views and edits files below ``root``, and no others.

    Args:
        root: The folder; made when it is first used.
    """

    spec = KnownTool(
        type=TYPE,
        name="str_replace_based_edit_tool",
        description="Shows, writes and changes text files in the working folder.",
        input_schema=schemas.EDITOR,
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
        return await in_thread(lambda: edit(self._folder, command))
