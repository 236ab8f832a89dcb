"""From the Responses API's events to chunks: one response, stamped by a pen. Pure.

An item counts as it is when it is done: what is sealed in it is not whole before, and
ids may differ between the events of one item behind gateways, so the place in the
output tells which is which. A response is whole where one of three events ends it; a
body that ends without is :class:`~agents.errors.StreamMalformed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from agents.backends.dialects.chunk_writer import Price, no_price
from agents.backends.dialects.errors import Told, of_stream, of_told
from agents.backends.dialects.event_reader import EventReader
from agents.backends.dialects.json_text import one_value
from agents.backends.dialects.json_values import (
    Json,
    count_of,
    kind_of,
    object_of,
    objects_of,
    raw,
    text_of,
)
from agents.backends.dialects.responses import event_types as wire
from agents.backends.dialects.responses.server_tools import SERVER_ITEMS, results
from agents.errors import AgentError, StreamMalformed
from agents.protocol.chunks import ResponseAbandoned, Usage
from agents.protocol.endings import Ending
from agents.protocol.stamper import Pen

_CUT = frozenset({"max_output_tokens", "max_tokens", "length"})


@dataclass(slots=True)
class _Item:
    """An item under way."""

    kind: str = ""
    call_id: str = ""
    name: str = ""
    blocks: dict[tuple[str, int], int] = field(
        default_factory=dict[tuple[str, int], int]
    )
    """Kind of part and its index → its block."""
    streamed: dict[tuple[str, int], list[str]] = field(
        default_factory=dict[tuple[str, int], list[str]]
    )
    is_done: bool = False

    def key(self, kind: str, place: int) -> tuple[str, int]:
        """Which part is the one in ``place`` of its kind, 0, 1, … in order.

        Some servers number a part otherwise while they stream it (Bedrock, recorded).
        """
        keys = [key for key in self.blocks if key[0] == kind]
        return keys[place] if place < len(keys) else (kind, len(keys) + place)


class Translator(EventReader):
    """Translates one response; see :class:`EventReader`."""

    def __init__(
        self,
        pen: Pen,
        price: Price = no_price,
        by: str = "",
        names: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(pen, price, by, names)
        self._items: dict[int, _Item] = {}
        self._done: list[tuple[int, msgspec.Raw]] = []
        self._has_refused = False
        self._searches = 0

    def _on(self, name: bytes, data: bytes) -> None:
        if data == b"[DONE]":
            return  # by some gateways; it says nothing of the response
        event, line = wire.events.decode(data)
        if type(event) is wire.TextDelta:
            self._on_text(event)
        elif event is None:
            self._on_other(name, line)
        else:
            self._on_event(event, line)

    def _on_body_end(self) -> None:
        what = "ended" if self._out.has_started else "began"
        raise StreamMalformed(f"the body ended before the response {what}")

    def _on_text(self, event: wire.TextDelta) -> None:
        item = self._items.get(event.output_index) or self._item(event.output_index)
        if item.is_done:
            raise StreamMalformed(f"item {event.output_index} grew after it was done")
        key = ("text", event.content_index)
        block = item.blocks.get(key)
        if block is None:
            block = self._open_part(item, key, "text")
        item.streamed[key].append(event.delta)
        self._out.text(block, event.delta)

    def _on_event(self, event: wire.WireEvent, line: bytes) -> None:
        match event:
            case wire.TextDelta():
                self._on_text(event)
            case wire.RefusalDelta():
                key = ("refusal", event.content_index)
                self._grow(event.output_index, key, "refusal", event.delta)
            case wire.SummaryDelta():
                key = ("summary", event.summary_index)
                self._grow(event.output_index, key, "thinking", event.delta)
            case wire.ReasoningDelta():
                key = ("reasoning", event.content_index)
                self._grow(event.output_index, key, "thinking", event.delta)
            case wire.ArgumentsDelta() | wire.CodeDelta():
                self._type(event.output_index, event.delta)
            case wire.ItemAdded():
                self._on_added(event.output_index, object_of(event.item))
            case wire.ItemDone():
                self._on_done(event.output_index, event.item)
            case wire.Created():
                self._on_created(event.response)
            case wire.Completed() | wire.Incomplete():
                self._on_end(event)
            case wire.Failed():
                raise _failed(event)
            case wire.ErrorEvent():
                raise _error(event, line)

    def _on_other(self, name: bytes, line: bytes) -> None:
        """An event that has no Struct: said elsewhere, or new."""
        kind = kind_of(line)
        if kind.startswith(wire.SAID_ELSEWHERE):
            return
        error = object_of(line).get("error") if not kind else None
        if error:  # under status 200, by gateways
            raise of_stream(error)
        self._out.unrecognized(name, line)

    def _on_created(self, response: msgspec.Raw) -> None:
        if self._out.has_started and self._items:
            # Gateways that try again behind the scenes splice a new response in.
            reason = "the server began its response anew"
            stamp = self._out.pen.stamp()
            abandoned = ResponseAbandoned(**stamp, reason=reason, retry_in_s=0.0)
            self._out.said.append(abandoned)
            self._items, self._done, self._searches = {}, [], 0
            self._has_refused = self._out.has_called = False
            self._out.open_blocks.clear()
        elif self._out.has_started:
            return
        head = _head(response)
        self._out.start(head.model, {"id": head.id, "model": head.model})

    def _item(self, index: int) -> _Item:
        if not self._out.has_started:
            self._out.start("", {})  # a body that is taken up amid a response
        item = self._items.get(index)
        if item is None:
            item = self._items[index] = _Item()
        return item

    def _open_part(self, item: _Item, key: tuple[str, int], kind: str) -> int:
        item.blocks[key] = block = self._out.open(kind)
        item.streamed[key] = []
        return block

    def _grow(self, index: int, key: tuple[str, int], kind: str, text: str) -> None:
        """More of a part of an item."""
        item = self._item(index)
        if item.is_done:
            raise StreamMalformed(f"item {index} grew after it was done")
        block = item.blocks.get(key)
        if block is None:
            block = self._open_part(item, key, kind)
        item.streamed[key].append(text)
        if kind == "thinking":
            self._out.think(block, text)
        else:
            self._out.text(block, text)

    def _type(self, index: int, typed: str) -> None:
        """More of the input of a call."""
        item = self._item(index)
        block = item.blocks.get(("call", 0))
        if block is None or item.is_done:
            raise StreamMalformed(f"the input of item {index} came without its call")
        item.streamed["call", 0].append(typed)
        self._out.type_input(block, typed)

    def _on_added(self, index: int, fields: Json) -> None:
        item = self._item(index)
        if item.kind or item.is_done:
            # Gateways number every item 0, or none.
            if not item.is_done:
                self._end_open(index, item, ())
            item = self._items[index] = _Item()
        kind = self._learn(item, fields)
        if kind == "function_call" or kind in SERVER_ITEMS:
            self._open_call(item)

    def _learn(self, item: _Item, fields: Json) -> str:
        item.kind = text_of(fields.get("type")) or item.kind
        item.call_id = text_of(fields.get("call_id")) or text_of(fields.get("id"))
        item.name = text_of(fields.get("name"))
        return item.kind

    def _open_call(self, item: _Item) -> None:
        item.call_id = item.call_id or self._out.new_id()
        if item.kind == "function_call":
            block = self._out.open_call(item.call_id, item.name)
        else:
            name = SERVER_ITEMS[item.kind] or item.name
            block = self._out.open_call(item.call_id, name, "server_tool_use")
        item.blocks["call", 0] = block
        item.streamed["call", 0] = []

    def _on_done(self, index: int, line: msgspec.Raw) -> None:
        item = self._item(index)
        fields = object_of(line)
        if item.is_done:
            if not _is_another(item, fields):
                return  # some gateways say it twice
            item = self._items[index] = _Item()
        opened_as = item.call_id
        self._learn(item, fields)
        item.call_id = opened_as or item.call_id
        item.is_done = True
        self._done.append((index, line))
        match item.kind:
            case "message":
                self._end_message(item, fields)
            case "reasoning":
                self._end_reasoning(item, fields)
            case "function_call":
                self._end_call(item, fields)
            case kind if kind in SERVER_ITEMS:
                self._end_server_call(item, fields)
            case _:
                pass  # carried back, and nothing to show
        for block in item.blocks.values():
            if block in self._out.open_blocks:
                self._out.close(block)

    def _end_message(self, item: _Item, fields: Json) -> None:
        texts = refusals = 0
        for part in objects_of(fields.get("content")):
            kind = text_of(part.get("type"))
            if kind == "refusal":
                self._has_refused = True
                key = item.key("refusal", refusals)
                self._say_rest(item, key, "refusal", part.get("refusal"))
                refusals += 1
            elif kind in {"output_text", "text"}:
                key = item.key("text", texts)
                self._say_rest(item, key, "text", part.get("text"))
                texts += 1
                block = item.blocks.get(key)
                for cited in objects_of(part.get("annotations")):
                    if block is not None:
                        self._out.cite(block, cited)

    def _end_reasoning(self, item: _Item, fields: Json) -> None:
        for name, key in (("summary", "summary"), ("content", "reasoning")):
            for place, part in enumerate(objects_of(fields.get(name))):
                where = item.key(key, place)
                self._say_rest(item, where, "thinking", part.get("text"))

    def _say_rest(
        self, item: _Item, key: tuple[str, int], kind: str, whole: object
    ) -> None:
        """Say what of a part was not streamed: all of it, at some servers."""
        text = text_of(whole)
        so_far = "".join(item.streamed.get(key, ()))
        if not text or not text.startswith(so_far) or text == so_far:
            return
        block = item.blocks.get(key)
        if block is None:
            block = self._open_part(item, key, kind)
        rest = text[len(so_far) :]
        if kind == "thinking":
            self._out.think(block, rest)
        else:
            self._out.text(block, rest)

    def _end_call(self, item: _Item, fields: Json) -> None:
        if ("call", 0) not in item.blocks:
            self._open_call(item)
        block = item.blocks["call", 0]
        typed = "".join(item.streamed["call", 0])
        arguments = fields.get("arguments")
        if isinstance(arguments, dict):  # an object, at some servers
            arguments = msgspec.json.encode(arguments).decode()
        whole = text_of(arguments) or typed
        if not typed and whole:
            self._out.type_input(block, whole)
        self._out.close(block)
        self._out.call(block, item.call_id, item.name, whole)

    def _end_server_call(self, item: _Item, fields: Json) -> None:
        if ("call", 0) not in item.blocks:
            self._open_call(item)
        block = item.blocks["call", 0]
        self._out.close(block)
        done = results(item.kind, fields)
        name = SERVER_ITEMS[item.kind] or item.name
        self._searches += item.kind == "web_search_call"
        self._out.server_call(block, item.call_id, name, done.given, done.server)
        if done.content is not None:
            self._out.server_return(
                item.call_id, done.type, done.content, is_error=done.is_error
            )

    def _on_end(self, event: wire.Completed | wire.Incomplete) -> None:
        head = _head(event.response)
        if not self._out.has_started:
            self._out.start(head.model, {"id": head.id, "model": head.model})
        self._out.model = head.model or self._out.model
        output = head.output or ()
        if isinstance(event, wire.Completed):
            for index, item in self._items.items():
                if not item.is_done:
                    self._end_open(index, item, output)
        if not self._done:
            # Servers that do not stream items have them here; others have none here.
            for index, line in enumerate(output):
                self._on_done(index, line)
        for _, line in sorted(self._done, key=lambda each: each[0]):
            self._out.item(line)
        self._out.report(usage_of(head.usage, self._searches))
        reason = text_of((head.incomplete_details or {}).get("reason"))
        stop_reason = reason or head.status or "completed"
        why, category = self._why(stop_reason, reason)
        fields: Json = {"status": head.status, "incomplete_details": reason or None}
        fields["usage"] = object_of(head.usage)
        self._has_ended = True
        self._out.end(stop_reason, why, fields, category=category)

    def _end_open(
        self, index: int, item: _Item, output: tuple[msgspec.Raw, ...]
    ) -> None:
        """End an item that nobody said was done: as the end has it, or as it streamed.

        Raises:
            StreamMalformed: Neither is whole.
        """
        alike = [line for line in output if _is_of(item, object_of(line))]
        if 0 <= index < len(output) and output[index] in alike:
            alike = [output[index]]
        if alike:
            self._on_done(index, alike[0])
            return
        streamed = _streamed(item)
        if streamed is None:
            raise StreamMalformed(f"the response ended within item {index}")
        self._on_done(index, raw(streamed))
        if item.kind == "reasoning":
            self._done.pop()  # without its seal it is nothing to its maker

    def _why(self, stop_reason: str, reason: str) -> tuple[Ending, str]:
        if reason in _CUT:
            return "cut", ""
        if reason == "content_filter":
            return "refused", reason
        if stop_reason == "incomplete" or reason:
            return "cut", ""
        if self._out.has_called:
            return "calls", ""
        if self._has_refused:
            return "refused", ""
        return "finished", ""


def _is_of(item: _Item, fields: Json) -> bool:
    """Whether ``fields`` is the item that was streamed, with all of it."""
    if fields.get("type") != item.kind:
        return False
    if item.kind == "function_call":
        return text_of(fields.get("call_id")) == item.call_id
    if item.kind != "message":
        return True
    parts = objects_of(fields.get("content"))
    whole = "".join(text_of(x.get("text")) or text_of(x.get("refusal")) for x in parts)
    return whole.startswith("".join(map("".join, item.streamed.values())))


def _is_another(item: _Item, fields: Json) -> bool:
    """Whether ``fields`` is not ``item``, which is done, said once more."""
    kind = text_of(fields.get("type"))
    if kind != item.kind:
        return True
    return kind == "function_call" and text_of(fields.get("call_id")) != item.call_id


def _streamed(item: _Item) -> Json | None:
    """An item as it was streamed; ``None``: that is not whole."""
    texts = {key: "".join(pieces) for key, pieces in item.streamed.items()}
    match item.kind:
        case "message" if any(texts.values()):
            content: list[Json] = [
                {"type": "refusal", "refusal": text}
                if kind == "refusal"
                else {"type": "output_text", "text": text, "annotations": []}
                for (kind, _), text in texts.items()
            ]
            return {"type": "message", "role": "assistant", "content": content}
        case "reasoning":
            return {"type": "reasoning", "summary": []}
        case "function_call" if one_value(texts.get(("call", 0), "").encode()):
            call: Json = {"call_id": item.call_id, "name": item.name}
            return {"type": "function_call", **call, "arguments": texts["call", 0]}
        case _:
            return None


def usage_of(counted: msgspec.Raw, searches: int = 0) -> Usage:
    """Usage in our meaning: input holds what was cached and written, output all.

    Args:
        counted: The API's object.
        searches: Web searches among the items; xAI counts its own.
    """
    try:
        usage = wire.usages.decode(counted)
    except msgspec.DecodeError:
        usage = None
    if usage is None:
        return Usage(web_search_requests=searches or None)
    read, written = usage.input_tokens_details or {}, usage.output_tokens_details or {}
    cached = count_of(read.get("cached_tokens"))
    cache_writes = count_of(read.get("cache_write_tokens"))
    server = usage.server_side_tool_usage_details or {}
    searches = count_of(server.get("web_search_calls")) or searches
    thought = written.get("reasoning_tokens")
    return Usage(
        input_tokens=max(0, count_of(usage.input_tokens) - cached - cache_writes),
        output_tokens=count_of(usage.output_tokens),
        cache_read_input_tokens=cached if "cached_tokens" in read else None,
        cache_creation_input_tokens=cache_writes
        if "cache_write_tokens" in read
        else None,
        thinking_tokens=count_of(thought) if thought is not None else None,
        web_search_requests=searches or None,
    )


def _head(response: msgspec.Raw) -> wire.ResponseHead:
    try:
        return wire.heads.decode(response)
    except msgspec.DecodeError as exc:
        raise StreamMalformed(f"a response is not understood: {exc}") from exc


def _failed(event: wire.Failed) -> AgentError:
    error = _head(event.response).error
    return of_stream(error) if error else StreamMalformed("the response failed")


def _error(event: wire.ErrorEvent, line: bytes) -> AgentError:
    if event.error:
        return of_stream(event.error)
    code = "" if event.code is None else str(event.code)
    return of_told(Told(event.message or line.decode(), code=code), 0)
