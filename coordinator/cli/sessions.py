"""``coordinator sessions``: lists, shows, exports and deletes what was kept."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from agents.protocol.chunks import AgentId
from coordinator.cli.error_report import at_the_boundary
from coordinator.cli.exit_codes import Exit, complain
from coordinator.cli.journal_paths import call, root_of
from coordinator.displays.result_text import dollars
from coordinator.displays.sanitizer import clean, for_output, one_line
from coordinator.errors import ConfigInvalid, JournalCorrupt, JournalUnavailable
from coordinator.journal.entries import Parent, decode
from coordinator.journal.export_jsonl import json_lines, written_out
from coordinator.journal.framing import Kind
from coordinator.journal.index import (
    files_beside,
    list_sessions,
    prunable,
    remove,
    summary_of,
)
from coordinator.journal.inputs import history
from coordinator.journal.lookup import find_session
from coordinator.journal.reader import Journal, read_session, understood
from coordinator.journal.summaries import Summary
from coordinator.massgen.automation import LOGS
from coordinator.massgen.logs import write_massgen_logs
from coordinator.protocol.result import Result
from coordinator.report.story import Story, tell
from coordinator.report.verdict import sentences

"""Where MassGen keeps its logs, and so where its tools look for them."""

QUESTION_CHARS = 100
"""Of a question in a list that no terminal limits."""

_AGE = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Shown(Summary, frozen=True, kw_only=True):
    """One session in full; ``sessions show --json`` prints it."""

    models: dict[AgentId, str]
    parent: Parent | None
    """The session that it was branched from or continues."""
    seed: int
    """Decided every lot."""
    records: int
    """Those that count."""
    damage: str | None
    result: Result | None


class Pruned(Summary, frozen=True, kw_only=True):
    """One session that was deleted; ``sessions prune --json`` prints these."""

    files: int
    """Written by its agents' code and kept beside it, so deleted too."""
    files_bytes: int


def list_command(
    journal: Path | None, words: Sequence[str], count: int | None, *, is_json: bool
) -> int:
    """Print sessions, newest first.

    Args:
        journal: The folder.
        words: Only those that have all of these in their question, id or status.
        count: So many; 0: all; ``None``: as many as the terminal shows, or all.
        is_json: As JSON.
    """
    return at_the_boundary(
        lambda: _list(root_of(journal), words, count, is_json=is_json)
    )


def _list(root: Path, words: Sequence[str], count: int | None, *, is_json: bool) -> int:
    if count is not None and count < 0:
        raise ConfigInvalid(f"-n {count}: give how many are listed; 0: all")
    summaries = list_sessions(root, notify=_notify)
    matching = [summary for summary in summaries if _has_all(summary, words)]
    is_seen = sys.stdout.isatty() and not is_json
    size = shutil.get_terminal_size()
    if count is None:
        count = max(3, size.lines - 4) if is_seen else 0
    shown = matching[:count] if count else matching
    if is_json:
        _print_json(shown)
        return Exit.ANSWERED
    if not matching:
        sought = f" with {' '.join(words)!r} in it" if words and summaries else ""
        sys.stdout.write(f"no session{sought} is kept in {root}\n")
        return Exit.ANSWERED
    width = max(len("session"), *(len(s.session) for s in shown))
    rows = [f"{'session':<{width}}  {'started':<16}  {'status':<11}  {'cost':>8}  "]
    rows += [
        f"{s.session:<{width}}  {_when(s):<16}  {s.status:<11}  "
        f"{dollars(s.cost_usd):>8}  "
        for s in shown
    ]
    room = max(12, size.columns - len(rows[0])) if is_seen else QUESTION_CHARS
    questions = ["question", *(one_line(s.question, room) for s in shown)]
    for row, question in zip(rows, questions, strict=True):
        sys.stdout.write(f"{row}{question}".rstrip() + "\n")
    if len(shown) < len(matching):
        more = len(matching) - len(shown)
        sys.stdout.write(f"… {more:,} more; -n 0 shows all, words search\n")
    return Exit.ANSWERED


def _notify(what: str) -> None:
    sys.stderr.write(f"notice: {clean(what)}\n")


def _has_all(summary: Summary, words: Sequence[str]) -> bool:
    text = f"{summary.session} {summary.status} {summary.question}".lower()
    return all(word.lower() in text for word in words)


def show_command(
    session: str, journal: Path | None, answer: str | None, *, is_json: bool
) -> int:
    """Print one session: what was asked, of whom, what came of it, and why."""
    return at_the_boundary(
        lambda: _show(root_of(journal), session, answer, is_json=is_json)
    )


def _show(root: Path, text: str, answer: str | None, *, is_json: bool) -> int:
    session = find_session(root, text)
    journal = read_session(root, session)
    if answer is not None:
        sys.stdout.write(_one_answer(tell(journal), answer).rstrip("\n") + "\n")
        return Exit.ANSWERED
    shown = _shown(journal, summary_of(root, session))
    if is_json:
        _print_json(shown)
    else:
        story = _story_of(journal, shown)
        sys.stdout.write("\n".join(_in_words(shown, story, root)) + "\n")
    return Exit.ANSWERED


