"""Inputs of the machine beside chunks, and its outputs.

*Inputs* are facts the shell observed (a timer rang, a person spoke). *Effects* are
imperatives the shell carries out without an opinion. *Decisions* are facts the machine
established; the shell only hands them on, to journal readers and displays.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from agents.protocol.checks import CheckResult
from agents.protocol.chunks import AgentId, Ballot, Label, StreamChunk, TurnNumber
from agents.protocol.citations import Citation
from agents.protocol.turns import News, Turn


# gc=False: plain data cannot be part of a cycle, and ten thousand agents have much.
class Input(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", gc=False):
    """An observation of the shell's, with the time it was made."""

    at: float
    """Seconds on the event loop's monotonic clock."""


class SessionOpened(Input, frozen=True, kw_only=True, tag="session_opened"):
    """The team may begin."""


class TimerRang(Input, frozen=True, kw_only=True, tag="timer_rang"):
    """A timer armed by :class:`ArmTimer` has run out."""

    timer: str


class Interrupted(Input, frozen=True, kw_only=True, tag="interrupted"):
    """A person or the host wants the session to end now."""

    reason: str


class PersonSaid(Input, frozen=True, kw_only=True, tag="person_said"):
    """A person has a word for the team; agents read it with their next turn."""

    text: str


class AgentStopped(Input, frozen=True, kw_only=True, tag="agent_stopped"):
    """A person takes an agent out of the team."""

    agent: AgentId
    reason: str


class AnswerVetoed(Input, frozen=True, kw_only=True, tag="answer_vetoed"):
    """A person rules an answer out."""

    label: Label
    reason: str


class CheckEnded(Input, frozen=True, kw_only=True, tag="check_ended"):
    """One check of an answer, asked for by :class:`RunChecks`, is over."""

    label: Label
    result: CheckResult


class VoteForced(Input, frozen=True, kw_only=True, tag="vote_forced"):
    """A person waits no longer: the vote is on what is there, or by who has voted."""

    reason: str


ShellInput: TypeAlias = (
    SessionOpened
    | TimerRang
    | Interrupted
    | PersonSaid
    | AgentStopped
    | AnswerVetoed
    | CheckEnded
    | VoteForced
)
MachineInput: TypeAlias = ShellInput | StreamChunk


