"""Tools that came and went amid a conversation, as the Messages API is told. Pure.

A model's thinking is bound to ``tools`` and all messages before it, so the parameter
stays what the conversation began with, and a message of the system's says what has come
and what is gone since (SDK 2.14.0, ``BetaSystemMessageParam``, read 2026-12-01). Models
that do not bind their thinking are given the tools that there are.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import msgspec

from agents.backends.claude.model_limits import limits_of
from agents.backends.claude.server_tools import Json
from agents.backends.claude.settings import INLINE_TOOLS, TOOL_CHANGES, ClaudeSettings
from agents.conversation.tool_offers import Offer, ToolChange, change_of, offers_in
from agents.protocol.backend import KnownTool, Request, ToolSpec


class ToolChanges(NamedTuple):
    """The tools of a request, and what is told of them on the way."""

    begun_with: Offer
    """For ``tools``."""
    told: tuple[tuple[int, Json], ...] = ()
    """A message each, and behind which of the conversation's it stands."""
    betas: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, settings: ClaudeSettings, request: Request, *, is_bare: bool
    ) -> ToolChanges:
        """The tools and tool changes that ``request`` sends.

        Args:
            settings: Of which model.
            request: Whose messages may note what was offered when.
            is_bare: No beta may be used that no setting asks for.
        """
        offers = offers_in(request.messages)
        changes = [
            (place, change_of(before, after))
            for (_, before), (place, after) in pairwise(offers)
        ]
        changes = [each for each in changes if any(each[1])]
        if not offers or (
            changes and (is_bare or not limits_of(settings.model).binds_thinking)
        ):
            return cls(request.tools)
        known = {tool.name for tool in offers[0][1]}
        messages = tuple((place, _message(change, known)) for place, change in changes)
        is_inline = any(
            "definition" in block["tool"]
            for _, message in messages
            for block in message["content"]
        )
        betas = (TOOL_CHANGES, INLINE_TOOLS) if is_inline else (TOOL_CHANGES,)
        return cls(offers[0][1], messages, betas if changes else ())

    def told_in(self, conversation: list[Json]) -> list[Json]:
        """``conversation`` with what is told of tools in its places."""
        messages = [*conversation]
        for place, message in reversed(self.told):
            messages.insert(place + 1, message)
        return messages


def json_of(tool: ToolSpec | KnownTool) -> Json:
    """An entry of ``tools``."""
    if isinstance(tool, KnownTool):
        return {"type": tool.type, "name": tool.name}
    fields: Json = msgspec.json.decode(msgspec.json.encode(tool))
    return fields


def _message(change: ToolChange, known: set[str]) -> Json:
    """The message that adds and removes tools; tools that come back are named alone.

    Args:
        change: Of one message.
        known: Names that are defined before it; those that it defines are added.
    """
    content: list[Json] = [
        {"type": "tool_removal", "tool": {"type": "tool_reference", "name": name}}
        for name in change.removed
    ]
    for tool in change.added:
        tool_block: Json = {"type": "tool_definition", "definition": json_of(tool)}
        if tool.name in known:
            tool_block = {"type": "tool_reference", "name": tool.name}
        content.append({"type": "tool_addition", "tool": tool_block})
        known.add(tool.name)
    return {"role": "system", "content": content}
