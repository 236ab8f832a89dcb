"""The vote as a matrix that fills: voters down, answers across. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from agents.protocol.chunks import (
    AgentId,
    Approval,
    Ballot,
    Choice,
    Label,
    Ranking,
    Scores,
)
from coordinator.displays.labels import revision_of
from coordinator.displays.view import View

VOTERS_MAX = 12
"""More voters than this are counted and not listed."""


def marks_of(ballot: Ballot) -> dict[Label, str]:
    """The mark of each answer on a ballot: a tick, a place or points."""
    match ballot:
        case Choice():
            return {ballot.label: "✔"}
        case Approval():
            return dict.fromkeys(ballot.labels, "✔")
        case Ranking():
            return {
                label: str(place)
                for place, tier in enumerate(ballot.tiers, start=1)
                for label in tier
            }
        case Scores():
            return {label: f"{points:g}" for label, points in ballot.points.items()}
        case _:
            assert_never(ballot)


def columns_of(view: View) -> list[Label]:
    """The answers that stand, in the order in which they came."""
    standing = {agent.label for agent in view.agents.values()}
    return [label for label in view.labels if label in standing]


def headings(
    labels: Sequence[Label], authors: Mapping[Label, AgentId], width: int
) -> list[str]:
    """A short name for each: the author's, with its number where it has several.

    What all names begin with tells none from another, and goes where room is short.
    """
    shortened: list[str] = []
    names = [authors.get(label, AgentId(label)) for label in labels]
    is_short = any(len(name) > width for name in names) and len(set(names)) > 1
    same = _common_start(names) if is_short else 0
    for label, whole in zip(labels, names, strict=True):
        number = revision_of(label)
        ending = f".{number}" if number > 1 else ""
        name = whole[same:] or whole
        shortened.append(name[: max(1, width - len(ending))] + ending)
    return shortened


def _common_start(names: Sequence[str]) -> int:
    """How many characters all of them begin with."""
    first, last = min(names), max(names)
    pairs = zip(first, last, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), len(first))
