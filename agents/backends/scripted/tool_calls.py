"""Answers and votes of a script as the calls of workflow tools that they amount to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from agents.backends.scripted.request_match import OF_TEAM
from agents.backends.scripted.script import (
    Abstain,
    Answer,
    Approve,
    Line,
    Pick,
    Rank,
    Score,
    Target,
    Tool,
    Vote,
)
from agents.protocol.chunks import Label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.backends.scripted.request_match import Seen
    from agents.protocol.turns import VisibleAnswer


_Ballot: TypeAlias = Vote | Approve | Rank | Score | Abstain


ABSTAIN = "abstain"
"""The label that votes for nobody, see :mod:`agents.tools.workflow`."""


class ScriptStuck(Exception):
    """The script has nothing to say here; its author must add or mend an entry."""


def cast_line(line: Line, seen: Seen) -> Line:
    """A line as it is said to whoever asked; see :func:`_cast`.

    Claude Code calls the tools of an MCP server with the server's name before theirs,
    and a script need not know who plays it.

    Raises:
        ScriptStuck: The line means an answer that is not visible.
    """
    cast = _cast(line, seen)
    if isinstance(cast, Tool) and (name := OF_TEAM + cast.tool) in seen.offered:
        return msgspec.structs.replace(cast, tool=name)
    return cast


def _cast(line: Line, seen: Seen) -> Line:
    """Turn an answer or a ballot into its tool call; other lines stay as they are.

    A ballot takes the shape that the turn asks for, so one script fits every rule.

    Raises:
        ScriptStuck: The line means an answer that is not visible.
    """
    match line:
        case Answer():
            return _answer(line)
        case Vote():
            return _vote(line, [[_label(line.vote, seen)]], seen)
        case Approve():
            return _vote(line, [_tier(line.approve, seen)], seen)
        case Rank():
            return _vote(line, [_tier(tier, seen) for tier in line.rank], seen)
        case Score():
            return _score(line, seen)
        case Abstain():
            return _vote(line, [], seen)
        case _:
            return line


def _answer(line: Answer) -> Tool:
    content: dict[str, Any] = {"content": line.answer}
    if line.value is not msgspec.UNSET:
        content["value"] = line.value
    return Tool(
        delay_s=line.delay_s,
        rate=line.rate,
        size=line.size,
        tool="new_answer",
        input=content,
    )


def _score(line: Score, seen: Seen) -> Tool:
    points = {_label(key, seen): score for key, score in line.scores.items()}
    if seen.ballot == "scores":
        return _call(line, {"scores": points})
    best = sorted(points, key=lambda label: -_whole(points[label]))
    return _vote(line, [[label] for label in best], seen)


def _whole(points: int | dict[str, int]) -> int:
    return points if isinstance(points, int) else sum(points.values())


def _vote(line: _Ballot, tiers: list[list[Label]], seen: Seen) -> Tool:
    labels = [label for tier in tiers for label in tier]
    match seen.ballot:
        case "choice":
            if not labels:
                return _call(line, {"label": ABSTAIN})
            shape: dict[str, Any] = {"label": labels[0]}
        case "approval":
            shape = {"labels": labels}
        case "ranking":
            shape = {"tiers": tiers}
        case "scores":
            # Best first loses a point a tier, which keeps the order that was meant.
            shape = {
                "scores": {
                    label: max(0, seen.max_score - place)
                    for place, tier in enumerate(tiers)
                    for label in tier
                }
            }
    return _call(line, shape)


def _call(line: _Ballot, shape: dict[str, Any]) -> Tool:
    arguments = {**shape, "reason": line.reason}
    return Tool(delay_s=line.delay_s, tool="vote", input=arguments)


def _tier(tier: Pick | Sequence[Pick], seen: Seen) -> list[Label]:
    if isinstance(tier, str | Target):
        return [_label(tier, seen)]
    return [_label(pick, seen) for pick in tier]


def _label(pick: Pick, seen: Seen) -> Label:
    if isinstance(pick, Target) and pick.label is not None:
        return Label(pick.label)
    fitting = [answer for answer in seen.visible if _is_meant(pick, answer)]
    if not fitting:
        shown = ", ".join(f"{a.label}: {a.content[:40]!r}" for a in seen.visible)
        raise ScriptStuck(f"no visible answer is {pick!r}; visible: {shown or 'none'}")
    if isinstance(pick, Target) and pick.first:
        return min(answer.label for answer in fitting)
    return fitting[0].label


def _is_meant(pick: Pick, answer: VisibleAnswer) -> bool:
    if isinstance(pick, str):
        return pick in answer.content
    return answer.is_own if pick.own else True
