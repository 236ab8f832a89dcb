"""The tools that a conversation began with, and what has been offered instead. Pure.

A model's thinking is bound to the tools it was made under, so a conversation keeps
those that it began with. Where a server offers others (in another process, mostly), the
message from which they hold notes them, and whoever writes requests tells the model
what came and what went.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from agents.protocol.backend import KnownTool, Message, ToolSpec
from agents.protocol.chunks import one_line

Offer: TypeAlias = tuple[ToolSpec | KnownTool, ...]


class ToolChange(NamedTuple):
    """The difference between two successive offers of tools."""

    added: Offer
    removed: tuple[str, ...]
    """Names, in the order in which they were offered."""


def change_of(before: Offer, after: Offer) -> ToolChange:
    """The difference between two offers. A tool of the same name is the same tool.

    Its description may have changed: the model goes by the one it was first told.
    """
    had, has = {tool.name for tool in before}, {tool.name for tool in after}
    return ToolChange(
        tuple(tool for tool in after if tool.name not in had),
        tuple(tool.name for tool in before if tool.name not in has),
    )


def offers_in(messages: Sequence[Message]) -> list[tuple[int, Offer]]:
    """Each offer that is noted, by the place of its message."""
    noted = enumerate(messages)
    return [(place, message.tools) for place, message in noted if message.tools]


def recorded(offer: Offer) -> tuple[msgspec.Raw, ...]:
    """``offer`` as a chunk holds it."""
    return tuple(one_line(msgspec.json.encode(tool)) for tool in offer)


def read(tools: Iterable[msgspec.Raw]) -> Offer:
    """An offer, out of a chunk."""
    return tuple(
        msgspec.json.decode(
            tool, type=KnownTool if "type" in msgspec.json.decode(tool) else ToolSpec
        )
        for tool in tools
    )
