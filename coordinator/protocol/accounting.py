"""Keeps a session's books: what each agent did and spent, who said and voted what.

A fold over events, used by the shell for its
:class:`~coordinator.protocol.result.Result` and by whoever reads a journal. Decides
nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from agents.limits.pricing import saved_usd
from agents.protocol.chunks import (
    AgentFailed,
    AgentId,
    ResponseAbandoned,
    ResponseStarted,
    TurnEnded,
    TurnStarted,
    Usage,
    UsageReported,
)
from coordinator.protocol.events import (
    AgentRetired,
    AnswerAccepted,
    CancelTurn,
    Conclude,
    Event,
    LiveBallots,
    StartTurn,
    VoteCounted,
    VotesCarried,
    VotesVoided,
)
from coordinator.protocol.result import (
    AgentRecord,
    AnswerRecord,
    CacheRecord,
    DraftRecord,
    Result,
    VoteRecord,
)

BOOKED = frozenset(
    {
        UsageReported,
        ResponseStarted,
        ResponseAbandoned,
        TurnStarted,
        TurnEnded,
        AgentFailed,
    }
)
"""The chunks that change the books; a shell need not bring any other."""


class _Account:
    """One agent's running totals."""

    __slots__ = (
        "_cost",
        "_response",
        "_response_cost",
        "_response_parts",
        "_saved",
        "_usage",
        "error",
        "estimated",
        "is_asked",
        "newest",
        "state",
        "turns",
    )

    def __init__(self) -> None:
        self.turns = 0
        self.newest = 0
        """The number of the turn it was asked last."""
        self.is_asked = False
        """Whether that has not ended yet."""
        self.error: str | None = None
        self.state: Literal["done", "cancelled", "failed", "retired"] = "done"
        self._usage = Usage()
        self._cost: float | None = 0.0
        self._response = Usage()
        self._response_cost: float | None = 0.0
        self._response_parts: tuple[tuple[str, Usage], ...] = ()
        self._saved: float | None = 0.0
        self.estimated: dict[str, None] = {}
        """Why its figures are no more than an estimate, each reason once."""

    @property
    def status(self) -> Literal["done", "cancelled", "failed", "retired"]:
        """As what it stands in the result: who was left amid a turn is not done."""
        is_left = self.state == "done" and self.is_asked
        return "cancelled" if is_left else self.state

    def report(self, event: UsageReported) -> None:
        """Replace what the response under way has spent so far."""
        self._response = event.usage
        self._response_cost = event.cost_usd
        self._response_parts = (
            tuple((part.model, part.usage) for part in event.parts)
            if event.parts
            else ((event.model, event.usage),)
        )
        if event.estimated:
            self.estimated[event.estimated] = None

    def close_response(self) -> None:
        """Whatever comes next belongs to another response."""
        self._saved = self.saved_usd()
        self._usage, self._cost = self.totals()
        self._response, self._response_cost = Usage(), 0.0
        self._response_parts = ()

    def saved_usd(self) -> float | None:
        """The saving by the prompt cache, at the prices of each response's model."""
        saved = self._saved
        for model, usage in self._response_parts:
            saved = _sum(saved, saved_usd(model, usage))
        return saved

    def totals(self) -> tuple[Usage, float | None]:
        """Tokens and cost of all responses; one unknown price makes the sum unknown."""
        return self._usage + self._response, _sum(self._cost, self._response_cost)


def _sum(one: float | None, other: float | None) -> float | None:
    """Of two amounts, either of which may be unknown."""
    return None if one is None or other is None else one + other


def _cache(usage: Usage, saved: float | None) -> CacheRecord:
    read = usage.cache_read_input_tokens
    if read is None or not usage.prompt_tokens:
        return CacheRecord(saved_usd=saved)
    return CacheRecord(hit_ratio=read / usage.prompt_tokens, saved_usd=saved)


