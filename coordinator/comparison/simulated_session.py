"""One simulated session: a crowd plays under some rules, and every token is counted.

The real machine decides; this file only answers it. A turn is one model call (or a few,
see :attr:`Assumptions.calls`), its result comes when it is written, and a turn that is
cancelled has cost its prompt and what it had written until then.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

import msgspec

from agents.protocol.chunks import (
    AgentFailed,
    AgentId,
    AnswerPresented,
    AnswerProposed,
    Ballot,
    BlockStarted,
    Label,
    ResponseStarted,
    VoteCast,
)
from agents.protocol.stamper import Pen
from agents.protocol.turns import Divide, Draft, News, Present, Review, Turn, Work
from coordinator.comparison.ballots import in_form, widened
from coordinator.comparison.billing import Bill, Prefix, PromptCache
from coordinator.comparison.crowd import Crowd, Written
from coordinator.comparison.prompt_layout import Talk, Tools, laid_out
from coordinator.consensus import Consensus
from coordinator.consensus.rules import Rules
from coordinator.protocol.events import (
    AnswerAccepted,
    ArmTimer,
    CancelTurn,
    Conclude,
    MachineInput,
    MachineOutput,
    SessionOpened,
    StartTurn,
    TellAgent,
    TimerRang,
    VoteRejected,
    VotesVoided,
    WinnerDecided,
)

Part: TypeAlias = Literal["draft", "vote", "revise", "present", "crash"]
_NO_MESSAGE = msgspec.Raw(b"{}")
CHARACTERS_A_TOKEN = 4
_TYPING = msgspec.Raw(b'{"type":"tool_use","name":"new_answer"}')


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one session; see the columns of the table."""

    seed: int
    plain: int
    read: int
    written: int
    output: int
    usd: float
    elapsed_s: float
    quality: float
    """Of the answer given; what the presenter makes of it is not simulated."""
    best: float
    """Of the best answer that was accepted."""
    is_right: bool
    wasted: int
    """Tokens of turns that were cancelled or whose vote did not count."""
    restarts: int
    """Answers that came while votes were being cast: each sends the voters back."""
    turned_wrong: int
    """Revisions of a right answer that were wrong."""
    turned_right: int
    winner: str
    """The text given, to compare one policy's choice with another's."""
    is_early: bool
    status: str

    @property
    def tokens(self) -> int:
        """All tokens, in and out."""
        return self.plain + self.read + self.written + self.output


@dataclass(slots=True)
class _Running:
    """A turn under way."""

    turn: Turn
    part: Part
    start: float
    first_token: float
    speed: float
    output: float
    bill: Bill
    """All input; what has been written is added when it ends."""
    prompt: int
    tools: Tools
    seen: list[Label]
    boundaries: tuple[float, ...]
    """When tools return: from then on told news has been read."""

    @property
    def end(self) -> float:
        return self.first_token + self.output / self.speed


