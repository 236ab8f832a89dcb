"""From chunks back to the message they amount to. Pure.

Two readers need that: the next request, which sends the assistant's blocks back as
the API wants them (thinking with its signature, redacted thinking, tool calls with
their input, citations, server tools' results), and people who want the whole
message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeAlias, cast

import msgspec

from agents.conversation.server_calls import without_last_thoughts
from agents.protocol.chunks import (
    BlockDelta,
    BlockEnded,
    BlockStarted,
    CitationAdded,
    CompactionDelta,
    ItemCompleted,
    ResponseAbandoned,
    ResponseEnded,
    ResponseStarted,
    ServerToolCalled,
    SignatureDelta,
    StreamChunk,
    TextDelta,
    ThinkingDelta,
    ToolCalled,
    ToolInputDelta,
    Usage,
    UsageReported,
)
from agents.protocol.endings import Ending, ending_of

Json: TypeAlias = dict[str, Any]  # the API's objects, carried and not looked into

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_UNFIT = re.compile(r"[^a-zA-Z0-9_-]")

_TEXT_OF = {"text": "text", "thinking": "thinking"}
"""The field that deltas of a block's kind add to."""

_WITHOUT_INPUT = frozenset({"text", "thinking", "redacted_thinking"})
"""Blocks that bear none, whatever a gateway sends for them."""

_FOR_ALL = frozenset({"text", "tool_use"})
"""Blocks that mean the same to every model."""


class _Block:
    """One content block under way."""

    __slots__ = ("citations", "fields", "pieces", "typed")

    def __init__(self, fields: Json) -> None:
        self.fields = fields
        self.pieces: list[str] = []
        self.typed: list[str] = []
        self.citations: list[Any] = []

    @property
    def kind(self) -> str:
        return str(self.fields.get("type", ""))

    def grow(self, delta: CompactionDelta | BlockDelta) -> None:
        """Take in a delta that is more than text."""
        if isinstance(delta, CompactionDelta):
            self.fields["content"] = delta.content
            if delta.encrypted_content is not None:
                self.fields["encrypted_content"] = delta.encrypted_content
            return
        for name, value in _object(delta.delta).items():
            if name == "type":
                continue
            before = self.fields.get(name)
            # Of a kind that is not known: text comes in pieces, as all others' does.
            is_text = isinstance(value, str) and isinstance(before, str)
            self.fields[name] = f"{before}{value}" if is_text else value

    def close(self) -> None:
        """Fold what was streamed into the block's fields."""
        if self.pieces:
            name = _TEXT_OF.get(self.kind, "text")
            self.fields[name] = _str(self.fields.get(name)) + "".join(self.pieces)
        if self.citations:
            before = self.fields.get("citations")
            listed = cast("list[Any]", before) if isinstance(before, list) else []
            self.fields["citations"] = [*listed, *self.citations]
        self.pieces, self.citations = [], []


_CONTENT = re.compile(r'"content"\s*:\s*"((?:[^"\\]|\\.)*)', re.DOTALL)
_TORN_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{0,3}\Z")


def _content(typed: str) -> str:
    """The string ``content`` of an object whose JSON is still being typed."""
    match = _CONTENT.search(typed)
    if match is None:
        return ""
    text = _TORN_ESCAPE.sub("", match[1])
    for end in (len(text), -6):  # the first half of a character, without the second
        with suppress(msgspec.DecodeError):
            return msgspec.json.decode(f'"{text[:end]}"', type=str)
    return ""


