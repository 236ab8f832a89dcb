"""Invariants of checks, booked from a session's inputs and outputs alone."""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction

from agents.protocol.checks import Outcome
from agents.protocol.chunks import AgentId, Label
from coordinator.consensus.rules import Rules
from coordinator.protocol.events import (
    AnswerChecked,
    CancelChecks,
    CheckEnded,
    RunChecks,
    SlateFrozen,
    WinnerDecided,
)


class Violation(AssertionError):
    """An invariant does not hold."""


class CheckBooks:
    """The results of each answer's checks, counted anew."""

    def __init__(self, rules: Rules) -> None:
        drafting = rules.drafting
        self._weights = {
            check.called: Fraction(str(check.weight)) for check in drafting.each_check()
        }
        self._is_first = drafting.stop == "first"
        self._tries_most = drafting.check_tries * (1 + rules.final.restarts)
        self._tries: dict[AgentId, int] = {}
        self._found: dict[Label, dict[str, Outcome]] = {}
        self._authors: dict[Label, AgentId] = {}
        self.waiting: dict[Label, set[str]] = {}
        """Answer → the checks of it that run."""
        self.in_check: set[AgentId] = set()
        """Authors whose answers were in check when the step began, and still are."""
        self._is_again = False
        """The presenter may have asked for another round."""

    def begin_step(self) -> None:
        """Remember what is under way before anything follows from an input."""
        if self._weights:
            self.in_check = {self._authors[label] for label in self.waiting}

    def take(self, ended: CheckEnded) -> None:
        """Book what a check has found, if anybody waits for it."""
        waiting = self.waiting.get(ended.label)
        if waiting is not None and ended.result.check in waiting:
            waiting.discard(ended.result.check)
            self._found[ended.label][ended.result.check] = ended.result.outcome
            if not waiting:
                self.in_check.discard(self._authors[ended.label])

    def note(self, event: RunChecks | CancelChecks | AnswerChecked) -> None:
        """Check what the machine says of an answer's checks.

        Raises:
            Violation: It must not say so.
        """
        match event:
            case RunChecks():
                _claim(event.label not in self._found, "an answer is checked once")
                _claim(set(event.checks) == set(self._weights), "by every check")
                self._found[event.label] = {}
                self._authors[event.label] = event.agent
                self.waiting[event.label] = set(event.checks)
                tries = self._tries[event.agent] = self._tries.get(event.agent, 0) + 1
                _claim(tries <= self._tries_most, "who fails has few tries more")
            case CancelChecks():
                _claim(event.label in self.waiting, "only checks under way are stopped")
                del self.waiting[event.label]
            case AnswerChecked():
                left = self.waiting.pop(event.label, None)
                _claim(left == set(), "an answer is checked when all checks are over")
                passed = float(self.passed(event.label))
                _claim(event.passed == passed, "what passes weighs what its checks do")

    def passed(self, label: Label) -> Fraction:
        """Weight of the checks that an answer has passed so far."""
        outcomes = self._found.get(label, {})
        return sum(
            (self._weights[name] for name, x in outcomes.items() if x == "passed"),
            Fraction(0),
        )

    def is_whole(self, label: Label) -> bool:
        """Whether an answer has passed everything."""
        return label not in self.waiting and self.passed(label) == sum(
            self._weights.values()
        )

    def best(self, standing: Collection[Label]) -> set[Label]:
        """Those of ``standing`` that pass most."""
        most = max((self.passed(label) for label in standing), default=Fraction(0))
        return {label for label in standing if self.passed(label) >= most}

    def is_better(self, one: Label, other: Label) -> bool:
        """Whether ``one`` passes more than ``other``, of the same author's."""
        is_more = self.passed(one) > self.passed(other)
        return is_more and self._authors[one] == self._authors[other]

    def is_settled(self, standing: Collection[Label]) -> bool:
        """Whether nothing more is wanted than one that passes everything."""
        return self._is_first and any(self.is_whole(label) for label in standing)

    def on_stage(
        self, event: SlateFrozen | WinnerDecided, standing: Collection[Label]
    ) -> None:
        """Check that only those stand that pass most.

        Raises:
            Violation: Another one does.
        """
        if not self._weights:
            return
        best = self.best(standing)
        labels = event.labels if isinstance(event, SlateFrozen) else (event.label,)
        _claim(best.issuperset(labels), "those that pass most stand, and no others")
        _claim(not self.waiting, "a vote begins when all checks are over or stopped")
        self._is_again = self._is_again or isinstance(event, WinnerDecided)

    def on_draft(self, author: AgentId, standing: Collection[Label]) -> None:
        """Check that a first answer may still be asked for.

        Raises:
            Violation: It may not.
        """
        if not self._weights or self._is_again:
            return
        is_done = self.is_settled(standing)
        _claim(not is_done, "no draft begins after the first that passes everything")
        mine = [label for label, agent in self._authors.items() if agent == author]
        if mine and mine[-1] not in self.waiting:
            outcomes = self._found[mine[-1]].values()
            has_failed = bool({"failed", "late"} & set(outcomes))
            _claim(has_failed, "only who fails a check is asked again")


def _claim(holds: bool, invariant: str) -> None:
    if not holds:
        raise Violation(invariant)
