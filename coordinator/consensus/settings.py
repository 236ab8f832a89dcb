"""The settings of a team's way to an answer, in four parts.

Owns each setting's name, type, default, bound and sentence: team files, constructors,
the command line and journals are derived from the fields here. How they are put
together, and the policies made of them, is :mod:`coordinator.consensus.rules`. What
each setting does is carried out beside it, in this room; ballots are counted by
:mod:`coordinator.ballots`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias, TypedDict, cast

import msgspec

from agents.protocol.checks import Check
from agents.protocol.turns import Criterion
from coordinator.ballots import Borda, Score, VotingRule

Positive: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
Amount: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]
Seconds: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]
Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]
FinalMode: TypeAlias = Literal["present", "reuse", "synthesise"]

CHALLENGE_JUDGES_MOST = 5
"""Two answers need few judges, and each of them reads both."""

EQUAL_WORDS = frozenset({"auto", "value", "text", "none"})

CHECK_TRIES_MOST = 5
"""The most tries: an agent that has failed so often does not know better."""

SMALLEST_MATCH = 2
"""Of fewer answers none can be better than another."""


class Straggler(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When to stop waiting for drafts.

    Once ``share`` of the drafts are in, the others get until ``factor`` times the time
    that took. The defaults are argued in the policy study behind ``slate``. Who was cut
    votes where there are too few others, and gets ``factor`` times their time for it.
    """

    share: Share = 0.75
    factor: Annotated[float, msgspec.Meta(gt=0)] = 1.5
    among: Literal["team", "model"] = "team"
    """``model``: each is measured against the agents of its own model, so that a slow
    model is not cut for being slow. One that is alone of its model is waited for."""


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
    """Assignment of judges to answers; exactly one of these."""

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
    over: Literal["ballots", "answers"] = "ballots"
    """The votes that are compared: the ballots on the answers there are, or the results
    of the first answers, before any vote is paid (needs ``equal``)."""
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


class Escalate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dear model that is asked only where the others do not agree.

    Answers that all agree are right .88 to .99 of the time (recorded, 2026-11-30).
    """

    to: str
    """The model, as the team's agents name it: those that run on it wait until then."""
    unless: Literal["unanimous", "clear"] = "unanimous"
    """``unanimous``: not where all first answers come to one result, of two at least;
    ``clear``: nor where no vote could change which result leads."""

    def __post_init__(self) -> None:
        """Refuse an escalation to nothing."""
        if not self.to.strip():
            raise ValueError("'escalate.to' is empty; name a model of the team's")


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
    """The most that may be spent; ``None``: that is not bounded."""

    tokens: Count | None = None
    usd: Amount | None = None


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """The price of one token of a model, in USD."""

    input_usd: float = 0.0
    output_usd: float = 0.0
    cached_usd: float | None = None
    """One that is read from the prompt cache; ``None``: as much as any other."""
    takes_tokens: bool = True
    """``False`` for people."""
    written_usd: float | msgspec.UnsetType = msgspec.UNSET
    """One that is written to the prompt cache; unset: as much as any other."""
    overhead_tokens: int | msgspec.UnsetType = msgspec.UNSET
    """Input tokens of every call beside the turn's own words, at least: the system
    prompt and the tools. Unset: they are not billed, and nothing is granted."""


