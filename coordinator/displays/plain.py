"""One readable line a fact, each with its time and its agent: for logs and pipes.

Text as it streams is gathered into lines before it is printed, so that agents which
speak at once can still be read. Nothing is printed twice: an answer is not while it is
being typed, only its beginning once it counts, and the winner's words only at the end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import IO

from agents.protocol.chunks import (
    AgentId,
    BlockStarted,
    Chunk,
    ResponseAbandoned,
    ResponseEnded,
    ServerToolReturned,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    TurnEnded,
)
from coordinator.displays.base import Cast
from coordinator.displays.narration import Kind, moment_of
from coordinator.displays.partial_json import StringField
from coordinator.displays.result_text import (
    files,
    headline,
    question_line,
    standings,
    totals,
    value,
)
from coordinator.displays.sanitizer import Cleaner, clean
from coordinator.displays.sink import Sink
from coordinator.displays.tool_summaries import lines_of, typed_code
from coordinator.displays.view import View
from coordinator.protocol.events import Event
from coordinator.protocol.result import Result

LINE_CHARS = 100
"""Where a line of streamed text is broken if its author does not break it."""

QUESTION_CHARS = 400
"""Of the question's first line; what was piped in with it is not printed again."""

NAME_CHARS = 16
"""Room for an agent's name; longer ones are cut in the margin, not in sentences."""

SIGNS: dict[Kind, str] = {
    "phase": "—",
    "turn": "○",
    "answer": "◆",
    "vote": "✔",
    "void": "↺",
    "cancel": "✕",
    "trouble": "!",
    "tool": "»",
    "winner": "★",
}


class _Gathered:
    """One agent's streamed text, until it makes a line."""

    __slots__ = ("_cleaner", "_text", "sign")

    def __init__(self) -> None:
        self._cleaner = Cleaner()
        self._text = ""
        self.sign = "│"

    def add(self, text: str) -> list[str]:
        """Take more text and return the lines that are complete now."""
        *lines, rest = (self._text + self._cleaner.clean(text)).split("\n")
        lines = [piece for line in lines for piece in _broken(line)]
        *more, self._text = _broken(rest)
        return [line for line in (*lines, *more) if line.strip()]

    def finish(self) -> list[str]:
        """Return what is left: the text has ended."""
        lines = self.add(self._cleaner.flush() + "\n")
        self._text = ""
        return lines


def _broken(line: str) -> list[str]:
    """Break one line at spaces where it is too long."""
    pieces: list[str] = []
    while len(line) > LINE_CHARS:
        at = line.rfind(" ", 1, LINE_CHARS + 1)
        cut = at if at > 0 else LINE_CHARS
        pieces.append(line[:cut])
        line = line[cut:].lstrip(" ")
    return [*pieces, line]


class PlainDisplay:
    """Prints lines to ``out``."""

    is_lossless = False

    def __init__(self, out: IO[str], cast: Cast) -> None:
        self._sink = Sink(out)
        self._cast = cast
        self._view = View(cast.models)
        self._gathered: dict[AgentId, _Gathered] = {}
        self._typed: dict[AgentId, StringField | None] = {}
        self._began: float | None = None
        self._width = min(NAME_CHARS, max(map(len, cast.models), default=0))

    async def show(self, events: AsyncIterator[Sequence[Event]]) -> None:
        """Print the question, then every batch as it comes.

        Raises:
            BrokenPipeError: The reader has gone.
        """
        question = question_line(self._cast.question, QUESTION_CHARS)
        await self._sink.write(self._line("", "?", question))
        async for batch in events:
            if lines := [line for event in batch for line in self._lines(event)]:
                await self._sink.write("".join(lines))
        left = [line for agent in self._gathered for line in self._rest_of(agent)]
        await self._sink.write("".join(left))

    def conclude(self, result: Result) -> None:
        """Print the standings and the final answer."""
        self._sink.write_now("\n".join(_closing(result, self._view)) + "\n")

    def _lines(self, event: Event) -> list[str]:
        self._view.absorb((event,))
        if self._began is None and isinstance(event, Chunk):
            self._began = event.at
        match event:
            case TextDelta() if event.agent == self._view.presenter:
                return []  # the end of the session prints it whole
            case TextDelta():
                return self._gather(event.agent, "│", event.text)
            case ThinkingDelta():
                return self._gather(event.agent, "┊", event.text)
            case BlockStarted():
                self._typed[event.agent] = typed_code(event)
                # A sentence with sources is several blocks of text.
                lines = [] if event.type == "text" else self._rest_of(event.agent)
            case ToolInputDelta():
                return self._type(event)
            case TurnEnded() | ResponseEnded() | ResponseAbandoned():
                lines = self._rest_of(event.agent)
            case _:
                lines = []
        moment = moment_of(event, self._view.authors, self._view.stopped)
        if moment is not None:
            if moment.agent is not None:
                lines += self._rest_of(moment.agent)
            sign = SIGNS[moment.kind]
            lines.append(self._line(moment.agent or "", sign, moment.words))
        if isinstance(event, ServerToolReturned):
            results = lines_of(event)
            lines += [self._line(event.agent, " ", f"  {line}") for line in results]
        return lines

    def _type(self, event: ToolInputDelta) -> list[str]:
        """Code that the API will run, as it is typed."""
        typed = self._typed.get(event.agent)
        text = typed.feed(event.partial_json) if typed is not None else ""
        return self._gather(event.agent, "┆", text) if text else []

    def _gather(self, agent: AgentId, sign: str, text: str) -> list[str]:
        gathered = self._gathered.setdefault(agent, _Gathered())
        lines = [] if gathered.sign == sign else self._rest_of(agent)
        gathered.sign = sign
        return lines + [self._line(agent, sign, line) for line in gathered.add(text)]

    def _rest_of(self, agent: AgentId) -> list[str]:
        gathered = self._gathered.get(agent)
        if gathered is None:
            return []
        return [self._line(agent, gathered.sign, line) for line in gathered.finish()]

    def _line(self, agent: str, sign: str, words: str) -> str:
        elapsed_s = 0.0 if self._began is None else self._view.now - self._began
        name = agent if len(agent) <= self._width else agent[: self._width - 1] + "…"
        return f"{elapsed_s:6.1f}s  {name:<{self._width}} {sign} {words}\n"


def _s(word: str, count: float) -> str:
    return word if count == 1 else f"{word}s"


def _closing(result: Result, view: View) -> list[str]:
    lines = ["", f"★ {headline(result)}"]
    if len(result.agents) <= 20:  # beyond that the lines above have said it
        width = max(map(len, result.agents))
        for row in standings(result, view):
            votes = f"{row.votes} {_s('vote', row.votes)}"
            points = (
                ""
                if row.points is None
                else f"{row.points:g} {_s('point', row.points)}"
            )
            words = f"{row.label or 'no answer':<12} {votes:<9}"
            words += f" {points:<10}" if points else ""
            voted = f"voted for {row.voted}" if row.voted else row.fate
            lines.append(f"  {row.agent:<{width}}  {words} {voted}".rstrip())
    if result.answer is not None:
        lines += ["", clean(result.answer).strip("\n")]
    elif (draft := view.longest_draft()) is not None:
        lines += ["", f"not finished; {draft[0]} had come so far:", "", draft[1]]
    if text := value(result):
        lines += ["", text]
    if result.files:
        lines += ["", *files(result)]
    return [*lines, "", totals(result)]
