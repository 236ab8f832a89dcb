"""The result of a session: the object that callers get and ``--json`` prints."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Generic, Literal, cast

import msgspec

from agents.protocol.chunks import AgentId, Label, Usage
from agents.protocol.citations import Citation
from coordinator.protocol.explanation import Explanation

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    T = TypeVar("T", default=Any)  # a type checker's alone until Python 3.13
else:
    from typing import TypeVar

    T = TypeVar("T")

Status = Literal["answered", "deadline", "failed", "interrupted"]


class AnswerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted answer."""

    agent: AgentId
    label: Label
    content: str
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    """The structured answer as JSON, where the team asked for one."""
    citations: tuple[Citation, ...] = ()
    """Its sources; ``content`` ends with them as footnotes."""


class DraftRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A first answer that its author could not finish."""

    agent: AgentId
    content: str
    """As far as it had come."""


class VoteRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One live ballot at the end."""

    voter: AgentId
    choice: AgentId | None
    """The author of the ballot's single best answer, if it has one."""
    label: Label | None
    reason: str


class CacheRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The effect of the prompt cache, for one agent or for all."""

    hit_ratio: float | None = None
    """Tokens read from the cache, of all that were in prompts; ``None`` where the API
    said nothing of its cache, which is not zero."""
    saved_usd: float | None = 0.0
    """How much less was paid than without a cache; negative where writing to it cost
    more than reading from it saved, ``None`` where a price is unknown."""


class AgentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How one agent fared."""

    status: Literal["done", "cancelled", "failed", "retired"]
    turns: int
    usage: Usage
    cost_usd: float | None
    """``None``: at least one response has no known price."""
    error: str | None = None
    cache: CacheRecord = CacheRecord()
    estimated: tuple[str, ...] = ()
    """Why ``usage`` and ``cost_usd`` are an estimate that the bill may differ from."""


class FileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A file that an agent's code has written."""

    agent: AgentId
    id: str
    """The Files API's."""
    name: str = ""
    path: str | None = None
    """Where it is now; ``None``: it was not fetched."""
    size_bytes: int | None = None
    problem: str = ""
    """Why it was not, where it should have been."""


class Result(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """The outcome of a session; ``T`` is what the team's ``answer_type`` asks for."""

    session: str
    status: Status
    question: str
    winner: AgentId | None
    answer: str | None
    answers: tuple[AnswerRecord, ...]
    votes: tuple[VoteRecord, ...]
    agents: dict[str, AgentRecord]
    usage: Usage
    cost_usd: float | None
    elapsed_s: float
    detail: str = ""
    """How it was decided, or what is missing, in one sentence."""
    value: T = cast("Any", None)
    """The structured answer, decoded to the type the team asked for; ``None`` where it
    asked for none, or where there is no answer."""
    citations: tuple[Citation, ...] = ()
    """The sources of ``answer``, as its footnotes have them."""
    cache: CacheRecord = CacheRecord()
    """The effect of the prompt cache for all agents together."""
    why: Explanation | None = None
    """Why the answer won; ``None`` where nobody had answered, or a task was divided."""
    files: tuple[FileRecord, ...] = ()
    """Files that code execution has written, in the order in which they were named."""
    draft: DraftRecord | None = None
    """The longest of those that were under way, where nobody has answered."""
    seed: int | None = None
    """Decided every lot: ``run --seed`` and ``Team(seed=…)`` repeat them; ``None`` in
    journals of before."""

    def __str__(self) -> str:
        """The answer, and beneath it in two lines how it came about."""
        answer = self.answer if self.answer is not None else self._missing
        return f"{answer.rstrip()}\n\n— {self._verdict}\n  {self._figures}"

    def _repr_markdown_(self) -> str:
        """The same for a notebook, with who voted for whom."""
        answer = self.answer if self.answer is not None else self._missing
        rows = ["| agent | votes | voted for | cost |", "|-|-|-|-|"]
        choices = {vote.voter: vote.choice or "several" for vote in self.votes}
        received = Counter(vote.choice for vote in self.votes)
        for agent, record in self.agents.items():
            name = f"**{agent}**" if agent == self.winner else agent
            votes, choice = received[AgentId(agent)], choices.get(AgentId(agent), "")
            cost = "$?" if record.cost_usd is None else f"${record.cost_usd:.4f}"
            fate = choice or (record.error or record.status).replace("|", "/")
            rows.append(f"| {name} | {votes} | {fate[:80]} | {cost} |")
        table = "\n".join(rows)
        verdict = f"*{self._verdict}; {self._figures}*"
        return f"{answer.rstrip()}\n\n---\n\n{verdict}\n\n{table}\n"

    @property
    def _missing(self) -> str:
        missing = f"no answer: {self.detail or self.status}"
        if self.draft is None:
            return missing
        return f"{missing}; {self.draft.agent} had come so far:\n\n{self.draft.content}"

    @property
    def _verdict(self) -> str:
        if self.winner is None:
            return f"{self.status}: {self.detail}" if self.detail else self.status
        sign = "wins" if self.status == "answered" else f"leads ({self.status})"
        return f"{self.winner} {sign}: {self.detail}" if self.detail else self.winner

    @property
    def _figures(self) -> str:
        cost = "$?" if self.cost_usd is None else f"${self.cost_usd:.4f}"
        count = len(self.agents)
        agents = f"{count} agent{'' if count == 1 else 's'}"
        tokens = f"{self.usage.total_tokens:,} tokens"
        took = f"{self.elapsed_s:.1f} s"
        return f"{took}, {agents}, {tokens}, {cost}, session {self.session}"
