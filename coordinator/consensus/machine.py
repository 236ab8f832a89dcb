"""The machine that decides: it takes what happened and says what to do. It cannot wait.

::

    new ──SessionOpened─▶ drafting ──all drafts in, or stragglers cut──▶ voting
                              │                                          │  ▲
                              │ nobody answered                   decided │  │ revision:
                              ▼                                          ▼  │ votes void
                          concluded ◀──presented, or its answer reused── presenting
                              ▲                                           │
                              └── deadline, budget, interruption ─────────┘

``Consensus.step(input)`` returns the next machine and the effects it asks for. There is
no clock, channel, logger or randomness in here: time comes with the inputs, chance is a
seed, and feeding the same inputs again gives the same effects. Every rule of a session
is in this file and its neighbours: :mod:`.drafting` (first answers), :mod:`.contests`
and :mod:`.voting` (the vote), :mod:`.revisions`, :mod:`.vetoes` and
:mod:`.conclusion`; a divided task goes another way, in :mod:`.division`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from msgspec.structs import replace

from agents.protocol.chunks import (
    AgentFailed,
    AgentId,
    AnswerPresented,
    AnswerProposed,
    BlockStarted,
    Chunk,
    Label,
    PartCompleted,
    ResponseStarted,
    RestartRequested,
    TaskDivided,
    TurnEnded,
    UsageReported,
    VoteCast,
)
from coordinator.consensus import (
    challenge,
    conclusion,
    division,
    drafting,
    leader_first,
    revisions,
    session_budget,
    vetoes,
    voting,
    winner,
)
from coordinator.consensus.persistent_map import table, with_entry
from coordinator.consensus.rules import Rules
from coordinator.consensus.state import Activity, Answer, Member, Phase, State
from coordinator.consensus.transition import Move, drawn
from coordinator.protocol.events import (
    AgentStopped,
    AnswerVetoed,
    ArmTimer,
    CheckEnded,
    Interrupted,
    MachineInput,
    MachineOutput,
    PersonSaid,
    RunChecks,
    SessionOpened,
    ShellInput,
    TimerRang,
    VoteForced,
)

DEADLINE_TIMER = "deadline"

HEARD = (
    AnswerProposed,
    VoteCast,
    AnswerPresented,
    RestartRequested,
    TaskDivided,
    PartCompleted,
    TurnEnded,
    AgentFailed,
    UsageReported,
    ResponseStarted,
    BlockStarted,
)
"""The chunks the machine listens to; a shell need not bring it any other."""


class Consensus:
    """The state of one session; a value: ``step`` leaves it as it was."""

    __slots__ = ("_is_budgeted", "_may_wait", "_state", "rules")

    def __init__(self, rules: Rules, state: State, *, is_budgeted: bool) -> None:
        self.rules = rules
        self._state = state
        self._is_budgeted = is_budgeted
        self._may_wait = rules.limits.ahead == "waits" and rules.drafting.revise

    @classmethod
    def new(
        cls,
        agents: Sequence[AgentId],
        question: str,
        rules: Rules,
        *,
        seed: int = 0,
        nonce: str = "",
    ) -> Consensus:
        """Begin a session of ``agents`` that nothing has happened in yet.

        Args:
            agents: In the order of the team; each once.
            question: What is to be answered.
            rules: How.
            seed: Decides every lot: anonymous numbers, orders shown, ties.
            nonce: Fences answers in prompts; must not be guessable by a model.
        """
        by_lot = sorted(agents, key=lambda agent: drawn(seed, "number", agent))
        members = {
            agent: Member(id=agent, number=number)
            for number, agent in enumerate(by_lot, start=1)
        }
        state = State(
            question=question,
            seed=seed,
            nonce=nonce,
            order=tuple(agents),
            members=table(members),
            answers={},
            contests={},
        )
        return cls(rules, state, is_budgeted=session_budget.is_set(rules))

    @property
    def seed(self) -> int:
        """Decides every lot."""
        return self._state.seed

    @property
    def phase(self) -> Phase:
        """Where the session stands."""
        return self._state.phase

    @property
    def spent_tokens(self) -> int:
        """Tokens that all agents' responses have reported."""
        return self._state.spent_tokens

    def answer(self, label: Label) -> Answer:
        """One accepted answer.

        Raises:
            KeyError: There is none of that label.
        """
        return self._state.answers[label]

    def checks_under_way(self) -> tuple[RunChecks, ...]:
        """The checks that were asked for and are not over, answer by answer."""
        waiting, answers = self._state.under_check, self._state.answers
        return tuple(
            RunChecks(agent=answers[label].agent, label=label, checks=waiting[label])
            for label in sorted(waiting, key=lambda label: answers[label].ordinal)
        )

    def answers(self) -> tuple[Answer, ...]:
        """Every accepted answer, in order of acceptance."""
        listed = (self._state.answers[label] for label in self._state.answers)
        return tuple(sorted(listed, key=lambda answer: answer.ordinal))

    def member(self, agent: AgentId) -> Member:
        """One agent as the machine sees it.

        Raises:
            KeyError: No agent of that name is in the team.
        """
        return self._state.members[agent]

    def step(self, what: MachineInput) -> tuple[Consensus, tuple[MachineOutput, ...]]:
        """Take one input.

        Late and unexpected chunks (of an older turn, after the conclusion) change
        nothing but what was spent.

        Raises:
            KeyError: The input names an agent that is not in the team: a bug of the
                shell's, never data.
        """
        s, at = self._state, what.at
        if s.phase == "concluded":
            return self, ()
        if self._is_budgeted and isinstance(what, _LAST):
            s = _with_grant_back(s, what)
        # Most turns end at the instant at which they brought what they were asked for,
        # and most responses begin without anybody having waited for that.
        if type(what) is TurnEnded:
            if at <= s.now and _is_late(s, what):
                return self._with(s), ()
        elif type(what) is ResponseStarted:
            if _changes_nothing(s, what):
                return self._with(replace(s, now=at)) if at > s.now else self, ()
        elif type(what) is UsageReported and not self._is_budgeted:
            return self._with(_booked(s, what)), ()
        m = Move(s, self.rules)
        if at > s.now:
            m.s.now = at
        if isinstance(what, Chunk):
            _on_chunk(m, what)
        else:
            _on_shell(m, what)
        if self._may_wait and m.s.phase == "voting":
            revisions.ask_who_waited(m)
        if m.out and self._is_budgeted:
            _keep_to_budget(m)
        return self._with(m.s), tuple(m.out)

    def _with(self, state: State) -> Consensus:
        return Consensus(self.rules, state, is_budgeted=self._is_budgeted)


