"""Sessions that go on: an earlier one here, or a new one from any point of it.

    async with resume_session("7c1f09ab33d0", journal=folder) as session:
        result = await session.wait()

The machine is fed what the session had taken in, the agents are given their
conversations back, and what was under way is taken up: turns that had ended are not
asked again, whole responses and finished tools' results are not bought again.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import anyio
import msgspec

from agents.boundary.threads import in_thread
from agents.conversation.uploads import SessionFiles
from agents.protocol.chunks import AgentId
from coordinator.consensus import DEADLINE_TIMER, drafting
from coordinator.consensus.rules import Rules
from coordinator.errors import ConfigInvalid
from coordinator.journal.entries import (
    BranchedFrom,
    Opened,
    Resumed,
    decode,
    encode,
    library_version,
)
from coordinator.journal.framing import Kind, Record
from coordinator.journal.inputs import fetched, history, resumable, uploads
from coordinator.journal.open import open_journal, reopen_journal
from coordinator.journal.reader import Journal, read_session, understood
from coordinator.journal.store import FILES_SUFFIX, SUFFIX, default_root
from coordinator.recovery.attachment_restore import read_again
from coordinator.recovery.branch import branched
from coordinator.recovery.resume_points import (
    insist_on_known_words,
    insist_on_record,
    insist_on_turns,
    insist_on_unfinished,
)
from coordinator.recovery.snapshot import Past, machine_of, past_of, takeable
from coordinator.session.driver import Driver
from coordinator.session.engine import Opening, Shell
from coordinator.session.options import BranchOptions, ResumeOptions, takes
from coordinator.session.session import (
    Session,
    first_record,
    in_own_task,
    new_session_id,
    running,
    whole_path,
)
from coordinator.team.team import Team, read_described

if TYPE_CHECKING:
    from coordinator.journal.writer import JournalWriter


@takes(ResumeOptions)
def resume_session(
    session: str | Path, team: Team | None = None, **options: Unpack[ResumeOptions]
) -> AbstractAsyncContextManager[Session]:
    """Go on with a session that was killed, interrupted or left.

    Args:
        session: Its name, or the path of its journal.
        team: Its agents, who must be the same; ``None``: made again from the journal,
            and closed at the end. The rules are the journal's in any case.
        options: See :class:`~coordinator.session.options.ResumeOptions`.

    Raises:
        SessionFinished: There is nothing to go on with.
        ConfigInvalid: The session's name is none, its team cannot be made again, or
            what was attached is missing or has changed.
        JournalUnavailable: There is no such journal, or somebody is writing it.
        JournalCorrupt: It was damaged after it had been written safely, or is of a
            later version.
    """
    return in_own_task(lambda: _resumed(session, team, **options))


@asynccontextmanager
async def _resumed(
    session: str | Path, team: Team | None, **options: Unpack[ResumeOptions]
) -> AsyncGenerator[Session]:
    root, name = place_of(session, options.get("journal") or None)
    deadline_s = options.get("deadline_s")
    async with AsyncExitStack() as stack:
        # Looked at before it is opened: what is refused leaves no trace in it.
        journal = await in_thread(
            lambda: read_session(root, name), name="journal reading"
        )
        insist_on_unfinished(journal)
        insist_on_known_words(journal)
        insist_on_turns(journal, _taken_up(journal, deadline_s)[2])
        team = await _team_again(stack, journal.opened, team)
        attached = await read_again(
            journal.opened.attached, options.get("attachments", ())
        )
        durability = options.get("durability", "async")
        writer, reopened = await stack.enter_async_context(
            # Another process may have gone on with it meanwhile, and ended it.
            reopen_journal(
                root, name, durability=durability, check=insist_on_unfinished
            )
        )
        journal = reopened.journal
        record_count, driver, past = _taken_up(journal, deadline_s)
        past = replace(past, fetched=fetched(journal.records))
        files = SessionFiles(attached, uploads(journal.records))
        files.know(team.backends)
        output_dir = options.get("output_dir")
        going_on = _GoingOn(driver, past, record_count, deadline_s, files, output_dir)
        shell = await _shell(journal, team, writer, going_on)
        displays = options.get("displays", ())
        resumed = await stack.enter_async_context(running(shell, displays))
        resumed.repair = reopened.repair
        yield resumed


@takes(BranchOptions)
def branch_session(
    session: str | Path,
    record: int,
    team: Team | None = None,
    **options: Unpack[BranchOptions],
) -> AbstractAsyncContextManager[Session]:
    """Open a new session that begins as a copy of another one's first records.

    The other one stays as it is. Under other rules, or with other agents, only what is
    still true is taken over: turns that would have been asked in the same words.

    Args:
        session: The name of the other one, or the path of its journal.
        record: How many of its records are taken over, the first one included.
        team: Agents and rules of the new session; ``None``: the other one's.
        options: See :class:`~coordinator.session.options.BranchOptions`; the new
            journal goes where the other one's is.

    Raises:
        ConfigInvalid: There is no such record, or the session had ended by then; or
            see :func:`resume_session`.
        JournalUnavailable: There is no such journal, or none can be made.
        JournalCorrupt: Its first record cannot be read, or a later one that counts.
    """
    return in_own_task(lambda: _branched(session, record, team, **options))


@asynccontextmanager
async def _branched(
    session: str | Path,
    record: int,
    team: Team | None,
    **options: Unpack[BranchOptions],
) -> AsyncGenerator[Session]:
    root, name = place_of(session, options.get("journal") or None)
    deadline_s = options.get("deadline_s")
    journal = await in_thread(lambda: read_session(root, name), name="journal reading")
    counted = insist_on_record(journal, record)
    async with AsyncExitStack() as stack:
        rules, _ = read_described(journal.opened.team)
        team = team or await _team_again(stack, journal.opened, None)
        attached = await read_again(
            journal.opened.attached, options.get("attachments", ())
        )
        session_id = options.get("session_id") or new_session_id()
        output_dir = options.get("output_dir")
        where = (
            str(whole_path(output_dir)) if output_dir else _output_dir(journal, counted)
        )
        opened = _branch_of(journal.opened, team, session_id, record, where)
        before = _driver(journal.opened, rules)
        after = _driver(opened, team.rules)
        counted = counted[: takeable(counted, _driver(journal.opened, rules))]
        with understood(journal.path):
            over = branched(counted[1:], before, after, frozenset(opened.models))
        records = (
            Record(kind=Kind.OPENED, at=opened.at, payload=encode(opened)),
            *over,
        )
        journal_of_it = Journal(
            path=root / (opened.session + SUFFIX),
            opened=opened,
            records=records,
            damage=None,
        )
        driver, past = _past(journal_of_it, records, team.rules, deadline_s)
        if not opened.models.keys() <= journal.opened.models.keys():
            _give_time(past)
        writer = await stack.enter_async_context(
            open_journal(
                root,
                opened,
                durability=options.get("durability", "async"),
                taken_over=over,
            )
        )
        files = SessionFiles(attached)
        going_on = _GoingOn(driver, past, len(records), deadline_s, files, output_dir)
        shell = await _shell(journal_of_it, team, writer, going_on)
        displays = options.get("displays", ())
        resumed = await stack.enter_async_context(running(shell, displays))
        if (message := options.get("say")) is not None:
            resumed.say(message)
        yield resumed


def place_of(session: str | Path, journal: Path | None) -> tuple[Path, str]:
    """The folder and the name of a session that is given by name or path."""
    path = Path(session)
    if path.suffix == SUFFIX:
        return path.parent, path.stem
    return journal or default_root(), str(session)


async def _team_again(stack: AsyncExitStack, opened: Opened, team: Team | None) -> Team:
    """The session's team: the one given, or made again, with the journal's rules.

    Raises:
        ConfigInvalid: It is another team, or it cannot be made again.
    """
    rules, source = read_described(opened.team)
    if team is None:
        from coordinator.team.emulation import again  # noqa: PLC0415  (heavy)

        team = await stack.enter_async_context(again(source))
    members = tuple(agent.id for agent in team.agents)
    if members != tuple(opened.models):
        raise ConfigInvalid(
            f"session {opened.session!r} is of {', '.join(opened.models)}, and this "
            f"team is {', '.join(members)}; to go on with another team, begin a new "
            "session at one of its records (--from RECORD)"
        )
    return replace(team, rules=rules)


def _branch_of(
    old: Opened, team: Team, session: str, record: int, output_dir: str
) -> Opened:
    """The first record of a branch; lots and fences are the old session's."""
    opening = Opening(
        session_id=session, seed=old.seed, nonce=old.nonce, asked=old.asked
    )
    return msgspec.structs.replace(
        first_record(opening, old.question, team),
        at=old.at,
        attached=old.attached,
        output_dir=output_dir,
        parent=BranchedFrom(session=old.session, record=record),
    )


