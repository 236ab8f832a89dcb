"""Composes the rich display's picture: a view in, something rich can render out.

Up to six agents get a pane each; more share a table; who presents gets the stage.
Composing costs little and reads the view; the wrapping and drawing happen when rich
renders what was composed, which may be in another thread. Nothing here is imported
unless the rich display is used.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import nlargest

from rich.box import ROUNDED, SIMPLE_HEAD
from rich.console import (
    Console,
    ConsoleOptions,
    Group,
    RenderableType,
    RenderResult,
)
from rich.layout import Layout
from rich.panel import Panel
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from coordinator.displays.base import Cast
from coordinator.displays.narration import Kind, Moment
from coordinator.displays.result_text import dollars, tokens
from coordinator.displays.sanitizer import one_line
from coordinator.displays.view import RUNNING, Activity, AgentView, Tone, View

PANES_MAX = 6
"""More panes than this leave no room to read any of them."""

PANE_WIDTH_MIN = 28
"""Columns under which a pane is no longer read; then there are fewer beside each
other."""

PANE_HEIGHT_MIN = 5
"""Lines under which a pane shows nothing; then the table is better."""

AGENT_STYLES = ("cyan", "magenta", "yellow", "green", "blue", "bright_red")
TONE_STYLES: dict[Tone, str] = {
    "text": "",
    "thinking": "dim italic",
    "typed": "bold",
    "moment": "dim",
}
ACTIVITY_SIGNS: dict[Activity, tuple[str, str]] = {
    "waiting": ("·", "dim"),
    "drafting": ("●", "bold"),
    "reviewing": ("●", "bold"),
    "presenting": ("★", "bold"),
    "answered": ("◆", "green"),
    "voted": ("✔", "green"),
    "stopped": ("✕", "dim"),
    "failed": ("!", "red"),
    "retired": ("-", "dim"),
}
MOMENT_SIGNS: dict[Kind, tuple[str, str]] = {
    "phase": ("—", "dim"),
    "turn": ("○", "dim"),
    "answer": ("◆", "green"),
    "vote": ("✔", "green"),
    "void": ("↺", "yellow"),
    "cancel": ("✕", "dim"),
    "trouble": ("!", "red"),
    "tool": ("»", "dim"),
    "winner": ("★", "bold green"),
}


@dataclass(frozen=True)
class Scroll:
    """The end of a text, as much as fits, its last line always in sight."""

    spans: tuple[tuple[Tone, str], ...]

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        """Wrap, and keep the last lines."""
        height = options.height or options.max_height
        text = Text.assemble(*((span, TONE_STYLES[tone]) for tone, span in self.spans))
        text.rstrip()
        lines = text.wrap(console, options.max_width)[-height:]
        for line in lines:
            yield from line.render(console)
            yield Segment.line()


def style_of(agent: str, cast: Cast) -> str:
    """The agent's colour, the same everywhere; none in a team too large for colours."""
    if len(cast.models) > PANES_MAX or agent not in cast.models:
        return "bold"
    return AGENT_STYLES[[*map(str, cast.models)].index(agent) % len(AGENT_STYLES)]