_LAST = (
    AnswerProposed,
    VoteCast,
    AnswerPresented,
    RestartRequested,
    TaskDivided,
    PartCompleted,
    TurnEnded,
    AgentFailed,
)
"""Chunks of a turn that no model call follows."""


def _with_grant_back(s: State, ended: Chunk) -> State:
    """``s`` without what was granted to a turn that is over, cancelled or not."""
    member = s.members[ended.agent]
    if ended.turn < member.granted_turn or not member.granted_turn:
        return s
    member = replace(member, granted_tokens=0.0, granted_usd=0.0, granted_turn=0)
    return replace(s, members=with_entry(s.members, member.id, member))


def _is_late(s: State, chunk: Chunk) -> bool:
    """Whether the turn is over or was withdrawn."""
    member = s.members[chunk.agent]
    return chunk.turn != member.turn or member.activity in {"idle", "out"}


def _changes_nothing(s: State, chunk: ResponseStarted) -> bool:
    """Whether the member's books are clear already, and nobody waits for its sign."""
    member = s.members[chunk.agent]
    is_sign = chunk.turn == member.turn and member.activity == "reviewing"
    return not (member.response_tokens or member.response_usd or is_sign)


def _booked(s: State, chunk: UsageReported) -> State:
    """``s`` with what a response has cost so far."""
    member = s.members[chunk.agent]
    tokens, usd = chunk.usage.total_tokens, chunk.cost_usd or 0.0
    more = max(0, tokens - member.response_tokens)
    more_usd = max(0.0, usd - member.response_usd)
    member = replace(
        member,
        spent_tokens=member.spent_tokens + more,
        spent_usd=member.spent_usd + more_usd,
        reserved_tokens=max(0, member.reserved_tokens - more),
        reserved_usd=max(0.0, member.reserved_usd - more_usd),
        granted_tokens=max(0.0, member.granted_tokens - more),
        granted_usd=max(0.0, member.granted_usd - more_usd),
        response_tokens=tokens,
        response_usd=usd,
    )
    return replace(
        s,
        now=max(s.now, chunk.at),
        members=with_entry(s.members, member.id, member),
        spent_tokens=s.spent_tokens + more,
        spent_usd=s.spent_usd + more_usd,
    )


