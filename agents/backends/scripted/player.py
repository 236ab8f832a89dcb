"""One agent's way through a script: it remembers what was played and deals out ids."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from agents.backends.scripted.request_match import Seen, fits
from agents.backends.scripted.response import CacheCount, Response
from agents.backends.scripted.response_steps import Breaks, Move
from agents.backends.scripted.script import (
    Disconnect,
    Entry,
    Fail,
    Line,
    Script,
    Stall,
    Truncate,
)
from agents.backends.scripted.tool_calls import ScriptStuck, cast_line


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One response, ready to be performed."""

    entry: Entry
    moves: Iterator[Move]


class Player:
    """Plays one agent's script, call after call.

    Args:
        script: What may be said.
        name: Whose part it is; ids follow from it, so that they repeat.
        model: The name to appear under; ``None``: the script's.
    """

    def __init__(self, script: Script, name: str, model: str | None = None) -> None:
        self.model = model or script.model
        self._script = script
        self._name = name
        self._tag = hashlib.blake2b(name.encode(), digest_size=6).hexdigest()
        self._used: set[int] = set()
        self._begun: set[int] = set()
        self._broken: set[int] = set()
        self._has_failed = False
        self._dealt = 0

    def begin(
        self,
        seen: Seen,
        cached: CacheCount | None = None,
        model: str | None = None,
        max_tokens: int | None = None,
    ) -> Part:
        """Choose the entry for a model call and set its moves out.

        Args:
            seen: What the model is given.
            cached: How much of that the prompt cache knew.
            model: The name that this call asked for, where calls may differ.
            max_tokens: The most that may be written.

        Raises:
            ScriptStuck: No unused entry fits, or its ballot means no visible answer.
        """
        for number, entry in enumerate(self._script.turns):
            if number in self._used:
                continue
            if fits(entry.when, seen, after_error=self._has_failed):
                self._begun.add(number)
                lines = [cast_line(line, seen) for line in entry.lines]
                if not entry.repeat:
                    self._used.add(number)
                self._has_failed = any(_is_break(line) for line in lines)
                response = Response(
                    model or self.model,
                    self.deal,
                    lines,
                    seen,
                    cached or CacheCount(),
                    pings=entry.pings,
                    max_tokens=max_tokens,
                )
                moves = response.moves()
                if self._has_failed:
                    moves = self._noting_breaks(number, moves)
                return Part(entry=entry, moves=moves)
        again = ", after an error" if self._has_failed else ""
        raise ScriptStuck(
            f"the script of {self._name!r} has no unused entry for task {seen.task}, "
            f"call {seen.call}{again}; add one, or repeat: true"
        )

    def unplayed(self) -> Iterator[str]:
        """Entries and faults that never played, each in a sentence; see ``maybe``."""
        for number, entry in enumerate(self._script.turns):
            if entry.maybe:
                continue
            if number not in self._begun:
                yield f"{self._called(number)} was never asked for"
            elif any(map(_is_break, entry.lines)) and number not in self._broken:
                yield f"{self._called(number)} never came to its fault"

    def _called(self, number: int) -> str:
        task = self._script.turns[number].when.task
        return f"turns[{number}] of {self._name!r}" + (f" ({task})" if task else "")

    def _noting_breaks(self, number: int, moves: Iterator[Move]) -> Iterator[Move]:
        for move in moves:
            if isinstance(move, Breaks):
                self._broken.add(number)
            yield move

    def improvise(
        self, lines: list[Line], seen: Seen, cached: CacheCount, model: str
    ) -> Part:
        """Play ``lines``, which no entry has; see :meth:`begin`."""
        response = Response(model, self.deal, lines, seen, cached, pings=True)
        return Part(entry=Entry(lines=tuple(lines)), moves=response.moves())

    @property
    def improvises(self) -> bool:
        """Whether the script leaves clients of another kind to what they bring."""
        return self._script.improvises

    def deal(self, prefix: str) -> str:
        """Make an id that this player has not used before."""
        self._dealt += 1
        return f"{prefix}_01{self._tag}{self._dealt:06d}"


def _is_break(line: Line) -> bool:
    return isinstance(line, Fail | Stall | Truncate | Disconnect)
