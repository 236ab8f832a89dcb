"""From what Claude Code tells to the chunks of one response. Pure.

It asks its model as often as it likes, and runs tools of its own between: all of that
is one response here. Its own tools are tools that the server runs. It ends where the
model calls a tool of ours, or has nothing more to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from agents.backends.claude_code.prompt import BY, session_item
from agents.backends.dialects.chunk_writer import ChunkWriter, Price
from agents.backends.dialects.json_values import Json, count_of, raw, text_of
from agents.protocol.chunks import StreamChunk, Usage
from agents.protocol.endings import Ending, ending_of
from agents.protocol.stamper import Pen

SERVER = "team"
"""The name of the MCP server with our tools."""
PREFIX = f"mcp__{SERVER}__"

_RESULT = "claude_code_tool_result"


class Reader:
    """Takes in the events of one response.

    Args:
        pen: Stamps the chunks.
        price: What a model's usage costs.
        names: Tools of ours: what they are called on the wire → here.
    """

    def __init__(self, pen: Pen, price: Price, names: Mapping[str, str]) -> None:
        self._writer = ChunkWriter(pen, price, by=BY)
        self._names = names
        self._blocks: dict[int, tuple[int, Json]] = {}
        """Place in the message under way → our block, and what it began as."""
        self._typed: dict[int, str] = {}
        self._running: dict[str, str] = {}
        """Calls of its own tools that have not returned → their names."""
        self._stop_reason = ""
        self._spent = Usage()
        self._spending = Usage()
        self.has_called = False
        """Whether a tool of ours was called, in a message that is whole."""

    def take(self) -> list[StreamChunk]:
        """The chunks since the last call."""
        return self._writer.take()

    def event(self, event: Json) -> None:
        """Take in one event of the Messages API, as Claude Code passes it on."""
        match event.get("type"):
            case "message_start":
                self._start(_object(event.get("message")))
            case "content_block_start":
                place = count_of(event.get("index"))
                self._open(place, _object(event.get("content_block")))
            case "content_block_delta":
                place = count_of(event.get("index"))
                self._grow(place, _object(event.get("delta")))
            case "content_block_stop":
                self._close(count_of(event.get("index")))
            case "message_delta":
                delta = _object(event.get("delta"))
                self._stop_reason = text_of(delta.get("stop_reason"))
                self._spending = _usage(_object(event.get("usage")), self._spending)
            case "message_stop":
                self._stop()
            case _:
                pass  # pings, and what later versions may add

    def returned(self, call_id: str, content: object, *, is_error: bool) -> None:
        """One of its own tools has answered."""
        if self._running.pop(call_id, None) is not None:
            self._writer.server_return(call_id, _RESULT, content, is_error=is_error)

    def end(self, session: str) -> None:
        """There is nothing more to come.

        Args:
            session: In which the conversation goes on.
        """
        for call_id in tuple(self._running):
            self.returned(call_id, "broken off", is_error=True)
        self._writer.close_all()
        if not self._writer.has_started:
            self._writer.start("", {"role": "assistant", "content": []})
        self._writer.item(raw(session_item(session)))
        stop_reason, why = self._ending()
        self._writer.end(stop_reason, why, {"stop_reason": stop_reason})

    def _ending(self) -> tuple[str, Ending]:
        if self.has_called:
            return "tool_use", "calls"
        stop_reason = self._stop_reason or "end_turn"
        # It stopped between a tool of its own and the next word: there is no more.
        if stop_reason == "tool_use":
            return "end_turn", "finished"
        return stop_reason, ending_of(stop_reason)

    def _start(self, message: Json) -> None:
        if not self._writer.has_started:
            self._writer.start(text_of(message.get("model")), message)
        self._blocks, self._typed = {}, {}
        self._spending = _usage(_object(message.get("usage")), Usage())

    def _open(self, place: int, content: Json) -> None:
        kind = text_of(content.get("type"))
        name = text_of(content.get("name"))
        if kind == "tool_use":
            is_ours = name.startswith(PREFIX)
            shown = "tool_use" if is_ours else "server_tool_use"
            name = self._named(name)
            block = self._writer.open_call(text_of(content.get("id")), name, shown)
            self._typed[place] = ""
        else:
            block = self._writer.open(kind or "text", content)
        self._blocks[place] = (block, content)

    def _named(self, wire: str) -> str:
        bare = wire.removeprefix(PREFIX)
        return self._names.get(bare, bare)

    def _grow(self, place: int, delta: Json) -> None:
        if place not in self._blocks:
            return
        block, _ = self._blocks[place]
        match delta.get("type"):
            case "text_delta":
                self._writer.text(block, text_of(delta.get("text")))
            case "thinking_delta":
                self._writer.think(block, text_of(delta.get("thinking")))
            case "input_json_delta":
                typed = text_of(delta.get("partial_json"))
                self._typed[place] = self._typed.get(place, "") + typed
                self._writer.type_input(block, typed)
            case _:
                pass  # signatures: its own transcript keeps them

    def _close(self, place: int) -> None:
        if place not in self._blocks:
            return
        block, content = self._blocks.pop(place)
        self._writer.close(block)
        if content.get("type") != "tool_use":
            return
        call_id, wire = text_of(content.get("id")), text_of(content.get("name"))
        typed = self._typed.pop(place, "")
        if wire.startswith(PREFIX):
            self._writer.call(block, call_id, self._named(wire), typed)
            return
        self._running[call_id] = wire
        self._writer.server_call(block, call_id, wire, _parsed(typed))

    def _stop(self) -> None:
        self.has_called = self._writer.has_called
        self._spent = _sum(self._spent, self._spending)
        self._spending = Usage()
        self._writer.report(self._spent)


def _object(value: object) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}


def _parsed(typed: str) -> object:
    import msgspec  # noqa: PLC0415

    try:
        value: Any = msgspec.json.decode(typed or "{}")
    except msgspec.DecodeError:
        return typed
    return value


def _usage(counts: Json, before: Usage) -> Usage:
    """The usage of one message; what is not said stays as it was."""

    def count(name: str, known: int | None) -> int | None:
        return count_of(counts[name]) if counts.get(name) is not None else known

    cached = count("cache_read_input_tokens", before.cache_read_input_tokens)
    written = count("cache_creation_input_tokens", before.cache_creation_input_tokens)
    return Usage(
        input_tokens=count("input_tokens", before.input_tokens) or 0,
        output_tokens=count("output_tokens", before.output_tokens) or 0,
        cache_read_input_tokens=cached,
        cache_creation_input_tokens=written,
    )


def _sum(one: Usage, other: Usage) -> Usage:
    def both(first: int | None, second: int | None) -> int | None:
        if first is None and second is None:
            return None
        return (first or 0) + (second or 0)

    return Usage(
        input_tokens=one.input_tokens + other.input_tokens,
        output_tokens=one.output_tokens + other.output_tokens,
        cache_read_input_tokens=both(
            one.cache_read_input_tokens, other.cache_read_input_tokens
        ),
        cache_creation_input_tokens=both(
            one.cache_creation_input_tokens, other.cache_creation_input_tokens
        ),
    )