class Output(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", gc=False):
    """Anything the machine puts out."""


class StartTurn(Output, frozen=True, kw_only=True, tag="start_turn"):
    """Put ``turn`` into its agent's mailbox."""

    turn: Turn


class CancelTurn(Output, frozen=True, kw_only=True, tag="cancel_turn"):
    """Cancel the agent's turn if it is still the one running."""

    agent: AgentId
    turn: TurnNumber
    reason: str


class TellAgent(Output, frozen=True, kw_only=True, tag="tell_agent"):
    """Hand news to a running turn, to be read at its next tool boundary."""

    news: News


class ArmTimer(Output, frozen=True, kw_only=True, tag="arm_timer"):
    """Ring ``timer`` at ``at`` (monotonic seconds); arming again moves it."""

    timer: str
    at: float


class RunChecks(Output, frozen=True, kw_only=True, tag="run_checks"):
    """Run these checks of the rules on an answer, each on its own."""

    agent: AgentId
    """The author, in a copy of whose workspace commands run."""
    label: Label
    checks: tuple[str, ...]
    """Their names."""


class CancelChecks(Output, frozen=True, kw_only=True, tag="cancel_checks"):
    """Stop what still runs of an answer's checks: nothing hangs on it any more."""

    label: Label
    reason: str


class Conclude(Output, frozen=True, kw_only=True, tag="conclude"):
    """The session is over; cancel what still runs. Always the last effect."""

    status: Literal["answered", "deadline", "failed", "interrupted"]
    winner: AgentId | None
    label: Label | None
    answer: str | None
    """The final words; ``None`` where nobody has answered."""
    detail: str = ""
    """The reason for the outcome, in one sentence: what is missing, or what decided."""
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    citations: tuple[Citation, ...] = ()
    """Sources of ``answer``, which ends with them as footnotes."""


Effect: TypeAlias = (
    StartTurn | CancelTurn | TellAgent | ArmTimer | RunChecks | CancelChecks | Conclude
)


class AnswerAccepted(Output, frozen=True, kw_only=True, tag="answer_accepted"):
    """An answer counts, under this label."""

    agent: AgentId
    label: Label
    content: str
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    """The structured answer as JSON, where the team asks for one."""
    citations: tuple[Citation, ...] = ()
    result: str | msgspec.UnsetType = msgspec.UNSET
    """The value compared where equal results are counted."""


class ResultsCounted(Output, frozen=True, kw_only=True, tag="results_counted"):
    """Drafts whose results are equal are one entry, and each is a ballot for it."""

    standings: tuple[tuple[Label, float], ...]
    """The draft that stands for each result, and the weight of all that have it; the
    heaviest first."""
    members: tuple[tuple[Label, ...], ...]
    """For each of them the drafts that have its result, itself first."""
    is_clear: bool
    """No outstanding draft or ballot can change the first: nobody is asked to vote."""


class AnswerChecked(Output, frozen=True, kw_only=True, tag="answer_checked"):
    """All checks of an answer are over."""

    agent: AgentId
    label: Label
    passed: float
    """Weight of the checks that it passes."""
    of: float
    """Weight of all."""
    results: tuple[CheckResult, ...]
    """In the order of the rules."""


class AnswerRefused(Output, frozen=True, kw_only=True, tag="answer_refused"):
    """An answer does not count."""

    agent: AgentId
    reason: str


class VoteCounted(Output, frozen=True, kw_only=True, tag="vote_counted"):
    """A ballot is live; it replaces the voter's earlier one."""

    voter: AgentId
    choice: AgentId | None
    """The author of the ballot's single best answer, if it has one."""
    label: Label | None
    ballot: Ballot
    reason: str
    grades: dict[Label, dict[str, int]] | msgspec.UnsetType = msgspec.UNSET
    """Answer → criterion → points, where there is a rubric."""


class VoteRejected(Output, frozen=True, kw_only=True, tag="vote_rejected"):
    """A ballot does not count."""

    voter: AgentId
    reason: str


class VotesVoided(Output, frozen=True, kw_only=True, tag="votes_voided"):
    """Ballots stopped counting, because they had not seen ``label``."""

    voters: tuple[AgentId, ...]
    label: Label


class VotesCarried(Output, frozen=True, kw_only=True, tag="votes_carried"):
    """``label`` differs little from ``replaced``: ballots for that count for it."""

    voters: tuple[AgentId, ...]
    """Voters whose ballots were in already."""
    replaced: Label
    label: Label


class LiveBallot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One ballot that counts."""

    voter: AgentId
    choice: AgentId | None
    """The author of the best answer on it that stands, if there is one."""
    label: Label | None


class LiveBallots(Output, frozen=True, kw_only=True, tag="live_ballots"):
    """Of all ballots counted so far exactly these count from now on.

    Another vote begins, so that earlier ones are history; or it goes on with some of
    them, under the answers that are left.
    """

    ballots: tuple[LiveBallot, ...]


class AnswerRestored(Output, frozen=True, kw_only=True, tag="answer_restored"):
    """This earlier answer stands again.

    The author's later one was vetoed, or passes fewer checks.
    """

    agent: AgentId
    label: Label


class VetoIgnored(Output, frozen=True, kw_only=True, tag="veto_ignored"):
    """A person's veto changed nothing."""

    label: Label
    reason: str
    """Why not."""


class ChallengeOpened(Output, frozen=True, kw_only=True, tag="challenge_opened"):
    """The vote for ``label`` was close: one better answer may stand against it."""

    label: Label
    challenger: AgentId
    """The agent that is asked for that answer."""
    margin: float
    """The winner's lead over the second, as a share of the ballots; may be negative,
    because not every rule elects the winner of duels."""


class AgentRetired(Output, frozen=True, kw_only=True, tag="agent_retired"):
    """The agent gets no more turns."""

    agent: AgentId
    reason: str


class SlateFrozen(Output, frozen=True, kw_only=True, tag="slate_frozen"):
    """From now on exactly these answers stand for election."""

    labels: tuple[Label, ...]
    reason: str


class TeamGrown(Output, frozen=True, kw_only=True, tag="team_grown"):
    """More agents are asked, because those so far do not agree."""

    agents: tuple[AgentId, ...]
    """The agents that join."""
    reason: str


class CommitteeDecided(Output, frozen=True, kw_only=True, tag="committee_decided"):
    """One committee of a large team has chosen; its winner meets the others'."""

    committee: int
    labels: tuple[Label, ...]
    label: Label
    others: tuple[Label, ...] = ()
    """Answers that go on beside the winner, where several do."""
    is_early: bool


class WinnerDecided(Output, frozen=True, kw_only=True, tag="winner_decided"):
    """The vote is over."""

    winner: AgentId
    label: Label
    rule: str
    standings: tuple[tuple[Label, float], ...]
    """Best first, with the rule's own measure."""
    is_early: bool
    """Ballots were outstanding, but could not have changed the winner."""
    was_tie: bool
    detail: str = ""


Decision: TypeAlias = (
    AnswerAccepted
    | AnswerRefused
    | AnswerChecked
    | ResultsCounted
    | VoteCounted
    | VoteRejected
    | VotesVoided
    | VotesCarried
    | LiveBallots
    | AnswerRestored
    | VetoIgnored
    | ChallengeOpened
    | AgentRetired
    | SlateFrozen
    | TeamGrown
    | CommitteeDecided
    | WinnerDecided
)

MachineOutput: TypeAlias = Effect | Decision


class JournalLost(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="kind",
    tag="journal_lost",
    gc=False,
):
    """The disk failed: the session goes on, but from here on nothing is kept of it.

    Told to readers by the recorder; the machine neither hears nor decides it.
    """

    reason: str


Event: TypeAlias = StreamChunk | MachineOutput | JournalLost
"""Events for displays and ``--display jsonl``: chunks as they came, decisions, and
changes to the session itself."""
