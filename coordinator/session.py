"""The shell: spawns agents, fans their frames in, feeds the machine, acts on effects.

It has no opinions. What is decided is decided by :mod:`coordinator.consensus`; this
file owns the tasks, the inbox, the timers and the order of things: an input is recorded
before its effects leave, and decisions reach every reader in the order they were made.
"""

from __future__ import annotations

import math
import secrets
import weakref
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

import anyio
from agents.actor import Actor
from anyio.from_thread import start_blocking_portal
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from agents.chunks import AgentId, Chunk, Label, StreamChunk, decode_frame
from coordinator.consensus import HEARD, Consensus
from coordinator.effects import (
    AgentStopped,
    AnswerVetoed,
    ArmTimer,
    CancelTurn,
    Conclude,
    Event,
    Interrupted,
    MachineOutput,
    PersonSaid,
    SessionOpened,
    ShellInput,
    StartTurn,
    TellAgent,
    TimerRang,
)
from coordinator.errors import ConfigInvalid
from coordinator.feed import Feed
from coordinator.ledger import BOOKED, Ledger

if TYPE_CHECKING:
    from coordinator.displays.base import Display
    from coordinator.result import Result
    from coordinator.team import Team

Item: TypeAlias = bytes | ShellInput

FRAMES_IN_FLIGHT = 256
"""Frames that agents may be ahead of the fan-in, all together. A frame is what one read
brought, mostly under 4 KiB, so a stalled fan-in holds about a mebibyte."""

DRAIN_AT_ONCE = 1024
"""Frames taken in one wake-up before readers and other tasks get their turn."""

CLOSE_GRACE_S = 5.0
"""How long agents' clean-up may take once the session is over."""

_HEARD = frozenset(HEARD)


class Session:
    """A session under way, as its caller sees it.

    Iterate over it for every chunk; a slow body slows the agents down, nothing is lost.
    ``await session.wait()`` for the result. Leaving ``async with`` cancels what runs.
    """

    def __init__(self, shell: _Shell) -> None:
        self._shell = shell

    @property
    def id(self) -> str:
        """The session's name."""
        return self._shell.id

    @property
    def result(self) -> Result | None:
        """The outcome; ``None`` while the session runs."""
        return self._shell.result

    def __aiter__(self) -> AsyncIterator[StreamChunk]:
        return _Chunks(self._shell.subscribe(lossless=True))

    def events(self, *, lossless: bool = True) -> Feed:
        """Batches of chunks and decisions, from now on."""
        return self._shell.subscribe(lossless=lossless)

    async def wait(self) -> Result:
        """Wait for the outcome."""
        await self._shell.concluded.wait()
        assert self._shell.result is not None
        return self._shell.result

    def interrupt(self, reason: str = "interrupted") -> None:
        """End now, with the best answer so far."""
        self._shell.tell(Interrupted(at=anyio.current_time(), reason=reason))

    def say(self, text: str) -> None:
        """Tell the whole team something; agents read it with their next turn."""
        self._shell.tell(PersonSaid(at=anyio.current_time(), text=text))

    def stop_agent(self, agent: AgentId, reason: str = "stopped by a person") -> None:
        """Take one agent out; its answer stands."""
        self._shell.tell(
            AgentStopped(at=anyio.current_time(), agent=agent, reason=reason)
        )

    def veto(self, label: Label, reason: str = "vetoed by a person") -> None:
        """Rule an answer out."""
        self._shell.tell(
            AnswerVetoed(at=anyio.current_time(), label=label, reason=reason)
        )


