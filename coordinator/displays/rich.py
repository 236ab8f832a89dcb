"""The terminal as a window on the team: a pane an agent, live, then the result.

The picture is drawn on the terminal's second screen, so that what a person had on the
first one is still there afterwards, followed by the record and the result. Drawing
happens in a thread, one picture at a time, ten times a second at most and only if there
is something new: neither a slow terminal nor a thousand agents hold the session up.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from typing import IO

import anyio
import anyio.to_thread
from rich.console import Console, Group, RenderableType
from rich.rule import Rule
from rich.screen import Screen
from rich.table import Table
from rich.text import Text

from agents.protocol.citations import footnotes
from coordinator.displays.base import Cast
from coordinator.displays.library_warnings import warnings_held
from coordinator.displays.panes import compose, elapsed_s, moment_line, style_of
from coordinator.displays.result_text import (
    dollars,
    files,
    headline,
    standings,
    tokens,
    totals,
    value,
)
from coordinator.displays.sanitizer import clean
from coordinator.displays.view import View
from coordinator.protocol.events import Event
from coordinator.protocol.result import Result

FRAME_S = 0.1
"""Ten pictures a second look live; more only cost processor time."""

IDLE_S = 1.0
"""The clock in the corner moves also while nobody speaks."""

MARKDOWN_MAX = 50_000
"""Characters of an answer laid out as Markdown; rich takes 1 s for a megabyte."""

STANDINGS_MAX = 20
"""Rows of the final table."""


class RichDisplay:
    """Draws on ``out``, a terminal; ``NO_COLOR`` is honoured."""

    is_lossless = False

    def __init__(
        self, cast: Cast, out: IO[str] | None = None, *, console: Console | None = None
    ) -> None:
        self._console = console or Console(
            file=out or sys.stdout, highlight=False, markup=False, emoji=False
        )
        self._cast = cast
        self._view = View(cast.models)
        self._changed: anyio.Event | None = None
        self._looked_at = 0.0
        """When events came last, on the event loop's clock."""

    async def show(self, events: AsyncIterator[Sequence[Event]]) -> None:
        """Draw until the events end; the terminal is as before then."""
        with warnings_held(), self._console.screen(hide_cursor=True):
            self._looked_at = anyio.current_time()
            async with anyio.create_task_group() as group:
                group.start_soon(self._draw_often, name="rich display")
                async for batch in events:
                    self._view.absorb(batch)
                    self._looked_at = anyio.current_time()
                    if self._changed is not None:
                        self._changed.set()
                group.cancel_scope.cancel("the session has ended")

    async def _draw_often(self) -> None:
        limiter = anyio.CapacityLimiter(1)  # one picture at a time
        while True:
            changed = self._changed = anyio.Event()
            started = anyio.current_time()
            width, height = self._console.size
            picture = compose(
                self._view,
                self._cast,
                width=width,
                height=height,
                elapsed_s=elapsed_s(self._view, self._cast, started - self._looked_at),
            )
            await anyio.to_thread.run_sync(self._draw, picture, limiter=limiter)
            took_s = anyio.current_time() - started
            # To rest thrice as long as drawing took leaves the processor to others.
            await anyio.sleep(max(FRAME_S, 3 * took_s))
            with anyio.move_on_after(IDLE_S):
                await changed.wait()

    def _draw(self, picture: RenderableType) -> None:
        self._console.print(Screen(picture), end="")

    def conclude(self, result: Result) -> None:
        """Print the record of the session, the standings and the answer."""
        self._console.print(_closing(result, self._view, self._cast))


def _closing(result: Result, view: View, cast: Cast) -> RenderableType:
    parts: list[RenderableType] = [
        Text(clean(cast.question), style="bold"),
        Text(),
        *(moment_line(moment, cast) for moment in view.moments),
        Text(),
        _standings(result, view, cast),
    ]
    won = "green" if result.status == "answered" else "yellow"
    style = won if result.answer is not None else "red"
    sign = "★" if result.answer is not None else "!"
    parts += [Rule(Text(f"{sign} {headline(result)}", style=f"{style} bold"))]
    if result.answer is not None:
        parts += _answer(result.answer, footnotes(result.citations))
    if told := value(result):
        parts += [Text(), Text(told)]
    parts += [Text(line) for line in files(result)]
    parts += [Rule(Text(totals(result), style="dim"), style="dim")]
    return Group(*parts)


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


def _standings(result: Result, view: View, cast: Cast) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(" agent", no_wrap=True)
    rows = standings(result, view)
    has_points = any(row.points is not None for row in rows)
    for heading in ("votes", "points") if has_points else ("votes",):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("voted for", ratio=1)
    is_cached = result.cache.hit_ratio is not None
    for heading in ("tokens", "cached", "cost") if is_cached else ("tokens", "cost"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows[:STANDINGS_MAX]:
        record = result.agents[row.agent]
        sign = "★" if row.agent == result.winner else " "
        points = "" if row.points is None else f"{row.points:g}"
        table.add_row(
            Text(f"{sign}{row.agent}", style=style_of(row.agent, cast)),
            str(row.votes) if row.label else "",
            *((points,) if has_points else ()),
            Text(row.voted or row.fate or "—", style="" if row.voted else "dim"),
            tokens(record.usage.total_tokens),
            *((f"{record.cache.hit_ratio or 0:.0%}",) if is_cached else ()),
            dollars(record.cost_usd),
        )
    return table
