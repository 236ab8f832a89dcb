"""An agent's work in its folder, shown with the answer that it was done for.

Voters judge what they see, so the changes that an agent has made to the user's folders
go with its answer, as a unified diff under its words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

import anyio
import msgspec

from agents.boundary.guard import (
    class_name,
    is_a,
    log_error,
    offers,
    text_attribute,
    text_of,
    words_of,
)
from agents.boundary.plain_tools import plain_tool
from agents.boundary.root import RootTask
from agents.errors import ToolFailed
from agents.protocol.chunks import AnswerProposed, StreamChunk
from agents.protocol.unicode_text import whole_text

if TYPE_CHECKING:
    from agents.agent import Agent

SHOWN_S = 30.0
"""How long a tool may take to tell: a difference of many files is read from disk."""
CANCELLED_S = 2.0
"""How long it may take to end once it is cancelled; then it is left behind."""

HEADING = "Changes to the shared files, as they are in its author's copy:"


@runtime_checkable
class ShowsWork(Protocol):
    """A tool whose work others see with the answer that it was done for."""

    async def work_shown(self) -> str:
        """The agent's work in this session, as text; empty: nothing to show.

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
    sources = (plain_tool(tool).source for tool in agent.tools)
    tool = next((each for each in sources if offers(each, ShowsWork)), None)
    if tool is None:
        return ""
    task = RootTask(f"work of {class_name(tool)}", lambda: tool.work_shown())  # noqa: PLW0108  (the attribute is the caller's)
    with anyio.move_on_after(SHOWN_S):
        await task.finish(CANCELLED_S)
    error = task.error
    heading = text_attribute(tool, "work_heading") or HEADING
    shown: object = task.value  # whatever the caller's code has returned
    if task.is_cancelled:
        problem = f"that took longer than {SHOWN_S:g} s"
    elif error is not None and is_a(error, ToolFailed):
        problem = text_of(error)
    elif error is not None:
        log_error(f"work_shown of {class_name(tool)}", error)
        problem = words_of(error)
    elif not issubclass(type(shown), str):
        problem = f"work_shown returned {class_name(shown)}, which is no text"
    else:
        diff = whole_text(str.__getitem__(cast("str", shown), slice(None)))
        return f"{heading}\n\n```diff\n{diff}```" if diff else ""
    return f"{heading} they cannot be told: {problem}"
