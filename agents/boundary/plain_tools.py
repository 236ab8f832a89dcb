"""Tools as they were read once: plain values in place of a caller's attributes.

A tool's name, form, group and promise are asked for at every model call. A property of
the caller's may raise, change, or answer with what cannot be compared. So each tool is
read here, when its session or toolbox opens; afterwards only its ``call`` is the
caller's, and that has a task of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import msgspec

from agents.boundary.guard import (
    TEXTS_MOST,
    class_name,
    flag_of,
    plain_text,
    text_attribute,
)
from agents.errors import ToolsUnavailable
from agents.protocol.backend import KnownTool, ToolSpec
from agents.tools.base import Tool, ToolResult

if TYPE_CHECKING:
    from typing_extensions import TypeIs


@dataclass(frozen=True, slots=True)
class PlainTool:
    """A tool of a caller's, read once."""

    source: Tool
    """The caller's own."""
    spec: ToolSpec | KnownTool
    name: str
    serial: str | None
    """The group of calls that take turns; ``None``: it stands alone."""
    rerunnable: bool
    """Whether a call that a dead process may have carried out is made again."""

    async def call(self, given: msgspec.Raw) -> ToolResult:
        """Do it, as the caller's own does.

        Raises:
            BaseException: Anything.
        """
        return await self.source.call(given)


def plain_tool(tool: Tool) -> PlainTool:
    """``tool``, read once.

    Raises:
        ToolsUnavailable: It is no tool.
        BaseException: What its attributes raise.
    """
    if type(tool) is PlainTool:
        return tool
    spec = cast("object", tool.spec)  # whatever a caller's class has there
    name = plain_text(tool.name)
    if not _is_plain(spec) or name != spec.name:
        raise ToolsUnavailable(
            f"it offers {class_name(tool)}, which is no tool: its 'spec' is no "
            "ToolSpec, or has another name"
        )
    return PlainTool(
        source=tool,
        spec=spec,
        name=spec.name,
        serial=text_attribute(tool, "serial") or None,
        rerunnable=flag_of(tool, "rerunnable"),
    )


def plain_tools(tools: Iterable[Tool]) -> tuple[PlainTool, ...]:
    """``tools``, each read once.

    Raises:
        ToolsUnavailable: One is no tool, or they are too many.
        BaseException: What they raise.
    """
    read: list[PlainTool] = []
    for tool in tools:
        if len(read) == TEXTS_MOST:
            raise ToolsUnavailable(f"it offers more than {TEXTS_MOST:,} tools")
        read.append(plain_tool(tool))
    return tuple(read)


def _is_plain(spec: object) -> TypeIs[ToolSpec | KnownTool]:
    """Whether ``spec`` is one, with plain values: a struct takes what it is given."""
    if type(spec) is not ToolSpec and type(spec) is not KnownTool:
        return False
    kinds: set[type] = set()
    for name in spec.__struct_fields__:
        value: object = getattr(spec, name)
        is_many = type(value) is tuple
        many = cast("tuple[object, ...]", value) if is_many else (value,)
        kinds.update(map(type, many))
    return kinds <= _PLAIN


_PLAIN: set[type] = {str, bool, msgspec.Raw, type(None)}
