"""MassGen's way of asking a backend, as a request of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import anyio
import msgspec

from agents.backends.plain_messages import api_messages, system_text
from agents.protocol.backend import Request, ToolSpec
from agents.protocol.chunks import AgentId, TurnNumber
from agents.protocol.stamper import Pen
from agents.protocol.turns import Draft, Present, Review, Turn
from agents.protocol.unicode_text import whole_json

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Callable,
        Mapping,
        Sequence,
    )
    from contextlib import AbstractAsyncContextManager

    from agents.protocol.chunks import StreamChunk
    from agents.protocol.turns import Task

Stream: TypeAlias = "AbstractAsyncContextManager[AsyncIterator[Sequence[StreamChunk]]]"
"""As :meth:`agents.protocol.backend.Backend.open_stream` gives it."""

_TOOL_OPTIONS = ("strict", "defer_loading", "eager_input_streaming")
_OPTIONS = {
    "agent_id",
    "container",
    "enable_code_execution",
    "enable_web_search",
    "model",
}


def plain_request(
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]],
    options: Mapping[str, Any],
) -> Request:
    """Make a request of what ``stream_with_tools`` takes.

    Args:
        messages: ``{"role", "content"}``, with an optional first ``system``.
        tools: In the Messages API's form or OpenAI's.
        options: ``agent_id`` names whose part is played, ``container`` where code runs;
            what turns the API's own tools on is taken and means nothing to a script.

    Raises:
        TypeError: An option is unknown.
    """
    unknown = sorted(options.keys() - _OPTIONS)
    if unknown:
        raise TypeError(
            f"stream_with_tools() has no option {unknown[0]!r}; "
            f"it takes {', '.join(sorted(_OPTIONS))}"
        )
    specs = tuple(_tool(tool) for tool in tools)
    agent = AgentId(str(options.get("agent_id", "scripted")))
    turn = Turn(
        agent=agent,
        number=TurnNumber(1),
        question=_question(messages),
        task=_task({spec.name for spec in specs}),
    )
    return Request(
        turn=turn,
        system=system_text(messages),
        messages=api_messages(messages),
        tools=specs,
        container=options.get("container"),
    )


def _task(tools: set[str]) -> Task:
    if "vote" in tools:
        return Review(answers=(), ballot=None, may_revise="new_answer" in tools)
    return Draft() if "new_answer" in tools else Present(answers=())


def _question(messages: Sequence[Mapping[str, Any]]) -> str:
    questions = [m["content"] for m in messages if m["role"] == "user"]
    return questions[-1] if questions and isinstance(questions[-1], str) else ""


def _tool(tool: Mapping[str, Any]) -> ToolSpec:
    function: Mapping[str, Any] = tool.get("function", tool)
    schema = function.get(
        "input_schema", function.get("parameters", {"type": "object"})
    )
    # OpenAI's stand beside the function, or within it.
    options = {
        name: value
        for each in (tool, function)
        for name in _TOOL_OPTIONS
        if (value := each.get(name)) is not None
    }
    mark = tool.get("cache_control")
    return ToolSpec(
        name=function["name"],
        description=function.get("description") or "",
        input_schema=_json(schema),
        input_examples=tuple(map(_json, tool.get("input_examples") or ())),
        allowed_callers=tuple(map(str, tool.get("allowed_callers") or ())),
        cache_control=None if mark is None else _json(mark),
        **options,
    )


def _json(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(whole_json(value)))


def pen_of(request: Request) -> Pen:
    """The pen that stamps the chunks of such a request, from now on."""
    return Pen(request.turn.agent, request.turn.number, anyio.current_time())


async def chunks_of(
    begin: Callable[[], Stream], grace_s: float
) -> AsyncGenerator[StreamChunk, None]:
    """Give a response's chunks, one an item; close with ``aclosing``.

    Args:
        begin: Opens the stream; called, and what it raises raised, with the first item.
        grace_s: How long leaving the stream may take, also where this is cancelled.

    Raises:
        AgentError: See :class:`agents.protocol.backend.Backend`.
    """
    # By hand, because leaving it is shielded and bounded.
    stream = begin()
    batches = await stream.__aenter__()
    try:
        async for batch in batches:
            for chunk in batch:
                yield chunk
    finally:
        with anyio.move_on_after(grace_s, shield=True):
            await stream.__aexit__(None, None, None)
