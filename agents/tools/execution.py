"""One call of a tool of ours, whatever the tool does: a result within its time.

Here a tool's exceptions become results for the model; see :mod:`agents.boundary`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import anyio
import anyio.lowlevel
import msgspec

from agents.boundary.guard import class_name, is_a, log_error, text_of, words_of
from agents.boundary.root import RootTask
from agents.boundary.threads import CallClock
from agents.errors import ToolFailed
from agents.protocol.chunks import ToolCalled
from agents.protocol.unicode_text import whole_text
from agents.tools.result_blocks import NO_OUTPUT, cut_text, fit_blocks

if TYPE_CHECKING:
    from agents.tools.base import Tool, ToolResult

ERROR_CHARS = 2_000
CANCELLED_S = 1.0
"""How long a tool may take to end once its time is up or its turn is cancelled."""


class Returned(NamedTuple):
    """The result of one call."""

    content: msgspec.Raw
    """A JSON string or an array of content blocks."""
    is_error: bool
    elapsed_s: float = 0.0


def failure(message: str, elapsed_s: float = 0.0) -> Returned:
    """An error result that says ``message``, cut to what a model can use."""
    return Returned(_text(message[:ERROR_CHARS]), is_error=True, elapsed_s=elapsed_s)


async def run_call(tool: Tool, call: ToolCalled, timeout_s: float) -> Returned:
    """Run ``call``; whatever ``tool`` raises or does is its result.

    The tool has a task of its own. Where it does not end by itself when its time is up,
    or when the turn is cancelled, it is left behind.

    Args:
        tool: The tool called.
        call: The call; input that is no JSON is not run.
        timeout_s: Seconds after which the tool is cancelled; waiting for a free thread
            does not count.
    """
    began = anyio.current_time()
    if not call.is_valid:
        await anyio.lowlevel.checkpoint()
        return failure(f"the input of {call.name} is not valid JSON; call it again")
    scope = anyio.CancelScope()
    clock = CallClock(scope, timeout_s)
    with clock.in_use():
        task = RootTask(
            f"tool {call.name}", lambda: tool.call(call.input), names_blocking=True
        )
    clock.also_ends(task.scope)
    with scope:
        await task.finish(CANCELLED_S)
    if scope.cancelled_caught or task.is_cancelled:
        way = "does not stop: it is left behind" if task.is_left else "was stopped"
        return failure(
            f"{call.name} took longer than {timeout_s:g} s and {way}", _since(began)
        )
    return _outcome(call, task, _since(began))


def _outcome(
    call: ToolCalled, task: RootTask[ToolResult], elapsed_s: float
) -> Returned:
    """The result of a call that has ended."""
    error = task.error
    if error is None:
        try:
            content = _content(task.value)
            return Returned(content, is_error=False, elapsed_s=elapsed_s)
        except ToolFailed as problem:
            error = problem
    if is_a(error, ToolFailed):
        return failure(text_of(error), elapsed_s)
    # No traceback: paths and source lines are nothing a model should read.
    log_error(f"tool {call.name}", error)
    return failure(words_of(error), elapsed_s)


def _content(result: object) -> msgspec.Raw:
    """``result`` as it goes back to the model.

    Raises:
        ToolFailed: It is neither text nor an array of blocks.
    """
    # By its type: isinstance would ask the result, which may answer anything.
    if issubclass(type(result), str):
        # A plain text, also where it is of a class of its own.
        text = str.__getitem__(cast("str", result), slice(None))
        return _text(cut_text(text) if text.strip() else NO_OUTPUT)
    if not issubclass(type(result), msgspec.Raw):
        raise ToolFailed(
            f"the tool returned {class_name(result)}, which is neither text nor blocks"
        )
    try:
        raw = cast("msgspec.Raw", result)
        blocks: object = json.loads(bytes(raw).decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise ToolFailed("the tool returned blocks that are no JSON array") from error
    if not isinstance(blocks, list):
        raise ToolFailed("the tool returned blocks that are no JSON array")
    return msgspec.Raw(msgspec.json.encode(fit_blocks(cast("list[Any]", blocks))))


def _text(text: str) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(whole_text(text)))


def _since(began: float) -> float:
    return anyio.current_time() - began
