"""Waits until a team is in full voice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.protocol.chunks import AgentId, TextDelta

if TYPE_CHECKING:
    from coordinator.session.subscription import Feed


async def until_all_speak(feed: Feed, agents: int) -> None:
    """Return when so many agents have said some text; the rest of ``feed`` is left."""
    speaking: set[AgentId] = set()
    async for batch in feed:
        speaking |= {event.agent for event in batch if isinstance(event, TextDelta)}
        if len(speaking) == agents:
            return
