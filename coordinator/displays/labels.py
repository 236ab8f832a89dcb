"""Labels for people: ``cleo's second answer``, and not ``agent2.2``. Pure.

Labels are drawn by lot, so that voters who are models cannot tell whose answer is
whose. Who watches may know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agents.protocol.chunks import AgentId, Label

_ORDINALS = ("", "", "second ", "third ", "fourth ", "fifth ", "sixth ", "seventh ")


def revision_of(label: Label) -> int:
    """Which of its author's answers it is, from 1."""
    number = label.rpartition(".")[2]
    return int(number) if number.isdecimal() else 1


def nth(number: int) -> str:
    """``second `` and the like, with a blank behind it; nothing for the first."""
    if number < len(_ORDINALS):
        return _ORDINALS[number]
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if 10 < number % 100 < 14 else ending} "


def called(label: Label, authors: Mapping[Label, AgentId]) -> str:
    """The answer's name for people; its label where its author is not known."""
    author = authors.get(label)
    if author is None:
        return label
    return f"{author}'s {nth(revision_of(label))}answer"


def called_all(labels: Iterable[Label], authors: Mapping[Label, AgentId]) -> str:
    """The same of several, with commas between."""
    return ", ".join(called(label, authors) for label in labels)