class Voting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The voters, the answers they vote on, and how the ballots are counted."""

    rule: VotingRule = msgspec.field(default_factory=Borda)
    rubric: tuple[Criterion | str, ...] = ()
    """Criteria by which others than their authors score answers; a text is a criterion
    of weight 1. Goes with ``rule: score`` and ``self_votes: forbid``."""
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
    ties: Literal["lot", "earliest", "listed", "runoff", "synthesise"] = "lot"
    """``lot``: seeded by content, so that neither speed nor a name is rewarded.
    ``earliest``: accepted first; ``listed``: whose author stands first in the team."""
    quorum: Share = 0.0
    """Share of a contest's voters whose ballots are needed for the vote to count."""
    early: bool = True
    """Stop as soon as no outstanding ballot can change the winner."""
    wait_for_people: bool = True
    """Whether a vote, and the drafts before it, wait for the people of the team however
    slow they are: they are neither late nor decided over before they have voted. A
    deadline ends it all the same."""
    overturn: bool = False
    """Whether an agent that may still revise keeps a decided vote open."""
    challenge: Literal["off", "weak_margin"] = "off"
    """Whether a winner by a weak margin has to stand against one better answer."""
    weak_margin: Share = 0.2
    """The winner's lead over the second in their duel, as a share of the ballots, up to
    which it is weak."""
    challenge_judges: Annotated[int, msgspec.Meta(ge=1, le=CHALLENGE_JUDGES_MOST)] = 5
    """Most voters in a challenge, drawn from those who wrote neither answer."""
    topology: Literal["all"] | Topology = "all"
    """``all``: everybody sees everything, but for ``committee_over``."""
    leader_first: LeaderFirst | None = msgspec.field(default_factory=LeaderFirst)
    """``None``: all reviewers of a contest are asked at once."""
    panel: Count | Literal["auto"] | None = 5
    """Most voters in one contest; ``None``: everybody. 0: nobody votes, and the order
    of ties decides; ``final: synthesise`` makes one answer of all.

    ``auto``: one for each different model, because voters of one model are right and
    wrong together (.63 to .72 in recorded judges, 2026-11-30), and two at least where
    the drafts leave a weak margin, three where no two of them are equal; whoever is
    alone of its model goes first, and of those the makers with fewest judges. Without
    effect above ``shortlist.over`` answers, where the shortlist has a panel of its
    own."""
    shortlist: Shortlist | None = msgspec.field(default_factory=Shortlist)
    """``None``: one vote on all answers of a contest, however many. Not where answers
    are revised."""
    committee_over: Positive | None = 16
    """More answers than this are judged in committees first; ``None``: never."""
    committee_size: Annotated[int, msgspec.Meta(ge=2)] = 16
    judges: Positive = 3
    """Outside voters for each committee."""
    models: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    """Agent → the model it runs on. A team fills this in by itself where a rule needs
    it, because rules know no backends."""
    makers: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    """Agent → who made that model, as far as it is known. A team fills this in by
    itself where its models are of several makers."""
    people: tuple[str, ...] = ()
    """The agents who are people. A team fills this in by itself."""
    advance: Positive | None = None
    """How many of each committee go on to the next stage, where that is fewer than it
    has; ``None``: one in six, rounded up. A committee has few judges: who was second
    there may be the best of all."""

    def __post_init__(self) -> None:
        """Refuse settings that contradict themselves."""
        if self.rubric:
            self._check_rubric()
        if self.advance is not None and self.advance >= self.committee_size:
            raise ValueError(
                f"'advance' is {self.advance}, but a committee of 'committee_size: "
                f"{self.committee_size}' shall send fewer on than it has; set it lower"
            )
        for voter, weight in self.weights.items():
            if not 0 <= weight < math.inf:
                raise ValueError(f"the weight of {voter!r} is {weight}; use 0 or more")

    def _check_rubric(self) -> None:
        criteria = tuple(
            Criterion(name=each) if isinstance(each, str) else each
            for each in self.rubric
        )
        msgspec.structs.force_setattr(self, "rubric", criteria)
        names = [each.name for each in criteria]
        if len(set(names)) < len(names):
            raise ValueError("two criteria of 'rubric' have one name; name them apart")
        if not isinstance(self.rule, Score) or self.self_votes != "forbid":
            raise ValueError(
                "'rubric' has answers scored by others than their authors, so it needs "
                "'rule: score' and 'self_votes: forbid'"
            )

    def each_criterion(self) -> tuple[Criterion, ...]:
        """The rubric, a criterion written as a text among it."""
        return cast("tuple[Criterion, ...]", self.rubric)


