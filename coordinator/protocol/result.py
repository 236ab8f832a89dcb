"""What a session amounts to: the object that callers get and ``--json`` prints."""

from __future__ import annotations

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
    """What it rests on; ``content`` ends with them as footnotes."""


class VoteRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One live ballot at the end."""

    voter: AgentId
    choice: AgentId | None
    """The author of the ballot's single best answer, if it has one."""
    label: Label | None
    reason: str


class CacheRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the prompt cache did, for one agent or for all."""

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
    """What ``answer`` rests on, as its footnotes have it."""
    cache: CacheRecord = CacheRecord()
    """What the prompt cache did for all agents together."""
    why: Explanation | None = None
    """Why the answer won; ``None`` where nobody had answered, or a task was divided."""
    files: tuple[FileRecord, ...] = ()
    """What code execution has written, in the order in which it was named."""
