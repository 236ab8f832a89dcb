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
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import anyio
import msgspec
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from agents.actor import Actor
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
    JournalLost,
    MachineOutput,
    PersonSaid,
    SessionOpened,
    ShellInput,
    StartTurn,
    TellAgent,
    TimerRang,
)
from coordinator.errors import ConfigInvalid, JournalUnavailable
from coordinator.feed import Feed
from coordinator.journal.contents import Opened, encode
from coordinator.journal.records import Kind
from coordinator.journal.writer import Durability, JournalWriter
from coordinator.ledger import BOOKED, Ledger

if TYPE_CHECKING:
    from coordinator.displays.base import Display
    from coordinator.result import Result
    from coordinator.team import Team

Item: TypeAlias = bytes | ShellInput

FRAMES_IN_FLIGHT = 256
"""Frames that agents may be ahead of the fan-in, beside two for each agent. A frame is
what one read brought, mostly under 4 KiB, so a stalled fan-in of a small team holds
about a mebibyte. Two for each, because agents that all have something at once would
otherwise queue at the door, and that costs more than what they bring."""

DRAIN_AT_ONCE = 1024
"""Frames taken in one wake-up, beside those for each agent, before readers and other
tasks get their turn. Fewer than agents bring meanwhile, and the inbox stays full."""

CLOSE_GRACE_S = 5.0
"""How long agents' clean-up may take once the session is over."""

