"""The explanation of a winner, gathered from a session's events as they come.

A fold over what the machine puts out and the votes it hears; it decides nothing, and
the machine knows nothing of it. Live sessions, replays and reports use the same one, so
they tell the same story. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from agents.protocol.chunks import AgentId, Ballot, Label, VoteCast
from coordinator.ballots import best_of, labels_of, relabelled, standing_part, tally
from coordinator.ballots.count_steps import choices_of_all_rules, count_steps, duels
from coordinator.ballots.voting_rules import asked_for
from coordinator.consensus.result_count import draft_ballot, draft_voter
from coordinator.consensus.rules import Rules
from coordinator.protocol.events import (
    AnswerAccepted,
    AnswerChecked,
    Event,
    LiveBallots,
    ResultsCounted,
    SlateFrozen,
    StartTurn,
    VoteCounted,
    VoteRejected,
    VotesCarried,
    VotesVoided,
    WinnerDecided,
)
from coordinator.protocol.explanation import (
    Agreement,
    BallotRecord,
    CheckedAnswer,
    CountStep,
    CriterionScore,
    DraftCount,
    Explanation,
    FallenBallot,
)

SWING_MOST = 25
"""Ballots of which each is left out once: of more, one seldom decides."""
DUELS_MOST = 10
"""Answers of which every pair is compared: more pairs nobody reads."""


def _speaks_of(ballot: Ballot, order: tuple[Label, ...]) -> bool:
    """Whether ``ballot`` is of this vote: who abstains has taken part as well."""
    named = labels_of(ballot)
    return not named or not order or any(label in order for label in named)


class Explainer:
    """Gathers what an explanation needs.

    Args:
        rules: Of the session.
        models: Agent → the model it runs on.
    """

    def __init__(self, rules: Rules, models: Mapping[AgentId, str]) -> None:
        self._rules = rules
        self._models = models
        self._results: dict[Label, str] = {}
        self._authors: dict[Label, AgentId] = {}
        self._seen: dict[AgentId, tuple[Label, ...]] = {}
        self._live: dict[AgentId, BallotRecord] = {}
        self._fallen: list[FallenBallot] = []
        self._drafts: tuple[DraftCount, ...] = ()
        self._checks: list[CheckedAnswer] = []
        self._decided: WinnerDecided | None = None
        self._order: tuple[Label, ...] = ()

    def take(self, event: Event) -> None:
        """Take one event; most are of no interest here."""
        match event:
            case VoteCast():
                self._seen[event.agent] = event.seen
            case AnswerAccepted():
                self._authors[event.label] = event.agent
                if not isinstance(event.result, msgspec.UnsetType):
                    self._results[event.label] = event.result
            case VoteCounted():
                self._live[event.voter] = BallotRecord(
                    voter=event.voter,
                    ballot=event.ballot,
                    weight=self._weight(event.voter),
                    reason=event.reason,
                    seen=self._seen.get(event.voter, ()),
                    grades={}
                    if isinstance(event.grades, msgspec.UnsetType)
                    else event.grades,
                )
            case VoteRejected():
                self._fallen.append(
                    FallenBallot(voter=event.voter, label=None, why=event.reason)
                )
            case VotesVoided():
                for voter in event.voters:
                    why = "cast before a better answer came, which it had not seen"
                    self._fall(voter, why)
            case VotesCarried():
                names = {event.replaced: event.label}
                for voter in event.voters:
                    self._rename(voter, names)
            case LiveBallots():
                live = {ballot.voter for ballot in event.ballots}
                for voter in [x for x in self._live if x not in live]:
                    self._fall(voter, "it was cast in an earlier stage")
            case StartTurn():
                task = event.turn.task
                # Who is asked again has no ballot until it casts another.
                if getattr(task, "ballot", None) is not None:
                    self._fall(event.turn.agent, "it was asked again in a later stage")
            case _:
                self._take_rare(event)

    def _take_rare(self, event: Event) -> None:
        match event:
            case ResultsCounted():
                self._drafts = tuple(
                    DraftCount(
                        label=label,
                        labels=members,
                        result=self._results.get(label, ""),
                        weight=weight,
                    )
                    for (label, weight), members in zip(
                        event.standings, event.members, strict=True
                    )
                )
            case AnswerChecked():
                self._checks.append(
                    CheckedAnswer(
                        label=event.label,
                        passed=event.passed,
                        of=event.of,
                        results=event.results,
                    )
                )
            case SlateFrozen():
                self._order = event.labels
            case WinnerDecided():
                self._decided = event
            case _:
                pass

    def _weight(self, voter: AgentId) -> float:
        return self._rules.voting.weights.get(voter, 1.0)

    def _fall(self, voter: AgentId, why: str) -> None:
        fallen = self._live.pop(voter, None)
        if fallen is not None:
            best = best_of(fallen.ballot)
            self._fallen.append(FallenBallot(voter=voter, label=best, why=why))

    def _rename(self, voter: AgentId, names: Mapping[Label, Label]) -> None:
        known = self._live.get(voter)
        if known is not None:
            self._live[voter] = msgspec.structs.replace(
                known,
                ballot=relabelled(known.ballot, names),
                grades={names.get(x, x): has for x, has in known.grades.items()},
            )

    def explain(self) -> Explanation | None:
        """Why the winner won; ``None`` where no vote and no count has decided."""
        decided = self._decided
        if decided is None:
            return None
        rule = self._rules.voting.rule
        order = tuple(label for label, _ in decided.standings)
        ballots = tuple(
            record for record in self._live.values() if _speaks_of(record.ballot, order)
        )
        cast = self._as_counted(ballots, order)
        weights = self._weights(cast)
        first, *rest = decided.standings or ((decided.label, 0.0),)
        runner_up = next((x for x in rest if x[0] != decided.label), None)
        is_first = first[0] == decided.label
        others = [x for x in ballots if best_of(x.ballot) != decided.label]
        return Explanation(
            label=decided.label,
            rule=decided.rule,
            standings=decided.standings,
            runner_up=runner_up[0] if runner_up else None,
            margin=first[1] - runner_up[1] if runner_up and is_first else None,
            was_tie=decided.was_tie,
            is_early=decided.is_early,
            ballots=ballots,
            fallen=tuple(self._fallen),
            drafts=self._drafts,
            checks=tuple(self._checks),
            rubric=tuple(self._scored(ballots)),
            steps=self._steps(cast, order, weights),
            duels=duels(cast, order, weights)
            if cast and 1 < len(order) <= DUELS_MOST
            else (),
            others=choices_of_all_rules(
                cast, order, weights, max_score=asked_for(rule)[1]
            )
            if cast and order
            else (),
            agreement=self._agreement(cast, weights, decided.label),
            dissent=tuple(x for x in others if best_of(x.ballot) is not None),
            swing=self._swing(cast, order, weights, decided.label),
        )

    def _scored(self, ballots: tuple[BallotRecord, ...]) -> Iterator[CriterionScore]:
        """The mean points of each answer for each criterion of the rubric."""
        for criterion in self._rules.voting.each_criterion():
            points: dict[Label, list[int]] = {}
            for record in ballots:
                for label, grades in record.grades.items():
                    if (
                        criterion.name in grades
                        and self._authors[label] != record.voter
                    ):
                        points.setdefault(label, []).append(grades[criterion.name])
            means = [(label, sum(all_) / len(all_)) for label, all_ in points.items()]
            means.sort(key=lambda pair: -pair[1])
            yield CriterionScore(
                criterion=criterion.name, weight=criterion.weight, points=tuple(means)
            )

    def _as_counted(
        self, ballots: tuple[BallotRecord, ...], order: tuple[Label, ...]
    ) -> dict[AgentId, Ballot]:
        """Ballots as the rule counts them, drafts' among them."""
        index = {label: at for at, label in enumerate(order)}
        cast = {x.voter: standing_part(x.ballot, self._says(x, index)) for x in ballots}
        for draft in self._drafts:
            if draft.label in index:
                for label in draft.labels:
                    ballot = draft_ballot(self._rules.voting.rule, draft.label)
                    cast[draft_voter(self._authors[label])] = ballot
        return cast

    def _says(
        self, record: BallotRecord, index: Mapping[Label, int]
    ) -> Mapping[Label, int]:
        """The answers on which the voter's word counts."""
        if self._rules.voting.self_votes != "tie_break":
            return index
        authors = self._authors
        return {x: at for x, at in index.items() if authors.get(x) != record.voter}

    def _weights(self, cast: Mapping[AgentId, Ballot]) -> dict[str, float]:
        known = self._rules.voting.weights
        drafts = {draft_voter(AgentId(x)): weight for x, weight in known.items()}
        return {
            voter: weight for voter, weight in (known | drafts).items() if voter in cast
        }

    def _steps(
        self,
        cast: Mapping[AgentId, Ballot],
        order: tuple[Label, ...],
        weights: Mapping[str, float],
    ) -> tuple[CountStep, ...]:
        return (
            count_steps(self._rules.voting.rule, cast, order, weights) if cast else ()
        )

    def _agreement(
        self, cast: Mapping[AgentId, Ballot], weights: Mapping[str, float], label: Label
    ) -> Agreement | None:
        if not cast:
            return None
        total = sum(weights.get(voter, 1.0) for voter in cast)
        agree = sum(
            weights.get(voter, 1.0)
            for voter, ballot in cast.items()
            if best_of(ballot) == label
        )
        voters = {*self._live} | {
            self._authors[x] for d in self._drafts for x in d.labels
        }
        models = {self._models.get(voter, "") for voter in voters}
        makers = {self._rules.voting.makers.get(voter, "") for voter in voters}
        return Agreement(
            share=agree / total if total else 0.0,
            ballots=len(cast),
            models=len(models),
            makers=len(makers - {""}),
        )

    def _swing(
        self,
        cast: Mapping[AgentId, Ballot],
        order: tuple[Label, ...],
        weights: Mapping[str, float],
        label: Label,
    ) -> str:
        """One voter whose ballot, left out, would have let another answer win."""
        if len(cast) > SWING_MOST:
            return ""
        rule = self._rules.voting.rule
        for voter in cast:
            rest = {x: ballot for x, ballot in cast.items() if x != voter}
            if not rest:
                continue
            result = tally(rule, rest, order, tie_order=order, weights=weights)
            if result.winner is not None and result.winner != label:
                return f"without {voter}'s ballot {result.winner} would have won"
        return ""
