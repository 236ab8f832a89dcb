"""The moves of one response, in the API's order, and what it costs."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, assert_never

import msgspec

from agents.backends.scripted import api_objects as shapes
from agents.backends.scripted.request_match import (
    CHARACTERS_A_TOKEN,
    Seen,
    tokens,
    weigh,
)
from agents.backends.scripted.response_steps import (
    BlockCloses,
    BlockOpens,
    Breaks,
    Cited,
    DeltaKind,
    Deltas,
    MessageCloses,
    MessageOpens,
    Move,
    Pause,
    Pinged,
    RawSent,
    Sealed,
)
from agents.backends.scripted.script import (
    Abstain,
    Answer,
    Approve,
    Block,
    Disconnect,
    Fail,
    JsonObject,
    Line,
    McpTool,
    Ping,
    Rank,
    RawBytes,
    RedactedThinking,
    RepeatText,
    Score,
    ServerTool,
    SetContainer,
    SetStopReason,
    SetUsage,
    Stall,
    Text,
    Thinking,
    Tool,
    Truncate,
    Vote,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_WORDS = re.compile(r"\s*\S+|\s+")


class CacheCount(msgspec.Struct, frozen=True, kw_only=True):
    """Input tokens that the prompt cache read and wrote for a request."""

    read: int = 0
    written_5m: int = 0
    written_1h: int = 0


class Response:
    """Sets out the moves of one response and counts what it costs.

    Args:
        model: The name it appears under.
        deal: Makes an id that begins with the given prefix.
        lines: Already cast, see :func:`agents.backends.scripted.tool_calls.cast_line`.
        seen: What the model was given.
        cached: How much of that the prompt cache knew.
        pings: Whether a ping follows the first block's opening, as the API does.
        max_tokens: The most that may be written; ``repeat_text`` is cut by nothing.
    """

    def __init__(
        self,
        model: str,
        deal: Callable[[str], str],
        lines: Sequence[Line],
        seen: Seen,
        cached: CacheCount,
        *,
        pings: bool,
        max_tokens: int | None = None,
    ) -> None:
        self._model = model
        self._deal = deal
        self._lines = lines
        self._seen = seen
        self._cached = cached
        self._pings = pings
        self._max_tokens = max_tokens
        self._blocks = 0
        self._written = 0
        self._thought = 0
        self._searches = 0
        self._fetches = 0
        self._stop_reason = "end_turn"
        self._is_cut = False
        self._is_endless = any(isinstance(line, RepeatText) for line in lines)
        self._stop_details: JsonObject | None = None
        self._settings: JsonObject = {}
        for line in lines:
            if isinstance(line, SetUsage):
                self._settings.update(line.usage)
        self._container = next((x for x in lines if isinstance(x, SetContainer)), None)

    def moves(self) -> Iterator[Move]:
        """Set the moves out, lazily; may be taken once."""
        is_begun = False
        for line in self._lines:
            if line.delay_s:
                yield Pause(line.delay_s)
            if isinstance(line, SetUsage | SetContainer):
                continue
            if isinstance(line, Fail | Stall | Truncate | Disconnect):
                yield Breaks(line, is_begun)
                return
            # The message opens with its first line, after that line's delay, which is
            # therefore the time to the first token.
            if not is_begun:
                yield self._opening()
                is_begun = True
            if isinstance(line, SetStopReason):
                self._stop_reason = line.stop_reason
                if line.category:
                    details = {"type": line.stop_reason, "category": line.category}
                    self._stop_details = details
                break
            for move in self._fitting(line):
                yield move
                if self._pings and isinstance(move, BlockOpens):
                    yield Pinged()
                    self._pings = False
            if self._is_cut:
                break
        if not is_begun:
            yield self._opening()
        yield self._closing()

    def _fitting(self, line: Line) -> Iterator[Move]:
        """The moves of a line, as far as may be written."""
        before = self._written
        moves = self._line(line)
        if self._max_tokens is None or isinstance(line, RepeatText):
            yield from moves
            return
        left = self._max_tokens * CHARACTERS_A_TOKEN - before
        typed = ""
        for move in moves:
            if isinstance(move, Deltas):
                pieces = _as_long(move.pieces, left)
                left -= sum(map(len, move.pieces))
                typed += "".join(pieces)
                if any(pieces) or left >= 0:
                    yield msgspec.structs.replace(move, pieces=pieces)
            elif left >= 0:
                yield move
            elif isinstance(move, BlockCloses):
                yield BlockCloses(move.block, move.content, typed)
                self._is_cut = True
                self._stop_reason = "max_tokens"
                return

    def _line(self, line: Line) -> Iterator[Move]:
        match line:
            case Text():
                yield from self._text(line)
            case Thinking():
                yield from self._thinking(line)
            case RedactedThinking():
                yield from self._whole(
                    {"type": "redacted_thinking", "data": line.redacted_thinking}
                )
            case Tool():
                yield from self._tool(line)
            case ServerTool():
                yield from self._server_tool(line)
            case McpTool():
                yield from self._mcp_tool(line)
            case RepeatText():
                yield from self._repeated(line)
            case Block():
                yield from self._whole(line.block)
            case Ping():
                yield Pinged()
            case RawBytes():
                yield RawSent(line.raw)
            case Answer() | Vote() | Rank() | Approve() | Score() | Abstain():
                raise AssertionError("cast_line makes tool calls of these")
            case SetUsage() | SetContainer() | SetStopReason():
                raise AssertionError("moves() takes these")
            case Fail() | Stall() | Truncate() | Disconnect():
                raise AssertionError("moves() takes these")
            case _:
                assert_never(line)

    def _opening(self) -> Move:
        usage: JsonObject = {
            **self._input_usage(),
            "cache_creation": {
                "ephemeral_5m_input_tokens": self._cached.written_5m,
                "ephemeral_1h_input_tokens": self._cached.written_1h,
            },
            "output_tokens": 1,
            "service_tier": "standard",
        }
        for key in usage.keys() & self._settings.keys() - {"output_tokens"}:
            usage[key] = self._settings[key]
        return MessageOpens(shapes.message(self._model, self._deal("msg"), usage))

    def _input_usage(self) -> JsonObject:
        cached = self._cached
        written = cached.written_5m + cached.written_1h
        return {
            "input_tokens": max(0, self._seen.input_tokens - cached.read - written),
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": cached.read,
        }

    def _closing(self) -> Move:
        written = tokens(self._written)
        if self._max_tokens is not None and not self._is_endless:
            written = min(written, self._max_tokens)
        usage = {**self._input_usage(), "output_tokens": written}
        if self._thought:
            usage["output_tokens_details"] = {"thinking_tokens": tokens(self._thought)}
        if self._searches or self._fetches:
            usage["server_tool_use"] = {
                "web_search_requests": self._searches,
                "web_fetch_requests": self._fetches,
            }
        delta: JsonObject = {
            "stop_reason": self._stop_reason,
            "stop_sequence": None,
            "stop_details": self._stop_details,
        }
        if self._container:
            delta["container"] = {
                "id": self._container.container,
                "expires_at": self._container.expires_at or shapes.EXPIRES_AT,
            }
        return MessageCloses(delta, {**usage, **self._settings})

    def _next_block(self) -> int:
        self._blocks += 1
        return self._blocks - 1

    def _whole(self, content: JsonObject) -> Iterator[Move]:
        block = self._next_block()
        self._written += weigh(content)
        yield BlockOpens(block, content)
        yield BlockCloses(block, content)

    def _text(self, line: Text) -> Iterator[Move]:
        block = self._next_block()
        content: JsonObject = {"type": "text", "text": ""}
        if line.citations:
            content = {"citations": [], **content}
        self._written += len(line.text)
        yield BlockOpens(block, content)
        for citation in line.citations:
            yield Cited(block, citation)
        yield from _streamed(block, "text", line.text, line.rate, line.size)
        yield BlockCloses(block, content)

    def _thinking(self, line: Thinking) -> Iterator[Move]:
        block = self._next_block()
        content: JsonObject = {"type": "thinking", "thinking": "", "signature": ""}
        self._written += len(line.thinking)
        self._thought += len(line.thinking)
        yield BlockOpens(block, content)
        yield from _streamed(block, "thinking", line.thinking, line.rate, line.size)
        yield Sealed(block, shapes.sign(self._model, line.thinking))
        yield BlockCloses(block, content)

    def _tool(self, line: Tool) -> Iterator[Move]:
        content: JsonObject = {
            "type": "tool_use",
            "id": self._deal("toolu"),
            "name": line.tool,
            "input": {},
        }
        self._stop_reason = "tool_use"
        typed = _typed(line.input) if line.input_text is None else line.input_text
        yield from self._called(content, typed, line)

    def _server_tool(self, line: ServerTool) -> Iterator[Move]:
        content: JsonObject = {
            "type": "server_tool_use",
            "id": self._deal("srvtoolu"),
            "name": line.server_tool,
            "input": {},
        }
        self._searches += line.server_tool == "web_search"
        self._fetches += line.server_tool == "web_fetch"
        yield from self._called(content, _typed(line.input), line)
        yield from self._returned(
            shapes.server_result(line, content["id"]), line.runs_s
        )

    def _mcp_tool(self, line: McpTool) -> Iterator[Move]:
        content: JsonObject = {
            "type": "mcp_tool_use",
            "id": self._deal("mcptoolu"),
            "name": line.mcp_tool,
            "input": {},
            "server_name": line.server,
        }
        yield from self._called(content, _typed(line.input), line)
        yield from self._returned(shapes.mcp_result(line, content["id"]), line.runs_s)

    def _called(
        self, content: JsonObject, typed: str, line: Tool | ServerTool | McpTool
    ) -> Iterator[Move]:
        block = self._next_block()
        self._written += len(typed)
        yield BlockOpens(block, content)
        # The API's first input delta is always empty.
        yield Deltas(block, "input", ("",))
        yield from _streamed(block, "input", typed, line.rate, line.size)
        yield BlockCloses(block, content, typed)

    def _returned(self, content: JsonObject, runs_s: float) -> Iterator[Move]:
        if runs_s:
            yield Pause(runs_s)
        block = self._next_block()
        yield BlockOpens(block, content)
        yield BlockCloses(block, content)

    def _repeated(self, line: RepeatText) -> Iterator[Move]:
        block = self._next_block()
        content: JsonObject = {"type": "text", "text": ""}
        repeated = line.repeat_text
        self._written += len(repeated.text) * repeated.times
        yield BlockOpens(block, content)
        yield Deltas(block, "text", (repeated.text,), repeated.times, repeated.batch)
        yield BlockCloses(block, content)


def _as_long(pieces: Sequence[str], characters: int) -> tuple[str, ...]:
    """``pieces`` up to so many characters."""
    shortened: list[str] = []
    for piece in pieces:
        if characters <= 0 and piece:
            break
        shortened.append(piece[: max(0, characters)])
        characters -= len(piece)
    return tuple(shortened)


def _typed(value: JsonObject) -> str:
    """Write a tool's input as models do; nothing at all where it has no fields."""
    return json.dumps(value, ensure_ascii=False) if value else ""


def _streamed(
    block: int, kind: DeltaKind, text: str, rate: float | None, size: int | None
) -> Iterator[Move]:
    if not text:
        return
    if size is not None:
        pieces = tuple(text[at : at + size] for at in range(0, len(text), size))
    elif rate is not None:
        pieces = tuple(_WORDS.findall(text))
    else:
        pieces = (text,)
    if rate is None:
        yield Deltas(block, kind, pieces)
        return
    for piece in pieces:
        yield Pause(len(piece) / rate)
        yield Deltas(block, kind, (piece,))
