"""A session, as its caller sees it: opened, watched, spoken to, and its result.

What happens inside is :mod:`coordinator.session.engine`'s.
"""

from __future__ import annotations

import secrets
import weakref
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Unpack

import anyio
import msgspec

from agents.actor.person import BEFORE_ANY
from agents.conversation.prompts import with_earlier
from agents.conversation.uploads import SessionFiles
from agents.protocol.chunks import AgentId, Chunk, Label, StreamChunk, TurnNumber
from agents.protocol.turns import Review, Turn
from agents.protocol.unicode_text import whole_text
from coordinator.errors import NotAsked
from coordinator.journal.entries import ContinuedFrom, Opened, library_version
from coordinator.journal.store import FILES_SUFFIX
from coordinator.journal.writer import JournalWriter
from coordinator.protocol.events import (
    AgentStopped,
    AnswerVetoed,
    Interrupted,
    PersonSaid,
)
from coordinator.protocol.result import T
from coordinator.recovery.attachment_restore import told_of
from coordinator.session.engine import Opening, Shell
from coordinator.session.options import OpenOptions, SyncOptions, takes
from coordinator.session.subscription import Feed
from coordinator.team.attachment_sources import read_attachments
from coordinator.team.team import check_asked

if TYPE_CHECKING:
    from agents.actor.person import Seat
    from coordinator.displays.base import Display
    from coordinator.protocol.result import Result
    from coordinator.team.team import Team


class Session(Generic[T]):
    """A session under way, as its caller sees it.

    Iterate over it for every chunk; a slow body slows the agents down, nothing is lost.
    ``await session.wait()`` for the result. Leaving ``async with`` cancels what runs.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self.repair: str | None = None
        """What a resumption has mended in the journal, in one line."""

    @property
    def id(self) -> str:
        """The session's name."""
        return self._shell.id

    @property
    def result(self) -> Result[T] | None:
        """The outcome; ``None`` while the session runs."""
        return self._shell.result

    @property
    def journal_lost(self) -> str | None:
        """Why nothing more is kept of the session; ``None`` where all is well."""
        return self._shell.journal_lost

    @property
    def files_left(self) -> tuple[str, ...]:
        """Uploads that could not be deleted, by their ids; known when it is left."""
        return tuple(self._shell.files.left_behind)

    def __aiter__(self) -> AsyncIterator[StreamChunk]:
        return _Chunks(self._shell.subscribe(lossless=True))

    def events(self, *, lossless: bool = True) -> Feed:
        """Batches of chunks and decisions, from now on."""
        return self._shell.subscribe(lossless=lossless)

    async def wait(self) -> Result[T]:
        """Wait for the outcome."""
        await self._shell.concluded.wait()
        assert self._shell.result is not None
        return self._shell.result

    def interrupt(self, reason: str = "interrupted") -> None:
        """End now, with the best answer so far."""
        self._shell.tell(
            Interrupted(at=anyio.current_time(), reason=whole_text(reason))
        )

    def say(self, text: str) -> None:
        """Tell the whole team something; agents read it with their next turn."""
        self._shell.tell(PersonSaid(at=anyio.current_time(), text=whole_text(text)))

    def stop_agent(self, agent: str, reason: str = "stopped by a person") -> None:
        """Take one agent out; its answer stands.

        Raises:
            NotInTeam: There is no such agent.
        """
        self._shell.check_name(agent)
        self._shell.tell(
            AgentStopped(
                at=anyio.current_time(), agent=AgentId(agent), reason=whole_text(reason)
            )
        )

    def veto(self, label: str, reason: str = "vetoed by a person") -> None:
        """Rule an answer out."""
        self._shell.tell(
            AnswerVetoed(
                at=anyio.current_time(), label=Label(label), reason=whole_text(reason)
            )
        )

    async def asked(self, agent: str, *, after: TurnNumber = BEFORE_ANY) -> Turn:
        """Wait until a person is asked something; what that is.

        Args:
            agent: The person.
            after: A turn that is known already; wait for a later one.

        Raises:
            NotAsked: The agent is no person, or the session has ended.
        """
        seat = await self._shell.seat(agent)
        turn = await seat.asked(after)
        if turn is None:
            raise NotAsked(f"{agent!r} is not asked any more: the session has ended")
        return turn

    def answer(self, agent: str, text: str) -> None:
        """Answer for a person: a first answer, a better one, or the final words.

        Raises:
            NotAsked: The agent is no person, or is not asked anything now.
        """
        seat = self._shell.seat_now(agent)
        seat.answer(_turn_of(seat, agent), whole_text(text))

    def vote(self, agent: str, *labels: str, reason: str = "") -> None:
        """Vote for a person.

        Args:
            agent: Who votes.
            labels: The best answer; more, best first, where the ballot takes more.
            reason: Why.

        Raises:
            NotAsked: The agent is no person, or is not asked to vote now.
        """
        seat = self._shell.seat_now(agent)
        task = _turn_of(seat, agent).task
        form = task.ballot if isinstance(task, Review) else None
        if form is None or not labels:
            raise NotAsked(f"{agent!r} is not asked to vote now, or votes for nothing")
        seat.vote(form, [Label(label) for label in labels], whole_text(reason))


def _turn_of(seat: Seat, agent: str) -> Turn:
    if seat.turn is None:
        raise NotAsked(f"{agent!r} is not asked anything now; await session.asked()")
    return seat.turn


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


