"""Estimates of the simulator's assumptions, from kept sessions. Pure.

Judges' numbers are of pairs of drafts of which one is right and one wrong; who puts a
right one above a wrong one was right of that pair. Correlations of 0/1 values become
correlations of what lies behind them by Pearson's cosine approximation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from math import cos, pi, sin, sqrt
from statistics import fmean, median

import msgspec

from agents.protocol.chunks import Approval, Ballot, Choice, Label, Ranking, Scores
from coordinator.comparison.judges import Errors, errors_of
from coordinator.errors import ConfigInvalid
from coordinator.measure.session_facts import Draft, SessionFacts, Vote

LEAST_PAIRS = 10
"""Of fewer comparisons a correlation says nothing."""
CHARACTERS_A_TOKEN = 4
MARGIN = 0.02
"""The least distance of a share from 0.5 and 1, where no error of a judge would fit."""


class Estimates(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers; ``None``: the sessions do not say."""

    judge_right: float | None
    """How often a judge puts a right draft above a wrong one."""
    judge_pairs: int
    within: float | None
    """Correlation of being right between two judges of one model."""
    between: float | None
    """The same between judges of different models."""
    first_considered: float | None
    """Share of ballots that put the answer considered first on top, less what chance
    would have: how far judgement turns with the order."""
    equal: float | None
    """Share of pairs of drafts with one result."""
    equally_wrong: float | None
    """The same among drafts that are both wrong."""
    drafts_right: float | None
    drafts_together: float | None
    """Correlation of being right between two drafts of one question."""
    revised_right: float | None
    """Share of right answers whose revision is right."""
    revised_wrong: float | None
    """Share of wrong answers whose revision is right."""
    revisions: int
    presenter_loss: float | None
    """Share of right winners whose last words are wrong, less that of wrong winners
    whose last words are right."""
    draft_tokens: float | None
    """Written, thinking included; medians, as the next ones."""
    answer_tokens: float | None
    vote_tokens: float | None
    present_tokens: float | None
    comparable: float
    """Share of drafts that come to a result."""

    def assumed(self) -> dict[str, float | str]:
        """The same as assumptions of the simulator, by their names."""
        values: dict[str, float | str] = {}
        errors = self._errors()
        if errors is not None:
            values["judge_shared_sd"] = round(errors.shared_sd, 3)
            values["judge_own_sd"] = round(errors.own_sd, 3)
        if self.drafts_together is not None:
            together = min(max(self.drafts_together, 0.0), 0.98)
            values["shared_sd"] = round(sqrt(together / (1 - together)), 3)
        if self.equally_wrong is not None:
            values["wrong_shared"] = round(sqrt(self.equally_wrong), 3)
        values["countable"] = "true" if self.comparable >= 0.5 else "false"
        revision_keep = self._revision_keep()
        if revision_keep is not None:
            values["revision_keep"] = round(revision_keep, 3)
            values["revision_sd"] = round(sqrt(max(0.0, 1 - revision_keep**2)), 3)
        for name in ("draft_tokens", "answer_tokens", "vote_tokens", "present_tokens"):
            tokens: float | None = getattr(self, name)
            if tokens:
                values[name] = round(tokens)
        return values

    def _errors(self) -> Errors | None:
        if self.judge_right is None or self.within is None:
            return None
        right = min(max(self.judge_right, 0.5 + MARGIN), 1 - MARGIN)
        whole = 1 / sin(pi * (right - 0.5)) ** 2 - 1
        try:
            return errors_of(self.within, sqrt(whole))
        except ConfigInvalid:
            # No common error at all, or nothing else.
            share = 1.0 if self.within > 0.5 else 0.0
            return Errors(sqrt(whole * share), sqrt(whole * (1 - share)))

    def _revision_keep(self) -> float | None:
        right, wrong = self.revised_right, self.revised_wrong
        if right is None or wrong is None:
            return None
        return max(0.0, _behind(right, 1 - right, wrong, 1 - wrong))


def estimated(sessions: Sequence[SessionFacts]) -> Estimates:
    """Estimate all numbers.

    Args:
        sessions: Of the open team, and of one that revises where there is one.
    """
    judged = [(s, vote) for s in sessions for vote in s.votes]
    pairs = [list(_pairs(s, vote)) for s, vote in judged]
    hits = [is_right for each in pairs for _, is_right in each]
    drafts = [draft for s in sessions for draft in s.drafts]
    doubles = [two for s in sessions for two in combinations(s.drafts, 2)]
    comparable = [(a, b) for a, b in doubles if a.result and b.result]
    wrong = [(a, b) for a, b in comparable if not (a.is_right or b.is_right)]
    revised = [x for s in sessions for x in s.revisions]
    return Estimates(
        judge_right=fmean(hits) if hits else None,
        judge_pairs=len(hits),
        within=_judges_together(sessions, same_model=True),
        between=_judges_together(sessions, same_model=False),
        first_considered=_first_considered([vote for _, vote in judged]),
        equal=_equal(comparable),
        equally_wrong=_equal(wrong),
        drafts_right=fmean(x.is_right for x in drafts) if drafts else None,
        drafts_together=_drafts_together(doubles),
        revised_right=_mean([x.is_right for x in revised if x.was_right]),
        revised_wrong=_mean([x.is_right for x in revised if not x.was_right]),
        revisions=len(revised),
        presenter_loss=_presenter_loss(sessions),
        draft_tokens=_median([draft.cost.output for draft in drafts]),
        answer_tokens=_median([x.characters / CHARACTERS_A_TOKEN for x in drafts]),
        vote_tokens=_median([vote.cost.output for _, vote in judged]),
        present_tokens=_median(
            [s.presenting.output for s in sessions if s.final_is_right is not None]
        ),
        comparable=fmean(bool(x.result) for x in drafts) if drafts else 0.0,
    )


