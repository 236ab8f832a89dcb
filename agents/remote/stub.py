"""A stand-in for the backend of an agent that lives elsewhere: a name, a price."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import anyio.lowlevel

from agents.errors import BackendRefused
from agents.limits.pricing import cost_usd

if TYPE_CHECKING:
    from collections.abc import Callable

    from agents.protocol.backend import Request
    from agents.protocol.chunks import StreamChunk, Usage
    from agents.protocol.stamper import Pen


class Stub:
    """Streams nothing: the real backend is where the agent's actor runs.

    Args:
        model: The model's name.
        price: What its usage costs; ``None``: as the price list says.
    """

    limit_key = None

    def __init__(
        self, model: str, price: Callable[[Usage], float | None] | None = None
    ) -> None:
        self._model = model
        self._price = price

    @property
    def model(self) -> str:
        """The model's name, for displays and prices."""
        return self._model

    def cost_usd(self, usage: Usage) -> float | None:
        """The cost of ``usage`` in USD; ``None`` where no price is known."""
        return self._price(usage) if self._price else cost_usd(self._model, usage)

    @asynccontextmanager
    async def open_stream(
        self, request: Request, pen: Pen
    ) -> AsyncGenerator[AsyncIterator[list[StreamChunk]]]:
        """Refuse.

        Raises:
            BackendRefused: Always.
        """
        self._refuse(request, pen)
        yield  # a context manager is a generator, also one that never gets here

    def stream_with_tools(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        **options: Any,  # noqa: ANN401  (MassGen's surface: whatever its callers pass)
    ) -> AsyncGenerator[StreamChunk, None]:
        """Refuse.

        Raises:
            BackendRefused: Always.
        """
        self._refuse(messages, tools, options)

    def _refuse(self, *_: object) -> NoReturn:
        raise BackendRefused(f"{self._model} is asked elsewhere, where its agent lives")

    async def aclose(self) -> None:
        """There is nothing to close; only a checkpoint passes."""
        await anyio.lowlevel.checkpoint()
