"""The state of the machine: members, answers, contests. Values only, no rules.

Collections that grow with the team are :mod:`.persistent_map`, so that a step which
changes one member of ten thousand does not copy the team. Their order is not defined;
whoever needs an order walks the tuples ``order`` and ``voters``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from agents.protocol.checks import CheckResult
from agents.protocol.chunks import AgentId, Ballot, Label, Part, TurnNumber
from agents.protocol.citations import Citation

Activity: TypeAlias = Literal[
    "idle",  # waiting for others
    "drafting",
    "reviewing",
    "challenging",  # writing an answer that shall beat the winner
    "presenting",
    "dividing",
    "working",
    "out",  # gets no more turns
]


# gc=False: plain data cannot be part of a cycle, and ten thousand agents have much.
class Member(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One agent as the machine sees it."""

    id: AgentId
    number: int
    """The anonymous number in its labels, from 1."""
    activity: Activity = "idle"
    turn: TurnNumber = TurnNumber(0)
    """The newest turn it was asked; chunks of older ones are late."""
    has_result: bool = False
    """The running turn has already proposed, voted or presented."""
    is_revising: bool = False
    """The running review has begun to type a new answer."""
    revisions: int = 0
    """Answers accepted so far."""
    refusals: int = 0
    checked: int = 0
    """Answers of the wave under way that have been checked."""
    is_reserve: bool = False
    """Not asked anything yet, nor perhaps ever: the team is still small enough."""
    label: Label | None = None
    """Its live answer."""
    seen: int = 0
    """The answer count when its running or last review was asked."""
    shown: int = 0
    """The answer count when its conversation was last told all of a contest; 0: its
    conversation has shown nothing yet."""
    sat_in: tuple[int, ...] = ()
    """The contests whose answers its conversation has shown."""
    contest: int = -1
    """The contest it votes in."""
    was_cut: bool = False
    """Its first answer took too long; its ballot may do so too."""
    note: str = ""
    """Told to it first in its next turn."""
    told: str = ""
    """The note that its running turn was told."""
    words: tuple[str, ...] = ()
    """Messages of people that no turn with an outcome has read."""
    telling: int = 0
    """How many of ``words``, from the first, its running turn was told."""
    spent_tokens: int = 0
    spent_usd: float = 0.0
    reserved_tokens: int = 0
    """The least cost of its running turn, where there is a budget."""
    reserved_usd: float = 0.0
    granted_tokens: float = 0.0
    """The grant of its running turn, where there is one; of a cancelled turn, until its
    end has come."""
    granted_usd: float = 0.0
    granted_turn: int = 0
    """Which turn that is; 0: none."""
    response_tokens: int = 0
    """Of the response under way, already in ``spent_tokens``."""
    response_usd: float = 0.0


def as_read(content: str, value: msgspec.Raw | msgspec.UnsetType) -> str:
    """An answer as others read it: its words, then its structured value if any."""
    if isinstance(value, msgspec.UnsetType):
        return content
    return f"{content}\n\nvalue: {bytes(value).decode()}"


class Answer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One accepted revision."""

    label: Label
    agent: AgentId
    content: str
    ordinal: int
    """1, 2, 3, … in order of acceptance over the whole session."""
    as_of: int = 0
    """The answer count when it came to stand: its ordinal, or more where a veto of a
    later revision has brought it back. Who has read less has to be shown it."""
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    citations: tuple[Citation, ...] = ()
    result: str = ""
    """The result by which equal answers are counted; empty: it has none."""
    checks: tuple[CheckResult, ...] = ()
    """Results of its checks so far, in the order of the rules."""
    passed: float = 0.0
    """Weight of the checks that it passes."""

    @property
    def reading(self) -> str:
        """The text that voters read; answers with the same text are the same."""
        # Most answers are words alone, and are read by everybody.
        if isinstance(self.value, msgspec.UnsetType):
            return self.content
        return as_read(self.content, self.value)


class Cast(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A live ballot."""

    ballot: Ballot
    reason: str


