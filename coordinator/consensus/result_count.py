"""Counting equal results: drafts that say the same are one entry, and each is a ballot.

Seven drafts of which five say 41 need no vote. Counting is right more often than one
draft wherever answers can be compared (+9 points on AIME 2024, +3.4 on GPQA at seven
drafts of one model, recorded answers, 2026-11-30), and it costs nothing. What makes two
results equal is said with the answer (:mod:`agents.tools.result_equality`); this file
owns entries, their order, and when no outstanding draft or ballot can change the first.
Pure, and apart from :func:`settle` and :func:`grouped` without the machine's state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from agents.protocol.chunks import (
    AgentId,
    Approval,
    Ballot,
    Choice,
    Label,
    Ranking,
    Scores,
)
from coordinator.ballots import Plurality
from coordinator.ballots.election import Number, weight_of
from coordinator.ballots.voting_rules import VotingRule, asked_for
from coordinator.consensus import contests
from coordinator.consensus.persistent_map import table
from coordinator.consensus.similarity import twins
from coordinator.consensus.state import Answer, Contest
from coordinator.consensus.transition import Move
from coordinator.protocol.events import ResultsCounted

RESULT_SHOWN = 40
"""Characters of a result that fit a sentence."""


class Entry(NamedTuple):
    """One result, and the drafts that came to it."""

    label: Label
    """The draft that stands for them all."""
    labels: tuple[Label, ...]
    """All of them, the representative first."""
    weight: Number
    """Of their authors' votes together; their number, where all weigh 1."""


def entries(
    drafts: Sequence[tuple[Label, str, Number]], order: Sequence[Label]
) -> tuple[Entry, ...]:
    """Group drafts by result.

    Args:
        drafts: Label, result and its author's weight; an empty result equals none.
        order: All labels in the order of ties, best first.

    Returns:
        The heaviest first; of equals the one whose representative comes first in
        ``order``. A representative is the first of its drafts in ``order``.
    """
    place = {label: at for at, label in enumerate(order)}
    groups: dict[str, list[tuple[int, Label, Number]]] = {}
    for label, result, weight in drafts:
        key = f"={result}" if result else f"!{label}"
        groups.setdefault(key, []).append((place[label], label, weight))
    weighed: list[tuple[Number, int, Entry]] = []
    for group in groups.values():
        group.sort()
        labels = tuple(label for _, label, _ in group)
        weight = sum(weight for _, _, weight in group)
        weighed.append((-weight, group[0][0], Entry(labels[0], labels, weight)))
    weighed.sort(key=lambda each: each[:2])
    return tuple(entry for _, _, entry in weighed)


def lead(counted: Sequence[Entry]) -> Number:
    """How far the first entry is ahead of the second; of nothing, if it is alone."""
    if not counted:
        return 0
    return counted[0].weight - (counted[1].weight if len(counted) > 1 else 0)


def is_out_of_reach(counted: Sequence[Entry], outstanding: Number) -> bool:
    """Whether nothing outstanding can change which entry is first.

    Args:
        counted: As :func:`entries` gives them; not empty.
        outstanding: Weight of the drafts and ballots that may still come. All of it may
            go to any one entry, or to a new one; a tie with the first would leave the
            winner to the order of ties, so it is a change.
    """
    return bool(counted) and lead(counted) > outstanding


def in_words(entry: Entry, total: int, result: str) -> str:
    """Say the count in one sentence for people: ``5 of 7 answers say 41``."""
    agree = len(entry.labels)
    what = result if 0 < len(result) <= RESULT_SHOWN else "the same"
    if total == 1:
        return "only one answer stood"
    who = f"all {total}" if agree == total else f"{agree} of {total}"
    return f"{who} answers {'say' if agree > 1 else 'says'} {what}"


def is_on(m: Move) -> bool:
    """Whether the rules count results."""
    return m.rules.drafting.equal != "none"


