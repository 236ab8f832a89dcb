"""A session, as its caller sees it: opened, watched, spoken to, and its result.

What happens inside is :mod:`coordinator.session.engine`'s.
"""

from __future__ import annotations

import math
import os
import weakref
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Sequence,
)
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Unpack, cast

import anyio
import msgspec

from agents.actor.person import BEFORE_ANY
from agents.boundary.context_task import ContextTask
from agents.boundary.guard import (
    class_name,
    flag_of,
    is_a,
    log_error,
    module_name,
)
from agents.boundary.isolation import isolated
from agents.boundary.log_context import bound_logger
from agents.boundary.own_loop import OwnLoop
from agents.boundary.root import Loop, RootTask
from agents.conversation.prompts import with_earlier
from agents.conversation.uploads import SessionFiles
from agents.protocol.chunks import AgentId, Chunk, Label, StreamChunk, TurnNumber
from agents.protocol.turns import Review, Turn
from agents.protocol.unicode_text import whole_text
from coordinator.errors import ConfigInvalid, NotAsked, SessionLeft
from coordinator.journal.entries import ContinuedFrom, Opened, library_version
from coordinator.journal.store import FILES_SUFFIX, usual_root
from coordinator.journal.writer import JournalWriter
from coordinator.protocol.events import (
    AgentStopped,
    AnswerVetoed,
    Interrupted,
    PersonSaid,
    ShellInput,
    VoteForced,
)
from coordinator.protocol.result import T
from coordinator.recovery.attachment_restore import told_of
from coordinator.session.engine import Opening, Shell
from coordinator.session.handle import SessionHandle
from coordinator.session.options import OpenOptions, SyncOptions, takes
from coordinator.session.subscription import Feed
from coordinator.team.attachment_sources import read_attachments
from coordinator.team.team import WORDS_MOST, check_asked

if TYPE_CHECKING:
    from agents.actor.person import Seat
    from coordinator.displays.base import Display
    from coordinator.protocol.result import Result
    from coordinator.team.team import Team

DISPLAY_GRACE_S = 3.0
"""How long a display may stand still once the session is over: a terminal or a pipe
that nobody reads. One that goes on may take its time."""
STOP_GRACE_S = 0.5
"""How long it may take to end then."""
RELEASED_S = 20.0
"""How long deleting uploads may take, in all; it limits itself to less."""
LEAVE_S = 60.0
"""How long leaving a session may take, in all: each of its parts has less."""

_log = bound_logger("coordinator.session")