class _Chunks:
    """A program's reading of a session, chunk by chunk.

    No generator, because ``break`` would leave one behind: when the loop lets go of
    this object, its feed closes and the agents no longer wait for it.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._ready: deque[StreamChunk] = deque()
        weakref.finalize(self, feed.close)

    def __aiter__(self) -> AsyncIterator[StreamChunk]:
        return self

    async def __anext__(self) -> StreamChunk:
        while not self._ready:
            batch = await anext(self._feed)
            self._ready.extend(event for event in batch if isinstance(event, Chunk))
        return self._ready.popleft()


class _Shell:
    """Owns the inbox and the agents' task group for one session."""

    def __init__(self, question: str, team: Team, session_id: str) -> None:
        self.id = session_id
        self.result: Result | None = None
        self.concluded = anyio.Event()
        self._question = question
        self._team = team
        seed = team.seed if team.seed is not None else secrets.randbits(63)
        ids = tuple(agent.id for agent in team.agents)
        self._machine = Consensus.new(
            ids, question, team.rules, seed=seed, nonce=secrets.token_hex(4)
        )
        self._ledger = Ledger(ids)
        self._feeds: list[Feed] = []
        self._actors: dict[AgentId, Actor] = {}
        self._timers: dict[str, anyio.CancelScope] = {}
        self._end: Conclude | None = None
        outbox, inbox = anyio.create_memory_object_stream[Item](FRAMES_IN_FLIGHT)
        self._outbox: MemoryObjectSendStream[Item] = outbox
        self._inbox: MemoryObjectReceiveStream[Item] = inbox
        # What people say and timers ring must not be lost to a full channel, and
        # tell() cannot wait; few such inputs exist, so this list stays short.
        self._told: list[ShellInput] = []

    def subscribe(self, *, lossless: bool) -> Feed:
        """Open a reader of events, from now on."""
        feed = Feed(lossless=lossless)
        if self._end is not None:
            feed.close()
        self._feeds.append(feed)
        return feed

    def tell(self, what: ShellInput) -> None:
        """Bring in something that no agent said."""
        if self._end is None:
            self._told.append(what)
            self._wake()

    def _wake(self) -> None:
        try:
            self._outbox.send_nowait(b"")
        except (anyio.WouldBlock, anyio.BrokenResourceError, anyio.ClosedResourceError):
            return  # full: the fan-in is awake anyway; closed: nothing matters any more

    async def run(self) -> None:
        """Run the session to its end."""
        began = anyio.current_time()
        with self._inbox, self._outbox:
            async with anyio.create_task_group() as group:
                self._spawn(group)
                self.tell(SessionOpened(at=began))
                while self._end is None:
                    await self._take(await self._drained(), group)
                # Whatever still streams has lost its purpose.
                group.cancel_scope.cancel("the session is concluded")
            await self._take_leftovers()
        assert self._end is not None
        elapsed_s = anyio.current_time() - began
        self.result = self._ledger.result(self.id, self._question, self._end, elapsed_s)
        for feed in self._feeds:
            feed.close()
        self.concluded.set()

    def _spawn(self, group: anyio.abc.TaskGroup) -> None:
        limiters = self._team.limiters()
        for agent in self._team.agents:
            actor = Actor(agent, self._outbox.clone(), limiter=limiters[agent.id])
            self._actors[agent.id] = actor
            group.start_soon(actor.run, name=f"agent {agent.id}")

    # ------------------------------------------------------------ taking in

    async def _drained(self) -> list[Item]:
        """Wait for something, then take all that is ready."""
        items: list[Item] = [*self._told]
        self._told.clear()
        if not items:
            items.append(await self._inbox.receive())
        try:
            while len(items) < DRAIN_AT_ONCE:
                items.append(self._inbox.receive_nowait())
        except anyio.WouldBlock:
            pass
        items.extend(self._told)
        self._told.clear()
        return items

    async def _take(
        self, items: Iterable[Item], group: anyio.abc.TaskGroup | None
    ) -> None:
        """Record, step, act, publish: in this order."""
        events: list[Event] = []
        for item in items:
            if isinstance(item, bytes):
                if item:
                    self._take_frame(item, events, group)
            else:
                self._step(item, events, group)
        for feed in self._feeds:
            await feed.push(events)
        await anyio.lowlevel.checkpoint()

    def _take_frame(
        self, frame: bytes, events: list[Event], group: anyio.abc.TaskGroup | None
    ) -> None:
        # Nearly all chunks are text that only readers want; the machine and the books
        # are asked about the others alone.
        for chunk in decode_frame(frame):
            kind = type(chunk)
            events.append(chunk)
            if kind in BOOKED:
                self._ledger.book(chunk)
            if kind in _HEARD:
                self._step(chunk, events, group)

    def _step(
        self,
        what: StreamChunk | ShellInput,
        events: list[Event],
        group: anyio.abc.TaskGroup | None,
    ) -> None:
        self._machine, outputs = self._machine.step(what)
        for output in outputs:
            events.append(output)
            self._ledger.book(output)
            if group is not None:
                self._carry_out(output, group)

    async def _take_leftovers(self) -> None:
        """Frames that agents had sent before they were cancelled: readers get them."""
        items: list[Item] = []
        try:
            while True:
                items.append(self._inbox.receive_nowait())
        except (anyio.WouldBlock, anyio.EndOfStream):
            await self._take(items, None)

    # ----------------------------------------------------------- acting

    def _carry_out(self, output: MachineOutput, group: anyio.abc.TaskGroup) -> None:
        match output:
            case StartTurn():
                self._actors[output.turn.agent].take(output.turn)
            case CancelTurn():
                self._actors[output.agent].cancel(output.turn, output.reason)
            case TellAgent():
                self._actors[output.news.agent].tell(output.news)
            case ArmTimer():
                self._arm(output, group)
            case Conclude():
                self._end = output
            case _:
                pass  # a decision: readers get it, there is nothing to do

    def _arm(self, timer: ArmTimer, group: anyio.abc.TaskGroup) -> None:
        if timer.timer in self._timers:
            self._timers[timer.timer].cancel("armed anew")
        scope = anyio.CancelScope()
        self._timers[timer.timer] = scope
        group.start_soon(self._ring, timer, scope, name=f"timer {timer.timer}")

    async def _ring(self, timer: ArmTimer, scope: anyio.CancelScope) -> None:
        with scope:
            if math.isfinite(timer.at):
                await anyio.sleep_until(timer.at)
                self.tell(TimerRang(at=anyio.current_time(), timer=timer.timer))


