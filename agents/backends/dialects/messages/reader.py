"""From the API's events to chunks: one response, stamped by a pen. Pure.

Whether a response is whole is decided here: a ``stop_reason`` came and every block was
closed. Anything less is :class:`~agents.errors.StreamMalformed`, never an answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import msgspec

from agents.backends.claude.container_time import CodeTime
from agents.backends.claude.errors import SAID_CHARS, error_told, words_of
from agents.backends.dialects.event_stream import ServerEvent
from agents.backends.dialects.json_text import carriable, one_value
from agents.backends.dialects.messages import event_types as wire
from agents.backends.dialects.messages.context_edits import changes_in, edits_in
from agents.backends.dialects.messages.usage import Meter, Price
from agents.backends.dialects.messages.whole_body import events_of
from agents.errors import AgentError, StreamMalformed
from agents.protocol.chunks import (
    BlockDelta,
    BlockEnded,
    BlockStarted,
    CitationAdded,
    CompactionDelta,
    ContextEdited,
    Ping,
    ResponseAbandoned,
    ResponseEnded,
    ResponseStarted,
    ServerToolCalled,
    ServerToolReturned,
    SignatureDelta,
    StreamChunk,
    TextDelta,
    ThinkingDelta,
    ToolCalled,
    ToolInputDelta,
    Unrecognized,
)
from agents.protocol.endings import ending_of
from agents.protocol.stamper import Pen

_T = TypeVar("_T")
_UNFIT_IN_ID = re.compile(r"[^a-zA-Z0-9_-]")


class _Served(msgspec.Struct, frozen=True):
    model: str = ""


class _BlockHead(msgspec.Struct, frozen=True):
    """The fields of a block's start that are read here."""

    type: str = ""
    id: str = ""
    name: str = ""
    server_name: str = ""
    tool_use_id: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")
    content: msgspec.Raw = msgspec.Raw(b"null")
    is_error: bool = False
    to: _Served | None = None
    """In a ``fallback`` block: who serves from here on."""


class _MessageHead(msgspec.Struct, frozen=True):
    """The fields of a response's start that are read here."""

    model: str = ""
    stop_reason: str | None = None
    usage: wire.WireUsage | None = None
    content: tuple[msgspec.Raw, ...] = ()
    context_management: msgspec.Raw = msgspec.Raw(b"null")
    input_transformations: msgspec.Raw = msgspec.Raw(b"null")


class _ResultHead(msgspec.Struct, frozen=True):
    type: str = ""


_block_heads: msgspec.json.Decoder[_BlockHead] = msgspec.json.Decoder(_BlockHead)
_message_heads: msgspec.json.Decoder[_MessageHead] = msgspec.json.Decoder(_MessageHead)
_result_heads: msgspec.json.Decoder[_ResultHead] = msgspec.json.Decoder(_ResultHead)


@dataclass(slots=True)
class _OpenBlock:
    head: _BlockHead
    typed: list[str] = field(default_factory=list[str])
    """The tool's input so far, as text."""