class Contest(msgspec.Struct, frozen=True, kw_only=True):
    """One election: these answers, these voters."""

    number: int
    labels: tuple[Label, ...]
    """In the order of ties, best first."""
    voters: tuple[AgentId, ...]
    ballots: Mapping[AgentId, Cast]
    outstanding: int
    """Voters who may still cast a ballot."""
    check_at: int = 0
    """Ballots and departures below which nothing can be decided, so that not every one
    of them needs a count."""
    is_runoff: bool = False
    runoff_of: int = -1
    """The contest whose tie it decides, if it is a runoff."""
    went_to_runoff: bool = False
    """It ended in a tie, and another contest decides."""
    is_challenge: bool = False
    """Of two answers: the incumbent, who wins ties, and its challenger."""
    views: Mapping[AgentId, tuple[Label, ...]] = {}
    """Voter → the answers it judges; all of them where it is not in here."""
    leader: AgentId | None = None
    """The voter whose response has to begin before the others are asked."""
    began: float = 0.0
    slow: int = 0
    """Voters whose first answer took too long."""
    is_hurried: bool = False
    """Only those are waited for, and no longer than until a timer rings."""
    is_first_look: bool = False
    """Others vote on the best of it, and its ballots count on."""
    advance: int = 1
    """How many of its answers go on to the next stage."""
    renamed: Mapping[Label, Label] = {}
    """Revision → the one that stands in its place after small changes."""
    drafts: Mapping[AgentId, Label] = {}
    """Author → the answer whose result its draft has: a ballot that needs no vote."""
    winner: Label | None = None


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a divided task, and what has become of it."""

    part: Part
    worker: AgentId | None = None
    """The agent that is at it now."""
    tries: int = 0
    """How many agents have failed at it."""
    label: Label | None = None
    """Its result."""
    is_complete: bool = False


Phase: TypeAlias = Literal[
    "new", "drafting", "voting", "dividing", "working", "presenting", "concluded"
]


class State(msgspec.Struct, kw_only=True):
    """Everything the machine remembers.

    Mutable for one reason only: a step works on a shallow copy of its own
    (:class:`.move.Move`), which is cheaper than replacing a frozen value
    several times. Outside a step nobody holds one;
    :class:`.Consensus` keeps it to itself.
    """

    question: str
    seed: int
    nonce: str
    order: tuple[AgentId, ...]
    """The agents as the team lists them: the only order members are walked in."""
    members: Mapping[AgentId, Member]
    answers: Mapping[Label, Answer]
    contests: Mapping[int, Contest]
    phase: Phase = "new"
    now: float = 0.0
    wave_began: float = 0.0
    """When the first answers under way were asked for."""
    drafting: int = 0
    """Drafts under way."""
    drafts_in: int = 0
    straggler_armed: bool = False
    is_cut: bool = False
    """Stragglers of this wave were cut: who fails a check now gets no other try."""
    wave_from: int = 0
    """Answers accepted before this wave."""
    models: int = 1
    """Different models in the team, as the rules know them."""
    models_armed: frozenset[str] = frozenset()
    """Models whose stragglers have a timer."""
    models_cut: frozenset[str] = frozenset()
    """Those whose stragglers were cut."""
    under_check: Mapping[Label, tuple[str, ...]] = {}
    """Answer → the checks of it that still run; a draft is in when none does."""
    accepted: int = 0
    """Answers that came to stand so far; the newest one's ordinal."""
    restored: int = 0
    """How many of those had stood before, and came back."""
    open_contests: int = 0
    contests_made: int = 0
    stages: int = 0
    """Stages of the vote under way that have begun."""
    vote_began: int = 0
    """The first contest of the vote under way."""
    stage_began: int = 0
    """The first contest of the stage under way."""
    news_due: bool = False
    """A ``news`` timer is armed; answers until it rings are announced together."""
    grown_from: int = -1
    """The contest whose winner stands while more agents are asked; -1: none."""
    challenged: int = -1
    """The contest whose winner has been challenged in this round; -1: none."""
    shares: tuple[Share, ...] = ()
    """The parts of a divided task, in the order of the whole."""
    lead: AgentId | None = None
    """The agent that divided it."""
    vetoed: tuple[Label, ...] = ()
    """Ruled out by people, in that order."""
    tallied: Mapping[str, int] = {}
    """Result → how many answers have had it, vetoed ones among them."""
    most_equal: int = 0
    """The most that any result has had: no count can be larger."""
    entry_of: Mapping[Label, Label] = {}
    """Draft → the one that stands for all of its result, where results are counted."""
    winner: Label | None = None
    finalists: tuple[Label, ...] = ()
    """Answers from which the final one is made, best first."""
    detail: str = ""
    restarts: int = 0
    spent_tokens: int = 0
    spent_usd: float = 0.0
