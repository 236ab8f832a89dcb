"""The end of a session on a terminal: who voted for what, the answer, the cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from agents.protocol.chunks import AgentId, Label
from agents.protocol.citations import footnotes
from coordinator.displays.base import Cast
from coordinator.displays.matrix import headings, marks_of
from coordinator.displays.painting import Line
from coordinator.displays.panes import moment_line, style_of
from coordinator.displays.result_text import (
    Standing,
    dollars,
    failures,
    files,
    headline,
    question_line,
    standings,
    tokens,
    totals,
    value,
)
from coordinator.displays.sanitizer import clean, one_line
from coordinator.displays.view import View
from coordinator.protocol.result import Result

MARKDOWN_MAX = 50_000
"""Characters of an answer laid out as Markdown; rich takes 1 s for a megabyte."""

STANDINGS_MAX = 20
"""Rows of the final table."""

COLUMNS_MAX = 6
"""Answers that have a column of their own in it."""

TROUBLES_MAX = 4
"""Lines on what went wrong, the last ones."""


def closing(result: Result, view: View, cast: Cast, console: Console) -> RenderableType:
    """All that is left on the screen: less than a screen, but for the answer."""
    width = console.width
    parts: list[RenderableType] = [
        Text(question_line(cast.question, max(20, width - 2)), style="bold"),
        Text(),
        _standings(result, view, cast, width),
    ]
    troubles = [moment for moment in view.moments if moment.kind == "trouble"]
    parts += [_text(moment_line(each, cast)) for each in troubles[-TROUBLES_MAX:]]
    is_whole = 2 * failures(result) < len(result.agents)
    won = "green" if result.status == "answered" and is_whole else "yellow"
    style = won if result.answer is not None else "red"
    sign = "★" if result.answer is not None else "!"
    parts += [Rule(Text(f"{sign} {headline(result)}", style=f"{style} bold"))]
    if result.answer is not None:
        parts += _answer(result.answer, footnotes(result.citations))
    elif (draft := view.longest_draft()) is not None:
        parts += [
            Text(f"{draft[0]} had come so far:", style="yellow"),
            Text(draft[1], style="italic"),
        ]
    if text := value(result):
        parts += [Text(), Text(text)]
    parts += [Text(line) for line in files(result)]
    parts += [Rule(Text(totals(result), style="dim"), style="dim")]
    return Group(*parts)


def _text(line: Line) -> Text:
    return Text.assemble(*line, no_wrap=True, overflow="ellipsis")


def _answer(answer: str, notes: str) -> list[RenderableType]:
    # As Markdown the list of footnotes would be run together into one paragraph.
    body = clean(answer.removesuffix(notes)).strip("\n")
    below = (
        [Text(), Text(clean(notes), style="dim")]
        if notes and answer.endswith(notes)
        else []
    )
    if len(body) > MARKDOWN_MAX:
        return [Text(body), *below]
    # Costs 60 ms to import, and only here, after the end, nobody waits for it.
    from rich.markdown import Markdown  # noqa: PLC0415

    return [Markdown(body, hyperlinks=False), *below]


def _standings(result: Result, view: View, cast: Cast, width: int) -> RenderableType:
    rows = standings(result, view)
    marks = _marks(result, rows, width)
    labels = [row.label for row in rows if row.label] if marks else []
    has_points = any(row.points is not None for row in rows)
    is_cached = bool(result.cache.hit_ratio) and width >= 80
    has_tokens = width >= 70
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    names = min(17, 1 + max([5, *(len(row.agent) for row in rows)]))
    table.add_column(" agent", no_wrap=True, min_width=names)
    table.add_column("votes", justify="right", no_wrap=True, min_width=5)
    if has_points:
        table.add_column("points", justify="right", no_wrap=True, min_width=6)
    for name in headings(labels, _authors(result), 6):
        wide = len(name)
        table.add_column(name, justify="center", no_wrap=True, min_width=wide)
    why = "votes for, and why" if marks else "voted for"
    table.add_column(why, ratio=1, no_wrap=True, overflow="ellipsis")
    if has_tokens:
        table.add_column("tokens", justify="right", no_wrap=True, min_width=6)
    if is_cached:
        table.add_column("cached", justify="right", no_wrap=True, min_width=6)
    table.add_column("cost", justify="right", no_wrap=True, min_width=7)
    for row in rows[:STANDINGS_MAX]:
        record = result.agents[row.agent]
        sign = "★" if row.agent == result.winner else " "
        points = "" if row.points is None else f"{row.points:g}"
        words = row.reason if marks else row.voted
        own: Mapping[Label, str] = marks.get(row.agent, {})
        table.add_row(
            Text(f"{sign}{row.agent}", style=style_of(row.agent, cast)),
            str(row.votes) if row.label else "",
            *((points,) if has_points else ()),
            *(Text(own.get(label, ""), style="green") for label in labels),
            Text(
                one_line(words or row.fate or "—", max(20, width)),
                style="" if words else "dim",
            ),
            *((tokens(record.usage.total_tokens),) if has_tokens else ()),
            *((f"{record.cache.hit_ratio or 0:.0%}",) if is_cached else ()),
            dollars(record.cost_usd),
        )
    if len(rows) > STANDINGS_MAX:
        table.add_row(Text(f" … {len(rows) - STANDINGS_MAX} more", style="dim"))
    return table


def _authors(result: Result) -> dict[Label, AgentId]:
    return {answer.label: answer.agent for answer in result.answers}


def _marks(
    result: Result, rows: Sequence[Standing], width: int
) -> Mapping[AgentId, Mapping[Label, str]]:
    """Voter → what its ballot says of each answer; empty where a matrix is no use."""
    answers = sum(row.label is not None for row in rows)
    if result.why is None or answers > COLUMNS_MAX or width < 60:
        return {}
    return {ballot.voter: marks_of(ballot.ballot) for ballot in result.why.ballots}
