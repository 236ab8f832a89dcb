"""Policies replayed on the drafts and ballots of kept sessions. Pure.

Every policy sees the same drafts of a question, so that differences are paired. Who is
on a panel, and which drafts come first, is drawn: each figure is a mean over draws.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import NamedTuple, TypeAlias

import msgspec

from agents.protocol.chunks import AgentId, Ballot, Label
from coordinator.ballots import Borda, Plurality, tally
from coordinator.ballots.voting_rules import VotingRule
from coordinator.comparison.confidence import Interval, mean
from coordinator.consensus.result_count import Entry, entries, lead
from coordinator.consensus.settings import Adaptive
from coordinator.consensus.team_growth import is_sure
from coordinator.measure.session_facts import Cost, Draft, SessionFacts, Vote

DRAWS = 40
"""Teams drawn for each session."""
WEAK_MARGIN = 0.2
GROWN = Adaptive(start=3, step=2, max=15, over="answers", stop="posterior", sure=0.9)


class Came(NamedTuple):
    """The average result of a policy over draws."""

    right: float
    tokens: float
    usd: float


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One policy over all questions."""

    policy: str
    right: Interval
    """Share of questions that end right."""
    gain: Interval | None
    """Beyond one draft, paired."""
    at_equal_tokens: Interval | None
    """Beyond counting as many drafts as its tokens buy, paired; of no more drafts than
    there are. ``None`` for counting itself."""
    tokens: float
    """A question."""
    usd: float
    """A question; 0 where no price is known."""
    questions: int


_COUNTING = re.compile(r"\d+ drafts, counted|grown .*")
_Policy: TypeAlias = Callable[[SessionFacts, Random], Came]


def replayed(sessions: Sequence[SessionFacts], *, seed: int = 0) -> list[Row]:
    """Replay every policy.

    Args:
        sessions: Those with a draft; several of one question are averaged first.
        seed: Decides every draw.
    """
    usable = [each for each in sessions if each.drafts]
    if not usable:
        return []
    size = max(len(each.drafts) for each in usable)
    policies = _policies(size)
    by_policy: dict[str, dict[str, list[Came]]] = {name: {} for name in policies}
    equal: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for session in usable:
        for name, policy in policies.items():
            came = _drawn(policy, session, f"{seed} {session.question}")
            by_policy[name].setdefault(session.question, []).append(came)
            equal[name][session.question].append(came.right - _bought(session, came))
    base = _averaged(by_policy["one draft"])
    rows: list[Row] = []
    for name, outcomes in by_policy.items():
        each = _averaged(outcomes)
        gains = [each[question].right - base[question].right for question in each]
        is_count = name in {"one draft", "any is right"} or bool(
            _COUNTING.fullmatch(name)
        )
        edges = [sum(x) / len(x) for x in equal[name].values()]
        rows.append(
            Row(
                policy=name,
                right=mean([came.right for came in each.values()]),
                gain=None if name == "one draft" else mean(gains),
                at_equal_tokens=None if is_count else mean(edges),
                tokens=sum(came.tokens for came in each.values()) / len(each),
                usd=sum(came.usd for came in each.values()) / len(each),
                questions=len(each),
            )
        )
    return rows


def _policies(size: int) -> dict[str, _Policy]:
    return {
        "one draft": lambda facts, chance: _counted(facts, chance, 1),
        f"{size} drafts, counted": lambda facts, chance: _counted(facts, chance, size),
        "grown until the posterior is .9": _grown,
        "one judge of all drafts": lambda f, c: _panel(f, c, 1, Plurality()),
        "three judges": lambda f, c: _panel(f, c, 3, Plurality()),
        "ensemble: all judge": lambda f, c: _panel(f, c, len(f.votes), Plurality()),
        "slate: five rank": lambda f, c: _panel(f, c, 5, Borda()),
        "evidence": _evidence,
        "any is right": _any_right,
    }


def _averaged(outcomes: Mapping[str, Sequence[Came]]) -> dict[str, Came]:
    return {question: _mean(came) for question, came in outcomes.items()}


def _mean(came: Sequence[Came]) -> Came:
    return Came(*(sum(values) / len(values) for values in zip(*came, strict=True)))


def _drawn(policy: _Policy, session: SessionFacts, key: str) -> Came:
    chance = Random(key)  # noqa: S311  (a replay, not a secret)
    return _mean([policy(session, chance) for _ in range(DRAWS)])


def _bought(session: SessionFacts, came: Came) -> float:
    """How often counting is right, of as many drafts as cost what the policy did."""
    drafts = session.drafts
    each = sum(draft.cost.tokens for draft in drafts) / len(drafts)
    size = max(1, min(len(drafts), round(came.tokens / each))) if each else 1
    chance = Random(session.question)  # noqa: S311  (as above)
    return sum(_counted(session, chance, size).right for _ in range(DRAWS)) / DRAWS


