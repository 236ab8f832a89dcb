"""The explanation of a vote for people, reports and programs.

Values only. They are gathered from a session's events by
:mod:`coordinator.consensus.explanation`, with counts by
:mod:`coordinator.ballots.count_steps`.
"""

from __future__ import annotations

import msgspec

from agents.protocol.checks import CheckResult
from agents.protocol.chunks import AgentId, Ballot, Label


class CountStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a count."""

    title: str
    """The quantity that is counted: ``first places``, ``round 2``, ``median grade``."""
    points: tuple[tuple[Label, float], ...] = ()
    """Each answer's count, best first."""
    dropped: Label | None = None
    """The answer that goes out with this step."""
    bar: float | None = None
    """The count required, where a rule has a threshold."""


class Duel(msgspec.Struct, frozen=True, kw_only=True):
    """Two answers compared on every ballot."""

    one: Label
    other: Label
    margin: float
    """Weight of the ballots that rank ``one`` above ``other``, less the reverse; 0 or
    more."""


class BallotRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A ballot that counted, whole."""

    voter: AgentId
    ballot: Ballot
    weight: float = 1.0
    reason: str = ""
    seen: tuple[Label, ...] = ()
    """The answers that its voter had been shown."""
    grades: dict[Label, dict[str, int]] = {}
    """Answer → criterion → points, where there is a rubric."""


class FallenBallot(msgspec.Struct, frozen=True, kw_only=True):
    """A ballot that was cast and did not count in the end."""

    voter: AgentId
    label: Label | None
    """The label it put first, where it has one."""
    why: str


class DraftCount(msgspec.Struct, frozen=True, kw_only=True):
    """One result, and the drafts that came to it; each of them is a ballot for it."""

    label: Label
    """The draft that stands for them."""
    labels: tuple[Label, ...]
    result: str
    weight: float


class CheckedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Results of the team's checks for one answer."""

    label: Label
    passed: float
    """Weight of the checks that it passes."""
    of: float
    """Weight of all."""
    results: tuple[CheckResult, ...]


class CriterionScore(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of the answers for one criterion, by others than their authors."""

    criterion: str
    weight: float
    points: tuple[tuple[Label, float], ...]
    """Means over the voters, best first."""


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a vote put the winner first, and how much that is worth."""

    share: float
    """Of the ballots' weight, drafts' ballots among them; 0…1."""
    ballots: int
    models: int
    """Different models among the voters: those of one are right and wrong together."""
    makers: int = 0
    """Different makers of those models; 0 where none is known."""


class OtherRule(msgspec.Struct, frozen=True, kw_only=True):
    """The winner of the same ballots under another rule."""

    rule: str
    label: Label | None
    """The winner; ``None``: nobody, the rule's condition is not met."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why an answer won, and what else it might have been."""

    label: Label
    rule: str
    """The rule that decided; empty where nobody was asked to vote."""
    standings: tuple[tuple[Label, float], ...]
    """Best first, by the rule's own measure."""
    runner_up: Label | None = None
    margin: float | None = None
    """The winner's lead over the runner-up, by that measure."""
    was_tie: bool = False
    is_early: bool = False
    """Ballots or drafts were outstanding that could not have changed it."""
    ballots: tuple[BallotRecord, ...] = ()
    """Of the vote that decided."""
    fallen: tuple[FallenBallot, ...] = ()
    drafts: tuple[DraftCount, ...] = ()
    """Where results were counted; the heaviest first."""
    checks: tuple[CheckedAnswer, ...] = ()
    """Where answers were checked: every one of them, tries that were mended among
    them, in the order in which their checks ended."""
    rubric: tuple[CriterionScore, ...] = ()
    """Where there is a rubric: the mean points of each answer for each criterion."""
    steps: tuple[CountStep, ...] = ()
    duels: tuple[Duel, ...] = ()
    others: tuple[OtherRule, ...] = ()
    """Winners under every other rule that these ballots can be counted by."""
    agreement: Agreement | None = None
    dissent: tuple[BallotRecord, ...] = ()
    """The ballots that put another answer first, with their reasons."""
    swing: str = ""
    """The vote that would have turned it, if a single one would have."""
