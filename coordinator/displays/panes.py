"""Composes the rich display's picture: a view in, painted lines with their places out.

As many agents as fit get a pane each; more share a table; who presents gets the stage.
What was painted of a pane is kept until its agent has something new. Nothing here is
imported unless the rich display is used.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import nlargest

from agents.protocol.chunks import AgentId
from coordinator.displays.base import Cast
from coordinator.displays.matrix import (
    VOTERS_MAX,
    columns_of,
    headings,
    marks_of,
)
from coordinator.displays.narration import Kind, Moment
from coordinator.displays.painting import LAST_COLUMN, Brush, Line, Span, cut, last_rows
from coordinator.displays.painting import width_of as columns_in
from coordinator.displays.result_text import dollars, tokens
from coordinator.displays.sanitizer import clean, one_line
from coordinator.displays.view import RUNNING, Activity, AgentView, Tone, View

PANE_WIDTH_MIN = 28
"""Columns under which a pane is no longer read."""

PANE_HEIGHT_MIN = 5
"""Lines under which a pane shows nothing; then the table is better."""

RECORD_LINES = 7
"""Lines of what happened last; fewer on a low screen, more on a high one."""

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
SPARKS = "▁▂▃▄▅▆▇█"
HELP = (
    ("← → Tab 1-9", "choose an agent"),
    ("Enter", "show it alone, or all again"),
    ("↑ ↓ PgUp PgDn", "scroll its text; End follows it again"),
    ("Space", "hold the picture still, the session goes on"),
    ("m", "tell the whole team something"),
    ("s", "stop the chosen agent; its answer stands"),
    ("v", "veto the chosen agent's answer"),
    ("f", "force the vote, on what there is"),
    ("b  a", "a person's ballot, or answer, when asked"),
    ("y  n", "let a tool run that needs a yes, or not"),
    ("q", "end now, with the best answer so far"),
    ("/", "a command: /help shows them"),
)


@dataclass
class Look:
    """How a person has set the display: what is chosen, scrolled and typed."""

    chosen: AgentId | None = None
    is_alone: bool = False
    """Whether the chosen agent has the whole picture."""
    back: int = 0
    """Rows that it is scrolled back by."""
    is_held: bool = False
    """Whether the picture is held still."""
    is_helping: bool = False
    prompt: str = ""
    """The prompt of the last line; empty: there is none."""
    typed: str = ""
    notice: str = ""
    """Said in the last line until a key is pressed."""
    request: str = ""
    """The request to a person of the team, or for approval; above the record."""
    has_keys: bool = False
    """Whether anybody can press any."""


@dataclass(frozen=True)
class Strip:
    """A painted line and its place on the screen, from 0."""

    row: int
    column: int
    width: int
    text: str


@dataclass
class Composer:
    """Composes pictures of one session for one terminal; keeps what is still true."""

    view: View
    cast: Cast
    brush: Brush
    look: Look = field(default_factory=Look)
    _panes: dict[AgentId, tuple[object, list[str]]] = field(
        default_factory=dict[AgentId, tuple[object, list[str]]]
    )

    def compose(self, width: int, height: int, elapsed_s: float) -> list[Strip]:
        """The whole picture: strips that together cover every cell, once."""
        strips: list[Strip] = []
        head = self._header(width, elapsed_s)[: max(0, height - 2)]
        self._put(strips, 0, 0, width, head)
        below = self._below(width, height - len(head) - 1)
        room = height - len(head) - len(below) - 1
        if room > 0:
            self._body(strips, len(head), width, room, elapsed_s)
        self._put(strips, height - 1 - len(below), 0, width, below)
        self._put(strips, height - 1, 0, width, [self._last_line(width)])
        return strips

    def _put(
        self,
        strips: list[Strip],
        row: int,
        column: int,
        width: int,
        lines: Iterable[Line],
    ) -> None:
        for at, line in enumerate(lines, start=row):
            strips.append(Strip(at, column, width, self.brush.paint(line, width)))

    def style_of(self, agent: str) -> str:
        """The agent's colour, the same everywhere."""
        return style_of(agent, self.cast)

    # The header

    def _header(self, width: int, elapsed_s: float) -> list[Line]:
        view, cast = self.view, self.cast
        name: Line = [(" coordinator", "bold"), (f" {one_line(cast.title, 80)}", "dim")]
        figures = [_time(cast, elapsed_s), _money(view, cast), _tokens(view, cast)]
        if ratio := view.cached:
            figures.append(f"{ratio:.0%} cached")
        taken = sum(columns_in(text) for text, _ in name)
        while len(figures) > 1 and taken + len(" · ".join(figures)) + 3 > width:
            figures.pop()
        right = " · ".join(filter(None, figures))
        gap = max(1, width - taken - columns_in(right) - 1)
        question = cut(f" {one_line(cast.question, width)}", width)
        first: Line = [*name, (" " * gap, ""), (right, "dim")]
        return [first, [(question, "bold")]]

    # What stands below the agents

    def _below(self, width: int, room: int) -> list[Line]:
        look = self.look
        if look.is_helping:
            keys = max(columns_in(keys) for keys, _ in HELP)
            lines: list[Line] = [
                [(f" {key:<{keys}}", "bold"), (f"  {words}", "")] for key, words in HELP
            ]
            return lines[: max(0, room - PANE_HEIGHT_MIN)] or lines[: max(0, room)]
        if look.request and not look.is_held:
            rows = last_rows([(clean(look.request), "")], max(8, width - 2), 10_000)
            most = max(3, room - PANE_HEIGHT_MIN - 1)
            shown = rows[look.back : look.back + most] if look.back else rows[:most]
            more = len(rows) - len(shown)
            title = (
                f"─ you are asked ({more} lines more: ↑ ↓) "
                if more
                else ("─ you are asked ")
            )
            body: list[Line] = [[(" ", ""), *row] for row in shown]
            return [[(title, "bold yellow")], *body][: max(0, room)]
        count = max(0, min(RECORD_LINES if room < 40 else room // 5, room // 4))
        if not count or not self.view.moments:
            return []
        matrix = self._matrix(width // 2, count + 1)
        moments = list(self.view.moments)[-count:]
        lines = [[("─ so far ", "dim")], *(self._moment(moment) for moment in moments)]
        lines += [[] for _ in range(count + 1 - len(lines))]
        if not matrix:
            return lines
        wide = max(sum(columns_in(text) for text, _ in line) for line in matrix) + 1
        left = width - wide
        matrix += [[]] * (len(lines) - len(matrix))
        return [
            [*_fitted(line, left), *beside]
            for line, beside in zip(lines, matrix, strict=True)
        ]

    def _moment(self, moment: Moment) -> Line:
        return moment_line(moment, self.cast)

    def _matrix(self, width: int, rows: int) -> list[Line]:
        """The votes so far as a matrix; empty where there are none, or no room."""
        view = self.view
        labels = columns_of(view)
        if view.phase == "drafting" or not labels or width < 24:
            return []
        voters = [view.agents[a] for a in view.agents if a in view.voters]
        support = view.support()
        if len(voters) > min(VOTERS_MAX, rows - 2) or len(labels) * 4 + 10 > width:
            return self._tally(width, rows)
        names = max([5, *(min(10, len(agent.id)) for agent in voters)])
        cell = max(4, min(9, (width - names - 2) // len(labels)))
        heads = headings(labels, view.authors, cell - 1)
        first: Line = [
            ("│ ", "dim"),
            ("votes".ljust(names), "dim"),
            *(
                (f"{head:>{cell}}", self.style_of(view.authors[label]))
                for head, label in zip(heads, labels, strict=True)
            ),
        ]
        lines: list[Line] = [first]
        for agent in voters:
            vote = agent.vote
            marks = marks_of(vote.ballot) if vote is not None else {}
            waiting = "·" if agent.activity in RUNNING or not vote else ""
            line: list[Span] = [
                ("│ ", "dim"),
                (cut(agent.id, names).ljust(names), self.style_of(agent.id)),
            ]
            for label in labels:
                mark = marks.get(label, "" if vote else waiting)
                is_first = vote is not None and vote.label == label
                style = "bold green" if is_first else "dim"
                line.append((f"{mark:>{cell}}", style))
            lines.append(line)
        total: Line = [
            ("│ ", "dim"),
            ("first".ljust(names), "dim"),
            *(
                (f"{support.get(view.authors[label], 0):>{cell}}", "bold")
                for label in labels
            ),
        ]
        return [*lines, total][:rows]

    def _tally(self, width: int, rows: int) -> list[Line]:
        """The same of many: the answers with most votes, as bars."""
        view = self.view
        support = view.support()
        best = nlargest(rows - 1, support.items(), key=lambda item: item[1])
        most = max([1, *support.values()])
        cast = sum(support.values())
        room = max(4, width - 22)
        lines: list[Line] = [[("│ ", "dim"), (f"votes: {cast} in", "dim")]]
        for agent, votes in best:
            bar = "█" * round(room * votes / most)
            lines.append(
                [
                    ("│ ", "dim"),
                    (cut(agent, 12).ljust(12), self.style_of(agent)),
                    (f"{votes:>4} ", "bold"),
                    (bar, "green"),
                ]
            )
        return lines

    def _last_line(self, width: int) -> Line:
        look = self.look
        if look.prompt:
            typed = clean(look.typed).replace("\n", "⏎").expandtabs(1)
            room = max(1, width - columns_in(look.prompt) - 3)
            while columns_in(typed) > room:
                typed = typed[1:]
            return [(f" {look.prompt}", "bold yellow"), (f" {typed}", ""), ("▏", "")]
        if look.notice:
            return [(f" {one_line(look.notice, width)}", "yellow")]
        line = list(_bar(self.view, width))
        if look.is_held:
            line = [(" held still, Space goes on ", "reverse"), *line]
        if not look.has_keys:
            return line
        taken = sum(columns_in(text) for text, _ in line)
        words = "? help  q end"
        if width - taken - len(words) - 2 < 0:
            return line
        return [*line, (" " * (width - taken - len(words) - 1), ""), (words, "dim")]

    # The agents

    def _body(
        self, strips: list[Strip], row: int, width: int, height: int, elapsed_s: float
    ) -> None:
        view, look = self.view, self.look
        agents = list(view.agents.values())
        alone = view.agents.get(look.chosen) if look.chosen and look.is_alone else None
        presenter = view.agents.get(view.presenter) if view.presenter else None
        if alone is not None:
            self._pane(strips, alone, (row, 0, width, height), back=look.back)
        elif presenter is not None and look.chosen is None:
            beside = 38 if width >= 100 and len(agents) > 1 else 0
            if beside:
                self._table(strips, (row, 0, beside, height), is_narrow=True)
            self._pane(strips, presenter, (row, beside, width - beside, height))
        elif (grid := grid_of(len(agents), width, height)) is not None:
            self._grid(strips, agents, grid, (row, width, height))
        else:
            self._table(strips, (row, 0, width, height))
        del elapsed_s

    def _grid(
        self,
        strips: list[Strip],
        agents: list[AgentView],
        grid: tuple[int, int],
        place: tuple[int, int, int],
    ) -> None:
        row, width, height = place
        columns, rows = grid
        for line in range(rows):
            beside = agents[line * columns : (line + 1) * columns]
            top = height * line // rows
            high = height * (line + 1) // rows - top
            for at, agent in enumerate(beside):
                left = width * at // len(beside)
                wide = width * (at + 1) // len(beside) - left
                back = self.look.back if agent.id == self.look.chosen else 0
                self._pane(strips, agent, (row + top, left, wide, high), back=back)

    def _pane(
        self,
        strips: list[Strip],
        agent: AgentView,
        place: tuple[int, int, int, int],
        *,
        back: int = 0,
    ) -> None:
        row, column, width, height = place
        waits_s = seconds_left(self.view, agent, self.cast)
        key = (
            agent.version,
            self.view.version,
            width,
            height,
            back,
            agent.id == self.look.chosen,
            waits_s,
        )
        cached = self._panes.get(agent.id)
        if cached is None or cached[0] != key:
            cached = (key, self._painted(agent, width, height, back, waits_s))
            self._panes[agent.id] = cached
        for at, text in enumerate(cached[1]):
            strips.append(Strip(row + at, column, width, text))

    def _painted(
        self, agent: AgentView, width: int, height: int, back: int, waits_s: int | None
    ) -> list[str]:
        style, brush = self.style_of(agent.id), self.brush
        sign, sign_style = ACTIVITY_SIGNS[agent.activity]
        is_chosen = agent.id == self.look.chosen
        border = f"{style} bold" if is_chosen else _border(agent, style)
        title: list[Span] = [
            ("▸ " if is_chosen else "", "bold"),
            (f"{sign} ", sign_style),
            (agent.id, f"{style} bold"),
            (f" {doing(agent, waits_s)} ", ""),
        ]
        if agent.label is not None and self.view.phase != "drafting":
            count = self.view.support().get(agent.id, 0)
            title.append((f" ◆ {count} vote{'' if count == 1 else 's'} ", "green"))
        spent = f"{tokens(agent.usage.total_tokens)} tokens · {dollars(agent.cost_usd)}"
        model = agent.model.removeprefix("claude-")
        below = f" {model} · {spent} " if model else f" {spent} "
        if back:
            below = f" {back} lines back, End follows ·{below}"
        inner, rows = width - 4, height - 2
        if rows <= 0 or inner <= 0:
            return [brush.paint(title, width)] + [" " * width] * (height - 1)
        spans = [
            (text, TONE_STYLES[tone])
            for tone, text in agent.tail.last((rows + back) * inner + 200)
        ]
        wrapped = last_rows(spans, inner, rows + back)
        shown = wrapped[: len(wrapped) - back] if back else wrapped
        shown = shown[-rows:]
        shown += [[] for _ in range(rows - len(shown))]
        edge = brush.paint([("│", border)], 1)
        lines = [_edged(brush, title, border, width)]
        for line in shown:
            body = brush.paint(line, inner)
            lines.append(f"{edge} {body} {LAST_COLUMN}{edge}")
        lines.append(_closed(brush, cut(below, width - 4), border, width))
        return lines

    def _table(
        self,
        strips: list[Strip],
        place: tuple[int, int, int, int],
        *,
        is_narrow: bool = False,
    ) -> None:
        row, column, width, height = place
        self._put(
            strips, row, column, width, self._rows(width, height, is_narrow=is_narrow)
        )

    def _rows(self, width: int, height: int, *, is_narrow: bool) -> list[Line]:
        view = self.view
        name = 1 + min(16, max(map(len, view.agents), default=1))
        act = min(26, max(10, width // 4)) if not is_narrow else 12
        head = f" {'agent':<{name}} {'':<{act}} votes"
        says = width - len(head) - 8 - 18
        has_pace = not is_narrow and says >= 20
        head += f" {'tokens':>7}" if not is_narrow else ""
        head += f" {'pace':<16}" if has_pace else ""
        is_low = height < 5  # then every line is an agent's
        lines: list[Line] = [] if is_low else [[(head, "dim")]]
        support = view.support()
        room = max(1, height - len(lines))
        if len(view.agents) > room and not is_low:
            room = max(1, room - 1)
        for agent in self._listed(room):
            sign, style = ACTIVITY_SIGNS[agent.activity]
            waits_s = seconds_left(view, agent, self.cast)
            words = agent.activity if is_narrow else doing(agent, waits_s)
            own = self.style_of(agent.id)
            is_chosen = agent.id == self.look.chosen
            line: list[Span] = [
                ("▸" if is_chosen else " ", "bold"),
                (cut(agent.id, name).ljust(name), own),
                (f" {sign} ", style),
                (cut(words, act - 2).ljust(act - 2), "dim" if style == "dim" else ""),
                (f"{support.get(agent.id, ''):>6}", "bold"),
            ]
            if not is_narrow:
                line.append((f" {tokens(agent.usage.total_tokens):>7}", "dim"))
            if has_pace:
                line.append((f" {sparkline(agent.pace, 16)} ", own))
            elif not is_narrow:
                line.append((" ", ""))
            if not is_narrow:
                line.append(_last_words(agent))
            lines.append(line)
        hidden = len(view.agents) - room
        if hidden > 0 and not is_low:
            counts = ", ".join(f"{n} {what}" for what, n in _counts(view))
            lines.append([(f" … {hidden} more; of all {counts}", "dim")])
        lines += [[] for _ in range(height - len(lines))]
        return lines[:height]

    def _listed(self, room: int) -> list[AgentView]:
        """The agents to show where not all fit: running ones, then last speakers."""
        agents = list(self.view.agents.values())
        if len(agents) <= room:
            return agents

        def life(agent: AgentView) -> tuple[bool, bool, float]:
            is_chosen = agent.id == self.look.chosen
            return (is_chosen, agent.activity in RUNNING, agent.last_at)

        shown = {agent.id for agent in nlargest(room, agents, key=life)}
        return [agent for agent in agents if agent.id in shown]


def _fitted(line: Line, width: int) -> list[Span]:
    """``line`` in exactly ``width`` columns."""
    fitted: list[Span] = []
    left = width
    for text, style in line:
        shown = cut(text, left)
        left -= columns_in(shown)
        fitted.append((shown, style))
        if left <= 0:
            break
    return [*fitted, (" " * max(0, left), "")]


def _edged(brush: Brush, title: Line, border: str, width: int) -> str:
    """A pane's upper edge, with its title in it."""
    room = width - 5
    inner = _fitted(title, room)
    blank = len(inner.pop()[0])
    inside = brush.paint(inner, room - blank)
    left = brush.paint([("╭─ ", border)], 3)
    right = brush.paint([("─" * (blank + 1), border)], blank + 1)
    return f"{left}{inside}{right}{LAST_COLUMN}" + brush.paint([("╮", border)], 1)


def _closed(brush: Brush, words: str, border: str, width: int) -> str:
    size = columns_in(words)
    line = "─" * max(0, width - 3 - size)
    return brush.paint([(f"╰{line}", border), (words, "dim"), ("─╯", border)], width)


def _border(agent: AgentView, style: str) -> str:
    if agent.activity == "failed":
        return "red"
    if agent.activity in RUNNING:
        return style
    return "dim" if agent.activity in ("stopped", "retired") else f"{style} dim"


def style_of(agent: str, cast: Cast) -> str:
    """The agent's colour, the same everywhere; they repeat in a large team."""
    place = cast.places.get(agent)
    return "bold" if place is None else AGENT_STYLES[place % len(AGENT_STYLES)]


def grid_of(agents: int, width: int, height: int) -> tuple[int, int] | None:
    """Columns and rows of panes in which all agents fit; ``None``: they do not."""
    best: tuple[int, int] | None = None
    for columns in range(1, min(agents, width // PANE_WIDTH_MIN or 1) + 1):
        rows = -(-agents // columns)
        if height // rows < PANE_HEIGHT_MIN:
            continue
        # Text is read best in panes twice as wide as a screen's half height.
        grid = (columns, rows)
        if best is None or _strain(grid, agents, width, height) < _strain(
            best, agents, width, height
        ):
            best = grid
    return best


def _strain(grid: tuple[int, int], agents: int, width: int, height: int) -> float:
    columns, rows = grid
    wide, high = width / columns, height / rows
    unused = columns * rows - agents
    return abs(wide / (high * 3.0) - 1.0) + 0.25 * unused


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


def _time(cast: Cast, elapsed_s: float) -> str:
    limit = cast.deadline_s
    return clock(elapsed_s) + (f" of {clock(limit)}" if limit is not None else "")


def _money(view: View, cast: Cast) -> str:
    spent = dollars(view.cost_usd)
    if cast.budget_usd is not None:
        return f"{spent} of {dollars(cast.budget_usd)}"
    return spent


def _tokens(view: View, cast: Cast) -> str:
    count = tokens(view.tokens)
    if cast.budget_tokens is not None:
        return f"{count} of {tokens(cast.budget_tokens)} tokens"
    return f"{count} tokens"


def moment_line(moment: Moment, cast: Cast) -> list[Span]:
    """One moment with its sign and its agent's colour."""
    sign, style = MOMENT_SIGNS[moment.kind]
    line: list[Span] = [(f" {sign} ", style)]
    if moment.agent is not None:
        line.append((f"{moment.agent} ", style_of(moment.agent, cast)))
    return [*line, (moment.words, "dim" if style == "dim" else "")]


def _bar(view: View, width: int) -> Line:
    order = ("drafting", "voting", "presenting")
    live = sum(a.activity not in ("failed", "retired") for a in view.agents.values())
    done = {
        "drafting": (len(view.drafted), len(view.agents)),
        "voting": (len(view.votes), max(len(view.voters), 1) if view.voters else live),
        "presenting": (0, 0),
    }
    now = order.index(view.phase) if view.phase in order else len(order)
    line: list[Span] = [(" ", "")]
    cells = min(20, max(4, width // 8))
    for at, phase in enumerate(order):
        if at < now:
            line.append((f"✔ {phase}  ", "green"))
        elif at > now:
            line.append((f"○ {phase}  ", "dim"))
        else:
            line.append((f"● {phase} ", "bold"))
            reached, of = done[phase]
            if of:
                filled = min(cells, cells * reached // of)
                line.append(("█" * filled, "green"))
                line.append(("░" * (cells - filled), "dim"))
                line.append((f" {reached}/{of}", "bold"))
            line.append(("  ", ""))
    return line


def seconds_left(view: View, agent: AgentView, cast: Cast) -> int | None:
    """Whole seconds until it asks again; ``None``: it does not wait for that."""
    del cast
    if agent.again_at is None:
        return None
    return max(0, round(agent.again_at - view.time))


def doing(agent: AgentView, waits_s: int | None = None) -> str:
    """The agent's current activity, in some words."""
    words = f"{agent.activity}: {agent.note}" if agent.note else agent.activity
    if waits_s is not None:
        words += f" in {waits_s} s"
    return one_line(words, 60)


def sparkline(pace: Iterable[int], width: int) -> str:
    """How much was said in each of the last seconds, the newest at the right."""
    counts = list(pace)[-width:]
    most = max([1, *counts])
    drawn = "".join(
        " " if not count else SPARKS[min(7, 8 * count // (most + 1))]
        for count in counts
    )
    return drawn.rjust(width)


def _counts(view: View) -> list[tuple[str, int]]:
    """How many agents do what, the most first."""
    counts: dict[str, int] = {}
    for agent in view.agents.values():
        counts[agent.activity] = counts.get(agent.activity, 0) + 1
    return sorted(counts.items(), key=lambda item: -item[1])


def _last_words(agent: AgentView) -> Span:
    spans = agent.tail.last(160)
    tone = spans[-1][0] if spans else "text"
    line = "".join(text for _, text in spans).rstrip().rpartition("\n")[2]
    return " ".join(line.split())[-120:], TONE_STYLES[tone]