class Drafting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How answers come about before anybody votes, and how they change."""

    review_opens: Literal["all_drafted", "own_drafted"] = "all_drafted"
    straggler: Straggler | None = msgspec.field(default_factory=Straggler)
    revise: bool = False
    """Whether a review may put forward a better answer; each voids unaware votes."""
    news: Literal["finish", "inject", "preempt", "stale_only"] = "stale_only"
    """Effect of a new answer on a running review that has not seen it."""
    coalesce_s: Amount = 0.25
    """Answers within this time are announced together."""
    duplicate_over: Share = 0.9
    """Word-set similarity (0…1) above which two answers are the same: drafts are
    clustered, revisions refused. 1 turns it off."""
    equal: str = "none"
    """The part of answers that makes two of them one result, so that drafts are counted
    before anybody votes: ``value``, ``text``, a JSON Pointer into the value
    (``/answer``), ``auto`` (the value where answers are typed, else the text) or
    ``none``. Not where answers are revised."""
    small_change_over: Share = 1.0
    """Similarity (0…1) to the revision before above which a revision keeps the ballots
    cast for it; many small changes are measured together. 1 turns it off."""
    adaptive: Adaptive | None = None
    """``None``: everybody answers at once."""
    escalate: Escalate | None = None
    """``{to: model}``: agents of that model answer only where the results of the others
    disagree; their answers are counted with those. Needs ``equal``."""
    division: Division | None = None
    """``None``: everybody answers the whole question, and a vote decides."""
    checks: tuple[Check | str, ...] = ()
    """Checks that are run on each first answer; a text is a command. The answers that
    pass most of them, by weight, stand for the vote; where one is left there is none.
    Not where answers are revised."""
    check_tries: Annotated[int, msgspec.Meta(ge=1, le=CHECK_TRIES_MOST)] = 2
    """Answers of one author that are checked: who fails is told what failed, and may
    answer again, until so many have been; the best of them stands."""
    stop: Literal["all", "first"] = "all"
    """``first``: an answer that passes every check ends the writing of the others."""

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        self._check_checks()
        if self.revise and self.adaptive is not None:
            raise ValueError(
                "with 'revise: true' everybody sees everything from the beginning, so "
                "it does not go with 'adaptive'"
            )
        self._check_escalation()
        if self.equal != "none":
            self._check_equal()
        elif self.adaptive is not None and self.adaptive.over == "answers":
            raise ValueError(
                "'adaptive.over: answers' compares results, so it needs 'equal: value' "
                "or another word for what makes results equal"
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
        if self.review_opens == "own_drafted" and not self.revise:
            raise ValueError(
                "'review_opens: own_drafted' votes while answers still arrive, which "
                "needs 'revise: true'"
            )

    def _check_escalation(self) -> None:
        if self.escalate is None:
            return
        if self.equal == "none":
            raise ValueError(
                "'escalate' compares results, so it needs 'equal: value' or another "
                "word for what makes results equal"
            )
        for name in ("adaptive", "division"):
            if getattr(self, name) is not None:
                raise ValueError(
                    f"'escalate' and '{name}' each say who begins; leave out either"
                )

    def _check_checks(self) -> None:
        if not self.checks:
            if self.stop == "first":
                raise ValueError(
                    "'stop: first' waits for an answer that passes every check, so it "
                    "needs 'checks'"
                )
            return
        named = tuple(
            Check(command=each) if isinstance(each, str) else each
            for each in self.checks
        )
        msgspec.structs.force_setattr(self, "checks", named)
        names = [each.called for each in named]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"two checks are called {name!r}; give each a 'name' of its own"
                )
        if self.revise:
            raise ValueError(
                "with 'revise: true' answers change while they are voted on, so they "
                "are not checked; leave out 'checks'"
            )
        if self.division is not None:
            raise ValueError(
                "a divided task has parts and no first answers, so there is nothing "
                "to check; leave out 'checks' or 'division'"
            )

    def each_check(self) -> tuple[Check, ...]:
        """The checks, a command written as a text among them."""
        return cast("tuple[Check, ...]", self.checks)

    def _check_equal(self) -> None:
        if self.revise:
            raise ValueError(
                "with 'revise: true' answers change while they are voted on, so their "
                "results are not counted; set 'equal: none', or 'policy: revision'"
            )
        if self.equal not in EQUAL_WORDS and not self.equal.startswith("/"):
            raise ValueError(
                f"'equal' is {self.equal!r}; use auto, value, text, none, or a JSON "
                "Pointer into the value, as '/answer'"
            )


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds on a session."""

    answers_per_agent: Positive = 3
    answers_total: Positive | None = None
    lead: Positive | None = None
    """Most answers an agent may be ahead of the slowest live one."""
    ahead: Literal["votes", "waits"] = "votes"
    """Effect of ``lead`` on an agent that would be further ahead: it may vote; or it is
    not asked until those that have not voted yet have caught up, or voted."""
    attempts: Positive = 3
    """Model calls without a usable result before a turn ends ``silent``."""
    deadline_s: Seconds = 1800.0
    budget_tokens: Count | None = None
    budget_usd: Amount | None = None
    agent_budget_tokens: Count | None = None
    """The budget of each agent that has none of its own."""
    agent_budget_usd: Amount | None = None
    budgets: dict[str, Budget] = msgspec.field(default_factory=dict[str, Budget])
    """Agent → what it may spend, in place of ``agent_budget_…``."""
    prices: dict[str, Price] = msgspec.field(default_factory=dict[str, Price])
    """Agent → what its model's tokens cost. A team fills this in by itself where a
    budget needs it, because rules know no models."""