def _mean(values: Sequence[bool]) -> float | None:
    return fmean(values) if values else None


def _median(values: Sequence[float]) -> float | None:
    known = [value for value in values if value]
    return median(known) if known else None


def _equal(pairs: Sequence[tuple[Draft, Draft]]) -> float | None:
    return fmean(a.result == b.result for a, b in pairs) if pairs else None


def place_of(ballot: Ballot, label: Label) -> float:
    """Where a ballot puts an answer; a smaller number is better."""
    match ballot:
        case Choice(label=best):
            return 0.0 if label == best else 1.0
        case Approval(labels=labels):
            return 0.0 if label in labels else 1.0
        case Ranking(tiers=tiers):
            places = (at for at, tier in enumerate(tiers) if label in tier)
            return float(next(places, len(tiers)))
        case Scores(points=points):
            return -float(points.get(label, 0))


def _pairs(
    session: SessionFacts, vote: Vote
) -> Iterator[tuple[tuple[Label, Label], bool]]:
    """Each pair of a right and a wrong draft that the ballot tells apart."""
    for a, b in combinations(session.drafts, 2):
        if a.is_right == b.is_right:
            continue
        right, wrong = (a, b) if a.is_right else (b, a)
        ahead = place_of(vote.ballot, wrong.label) - place_of(vote.ballot, right.label)
        if ahead:
            yield (right.label, wrong.label), ahead > 0


def _judges_together(
    sessions: Sequence[SessionFacts], *, same_model: bool
) -> float | None:
    both: list[tuple[bool, bool]] = []
    for session in sessions:
        verdicts = [(vote.model, dict(_pairs(session, vote))) for vote in session.votes]
        for (model, one), (other_model, other) in combinations(verdicts, 2):
            if (model == other_model) == same_model:
                both += [(one[pair], other[pair]) for pair in one.keys() & other.keys()]
    return _correlation(both)


def _correlation(both: Sequence[tuple[bool, bool]]) -> float | None:
    """Of 0/1 values whose two sides are alike, so that both orders count."""
    if len(both) < LEAST_PAIRS:
        return None
    right = fmean([x for pair in both for x in pair])
    if right in {0.0, 1.0}:
        return None
    together = fmean(a and b for a, b in both)
    return (together - right**2) / (right * (1 - right))


def _drafts_together(doubles: Sequence[tuple[Draft, Draft]]) -> float | None:
    """The latent correlation of drafts' being right: the ease of the question."""
    if len(doubles) < LEAST_PAIRS:
        return None
    both = fmean(a.is_right and b.is_right for a, b in doubles)
    none = fmean(not (a.is_right or b.is_right) for a, b in doubles)
    if 1.0 in {both, none}:
        return None  # where all are right, or none is, nothing tells them apart
    apart = (1 - both - none) / 2
    return max(0.0, _behind(both, apart, apart, none))


def _behind(both: float, one: float, other: float, none: float) -> float:
    """Pearson's cosine approximation of the tetrachoric correlation."""
    if not one * other:
        return 1.0
    if not both * none:
        return -1.0
    return cos(pi / (1 + sqrt(both * none / (one * other))))


def _first_considered(votes: Sequence[Vote]) -> float | None:
    lead: list[float] = []
    for vote in votes:
        places = {label: place_of(vote.ballot, label) for label in vote.considered}
        # One's own answer comes last, so it is no matter of chance where it stands.
        if len(places) < 3:
            continue
        top = min(places.values())
        best = [label for label in vote.considered if places[label] == top]
        lead.append((vote.considered[0] in best) / len(best) - 1 / len(places))
    return fmean(lead) if len(lead) >= LEAST_PAIRS else None


def _presenter_loss(sessions: Sequence[SessionFacts]) -> float | None:
    by: dict[bool, list[bool]] = defaultdict(list)
    for session in sessions:
        won = next((x for x in session.drafts if x.label == session.winner), None)
        if won is not None and session.final_is_right is not None:
            by[won.is_right].append(session.final_is_right)
    if not by:
        return None
    total = sum(len(values) for values in by.values())
    lost = sum(not x for x in by[True])
    return (lost - sum(by[False])) / total
