"""The picture that the rich display draws, at every size."""

from __future__ import annotations

import io
import random
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace

import anyio
import pytest
from rich.color import ColorSystem
from rich.console import Console

from agents.protocol.chunks import AgentId, TextDelta, TurnNumber, TurnStarted
from agents.protocol.stamper import Pen
from coordinator.displays.base import Cast
from coordinator.displays.controls import Controls
from coordinator.displays.painting import LAST_COLUMN, Brush, width_of
from coordinator.displays.panes import Composer, Look, clock, elapsed_s
from coordinator.displays.rich import RichDisplay
from coordinator.displays.view import View
from coordinator.protocol.events import Event
from coordinator.protocol.result import Result

Batches = Callable[[Sequence[Event]], AsyncIterator[Sequence[Event]]]
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOR = re.compile(r"\x1b\[[0-9;]*\b(3[0-7]|9[0-7])m")


def _console(width: int, height: int, *, has_color: bool = True) -> Console:
    return Console(
        file=io.StringIO(),
        force_terminal=True,
        width=width,
        height=height,
        no_color=not has_color,
        legacy_windows=False,
        _environ={},
    )


def _picture(view: View, cast: Cast, width: int, height: int) -> list[str]:
    composer = Composer(view, cast, Brush(ColorSystem.STANDARD), Look())
    lines = ["" for _ in range(height)]
    strips = composer.compose(width, height, 61.0)
    for strip in sorted(strips, key=lambda strip: (strip.row, strip.column)):
        text = ESCAPE.sub("", strip.text).replace(LAST_COLUMN, "")
        assert width_of(lines[strip.row]) == strip.column
        assert width_of(text) == strip.width
        lines[strip.row] += text
    assert {width_of(line) for line in lines} == {width}  # every cell, once
    return lines


def _until(events: list[Event], kind: str) -> list[Event]:
    return events[: [type(event).__name__ for event in events].index(kind)]


def _team(count: int) -> Cast:
    names = [AgentId(f"agent-{number}") for number in range(count)]
    return Cast(question="Why? " * 100, models=dict.fromkeys(names, "model-x"))


def _talking(cast: Cast) -> View:
    view = View(cast.models)
    for number, agent in enumerate(cast.models):
        pen = Pen(AgentId(agent), TurnNumber(1), float(number))
        text = f"{agent} says 日本語 and more. " * 30
        view.absorb([TurnStarted(task="draft", **pen.stamp())])
        view.absorb([TextDelta(block=0, text=text, **pen.stamp())])
    return view


@pytest.mark.parametrize("size", [(200, 60), (110, 34), (80, 24), (40, 12), (20, 5)])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 50])
def test_the_picture_fits_the_terminal(count: int, size: tuple[int, int]) -> None:
    cast = _team(count)
    lines = _picture(_talking(cast), cast, *size)
    assert len(lines) == size[1]


def test_up_to_six_agents_have_a_pane_with_the_end_of_their_text() -> None:
    cast = _team(6)
    text = "\n".join(_picture(_talking(cast), cast, 120, 40))
    for agent in cast.models:
        assert f"● {agent} drafting" in text
    assert text.count("╭") == 6


def test_a_thousand_agents_share_a_table_of_those_who_spoke_last() -> None:
    cast = _team(1000)
    lines = _picture(_talking(cast), cast, 100, 24)
    text = "\n".join(lines)
    assert "agent-999" in text
    assert "agent-1 " not in text
    assert "more" in text
    assert len(lines) == 24


def test_what_is_drawn_of_a_session(cast: Cast, events: list[Event]) -> None:
    view = View(cast.models)
    view.absorb(_until(events, "WinnerDecided"))
    text = "\n".join(_picture(view, cast, 120, 30))
    for seen in (
        "Is it so?",
        "1:01",
        "$0.0200 · 240 tokens",
        "✔ ada voted  ◆ 2 votes",
        "● cy reviewing",
        "Let me think.",
        "Second line.",
        "bo votes for ada: It is right.",
        "✔ drafting",
        "● voting",
        "2/3",
    ):
        assert seen in text, seen


def test_who_presents_has_the_stage(cast: Cast, events: list[Event]) -> None:
    view = View(cast.models)
    view.absorb(_until(events, "Conclude"))
    text = "\n".join(_picture(view, cast, 120, 30))
    assert text.count("╭") == 1
    assert "It is so." in text
    assert "● presenting" in text


@pytest.mark.parametrize("has_color", [True, False])
async def test_no_color_means_no_colour(
    cast: Cast,
    events: list[Event],
    result: Result,
    in_batches: Batches,
    *,
    has_color: bool,
) -> None:
    console = _console(100, 30, has_color=has_color)
    display = RichDisplay(cast, console=console)
    await display.show(in_batches(events))
    display.conclude(result)
    assert isinstance(console.file, io.StringIO)
    printed = console.file.getvalue()
    assert (COLOR.search(printed) is not None) == has_color


async def test_the_second_screen_is_left_before_the_result_is_printed(
    cast: Cast, events: list[Event], result: Result, in_batches: Batches
) -> None:
    console = _console(100, 30)
    display = RichDisplay(cast, console=console)
    await display.show(in_batches(events))
    display.conclude(result)
    assert isinstance(console.file, io.StringIO)
    on, off = "\x1b[?1049h", "\x1b[?1049l"
    drawn, _, after = console.file.getvalue().partition(off)
    assert drawn.startswith(on)
    plain = ESCAPE.sub("", after)
    for seen in (
        "★ ada wins (plurality: 2 of 3 ballots)",
        "voted for",
        "3.0 s",
        "$0.02",
    ):
        assert seen in plain
    assert "\x1b[31m\n" not in after  # the answer's own escape


