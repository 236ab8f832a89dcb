"""Commands of the editor and the memory, as the API words them. Data."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

_Range: TypeAlias = Annotated[tuple[int, ...], msgspec.Meta(min_length=2, max_length=2)]


class View(msgspec.Struct, frozen=True, kw_only=True, tag_field="command", tag="view"):
    """Show a file, or what is in a folder."""

    path: str
    view_range: _Range | None = None


class Create(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="command", tag="create"
):
    """Write a file, whatever was there."""

    path: str
    file_text: str


class StrReplace(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="command", tag="str_replace"
):
    """Replace what occurs exactly once."""

    path: str
    old_str: str
    new_str: str = ""


class Insert(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="command", tag="insert"
):
    """Put lines after a line; 0 is before the first."""

    path: str
    insert_line: int
    insert_text: str = ""
    new_str: str = ""
    """The text, under the name that older models use."""


class Delete(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="command", tag="delete"
):
    """Remove a file, or a folder with all that is in it."""

    path: str


class Rename(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="command", tag="rename"
):
    """Give a file or folder another name; nothing is written over."""

    old_path: str
    new_path: str


Edit: TypeAlias = View | Create | StrReplace | Insert
Keep: TypeAlias = Edit | Delete | Rename