class Session(Generic[T]):
    """A session under way, as its caller sees it.

    Iterate over it for every chunk; a slow body slows the agents down, nothing is lost.
    ``await session.wait()`` for the result. Leaving ``async with`` cancels what runs.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._loop = Loop()
        self.repair: str | None = None
        """The repair of the journal by a resumption, in one line."""

    @property
    def id(self) -> str:
        """The session's name."""
        return self._shell.id

    @property
    def runs_here(self) -> bool:
        """Whether its event loop is the one that runs in this thread."""
        return self._loop.is_running_here

    @property
    def result(self) -> Result[T] | None:
        """The outcome; ``None`` while the session runs."""
        return self._shell.result

    @property
    def has_answers(self) -> bool:
        """Whether an answer stands, so that there is something to vote on."""
        return bool(self._shell.standing_labels())

    @property
    def journal_lost(self) -> str | None:
        """Why nothing more is kept of the session; ``None`` where all is well."""
        return self._shell.journal_lost

    @property
    def files_left(self) -> tuple[str, ...]:
        """Uploads that could not be deleted, by their ids; known when it is left."""
        return tuple(self._shell.files.left_behind)

    def when_over(self, call: Callable[[], object]) -> None:
        """Have ``call`` called once the session is over, in its event loop.

        What it raises is for the log.
        """
        self._shell.when_over(call)

    def __aiter__(self) -> AsyncIterator[StreamChunk]:
        return _Chunks(self.events())

    def events(self, *, lossless: bool = True) -> Feed:
        """Batches of chunks and decisions, from now on.

        Raises:
            RuntimeError: The session runs in another thread.
        """
        self._insist_on_its_thread()
        return self._shell.subscribe(lossless=lossless)

    async def wait(self) -> Result[T]:
        """Wait for the outcome.

        Raises:
            RuntimeError: The session runs in another thread.
            SessionLeft: The session was left, or has failed, before there was one.
        """
        self._insist_on_its_thread()
        await self._shell.over.wait()
        if self._shell.result is None:
            raise SessionLeft(
                f"session {self.id!r} was left before it had an outcome; wait for it "
                "within its block"
            )
        return self._shell.result

    def interrupt(self, reason: str = "interrupted") -> None:
        """End now, with the best answer so far; from any thread."""
        reason = _words(reason)
        self._tell(lambda at: Interrupted(at=at, reason=reason))

    def say(self, text: str) -> None:
        """Tell the whole team something; agents read it with their next turn.

        From any thread.
        """
        text = _words(text)
        self._tell(lambda at: PersonSaid(at=at, text=text))

    def label_of(self, name: str, among: Sequence[Label] = ()) -> Label:
        """The label of an answer as a person names it.

        Args:
            name: A label, an author (then it is the newest answer that stands), or a
                number of the list ``among``, from 1.
            among: The list that was shown.

        Raises:
            NotAsked: There is no such answer.
        """
        labels = self._shell.standing_labels()
        if name.isdecimal() and 0 < int(name) <= len(among):
            return among[int(name) - 1]
        if name in labels.values():
            return Label(name)
        if (label := labels.get(AgentId(name))) is not None:
            return label
        known = ", ".join(f"{agent} ({label})" for agent, label in labels.items())
        way = f"choose from {known}" if known else "nobody has answered yet"
        raise NotAsked(f"there is no answer {name!r}; {way}")

    def stop_agent(self, agent: str, reason: str = "a person asked for it") -> None:
        """Take one agent out; its answer stands. From any thread.

        Raises:
            NotInTeam: There is no such agent.
        """
        self._shell.check_name(agent)
        reason = _words(reason)
        self._tell(lambda at: AgentStopped(at=at, agent=AgentId(agent), reason=reason))

    def veto(self, label: str, reason: str = "vetoed by a person") -> None:
        """Rule an answer out; from any thread."""
        label, reason = _words(label), _words(reason)
        self._tell(lambda at: AnswerVetoed(at=at, label=Label(label), reason=reason))

    def force_vote(self, reason: str = "a person asked for the vote") -> None:
        """Have the vote now, on the answers there are; or count who has voted.

        From any thread. Nothing happens where there is nothing yet to vote on or by.
        """
        reason = _words(reason)
        self._tell(lambda at: VoteForced(at=at, reason=reason))

    def _insist_on_its_thread(self) -> None:
        """Refuse to be waited for in an event loop that is not the session's."""
        if not self._loop.is_of_this_thread:
            raise RuntimeError(
                f"session {self.id!r} runs in another thread; read it there, or use "
                "the handle that run_sync(…, on_start=…) gives"
            )

    def _tell(self, make_input: Callable[[float], ShellInput]) -> None:
        """Take in the input that ``make_input`` makes at the event loop's time."""

        def tell() -> None:
            self._shell.tell(make_input(anyio.current_time()))

        if self._loop.is_running_here:
            tell()
        else:
            self._loop.call_soon(tell)

    async def asked(self, agent: str, *, after: TurnNumber = BEFORE_ANY) -> Turn:
        """Wait until a person is asked something; what that is.

        Args:
            agent: The person.
            after: A turn that is known already; wait for a later one.

        Raises:
            NotAsked: The agent is no person, or the session has ended.
            RuntimeError: The session runs in another thread.
        """
        self._insist_on_its_thread()
        seat = await self._shell.seat(agent)
        turn = await seat.asked(after)
        if turn is None:
            raise NotAsked(f"{agent!r} is not asked any more: the session has ended")
        return turn

    def answer(self, agent: str, text: str) -> None:
        """Answer for a person: a first answer, a better one, or the final words.

        Raises:
            NotAsked: The agent is no person, or is not asked anything now.
            RuntimeError: The session runs in another thread.
        """
        self._insist_on_its_thread()
        seat = self._shell.seat_now(agent)
        seat.answer(_turn_of(seat, agent), _words(text))

    def vote(self, agent: str, *labels: str, reason: str = "") -> None:
        """Vote for a person.

        Args:
            agent: Who votes.
            labels: The best answer; more, best first, where the ballot takes more.
            reason: Why.

        Raises:
            NotAsked: The agent is no person, or is not asked to vote now.
            RuntimeError: The session runs in another thread.
        """
        self._insist_on_its_thread()
        seat = self._shell.seat_now(agent)
        task = _turn_of(seat, agent).task
        form = task.ballot if isinstance(task, Review) else None
        if form is None or not labels:
            raise NotAsked(f"{agent!r} is not asked to vote now, or votes for nothing")
        seat.vote(form, [Label(_words(each)) for each in labels], _words(reason))