def _output_dir(journal: Journal, records: Sequence[Record]) -> str:
    """Where the session puts files after ``records``; empty: beside its journal.

    Raises:
        JournalCorrupt: A record holds something else than its kind says.
    """
    with understood(journal.path):
        for record in reversed(records):
            if record.kind == Kind.RESUMED:
                resumed = decode(record)
                assert isinstance(resumed, Resumed)
                if resumed.output_dir:
                    return resumed.output_dir
    return journal.opened.output_dir


def _driver(opened: Opened, rules: Rules) -> Driver:
    agents = tuple(AgentId(agent) for agent in opened.models)
    return Driver(machine_of(opened, agents, rules), agents, opened.models)


def _past(
    journal: Journal, counted: Sequence[Record], rules: Rules, deadline_s: float | None
) -> tuple[Driver, Past]:
    """The session's machine and books as they stood, and what was under way.

    Raises:
        msgspec.DecodeError: A record holds something else than its kind says.
    """
    driver = _driver(journal.opened, rules)
    past = past_of(journal.opened, counted, driver, anyio.current_time())
    if deadline_s is not None:
        past.rebuilt.timers[DEADLINE_TIMER] = past.ended + deadline_s
    return driver, past


def _taken_up(journal: Journal, deadline_s: float | None) -> tuple[int, Driver, Past]:
    """How many records count, and what the session was by then.

    The rules are those it was begun under, prices included.

    Raises:
        JournalCorrupt: A record holds something else than its kind says.
    """
    with understood(journal.path):
        rules, _ = read_described(journal.opened.team)
        counted = history(journal.records)
        record_count = takeable(
            counted[: resumable(counted)], _driver(journal.opened, rules)
        )
        return record_count, *_past(journal, counted[:record_count], rules, deadline_s)


