"""Track records of agents, where the right answer came to be known or agreed on.

A session's outcome is told later: what the right answer was, or which of its answers
was right. From that follow two records for each agent, of its votes and of its first
answers. What is made of them (weights, who drafts first) is the team file's:
:mod:`coordinator.ballots.learned_weights`. Pure; a journal's last record is read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress

import msgspec

from agents.protocol.chunks import Label
from agents.tools.result_equality import value_result
from agents.tools.result_text import text_result
from coordinator.ballots import Record, best_of
from coordinator.protocol.result import AnswerRecord, Result

AGREED = 0.9
"""Agreement from which a session's winner may be taken for right: recorded unanimous
answers are right .88 to .99 of the time (2026-11-30)."""


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The outcome of one session, as it turned out."""

    session: str
    answer: str
    """The right answer; or the label or the author of the answer that was right; or
    ``none`` where all were wrong."""


class TrackRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How one agent fared."""

    votes: Record
    """Over the votes that had a right and a wrong answer to choose from."""
    drafts: Record
    """Over its first answers."""


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """The track records of a team, learned from sessions."""

    agents: dict[str, TrackRecord]
    sessions: int
    """Of which something was learned."""
    unknown: tuple[str, ...]
    """Sessions whose answers could not be compared with what was told."""

    def order(self) -> tuple[str, ...]:
        """The agents, best first answers first: an adaptive team begins with those.

        A rate is shrunk towards the team's, as if ten more were known of each.
        """
        records = {name: record.drafts for name, record in self.agents.items()}
        right = sum(record.right for record in records.values()) + 1
        common = right / (sum(record.judged for record in records.values()) + 2)

        def rate(name: str) -> float:
            record = records[name]
            return (record.right + 10 * common) / (record.judged + 10)

        return tuple(sorted(records, key=rate, reverse=True))


def learned(
    results: Sequence[Result],
    told: Mapping[str, str],
    *,
    agreed: float | None = None,
) -> Learned:
    """Hold sessions against their outcome.

    Args:
        results: Of sessions.
        told: Session → its outcome, as :attr:`Told.answer`.
        agreed: From which share of agreement on the winner counts as right where
            nothing was told; ``None``: never.
    """
    votes: dict[str, list[bool]] = defaultdict(list)
    drafts: dict[str, list[bool]] = defaultdict(list)
    count, unknown = 0, list[str]()
    for result in results:
        right = _right_in(result, told.get(result.session), agreed)
        if right is None:
            unknown += [result.session] if result.session in told else []
            continue
        count += 1
        first: dict[str, Label] = {}
        for answer in result.answers:
            first.setdefault(answer.agent, answer.label)
        for agent, label in first.items():
            drafts[agent].append(label in right)
        for voter, is_right in _ballots(result, right):
            votes[voter].append(is_right)
    names = dict.fromkeys((*drafts, *votes))
    return Learned(
        agents={
            name: TrackRecord(votes=_record(votes[name]), drafts=_record(drafts[name]))
            for name in names
        },
        sessions=count,
        unknown=tuple(unknown),
    )


def _record(verdicts: Sequence[bool]) -> Record:
    return Record(right=sum(verdicts), judged=len(verdicts))


def _right_in(
    result: Result, reference: str | None, agreed: float | None
) -> frozenset[Label] | None:
    """The answers that were right; ``None``: that cannot be said."""
    if reference is None:
        why = result.why
        share = why.agreement.share if why is not None and why.agreement else 0.0
        if agreed is None or why is None or share < agreed:
            return None
        return _equal_to(result, why.label)
    words = reference.strip()
    if words.casefold() == "none":
        return frozenset()
    for answer in result.answers:
        if words == answer.label:
            return _equal_to(result, answer.label)
    mine = [answer.label for answer in result.answers if answer.agent == words]
    if mine:
        return _equal_to(result, mine[-1])
    wanted = _results(words)
    equal = frozenset(x.label for x in result.answers if _result(x) in wanted)
    if equal or all(map(_result, result.answers)):
        return equal
    # Answers in sentences hold what was told as whole words, or cannot be compared.
    part = re.compile(rf"(?<!\w){re.escape(words)}(?!\w)", re.IGNORECASE)
    held = frozenset(x.label for x in result.answers if part.search(x.content))
    return held or None


def _equal_to(result: Result, label: Label) -> frozenset[Label]:
    """``label``, and all answers whose result is the same."""
    same = _result(next(x for x in result.answers if x.label == label))
    equals = (x.label for x in result.answers if same and _result(x) == same)
    return frozenset({label, *equals})


def _results(words: str) -> frozenset[str]:
    """The right results as told: a text's result and, where it is JSON, a value's."""
    results = {text_result(words)}
    with suppress(msgspec.DecodeError):
        results.add(value_result(msgspec.json.decode(words)))
    return frozenset(results - {""})


def _result(answer: AnswerRecord) -> str:
    if isinstance(answer.value, msgspec.UnsetType):
        return text_result(answer.content)
    return value_result(msgspec.json.decode(answer.value))


def _ballots(result: Result, right: frozenset[Label]) -> list[tuple[str, bool]]:
    """Voter → whether the answer it puts first is right, where it had a choice."""
    why = result.why
    if why is None:
        return []
    ballots: list[tuple[str, bool]] = []
    for record in why.ballots:
        offered = record.seen or tuple(label for label, _ in why.standings)
        had_choice = 0 < sum(label in right for label in offered) < len(offered)
        best = best_of(record.ballot)
        if had_choice and best is not None:
            ballots.append((record.voter, best in right))
    return ballots