def compose(
    view: View, cast: Cast, *, width: int, height: int, elapsed_s: float
) -> RenderableType:
    """Compose the whole picture for a terminal ``width`` columns wide."""
    record_lines = max(0, min(7, height // 4))
    body_height = height - 3 - (record_lines + 1 if record_lines else 0)
    picture = Layout()
    parts = [
        Layout(_header(view, cast, width, elapsed_s), size=2),
        Layout(_body(view, cast, width, body_height), ratio=1),
    ]
    if record_lines:
        parts.append(Layout(_record(view, cast, record_lines), size=record_lines + 1))
    parts.append(Layout(_bar(view, width), size=1))
    picture.split_column(*parts)
    return picture


def _header(view: View, cast: Cast, width: int, elapsed_s: float) -> RenderableType:
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    grid.add_column(justify="right", no_wrap=True)
    name = Text.assemble(
        (" coordinator", "bold"), (f" {one_line(cast.title, 80)}", "dim")
    )
    spent = f"{tokens(view.usage.total_tokens)} tokens · {dollars(view.cost_usd)}"
    grid.add_row(name, Text.assemble((f"{spent} · ", "dim"), clock(elapsed_s), " "))
    question = Text(
        f" {one_line(cast.question, max(1, width - 2))}",
        style="bold",
        no_wrap=True,
        overflow="ellipsis",
    )
    return Group(grid, question)


def elapsed_s(view: View, cast: Cast, waited_s: float) -> float:
    """How long the session has taken, on its own clock.

    A replay has another pace, and a session that goes on has a past.

    Args:
        view: What was seen of it.
        cast: Who takes part, and at what speed it is shown.
        waited_s: How long ago the last of it came.
    """
    known_s = 0.0 if view.began is None else view.now - view.began
    return known_s + waited_s * cast.speed


def clock(elapsed_s: float) -> str:
    """Say a time as a clock does."""
    minutes, seconds = divmod(int(max(0.0, elapsed_s)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _record(view: View, cast: Cast, lines: int) -> RenderableType:
    title = Text("─ so far ", style="dim")
    said = [moment_line(moment, cast) for moment in list(view.moments)[-lines:]]
    grid = Table.grid(expand=True)
    grid.add_row(title)
    for line in said:
        grid.add_row(line)
    return grid


def moment_line(moment: Moment, cast: Cast) -> Text:
    """One moment with its sign and its agent's colour."""
    sign, style = MOMENT_SIGNS[moment.kind]
    line = Text(f" {sign} ", style=style, no_wrap=True, overflow="ellipsis")
    if moment.agent is not None:
        line.append(f"{moment.agent} ", style_of(moment.agent, cast))
    return line.append(moment.words, "dim" if style == "dim" else "not bold default")


def _bar(view: View, width: int) -> RenderableType:
    order = ("drafting", "voting", "presenting")
    live = sum(agent.activity not in ("failed", "retired") for agent in _all(view))
    done = {
        "drafting": (len(view.drafted), len(view.agents)),
        "voting": (len(view.votes), max(len(view.voters), live)),
        "presenting": (0, 0),
    }
    now = order.index(view.phase) if view.phase in order else len(order)
    text = Text(" ", no_wrap=True)
    cells = min(20, max(4, width // 8))
    for number, phase in enumerate(order):
        count, total = done[phase]
        if number < now:
            text.append(f"✔ {phase}  ", "green")
        elif number > now:
            text.append(f"○ {phase}  ", "dim")
        else:
            text.append(f"● {phase} ", "bold")
            if total:
                filled = round(cells * min(1.0, count / total))
                text.append("━" * filled, "green")
                text.append("━" * (cells - filled), "dim")
                text.append(f" {count}/{total}  ")
            else:
                text.append(" ")
    return text


def _all(view: View) -> Iterable[AgentView]:
    return view.agents.values()


def _body(view: View, cast: Cast, width: int, height: int) -> RenderableType:
    presenter = view.agents.get(view.presenter) if view.presenter else None
    if presenter is not None:
        return _stage(presenter, view, cast, width, height)
    agents = list(_all(view))
    columns = _columns(len(agents), width)
    rows = -(-len(agents) // columns)
    if len(agents) > PANES_MAX or height < rows * PANE_HEIGHT_MIN:
        return _table(view, cast, height)
    body = Layout()
    lines: list[Layout] = []
    for row in range(rows):
        line = Layout()
        beside = agents[row * columns : (row + 1) * columns]
        line.split_row(*(_pane(agent, view, cast, height) for agent in beside))
        lines.append(line)
    body.split_column(*lines)
    return body


def _columns(agents: int, width: int) -> int:
    wanted = {1: 1, 2: 2, 3: 3, 4: 2}.get(agents, 3)
    return max(1, min(wanted, width // PANE_WIDTH_MIN))


def _stage(
    presenter: AgentView, view: View, cast: Cast, width: int, height: int
) -> RenderableType:
    pane = _pane(presenter, view, cast, height)
    if width < 100 or len(view.agents) < 2:
        return pane
    body = Layout()
    others = Layout(_table(view, cast, height, is_narrow=True), size=38)
    body.split_row(others, pane)
    return body


def _pane(agent: AgentView, view: View, cast: Cast, height: int) -> Layout:
    style = style_of(agent.id, cast)
    sign, sign_style = ACTIVITY_SIGNS[agent.activity]
    title = Text.assemble(
        (f"{sign} ", sign_style), (agent.id, f"{style} bold"), (f" {_doing(agent)}", "")
    )
    spent = f"{tokens(agent.usage.total_tokens)} tokens · {dollars(agent.cost_usd)}"
    model = agent.model.removeprefix("claude-")
    subtitle = Text(f"{model} · {spent}" if model else spent, style="dim")
    if agent.label is not None and view.phase != "drafting":
        count = view.support().get(agent.id, 0)
        title.append(f"  ◆ {count} vote{'' if count == 1 else 's'}", "green")
    if agent.activity in RUNNING:
        border = style
    else:
        border = "dim" if agent.activity in ("stopped", "retired") else f"{style} dim"
    scroll = Scroll(tuple(agent.tail.last(height * 200)))
    return Layout(
        Panel(
            scroll,
            box=ROUNDED,
            title=title,
            title_align="left",
            subtitle=subtitle,
            subtitle_align="right",
            border_style="red" if agent.activity == "failed" else border,
        )
    )


def _doing(agent: AgentView) -> str:
    words = f"{agent.activity}: {agent.note}" if agent.note else agent.activity
    return one_line(words, 60)


def _table(
    view: View, cast: Cast, height: int, *, is_narrow: bool = False
) -> RenderableType:
    longest = min(16, max(map(len, view.agents), default=1))
    table = Table(box=SIMPLE_HEAD, expand=True, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column(" agent", no_wrap=True, min_width=longest + 1)
    table.add_column("", no_wrap=True, ratio=1 if is_narrow else None, max_width=28)
    table.add_column("votes", justify="right", no_wrap=True, min_width=5)
    if not is_narrow:
        table.add_column("tokens", justify="right", no_wrap=True, min_width=6)
        table.add_column("says", no_wrap=True, ratio=1, overflow="ellipsis")
    support = view.support()
    room = max(1, height - 3)
    for agent in _most_alive(view, room):
        sign, style = ACTIVITY_SIGNS[agent.activity]
        doing = agent.activity if is_narrow else one_line(_doing(agent), 26)
        row = [
            Text(f" {agent.id}", style=style_of(agent.id, cast)),
            Text.assemble((f"{sign} ", style), doing),
            str(support.get(agent.id, "")),
        ]
        if not is_narrow:
            row.append(tokens(agent.usage.total_tokens))
            row.append(_last_line(agent))
        table.add_row(*row)
    hidden = len(view.agents) - room
    if hidden > 0:
        table.add_row(Text(f"… {hidden} more", style="dim"))
    return table


def _most_alive(view: View, room: int) -> list[AgentView]:
    """Whom to show where not everybody fits: who runs, then who spoke last."""
    agents = list(_all(view))
    if len(agents) <= room:
        return agents

    def life(agent: AgentView) -> tuple[bool, float]:
        return (agent.activity in RUNNING, agent.last_at)

    shown = {agent.id for agent in nlargest(room, agents, key=life)}
    return [agent for agent in agents if agent.id in shown]


def _last_line(agent: AgentView) -> Text:
    spans = agent.tail.last(160)
    tone = spans[-1][0] if spans else "text"
    said = "".join(text for _, text in spans).rstrip().rpartition("\n")[2]
    return Text(" ".join(said.split())[-120:], style=TONE_STYLES[tone])
