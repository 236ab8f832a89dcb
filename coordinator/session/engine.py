"""The shell: spawns agents, fans their frames in, feeds the machine, acts on effects.

It has no opinions. What is decided is decided by :mod:`coordinator.consensus`; this
file owns the tasks, the inbox, the timers and the order of things: an input is recorded
before its effects leave, and decisions reach every reader in the order they were made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

import anyio
import msgspec

from agents.actor.actor import Actor
from agents.actor.person import Person, Seat
from agents.boundary import log_context
from agents.boundary.guard import attribute_of, is_a, log_error, texts_of, words_of
from agents.boundary.isolation import isolated
from agents.boundary.root import RootTask
from agents.boundary.session_tools import let_go, tools_in_session
from agents.conversation.uploads import FileKey, SessionFiles
from agents.limits.idle_watchdog import SilenceWatch
from agents.protocol.chunks import AgentId, Label, ServerToolReturned, StreamChunk
from agents.protocol.frames import decode_frame, skim_frame
from agents.protocol.redaction import Redactor, secrets_of_environment
from agents.protocol.unicode_text import whole_text
from agents.tools.base import InSession
from agents.tracing.spans import session_trace
from coordinator.consensus import DEADLINE_TIMER, HEARD, Consensus
from coordinator.errors import NotAsked, NotInTeam
from coordinator.protocol.accounting import BOOKED
from coordinator.protocol.clock import on_session_clock
from coordinator.protocol.events import (
    AgentStopped,
    ArmTimer,
    CancelChecks,
    CancelTurn,
    Conclude,
    Event,
    Interrupted,
    MachineOutput,
    RunChecks,
    SessionOpened,
    ShellInput,
    StartTurn,
    TellAgent,
    TimerRang,
)
from coordinator.session.channel import Inbox, Outbox, channel
from coordinator.session.check_tasks import CheckRuns
from coordinator.session.downloads import Downloads
from coordinator.session.driver import Driver
from coordinator.session.recorder import Recorder
from coordinator.session.subscription import Feed
from coordinator.session.trace_events import end_trace, trace_output

if TYPE_CHECKING:
    from agents.agent import Agent
    from agents.limits.limiter import Limiter
    from agents.remote.remote_actor import RemoteActor
    from coordinator.journal.writer import JournalWriter
    from coordinator.protocol.result import FileRecord, Result
    from coordinator.recovery.snapshot import Past
    from coordinator.team.team import Team

Item: TypeAlias = bytes | ShellInput

FRAMES_IN_FLIGHT = 256
"""Frames that agents may be ahead of the fan-in, beside two for each agent. A frame is
what one read brought, mostly under 4 KiB, so a stalled fan-in of a small team holds
about a mebibyte. Two for each, because agents that all have something at once would
otherwise queue at the door, and that costs more than what they bring."""

DRAIN_AT_ONCE = 1024
"""Frames taken in one wake-up, beside those for each agent, before readers and other
tasks get their turn. Fewer than agents bring meanwhile, and the inbox stays full."""

LAST_WORDS_S = 0.5
"""How long the result waits for agents that are cancelled with it: a stream closes in
some milliseconds. What takes longer is left out of the books."""
GONE_S = 1.5
"""How long an agent may take to be gone once the session is left: its stream and its
tools were cancelled with the conclusion, and may take a second."""
CLOSE_GRACE_S = 7.0
"""The same of an agent with toolboxes, which may take 6 s: a server is a process."""
FILES_GRACE_S = 1.0
"""How long files are waited for where the deadline has passed."""

_TAKEN = frozenset({ServerToolReturned, *BOOKED, *HEARD})
"""The chunks that are more than something to read."""


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """The random parts of a session, drawn when it began, and its question."""

    session_id: str
    seed: int
    nonce: str
    asked: str = ""
    """The question as the agents read it, where it is more than the question."""


class Shell:
    """Owns the inbox and the agents' task group for one session."""

    def __init__(
        self,
        question: str,
        team: Team,
        opening: Opening,
        journal: JournalWriter | None,
        *,
        resumed: tuple[Driver, Past] | None = None,
        files: SessionFiles | None = None,
        output_dir: Path | None = None,
    ) -> None:
        self.id = opening.session_id
        self.result: Result | None = None
        self.concluded = anyio.Event()
        """The result is there."""
        self.over = anyio.Event()
        """Nothing more will come: concluded, left before it was, or failed."""
        self.spawned = anyio.Event()
        self._question = question
        self._team = team
        self._recorder = Recorder(journal) if journal is not None else None
        ids = team.ids
        past = resumed[1] if resumed else None
        self._past = past
        self._shift_s = past.shift_s if past else 0.0
        """Seconds that the session's clock is ahead of this process's: after a
        resumption it goes on from where it stood."""
        self._driver = resumed[0] if resumed else _driver(ids, question, team, opening)
        self.files = files or SessionFiles()
        if self._recorder is not None:
            self.files.on_change = partial(_keep_file, self._recorder, self._shift_s)
        backends = {AgentId(agent.id): agent.backend for agent in team.with_models}
        self._downloads = Downloads(backends, output_dir)
        for event in past.events if past else ():
            if isinstance(event, ServerToolReturned):
                self._downloads.take(event)
        if past:
            self._downloads.know(past.fetched)
        self._feeds: list[Feed] = []
        self._actors: dict[AgentId, Actor | RemoteActor | Seat] = {}
        self._timers: dict[str, anyio.CancelScope] = {}
        self._outbox: Outbox[Item]
        self._inbox: Inbox[Item]
        self._outbox, self._inbox = channel(FRAMES_IN_FLIGHT + 2 * len(ids))
        # What people say and timers ring must not be lost to a full channel, and
        # tell() cannot wait; few such inputs exist, so this list stays short.
        self._told: list[ShellInput] = []
        # Agents that wait for what they have sent to be recorded.
        self._redactor = redactor_of(team)
        self._trace = session_trace(
            self.id,
            team.rules.policy,
            len(team.agents),
            self._redactor,
        )
        self._marks: list[anyio.Event] = []
        is_to_begin = past is not None and not past.has_begun
        timers = past.rebuilt.timers if past is not None and is_to_begin else {}
        self._deadline_at = timers.get(DEADLINE_TIMER)
        self._places: list[InSession] = []
        self._folders: dict[AgentId, Path] = {}
        """Agent → the folder that its tools work in."""
        self._checks = CheckRuns(
            team.rules.drafting.each_check(),
            team.check_functions,
            self._folders,
        )
        self._tasks: dict[AgentId, RootTask[None]] = {}
        self._hooks: list[Callable[[], object]] = []
        self._ends_at = math.inf
        """When the session's deadline rings, on the event loop's clock."""
        self._collecting: anyio.CancelScope | None = None

    @property
    def journal_lost(self) -> str | None:
        """Why nothing more is kept of the session; ``None`` where all is well."""
        return self._recorder.lost if self._recorder is not None else None

    def subscribe(self, *, lossless: bool, from_start: bool = False) -> Feed:
        """Open a reader of events, from now on, or with what a past session was."""
        past = self._past.events if self._past and from_start else ()
        feed = Feed(lossless=lossless, before=past, on_read=self._inbox.ring)
        if self._driver.end is not None or self.over.is_set():
            feed.close()
        self._feeds.append(feed)
        return feed

    def when_over(self, call: Callable[[], object]) -> None:
        """Have ``call`` called once the session is over, or now if it is."""
        if self.over.is_set():
            _call_hook(call)
        else:
            self._hooks.append(call)

    def tell(self, what: ShellInput) -> None:
        """Bring in something that no agent said; its time is this process's."""
        if self._collecting is not None and isinstance(what, Interrupted):
            self._collecting.cancel(what.reason)
        if self._driver.end is None:
            if self._shift_s:
                what = msgspec.structs.replace(what, at=what.at + self._shift_s)
            self._told.append(what)
            self._inbox.ring()

    async def seat(self, agent: str) -> Seat:
        """The place of a person in the team; waits until the session has begun.

        Raises:
            NotAsked: The agent is no person, or not in the team.
        """
        await self.spawned.wait()
        return self.seat_now(agent)

    def seat_now(self, agent: str) -> Seat:
        """The place of a person in the team.

        Raises:
            NotAsked: The agent is no person, or not in the team, or nothing has begun.
        """
        seat = self._actors.get(AgentId(agent))
        if not isinstance(seat, Seat):
            raise NotAsked(
                f"{agent!r} is no person in this team; give it 'backend: human'"
            )
        return seat

    def standing_labels(self) -> dict[AgentId, Label]:
        """The newest answer of each agent that has answered."""
        answers = self._driver.machine.answers()
        return {answer.agent: answer.label for answer in answers}

    def check_name(self, agent: str) -> None:
        """Make sure that the team has such an agent.

        Raises:
            NotInTeam: It has none.
        """
        names = [member.id for member in self._team.agents]
        if agent not in names:
            raise NotInTeam(
                f"{agent!r} is not in the team; choose from {', '.join(names[:20])}"
            )

    async def run(self) -> None:
        """Run the session to its end."""
        log_context.session.set(self.id)  # agents' tasks begin in a copy of this
        try:
            await self._run()
        finally:
            for feed in self._feeds:
                feed.close()
            if self._trace is not None:
                end_trace(self._trace, self.result)
            self.over.set()
            for call in self._hooks:
                _call_hook(call)

    async def _run(self) -> None:
        began = self._past.began if self._past else anyio.current_time()
        elapsed_s = 0.0
        watch = SilenceWatch()
        with self._inbox, self._outbox, watch.installed():
            async with anyio.create_task_group() as group:
                group.start_soon(watch.run, name="silence watch")
                try:
                    self._spawn()
                    self.spawned.set()
                    self._begin(group)
                    while self._driver.end is None:
                        items, marks = await self._drained()
                        await self._take(items, group)
                        if self._driver.end is None:
                            for mark in marks:
                                mark.set()
                        # Else the newest frame of every agent lives until the next.
                        del items, marks
                finally:
                    self._send_home()
                elapsed_s = self._now() - began
                await self._hear_last_words()
                self._stop(watch, "the session is concluded")
        end = self._driver.end
        assert end is not None
        files = await self._collected()
        self.result = self._driver.result(
            self.id, self._question, end, elapsed_s, read=self._read_value
        )
        if files:
            self.result = msgspec.structs.replace(self.result, files=files)
        events: Sequence[Event] = ()
        if self._recorder is not None:
            events = await self._recorder.record_result(self.result, self._now())
        for feed in self._feeds:
            feed.add(events)
        self.concluded.set()

    def _stop(self, watch: SilenceWatch, reason: str) -> None:
        """End the tasks of the group, each by a scope of its own.

        A task that the group's scope ends is one that anyio 4.16 leaves in a cycle on
        asyncio, with all that it holds, until garbage is collected.
        """
        watch.stop(reason)
        self._checks.stop(reason)
        for scope in self._timers.values():
            scope.cancel(reason)

    async def dismiss(self) -> None:
        """Have every agent gone, or left behind; shielded and bounded."""
        with_toolboxes = {
            member.id
            for member in self._team.agents
            if not isinstance(member, Person) and member.toolboxes
        }
        for task in self._tasks.values():
            task.cancel("the session was left")
        began = anyio.current_time()
        for grace_s, has_toolboxes in ((GONE_S, False), (CLOSE_GRACE_S, True)):
            tasks = [
                task
                for name, task in self._tasks.items()
                if (name in with_toolboxes) is has_toolboxes
            ]
            until = began + grace_s
            with anyio.CancelScope(deadline=until, shield=True):
                for task in tasks:
                    await task.wait()
            for task in tasks:
                task.leave(f"{grace_s:g} s after the session had ended")

    def _send_home(self) -> None:
        """End every agent: whatever still streams has lost its purpose."""
        for name, task in self._tasks.items():
            actor = self._actors[name]
            if isinstance(actor, Actor) and actor.is_idle:
                actor.close()  # a thousandth of a cancellation's work in large teams
            else:
                task.cancel("the session is over")

    async def _hear_last_words(self) -> None:
        """Take what agents say as they go, for as long as the result may wait."""
        with anyio.move_on_after(LAST_WORDS_S, shield=True):
            while not all(task.is_over for task in self._tasks.values()):
                await self._inbox.wait()
                await self._take(self._inbox.taken(math.inf), None)
        await self._take(self._inbox.taken(math.inf), None)

    async def _collected(self) -> tuple[FileRecord, ...]:
        """Files that agents' code has written, if they come before the deadline."""
        left_s = max(self._ends_at - anyio.current_time(), FILES_GRACE_S)
        with anyio.move_on_after(left_s) as self._collecting:
            await self._downloads.collect()
        self._collecting = None
        return self._downloads.files

    def _read_value(self, value: msgspec.Raw) -> object:
        """A structured answer, decoded; ``None`` where a caller's own check fails."""
        form = self._team.answer_form
        if form is None:
            return msgspec.json.decode(value)
        try:
            return isolated(lambda: form.check(value))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001, ASYNC103  (a boundary: it may raise anything)
            log_error("the check of the answer's value", error)
            return None  # noqa: ASYNC104  (the boundary tells ours from theirs)

    def _ended(self, task: RootTask[None]) -> None:
        """An agent's task is over; one that has raised takes that agent out.

        Its trouble was data before it came here. What is left is a bug of ours, or a
        caller's code that has left a cancel scope open in the agent's task.
        """
        at = anyio.current_time()
        if task.error is not None and is_a(task.error, KeyboardInterrupt):
            self.tell(Interrupted(at=at, reason="KeyboardInterrupt"))
        elif task.error is not None:
            log_error(task.name, task.error)
            name = next(n for n, each in self._tasks.items() if each is task)
            reason = whole_text(words_of(task.error))
            self.tell(AgentStopped(at=at, agent=name, reason=reason))
        self._inbox.ring()

    def _begin(self, group: anyio.abc.TaskGroup) -> None:
        """Tell the team to begin, unless it had in an earlier process."""
        if self._past is None or not self._past.has_begun:
            self.tell(SessionOpened(at=anyio.current_time()))
        timers = self._past.rebuilt.timers if self._past else {}
        for name, at in timers.items():
            self._arm(ArmTimer(timer=name, at=at), group)
        # Of a session that goes on: a check whose result is in the journal is over.
        for run in self._driver.machine.checks_under_way():
            self._check(run, group)

    def _check(self, run: RunChecks, group: anyio.abc.TaskGroup) -> None:
        answer = self._driver.machine.answer(run.label)
        self._checks.begin(run, answer, group, self.tell)

    def _now(self) -> float:
        """The session's clock, in seconds."""
        return anyio.current_time() + self._shift_s

    def _spawn(self) -> None:
        limiters = self._team.limiters()
        for member in self._team.agents:
            name = AgentId(member.id)
            outbox = self._outbox.clone()
            actor = (
                Seat(member, outbox)
                if isinstance(member, Person)
                else self._actor(self._placed(member), outbox, *limiters[name])
            )
            self._actors[name] = actor
            if self._past is not None:
                over, unfinished = self._past.of(name)
                if not isinstance(actor, Seat):
                    actor.remember(over)
                actor.resume(unfinished)
            self._tasks[name] = RootTask(f"agent {name}", actor.run, on_end=self._ended)

    def _placed(self, agent: Agent) -> Agent:
        """``agent`` with its tools as this session has read or made them."""
        tools, held = tools_in_session(agent.tools, self.id)
        self._places += held
        for tool in held:
            folder: object = attribute_of(tool, "folder", cast("object", None))
            if issubclass(type(folder), Path):
                self._folders[AgentId(agent.id)] = cast("Path", folder)
        return agent.with_tools(tools, agent.toolboxes) if agent.tools else agent

    def leave(self) -> None:
        """The session is over, however it ended: let go of what it held.

        Agents refer back to it. Whoever has left it shall not have to wait for the
        collection of garbage until its memory is free.
        """
        let_go(self._places)
        self._actors = {
            name: one for name, one in self._actors.items() if isinstance(one, Seat)
        }

    def _actor(
        self,
        agent: Agent,
        outbox: Outbox[Item],
        limiter: Limiter,
        *fallback_limiters: Limiter,
    ) -> Actor | RemoteActor:
        if agent.elsewhere is not None:
            from agents.remote.remote_actor import RemoteActor  # noqa: PLC0415  (few teams)

            name = AgentId(agent.id)
            return RemoteActor(
                name,
                outbox,
                agent.elsewhere,
                session=self.id,
                recorded=self._recorded,
            )
        return Actor(
            agent,
            outbox,
            limiter=limiter,
            fallback_limiters=fallback_limiters,
            files=self.files,
            recorded=self._recorded,
            redactor=self._redactor,
            trace=self._trace,
        )

    async def _drained(self) -> tuple[list[Item], list[anyio.Event]]:
        """Take all that is ready, and the marks behind it; wait where nothing is.

        Frames wait for readers that must miss nothing; what people and timers say does
        not, or a reader that has stopped would hold up the deadline.
        """
        if self._told or (self._marks and not self._is_held_up):
            await anyio.lowlevel.checkpoint()
        else:
            await self._inbox.wait()
            while self._is_held_up and not self._told:
                await self._inbox.bell_rings()
        wishes: list[Item] = [*self._told]
        self._told.clear()
        if self._is_held_up:
            return wishes, []
        most = DRAIN_AT_ONCE + 2 * len(self._actors)
        items = self._inbox.taken(most)
        marks: list[anyio.Event] = []
        if self._marks and len(items) < most:
            # The inbox is empty: all that was sent before them is among the items.
            marks, self._marks = self._marks, marks
        return wishes + items, marks

    async def _recorded(self) -> None:
        """Return when what an agent has sent is recorded, and effects may follow it.

        Never once the session has concluded; whoever waits is cancelled then.
        """
        may_go_on = True
        if self._recorder is not None:
            mark = anyio.Event()
            self._marks.append(mark)
            self._inbox.ring()
            await mark.wait()
            may_go_on = await self._recorder.settle()
        else:
            await anyio.lowlevel.checkpoint()
        if self._driver.end is not None or not may_go_on:
            await anyio.sleep_forever()

    @property
    def _is_held_up(self) -> bool:
        return any(feed.is_full for feed in self._feeds)

    async def _take(
        self, items: Sequence[Item], group: anyio.abc.TaskGroup | None
    ) -> None:
        """Record, step, act, publish: in this order."""
        events: list[Event] = []
        acting = group
        recorder = self._recorder
        if recorder is not None and not await recorder.record_inputs(
            items, self._now(), events
        ):
            acting = None
        for item in items:
            if isinstance(item, bytes):
                if item:
                    self._take_frame(item, events, acting)
            else:
                self._step(item, events, acting)
        if acting is not group and self._driver.end is None:
            # Nothing may follow from what is not recorded, but the answer it brought.
            reason = self.journal_lost or ""
            what = Interrupted(at=self._now(), reason=reason)
            self._step(what, events, group)
        for feed in self._feeds:
            feed.add(events)

    def _take_frame(
        self, frame: bytes, events: list[Event], group: anyio.abc.TaskGroup | None
    ) -> None:
        # Nearly all chunks are text that only readers want, if there are any; the
        # machine and the books are asked about the others alone.
        is_read = bool(self._feeds)
        for chunk in decode_frame(frame) if is_read else skim_frame(frame):
            if is_read:
                events.append(chunk)
            if type(chunk) in _TAKEN:
                self._take_chunk(chunk, events, group)

    def _take_chunk(
        self,
        chunk: StreamChunk,
        events: list[Event],
        group: anyio.abc.TaskGroup | None,
    ) -> None:
        if isinstance(chunk, ServerToolReturned):
            self._downloads.take(chunk)
        self._step(on_session_clock(chunk, self._shift_s), events, group)

    def _step(
        self,
        what: StreamChunk | ShellInput,
        events: list[Event],
        group: anyio.abc.TaskGroup | None,
    ) -> None:
        for output in self._driver.take(what):
            events.append(output)
            if self._trace is not None:
                trace_output(self._trace, output)
            if self._recorder is not None:
                self._recorder.record_output(output, self._now())
            if group is not None and not isinstance(output, Conclude):
                self._carry_out(output, group)

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
            case RunChecks():
                self._check(output, group)
            case CancelChecks():
                self._checks.cancel(output.label, output.reason)
            case _:
                pass  # a decision: readers get it, there is nothing to do

    def _arm(self, timer: ArmTimer, group: anyio.abc.TaskGroup) -> None:
        if timer.timer == DEADLINE_TIMER and self._deadline_at is not None:
            # Said by whoever goes on with a session that had not begun.
            timer = ArmTimer(timer=timer.timer, at=self._deadline_at)
        if timer.timer in self._timers:
            self._timers[timer.timer].cancel("armed anew")
        scope = anyio.CancelScope()
        self._timers[timer.timer] = scope
        if timer.timer == DEADLINE_TIMER:
            self._ends_at = timer.at - self._shift_s
        group.start_soon(self._ring, timer, scope, name=f"timer {timer.timer}")

    async def _ring(self, timer: ArmTimer, scope: anyio.CancelScope) -> None:
        with scope:
            if math.isfinite(timer.at):
                await anyio.sleep_until(timer.at - self._shift_s)
                self.tell(TimerRang(at=anyio.current_time(), timer=timer.timer))