class Transcript:
    """One response, folded from its chunks in order."""

    __slots__ = (
        "_blocks",
        "_calls",
        "_ended",
        "_ends",
        "_message",
        "_open",
        "by",
        "category",
        "is_complete",
        "items",
        "reported",
        "stop_reason",
        "usage",
        "why",
    )

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._message: Json = {}
        self._blocks: list[_Block] = []
        self._open: dict[int, _Block] = {}
        self._ended: dict[int, _Block] = {}
        self._calls: list[ToolCalled] = []
        self._ends: list[Json] = []
        self.stop_reason: str | None = None
        """Why the response ended, as the API names it."""
        self.why: Ending | None = None
        """The same in our words."""
        self.category = ""
        """Of a refusal, where the API gives one."""
        self.items: list[msgspec.Raw] = []
        """The response in its maker's own form, where that has to go back."""
        self.by = ""
        """The maker of :attr:`items`, which alone can read them."""
        self.usage = Usage()
        """The usage so far."""
        self.reported: UsageReported | None = None
        """The last report of that, whole."""
        self.is_complete = False
        """Whether the response has ended as it should."""

    def absorb(self, chunks: Iterable[StreamChunk]) -> None:
        """Take in what was said; an abandoned response is forgotten."""
        for chunk in chunks:
            match chunk:
                case TextDelta() | ThinkingDelta():
                    self._open[chunk.block].pieces.append(chunk.text)
                case ToolInputDelta():
                    self._open[chunk.block].typed.append(chunk.partial_json)
                case BlockStarted():
                    block = _Block(_object(chunk.content))
                    self._open[chunk.block] = block
                    self._blocks.append(block)
                case BlockEnded():
                    block = self._open.pop(chunk.block)
                    self._end_block(block)
                    self._ended[chunk.block] = block
                case SignatureDelta():
                    self._open[chunk.block].fields["signature"] = chunk.signature
                case CitationAdded():
                    self._cite(chunk)
                case CompactionDelta() | BlockDelta():
                    self._open[chunk.block].grow(chunk)
                case ToolCalled():
                    self._take_call(chunk)
                case ServerToolCalled():
                    self._set_input(chunk)
                case ItemCompleted():
                    self.items.append(chunk.item)
                    self.by = chunk.by
                case UsageReported():
                    self.usage = chunk.usage
                    self.reported = chunk
                case ResponseStarted():
                    self._reset()
                    self._start(_object(chunk.message))
                case ResponseEnded():
                    self._end(chunk)
                case ResponseAbandoned():
                    self._reset()
                case _:
                    pass

    def _start(self, message: Json) -> None:
        blocks = message.get("content")
        content = cast("list[Any]", blocks) if isinstance(blocks, list) else []
        self._blocks = [
            _Block(cast("Json", block)) for block in content if isinstance(block, dict)
        ]
        self._message = message

    def _end_block(self, block: _Block) -> None:
        block.close()
        if block.typed and block.kind not in _WITHOUT_INPUT:
            block.fields["input"] = "".join(block.typed)
        if block.kind == "fallback":
            # The last fallback names the model that served the response.
            to = block.fields.get("to")
            model = cast("Json", to).get("model") if isinstance(to, dict) else None
            if model:
                self._message["model"] = model

    def _cite(self, chunk: CitationAdded) -> None:
        """Take in a source; some makers tell theirs when the text is over."""
        block = self._open.get(chunk.block) or self._ended[chunk.block]
        block.citations.append(msgspec.json.decode(chunk.citation))
        if chunk.block in self._ended:
            block.close()

    def _take_call(self, call: ToolCalled) -> None:
        """Keep a call; where its id is another's, under an id of its own."""
        taken = {each.id for each in self._calls}
        id_, number = call.id, 1
        while id_ in taken:
            number += 1
            id_ = f"{call.id}_{number}"
        if id_ != call.id:
            call = msgspec.structs.replace(call, id=id_)
        self._calls.append(call)
        self._set_input(call)

    def _set_input(self, chunk: ToolCalled | ServerToolCalled) -> None:
        """Take the call's id and input as they were mended, not as they were said."""
        block = self._ended.pop(chunk.block, None)
        if block is None and chunk.block < len(self._blocks):
            block = self._blocks[chunk.block]  # the message came whole
        if block is None:
            return
        if block.typed:
            block.fields["input"] = chunk.input
        if isinstance(chunk, ToolCalled) and block.kind == "tool_use":
            block.fields["id"] = chunk.id

    def _end(self, chunk: ResponseEnded) -> None:
        self.stop_reason = chunk.stop_reason
        self.why = chunk.why or ending_of(chunk.stop_reason)
        self.category = chunk.category or ""
        self.is_complete = True
        ends: Any = msgspec.json.decode(chunk.delta)
        self._ends = cast("list[Json]", ends if isinstance(ends, list) else [ends])

    @property
    def blocks(self) -> list[Json]:
        """The content blocks in the API's form; shared, not to be changed."""
        return [block.fields for block in self._blocks]

    @property
    def text(self) -> str:
        """The text blocks, joined: the part that people read."""
        texts: list[str] = []
        for block in self._blocks:
            if block.kind == "text":
                texts.append(_str(block.fields.get("text")))
                texts.extend(block.pieces)
        return "".join(texts)

    @property
    def written_characters(self) -> int:
        """How much the model has written so far, thoughts and tools' input included."""
        count = 0
        for block in self._blocks:
            count += sum(map(len, block.pieces)) + sum(map(len, block.typed))
            for name in ("text", "thinking"):
                count += len(_str(block.fields.get(name)))
        return count

    def unfinished_answer(self) -> str:
        """How far an answer has come: as text, or in the input of the tool for it."""
        text = "".join("".join(x.pieces) for x in self._blocks if x.kind == "text")
        typed = (_content("".join(x.typed)) for x in self._open.values())
        return max((self.text, text, *typed), key=len)

    @property
    def tool_calls(self) -> tuple[ToolCalled, ...]:
        """The calls of tools that we run, in order."""
        return tuple(self._calls)

    @property
    def container(self) -> str | None:
        """The code-execution container it ran in, if any."""
        container = self._fields().get("container")
        id_ = container.get("id") if isinstance(container, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return id_ if isinstance(id_, str) else None

    @property
    def container_ends(self) -> datetime | None:
        """When that container expires; ``None``: nobody says."""
        container: Any = self._fields().get("container")
        fields = cast("Json", container) if isinstance(container, dict) else {}
        try:
            moment = datetime.fromisoformat(_str(fields.get("expires_at")))
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    @property
    def content(self) -> msgspec.Raw:
        """The blocks as a JSON array, fit to go back as the assistant's message.

        Blank text is left out, because the API refuses it; a call whose input was not
        a JSON object goes back with an empty one, and one whose name the API would not
        take with a name like it, so that its error can be told. Thoughts at the end are
        left out, because the API refuses them there. Where
        there are :attr:`items`, this is for others than who made them, and holds what
        anybody can read.
        """
        blocks: list[Json] = []
        for block in self._blocks:
            fields = block.fields
            if self.by and block.kind not in _FOR_ALL:
                continue
            if block.kind == "text" and not _str(fields.get("text")).strip():
                continue
            if block.kind.endswith("tool_use") and not _is_object(fields.get("input")):
                fields = {**fields, "input": cast("Json", {})}
            if block.kind == "tool_use":
                fields = _with_fit_name(fields)
            blocks.append(fields)
        return msgspec.Raw(msgspec.json.encode(without_last_thoughts(blocks)))

    def message(self) -> Json:
        """The whole message, as the API would have sent it at once."""
        return {
            **self._fields(),
            "content": [
                # Read back, so that nothing is shared and all of it is plain JSON.
                msgspec.json.decode(msgspec.json.encode(block.fields))
                for block in self._blocks
            ],
        }

    def _fields(self) -> Json:
        """The message's own fields, with what its end has added or replaced."""
        counted = self._message.get("usage")
        usage = {**cast("Json", counted)} if isinstance(counted, dict) else {}
        fields = self._message | {"usage": usage}
        for end in self._ends:
            fields |= _without_nulls(end.get("delta"))
            usage |= _without_nulls(end.get("usage"))
            own = {"type", "delta", "usage"}
            fields |= {k: v for k, v in _without_nulls(end).items() if k not in own}
        return fields


def _without_nulls(fields: object) -> Json:
    """An object's fields but those that are ``null``: they take nothing back."""
    if not isinstance(fields, dict):
        return {}
    return {k: v for k, v in cast("Json", fields).items() if v is not None}


def _with_fit_name(fields: Json) -> Json:
    """A call under a name that the API takes: a model may make up any."""
    name = _str(fields.get("name"))
    if _NAME.fullmatch(name):
        return fields
    return {**fields, "name": _UNFIT.sub("_", name)[:64] or "unnamed"}


def _is_object(value: object) -> bool:
    if isinstance(value, msgspec.Raw):
        return bytes(value).startswith(b"{")
    return isinstance(value, dict)


def _str(value: object) -> str:
    return value if isinstance(value, str) else ""


def _object(raw: msgspec.Raw) -> Json:
    value: Any = msgspec.json.decode(raw)
    return cast("Json", value) if isinstance(value, dict) else {}