def _story_of(journal: Journal, shown: Shown) -> Story | None:
    """Its story; ``None`` where a later version wrote what this one cannot read."""
    try:
        return tell(journal, is_running=shown.status == "running")
    except JournalCorrupt as error:
        complain(str(error))
        return None


def _one_answer(story: Story, name: str) -> str:
    """One answer in full: by its label, or its author's last.

    Raises:
        ConfigInvalid: There is none.
    """
    for label in reversed(story.answers):
        answer = story.answers[label]
        if name in {label, answer.agent, answer.name}:
            return clean(answer.content)
    known = ", ".join(f"{x.agent} ({x.label})" for x in story.answers.values())
    raise ConfigInvalid(
        f"--answer {name}: there is no such answer; it has {known or 'none'}"
    )


def _shown(journal: Journal, summary: Summary) -> Shown:
    with understood(journal.path):
        counted = history(journal.records)
        ends = [decode(r) for r in counted if r.kind == Kind.RESULT]
    is_open = summary.status in {"running", "unfinished"}
    return Shown(
        **msgspec.structs.asdict(summary),
        models=journal.opened.models,
        parent=journal.opened.parent,
        seed=journal.opened.seed,
        records=len(counted),
        damage=str(journal.damage) if journal.damage else None,
        result=ends[-1]
        if ends and isinstance(ends[-1], Result) and not is_open
        else None,
    )


def _in_words(shown: Shown, story: Story | None, root: Path) -> Iterator[str]:
    result = shown.result
    took = "" if shown.elapsed_s is None else f", {shown.elapsed_s:.1f} s"
    yield f"session   {shown.session}"
    yield f"status    {shown.status}{_with(result.detail if result else '')}"
    yield f"started   {_when(shown)}{took}"
    if shown.parent is not None:
        tag = str(shown.parent.__struct_config__.tag).replace("_", " ")
        yield f"parent    {tag} {clean(shown.parent.session)}"
    yield f"question  {one_line(shown.question, 500)}"
    yield f"seed      {shown.seed}"
    models = (f"{one_line(a, 64)} ({one_line(m, 64)})" for a, m in shown.models.items())
    yield f"team      {', '.join(models)}"
    spent = f"; {result.usage.total_tokens:,} tokens" if result else ""
    yield f"cost      {dollars(shown.cost_usd)}{spent}"
    whole = "" if shown.damage is None else f"; {shown.damage}"
    yield f"kept      {shown.records:,} records, {shown.size_bytes:,} bytes{whole}"
    yield f"replay    {call('replay', shown.session, root)}"
    if shown.status in {"unfinished", "interrupted"}:
        yield f"resume    {call('resume', shown.session, root)}"
    if result is None:
        return
    room = shutil.get_terminal_size().columns - 10 if sys.stdout.isatty() else 200
    room = max(30, room)
    for answer in story.answers.values() if story else ():
        words = one_line(answer.content, max(20, room - len(answer.name) - 2))
        yield f"answer    {answer.name}: {words}"
    for vote in result.votes:
        choice = vote.choice or "several"
        ballot = f"{vote.voter} for {choice}{_with(vote.reason)}"
        yield f"vote      {one_line(ballot, room)}"
    for sentence in sentences(story) if story else ():
        yield from _wrapped("why", sentence, room)
    for agent, record in result.agents.items():
        if record.error:
            yield f"failed    {one_line(f'{agent}: {record.error}', room)}"
    if result.draft is not None:
        words = f"{result.draft.agent} had come so far: {result.draft.content}"
        yield from _wrapped("draft", words, room)
    if result.answer is None:
        yield f"ask again {call('run --again', shown.session, root)}"
        return
    if story is not None and len(story.answers) > 1:
        more = f"{call('sessions show', shown.session, root)} --answer AGENT"
        yield f"in full   {more}"
    yield f"winner    {result.winner or 'nobody'}"
    yield ""
    yield clean(result.answer).strip("\n")


def _wrapped(name: str, text: str, room: int) -> Iterator[str]:
    for at, line in enumerate(textwrap.wrap(clean(text), room)):
        yield f"{'' if at else name:<9} {line}"


def _with(words: str) -> str:
    return f": {one_line(words, 300)}" if words else ""


def _when(summary: Summary) -> str:
    """When it began, on this machine's clock."""
    if summary.started is None:
        return "?"
    return f"{summary.started.astimezone():%Y-%m-%d %H:%M}"


def export_command(
    session: str,
    journal: Path | None,
    *,
    form: Literal["jsonl", "massgen", "scenario"],
    output: Path | None,
) -> int:
    """Hand a session out as JSON lines, a log directory of MassGen's, or a scenario."""
    return at_the_boundary(lambda: _export(root_of(journal), session, form, output))


