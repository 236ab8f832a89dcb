"""One call of a tool of ours, whatever the tool does: a result within its time.

This is the boundary at which a tool's exceptions become results for the model.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import anyio
import anyio.lowlevel
import msgspec

from agents.errors import ToolFailed
from agents.protocol.chunks import ToolCalled
from agents.protocol.unicode_text import whole_text
from agents.tools.result_blocks import NO_OUTPUT, cut_text, fit_blocks

if TYPE_CHECKING:
    from agents.tools.base import Tool, ToolResult

ERROR_CHARS = 2_000


class Returned(NamedTuple):
    """What came of a call."""

    content: msgspec.Raw
    """A JSON string or an array of content blocks."""
    is_error: bool
    elapsed_s: float = 0.0


def failure(message: str, elapsed_s: float = 0.0) -> Returned:
    """An error result that says ``message``, cut to what a model can use."""
    return Returned(_text(message[:ERROR_CHARS]), is_error=True, elapsed_s=elapsed_s)


async def run_call(tool: Tool, call: ToolCalled, timeout_s: float) -> Returned:
    """Run ``call``; whatever ``tool`` raises but cancellation is its result.

    Args:
        tool: The tool called.
        call: The call; input that is no JSON is not run.
        timeout_s: Seconds after which the tool is cancelled.
    """
    began = anyio.current_time()
    if not call.is_valid:
        await anyio.lowlevel.checkpoint()
        return failure(f"the input of {call.name} is not valid JSON; call it again")
    try:
        with anyio.move_on_after(timeout_s) as limit:
            content = _content(await tool.call(call.input))
            return Returned(content, is_error=False, elapsed_s=_since(began))
    except ToolFailed as error:
        message = str(error)
    except Exception as error:  # noqa: BLE001  (the boundary named above)
        # No traceback: paths and source lines are nothing a model should read.
        message = f"{type(error).__name__}: {error}"
    else:
        assert limit.cancelled_caught
        message = f"{call.name} took longer than {timeout_s:g} s and was stopped"
    return failure(message, _since(began))


def _content(result: ToolResult) -> msgspec.Raw:
    """``result`` as it goes back to the model.

    Raises:
        ToolFailed: Blocks are not an array.
    """
    if isinstance(result, str):
        return _text(cut_text(result) if result.strip() else NO_OUTPUT)
    try:
        blocks: object = json.loads(bytes(result).decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise ToolFailed("the tool returned blocks that are no JSON array") from error
    if not isinstance(blocks, list):
        raise ToolFailed("the tool returned blocks that are no JSON array")
    return msgspec.Raw(msgspec.json.encode(fit_blocks(cast("list[Any]", blocks))))


def _text(text: str) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(whole_text(text)))


def _since(began: float) -> float:
    return anyio.current_time() - began