def redactor_of(team: Team) -> Redactor:
    """A filter that knows all secrets of the team, and this process's environment's."""
    holders = [
        holder
        for agent in team.with_models
        for holder in (agent.backend, *agent.fallbacks, *agent.toolboxes)
    ]
    known = (secret for holder in holders for secret in texts_of(holder, "secrets"))
    return Redactor((*known, *secrets_of_environment()))


def _keep_file(
    recorder: Recorder, shift_s: float, key: FileKey, file_id: str, is_deleted: bool
) -> None:
    """Record an upload or its deletion; it knows no more than it needs."""
    at = anyio.current_time() + shift_s
    recorder.record_file(key, file_id, is_deleted=is_deleted, at=at)


def _call_hook(call: Callable[[], object]) -> None:
    """Call a hook of a caller's; what it raises is for the log."""
    try:
        isolated(call)
    except BaseException as error:  # noqa: BLE001, ASYNC103  (a boundary: it may raise anything)
        log_error("a hook at the session's end", error)


def _driver(
    agents: tuple[AgentId, ...], question: str, team: Team, opening: Opening
) -> Driver:
    machine = Consensus.new(
        agents,
        opening.asked or question,
        team.rules,
        seed=opening.seed,
        nonce=opening.nonce,
    )
    return Driver(machine, agents, team.models)
