"""One response in chunks: what every dialect's reader says alike. Pure.

A reader knows what its API's events mean; how that is said, numbered and stamped is
known here. Text is grouped in blocks, as displays show it; a block's number is its
place among those of its response.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from agents.backends.dialects.json_text import one_value
from agents.backends.dialects.json_values import Json, raw
from agents.protocol.chunks import (
    BlockEnded,
    BlockStarted,
    CitationAdded,
    ItemCompleted,
    ResponseEnded,
    ResponseStarted,
    ServerToolCalled,
    ServerToolReturned,
    StreamChunk,
    TextDelta,
    ThinkingDelta,
    ToolCalled,
    ToolInputDelta,
    Unrecognized,
    Usage,
    UsageReported,
)
from agents.protocol.endings import Ending
from agents.protocol.stamper import Pen

Price: TypeAlias = Callable[[str, Usage], float | None]
"""The cost of a model's usage in USD; ``None`` where that is not known."""


def no_price(_model: str, _usage: Usage, _factor: float = 1.0) -> float | None:
    """Where nobody asks what a response costs."""
    return None


class ChunkWriter:
    """Says one response; the reader takes what was said after each read.

    Args:
        pen: Stamps the chunks.
        price: See :data:`Price`.
        by: Who the model is, for its items; see ``ItemCompleted``.
        names: What tools are called here, where they have another name on the wire.
    """

    def __init__(
        self,
        pen: Pen,
        price: Price = no_price,
        by: str = "",
        names: Mapping[str, str] | None = None,
    ) -> None:
        self.pen = pen
        self.said: list[StreamChunk] = []
        """Since it was last taken."""
        self.model = ""
        self.has_started = False
        self.has_called = False
        """Whether a tool of ours was called."""
        self.open_blocks: list[int] = []
        self._price = price
        self._by = by
        self._names = names or {}
        self._next_block = 0

    def take(self) -> list[StreamChunk]:
        """The chunks since the last call."""
        chunks, self.said = self.said, []
        return chunks

    def start(self, model: str, message: Json) -> None:
        """The response begins.

        Args:
            model: Who answers, as the server names it.
            message: What it says of the response before there is any of it.
        """
        self.has_started = True
        self.model = model
        stamp = self.pen.stamp()
        self.said.append(ResponseStarted(**stamp, model=model, message=raw(message)))

    def open(self, kind: str, content: Json | None = None) -> int:
        """A block begins; its number."""
        block = self._next_block
        self._next_block += 1
        self.open_blocks.append(block)
        if content is None:
            content = {"type": kind, "thinking" if kind == "thinking" else "text": ""}
        stamp = self.pen.stamp()
        self.said.append(
            BlockStarted(**stamp, block=block, type=kind, content=raw(content))
        )
        return block

    def open_call(self, call_id: str, name: str, kind: str = "tool_use") -> int:
        """A call's block begins."""
        name = self._names.get(name, name)
        content: Json = {"type": kind, "id": call_id, "name": name, "input": {}}
        return self.open(kind, content)

    def text(self, block: int, text: str) -> None:
        """More text in ``block``."""
        pen = self.pen
        self.said.append(
            TextDelta(
                agent=pen.agent,
                turn=pen.turn,
                seq=pen.next_seq(),
                at=pen.at,
                block=block,
                text=text,
            )
        )

    def think(self, block: int, text: str) -> None:
        """More thinking in ``block``."""
        pen = self.pen
        self.said.append(
            ThinkingDelta(
                agent=pen.agent,
                turn=pen.turn,
                seq=pen.next_seq(),
                at=pen.at,
                block=block,
                text=text,
            )
        )

    def type_input(self, block: int, partial_json: str) -> None:
        """More of a call's input in ``block``."""
        stamp = self.pen.stamp()
        self.said.append(
            ToolInputDelta(**stamp, block=block, partial_json=partial_json)
        )

    def cite(self, block: int, citation: Json) -> None:
        """A source of what ``block`` says; it may have ended."""
        stamp = self.pen.stamp()
        self.said.append(CitationAdded(**stamp, block=block, citation=raw(citation)))

    def close(self, block: int) -> None:
        """``block`` is complete."""
        self.open_blocks.remove(block)
        self.said.append(BlockEnded(**self.pen.stamp(), block=block))

    def close_all(self) -> None:
        """Every block is complete."""
        for block in tuple(self.open_blocks):
            self.close(block)

    def call(self, block: int, call_id: str, name: str, typed: str) -> None:
        """A tool of ours is called, with the input ``typed``; its block has ended."""
        self.has_called = True
        value: msgspec.Raw | None = msgspec.Raw(b"{}")
        if typed.strip():
            value = one_value(typed.encode("utf-8", "replace"))
        self.said.append(
            ToolCalled(
                **self.pen.stamp(),
                block=block,
                id=call_id or self.new_id(),
                name=self._names.get(name, name),
                input=raw(typed) if value is None else value,
                is_valid=value is not None,
            )
        )

    def new_id(self) -> str:
        """An id for a call that came without one; no other in the conversation."""
        return f"call_{self.pen.turn}_{self.pen.next_free_seq}"

    def server_call(
        self, block: int, call_id: str, name: str, arguments: object, server: str = ""
    ) -> None:
        """A tool that the server runs is called."""
        self.said.append(
            ServerToolCalled(
                **self.pen.stamp(),
                block=block,
                id=call_id,
                name=name,
                input=raw(arguments),
                server=server,
            )
        )

    def server_return(
        self, call_id: str, kind: str, content: object, *, is_error: bool = False
    ) -> None:
        """A tool that the server ran has answered; a block of its own says so."""
        block = self.open(
            kind, {"type": kind, "tool_use_id": call_id, "content": content}
        )
        self.close(block)
        self.said.append(
            ServerToolReturned(
                **self.pen.stamp(),
                block=block,
                id=call_id,
                type=kind,
                content=raw(content),
                is_error=is_error,
            )
        )

    def item(self, item: msgspec.Raw) -> None:
        """A piece of the response as it came, to go back to its maker."""
        self.said.append(ItemCompleted(**self.pen.stamp(), by=self._by, item=item))

    def report(self, usage: Usage) -> None:
        """Report the usage of the response so far, with its cost."""
        self.said.append(
            UsageReported(
                **self.pen.stamp(),
                model=self.model,
                usage=usage,
                cost_usd=self._price(self.model, usage),
            )
        )

    def end(
        self, stop_reason: str, why: Ending, fields: Json, *, category: str = ""
    ) -> None:
        """The response is complete.

        Args:
            stop_reason: In the API's word.
            why: In ours.
            fields: What of it the API said at its end.
            category: Of a refusal.
        """
        self.close_all()
        self.said.append(
            ResponseEnded(
                **self.pen.stamp(),
                stop_reason=stop_reason,
                delta=raw(fields),
                why=why,
                category=category,
            )
        )

    def unrecognized(self, name: bytes, data: bytes) -> None:
        """An event that nobody here knows, as it came."""
        stamp = self.pen.stamp()
        event = name.decode("utf-8", "replace")
        self.said.append(Unrecognized(**stamp, event=event, data=msgspec.Raw(data)))