def _words(text: str) -> str:
    """A person's words, as a journal can keep them.

    Raises:
        ValueError: It is longer than any model could read.
    """
    if len(text) > WORDS_MOST:
        raise ValueError(
            f"a text of {len(text):,} characters is longer than any model reads; the "
            f"most is {WORDS_MOST:,}"
        )
    return whole_text(text)


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
def open_session(
    question: str, team: Team[T], **options: Unpack[OpenOptions]
) -> AbstractAsyncContextManager[Session[T]]:
    """Open a session of ``team`` on ``question``.

    Args:
        question: What is to be answered; not empty.
        team: Agents and rules. Their backends stay open: whoever made them closes them.
        options: See :class:`~coordinator.session.options.OpenOptions`.

    Returns:
        What gives the running session in an ``async with`` block, and cancels whatever
        still runs when it is left. The session has tasks of its own, so the block may
        be around a ``yield``, in a fixture or an ``AsyncExitStack``.

    Raises:
        ConfigInvalid: On entering: the question is empty, the session's name is none,
            or what is attached cannot be read.
        JournalUnavailable: On entering or leaving: the journal cannot be kept.
    """
    return in_own_task(lambda: _opened(question, team, **options))


def in_own_task(
    make: Callable[[], AbstractAsyncContextManager[Session[T]]],
) -> AbstractAsyncContextManager[Session[T]]:
    """A session's block that may be entered in one task and left in another."""
    return ContextTask("session", make, grace_s=LEAVE_S)


@asynccontextmanager
async def _opened(
    question: str, team: Team[T], **options: Unpack[OpenOptions]
) -> AsyncGenerator[Session[T]]:
    check_asked(question, team)
    journal = options["journal"] if "journal" in options else usual_root()
    journal, output_dir = journal or None, options.get("output_dir")
    continues = options.get("continues")
    question = whole_text(question)
    nonce = os.urandom(4).hex()
    earlier = continues.earlier if continues else ()
    opening = Opening(
        session_id=options.get("session_id") or new_session_id(),
        seed=team.seed if team.seed is not None else int.from_bytes(os.urandom(8)) >> 1,
        nonce=nonce,
        asked=with_earlier(question, earlier, nonce) if earlier else "",
    )
    attached = (*team.attachments, *options.get("attachments", ()))
    _check_places(team, attached)
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
            output_dir=whole_path(output_dir).resolve() if output_dir else None,
        )
        displays = _displays(question, team, options)
        session = await stack.enter_async_context(running(shell, displays))
        if options.get("show", False):
            people = [person.id for person in team.people]
            serving = _served(session, displays[-1], people)
            await stack.enter_async_context(serving)
        yield session