def _on_chunk(m: Move, chunk: Chunk) -> None:
    member = m.s.members[chunk.agent]
    match chunk:
        case UsageReported():
            _on_usage(m, member, chunk)
            return
        case ResponseStarted():
            if member.response_tokens or member.response_usd:
                m.put(replace(member, response_tokens=0, response_usd=0.0))
            if chunk.turn == member.turn and member.activity == "reviewing":
                leader_first.on_sign(m, member)
            return
        case _ if chunk.turn != member.turn or member.activity in {"idle", "out"}:
            return
        case BlockStarted():
            if chunk.type == "tool_use" and b'"new_answer"' in bytes(chunk.content):
                m.put(replace(member, is_revising=True))
        case AnswerProposed():
            _on_proposal(m, member, chunk)
        case VoteCast() if member.activity == "reviewing" and member.contest >= 0:
            voting.on_vote(m, member, chunk)
        case AnswerPresented() if member.activity == "presenting":
            m.rest(member)
            conclusion.present(m, chunk)
        case RestartRequested() if member.activity == "presenting":
            _on_restart(m, member, chunk)
        case TaskDivided() if member.activity == "dividing":
            division.on_divided(m, member, chunk)
        case PartCompleted() if member.activity == "working":
            division.on_part(m, member, chunk)
        case TurnEnded():
            _on_fruitless_turn(m, member, _why(chunk))
        case AgentFailed():
            _on_failure(m, member, f"{chunk.error}: {chunk.message}")
        case _:
            pass


def _on_restart(m: Move, member: Member, chunk: RestartRequested) -> None:
    """The presenter would rather have another round than present (W3)."""
    m.rest(member)
    if conclusion.may_anyone_answer(m):
        drafting.reopen(m, chunk.reason, chunk.instructions)
    else:
        _without_presenter(m, "wanted another round, but no more answers are taken")


def _on_proposal(m: Move, member: Member, chunk: AnswerProposed) -> None:
    match member.activity:
        case "drafting":
            drafting.on_draft(m, member, chunk)
        case "reviewing":
            drafting.on_revision(m, member, chunk)
        case "challenging":
            challenge.on_proposal(m, member, chunk)
        case "presenting":
            # A presenter that calls new_answer means the words it presents.
            m.rest(member)
            conclusion.present(m, chunk)
        case _:
            pass


def _why(chunk: TurnEnded) -> str:
    return f"{chunk.outcome}: {chunk.detail}" if chunk.detail else chunk.outcome


def _on_fruitless_turn(m: Move, member: Member, why: str) -> None:
    """A turn ended without what it was asked for."""
    activity = member.activity
    member = m.end_in_vain(member)
    match activity:
        case "drafting":
            drafting.on_no_draft(m, member)
        case "reviewing":
            voting.leave(m, member)
        case "challenging":
            challenge.fall(m)
        case "presenting":
            _without_presenter(m, f"did not present ({why})")
        case _:
            _on_part_undone(m, member, activity)


def _on_part_undone(m: Move, member: Member, activity: Activity) -> None:
    """The same in a divided task."""
    if activity == "dividing":
        division.on_no_division(m, member)
    elif activity == "working":
        division.on_no_part(m, member)


def _without_presenter(m: Move, why: str) -> None:
    """Nobody words the result: it is given as it stands."""
    if m.rules.drafting.division is not None:
        division.conclude(m, "answered", f"{m.s.detail}; the integrator {why}")
        return
    conclusion.conclude(m, "answered", f"{m.s.detail}; the winner {why}")


def _on_failure(m: Move, member: Member, why: str) -> None:
    """The agent is out; the others go on."""
    activity = member.activity
    _after_failure(m, m.retire(member, why), activity, why)


def _after_failure(m: Move, member: Member, activity: Activity, why: str) -> None:
    """``member`` is out, and was busy with ``activity``."""
    match activity:
        case "drafting":
            drafting.on_no_draft(m, member)
        case "reviewing":
            voting.leave(m, member)
        case "challenging":
            challenge.fall(m)
        case "presenting":
            _without_presenter(m, f"failed to present ({why})")
        case "idle":
            # Taken out while it waited to be asked for its ballot: it owes none now.
            voting.leave(m, member)
        case _:
            _on_part_undone(m, member, activity)


