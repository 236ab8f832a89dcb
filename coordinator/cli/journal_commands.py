"""The commands about sessions that were kept, and their options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter, Token

from coordinator.cli.completion import session_names
from coordinator.cli.numbers import Whole


def _folder(_: object, tokens: Sequence[Token]) -> Path:
    """Read a folder's name; an empty one, of a variable that is not set, is none."""
    (token,) = tokens
    if not token.value:
        raise ValueError("an empty name is no folder; leave it out for the usual one")
    return Path(token.value)


JournalFolder = Annotated[Path | None, Parameter(converter=_folder)]
SessionName = Annotated[str, Parameter(completer=session_names)]


records = App(
    name="records", help="Tell how sessions turned out, and learn who to listen to."
)


@records.command
def tell(session: SessionName, answer: str, *, journal: JournalFolder = None) -> int:
    """Say what the right answer of a session turned out to be.

    Parameters
    ----------
    session
        Its id, or as much of it as no other one begins with; or last.
    answer
        The right answer; or the label or the author of the one that was right; or none,
        where all were wrong.
    journal
        The folder of sessions, instead of the usual one.
    """
    from coordinator.cli.records import tell_command  # noqa: PLC0415

    return tell_command(session, answer, journal)


@records.command
def learn(
    *,
    told: Path | None = None,
    agreed: float | None = None,
    journal: JournalFolder = None,
    json: bool = False,
) -> int:
    """Learn from sessions whose outcome is known: weights, and who drafts first.

    Prints lines for the team file.

    Parameters
    ----------
    told
        A file of outcomes, a line {"session": …, "answer": …}, instead of what was
        told by "records tell".
    agreed
        Take the winner for right where nothing was told, if so large a share agreed on
        it: 0.9, say.
    journal
        The folder of sessions, instead of the usual one.
    json
        Print a JSON object.
    """
    from coordinator.cli.records import learn_command  # noqa: PLC0415

    return learn_command(journal, told, agreed, is_json=json)


sessions = App(name="sessions", help="List, show, export and delete kept sessions.")


@sessions.command(name="list")
def list_(
    *words: str,
    count: Annotated[Whole | None, Parameter(name=["--count", "-n"])] = None,
    journal: JournalFolder = None,
    json: bool = False,
) -> int:
    """List what is kept, newest first.

    Parameters
    ----------
    words
        Only sessions that have all of these words in their question, id or status.
    count
        So many; 0: all. By itself as many as the terminal shows, elsewhere all.
    journal
        The folder of sessions, instead of the usual one.
    json
        Print a JSON array.
    """
    from coordinator.cli.sessions import list_command  # noqa: PLC0415

    return list_command(journal, words, count, is_json=json)


@sessions.command
def show(
    session: SessionName = "last",
    *,
    answer: str | None = None,
    journal: JournalFolder = None,
    json: bool = False,
) -> int:
    """Show a session: question, team, answers, votes, outcome, and why it won.

    Parameters
    ----------
    session
        Its id, or as much of it as no other one begins with; by itself the last one.
    answer
        Print this answer alone and in full: an agent's name, or a label.
    journal
        The folder of sessions, instead of the usual one.
    json
        Print a JSON object.
    """
    from coordinator.cli.sessions import show_command  # noqa: PLC0415

    return show_command(session, journal, answer, is_json=json)


@sessions.command
def export(
    session: SessionName = "last",
    *,
    format: Literal["jsonl", "massgen", "scenario"] = "jsonl",  # noqa: A002  (the option's name)
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    journal: JournalFolder = None,
) -> int:
    """Hand a session out for other programs.

    Parameters
    ----------
    session
        Its id, or as much of it as no other one begins with; by itself the last one.
    format
        jsonl: every record a line. massgen: a log directory as MassGen's tools read
        it. scenario: a file that plays to the same outcome. (jsonl)
    output
        The folder to write into. Left out, JSON lines and a scenario go to standard
        output and a log directory into .massgen/massgen_logs.
    journal
        The folder of sessions, instead of the usual one.
    """
    from coordinator.cli.sessions import export_command  # noqa: PLC0415

    return export_command(session, journal, form=format, output=output)