def _some(facts: SessionFacts, chance: Random, size: int) -> list[Draft]:
    return chance.sample(facts.drafts, min(size, len(facts.drafts)))


def _entries(drafts: Sequence[Draft]) -> tuple[Entry, ...]:
    return entries(
        [(draft.label, draft.result, 1) for draft in drafts],
        [draft.label for draft in drafts],
    )


def _share(first: Sequence[Label], drafts: Sequence[Draft]) -> float:
    right = {draft.label for draft in drafts if draft.is_right}
    return sum(label in right for label in first) / len(first)


def _came(right: float, costs: Sequence[Cost]) -> Came:
    whole = sum(costs, Cost())
    return Came(right, whole.tokens, whole.usd)


def _counted(facts: SessionFacts, chance: Random, size: int) -> Came:
    """Count ``size`` drafts; a tie is worth its share of right answers."""
    drafts = _some(facts, chance, size)
    results = _entries(drafts)
    tied = [entry.label for entry in results if entry.weight == results[0].weight]
    return _came(_share(tied, drafts), [draft.cost for draft in drafts])


def _grown(facts: SessionFacts, chance: Random) -> Came:
    order = _some(facts, chance, len(facts.drafts))
    size = min(GROWN.start, len(order))
    while True:
        drafts = order[:size]
        results = _entries(drafts)
        counts = [len(entry.labels) for entry in results] + [0]
        if size >= len(order) or is_sure(GROWN, counts[0], counts[1], size):
            tied = [
                entry.label for entry in results if entry.weight == results[0].weight
            ]
            return _came(_share(tied, drafts), [draft.cost for draft in drafts])
        size = min(size + GROWN.step, len(order))


def _panel(facts: SessionFacts, chance: Random, size: int, rule: VotingRule) -> Came:
    """All drafts, judged by so many voters by lot; then last words."""
    votes = chance.sample(facts.votes, min(size, len(facts.votes)))
    won = _elected(rule, votes, {}, facts.drafts, chance)
    costs = [x.cost for x in (*facts.drafts, *votes)]
    return _came(_share(won, facts.drafts), [*costs, facts.presenting])


def _evidence(facts: SessionFacts, chance: Random) -> Came:
    """Count results; a small panel judges where the count could still be turned."""
    results = _entries(facts.drafts)
    first = results[0]
    models = {draft.model for draft in facts.drafts}
    size = len(models)
    if lead(results) <= WEAK_MARGIN * len(facts.drafts):
        is_prose = len(results) > 1 and all(len(x.labels) == 1 for x in results)
        size = max(size, 3 if is_prose else 2)
    drafts = [draft.cost for draft in facts.drafts]
    if len(results) == 1 or lead(results) > size:
        right = _share([first.label], facts.drafts)
        return _came(right, [*drafts, facts.presenting])
    votes = chance.sample(facts.votes, min(size, len(facts.votes)))
    same = {label: entry.label for entry in results for label in entry.labels}
    won = _elected(Plurality(), votes, same, facts.drafts, chance)
    costs = [*drafts, *(vote.cost for vote in votes), facts.presenting]
    return _came(_share(won, facts.drafts), costs)


def _elected(
    rule: VotingRule,
    votes: Sequence[Vote],
    same: Mapping[Label, Label],
    drafts: Sequence[Draft],
    chance: Random,
) -> list[Label]:
    """The winners of the ballots; with ``same``, a draft is a ballot for its entry."""
    labels = [draft.label for draft in drafts]
    chance.shuffle(labels)
    cast: dict[AgentId, Ballot] = {AgentId(vote.voter): vote.ballot for vote in votes}
    if same:
        firsts: dict[Label, int] = defaultdict(int)
        for label in labels:
            firsts[same[label]] += 1
        for ballot in cast.values():
            best = _first(ballot, labels)
            if best is not None:
                firsts[same[best]] += 1
        top = max(firsts.values())
        return [label for label, count in firsts.items() if count == top]
    if not cast:
        return labels[:1]
    result = tally(rule, cast, tuple(labels), tie_order=tuple(labels))
    placed = [label for label, _ in result.standings]
    return [result.winner or placed[0]]


def _first(ballot: Ballot, labels: Sequence[Label]) -> Label | None:
    result = tally(
        Plurality(), {AgentId("one"): ballot}, tuple(labels), tie_order=tuple(labels)
    )
    best = result.standings[0]
    return best[0] if best[1] else None


def _any_right(facts: SessionFacts, _: Random) -> Came:
    """The result of a perfect choice among the drafts."""
    right = float(any(draft.is_right for draft in facts.drafts))
    return _came(right, [draft.cost for draft in facts.drafts])