def _check_places(team: Team, attached: Sequence[object]) -> None:
    """Refuse files that would have to go to another machine.

    Raises:
        ConfigInvalid: There are some, and an agent lives elsewhere.
    """
    far = next(
        (agent for agent in team.with_models if agent.elsewhere is not None), None
    )
    if attached and far is not None:
        raise ConfigInvalid(
            f"agent {far.id!r} runs elsewhere (its 'place'), where attached files do "
            "not go; leave out either"
        )


def _displays(
    question: str, team: Team[Any], options: OpenOptions
) -> tuple[Display, ...]:
    displays = tuple(options.get("displays", ()))
    if not options.get("show", False):
        return displays
    from coordinator.displays.base import Cast  # noqa: PLC0415  (for few)
    from coordinator.displays.live import live_display  # noqa: PLC0415

    limits = team.rules.limits
    cast = Cast(
        question=question,
        models={**team.models},
        deadline_s=limits.deadline_s,
        budget_usd=limits.budget_usd,
        budget_tokens=limits.budget_tokens,
        people=team.rules.voting.people,
    )
    return *displays, live_display(cast)


@asynccontextmanager
async def _served(
    session: Session[Any], shown: Display, people: Sequence[str]
) -> AsyncGenerator[None]:
    """Let whoever sits before the display that shows the session take part by its keys.

    Tools that ask for a yes ask the caller's own approver, as they do without it.
    """
    from coordinator.displays.base import Steered  # noqa: PLC0415  (for few)
    from coordinator.displays.people_input import Desk, NoRequests  # noqa: PLC0415

    if not isinstance(shown, Steered):
        yield
        return
    desk = Desk(session, people, NoRequests(), shown.say, shown.ask)
    shown.on_wish = desk.carry_out
    async with anyio.create_task_group() as group:
        group.start_soon(desk.attend, name="desk")
        try:
            yield
        finally:
            group.cancel_scope.cancel("the session was left")


@asynccontextmanager
async def running(
    shell: Shell, displays: Sequence[Display]
) -> AsyncGenerator[Session[Any]]:
    """Run a shell, and show what happens; leaving the block cancels what still runs.

    What does not end in time (an agent, a display, the deletion of an upload) is left
    behind, named in the log.
    """
    shows: list[_Show] = []
    try:
        async with anyio.create_task_group() as group:
            for display in displays:
                is_lossless = flag_of(display, "is_lossless")
                # A program that reads every line has read the past ones already.
                feed = shell.subscribe(lossless=is_lossless, from_start=not is_lossless)
                shows.append(_Show(display, feed, shell, group.cancel_scope))
            group.start_soon(shell.run, name=f"session {shell.id}")
            try:
                yield Session(shell)
            finally:
                if not shell.concluded.is_set():
                    group.cancel_scope.cancel("the session was left")
    finally:
        # Side by side: each that stands still is waited for.
        async with anyio.create_task_group() as ending:
            for show in shows:
                ending.start_soon(show.end)
        await shell.dismiss()  # noqa: ASYNC102  (bounded, and shielded where it must be)
        shell.leave()
        # Behind everything that could still upload.
        await RootTask("deleting uploads", shell.files.release).end_after(RELEASED_S)  # noqa: ASYNC102  (bounded, and shielded where it must be)
    for show in shows:
        if show.lost_stream is not None:
            raise show.lost_stream


