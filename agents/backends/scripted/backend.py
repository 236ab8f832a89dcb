"""The backend that plays a script in this process: no key, no network, no surprises.

It says what :mod:`agents.backends.scripted` sets out, in chunks as
:mod:`agents.backends.claude` would make them of the same script over HTTP, timed by the
event loop and by nothing else. Deltas that follow one another without a pause come in
large batches, so that a benchmark measures what takes them and not this.
"""

from __future__ import annotations

from collections import deque
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn

import anyio
import anyio.lowlevel

from agents.backends.plain_request import Stream, chunks_of, pen_of, plain_request
from agents.backends.scripted.chunk_writer import Scribe
from agents.backends.scripted.faults import error_of
from agents.backends.scripted.player import Player
from agents.backends.scripted.request_view import seen_in
from agents.backends.scripted.response_steps import Breaks, Deltas, Move, Pause
from agents.backends.scripted.script import (
    Disconnect,
    Fail,
    SetUsage,
    Stall,
    Truncate,
)
from agents.backends.scripted.tool_calls import ScriptStuck
from agents.errors import BackendRefused, BackendUnavailable, StreamMalformed
from agents.protocol.backend import Forecast
from agents.protocol.stamper import Pen

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Iterator,
        Mapping,
        Sequence,
    )

    from agents.backends.scripted.script import Script
    from agents.protocol.backend import Request
    from agents.protocol.chunks import AgentId, StreamChunk

BATCH = 256
"""Chunks a read at most, where the script does not say: about what the 64 KB of one
read from a busy socket hold."""

CLOSE_GRACE_S = 1.0
"""More than enough: nothing in here waits when it is closed."""


class ScriptedBackend:
    """A model that says what its script says.

    Agents may share one: each goes through the script on its own.

    Args:
        script: What is said.
        model: The name to appear under; ``None``: the script's.
        idle_limit_s: How long a stalled stream is waited for.
    """

    def __init__(
        self, script: Script, *, model: str | None = None, idle_limit_s: float = 60.0
    ) -> None:
        self._script = script
        self._model = model or script.model
        self._idle_limit_s = idle_limit_s
        self._players: dict[AgentId, Player] = {}

    def __repr__(self) -> str:
        return f"ScriptedBackend(model={self._model!r})"

    @property
    def model(self) -> str:
        """The model's name, for displays and prices."""
        return self._model

    @property
    def limit_key(self) -> None:
        """Nothing limits a script."""
        return

    @asynccontextmanager
    async def open_stream(
        self, request: Request, pen: Pen
    ) -> AsyncGenerator[AsyncIterator[list[StreamChunk]]]:
        """Play the entry that fits; see :class:`agents.protocol.backend.Backend`.

        Raises:
            AgentError: What the script says goes wrong, as the Claude backend would
                put it; ``BackendRefused`` where the script has nothing to say.
        """
        async with aclosing(await self._begin(request, pen)) as batches:
            yield batches

    def stream_with_tools(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        **options: Any,  # noqa: ANN401  (MassGen's surface: whatever its callers pass)
    ) -> AsyncGenerator[StreamChunk, None]:
        """Play the entry that fits, one chunk an item; close with ``aclosing``.

        Raises:
            TypeError: An option is unknown.
            AgentError: See :meth:`open_stream`.
        """

        def begin() -> Stream:
            request = plain_request(messages, tools, options)
            return self.open_stream(request, pen_of(request))

        return chunks_of(begin, CLOSE_GRACE_S)

    @property
    def sets_usage(self) -> bool:
        """Whether the script says itself what it costs, whatever it is given."""
        lines = (line for entry in self._script.turns for line in entry.lines)
        return any(isinstance(line, SetUsage) for line in lines)

    async def forecast(self, request: Request) -> Forecast | None:
        """The input tokens of ``request``, unless the script states its usage."""
        await anyio.lowlevel.checkpoint()
        if self.sets_usage:
            return None
        return Forecast(seen_in(request).input_tokens)

    def recall(self, request: Request) -> None:
        """Count the entry that was played in a process before this one as played."""
        with suppress(ScriptStuck):
            part = self.player(request.turn.agent).begin(seen_in(request))
            deque(part.moves, maxlen=0)  # what it has said has used up ids

    async def aclose(self) -> None:
        """Nothing outlives a stream; only a checkpoint passes."""
        await anyio.lowlevel.checkpoint()

    def player(self, agent: AgentId) -> Player:
        """The player of the script for ``agent``; made at the first call."""
        if agent not in self._players:
            self._players[agent] = Player(self._script, agent, self._model)
        return self._players[agent]

    async def _begin(
        self, request: Request, pen: Pen
    ) -> AsyncGenerator[list[StreamChunk]]:
        """Choose the entry and wait for its response; whoever calls closes it."""
        await anyio.lowlevel.checkpoint()
        try:
            player = self.player(request.turn.agent)
            part = player.begin(seen_in(request), max_tokens=request.max_tokens)
        except ScriptStuck as error:
            raise BackendRefused(str(error)) from error
        first = await self._until_response(part.moves)
        return self._batches(first, part.moves, pen)

    async def _until_response(self, moves: Iterator[Move]) -> Move:
        """Wait as a caller waits for the response's head; raise what it would see."""
        for move in moves:
            match move:
                case Pause():
                    await anyio.sleep(move.seconds)
                case Breaks():
                    await self._break(move)
                case _:
                    return move
        raise AssertionError("a response opens or breaks")

    async def _batches(
        self, first: Move, moves: Iterator[Move], pen: Pen
    ) -> AsyncGenerator[list[StreamChunk]]:
        pen.at = anyio.current_time()
        scribe = Scribe(pen, BATCH)
        batch = scribe.write(first)
        has_waited = False  # since it last handed over: that was a checkpoint
        for move in moves:
            if batch and (len(batch) >= BATCH or _stands_alone(move)):
                if not has_waited:
                    await anyio.lowlevel.checkpoint()
                yield batch
                batch, has_waited = [], False
                if not isinstance(move, Pause):
                    pen.at = anyio.current_time()
            match move:
                case Pause():
                    await anyio.sleep(move.seconds)
                    pen.at, has_waited = anyio.current_time(), True
                case Breaks():
                    await self._break(move)
                case Deltas() if _stands_alone(move):
                    for many in scribe.batches(move):
                        yield many
                        await anyio.lowlevel.checkpoint()
                        pen.at = anyio.current_time()
                case _:
                    batch += scribe.write(move)
        await anyio.lowlevel.checkpoint()
        if batch:
            yield batch

    async def _break(self, move: Breaks) -> NoReturn:
        match move.line:
            case Fail(error=error):
                await anyio.lowlevel.checkpoint()
                raise error_of(error, is_begun=move.is_begun)
            case Stall():
                await anyio.sleep(self._idle_limit_s)
                raise BackendUnavailable(
                    f"nothing came for {self._idle_limit_s:g} s: the stream stalled"
                )
            case Truncate():
                await anyio.lowlevel.checkpoint()
                raise StreamMalformed("the stream ended without a stop reason")
            case Disconnect():
                await anyio.lowlevel.checkpoint()
                raise BackendUnavailable("the connection broke")


def _stands_alone(move: Move) -> bool:
    """Tell whether what came before is handed over before this move is made."""
    match move:
        case Pause() | Breaks():
            return True
        case Deltas():
            return len(move.pieces) * move.times >= BATCH or move.batch > 0
        case _:
            return False
