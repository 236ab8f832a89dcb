"""From chunks of a chat completion to ours: one response, stamped by a pen. Pure.

Servers agree on little, so this goes by what is there: a response has calls where calls
came, whatever reason it gives for its end; a call is told from the one before by its
index, its id or its name; thinking is what stands in any of five places. A response is
whole where a finish reason or ``[DONE]`` came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from agents.backends.dialects.chat import event_types as wire
from agents.backends.dialects.chat.think_tags import ThinkTags
from agents.backends.dialects.chunk_writer import Price, no_price
from agents.backends.dialects.errors import of_stream, of_told, told
from agents.backends.dialects.event_reader import EventReader
from agents.backends.dialects.json_values import (
    Json,
    count_of,
    is_said,
    object_of,
    raw,
    text_of,
)
from agents.errors import BackendUnavailable, StreamMalformed
from agents.protocol.chunks import Usage
from agents.protocol.endings import Ending
from agents.protocol.stamper import Pen

_ENDINGS: dict[str, Ending] = {
    "stop": "finished",
    "eos": "finished",
    "end_turn": "finished",
    "stop_sequence": "finished",
    "tool_calls": "calls",
    "function_call": "calls",
    "tool_use": "calls",
    "length": "cut",
    "max_tokens": "cut",
    "model_length": "cut",  # Mistral's
    "content_filter": "refused",
    "refusal": "refused",
}
_BROKEN = frozenset({"error", "insufficient_system_resource", "abort", "network_error"})
"""Finish reasons of a response that its server gave up (OpenRouter, DeepSeek, SGLang,
z.ai)."""


@dataclass(slots=True)
class _Call:
    """A call under way."""

    block: int
    id: str
    name: str
    typed: list[str] = field(default_factory=list[str])
    is_whole: bool = False
    """Its input came as an object."""
    extra: Json | None = None


@dataclass(slots=True)
class _Message:
    """The assistant's message to send back, under the server's own field names."""

    text: list[str] = field(default_factory=list[str])
    thinking: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    details: list[Json] = field(default_factory=list[Json])
    parts: list[Json] = field(default_factory=list[Json])
    """Mistral's, where thinking and text stand in one list."""
    refusal: list[str] = field(default_factory=list[str])


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
        self._calls: list[_Call] = []
        self._at_index: dict[int, _Call] = {}
        self._message = _Message()
        self._open_kind = ""
        self._open_block = -1
        self._last_text = -1
        self._tags = ThinkTags()
        self._usage = msgspec.Raw()
        self._finish: str | None = None
        self._cited: list[str] = []
        self._found: list[Json] = []
        self._has_delta = False

    def _on(self, name: bytes, data: bytes) -> None:
        if data == b"[DONE]":
            self._end(is_done=True)
            return
        chunk, line = wire.chunks.decode(data)
        if chunk is None:
            self._out.unrecognized(name, line)
            return
        if chunk.error:
            raise of_stream(chunk.error)
        if is_said(chunk.usage):
            self._usage = chunk.usage
        if chunk.choices:
            self._on_choices(chunk)
        elif chunk.choices is None and name == b"error":
            raise of_told(told(object_of(line)), 0)
        elif chunk.choices is None and not is_said(chunk.usage):
            self._on_other(name, line)
        if chunk.x_groq:
            self._on_groq(chunk.x_groq)
        if chunk.citations or chunk.search_results:
            self._note_sources(chunk)

    def _on_other(self, name: bytes, line: bytes) -> None:
        """A chunk without choices: an error without its frame, or something new."""
        fields = object_of(line)
        if text_of(fields.get("object")) == "error":
            raise of_told(told(fields), 0)
        if not self._out.has_started and ("message" in fields or "detail" in fields):
            raise of_told(told(fields), 0)
        self._out.unrecognized(name, line)

    def _on_choices(self, chunk: wire.ChatChunk) -> None:
        if not self._out.has_started:
            model = chunk.model or ""
            self._out.start(model, {"id": chunk.id or "", "model": model})
        for choice in chunk.choices or ():
            if choice.index:
                continue  # nobody asked for more than one
            delta = choice.delta
            if delta is None and not self._has_delta:
                delta = choice.message
            if delta is not None:
                self._has_delta = True
                self._on_delta(delta)
            if choice.finish_reason:
                self._finish = choice.finish_reason

    def _on_delta(self, delta: wire.Delta) -> None:
        content = delta.content
        if content and isinstance(content, str):
            self._on_content(content)
        elif content:
            self._on_parts(content)
        if delta.reasoning_content:
            self._think(delta.reasoning_content, "reasoning_content")
        elif delta.reasoning and isinstance(delta.reasoning, str):
            self._think(delta.reasoning, "reasoning")
        if delta.reasoning_details:
            is_new = not delta.reasoning and not delta.reasoning_content
            self._on_details(delta.reasoning_details, is_new=is_new)
        if delta.refusal:
            self._grow("refusal", delta.refusal)
            self._message.refusal.append(delta.refusal)
        for part in delta.tool_calls or ():
            self._on_call(part)
        if delta.function_call is not None:
            self._on_call(wire.CallPart(index=0, function=delta.function_call))
        for annotation in delta.annotations or ():
            self._note_annotation(annotation)

    def _on_content(self, text: str) -> None:
        """More text; where it begins with ``<think>``, thinking."""
        self._message.text.append(text)
        if self._tags.is_over:
            self._grow("text", text)
            return
        for is_thought, piece in self._tags.feed(text):
            self._grow("thinking" if is_thought else "text", piece)

    def _on_parts(self, parts: list[Json]) -> None:
        for part in parts:
            kind = part.get("type")
            if kind == "thinking":
                text = _thought(part.get("thinking"))
                self._grow("thinking", text)
            else:
                text = text_of(part.get("text"))
                self._grow("text", text)
            _add_part(self._message.parts, part, text)

    def _think(self, text: str, name: str) -> None:
        self._message.thinking.setdefault(name, []).append(text)
        self._grow("thinking", text)

    def _on_details(self, details: list[Json], *, is_new: bool) -> None:
        for detail in details:
            text = text_of(detail.get("text")) or text_of(detail.get("summary"))
            if text and is_new:
                self._grow("thinking", text)
            _add_detail(self._message.details, detail)

    def _grow(self, kind: str, text: str) -> None:
        """More of ``kind``; another block where the last was of another kind."""
        if not text:
            return
        if kind != self._open_kind:
            self._close_open()
            self._open_kind, self._open_block = kind, self._out.open(kind)
            if kind == "text":
                self._last_text = self._open_block
        if kind == "thinking":
            self._out.think(self._open_block, text)
        else:
            self._out.text(self._open_block, text)

    def _close_open(self) -> None:
        if self._open_kind:
            self._out.close(self._open_block)
            self._open_kind = ""

    def _on_call(self, part: wire.CallPart) -> None:
        function = part.function or wire.FunctionPart()
        call = self._call_of(part, function)
        if call is None:
            return
        if part.extra_content:
            call.extra = part.extra_content
        if not call.name and function.name:
            call.name = function.name
        arguments = function.arguments
        if arguments is None or call.is_whole:
            return
        if not isinstance(arguments, str):
            call.is_whole = True
            arguments = msgspec.json.encode(arguments).decode()
        if arguments:
            self._open_call(call)
            call.typed.append(arguments)
            self._out.type_input(call.block, arguments)

    def _call_of(
        self, part: wire.CallPart, function: wire.FunctionPart
    ) -> _Call | None:
        """The call that ``part`` belongs to, or begins."""
        own_id = "" if part.id is None else str(part.id)
        known = None
        if part.index is not None:
            known = self._at_index.get(part.index)
            # Some servers number every call 0.
            is_another = known and own_id and function.name and own_id != known.id
            if known is not None and not (is_another and known.name):
                return known
        elif own_id:
            known = next((c for c in self._calls if c.id == own_id), None)
            if known is not None:
                return known
        elif not function.name:
            return self._calls[-1] if self._calls else None
        if not own_id and not function.name and not function.arguments:
            return None
        call = _Call(-1, own_id or self._new_id(), function.name or "")
        self._calls.append(call)
        if part.index is not None:
            self._at_index[part.index] = call
        if call.name:
            self._open_call(call)
        return call

    def _new_id(self) -> str:
        taken = {call.id for call in self._calls}
        new = self._out.new_id()
        while new in taken:
            new += "_"
        return new

    def _open_call(self, call: _Call) -> None:
        if call.block < 0:
            self._close_open()
            call.block = self._out.open_call(call.id, call.name)

    def _on_groq(self, fields: Json) -> None:
        if fields.get("error"):
            raise of_stream(fields["error"])
        if not is_said(self._usage) and isinstance(fields.get("usage"), dict):
            self._usage = raw(fields["usage"])

    def _note_sources(self, chunk: wire.ChatChunk) -> None:
        """Sources of the whole answer; servers repeat them with every chunk."""
        for each in chunk.search_results or ():
            if isinstance(each, dict):
                fields = cast("Json", each)
                source = {"url": fields.get("url"), "title": fields.get("title")}
                self._note(source | {"type": "search_result"})
        if not chunk.search_results:
            for each in chunk.citations or ():
                self._note({"type": "citation"} | _addressed(each))

    def _note_annotation(self, annotation: Json) -> None:
        inner = annotation.get("url_citation")
        fields = cast("Json", inner) if isinstance(inner, dict) else annotation
        named = ("url", "title", "start_index", "end_index")
        self._note({"type": "url_citation"} | {n: fields.get(n) for n in named})

    def _note(self, source: Json) -> None:
        address = text_of(source.get("url"))
        if not address:
            return
        key = f"{address} {source.get('start_index')}"
        if key not in self._cited:
            self._cited.append(key)
            self._found.append({k: v for k, v in source.items() if v is not None})

    def _on_body_end(self) -> None:
        if not self._out.has_started:
            raise StreamMalformed("the body ended before the response began")
        if self._finish is None:
            raise StreamMalformed("the body ended without a finish reason")
        self._end(is_done=False)

    def _end(self, *, is_done: bool) -> None:
        if not self._out.has_started:
            raise StreamMalformed("the stream ended before the response began")
        if self._finish in _BROKEN:
            raise BackendUnavailable(f"the server gave up: {self._finish}")
        for is_thought, piece in self._tags.finish():
            self._grow("thinking" if is_thought else "text", piece)
        self._close_open()
        calls = self._called()
        if self._last_text >= 0:
            for source in self._found:
                self._out.cite(self._last_text, source)
        self._out.item(raw(self._item(calls)))
        self._out.report(usage_of(self._usage))
        reason = self._finish or ("done" if is_done else "")
        why, category = self._why(reason)
        self._has_ended = True
        ends: Json = {"finish_reason": self._finish, "usage": object_of(self._usage)}
        self._out.end(reason, why, ends, category=category)

    def _called(self) -> list[_Call]:
        """Say the calls, in order; what never got a name is none."""
        calls = [call for call in self._calls if call.name or call.typed]
        for call in calls:
            self._open_call(call)
            self._out.close(call.block)
        for call in calls:
            self._out.call(call.block, call.id, call.name, "".join(call.typed))
        return calls

    def _why(self, reason: str) -> tuple[Ending, str]:
        why = _ENDINGS.get(reason, "other")
        if why in {"cut", "refused"}:
            return why, reason if why == "refused" else ""
        if self._out.has_called:
            return "calls", ""
        if self._message.refusal:
            return "refused", ""
        return why, ""

    def _item(self, calls: list[_Call]) -> Json:
        """The assistant's message, as it goes back."""
        message = self._message
        item: Json = {"role": "assistant", "content": "".join(message.text) or None}
        if message.parts:
            item["content"] = message.parts
        if message.details:
            item["reasoning_details"] = message.details
        else:
            for name, pieces in message.thinking.items():
                item[name] = "".join(pieces)
        if calls:
            item["tool_calls"] = [_call_item(call) for call in calls]
        elif message.refusal:
            item["refusal"] = "".join(message.refusal)
        elif item["content"] is None:
            item["content"] = ""  # servers take null beside calls alone
        return item