def _give_time(past: Past) -> None:
    """Let who is new have as long as the others had, before stragglers are cut."""
    timers = past.rebuilt.timers
    if drafting.STRAGGLER_TIMER in timers:
        timers[drafting.STRAGGLER_TIMER] += past.ended - past.began


@dataclass(frozen=True)
class _GoingOn:
    """How a session goes on."""

    driver: Driver
    past: Past
    kept: int
    """So many of its records count."""
    deadline_s: float | None
    """From now on; ``None``: what was left."""
    files: SessionFiles
    output_dir: Path | None


async def _shell(
    journal: Journal, team: Team, writer: JournalWriter, how: _GoingOn
) -> Shell:
    """A shell that goes on; that it does is durable before anything else happens.

    Raises:
        JournalUnavailable: The disk failed.
    """
    opened, past = journal.opened, how.past
    resumed = Resumed(
        resumed=datetime.now(UTC),
        kept=how.kept,
        deadline_at=None if how.deadline_s is None else past.ended + how.deadline_s,
        shift_s=past.shift_s,
        library=library_version(),
        output_dir=str(whole_path(how.output_dir)) if how.output_dir else "",
    )
    writer.record(Kind.RESUMED, encode(resumed), past.ended)
    await writer.flush()
    opening = Opening(session_id=opened.session, seed=opened.seed, nonce=opened.nonce)
    named = how.output_dir or _output_dir(journal, journal.records)
    folder = Path(named) if named else journal.path.with_suffix(FILES_SUFFIX)
    return Shell(
        opened.question,
        team,
        opening,
        writer,
        resumed=(how.driver, past),
        files=how.files,
        output_dir=folder.absolute(),
    )