_HEARD = frozenset(HEARD)
_ASKED = (StartTurn, TellAgent)
"""Outputs that only repeat, at length, what other records say."""


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What chance decided when the session began."""

    session_id: str
    seed: int
    nonce: str

    def record(self, question: str, team: Team) -> Opened:
        """The journal's first record: all that the same machine is made from."""
        from importlib.metadata import version  # noqa: PLC0415  (20 ms, for few)

        return Opened(
            session=self.session_id,
            started=datetime.now(UTC),
            at=anyio.current_time(),
            question=question,
            team=team.described(),
            models={agent.id: agent.backend.model for agent in team.agents},
            seed=self.seed,
            nonce=self.nonce,
            library=version("massgen-coordinator"),
        )


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

    def __init__(
        self, question: str, team: Team, opening: Opening, journal: JournalWriter | None
    ) -> None:
        self.id = opening.session_id
        self.result: Result | None = None
        self.concluded = anyio.Event()
        self._question = question
        self._team = team
        self._journal = journal
        ids = tuple(agent.id for agent in team.agents)
        self._machine = Consensus.new(
            ids, question, team.rules, seed=opening.seed, nonce=opening.nonce
        )
        self._ledger = Ledger(ids)
        self._feeds: list[Feed] = []
        self._actors: dict[AgentId, Actor] = {}
        self._timers: dict[str, anyio.CancelScope] = {}
        self._end: Conclude | None = None
        outbox, inbox = anyio.create_memory_object_stream[Item](
            FRAMES_IN_FLIGHT + 2 * len(ids)
        )
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
        if self._journal is not None:
            at = anyio.current_time()
            self._journal.record(Kind.RESULT, encode(self.result), at)
            if self._journal.durability != "exit":
                await self._journal.flush()
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
        """Take all that is ready; wait where nothing is."""
        items: list[Item] = [*self._told]
        self._told.clear()
        self._take_ready(items)
        if not items:
            items.append(await self._inbox.receive())
            self._take_ready(items)
        items.extend(self._told)
        self._told.clear()
        return items

    def _take_ready(self, items: list[Item]) -> None:
        most = DRAIN_AT_ONCE + 2 * len(self._actors)
        receive = self._inbox.receive_nowait
        with suppress(anyio.WouldBlock):
            while len(items) < most:
                items.append(receive())

    async def _take(
        self, items: Sequence[Item], group: anyio.abc.TaskGroup | None
    ) -> None:
        """Record, step, act, publish: in this order."""
        events: list[Event] = []
        if self._journal is not None:
            await self._record(self._journal, items, events)
        for item in items:
            if isinstance(item, bytes):
                if item:
                    self._take_frame(item, events, group)
            else:
                self._step(item, events, group)
        for feed in self._feeds:
            await feed.push(events)
        await anyio.lowlevel.checkpoint()

    async def _record(
        self, journal: JournalWriter, items: Sequence[Item], events: list[Event]
    ) -> None:
        """Put the inputs in the journal; where a mode waits for the disk, wait.

        Raises:
            JournalUnavailable: The disk failed, and nothing may happen unrecorded.
        """
        at = anyio.current_time()
        for item in items:
            if isinstance(item, bytes):
                if item:
                    journal.record(Kind.FRAME, item, at)
            else:
                journal.record(Kind.INPUT, encode(item), at)
        try:
            await journal.commit()
        except JournalUnavailable as lost:
            if journal.durability == "sync":
                raise
            events.append(JournalLost(reason=str(lost)))

    def _take_frame(
        self, frame: bytes, events: list[Event], group: anyio.abc.TaskGroup | None
    ) -> None:
        # Nearly all chunks are text that only readers want, if there are any; the
        # machine and the books are asked about the others alone.
        is_read = bool(self._feeds)
        for chunk in decode_frame(frame):
            kind = type(chunk)
            if is_read:
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
            if self._journal is not None and not isinstance(output, _ASKED):
                # For readers only: resuming feeds the inputs to the machine again.
                at = anyio.current_time()
                self._journal.record(Kind.OUTPUT, encode(output), at)
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
    journal: Path | None = None,
    durability: Durability = "async",
) -> AsyncGenerator[Session]:
    """Open a session of ``team`` on ``question``.

    Args:
        question: What is to be answered; not empty.
        team: Agents and rules. Their backends stay open: whoever made them closes them.
        displays: Shown everything, each at its own pace; one that lags misses text, and
            only text.
        session_id: A name for the session; drawn if absent.
        journal: The folder to keep the session's journal in; ``None``: none is kept.
        durability: What the journal promises; see :mod:`coordinator.journal.writer`.

    Yields:
        The running session. Leaving the block cancels whatever still runs.

    Raises:
        ConfigInvalid: The question is empty, or the session's name is none.
        JournalUnavailable: The journal cannot be kept.
    """
    if not question.strip():
        raise ConfigInvalid("the question is empty; say what the team shall answer")
    opening = Opening(
        session_id=session_id or new_session_id(),
        seed=team.seed if team.seed is not None else secrets.randbits(63),
        nonce=secrets.token_hex(4),
    )
    async with AsyncExitStack() as stack:
        writer: JournalWriter | None = None
        if journal is not None:
            from coordinator.journal.opening import open_journal  # noqa: PLC0415

            opened = opening.record(question, team)
            writer = await stack.enter_async_context(
                open_journal(journal, opened, durability=durability)
            )
        shell = _Shell(question, team, opening, writer)
        group = await stack.enter_async_context(anyio.create_task_group())
        showing = await stack.enter_async_context(anyio.create_task_group())
        for display in displays:
            feed = shell.subscribe(lossless=display.is_lossless)
            showing.start_soon(_show, display, feed, shell)
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
    journal: Path | None = None,
    durability: Durability = "async",
) -> Result:
    """Run a session of ``team`` on ``question`` to its end; see :func:`open_session`.

    Raises:
        ConfigInvalid: The question is empty.
        JournalUnavailable: The journal cannot be kept.
    """
    async with open_session(
        question,
        team,
        displays=displays,
        session_id=session_id,
        journal=journal,
        durability=durability,
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
    from anyio.from_thread import start_blocking_portal  # noqa: PLC0415  (13 ms)

    with start_blocking_portal(runtime) as portal:
        return portal.call(
            partial(run, question, team, displays=displays, session_id=session_id)
        )
