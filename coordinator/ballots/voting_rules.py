"""The voting rules, as values that a team file may hold, and the ballot each asks for.

Owns names, settings and spelling; how each rule counts is defined where it is counted:
:mod:`coordinator.ballots.tally` (sums and thresholds),
:mod:`coordinator.ballots.condorcet` (Copeland, Schulze, ranked pairs),
:mod:`coordinator.ballots.instant_runoff` (instant-runoff) and
:mod:`coordinator.ballots.majority_judgement` (medians).

In the definitions *n* is the number of voters, *m* the number of answers. All rules
take weights: a voter of weight 2 is two voters who vote alike.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias, assert_never, cast, get_args

import msgspec

from agents.protocol.chunks import Label
from agents.protocol.turns import BallotForm
from coordinator.errors import ConfigInvalid

MaxScore: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=1000)]
"""More than a thousand steps are noise from a model, and a prompt nobody reads."""
Share: TypeAlias = Annotated[float, msgspec.Meta(gt=0.5, le=1.0)]
"""Above one half at most one answer can reach it."""
Kind: TypeAlias = Literal["choice", "approval", "ranking", "scores"]


class Rule(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="kind",
    forbid_unknown_fields=True,
):
    """Base of all rules: a name, which is also their ``kind`` in a file."""

    @property
    def name(self) -> str:
        """The rule as files and displays spell it, e.g. ``ranked_pairs``."""
        return str(self.__struct_config__.tag)


class Plurality(Rule, frozen=True, kw_only=True, tag="plurality"):
    """Most first places win.

    A ballot with several equal firsts gives each the same part of its one vote. Ties:
    the tie order. O(n + m).
    """


class Majority(Rule, frozen=True, kw_only=True, tag="majority"):
    """First places on more than half of the electorate, ⌊n/2⌋ + 1, win; else none.

    Abstentions belong to the electorate. No ties: two cannot both have it. O(n + m),
    and the cost of the ``fallback``.
    """

    fallback: VotingRule | None = None
    """Counts the same ballots where nobody has a majority; ``None``: no winner."""


class Supermajority(Rule, frozen=True, kw_only=True, tag="supermajority"):
    """First places on at least ⌈``share`` · n⌉ of the electorate win; else none.

    Abstentions belong to the electorate. No ties: two cannot both have it. O(n + m),
    and the cost of the ``fallback``. ``share`` is the decimal it is written as: of 3
    ballots 0.67 asks for all three, 0.66 for two.
    """

    share: Share = 2 / 3
    fallback: VotingRule | None = None
    """Counts the same ballots where nobody has the share; ``None``: no winner."""


class Unanimity(Rule, frozen=True, kw_only=True, tag="unanimity"):
    """The answer that every ballot puts first, alone, wins; else none.

    Abstentions do not stand in the way, but they alone elect nobody. No ties. O(n + m),
    and the cost of the ``fallback``.
    """

    fallback: VotingRule | None = None
    """Counts the same ballots where they disagree; ``None``: no winner."""


class Approval(Rule, frozen=True, kw_only=True, tag="approval"):
    """Most approvals win. Ties: the tie order. O(nm)."""


class Borda(Rule, frozen=True, kw_only=True, tag="borda"):
    """A place is worth the number of answers below it; the largest sum wins.

    Σ (m - 1 - rank); equals share the mean of their places. Ties: the tie order. O(nm).
    """


class InstantRunoff(Rule, frozen=True, kw_only=True, tag="instant_runoff"):
    """The answer with the fewest first places drops out, until one remains.

    First places are counted anew each time among those that remain; equal firsts get
    equal parts. Ties for the fewest: the last of them in the tie order drops out.
    O(nm²).
    """


class Copeland(Rule, frozen=True, kw_only=True, tag="copeland"):
    """Most pairwise wins minus losses win; then the better Borda sum.

    Ties: the tie order. O(nm²).
    """


class Schulze(Rule, frozen=True, kw_only=True, tag="schulze"):
    """The answer whose widest path to each other is as wide as the way back wins.

    A path's width is its smallest margin of pairwise wins. Ties between answers that no
    path beats: the tie order. O(nm² + m³). Schulze 2011, "A new monotonic,
    clone-independent, reversal symmetric, and Condorcet-consistent single-winner
    election method".
    """


class RankedPairs(Rule, frozen=True, kw_only=True, tag="ranked_pairs"):
    """Pairwise wins are locked, widest margin first, but none that closes a cycle.

    Whoever no locked win stands above wins. Equal margins are locked in the tie order:
    of the winners, then of the losers; pairs without a winner come last and go to the
    earlier in the tie order (Zavist and Tideman 1989). O(nm² + m³).
    """


class Score(Rule, frozen=True, kw_only=True, tag="score"):
    """The largest sum of points, 0 to ``max_score`` each, wins.

    Ties: the tie order. O(nm).
    """

    max_score: MaxScore = 10


class MajorityJudgement(Rule, frozen=True, kw_only=True, tag="majority_judgement"):
    """The highest lower median of grades, 0 to ``max_score``, wins.

    Equal medians: one median grade is taken off each, again and again, until medians
    differ (Balinski and Laraki 2007). Then the tie order. Abstentions give no grades.
    O(nm + m²G) for G grades.
    """

    max_score: MaxScore = 5


VotingRule: TypeAlias = (
    Plurality
    | Majority
    | Supermajority
    | Unanimity
    | Approval
    | Borda
    | InstantRunoff
    | Copeland
    | Schulze
    | RankedPairs
    | Score
    | MajorityJudgement
)

_ALL: tuple[type[VotingRule], ...] = get_args(VotingRule)


def every_rule() -> tuple[VotingRule, ...]:
    """One of each kind, with its default settings, in the order of the union."""
    return tuple(rule() for rule in _ALL)


def form(
    rule: VotingRule, labels: Sequence[Label], *, may_abstain: bool = False
) -> BallotForm:
    """The ballot that ``rule`` asks a voter for.

    Args:
        rule: A rule with a fallback asks for what the fallback needs, because both
            count the same ballots.
        labels: What may be voted for, in the order to be shown to this voter.
        may_abstain: Whether a ballot that names nobody counts as cast.
    """
    kind, max_score = asked_for(rule)
    return BallotForm(
        kind=kind, labels=tuple(labels), max_score=max_score, may_abstain=may_abstain
    )


def asked_for(rule: VotingRule) -> tuple[Kind, int]:
    """The kind of ballot ``rule`` counts best, and the best score on it."""
    match rule:
        case Borda() | InstantRunoff() | Copeland() | Schulze() | RankedPairs():
            return "ranking", 10
        case Plurality():
            return "choice", 10
        case Score() | MajorityJudgement():
            return "scores", rule.max_score
        case Approval():
            return "approval", 10
        case Majority() | Supermajority() | Unanimity():
            return asked_for(rule.fallback) if rule.fallback else ("choice", 10)
        case _:
            assert_never(rule)


def spelled_out(data: object) -> object:
    """Turn the short spelling of a rule, ``borda``, into ``{kind: borda}``.

    Fallbacks are spelled out as well; what is not a rule is left for the decoder to
    refuse.

    Raises:
        ConfigInvalid: There is no rule of that name.
    """
    if isinstance(data, str):
        return {"kind": _known(data)}
    if not isinstance(data, Mapping):
        return data
    spelled = dict(cast("Mapping[str, Any]", data))
    if isinstance(kind := spelled.get("kind"), str):
        spelled["kind"] = _known(kind)
    if spelled.get("fallback") is not None:
        spelled["fallback"] = spelled_out(spelled["fallback"])
    return spelled


def read_rule(data: object) -> VotingRule:
    """Read a rule as people write it: its name, or a mapping with its ``kind``.

    Raises:
        ConfigInvalid: No rule of that name, an unknown key, or a value out of range.
    """
    spelled = spelled_out(data)
    try:
        return msgspec.convert(spelled, VotingRule)
    except msgspec.ValidationError as exc:
        raise ConfigInvalid(f"voting rule {data!r}: {exc}") from exc


def _known(written: str) -> str:
    name = written.strip().lower().replace("-", "_").replace(" ", "_")
    names = [rule.name for rule in every_rule()]
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(names)}"
    raise ConfigInvalid(f"voting rule {written!r} is unknown; {hint}")