class Translator:
    """Translates one response; feed it every event in order, then :meth:`finish`."""

    def __init__(
        self,
        pen: Pen,
        price: Price,
        code_time: CodeTime | None = None,
        *,
        model: str = "",
    ) -> None:
        self._pen = pen
        self._code_time = code_time
        self._meter = Meter(price, model)
        self._open: dict[int, _OpenBlock] = {}
        self._has_started = False
        self._stop_reason: str | None = None
        self._ends: list[bytes] = []
        self._is_over = False
        self.failure: AgentError | None = None
        """The error of the last read, raised after its chunks were taken."""
        self._ids: set[str] = set()
        """Of the response's calls."""
        self._last_words = ""
        """Of what came and is no event of the API's: a gateway's, most likely."""

    @property
    def is_over(self) -> bool:
        """Whether the response is complete and ``ResponseEnded`` was said."""
        return self._is_over

    def translate(self, events: Iterable[ServerEvent]) -> list[StreamChunk]:
        """Turn the events of one read into chunks.

        What came before an error in the same read is said first: it was paid for, and
        its numbers are used. The error is raised by :meth:`check`.

        Raises:
            StreamMalformed: An event is out of order or cannot be read.
            BackendUnavailable: The API broke the response off; asking again may help.
            BackendRefused: It did, and asking again will not help.
        """
        chunks: list[StreamChunk] = []
        if self.failure is not None:
            raise self.failure
        try:
            for name, data in events:
                if self._is_over:
                    chunks.append(self._as_it_came(name, carriable(data)))
                    continue
                event, line = wire.decode_event(data)
                if type(event) is wire.BlockDelta and self._has_started:
                    self._on_delta(event, chunks)
                else:
                    self._on_event(event, name, line, chunks)
        except AgentError as error:
            if not chunks:
                raise
            self.failure = error
        return chunks

    def check(self) -> None:
        """Raise what the events of an earlier read have come to, if it was an error."""
        if self.failure is not None:
            raise self.failure

    def finish(self) -> list[StreamChunk]:
        """The body has ended.

        Raises:
            StreamMalformed: The response has not.
        """
        self.check()
        if self._is_over:
            return []
        if not self._has_started:
            raise self._broken_off("the stream ended before a response began")
        if self._stop_reason is None:
            raise self._broken_off("the stream ended without a stop reason")
        # Some gateways leave out message_stop; the stop reason is what counts.
        return self._ended()

    def _on_event(
        self,
        event: wire.WireEvent | wire.OtherDelta | None,
        name: bytes,
        line: bytes,
        chunks: list[StreamChunk],
    ) -> None:
        match event:
            case wire.MessageStart():
                self._on_start(event.message, chunks)
            case wire.ErrorEvent():
                raise error_told(msgspec.json.decode(line))
            case wire.Ping():
                chunks.append(Ping(**self._pen.stamp()))
            case None:
                self._on_unknown(name, line, chunks)
            case _ if not self._has_started:
                # What comes before the response is none of it, whatever it says.
                chunks.append(self._as_it_came(name, carriable(line)))
            case wire.BlockStart():
                self._on_block_start(event, chunks)
            case wire.BlockStop():
                self._on_block_stop(event.index, chunks)
            case wire.OtherDelta():
                self._block(event.index)
                stamp = self._pen.stamp()
                chunks.append(BlockDelta(**stamp, block=event.index, delta=event.delta))
            case wire.MessageDelta():
                self._on_message_delta(event, line, chunks)
            case wire.MessageStop():
                if self._stop_reason is None:
                    raise StreamMalformed("the response stopped without a stop reason")
                chunks.extend(self._ended())
            case wire.BlockDelta():
                self._on_delta(event, chunks)

    def _on_unknown(self, name: bytes, line: bytes, chunks: list[StreamChunk]) -> None:
        """Keep what nobody knows, unless it is an error in a gateway's own words.

        Raises:
            AgentError: It is.
        """
        if name == b"ping":
            chunks.append(Ping(**self._pen.stamp()))
            return
        fields: object = msgspec.json.decode(line)
        if name == b"error" or _is_bare_error(fields):
            raise error_told(fields)
        if not self._has_started and _is_whole_message(fields):
            for inner, data in events_of(line):
                self._on_event(*_decoded(inner, data), chunks)
            return
        self._last_words = words_of(fields)
        chunks.append(self._as_it_came(name, msgspec.Raw(line)))

    def _broken_off(self, how: str) -> StreamMalformed:
        """The error for a body that ended too early, with what it said last."""
        last_words = self._last_words[: SAID_CHARS - len(how) - 20]
        return StreamMalformed(f"{how}; it said: {last_words}" if last_words else how)

    def _as_it_came(self, name: bytes, data: msgspec.Raw) -> Unrecognized:
        event = name.decode("utf-8", "replace")
        return Unrecognized(**self._pen.stamp(), event=event, data=data)

    def _on_delta(self, event: wire.BlockDelta, chunks: list[StreamChunk]) -> None:
        pen, index, delta = self._pen, event.index, event.delta
        block = self._open.get(index) or self._block(index)
        # Nearly all of a stream passes here, so no stamp is built and the commonest
        # kinds come first.
        if isinstance(delta, wire.TextDelta):
            chunks.append(
                TextDelta(
                    agent=pen.agent,
                    turn=pen.turn,
                    seq=pen.next_seq(),
                    at=pen.at,
                    block=index,
                    text=delta.text,
                )
            )
        elif isinstance(delta, wire.ThinkingDelta):
            chunks.append(
                ThinkingDelta(**pen.stamp(), block=index, text=delta.thinking)
            )
        elif isinstance(delta, wire.InputJsonDelta):
            block.typed.append(delta.partial_json)
            chunks.append(
                ToolInputDelta(
                    **pen.stamp(), block=index, partial_json=delta.partial_json
                )
            )
        elif isinstance(delta, wire.SignatureDelta):
            chunks.append(
                SignatureDelta(**pen.stamp(), block=index, signature=delta.signature)
            )
        elif isinstance(delta, wire.CompactionDelta):
            chunks.append(
                CompactionDelta(
                    **pen.stamp(),
                    block=index,
                    content=delta.content,
                    encrypted_content=delta.encrypted_content,
                )
            )
        else:
            chunks.append(
                CitationAdded(**pen.stamp(), block=index, citation=delta.citation)
            )

    def _on_start(self, message: msgspec.Raw, chunks: list[StreamChunk]) -> None:
        if self._has_started:
            # Gateways that try again behind the scenes splice a new response in.
            reason = "the server began its response anew"
            stamp = self._pen.stamp()
            chunks.append(ResponseAbandoned(**stamp, reason=reason, retry_in_s=0.0))
            self._open, self._ends = {}, []
            self._ids.clear()
        self._has_started = True
        head = _read(_message_heads, message)
        # Looked into before it is said, because what is said is trusted.
        blocks = [_read(_block_heads, block) for block in head.content]
        self._meter.begin(head.model or self._meter.model)
        chunks.append(
            ResponseStarted(
                **self._pen.stamp(), model=self._meter.model, message=message
            )
        )
        self._say_edits(head.context_management, head.input_transformations, chunks)
        self._meter.note(message)
        self._report(head.usage, chunks, is_last=head.stop_reason is not None)
        # Programmatic tool calling may deliver the whole message at once.
        for index, block in enumerate(blocks):
            self._say_whole(index, block, chunks)
        self._stop_reason = head.stop_reason

    def _on_block_start(
        self, event: wire.BlockStart, chunks: list[StreamChunk]
    ) -> None:
        if event.index in self._open:
            raise StreamMalformed(f"block {event.index} began twice")
        head = _read(_block_heads, event.content_block)
        if head.type == "fallback" and head.to is not None:
            self._meter.model = head.to.model or self._meter.model
        self._open[event.index] = _OpenBlock(head)
        chunks.append(
            BlockStarted(
                **self._pen.stamp(),
                block=event.index,
                type=head.type,
                content=event.content_block,
            )
        )

    def _on_block_stop(self, index: int, chunks: list[StreamChunk]) -> None:
        block = self._block(index)
        del self._open[index]
        chunks.append(BlockEnded(**self._pen.stamp(), block=index))
        self._say_whole(index, block.head, chunks, typed="".join(block.typed))

    def _block(self, index: int) -> _OpenBlock:
        try:
            return self._open[index]
        except KeyError:
            raise StreamMalformed(f"block {index} is not open") from None

    def _say_whole(
        self,
        index: int,
        head: _BlockHead,
        chunks: list[StreamChunk],
        *,
        typed: str = "",
    ) -> None:
        """Say what a complete block amounts to, where that is more than its text."""
        stamp = self._pen.stamp
        if head.type == "tool_use":
            value, is_valid = _input(head, typed)
            chunks.append(
                ToolCalled(
                    **stamp(),
                    block=index,
                    id=self._fit_id(head.id, index),
                    name=head.name,
                    input=value,
                    is_valid=is_valid,
                )
            )
        elif head.type.endswith("tool_use"):  # server_tool_use, mcp_tool_use, …
            if self._code_time is not None:
                self._code_time.called(head.name, head.id, self._pen.at)
            chunks.append(
                ServerToolCalled(
                    **stamp(),
                    block=index,
                    id=head.id,
                    name=head.name,
                    input=_input(head, typed)[0],
                    server=head.server_name,
                )
            )
        elif head.type.endswith("_result"):
            if self._code_time is not None:
                self._code_time.returned(head.type, head.tool_use_id, self._pen.at)
            is_error = head.is_error or _is_error(head.content)
            chunks.append(
                ServerToolReturned(
                    **stamp(),
                    block=index,
                    id=head.tool_use_id,
                    type=head.type,
                    content=head.content,
                    is_error=is_error,
                )
            )

    def _fit_id(self, id_: str, index: int) -> str:
        """A call's id as the API takes it back: its letters, and none of them twice.

        Results are told apart by it, and gateways make up what they like.
        """
        plain = _UNFIT_IN_ID.sub("_", id_) or f"toolu_{index}"
        fit, number = plain, 1
        while fit in self._ids:
            number += 1
            fit = f"{plain}_{number}"
        self._ids.add(fit)
        return fit

    def _on_message_delta(
        self, event: wire.MessageDelta, line: bytes, chunks: list[StreamChunk]
    ) -> None:
        self._ends.append(line)
        self._stop_reason = event.delta.stop_reason or self._stop_reason
        self._say_edits(event.context_management, event.input_transformations, chunks)
        self._meter.note(line)
        self._report(event.usage, chunks, is_last=True)

    def _say_edits(
        self, managed: msgspec.Raw, changed: msgspec.Raw, chunks: list[StreamChunk]
    ) -> None:
        """Say what the API has left out of what it was sent."""
        chunks += [
            ContextEdited(
                **self._pen.stamp(),
                edit=edit.name,
                pieces=edit.pieces,
                tokens=edit.tokens,
            )
            for edit in (*edits_in(managed), *changes_in(changed))
        ]

    def _report(
        self,
        counted: wire.WireUsage | None,
        chunks: list[StreamChunk],
        *,
        is_last: bool = False,
    ) -> None:
        if counted is None:
            return
        self._meter.count(counted)
        timed = self._code_time
        ran_s = None if timed is None else timed.charged_s(self._pen.at)
        stamp = self._pen.stamp()
        chunks.append(self._meter.report(stamp, ran_s, is_last=is_last))

    def _ended(self) -> list[StreamChunk]:
        if self._open:
            block = min(self._open)
            raise StreamMalformed(f"the response ended while block {block} was open")
        assert self._stop_reason is not None
        self._is_over = True
        ends = self._ends
        delta = ends[0] if len(ends) == 1 else b"[" + b",".join(ends) + b"]"
        return [
            ResponseEnded(
                **self._pen.stamp(),
                stop_reason=self._stop_reason,
                delta=msgspec.Raw(delta),
                why=ending_of(self._stop_reason),
            )
        ]


