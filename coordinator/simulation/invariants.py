"""Invariants of every session, checked from outside after every step.

The checker sees only inputs and outputs, never the machine's state, so that a bug in
the state cannot hide itself. It keeps books of its own and raises :class:`Violation`
with the name of the invariant that broke.
"""

from __future__ import annotations

from fractions import Fraction

from msgspec import UnsetType

from agents.protocol.chunks import (
    AgentFailed,
    AgentId,
    AnswerProposed,
    Approval,
    Ballot,
    Choice,
    Label,
    Ranking,
    ResponseStarted,
    RestartRequested,
    Scores,
    TurnEnded,
    TurnNumber,
    UsageReported,
)
from agents.protocol.turns import (
    LEAST_OUTPUT_TOKENS,
    BallotForm,
    Divide,
    Draft,
    Present,
    Review,
    Task,
    Turn,
    Work,
)
from coordinator.ballots import relabelled
from coordinator.consensus import DEADLINE_TIMER
from coordinator.consensus.rules import Rules
from coordinator.consensus.similarity import similarity
from coordinator.protocol.events import (
    AgentRetired,
    AnswerAccepted,
    AnswerChecked,
    AnswerRefused,
    AnswerRestored,
    AnswerVetoed,
    ArmTimer,
    CancelChecks,
    CancelTurn,
    ChallengeOpened,
    CheckEnded,
    Conclude,
    LiveBallots,
    MachineInput,
    MachineOutput,
    ResultsCounted,
    RunChecks,
    SessionOpened,
    SlateFrozen,
    StartTurn,
    TellAgent,
    TimerRang,
    VoteCounted,
    VoteForced,
    VoteRejected,
    VotesCarried,
    VotesVoided,
    WinnerDecided,
)
from coordinator.simulation.check_books import CheckBooks, Violation
from coordinator.simulation.recount import (
    is_counted_right,
    is_graded_right,
    is_sure_whatever_comes,
)

CHALLENGE = "a challenge to the winner"
"""Why such a slate is frozen; a team may grow after one, and is counted anew."""
TOO_LONG = "took too long"
"""A reason to cancel: the agent might have mattered, and was waited for long enough."""