def _thought(pieces: object) -> str:
    """Mistral's thinking: text, or parts of it."""
    if isinstance(pieces, str):
        return pieces
    every = cast("list[Any]", pieces) if isinstance(pieces, list) else []
    return "".join(
        text_of(cast("Json", piece).get("text"))
        for piece in every
        if isinstance(piece, dict)
    )


def _addressed(source: object) -> Json:
    """A source that is an address, or an object with one."""
    if isinstance(source, dict):
        fields = cast("Json", source)
        return {"url": fields.get("url"), "title": fields.get("title")}
    return {"url": source}


def _call_item(call: _Call) -> Json:
    function = {"name": call.name, "arguments": "".join(call.typed) or "{}"}
    item: Json = {"id": call.id, "type": "function", "function": function}
    if call.extra:
        item["extra_content"] = call.extra
    return item


def _add_detail(details: list[Json], detail: Json) -> None:
    """Join a piece of OpenRouter's reasoning to the one it goes on.

    Pieces of one ``index`` and kind are one; text grows, all else comes once. What is
    sealed is bound to its id, so those of two ids are two.
    """
    last = details[-1] if details else None
    keys = ("index", "type")
    is_same = last is not None and all(last.get(k) == detail.get(k) for k in keys)
    ids = {each["id"] for each in (last or {}, detail) if each.get("id")}
    is_same = is_same and len(ids) < 2
    is_sealed = detail.get("type") == "reasoning.encrypted"
    if last is None or not is_same or (is_sealed and last.get("data")):
        details.append(dict(detail))
        return
    for name, value in detail.items():
        if name in {"text", "summary", "data"}:
            last[name] = text_of(last.get(name)) + text_of(value)
        elif value is not None:
            last[name] = value