class _Show:
    """One display at work, in a task of its own: a failure is that display's.

    Of the command's own displays, one whose stream is gone ends the session: whoever
    has asked reads no more.
    """

    def __init__(
        self, display: Display, feed: Feed, shell: Shell, scope: anyio.CancelScope
    ) -> None:
        self._display, self._feed, self._shell = display, feed, shell
        self._scope = scope
        self.lost_stream: OSError | None = None
        name = f"display {class_name(display)}"
        self._task = RootTask(name, self._run, on_end=self._ended)

    async def _run(self) -> None:
        try:
            await self._display.show(self._feed)
        finally:
            self._feed.close()
        if self._shell.result is not None:
            self._display.conclude(self._shell.result)

    def _ended(self, task: RootTask[None]) -> None:
        is_ours = module_name(self._display).startswith("coordinator.displays.")
        if is_ours and task.error is not None and is_a(task.error, OSError):
            self.lost_stream = cast("OSError", task.error)
            self._scope.cancel("a display's stream is gone")
        elif task.error is not None:
            log_error(task.name, task.error)

    async def end(self) -> None:
        """Wait while it shows what is left; one that stands still is left behind."""
        self._feed.close()
        if self._shell.result is None:
            self._task.cancel("the session was left")
        waiting = math.inf
        while not self._task.is_over and self._feed.waiting < waiting:
            waiting = self._feed.waiting
            with anyio.move_on_after(DISPLAY_GRACE_S, shield=True):
                await self._task.wait()
        if not self._task.is_over:
            _log.warning(
                "%s has stood still for %g s after the session: it is stopped",
                self._task.name,
                DISPLAY_GRACE_S,
            )
            await self._task.end("it stands still", STOP_GRACE_S)


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


def whole_path(folder: Path) -> Path:
    """The folder from the root on.

    Raises:
        ConfigInvalid: The program runs in a folder that is gone.
    """
    try:
        return folder.absolute()
    except FileNotFoundError as error:
        raise ConfigInvalid(
            f"output folder {str(folder)!r} lies in a folder that is no longer there; "
            "give its whole path"
        ) from error


def _spelled_out(folder: Path | None) -> str:
    """The folder as a journal keeps it.

    Raises:
        ConfigInvalid: No JSON could bear its name, or nobody knows where it is.
    """
    named = str(whole_path(folder)) if folder else ""
    if named != whole_text(named):
        raise ConfigInvalid(
            f"output folder {named!r} has a name that is not UTF-8, which no journal "
            "can keep; name another"
        )
    return named


def new_session_id() -> str:
    """A name that sorts by nothing and collides with nothing."""
    return os.urandom(6).hex()


@takes(SyncOptions)
def run_sync(question: str, team: Team[T], **options: Unpack[SyncOptions]) -> Result[T]:
    """Run a session from code that is not asynchronous, a notebook's cell included.

    The session gets a thread and an event loop of its own, and this call blocks until
    it has ended; many threads may call it at once, with one team. What its backends
    have open in that event loop is closed then; the next call opens it anew.

    Raises:
        ConfigInvalid: The question is empty.
        JournalUnavailable: The journal cannot be kept.
    """
    check_asked(question, team)
    runtime = options.pop("runtime", "asyncio")
    on_start = options.pop("on_start", None)
    return OwnLoop(lambda: _started(question, team, on_start, options)).run(runtime)


async def _started(
    question: str,
    team: Team[T],
    on_start: Callable[[SessionHandle], object] | None,
    options: OpenOptions,
) -> Result[T]:
    try:
        async with open_session(question, team, **options) as session:
            if on_start is not None:
                _call_hook(on_start, SessionHandle(session))
            return await session.wait()
    finally:
        await team.aclose()


def _call_hook(
    on_start: Callable[[SessionHandle], object], handle: SessionHandle
) -> None:
    """Call a hook of the caller's; what it raises is for the log."""
    try:
        isolated(lambda: on_start(handle))
    except BaseException as error:  # noqa: BLE001, ASYNC103  (a boundary: it may raise anything)
        log_error("on_start", error)


def first_record(opening: Opening, question: str, team: Team) -> Opened:
    """The journal's first record: all that the same machine is made from."""
    return Opened(
        session=opening.session_id,
        started=datetime.now(UTC),
        at=anyio.current_time(),
        question=question,
        team=team.described(),
        models=team.models,
        seed=opening.seed,
        nonce=opening.nonce,
        asked=opening.asked,
        library=library_version(),
    )