class Ledger:
    """The books of one session."""

    def __init__(self, agents: tuple[AgentId, ...]) -> None:
        self._accounts = {agent: _Account() for agent in agents}
        self._answers: list[AnswerRecord] = []
        self._votes: dict[AgentId, VoteRecord] = {}
        self._draft: DraftRecord | None = None

    def book(self, event: Event) -> None:
        """Take one event; most are of no interest here."""
        match event:
            case UsageReported():
                self._accounts[event.agent].report(event)
            case ResponseStarted() | ResponseAbandoned():
                self._accounts[event.agent].close_response()
            case TurnStarted():
                self._accounts[event.agent].turns += 1
            case StartTurn():
                account = self._accounts[event.turn.agent]
                account.state, account.newest = "done", event.turn.number
                account.is_asked = True
            case CancelTurn():
                self._accounts[event.agent].state = "cancelled"
            case TurnEnded():
                self._end_turn(event)
            case AgentFailed():
                account = self._accounts[event.agent]
                account.state = "failed"
                account.error = f"{event.error}: {event.message}"
            case AgentRetired():
                account = self._accounts[event.agent]
                if account.state != "failed":
                    account.state, account.error = "retired", event.reason
            case AnswerAccepted():
                self._accounts[event.agent].is_asked = False
                self._answers.append(
                    AnswerRecord(
                        agent=event.agent,
                        label=event.label,
                        content=event.content,
                        value=event.value,
                        citations=event.citations,
                    )
                )
            case VoteCounted():
                self._accounts[event.voter].is_asked = False
                self._votes[event.voter] = VoteRecord(
                    voter=event.voter,
                    choice=event.choice,
                    label=event.label,
                    reason=event.reason,
                )
            case VotesVoided():
                for voter in event.voters:
                    self._votes.pop(voter, None)
            case VotesCarried() | LiveBallots():
                self._count_on(event)
            case _:
                pass

    def _end_turn(self, event: TurnEnded) -> None:
        account = self._accounts[event.agent]
        account.is_asked &= event.turn < account.newest
        # A turn that another one took the place of is history, and whoever was taken
        # out in mid-turn stays out when the turn has ended.
        is_withdrawn = event.outcome == "cancelled" and not account.is_asked
        if is_withdrawn and account.state != "retired":
            account.state = "cancelled"
        # The longest draft is what a session has in which nobody answers.
        words = event.unfinished
        longest = 0 if self._draft is None else len(self._draft.content)
        if isinstance(words, str) and len(words) > longest:
            self._draft = DraftRecord(agent=event.agent, content=words)

    def _count_on(self, event: VotesCarried | LiveBallots) -> None:
        """Ballots count on under another label, or others than these do not."""
        if isinstance(event, VotesCarried):
            for voter, vote in self._votes.items():
                if vote.label == event.replaced:
                    renamed = msgspec.structs.replace(vote, label=event.label)
                    self._votes[voter] = renamed
            return
        before, self._votes = self._votes, {}
        for live in event.ballots:
            vote = before.get(live.voter)
            if vote is not None:
                self._votes[live.voter] = msgspec.structs.replace(
                    vote, choice=live.choice, label=live.label
                )

    def result(
        self,
        session: str,
        question: str,
        end: Conclude,
        elapsed_s: float,
        *,
        read: Callable[[msgspec.Raw], object] = msgspec.json.decode,
    ) -> Result:
        """Close the books.

        Args:
            session: Its name.
            question: What was asked.
            end: How it ended.
            elapsed_s: How long it took, in seconds.
            read: Decodes the structured answer, to the type that the team asked for.
        """
        records: dict[str, AgentRecord] = {}
        usage = Usage()
        cost_usd: float | None = 0.0
        saved: float | None = 0.0
        for agent, account in self._accounts.items():
            spent, cost = account.totals()
            records[agent] = AgentRecord(
                status=account.status,
                turns=account.turns,
                usage=spent,
                cost_usd=cost,
                error=account.error,
                cache=_cache(spent, account.saved_usd()),
                estimated=tuple(account.estimated),
            )
            usage += spent
            cost_usd = _sum(cost_usd, cost)
            saved = _sum(saved, account.saved_usd())
        return Result(
            session=session,
            status=end.status,
            question=question,
            winner=end.winner,
            answer=end.answer,
            answers=tuple(self._answers),
            votes=tuple(self._votes.values()),
            agents=records,
            usage=usage,
            cost_usd=cost_usd,
            elapsed_s=elapsed_s,
            detail=end.detail,
            value=None if isinstance(end.value, msgspec.UnsetType) else read(end.value),
            citations=end.citations,
            cache=_cache(usage, saved),
            draft=None if self._answers else self._draft,
        )