def _add_part(parts: list[Json], part: Json, text: str) -> None:
    """Join a part of Mistral's list to the one it goes on."""
    kind = part.get("type")
    if not parts or parts[-1].get("type") != kind:
        parts.append({"type": kind})
        if kind == "thinking":
            parts[-1]["thinking"] = [{"type": "text", "text": ""}]
    if kind == "thinking":
        parts[-1]["thinking"][0]["text"] += text
    else:
        parts[-1]["text"] = text_of(parts[-1].get("text")) + text


def usage_of(counted: msgspec.Raw) -> Usage:
    """Usage in our meaning, whoever counted.

    What was cached is part of the prompt everywhere; what was thought is part of the
    completion, but for xAI, where the total tells: 307+26+227=560 (recorded).
    """
    try:
        usage = wire.usages.decode(counted)
    except msgspec.DecodeError:
        usage = None
    if usage is None:
        return Usage()
    read, written = (
        usage.prompt_tokens_details or {},
        (usage.completion_tokens_details or {}),
    )
    cached = _first(
        read.get("cached_tokens"),
        usage.cache_read_input_tokens,
        usage.prompt_cache_hit_tokens,
        usage.cached_tokens,
    )
    cache_writes = _first(
        read.get("cache_write_tokens"), usage.cache_creation_input_tokens
    )
    thought = _first(written.get("reasoning_tokens"), usage.reasoning_tokens)
    prompt, output = count_of(usage.prompt_tokens), count_of(usage.completion_tokens)
    if thought and usage.total_tokens == prompt + output + thought:
        output += thought
    searched = (usage.server_tool_use_details or {}).get("web_search_requests")
    return Usage(
        input_tokens=max(0, prompt - (cached or 0) - (cache_writes or 0)),
        output_tokens=output,
        cache_read_input_tokens=cached,
        cache_creation_input_tokens=cache_writes,
        thinking_tokens=thought,
        web_search_requests=count_of(searched) or None,
    )


def _first(*counts: object) -> int | None:
    """The first that was said."""
    return next((count_of(count) for count in counts if count is not None), None)