@sessions.command
def prune(
    *,
    older_than: str | None = None,
    keep: Whole | None = None,
    dry_run: bool = False,
    unfinished: bool = False,
    journal: JournalFolder = None,
    json: bool = False,
) -> int:
    """Delete sessions, and the files that their agents wrote beside them.

    What could still be resumed is spared, and so is what went to an --output-dir.

    Parameters
    ----------
    older_than
        Those that began longer ago than this: 30d, 12h, 2w.
    keep
        All but the newest so many; with --older-than, the older ones among those.
    dry_run
        Say which, and delete nothing.
    unfinished
        Delete also those that could still be resumed, and those that cannot be read.
    journal
        The folder of sessions, instead of the usual one.
    json
        Print a JSON array of what was deleted.
    """
    from coordinator.cli.sessions import prune_command  # noqa: PLC0415

    return prune_command(
        journal,
        older_than=older_than,
        keep=keep,
        is_rehearsal=dry_run,
        may_lose_unfinished=unfinished,
        is_json=json,
    )


def replay(
    session: SessionName = "last",
    *,
    speed: str = "1",
    display: Literal["rich", "plain", "jsonl", "quiet", "none"] | None = None,
    journal: JournalFolder = None,
    runtime: Literal["asyncio", "trio"] = "asyncio",
) -> int:
    """Show a kept session again, as it happened; or prove a folder of them.

    While it plays, the rules decide anew from what the session had taken in, and must
    come to the same, decision by decision.

    Exit codes: the session's own, or 0 for a folder; 1 there is no such session, or its
    file cannot be read; 2 something else is decided than was.

    Parameters
    ----------
    session
        Its id, or as much of it as no other one begins with. A folder: every journal in
        it is replayed without being shown, and a list says which differ.
    speed
        So many times as fast as it happened (1), or max.
    display
        What to watch. By itself: rich on a terminal, plain lines elsewhere.
    journal
        The folder of sessions, instead of the usual one.
    runtime
        The event loop (asyncio).
    """
    from coordinator.cli.replay import replay_command  # noqa: PLC0415

    return replay_command(session, journal, speed=speed, name=display, runtime=runtime)


def resume(
    session: SessionName = "last",
    *,
    from_: Annotated[Whole | None, Parameter(name="--from")] = None,
    rule: str | None = None,
    add_agent: tuple[str, ...] = (),
    tell: str | None = None,
    display: Literal["rich", "plain", "jsonl", "quiet", "none"] | None = None,
    json: bool = False,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    attach: Annotated[tuple[str, ...], Parameter(negative_iterable=())] = (),
    output_dir: Path | None = None,
    deadline: float | None = None,
    approve: Literal["ask", "all", "none"] = "ask",
    journal: JournalFolder = None,
    durability: Literal["exit", "async", "sync"] = "async",
    runtime: Literal["asyncio", "trio"] = "asyncio",
) -> int:
    """Go on with a session that was killed or interrupted; or begin anew inside one.

    Turns that ended are not asked again, and no response that came whole is paid for
    twice. A tool that was running is run again only if it says that it may.

    Exit codes: as those of run.

    Parameters
    ----------
    session
        Its id, or as much of it as no other one begins with; by itself the last one.
    from_
        Begin a new session with so many of its records, and leave the old one as it
        is. A number that it does not have shows which there are.
    rule
        In the new session, vote by this rule.
    add_agent
        Add the agents of this team file to the new session, or one of this Claude
        model; more than once.
    tell
        Say this to the new session's team.
    display
        What to watch. By itself: rich on a terminal, plain lines elsewhere, nothing
        with --json.
    json
        Print one JSON object at the end.
    output
        Write the final answer to this file as well.
    attach
        Where a file that went with the question is now, if it is not where it was.
    output_dir
        Where to put files that the agents' code has written; by itself, where the
        session had put them.
    deadline
        Seconds from now, instead of what was left of the session's own.
    approve
        Tools that need a yes: ask at this terminal, run all, or none.
    journal
        The folder of sessions, instead of the usual one.
    durability
        When what was said is safe on the disk; see run.
    runtime
        The event loop (asyncio).
    """
    from coordinator.cli.resume import (  # noqa: PLC0415
        ResumeOptions,
        resume_command,
    )
    from coordinator.cli.run import RunOptions  # noqa: PLC0415

    shared = RunOptions(
        display=display,
        is_json=json,
        output=output,
        attached=attach,
        output_dir=output_dir,
        deadline_s=deadline,
        approve=approve,
        journal=journal,
        durability=durability,
        runtime=runtime,
    )
    return resume_command(
        ResumeOptions(
            session=session,
            record=from_,
            rule=rule,
            added=add_agent,
            told=tell,
            run=shared,
        )
    )
