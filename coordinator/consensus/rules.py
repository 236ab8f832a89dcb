"""Every setting of a team's way to an answer, and the named policies made of them.

A policy is not code of its own: ``slate``, ``revision``, ``ensemble`` and ``massgen``
are values of the same settings, and any setting may be changed in the team file. What
each setting does is carried out by :mod:`coordinator.consensus`; ballots are counted
by :mod:`coordinator.ballots`.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from coordinator.ballots import Borda, Plurality, VotingRule
from coordinator.errors import ConfigInvalid

CHALLENGE_JUDGES_MOST = 5
"""Two answers need few judges, and each of them reads both."""

SMALLEST_MATCH = 2
"""Of fewer answers none can be better than another."""

PolicyName = Literal["slate", "revision", "ensemble", "massgen"]


class Straggler(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When to stop waiting for drafts.

    Once ``share`` of the drafts are in, the others get until ``factor`` times the time
    that took. The defaults are argued in the policy study behind ``slate``. Who was cut
    votes where there are too few others, and gets ``factor`` times their time for it.
    """

    share: float = 0.75
    factor: float = 1.5


class LeaderFirst(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """One reviewer of a contest is asked first, the others when its response begins.

    Then they read the answers from the cache that its request has filled, at a tenth of
    the price; an entry can be read only once its first response has begun
    (docs.claude.com, prompt caching, read 2026-11-22). Not where answers are revised.
    """

    wait_s: float = 5.0
    """The others wait no longer than this, so that a leader that stalls does not hold
    them; 25,000 tokens are read in less."""
    from_chars: int = 4096
    """Question and answers shorter than this together are no prefix worth waiting for:
    1,024 tokens are the least that is cached, at some four characters a token."""

    def __post_init__(self) -> None:
        """Refuse times and sizes that are none."""
        for name in ("wait_s", "from_chars"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(
                    f"'leader_first.{name}' is {getattr(self, name)}; use 0 or more"
                )


class Shortlist(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Many answers are looked at by few; the best of them are voted on by others.

    Reading is what a vote costs, and most answers are out of the question after a few
    ballots. The ballots of the first look count on, so nothing that was read is lost.
    """

    over: int = 8
    """How many answers need no first look."""
    panel: int = 3
    """Voters that rank them all."""
    keep: int = 5
    """How many of them the second vote is on."""
    share: float = 0.4
    """Of the team, that votes on those: others than before, as far as there are. As
    many vote on what committees have left, where that is few."""

    def __post_init__(self) -> None:
        """Refuse what shortens nothing."""
        if self.panel < 1 or not SMALLEST_MATCH <= self.keep <= self.over:
            raise ValueError(
                "'shortlist' needs a panel of at least 1, and to keep at least "
                f"{SMALLEST_MATCH} answers and no more than its 'over'"
            )
        if not 0 < self.share <= 1:
            raise ValueError(f"'shortlist.share' is {self.share}; use more than 0 to 1")


class Topology(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who judges whose answers; exactly one of these."""

    ring: int | None = None
    """Everybody ranks its next so many neighbours; the so many best then meet."""
    committees: int | None = None
    """Committees of at most so many answers; their winners meet in one vote."""
    tournament: int | None = None
    """Matches of at most so many answers, stage after stage, until one is left."""

    def __post_init__(self) -> None:
        """Refuse what is no shape."""
        sizes = [n for n in (self.ring, self.committees, self.tournament) if n]
        if len(sizes) != 1 or sizes[0] < SMALLEST_MATCH:
            raise ValueError(
                "'topology' is 'all', or one of ring, committees and tournament with a "
                f"number of answers, at least {SMALLEST_MATCH}"
            )


class Adaptive(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A team that begins small and grows only while it disagrees.

    Sequential sampling saves where answers repeat (Adaptive-Consistency, 2305.11860),
    less where they do not (2605.19193); the votes are what is compared here.
    """

    start: int = 3
    step: int = 2
    max: int = 15
    stop: Literal["agreement", "posterior"] = "agreement"
    """``agreement``: so large a share of the ballots puts the winner first;
    ``posterior``: so probably is the winner more often put first than the second."""
    sure: float | None = None
    """How large, how probable: 2/3 and 0.95 where nothing is said."""

    def __post_init__(self) -> None:
        """Refuse a team that cannot begin or grow."""
        if min(self.start, self.step) < 1 or self.max < self.start:
            raise ValueError(
                "'adaptive' needs a start and a step of at least 1, and a max of at "
                "least its start"
            )
        if self.sure is not None and not 0 <= self.sure <= 1:
            raise ValueError(f"'adaptive.sure' is {self.sure}; use 0 to 1")


class Division(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The task is divided, not voted on: a lead splits it, others do the parts."""

    lead: str | None = None
    """The agent that splits; ``None``: the first that lives."""
    integrator: str | None = None
    """The agent that puts the parts together; ``None``: the lead."""
    parts: int = 8
    """Most parts; more would be of little size and much to read."""

    def __post_init__(self) -> None:
        """Refuse a division into nothing."""
        if self.parts < 1:
            raise ValueError(f"'division.parts' is {self.parts}; use at least 1")


class Budget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be spent; ``None``: that is not bounded."""

    tokens: int | None = None
    usd: float | None = None


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """What one token of a model costs, in USD."""

    input_usd: float = 0.0
    output_usd: float = 0.0
    cached_usd: float | None = None
    """One that is read from the prompt cache; ``None``: as much as any other."""
    takes_tokens: bool = True
    """``False`` for people."""


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a team comes to one answer."""

    policy: str = "slate"
    """The preset these rules started from; for people, no decision reads it."""

    rule: VotingRule = msgspec.field(default_factory=Borda)
    weights: dict[str, float] = msgspec.field(default_factory=dict[str, float])
    """Voter → weight; 1 where absent."""
    self_votes: Literal["allow", "forbid", "tie_break"] = "allow"
    """``tie_break``: what a voter says of its own answer counts only among the tied.

    Until then, and under ``forbid``, a voter's own answer is left out of its ballot,
    and what a ballot leaves out comes last on it. Where every author votes with equal
    weight that favours nobody: duels and sums come out as if no author had compared its
    answer with any. Where only some do, on a panel or with weights, rankings and points
    are a little harder on those; ``plurality`` and ``approval`` are not."""
    may_abstain: bool = False
    """Whether a ballot for nobody is a ballot: it counts towards a quorum, and belongs
    to the electorate of which a majority is asked."""
    ties: Literal["lot", "earliest", "runoff", "synthesise"] = "lot"
    """``lot``: seeded by content, so that neither speed nor a name is rewarded."""
    quorum: float = 0.0
    """Share of a contest's voters whose ballots are needed for the vote to count."""
    early: bool = True
    """Stop as soon as no outstanding ballot can change the winner."""
    overturn: bool = False
    """Whether an agent that may still revise keeps a decided vote open."""

    review_opens: Literal["all_drafted", "own_drafted"] = "all_drafted"
    straggler: Straggler | None = msgspec.field(default_factory=Straggler)
    revise: bool = False
    """Whether a review may put forward a better answer; each voids unaware votes."""
    news: Literal["finish", "inject", "preempt", "stale_only"] = "stale_only"
    """What happens to a running review when an answer arrives that it has not seen."""
    coalesce_s: float = 0.25
    """Answers within this time are announced together."""
    duplicate_over: float = 0.9
    """Word-set similarity (0…1) above which two answers are the same: drafts are
    clustered, revisions refused. 1 turns it off."""
    small_change_over: float = 1.0
    """Similarity (0…1) to the revision before above which a revision keeps the ballots
    cast for it; many small changes are measured together. 1 turns it off."""
    challenge: Literal["off", "weak_margin"] = "off"
    """Whether a winner by a weak margin has to stand against one better answer."""
    weak_margin: float = 0.2
    """The winner's lead over the second in their duel, as a share of the ballots, up to
    which it is weak."""
    challenge_judges: int = 5
    """Most voters in a challenge, drawn from those who wrote neither answer."""
    topology: Literal["all"] | Topology = "all"
    """``all``: everybody sees everything, but for ``committee_over``."""
    adaptive: Adaptive | None = None
    """``None``: everybody answers at once."""
    leader_first: LeaderFirst | None = msgspec.field(default_factory=LeaderFirst)
    """``None``: all reviewers of a contest are asked at once."""
    panel: int | None = 5
    """Most voters in one contest; ``None``: everybody."""
    shortlist: Shortlist | None = msgspec.field(default_factory=Shortlist)
    """``None``: one vote on all answers of a contest, however many. Not where answers
    are revised."""
    committee_over: int | None = 16
    """More answers than this are judged in committees first; ``None``: never."""
    committee_size: int = 16
    judges: int = 3
    """Outside voters for each committee."""
    advance: int | None = None
    """How many of each committee go on to the next stage, where that is fewer than it
    has; ``None``: one in six, rounded up. A committee has few judges: who was second
    there may be the best of all."""

    answers_per_agent: int = 3
    answers_total: int | None = None
    lead: int | None = None
    """Most answers an agent may be ahead of the slowest live one."""
    attempts: int = 3
    """Model calls without a usable result before a turn ends ``silent``."""
    deadline_s: float = 1800.0
    budget_tokens: int | None = None
    budget_usd: float | None = None
    agent_budget_tokens: int | None = None
    """What each agent may spend that has no budget of its own."""
    agent_budget_usd: float | None = None
    budgets: dict[str, Budget] = msgspec.field(default_factory=dict[str, Budget])
    """Agent → what it may spend, in place of ``agent_budget_…``."""
    prices: dict[str, Price] = msgspec.field(default_factory=dict[str, Price])
    """Agent → what its model's tokens cost. A team fills this in by itself where a
    budget needs it, because rules know no models."""

    division: Division | None = None
    """``None``: everybody answers the whole question, and a vote decides."""

    final: Literal["present", "reuse", "synthesise"] = "present"
    restarts: int = 0
    """How often the presenter may ask for another round."""

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other or themselves."""
        if self.revise and self.committee_over is not None:
            raise ValueError(
                "committees judge a slate that stands still, so 'committee_over' does "
                "not go with 'revise: true'; set 'committee_over: null'"
            )
        if self.revise and (self.topology != "all" or self.adaptive is not None):
            raise ValueError(
                "with 'revise: true' everybody sees everything from the beginning, so "
                "it goes with neither 'topology' nor 'adaptive'"
            )
        if self.revise and self.challenge != "off":
            raise ValueError(
                "a challenge follows the vote on a slate that stands still, so it does "
                "not go with 'revise: true'; set 'challenge: off'"
            )
        if (
            self.duplicate_over < 1
            and self.duplicate_over <= self.small_change_over < 1
        ):
            raise ValueError(
                f"'small_change_over' is {self.small_change_over}, but a revision more "
                f"alike than 'duplicate_over' ({self.duplicate_over}) is refused; set "
                "it lower"
            )
        if self.advance is not None and self.advance >= self.committee_size:
            raise ValueError(
                f"'advance' is {self.advance}, but a committee of 'committee_size: "
                f"{self.committee_size}' shall send fewer on than it has; set it lower"
            )
        if self.challenge_judges > CHALLENGE_JUDGES_MOST:
            raise ValueError(
                f"'challenge_judges' is {self.challenge_judges}; it must be at most "
                f"{CHALLENGE_JUDGES_MOST}"
            )
        if self.review_opens == "own_drafted" and not self.revise:
            raise ValueError(
                "'review_opens: own_drafted' votes while answers still arrive, which "
                "needs 'revise: true'"
            )
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name!r} is {value}; it must be at least {least}")
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name!r} must be between 0 and 1")
        for voter, weight in self.weights.items():
            if not 0 <= weight < math.inf:
                raise ValueError(f"the weight of {voter!r} is {weight}; use 0 or more")

    @classmethod
    def preset(cls, name: str) -> Rules:
        """The named policy.

        Raises:
            ConfigInvalid: There is no policy of that name.
        """
        try:
            return _PRESETS[name]
        except KeyError:
            known = ", ".join(sorted(_PRESETS))
            message = f"policy {name!r} is unknown; choose one of {known}"
            raise ConfigInvalid(message) from None


_SHARES = ("quorum", "duplicate_over", "small_change_over", "weak_margin")

_LEAST: dict[str, float] = {
    "panel": 1,
    "challenge_judges": 1,
    "committee_over": 1,
    "committee_size": 2,
    "judges": 1,
    "advance": 1,
    "answers_per_agent": 1,
    "answers_total": 1,
    "lead": 1,
    "attempts": 1,
    "restarts": 0,
    "coalesce_s": 0,
    "deadline_s": 0,
    "budget_tokens": 0,
    "budget_usd": 0,
    "agent_budget_tokens": 0,
    "agent_budget_usd": 0,
}

_REVISION = Rules(
    policy="revision",
    rule=Plurality(),
    straggler=None,
    revise=True,
    leader_first=None,
    panel=None,
    shortlist=None,
    committee_over=None,
)

_PRESETS: dict[str, Rules] = {
    "slate": Rules(),
    "revision": _REVISION,
    # MassGen's own way to avoid its restart cascade: disable_injection,
    # defer_voting_until_all_answered, max_new_answers_per_agent: 1.
    "ensemble": msgspec.structs.replace(
        _REVISION, policy="ensemble", revise=False, early=False, ties="earliest"
    ),
    # MassGen 0.1.97 as read on 2026-11-22: nobody's running turn is cancelled, every
    # new answer clears every vote, plurality, first answered agent wins ties.
    "massgen": msgspec.structs.replace(
        _REVISION,
        policy="massgen",
        review_opens="own_drafted",
        news="finish",
        coalesce_s=0.0,
        early=False,
        ties="earliest",
        duplicate_over=0.7,
        lead=2,
    ),
}