@takes(OpenOptions)
@asynccontextmanager
async def open_session(
    question: str, team: Team[T], **options: Unpack[OpenOptions]
) -> AsyncGenerator[Session[T]]:
    """Open a session of ``team`` on ``question``.

    Args:
        question: What is to be answered; not empty.
        team: Agents and rules. Their backends stay open: whoever made them closes them.
        options: See :class:`~coordinator.session.options.OpenOptions`.

    Yields:
        The running session. Leaving the block cancels whatever still runs.

    Raises:
        ConfigInvalid: The question is empty, the session's name is none, or what is
            attached cannot be read.
        JournalUnavailable: The journal cannot be kept.
    """
    check_asked(question, team)
    journal, output_dir = options.get("journal"), options.get("output_dir")
    continues = options.get("continues")
    question = whole_text(question)
    nonce = secrets.token_hex(4)
    earlier = continues.earlier if continues else ()
    opening = Opening(
        session_id=options.get("session_id") or new_session_id(),
        seed=team.seed if team.seed is not None else secrets.randbits(63),
        nonce=nonce,
        asked=with_earlier(question, earlier, nonce) if earlier else "",
    )
    attached = (*team.attachments, *options.get("attachments", ()))
    read = await read_attachments(attached)
    async with AsyncExitStack() as stack:
        writer: JournalWriter | None = None
        if journal is not None:
            from coordinator.journal.open import open_journal  # noqa: PLC0415

            opened = msgspec.structs.replace(
                first_record(opening, question, team),
                attached=told_of(attached, read),
                output_dir=_spelled_out(output_dir),
            )
            if continues is not None:
                parent = ContinuedFrom(session=continues.session)
                opened = msgspec.structs.replace(opened, parent=parent)
            writer = await stack.enter_async_context(
                open_journal(
                    journal, opened, durability=options.get("durability", "async")
                )
            )
        if output_dir is None and journal is not None:
            output_dir = journal / f"{opening.session_id}{FILES_SUFFIX}"
        shell = Shell(
            question,
            team,
            opening,
            writer,
            files=SessionFiles(read),
            output_dir=output_dir.resolve() if output_dir else None,
        )
        displays = options.get("displays", ())
        yield await stack.enter_async_context(running(shell, displays))


@asynccontextmanager
async def running(shell: Shell, displays: Sequence[Display]) -> AsyncGenerator[Session]:
    """Run a shell, and show what happens; leaving the block cancels what still runs."""
    async with AsyncExitStack() as stack:
        # Behind everything that could still upload.
        stack.push_async_callback(shell.files.release)
        stack.callback(shell.leave)
        group = await stack.enter_async_context(anyio.create_task_group())
        showing = await stack.enter_async_context(anyio.create_task_group())
        for display in displays:
            # A program that reads every line has read the past ones already.
            feed = shell.subscribe(
                lossless=display.is_lossless, from_start=not display.is_lossless
            )
            showing.start_soon(_show, display, feed, shell)
        group.start_soon(shell.run, name=f"session {shell.id}")
        try:
            yield Session(shell)
        finally:
            if not shell.concluded.is_set():
                showing.cancel_scope.cancel("the session was left")
                group.cancel_scope.cancel("the session was left")


async def _show(display: Display, feed: Feed, shell: Shell) -> None:
    try:
        await display.show(feed)
    finally:
        feed.close()
    if shell.result is not None:
        display.conclude(shell.result)


@takes(OpenOptions)
async def run(
    question: str, team: Team[T], **options: Unpack[OpenOptions]
) -> Result[T]:
    """Run a session of ``team`` on ``question`` to its end; see :func:`open_session`.

    Raises:
        ConfigInvalid: The question is empty.
        JournalUnavailable: The journal cannot be kept.
    """
    async with open_session(question, team, **options) as session:
        return await session.wait()


def _spelled_out(folder: Path | None) -> str:
    return str(folder.absolute()) if folder else ""


def new_session_id() -> str:
    """A name that sorts by nothing and collides with nothing."""
    return secrets.token_hex(6)


@takes(SyncOptions)
def run_sync(question: str, team: Team[T], **options: Unpack[SyncOptions]) -> Result[T]:
    """Run a session from code that is not asynchronous, a notebook's cell included.

    The session gets a thread and an event loop of its own, and this call blocks until
    it has ended. Its backends are closed then, because connections do not outlive their
    event loop; the next call opens them anew.

    Raises:
        ConfigInvalid: The question is empty.
        JournalUnavailable: The journal cannot be kept.
    """
    from anyio.from_thread import start_blocking_portal  # noqa: PLC0415  (13 ms)

    check_asked(question, team)

    runtime = options.pop("runtime", "asyncio")
    asked = partial(run, question, team, **options)
    with start_blocking_portal(runtime) as portal:
        return portal.call(_run_and_close, asked, team)


async def _run_and_close(
    asked: Callable[[], Awaitable[Result[T]]], team: Team[T]
) -> Result[T]:
    try:
        return await asked()
    finally:
        await team.aclose()


def first_record(opening: Opening, question: str, team: Team) -> Opened:
    """The journal's first record: all that the same machine is made from."""
    return Opened(
        session=opening.session_id,
        started=datetime.now(UTC),
        at=anyio.current_time(),
        question=question,
        team=team.described(),
        models={AgentId(agent.id): agent.backend.model for agent in team.agents},
        seed=opening.seed,
        nonce=opening.nonce,
        asked=opening.asked,
        library=library_version(),
    )