@asynccontextmanager
async def open_session(
    question: str,
    team: Team,
    *,
    displays: Sequence[Display] = (),
    session_id: str | None = None,
) -> AsyncGenerator[Session]:
    """Open a session of ``team`` on ``question``.

    Args:
        question: What is to be answered; not empty.
        team: Agents and rules. Their backends stay open: whoever made them closes them.
        displays: Shown everything, each at its own pace; one that lags misses text, and
            only text.
        session_id: A name for the session; drawn if absent.

    Yields:
        The running session. Leaving the block cancels whatever still runs.

    Raises:
        ConfigInvalid: The question is empty.
    """
    if not question.strip():
        raise ConfigInvalid("the question is empty; say what the team shall answer")
    shell = _Shell(question, team, session_id or new_session_id())
    async with AsyncExitStack() as stack:
        group = await stack.enter_async_context(anyio.create_task_group())
        showing = await stack.enter_async_context(anyio.create_task_group())
        for display in displays:
            showing.start_soon(_show, display, shell.subscribe(lossless=False), shell)
        group.start_soon(shell.run, name=f"session {shell.id}")
        try:
            yield Session(shell)
        finally:
            if not shell.concluded.is_set():
                showing.cancel_scope.cancel("the session was left")
                group.cancel_scope.cancel("the session was left")


async def _show(display: Display, feed: Feed, shell: _Shell) -> None:
    try:
        await display.show(feed)
    finally:
        feed.close()
    if shell.result is not None:
        display.conclude(shell.result)


async def run(
    question: str,
    team: Team,
    *,
    displays: Sequence[Display] = (),
    session_id: str | None = None,
) -> Result:
    """Run a session of ``team`` on ``question`` to its end.

    Raises:
        ConfigInvalid: The question is empty.
    """
    async with open_session(
        question, team, displays=displays, session_id=session_id
    ) as session:
        return await session.wait()


def new_session_id() -> str:
    """A name that sorts by nothing and collides with nothing."""
    return secrets.token_hex(6)


def run_sync(
    question: str,
    team: Team,
    *,
    displays: Sequence[Display] = (),
    session_id: str | None = None,
    runtime: Literal["asyncio", "trio"] = "asyncio",
) -> Result:
    """Run a session from code that is not asynchronous, a notebook's cell included.

    Where an event loop already runs in this thread (as in a notebook), the session gets
    a thread of its own and this call blocks until it has ended.

    Raises:
        ConfigInvalid: The question is empty.
    """
    with start_blocking_portal(runtime) as portal:
        return portal.call(
            partial(run, question, team, displays=displays, session_id=session_id)
        )