def _export(
    root: Path,
    text: str,
    form: Literal["jsonl", "massgen", "scenario"],
    output: Path | None,
) -> int:
    journal = read_session(root, find_session(root, text))
    if journal.damage is not None:
        complain(f"{journal.path.name}: {journal.damage}")
    with understood(journal.path):
        if form == "massgen":
            target = write_massgen_logs(journal, output or LOGS)
        elif form == "scenario":
            return _export_scenario(journal, output)
        elif output is None:
            out = sys.stdout.buffer
            for lines in json_lines(journal):
                out.write(for_output(lines, out))
            sys.stdout.buffer.flush()
            return Exit.ANSWERED
        else:
            target = output / f"{journal.opened.session}.jsonl"
            with written_out(target):
                output.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as file:
                    file.writelines(json_lines(journal))
    sys.stdout.write(f"{target}\n")
    return Exit.ANSWERED


def _export_scenario(journal: Journal, output: Path | None) -> int:
    """Write a scenario, and play it once: what differs is said."""
    from coordinator.scenarios.from_journal import scenario_of  # noqa: PLC0415  (seldom)
    from coordinator.scenarios.reader import parse_scenario  # noqa: PLC0415
    from coordinator.scenarios.runner import run_scenario  # noqa: PLC0415

    text = scenario_of(journal)
    name = Path(f"{journal.opened.session}.scenario.yaml")
    if output is None:
        sys.stdout.write(text)
    else:
        name = output / name
        with written_out(name):
            output.mkdir(parents=True, exist_ok=True)
            name.write_text(text, "utf-8")
        sys.stdout.write(f"{name}\n")
    try:
        differences = run_scenario(parse_scenario(text, name)).differences
    except ConfigInvalid as error:
        differences = tuple(str(error).splitlines())
    for one in differences:
        complain(f"played, it differs: {one}")
    return Exit.EXECUTION if differences else Exit.ANSWERED


def prune_command(
    journal: Path | None,
    *,
    older_than: str | None,
    keep: int | None,
    is_rehearsal: bool,
    may_lose_unfinished: bool,
    is_json: bool,
) -> int:
    """Delete old sessions, or say which would be."""

    def work() -> int:
        before = None if older_than is None else _ago(age(older_than))
        if before is None and keep is None:
            raise ConfigInvalid(
                "say what to delete: --older-than 30d, --keep 100, or both (the older "
                "ones beyond the newest so many)"
            )
        if keep is not None and keep < 0:
            raise ConfigInvalid(
                f"--keep {keep} is no number of sessions; use 0 or more"
            )
        root = root_of(journal)
        summaries = prunable(
            root,
            before=before,
            keep=keep,
            may_lose_unfinished=may_lose_unfinished,
            notify=_notify,
        )
        return _prune(root, summaries, is_rehearsal=is_rehearsal, is_json=is_json)

    return at_the_boundary(work)


def _prune(
    root: Path, summaries: Iterable[Summary], *, is_rehearsal: bool, is_json: bool
) -> int:
    removed: list[Pruned] = []
    code = Exit.ANSWERED
    for summary in summaries:
        try:
            sizes = files_beside(root, summary.session)
            if not is_rehearsal:
                remove(root, summary.session)
        except JournalUnavailable as error:
            complain(str(error))
            code = Exit.CONFIGURATION
        else:
            fields = msgspec.structs.asdict(summary)
            removed.append(Pruned(**fields, files=len(sizes), files_bytes=sum(sizes)))
    if is_json:
        _print_json(removed)
        return code
    for summary in removed:
        question = one_line(summary.question, QUESTION_CHARS)
        sys.stdout.write(f"{summary.session}  {_when(summary)}  {question}\n")
    verb = "would delete" if is_rehearsal else "deleted"
    count, files = len(removed), sum(summary.files for summary in removed)
    size = sum(summary.size_bytes + summary.files_bytes for summary in removed)
    noun = "session" if count == 1 else "sessions"
    with_files = f" with {files} written file{'s' * (files != 1)}" if files else ""
    sys.stdout.write(f"{verb} {count} {noun}{with_files}, {size:,} bytes\n")
    return code


def age(text: str) -> timedelta:
    """Read ``30d``, ``12h`` and the like.

    Raises:
        ConfigInvalid: It is something else.
    """
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise ConfigInvalid(
            f"--older-than {text!r} is no age; use a number and s, m, h, d or w: 30d"
        )
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _ago(span: timedelta) -> datetime:
    try:
        return datetime.now(UTC) - span
    except OverflowError:  # before the calendar's first day there is nothing
        return datetime.min.replace(tzinfo=UTC)


def _print_json(value: object) -> None:
    out = sys.stdout.buffer
    out.write(for_output(msgspec.json.encode(value), out) + b"\n")
    sys.stdout.buffer.flush()
