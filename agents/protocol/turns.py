"""Turns: a task for an agent, the ballot it may cast, and news of its peers.

:class:`Turn` is the coordinator's wish in the words of the domain. The actor renders it
with :mod:`agents.conversation.prompts` into requests of a
:class:`~agents.protocol.backend.Backend`.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias, assert_never

import msgspec

from agents.protocol.chunks import AgentId, Label, Part, TurnNumber
from agents.protocol.citations import Citation

LEAST_OUTPUT_TOKENS = 128
"""A ballot with its reason, or a short answer: where a budget leaves less to write, the
model is not asked at all."""


# gc=False: plain data cannot be part of a cycle, and ten thousand agents have much.
class VisibleAnswer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An answer as one viewer sees it: a label, not a name."""

    label: Label
    content: str
    is_own: bool = False
    citations: tuple[Citation, ...] = ()
    """Its sources; ``content`` lists them already."""
    checks: str = ""
    """Results of the team's checks; the coordinator's word, not the author's."""


class Criterion(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False
):
    """One thing that answers are scored by."""

    name: str
    """A word or two, as voters and readers are told it."""
    about: str = ""
    """The aspect to look at, in a sentence for voters."""
    weight: float = 1.0
    """How much it counts among the criteria; more than 0."""

    def __post_init__(self) -> None:
        """Refuse a criterion that is none."""
        if not self.name.strip():
            raise ValueError("a criterion has no name; say in a word what is scored")
        if not 0 < self.weight < math.inf:
            raise ValueError(
                f"the weight of criterion {self.name!r} is {self.weight}; use more "
                "than 0"
            )


class BallotForm(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which ballot the voting rule asks for; the ``vote`` tool follows from it."""

    kind: Literal["choice", "approval", "ranking", "scores"]
    labels: tuple[Label, ...]
    """The labels that may be voted for, in the order shown to this voter."""
    max_score: int = 10
    """The best score, for ``scores``."""
    may_abstain: bool = False
    criteria: tuple[Criterion, ...] = ()
    """For ``scores``: each answer gets points for each of these, and its score is their
    weighted mean."""


class Draft(msgspec.Struct, frozen=True, kw_only=True, tag="draft", gc=False):
    """Answer the question alone: no other answer is shown."""


class Review(msgspec.Struct, frozen=True, kw_only=True, tag="review", gc=False):
    """Read the answers, then vote or, where allowed, put forward a better one."""

    answers: tuple[VisibleAnswer, ...]
    """All that stand, in the order shown."""
    unseen: tuple[Label, ...] = ()
    """Where the conversation continues: those it has not shown yet; only they are
    written out again."""
    ballot: BallotForm | None
    """``None`` when only a revision is asked for."""
    may_revise: bool


class Present(msgspec.Struct, frozen=True, kw_only=True, tag="present", gc=False):
    """Word the final answer."""

    answers: tuple[VisibleAnswer, ...]
    """Best first. One: present it. More: synthesise them."""
    reasons: tuple[str, ...] = ()
    """The voters' reasons in favour."""
    may_restart: bool = False
    """Whether another round may be asked for instead."""
    is_integration: bool = False
    """The answers are the parts of a divided task, in order, to be made one whole."""


class Divide(msgspec.Struct, frozen=True, kw_only=True, tag="divide", gc=False):
    """Split the question into parts that others do on their own."""

    parts: int
    """Most parts."""
    workers: int
    """Agents who will do them."""


class Work(msgspec.Struct, frozen=True, kw_only=True, tag="work", gc=False):
    """Do one part, and stop with a summary of it."""

    part: Part
    others: tuple[str, ...] = ()
    """The titles of the parts that others do."""


Task: TypeAlias = Draft | Review | Present | Divide | Work
TaskName: TypeAlias = Literal["draft", "review", "present", "divide", "work"]


def task_name(task: Task) -> TaskName:
    """The name of a task in chunks and scripts."""
    match task:
        case Draft():
            return "draft"
        case Review():
            return "review"
        case Present():
            return "present"
        case Divide():
            return "divide"
        case Work():
            return "work"
        case _:
            assert_never(task)


class Earlier(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A question that the team was asked before this one, and what came of it."""

    question: str
    answer: str
    """The final one."""
    agreed: str = ""
    """How it was decided, in one sentence."""
    reasons: tuple[str, ...] = ()
    """The voters' reasons for the answer that won."""


class Turn(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """All an agent is asked at once; it is answered by chunks of the same number."""

    agent: AgentId
    number: TurnNumber
    question: str
    task: Task
    nonce: str = ""
    """Fences peers' answers as data; one per session, unknown to any model before."""
    continues: bool = False
    """Whether the agent's conversation goes on, or begins afresh with this turn."""
    note: str = ""
    """Told to the agent first: why its last proposal was refused, what is new."""
    attempts: int = 3
    """Model calls without a usable result before the turn ends ``silent``."""
    output_tokens: int | None = None
    """Most tokens that its responses may have together, where a budget says so."""
    budget_tokens: int | None = None
    """Most tokens that it may cost, read and written, broken tries included."""
    budget_usd: float | None = None
    """The same in USD."""


class News(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Told to an agent in the middle of a turn, at its next tool boundary."""

    agent: AgentId
    turn: TurnNumber
    text: str
    answers: tuple[VisibleAnswer, ...] = ()