class Checker:
    """Watches one session."""

    def __init__(self, agents: tuple[AgentId, ...], rules: Rules) -> None:
        self._agents = frozenset(agents)
        self._rules = rules
        self._own_budget = rules.limits.agent_budget_tokens
        self._is_budgeted = rules.limits.budget_tokens is not None or (
            self._own_budget is not None
        )
        self._turns = dict.fromkeys(agents, TurnNumber(0))
        self._read: dict[AgentId, set[Label]] = {agent: set() for agent in agents}
        """Labels that each conversation has shown in turns with an outcome."""
        self._reading: dict[AgentId, set[Label]] = {agent: set() for agent in agents}
        """And with the turn under way, which may be withdrawn."""
        self._votable: dict[AgentId, set[Label]] = {agent: set() for agent in agents}
        self._ordinal: dict[Label, int] = {}
        """The answer count when it came to stand; again, where it was restored."""
        self._number: dict[Label, int] = {}
        """1, 2, 3, … in order of acceptance."""
        self._accepted_by: dict[AgentId, int] = dict.fromkeys(agents, 0)
        self._due_back: Label | None = None
        """The answer that a veto has to bring back in this step."""
        self._withdrawn: set[AgentId] = set()
        """Voters whose ballots were given up in this step."""
        self._contents: dict[Label, str] = {}
        self._root: dict[Label, Label] = {}
        self._ballots: dict[AgentId, Ballot] = {}
        self._stage = 0
        """Slates frozen so far."""
        self._is_one_contest = True
        self._votes_in = dict.fromkeys(agents, 0)
        """The slate that each was last asked to vote on."""
        self._answers: dict[Label, AgentId] = {}
        self._standing: dict[AgentId, Label] = {}
        self._vetoed: set[Label] = set()
        self._retired: set[AgentId] = set()
        self._deadline = float("inf")
        self._accepted = 0
        self._asked: dict[AgentId, int] = dict.fromkeys(agents, 0)
        self._spent = 0
        self._spent_by = dict.fromkeys(agents, 0)
        self._running: set[AgentId] = set()
        self._armed: set[str] = set()
        self._over_budget = self._challenged = False
        self._response: dict[AgentId, int] = dict.fromkeys(agents, 0)
        self._results: dict[Label, str] = {}
        self._counted: dict[AgentId, Label] = {}
        """Author → the answer that its draft is a ballot for, where any are."""
        self._drafting: set[AgentId] = set()
        """Agents that write a first answer as the step begins."""
        self._begun: set[AgentId] = set()
        """And who does so by now."""
        self._checks = CheckBooks(rules)
        self.concluded: Conclude | None = None
        self.decided: WinnerDecided | None = None

    def watch(self, what: MachineInput, outputs: tuple[MachineOutput, ...]) -> None:
        """Check one step.

        Raises:
            Violation: Something happened that must not.
        """
        if self.concluded is not None:
            _claim(not outputs, "nothing happens after the conclusion")
            return
        self._checks.begin_step()
        # Most of what is said is of these three kinds, and nothing follows from it.
        if type(what) is ResponseStarted:
            self._response[what.agent] = 0
        elif type(what) is UsageReported:
            self._spend(what)
        elif type(what) is TurnEnded or type(what) is AgentFailed:
            if what.turn == self._turns[what.agent]:
                self._running.discard(what.agent)
        else:
            self._take(what)
        if self._rules.drafting.equal != "none":
            brought = isinstance(what, AnswerProposed | TurnEnded | AgentFailed)
            if brought and what.turn == self._turns[what.agent]:
                self._begun.discard(what.agent)
            # Who is cut because its time is up is not waited for.
            is_cut = isinstance(what, TimerRang | VoteForced)
            self._drafting = set() if is_cut else set(self._begun)
            if is_cut:
                self._checks.in_check.clear()
        self._withdrawn.clear()
        for output in outputs:
            if self.concluded is not None:
                raise Violation("the conclusion is the last effect")
            self._look_at(output, what.at)
            if isinstance(what, VoteForced):
                # A person who will not wait gives up ballots that could have mattered.
                self._withdrawn.clear()
        if self._due_back is not None:
            raise Violation("a vetoed revision gives way to the one before")
        if self.concluded is None:
            self._check_progress(what)

    def _take(self, what: MachineInput) -> None:
        """Book what happens more seldom."""
        match what:
            case TimerRang():
                self._armed.discard(what.timer)
            case SessionOpened():
                self._deadline = what.at + self._rules.limits.deadline_s
            case AnswerVetoed():
                self._on_veto(what.label)
            case CheckEnded():
                self._checks.take(what)
            case RestartRequested():
                # A new round, though perhaps nobody can afford to take part in it.
                self.decided, self._challenged = None, False
            case _:
                pass

    def _on_veto(self, label: Label) -> None:
        """Book a veto, and what has to follow from it in this step."""
        if label not in self._answers or label in self._vetoed:
            return
        self._vetoed.add(label)
        if self._rules.drafting.division is not None:
            return
        author = self._answers[label]
        if self._standing.get(author) == label:
            self._due_back = self._earlier(author)
        if not self._rules.drafting.revise:
            # What was merged into it stands for it no less.
            for twin in self._standing.values():
                if self._is_twin(twin, label):
                    self._vetoed.add(twin)

    def _earlier(self, author: AgentId) -> Label | None:
        """The newest of ``author``'s answers that no veto is for."""
        mine = [label for label, agent in self._answers.items() if agent == author]
        for label in sorted(mine, key=lambda x: self._number[x], reverse=True):
            words = any(self._is_twin(label, other) for other in self._vetoed)
            if label not in self._vetoed and not words:
                return label
        return None

    def _is_twin(self, one: Label, other: Label) -> bool:
        result = self._results.get(one, "")
        is_counted = self._rules.drafting.equal != "none"
        if is_counted and result and result == self._results.get(other, ""):
            return True
        over = self._rules.drafting.duplicate_over
        texts = self._contents[one], self._contents[other]
        return over < 1 and similarity(*texts) > over

    def _on_restored(self, restored: AnswerRestored) -> None:
        label = restored.label
        if self._due_back is None:
            later = self._standing[restored.agent]
            is_better = self._checks.is_better(label, later)
            _claim(is_better, "of an author's answers the one stands that passes more")
            self._standing[restored.agent] = label
            return
        _claim(label == self._due_back, "a vetoed revision gives way to the one before")
        self._due_back = None
        self._standing[restored.agent] = label
        if self._rules.drafting.revise:
            self._accepted += 1
            self._ordinal[label] = self._accepted
            self._root[label] = label

    def _check_progress(self, what: MachineInput) -> None:
        """Of a session that goes on after ``what``."""
        if not (self._running or self._armed or self._checks.waiting):
            raise Violation("a session waits for somebody, not for its deadline alone")
        if self._own_budget is not None and isinstance(what, UsageReported):
            # Nobody else can have gone over its own with this step.
            is_over = self._spent_by[what.agent] > self._own_budget
            is_out = what.agent in self._retired
            _claim(not is_over or is_out, "who is over budget is out")
        if self._over_budget:
            raise Violation("a spent budget ends the session")
        if what.at > self._deadline:
            raise Violation("a session ends by its deadline")

    def _spend(self, usage: UsageReported) -> None:
        agent, tokens = usage.agent, usage.usage.total_tokens
        # Within a response the count is cumulative.
        more = tokens - self._response[agent]
        if more > 0:
            self._spent += more
            self._spent_by[agent] += more
        self._response[agent] = tokens
        budget = self._rules.limits.budget_tokens
        self._over_budget = budget is not None and self._spent > budget

    def _check_room(self, agent: AgentId) -> None:
        """No turn begins that could not even be answered within the budgets."""
        for budget, spent in (
            (self._rules.limits.budget_tokens, self._spent),
            (self._own_budget, self._spent_by[agent]),
        ):
            has_room = budget is None or spent + LEAST_OUTPUT_TOKENS <= budget
            _claim(has_room, "no turn begins that cannot fit its budget")

    def _look_at(self, output: MachineOutput, now: float) -> None:
        match output:
            case StartTurn():
                self._on_start(output.turn)
            case AnswerAccepted():
                self._on_accepted(output)
            case VoteCounted():
                self._on_vote(output)
            case ArmTimer():
                _claim(output.at >= now, "timers ring in the future")
                if output.timer != DEADLINE_TIMER:
                    self._armed.add(output.timer)
            case SlateFrozen() | WinnerDecided():
                self._on_vote_stage(output)
            case ResultsCounted():
                self._on_count(output)
            case Conclude():
                self._on_end(output)
            case CancelTurn():
                self._running.discard(output.agent)
                self._begun.discard(output.agent)
                if self._is_full:
                    # There is no room for what it drafts.
                    self._drafting.discard(output.agent)
                is_late = output.reason.endswith(TOO_LONG)
                if self._votes_in[output.agent] == self._stage and not is_late:
                    self._withdrawn.add(output.agent)
                _claim(
                    output.turn == self._turns[output.agent],
                    "only the newest turn is cancelled",
                )
            case _:
                self._look_at_rare(output)

    def _look_at_rare(self, output: MachineOutput) -> None:
        match output:
            case TellAgent(news=news):
                labels = {answer.label for answer in news.answers}
                self._reading[news.agent] |= labels
                self._votable[news.agent] |= labels
                self._asked[news.agent] = self._accepted
            case VotesCarried():
                self._on_carried(output)
            case LiveBallots():
                self._on_live(output)
            case AnswerRestored():
                self._on_restored(output)
            case RunChecks() | CancelChecks() | AnswerChecked():
                self._checks.note(output)
            case VoteRejected(voter=agent) | AnswerRefused(agent=agent):
                self._read[agent] = set(self._reading[agent])
            case ChallengeOpened():
                _claim(self.decided is None, "a challenge comes before the decision")
                _claim(not self._challenged, "one challenge a round")
                self._challenged = True
            case VotesVoided():
                for voter in output.voters:
                    _claim(voter in self._ballots, "only live ballots are voided")
                    del self._ballots[voter]
            case AgentRetired():
                _claim(output.agent not in self._retired, "an agent retires once")
                self._retired.add(output.agent)
                self._running.discard(output.agent)
                self._begun.discard(output.agent)
                self._drafting.discard(output.agent)
            case _:
                pass

    def _on_vote_stage(self, event: SlateFrozen | WinnerDecided) -> None:
        self._checks.on_stage(event, set(self._standing.values()) - self._vetoed)
        if isinstance(event, SlateFrozen):
            self._stage += 1
            # A new vote is read from the beginning: small changes add up from there.
            self._root.update({label: label for label in event.labels})
            is_whole = _is_judged_whole(self._rules, len(event.labels))
            # The ballots of a first look count on when its shortlist is voted on.
            counts_on = (
                self._rules.voting.shortlist is not None and not self._is_one_contest
            )
            self._is_one_contest = is_whole and not counts_on
            if event.reason == CHALLENGE:
                # What was written to beat the winner has no draft to its name.
                self._counted = {}
            return
        _claim(self._may_decide(), "one winner")
        _claim(event.label in self._answers, "the winner has answered")
        _claim(event.label not in self._vetoed, "no vetoed answer wins")
        self._recount(event)
        self.decided = event

    def _on_count(self, count: ResultsCounted) -> None:
        """Equal results are one entry, and a clear count cannot be changed any more."""
        flat = [label for members in count.members for label in members]
        standing = self._checks.best(set(self._standing.values()) - self._vetoed)
        _claim(len(flat) == len(set(flat)), "a draft counts once")
        _claim(set(flat) == standing, "every standing draft is counted")
        weights: list[float] = []
        seen: set[str] = set()
        for (first, weight), members in zip(
            count.standings, count.members, strict=True
        ):
            _claim(first == members[0], "an entry is named by one of its drafts")
            results = {self._results.get(label, "") for label in members}
            _claim(len(results) == 1, "drafts of one entry have one result")
            _claim(not (results & seen), "no two entries have one result")
            seen |= results - {""}
            mine = sum(
                Fraction(str(self._rules.voting.weights.get(self._answers[label], 1)))
                for label in members
            )
            _claim(float(mine) == weight, "an entry weighs what its authors do")
            weights.append(weight)
        _claim(weights == sorted(weights, reverse=True), "the heaviest comes first")
        if count.is_clear and self._rules.drafting.adaptive is None:
            lead = weights[0] - (weights[1] if len(weights) > 1 else 0.0)
            to_come = sum(
                self._rules.voting.weights.get(x, 1.0)
                for x in self._drafting | self._checks.in_check
                if self._standing.get(x) not in flat
            )
            if self._checks.is_settled(standing):
                to_come = 0  # whatever comes is not wanted
            _claim(not to_come or lead > to_come, "no draft to come can change a count")
        self._counted = {
            self._answers[label]: members[0]
            for members in count.members
            for label in members
        }
        if count.is_clear:
            self._stage += 1
            self._is_one_contest = True

    def _on_live(self, live: LiveBallots) -> None:
        """Others than these are history."""
        voters = {ballot.voter for ballot in live.ballots}
        _claim(self._ballots.keys() >= voters, "only ballots that were cast count on")
        self._ballots = {v: b for v, b in self._ballots.items() if v in voters}

    def _may_decide(self) -> bool:
        """Whether a winner may be named now: the first, or after a veto."""
        if self.decided is None:
            return True
        return self.decided.label in self._vetoed

    def _on_start(self, turn: Turn) -> None:
        agent, task = turn.agent, turn.task
        if agent not in self._agents:
            raise Violation("turns go to members")
        self._check_part(task)
        if agent in self._retired:
            raise Violation("who is out gets no turn")
        if self._is_budgeted:
            self._check_room(agent)
        if turn.number != self._turns[agent] + 1:
            raise Violation("turn numbers count up")
        self._turns[agent] = turn.number
        self._running.add(agent)
        if isinstance(task, Draft):
            self._begun.add(agent)
            self._check_escalation(agent)
            self._checks.on_draft(agent, set(self._standing.values()) - self._vetoed)
        self._asked[agent] = self._accepted
        if self.decided is not None and not isinstance(task, Present):
            # The presenter asked for another round.
            self.decided = None
            self._challenged = False
        reading = set(self._read[agent]) if turn.continues else set[Label]()
        self._reading[agent] = reading
        if isinstance(task, Review):
            if turn.continues:
                reading.update(task.unseen)
            else:
                reading.update([answer.label for answer in task.answers])
            form = task.ballot
            self._votable[agent] = set(form.labels) if form else set()
            if form is not None:
                self._check_form(agent, form)
                # It opens a new vote: in a later stage older ballots are history.
                self._ballots.pop(agent, None)
                self._votes_in[agent] = self._stage

    def _check_escalation(self, agent: AgentId) -> None:
        """A dear model is asked only where the others do not agree."""
        rules = self._rules
        escalate, models = rules.drafting.escalate, rules.voting.models
        if escalate is None or rules.drafting.checks or rules.final.restarts:
            return
        is_first = {models.get(other) for other in self._agents} == {escalate.to}
        if models.get(agent) != escalate.to or is_first:
            return
        standing = set(self._standing.values()) - self._vetoed
        results = {self._results.get(label) or label for label in standing}
        is_agreed = len(standing) > 1 and len(results) == 1
        _claim(not is_agreed, "a dear model is asked only where others disagree")
        waits = {x for x in self._drafting if models.get(x) != escalate.to}
        _claim(not waits, "a dear model is asked when the others have answered")

    def _check_form(self, voter: AgentId, form: BallotForm) -> None:
        """The rubric is before every voter, and nobody judges what is its own."""
        criteria = self._rules.voting.each_criterion()
        _claim(form.criteria == criteria, "every voter has the rubric")
        if self._rules.voting.self_votes == "forbid":
            own = {label for label in form.labels if self._answers[label] == voter}
            is_all = own == set(form.labels)
            _claim(not own or is_all, "nobody is asked to judge its own answer")

    def _check_part(self, task: Task) -> None:
        """In a divided task nobody votes; a part has few tries, one at a time."""
        is_divided = self._rules.drafting.division is not None
        if isinstance(task, Draft | Review):
            _claim(not is_divided, "a divided task is not voted on")
        elif isinstance(task, Divide | Work):
            _claim(is_divided, "only a divided task has parts")

    def _on_vote(self, vote: VoteCounted) -> None:
        voter = vote.voter
        if voter in self._ballots:
            raise Violation("one live ballot a voter")
        asked_at, ordinal, vetoed = self._asked[voter], self._ordinal, self._vetoed
        for label in self._standing.values():
            if ordinal[label] > asked_at and label not in vetoed:
                raise Violation("a ballot that counts has seen every answer")
        votable, reading = self._votable[voter], self._reading[voter]
        named = labels_of(vote.ballot)
        _claim(self._answers.keys() >= {*named}, "ballots name accepted answers")
        _claim(votable.issuperset(named), "ballots name what was offered")
        _claim(votable - vetoed <= reading, "no ballot for an unseen answer")
        is_right = is_graded_right(self._rules.voting.each_criterion(), vote)
        _claim(is_right, "points are the means of the criteria")
        self._read[voter] = set(reading)
        self._ballots[voter] = vote.ballot

    def _on_accepted(self, accepted: AnswerAccepted) -> None:
        label, agent = accepted.label, accepted.agent
        _claim(label not in self._answers, "labels are used once")
        self._accepted += 1
        self._ordinal[label] = self._accepted
        self._number[label] = len(self._number) + 1
        self._check_caps(agent)
        self._contents[label] = accepted.content
        if not isinstance(accepted.result, UnsetType):
            self._results[label] = accepted.result
        self._root[label] = label
        self._answers[label] = agent
        self._standing[agent] = label
        self._read[agent] = {*self._reading[agent], label}

    @property
    def _is_full(self) -> bool:
        """Whether no more answers are taken."""
        most = self._rules.limits.answers_total
        return most is not None and len(self._number) >= most

    def _check_caps(self, author: AgentId) -> None:
        """Parts of a divided task are no answers, and are not capped."""
        rules = self._rules
        if rules.drafting.division is not None:
            return
        self._accepted_by[author] += 1
        is_few = self._accepted_by[author] <= rules.limits.answers_per_agent
        _claim(is_few, "an agent has no more answers than it may")
        total = rules.limits.answers_total
        is_few = total is None or len(self._number) <= total
        _claim(is_few, "a session has no more answers than it may")

    def _on_carried(self, carried: VotesCarried) -> None:
        """A small change: who has read the answer before has as good as read it."""
        old, new = carried.replaced, carried.label
        root = self._root[old]
        likeness = similarity(self._contents[root], self._contents[new])
        _claim(
            likeness > self._rules.drafting.small_change_over,
            "only small changes keep ballots",
        )
        self._root[new] = root
        self._ordinal[new] = self._ordinal[old]
        for labels in (*self._read.values(), *self._reading.values()):
            if old in labels:
                labels.add(new)
        for labels in self._votable.values():
            if old in labels:
                labels.remove(old)
                labels.add(new)
        for voter in carried.voters:
            _claim(voter in self._ballots, "only live ballots are carried")
            self._ballots[voter] = relabelled(self._ballots[voter], {old: new})

    def _recount(self, decided: WinnerDecided) -> None:
        """Count the ballots that came out of the machine; it must have counted alike.

        Where several contests are held at once, it is not seen from outside which
        ballot belongs to which, nor whether who has gone had voted in a runoff.
        """
        rules = self._rules
        ballots = {
            voter: ballot
            for voter, ballot in self._ballots.items()
            if self._votes_in[voter] == self._stage
        }
        has_runoff = rules.voting.ties == "runoff" and not self._retired.isdisjoint(
            ballots
        )
        if decided.rule and self._is_one_contest and not has_runoff:
            is_right = is_counted_right(rules, ballots, decided, self._counted)
            _claim(is_right, "the standings are what the ballots say")
            is_dead = any(self._votes_in[v] != self._stage for v in self._ballots)
            _claim(not is_dead, "ballots of an earlier vote are history")
            # Where results are counted drafts are ballots; see _on_count.
            is_plain = rules.drafting.equal == "none" and not self._challenged
            if decided.is_early and is_plain:
                out = self._withdrawn - ballots.keys() - self._retired
                is_sure = is_sure_whatever_comes(rules, ballots, out, decided)
                _claim(is_sure, "no ballot that was given up could have mattered")

    def _on_end(self, end: Conclude) -> None:
        self.concluded = end
        standing = set(self._standing.values()) - self._vetoed
        if standing:
            _claim(end.answer is not None, "the best answer so far is given")
            is_one = self._rules.drafting.division is None
            _claim(not is_one or end.label is not None, "the answer given has a label")
        if end.label is not None:
            _claim(self._answers[end.label] == end.winner, "winner and label agree")
        if self.decided is not None and end.status == "answered":
            _claim(end.label == self.decided.label, "the winner presents")


def _is_judged_whole(rules: Rules, answers: int) -> bool:
    """Whether every judge of so many answers is asked about all of them."""
    bounds = [rules.voting.committee_over]
    if rules.voting.shortlist is not None:
        bounds.append(rules.voting.shortlist.over)
    is_small = all(bound is None or answers <= bound for bound in bounds)
    return rules.voting.topology == "all" and is_small


def labels_of(ballot: Ballot) -> tuple[Label, ...]:
    """Every answer that ``ballot`` names."""
    match ballot:
        case Choice(label=label):
            return (label,)
        case Approval(labels=labels):
            return labels
        case Ranking(tiers=tiers):
            return tuple(label for tier in tiers for label in tier)
        case Scores(points=points):
            return tuple(points)


def _claim(holds: bool, invariant: str) -> None:
    if not holds:
        raise Violation(invariant)