class Final(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The final answer: how it is made of the one that has won."""

    mode: FinalMode = msgspec.field(default="present", name="final")
    """``present``: its author presents it; ``reuse``: it is given as it stands;
    ``synthesise``: its author writes one answer of it and the others shown."""
    restarts: Count = 0
    """How often the presenter may ask for another round."""


class RuleSettings(TypedDict, total=False):
    """Every setting by its name in a team file, in the order that journals keep.

    It lets editors complete ``Rules(…)``; what a setting means, its default and its
    bound stand on the field of that name above.
    """

    rule: VotingRule | str | Mapping[str, Any]
    weights: Mapping[str, float]
    self_votes: Literal["allow", "forbid", "tie_break"]
    may_abstain: bool
    ties: Literal["lot", "earliest", "listed", "runoff", "synthesise"]
    quorum: Share
    early: bool
    wait_for_people: bool
    overturn: bool
    review_opens: Literal["all_drafted", "own_drafted"]
    straggler: Straggler | None
    revise: bool
    news: Literal["finish", "inject", "preempt", "stale_only"]
    coalesce_s: Amount
    duplicate_over: Share
    equal: str
    small_change_over: Share
    challenge: Literal["off", "weak_margin"]
    weak_margin: Share
    challenge_judges: int
    topology: Literal["all"] | Topology
    adaptive: Adaptive | None
    leader_first: LeaderFirst | None
    panel: Positive | Literal["auto"] | None
    models: Mapping[str, str]
    makers: Mapping[str, str]
    people: Sequence[str]
    shortlist: Shortlist | None
    committee_over: Positive | None
    committee_size: int
    judges: Positive
    advance: Positive | None
    answers_per_agent: Positive
    answers_total: Positive | None
    lead: Positive | None
    ahead: Literal["votes", "waits"]
    attempts: Positive
    deadline_s: Seconds
    budget_tokens: Count | None
    budget_usd: Amount | None
    agent_budget_tokens: Count | None
    agent_budget_usd: Amount | None
    budgets: Mapping[str, Budget]
    prices: Mapping[str, Price]
    division: Division | None
    restarts: Count
    rubric: Sequence[Criterion | str | Mapping[str, Any]]
    checks: Sequence[Check | str | Mapping[str, Any]]
    check_tries: int
    stop: Literal["all", "first"]
    escalate: Escalate | None


class RuleChanges(RuleSettings, total=False):
    """The same, and the setting that bears the name of a part."""

    final: FinalMode
