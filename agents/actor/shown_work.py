"""An agent's work in its folder, shown with the answer that it was done for.

Voters judge what they see, so the changes that an agent has made to the user's folders
go with its answer, as a unified diff under its words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import msgspec

from agents.errors import ToolFailed
from agents.protocol.chunks import AnswerProposed, StreamChunk
from agents.protocol.unicode_text import whole_text

if TYPE_CHECKING:
    from agents.agent import Agent

HEADING = "Changes to the shared files, as they are in its author's copy:"


@runtime_checkable
class ShowsWork(Protocol):
    """A tool whose work others see with the answer that it was done for."""

    async def work_shown(self) -> str:
        """What it has done in this session, as text; empty: nothing to show.

        Raises:
            ToolFailed: That cannot be told.
        """
        ...


async def with_work(
    agent: Agent, last: tuple[StreamChunk, ...]
) -> tuple[StreamChunk, ...]:
    """The last chunks of a turn of ``agent``'s, an answer among them with its work."""
    if not any(isinstance(chunk, AnswerProposed) for chunk in last):
        return last
    work = await _work_of(agent)
    if not work:
        return last
    return tuple(
        msgspec.structs.replace(chunk, content=f"{chunk.content}\n\n{work}")
        if isinstance(chunk, AnswerProposed)
        else chunk
        for chunk in last
    )


async def _work_of(agent: Agent) -> str:
    """The first tool's that has a folder: its others work in the same one."""
    tool = next((each for each in agent.tools if isinstance(each, ShowsWork)), None)
    if tool is None:
        return ""
    try:
        shown = await tool.work_shown()
    except ToolFailed as error:
        return f"{HEADING} they cannot be told: {error}"
    return f"{HEADING}\n\n```diff\n{whole_text(shown)}```" if shown else ""