async def test_the_clock_tells_the_time_of_the_session_that_is_shown(
    cast: Cast,
) -> None:
    console = _console(100, 30)

    async def again() -> AsyncIterator[Sequence[Event]]:
        for at in (100.0, 165.0):
            pen = Pen(AgentId("ada"), TurnNumber(1), at)
            yield [TurnStarted(**pen.stamp(), task="draft")]
        await anyio.sleep(60.0)

    await RichDisplay(replace(cast, speed=0.0), console=console).show(again())
    assert isinstance(console.file, io.StringIO)
    assert " 1:05" in ESCAPE.sub("", console.file.getvalue())


@pytest.mark.parametrize(("speed", "taken_s"), [(0.0, 65), (1.0, 75), (4.0, 105)])
def test_between_events_the_clock_goes_at_the_speed_of_the_replay(
    cast: Cast, speed: float, taken_s: float
) -> None:
    view = View(cast.models)
    assert elapsed_s(view, replace(cast, speed=speed), 10.0) == 10.0 * speed
    for at in (100.0, 165.0):
        pen = Pen(AgentId("ada"), TurnNumber(1), at)
        view.absorb([TurnStarted(**pen.stamp(), task="draft")])
    assert elapsed_s(view, replace(cast, speed=speed), 10.0) == taken_s


async def test_the_terminal_is_restored_when_the_session_breaks(
    cast: Cast, events: list[Event]
) -> None:
    console = _console(100, 30)

    async def broken() -> AsyncIterator[Sequence[Event]]:
        yield events
        raise RuntimeError("the session broke")

    with pytest.raises(ExceptionGroup):
        await RichDisplay(cast, console=console).show(broken())
    assert isinstance(console.file, io.StringIO)
    assert "\x1b[?1049l" in console.file.getvalue()
    assert console.file.getvalue().endswith("\x1b[?25h")


@pytest.mark.parametrize(
    ("elapsed_s", "said"),
    [(0, "0:00"), (59.9, "0:59"), (61, "1:01"), (3_725, "1:02:05"), (-1, "0:00")],
)
def test_the_clock_reads_as_clocks_do(elapsed_s: float, said: str) -> None:
    assert clock(elapsed_s) == said


UGLY = (
    "word ", "日本", "👍🏽❤️", "\x1b[31mred", "\x1b]0;t\x07", "\t", "\n\n", "[bold]x[/]",
    "\u202eabc", "é" * 50, " " * 90, "x" * 300, "\0", "\x9b31m", "\r\n",
)  # fmt: skip
SIZES = ((1, 1), (2, 2), (3, 9), (10, 3), (5, 40), (30, 6), (80, 24))
KEYS = ("tab", "enter", "up", "home", " ", "?", "escape", "m", "paste:\x1b[2J\nb", "f")


@pytest.mark.parametrize("ugly", UGLY)
def test_a_title_of_a_strangers_file_is_shown_without_its_controls(ugly: str) -> None:
    title = f"{ugly}\x1b]52;c;cGFzdGU=\x07\x1b]8;;http://x\x07demo\x9b2J"
    cast = Cast(question="Why?", models={"ada": "m"}, title=title)
    picture = _picture(View(cast.models), cast, 80, 24)
    assert "demo" in picture[0] or len(ugly) > 79
    shown = "".join(picture)
    assert "cGFzdGU" not in shown
    assert not {"\x1b", "\x9b", "\x07", "\u202e"} & set(shown)


@pytest.mark.parametrize("is_ascii", [True, False])
def test_whatever_is_said_and_typed_every_cell_is_drawn_once(*, is_ascii: bool) -> None:
    lot = random.Random(3)  # noqa: S311  (which ugly thing comes next is no secret)
    names = ["a", "日本語の名前", "x" * 64, "👨‍👩‍👧‍👦", "e\u0301\u0301", "-", "ada"]
    cast = Cast(question="Q\x1b[2J\n" + "why " * 99, models=dict.fromkeys(names, "m"))
    view, look = View(cast.models), Look(has_keys=True)
    brush = Brush(ColorSystem.STANDARD, is_ascii=is_ascii)
    composer, controls = Composer(view, cast, brush, look), Controls(view, cast, look)
    for step in range(120):
        agent = AgentId(lot.choice(names))
        pen = Pen(agent, TurnNumber(1), float(step))
        said = lot.choice(UGLY) * lot.randrange(9)
        view.absorb([TextDelta(block=0, text=said, **pen.stamp())])
        controls.press(lot.choice(KEYS))
        width, height = lot.choice(SIZES)
        filled = [0] * height
        strips = composer.compose(width, height, 9.0)
        for strip in sorted(strips, key=lambda strip: (strip.row, strip.column)):
            text = ESCAPE.sub("", strip.text).replace(LAST_COLUMN, "")
            assert not {"\x1b", "\n", "\x9b", "\t"} & set(text)
            assert (strip.column, strip.width) == (filled[strip.row], width_of(text))
            filled[strip.row] += strip.width
        assert filled == [width] * height