def _on_usage(m: Move, member: Member, chunk: UsageReported) -> None:
    """Book what the response has cost so far; stop who is over the budget."""
    m.s = _booked(m.s, chunk)
    member, rules = m.s.members[member.id], m.rules
    if (
        rules.limits.budget_tokens is not None
        and m.s.spent_tokens > rules.limits.budget_tokens
    ):
        _stop(m, f"the budget of {rules.limits.budget_tokens} tokens is spent")
    elif (
        rules.limits.budget_usd is not None and m.s.spent_usd > rules.limits.budget_usd
    ):
        _stop(m, f"the budget of {rules.limits.budget_usd} USD is spent")
    elif member.activity != "out":
        why = session_budget.overdrawn(m, member)
        if why is None and chunk.cost_usd is None and chunk.usage.total_tokens:
            is_bounded = session_budget.is_in_money(rules, member.id)
            unknown = f"the price of {chunk.model!r} is unknown; no budget can be kept"
            why = unknown if is_bounded else None
        if why is not None:
            _take_out(m, member, why)


def _is_over(m: Move) -> bool:
    return m.s.phase == "concluded"


def _keep_to_budget(m: Move) -> None:
    """Hold back the turns that do not fit: their agents are out, the others go on."""
    begin, never = 0, list[session_budget.HeldBack]()
    while not _is_over(m):
        held = session_budget.hold_back(m, begin)
        begin = len(m.out)
        if not held:
            break
        never += held
        for each in held:
            m.retire(each.member, each.why)
        is_running = bool(m.s.under_check) or any(
            member.activity != "idle" for member in m.live()
        )
        if not is_running and any(each.is_session for each in held):
            _stop(m, next(each.why for each in held if each.is_session))
        for each in held:
            if not _is_over(m):
                member = m.s.members[each.member.id]
                _after_failure(m, member, each.member.activity, each.why)
        if m.rules.limits.ahead == "waits" and m.rules.drafting.revise:
            revisions.ask_who_waited(m)  # for whoever is out now, perhaps
    session_budget.without_cancels(m, never)


def _on_shell(m: Move, what: ShellInput) -> None:
    match what:
        case SessionOpened():
            m.out.append(
                ArmTimer(timer=DEADLINE_TIMER, at=m.s.now + m.rules.limits.deadline_s)
            )
            if m.rules.drafting.division is not None:
                division.begin(m)
            else:
                drafting.begin(m)
        case TimerRang(timer=timer):
            _on_timer(m, timer)
        case Interrupted(reason=reason):
            _best_so_far(m, "interrupted", reason)
        case PersonSaid(text=text):
            for member in (m.s.members[agent] for agent in m.s.order):
                words = (*member.words, f"A person says to the team: {text}")
                m.put(replace(member, words=words))
        case AgentStopped(agent=agent, reason=reason):
            _take_out(m, m.s.members[agent], reason)
        case AnswerVetoed(label=label, reason=reason):
            vetoes.veto(m, label, reason)
        case CheckEnded():
            drafting.on_check(m, what)
        case VoteForced(reason=reason):
            drafting.force_vote(m, reason)
        case _:
            assert_never(what)


def _on_timer(m: Move, timer: str) -> None:
    match timer:
        case "deadline":
            _best_so_far(m, "deadline", "the deadline passed")
        case drafting.STRAGGLER_TIMER:
            drafting.cut_stragglers(m)
        case revisions.NEWS_TIMER:
            revisions.announce(m)
        case _ if timer.startswith(drafting.STRAGGLERS_OF):
            drafting.cut_stragglers_of(m, timer)
        case _ if timer.startswith(leader_first.LEADER_TIMER):
            leader_first.on_timer(m, timer)
        case _ if timer.startswith(voting.LATE_VOTES_TIMER):
            voting.cut_late_votes(m, timer)
        case _:
            pass


def _take_out(m: Move, member: Member, reason: str) -> None:
    """Cancel what ``member`` runs and go on without it (B2)."""
    activity = member.activity
    member = m.cancel(member, reason)
    _on_failure(m, replace(member, activity=activity), reason)


def _stop(m: Move, why: str) -> None:
    """The money is gone: give the best answer there is."""
    _best_so_far(m, "answered" if m.s.accepted else "failed", why)


def _best_so_far(m: Move, status: conclusion.Status, why: str) -> None:
    """End now, with the winner, the leader, or who the lot puts first (B4)."""
    if m.rules.drafting.division is not None:
        division.best_so_far(m, status, why)
        return
    if m.s.winner is None:
        m.s.winner = winner.leader(m)
    if m.s.winner is None:
        missing = "every answer was vetoed" if m.s.vetoed else "nobody had answered"
        status = "failed" if status == "answered" else status
        conclusion.conclude(m, status, f"{why}; {missing}")
        return
    missing = {
        "drafting": "first answers were still being written",
        "voting": "not all votes were in",
        "presenting": "the winner had not finished presenting",
    }.get(m.s.phase, "")
    conclusion.conclude(m, status, f"{why}; {missing}")