class Stage:
    """Plays one session.

    Args:
        crowd: Who plays.
        rules: Under which rules.
        is_fresh: Each turn begins its conversation anew, as MassGen's do.
    """

    def __init__(self, crowd: Crowd, rules: Rules, *, is_fresh: bool = False) -> None:
        self._crowd = crowd
        self._assumed = crowd.assumed
        self._is_fresh = is_fresh
        self._agents = tuple(AgentId(f"a{i}") for i in range(crowd.size))
        self._index = {agent: i for i, agent in enumerate(self._agents)}
        self._machine = Consensus.new(
            self._agents, "q", rules, seed=crowd.seed, nonce="n"
        )
        self._cache = PromptCache(crowd.assumed)
        self._due: list[tuple[float, int, AgentId | None, int, str]] = []
        self._count = 0
        self._now = 0.0
        self._limit_free = 0.0
        self._timers: dict[str, float] = {}
        self._running: dict[AgentId, _Running] = {}
        self._talks = {agent: Talk() for agent in self._agents}
        self._times: dict[tuple[AgentId, str], int] = {}
        self._answers: dict[Label, Written] = {}
        self._live: dict[AgentId, Written] = {}
        self._votes: dict[AgentId, int] = {}
        self._bill = Bill()
        self._wasted = 0
        self._restarts = 0
        self._turned = [0, 0]
        self._is_early = self._was_voting = False
        self._proposal: Written | None = None
        self._end: Conclude | None = None

    def play(self) -> Outcome:
        """Run to the end."""
        self._feed(SessionOpened(at=0.0))
        while self._end is None:
            at, _, agent, number, what = heapq.heappop(self._due)
            self._now = at
            if agent is None:
                if self._timers.get(what) == at:
                    self._feed(TimerRang(at=at, timer=what))
                continue
            running = self._running.get(agent)
            if running is None or running.turn.number != number:
                continue
            if what == "begun":
                pen = Pen(agent, running.turn.number, at)
                self._feed(
                    ResponseStarted(**pen.stamp(), model="m", message=_NO_MESSAGE)
                )
            elif what == "typing":
                pen = Pen(agent, running.turn.number, at)
                self._feed(
                    BlockStarted(
                        **pen.stamp(), block=0, type="tool_use", content=_TYPING
                    )
                )
            elif running.end > at:
                # Told news has made the turn longer.
                self._push(running.end, agent, number, "done")
            else:
                self._finish(agent, running)
        return self._outcome(self._end)

    def _outcome(self, end: Conclude) -> Outcome:
        best = max((x.quality for x in self._answers.values()), default=-9.0)
        answer = self._answers[end.label] if end.label is not None else None
        quality = answer.quality if answer else -9.0
        bill = self._bill
        return Outcome(
            seed=self._crowd.seed,
            plain=bill.plain,
            read=bill.read,
            written=bill.written,
            output=bill.output,
            usd=bill.usd(self._assumed),
            elapsed_s=self._now,
            quality=quality,
            best=best,
            is_right=answer is not None and self._crowd.is_right(quality),
            wasted=self._wasted,
            restarts=self._restarts,
            turned_wrong=self._turned[0],
            turned_right=self._turned[1],
            winner=answer.text if answer else "",
            is_early=self._is_early,
            status=end.status,
        )

    def _push(self, at: float, agent: AgentId | None, number: int, what: str) -> None:
        self._count += 1
        heapq.heappush(self._due, (at, self._count, agent, number, what))

    def _feed(self, what: MachineInput) -> None:
        # An answer that opens the vote sends nobody back; one that meets voters does.
        self._was_voting = self._machine.phase == "voting"
        self._machine, outputs = self._machine.step(what)
        for output in outputs:
            self._carry_out(output)

    def _carry_out(self, output: MachineOutput) -> None:
        match output:
            case StartTurn():
                self._begin(output.turn)
            case CancelTurn():
                self._cut(output.agent)
            case TellAgent():
                self._tell(output.news)
            case ArmTimer():
                self._timers[output.timer] = output.at
                self._push(output.at, None, 0, output.timer)
            case AnswerAccepted():
                self._accept(output)
            case VoteRejected():
                self._wasted += self._votes.pop(output.voter, 0)
            case VotesVoided():
                for voter in output.voters:
                    self._wasted += self._votes.pop(voter, 0)
            case WinnerDecided():
                self._is_early = output.is_early
            case Conclude():
                for agent in tuple(self._running):
                    self._cut(agent)
                self._end = output
            case _:
                pass

    def _accept(self, accepted: AnswerAccepted) -> None:
        assert self._proposal is not None  # it answers the one just handed in
        before, self._proposal, new = (
            self._live.get(accepted.agent),
            None,
            self._proposal,
        )
        self._answers[accepted.label] = self._live[accepted.agent] = new
        self._restarts += self._was_voting
        if before is not None:
            was, now = (self._crowd.is_right(x.quality) for x in (before, new))
            self._turned[0] += was and not now
            self._turned[1] += now and not was

    def _begin(self, turn: Turn) -> None:
        agent, assumed, crowd = turn.agent, self._assumed, self._crowd
        part, usual = self._part(turn)
        place = self._index[agent]
        nth = self._nth(agent, part)
        talk = None if self._is_fresh else self._talks[agent]
        prompt, prefixes, tools = laid_out(turn, talk, assumed)
        start = self._cache.sent_at(self._now, prefixes, assumed.prefix_wait_s)
        if assumed.limit_tokens_per_min is not None:
            start = max(start, self._limit_free)
        bill = self._cache.look_up(start, prefixes, prompt)
        fresh = bill.plain + bill.written
        if assumed.limit_tokens_per_min is not None:
            self._limit_free = start + 60 * fresh / assumed.limit_tokens_per_min
        reading = (fresh + bill.read / 10) / assumed.reads_per_s
        first_token = start + assumed.first_token_s + reading
        self._cache.remember(first_token, prefixes)
        running = _Running(
            turn=turn,
            part=part,
            start=start,
            first_token=first_token,
            speed=crowd.speed(place, part, nth),
            output=crowd.length(usual, place, part, nth),
            bill=bill,
            prompt=prompt,
            tools=tools,
            seen=[a.label for a in turn.task.answers]
            if isinstance(turn.task, Review)
            else [],
            boundaries=(),
        )
        self._split(running)
        self._running[agent] = running
        if isinstance(turn.task, Review):
            self._push(first_token, agent, turn.number, "begun")
        if part == "revise":
            thinks = 1 - assumed.answer_tokens / assumed.draft_tokens
            typing = first_token + thinks * running.output / running.speed
            self._push(typing, agent, turn.number, "typing")
        self._push(running.end, agent, turn.number, "done")

    def _split(self, running: _Running) -> None:
        """Bill the calls after the first: each reads the prompt and what came since."""
        calls = self._assumed.calls
        if calls <= 1:
            return
        step = running.output / calls
        running.boundaries = tuple(
            running.first_token + step * call / running.speed
            for call in range(1, calls)
        )
        for call in range(1, calls):
            known, new = running.prompt + int(step * (call - 1)), int(step)
            if self._assumed.cache:
                more = Bill(read=known, written=new)
            else:
                more = Bill(plain=known + new)
            running.bill = running.bill.plus(more)

    def _part(self, turn: Turn) -> tuple[Part, int]:
        """The agent's part in the turn, and how many tokens that usually takes."""
        agent, assumed = self._index[turn.agent], self._assumed
        match turn.task:
            case Draft():
                return "draft", assumed.draft_tokens
            case Review() as review:
                look = self._nth(turn.agent, "look")
                own = self._live.get(turn.agent)
                revisions = sum(x.author == agent for x in self._answers.values())
                if self._crowd.crashes(agent, look):
                    return "crash", assumed.vote_tokens
                if review.ballot is None or (
                    review.may_revise
                    and own is not None
                    and self._crowd.revises(agent, revisions, look)
                ):
                    return "revise", assumed.draft_tokens
                return "vote", assumed.vote_tokens
            case Present():
                return "present", assumed.present_tokens
            case Divide() | Work():
                raise NotImplementedError("divided tasks are not compared")
            case _:
                assert_never(turn.task)

    def _nth(self, agent: AgentId, what: str) -> int:
        nth = self._times.get((agent, what), 0)
        self._times[agent, what] = nth + 1
        return nth

    def _cut(self, agent: AgentId) -> None:
        running = self._running.pop(agent, None)
        if running is None or self._now < running.start:
            # A request that still waited for its slot was never sent.
            return
        written = (self._now - running.first_token) * running.speed
        written = max(0.0, min(written, running.output))
        bill = running.bill
        if running.boundaries:
            share = written / running.output
            bill = Bill(*(int(share * part) for part in bill[:3]))
        bill = bill._replace(output=int(written))
        self._bill = self._bill.plus(bill)
        self._wasted += bill.total

    def _tell(self, news: News) -> None:
        running = self._running.get(news.agent)
        if running is None or not any(at > self._now for at in running.boundaries):
            return
        more = len(news.answers) * self._assumed.answer_tokens
        running.bill = running.bill.plus(Bill(plain=more))
        running.prompt += more
        for answer in news.answers:
            author = self._author(answer.label)
            running.seen = [x for x in running.seen if self._author(x) != author]
            running.seen.append(answer.label)

    def _author(self, label: Label) -> int:
        return self._answers[label].author

    def _finish(self, agent: AgentId, running: _Running) -> None:
        del self._running[agent]
        bill = running.bill._replace(output=int(running.output))
        self._bill = self._bill.plus(bill)
        pen = Pen(agent, running.turn.number, self._now)
        tokens = self._assumed.answer_tokens
        match running.part:
            case "draft":
                self._proposal = self._crowd.draft(self._index[agent])
                chunk = AnswerProposed(
                    **pen.stamp(),
                    content=self._content(self._proposal),
                    result=self._result(self._proposal),
                )
            case "revise":
                self._proposal = self._revised(agent, running.seen)
                chunk = AnswerProposed(
                    **pen.stamp(), content=self._content(self._proposal)
                )
            case "vote":
                tokens = self._assumed.ballot_tokens
                self._votes[agent] = bill.total
                chunk = VoteCast(
                    **pen.stamp(),
                    ballot=self._ballot(agent, running),
                    seen=tuple(running.seen),
                    reason="r",
                )
            case "present":
                chunk = AnswerPresented(**pen.stamp(), content="the final words")
            case "crash":
                self._wasted += bill.total
                chunk = AgentFailed(**pen.stamp(), error="Crashed", message="")
            case _:
                assert_never(running.part)
        self._keep(agent, running, tokens)
        self._feed(chunk)

    def _keep(self, agent: AgentId, running: _Running, tokens: int) -> None:
        """The conversation stands as far as the turn brought a result."""
        talk = self._talks[agent]
        talk.tokens = running.prompt + tokens
        talk.key = (agent, running.turn.number)
        self._cache.remember(
            self._now, [Prefix((talk.key, running.tools), running.prompt)]
        )

    def _revised(self, agent: AgentId, seen: Sequence[Label]) -> Written:
        place = self._index[agent]
        answers = [self._answers[label] for label in seen]
        ranked = self._crowd.ranked(place, answers, answers)
        number = 1 + sum(x.author == place for x in self._answers.values())
        return self._crowd.revision(self._live[agent], ranked[0][0], number)

    def _result(self, written: Written) -> str:
        """The result by which equal answers are counted; an essay has none."""
        if not self._assumed.countable:
            return ""
        return f"result {self._crowd.result(written.quality, written.author)}"

    def _content(self, written: Written) -> str:
        """The text of an answer for the machine: as long as it would be."""
        return written.text.ljust(self._assumed.answer_tokens * CHARACTERS_A_TOKEN)

    def _ballot(self, agent: AgentId, running: _Running) -> Ballot:
        review = running.turn.task
        assert isinstance(review, Review)
        assert review.ballot is not None  # or it would not be a vote
        on_ballot = [answer.label for answer in review.answers]
        form = widened(review.ballot, on_ballot, running.seen)
        considered = [self._answers[label] for label in form.labels]
        shown = [self._answers[label] for label in running.seen]
        ranked = self._crowd.ranked(self._index[agent], considered, shown)
        labels = {self._answers[label]: label for label in form.labels}
        worth = [(labels[answer], seems) for answer, seems in ranked]
        return in_form(form, worth)
