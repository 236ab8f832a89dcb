"""The part that the readers of all dialects but Messages share. Pure.

A reader is fed the events of a body, read by read, and says chunks. Trouble does not
take back what was said before it in the same read: it is raised when more is asked for,
and :attr:`EventReader.is_over` tells at once that there is no more.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

from agents.backends.dialects.chunk_writer import ChunkWriter, Price, no_price
from agents.backends.dialects.event_stream import ServerEvent
from agents.backends.dialects.json_text import carriable
from agents.errors import AgentError
from agents.protocol.chunks import StreamChunk
from agents.protocol.stamper import Pen


class EventReader(ABC):
    """Translates one response; feed it every event in order, then :meth:`finish`.

    Args:
        pen: Stamps the chunks.
        price: What usage costs.
        by: Who the model is, for its items.
        names: What tools are called here, where the wire has another name.
    """

    def __init__(
        self,
        pen: Pen,
        price: Price = no_price,
        by: str = "",
        names: Mapping[str, str] | None = None,
    ) -> None:
        self._out = ChunkWriter(pen, price, by, names)
        self._has_ended = False
        self._trouble: AgentError | None = None

    @property
    def is_over(self) -> bool:
        """Whether the response is complete, or broken: nothing more will be said."""
        return self._has_ended or self._trouble is not None

    def translate(self, events: Iterable[ServerEvent]) -> list[StreamChunk]:
        """Turn the events of one read into chunks.

        Raises:
            StreamMalformed: An event before was out of order or could not be read.
            AgentError: The server broke the response off.
        """
        if self._trouble is not None:
            raise self._trouble
        try:
            for name, data in events:
                if self._has_ended:
                    if data != b"[DONE]":
                        self._out.unrecognized(name, carriable(data))
                else:
                    self._on(name, data)
        except AgentError as error:
            self._trouble = error
        return self._out.take()

    def finish(self) -> list[StreamChunk]:
        """The body has ended.

        Raises:
            StreamMalformed: The response has not.
            AgentError: The server had broken it off.
        """
        if self._trouble is not None:
            raise self._trouble
        if not self._has_ended:
            self._on_body_end()
        return self._out.take()

    @abstractmethod
    def _on(self, name: bytes, data: bytes) -> None:
        """Take in one event.

        Raises:
            AgentError: It is broken, or says that the response is.
        """

    @abstractmethod
    def _on_body_end(self) -> None:
        """End the response, if it can be ended.

        Raises:
            StreamMalformed: It cannot.
        """