def counted(m: Move, answers: Sequence[Answer]) -> tuple[Entry, ...]:
    """Count ``answers``; those without a result go by their words, as near-duplicates.

    Near-duplicates of equal results are one entry anyway, and of other results are not.
    """
    order = contests.tie_order(m, answers)
    place = {label: at for at, label in enumerate(order)}
    by_lot = sorted(answers, key=lambda answer: place[answer.label])
    bare = [answer for answer in by_lot if not answer.result]
    over = m.rules.drafting.duplicate_over
    if over < 1:
        twin_places = twins([answer.reading for answer in bare], over)
    else:
        twin_places = [None] * len(bare)
    alike = {
        answer.label: bare[at if twin is None else twin].label
        for at, (answer, twin) in enumerate(zip(bare, twin_places, strict=True))
    }
    drafts = [
        (
            answer.label,
            f"={answer.result}" if answer.result else f"~{alike[answer.label]}",
            weight_of(answer.agent, m.rules.voting.weights),
        )
        for answer in by_lot
    ]
    return entries(drafts, order)


def remember(m: Move, listed: Sequence[Entry], *, is_clear: bool) -> None:
    """Let every later stage know which draft counts for which entry, and say so."""
    m.s.entry_of = table(
        {label: entry.label for entry in listed for label in entry.labels}
    )
    m.out.append(
        ResultsCounted(
            standings=tuple((each.label, float(each.weight)) for each in listed),
            members=tuple(each.labels for each in listed),
            is_clear=is_clear,
        )
    )


def drafts_for(m: Move, labels: Sequence[Label]) -> Mapping[AgentId, Label]:
    """Author → the answer of ``labels`` that its draft is a ballot for."""
    standing = frozenset(labels)
    drafts: dict[AgentId, Label] = {}
    for label, entry in m.s.entry_of.items():
        if entry in standing:
            drafts[m.s.answers[label].agent] = entry
    return table(drafts)


def outstanding_drafts(m: Move) -> Number:
    """Weight of the first answers that are still being written, or checked."""
    checked = {m.s.answers[label].agent for label in m.s.under_check}
    return sum(
        weight_of(member.id, m.rules.voting.weights)
        for member in map(m.s.members.__getitem__, m.s.order)
        if member.activity == "drafting" or member.id in checked
    )


def weight_of_all(m: Move, voters: Sequence[AgentId]) -> Number:
    """Weight of ``voters`` together."""
    return sum(weight_of(voter, m.rules.voting.weights) for voter in voters)


def can_close_drafting(m: Move) -> bool:
    """Whether the rule lets a count close while drafts are outstanding.

    A draft may bring a result that nobody had; only under plurality does a lead say all
    about such. Where a dearer model is asked unless all agree, all are waited for.
    """
    escalate = m.rules.drafting.escalate
    if escalate is not None and escalate.unless == "unanimous":
        return False
    return is_on(m) and isinstance(m.rules.voting.rule, Plurality)


def ballots(m: Move, contest: Contest) -> dict[AgentId, Ballot]:
    """The ballots that drafts amount to, under names that no voter has.

    A draft whose entry was vetoed is a ballot for nothing, and no ballot.
    """
    standing = frozenset(contest.labels)
    return {
        draft_voter(author): draft_ballot(m.rules.voting.rule, label)
        for author, label in contest.drafts.items()
        if label in standing
    }


def weights(m: Move, contest: Contest) -> Mapping[str, float]:
    """The rules' weights, with those of drafts' ballots beside them."""
    known = m.rules.voting.weights
    if not known or not contest.drafts:
        return known
    more = {draft_voter(x): known[x] for x in contest.drafts if x in known}
    return {**known, **more}


def draft_voter(author: AgentId) -> AgentId:
    """The name under which a draft's ballot is counted; no agent has it."""
    # No agent's name has a blank in it.
    return AgentId(f"draft of {author}")


def draft_ballot(rule: VotingRule, label: Label) -> Ballot:
    """A ballot for one answer, of the kind that ``rule`` counts."""
    kind, most = asked_for(rule)
    if kind == "choice":
        return Choice(label=label)
    if kind == "approval":
        return Approval(labels=(label,))
    if kind == "ranking":
        return Ranking(tiers=((label,),))
    return Scores(points={label: most})
