"""What an agent is asked, and the protocol by which a model is asked it.

:class:`Turn` is the coordinator's wish in the words of the domain. The actor renders it
with :mod:`agents.conversation.prompts` into a :class:`Request`, which is what one model
call needs. A :class:`Backend` turns a request into a stream of chunks; two live here:
:class:`agents.backends.claude.backend.ClaudeBackend` and
:class:`agents.backends.scripted.backend.ScriptedBackend`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol, TypeAlias, assert_never, runtime_checkable

import msgspec

from agents.protocol.attachments import Attachment
from agents.protocol.chunks import AgentId, Label, Part, StreamChunk, TurnNumber
from agents.protocol.citations import Citation
from agents.protocol.stamper import Pen

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
    """What it rests on; ``content`` lists them already."""


class BallotForm(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which ballot the voting rule asks for; the ``vote`` tool follows from it."""

    kind: Literal["choice", "approval", "ranking", "scores"]
    labels: tuple[Label, ...]
    """What may be voted for, in the order shown to this voter."""
    max_score: int = 10
    """The best score, for ``scores``."""
    may_abstain: bool = False


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
    """What voters said in favour."""
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
    """What a task is called in chunks and scripts."""
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
    """What voters said for the answer that won."""


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
    """What the agent is told first: why its last proposal was refused, what is new."""
    attempts: int = 3
    """Model calls without a usable result before the turn ends ``silent``."""
    output_tokens: int | None = None
    """Most tokens that its responses may have together, where a budget says so."""


class News(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Told to an agent in the middle of a turn, at its next tool boundary."""

    agent: AgentId
    turn: TurnNumber
    text: str
    answers: tuple[VisibleAnswer, ...] = ()


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One message of a conversation."""

    role: Literal["user", "assistant"]
    content: msgspec.Raw
    """A JSON string or an array of content blocks: ``text``, ``tool_use`` and
    ``tool_result``, which every backend's writer knows; from the Messages API all its
    blocks, as they came."""
    items: tuple[msgspec.Raw, ...] = ()
    """The assistant's, in the form of whoever said it; then ``content`` says the same
    for everybody else."""
    by: str = ""
    """Who made ``items``, see :class:`~agents.protocol.chunks.ItemCompleted`."""


class ToolSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A tool that we run, as the model is told of it; fields as the API names them."""

    name: str
    description: str
    input_schema: msgspec.Raw
    strict: bool = False
    defer_loading: bool = False
    eager_input_streaming: bool = False
    input_examples: tuple[msgspec.Raw, ...] = ()


class KnownTool(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A tool that we run and whose form the model knows by its type."""

    type: str
    """With its version: ``bash_20250124``."""
    name: str
    """What the API calls tools of this type."""


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one model call needs, beside what the backend was built with."""

    turn: Turn
    call: int = 1
    """1, 2, 3, … within the turn: the first request, then one per tool result."""
    system: str = ""
    messages: tuple[Message, ...] = ()
    tools: tuple[ToolSpec | KnownTool, ...] = ()
    container: str | None = None
    """The code-execution container that the conversation has used so far."""
    attached: tuple[msgspec.Raw, ...] = ()
    """Content blocks of files, before the question in the first message."""
    max_tokens: int | None = None
    """A tighter limit than the backend's own, where a budget asks for it."""


class Downloaded(msgspec.Struct, frozen=True, kw_only=True):
    """A file that code has written."""

    name: str
    """As the API gives it; anybody may have chosen it."""
    data: bytes


class FileStore(Protocol):
    """Where a backend keeps files beside requests.

    A backend that has one offers it as ``files``; others have no such attribute, or
    ``None``. Every method raises ``AgentError`` and nothing else.
    """

    @property
    def account(self) -> str:
        """Stores of one account share their files; tells nothing of a key."""
        ...

    @property
    def has_container(self) -> bool:
        """Whether the backend's model runs code where files can be put."""
        ...

    async def upload(self, item: Attachment) -> str:
        """Keep a file; its id."""
        ...

    async def has(self, file_id: str) -> bool:
        """Whether a file that was kept still is."""
        ...

    async def delete(self, file_id: str) -> None:
        """Keep it no longer."""
        ...

    async def download(self, file_id: str, limit_bytes: int) -> Downloaded:
        """Fetch a file; a larger one than ``limit_bytes`` is refused."""
        ...


class Backend(Protocol):
    """A model, or what stands in for one.

    Whoever opens a stream closes it: the ``async with`` owns socket, tasks and
    generators, and leaving it, also by cancellation or an exception of the consumer's,
    leaves nothing behind.
    """

    @property
    def model(self) -> str:
        """The model's name, for displays and prices."""
        ...

    @property
    def limit_key(self) -> str | None:
        """Backends of one key share a rate limit; ``None``: nothing limits it.

        Not reversible to an API key.
        """
        ...

    def open_stream(
        self, request: Request, pen: Pen
    ) -> AbstractAsyncContextManager[AsyncIterator[list[StreamChunk]]]:
        """Ask the model; each item is what one read brought, stamped by ``pen``.

        The iterator ends after ``ResponseEnded``.

        Raises:
            AgentError: On entering or iterating; nothing else but cancellation.
        """
        ...

    def stream_with_tools(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        **options: Any,  # noqa: ANN401  (MassGen's surface: whatever its callers pass)
    ) -> AsyncGenerator[StreamChunk, None]:
        """Ask the model in MassGen's words, one chunk an item; close with ``aclosing``.

        Args:
            messages: ``{"role", "content"}``, as the Messages API takes them, with an
                optional first ``system``.
            tools: User tools, in the API's form or OpenAI's ``{"type": "function"}``.
            options: ``enable_web_search``, ``enable_code_execution`` and what the
                backend's constructor takes; an unknown name is a ``TypeError``.
        """
        ...

    async def aclose(self) -> None:
        """Close what outlives streams, e.g. a pool of connections."""
        ...


@runtime_checkable
class Recalls(Protocol):
    """A backend whose next response depends on those before it, as a script's does."""

    def recall(self, request: Request) -> None:
        """Be told, in order, what was asked in a process before this one."""
        ...