def _input(head: _BlockHead, typed: str) -> tuple[msgspec.Raw, bool]:
    """A call's input, and whether it was valid JSON."""
    if not typed:
        is_null = bytes(head.input) == b"null"
        return msgspec.Raw(b"{}") if is_null else head.input, True
    value = one_value(typed.encode("utf-8", "replace"))
    if value is None:
        return msgspec.Raw(msgspec.json.encode(typed)), False
    return value, True


def _is_bare_error(value: object) -> bool:
    """Whether an object without a type is an error, as gateways write them."""
    if not isinstance(value, dict):
        return False
    named = cast("dict[str, Any]", value)
    return not named.get("type") and bool(named.get("error"))


def _is_whole_message(value: object) -> bool:
    """Whether an event is no event but all of the message, as some gateways send it."""
    fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    return fields.get("type") == "message" and isinstance(fields.get("content"), list)


def _decoded(
    name: bytes, data: bytes
) -> tuple[wire.WireEvent | wire.OtherDelta | None, bytes, bytes]:
    event, line = wire.decode_event(data)
    return event, name, line


def _is_error(content: msgspec.Raw) -> bool:
    """Whether a server tool's result is one of the ``…_tool_result_error`` shapes."""
    if not bytes(content).lstrip().startswith(b"{"):
        return False
    return _read(_result_heads, content).type.endswith("_error")


def _read(decoder: msgspec.json.Decoder[_T], raw: msgspec.Raw) -> _T:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as exc:
        problem = exc
    for bare in wire.bared(bytes(raw)):
        try:
            return decoder.decode(bare)
        except msgspec.ValidationError:
            continue
    message = f"part of an event is not understood: {problem}"
    raise StreamMalformed(message) from problem
