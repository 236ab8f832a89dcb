"""All that an agent can say: the chunks.

A *chunk* is one fact: a piece of text, a tool call, an answer, a vote.

What belongs to whom: this module owns the words; :mod:`agents.protocol.frames` makes
bytes of them; :mod:`agents.conversation.accumulator` folds them back into the message
they amount to; what they mean for a vote is the coordinator's.

JSON that is only carried (tool input, results, citations, blocks as the API sent them)
stays :class:`msgspec.Raw` and must not contain a line feed; see :func:`one_line`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NewType, TypeAlias, TypeVar

import msgspec

from agents.protocol.citations import Citation
from agents.protocol.endings import Ending

AgentId = NewType("AgentId", str)
"""The name an agent has in its team, e.g. ``ada``. Never shown to other agents."""

TurnNumber = NewType("TurnNumber", int)
"""1, 2, 3, … within one agent; what bears an older number is out of date."""

Seq = NewType("Seq", int)
"""0, 1, 2, … within one agent's turn; a gap is a bug."""

Label = NewType("Label", str)
"""An answer's anonymous name, e.g. ``agent2.3``: the third revision of agent 2."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens and server-tool requests of one response so far, counted to one meaning.

    Makers count differently (some put what was cached into the input, some leave what
    was thought out of the output); each backend's reader brings that to this form, in
    which the four kinds of tokens never overlap. ``None`` means "the API did not say",
    which is not zero.
    """

    input_tokens: int = 0
    """Input that was neither read from a cache nor written to one."""
    output_tokens: int = 0
    """All that was written, thinking included."""
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    """Written to the cache, all lifetimes together."""
    cache_creation_1h_input_tokens: int | None = None
    """The part of it written for one hour, which costs more."""
    thinking_tokens: int | None = None
    """The part of ``output_tokens`` spent on thinking."""
    web_search_requests: int | None = None
    web_fetch_requests: int | None = None
    code_execution_s: float | None = None
    """Seconds of code that the API ran and charges for, measured here: it has no
    counter. ``None``: none ran, or it is free."""

    def __add__(self, other: Usage) -> Usage:
        """Add field by field; unknown plus known is known."""
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_read_input_tokens=_add(
                self.cache_read_input_tokens, other.cache_read_input_tokens
            ),
            cache_creation_input_tokens=_add(
                self.cache_creation_input_tokens, other.cache_creation_input_tokens
            ),
            cache_creation_1h_input_tokens=_add(
                self.cache_creation_1h_input_tokens,
                other.cache_creation_1h_input_tokens,
            ),
            thinking_tokens=_add(self.thinking_tokens, other.thinking_tokens),
            web_search_requests=_add(
                self.web_search_requests, other.web_search_requests
            ),
            web_fetch_requests=_add(self.web_fetch_requests, other.web_fetch_requests),
            code_execution_s=_add(self.code_execution_s, other.code_execution_s),
        )

    @property
    def total_tokens(self) -> int:
        """Everything read, written to the cache or produced."""
        # Spelled out again: it is asked for with every report.
        return (
            self.input_tokens
            + self.output_tokens
            + (self.cache_read_input_tokens or 0)
            + (self.cache_creation_input_tokens or 0)
        )

    @property
    def prompt_tokens(self) -> int:
        """Everything read, from the cache or not, and written to it."""
        return (
            self.input_tokens
            + (self.cache_read_input_tokens or 0)
            + (self.cache_creation_input_tokens or 0)
        )


_Count = TypeVar("_Count", int, float)


def _add(one: _Count | None, other: _Count | None) -> _Count | None:
    if one is None:
        return other
    return one if other is None else one + other


class Chunk(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", gc=False):
    """Base of all chunks: the agent, its turn, the position in the turn, and the time.

    The garbage collector leaves all chunks alone (it is inherited): they cannot be part
    of a cycle, and following a thousand agents' chunks cost a third of all time.
    """

    agent: AgentId
    turn: TurnNumber
    seq: Seq
    at: float
    """Seconds on the event loop's monotonic clock when the agent took it in."""


class TurnStarted(Chunk, frozen=True, kw_only=True, tag="turn_started"):
    """The agent has taken up a turn."""

    task: Literal["draft", "review", "present", "divide", "work"]


class StatusChanged(Chunk, frozen=True, kw_only=True, tag="status_changed"):
    """The agent's current activity, for people; no decision depends on it."""

    status: Literal[
        "waiting",
        "requesting",
        "running_tools",
        "asking_approval",  # somebody is asked whether a tool may run
        "tools_missing",  # a toolbox cannot be used; the agent goes on without
        "tools_changed",  # the conversation had begun with others
        "asked_again",
    ]
    detail: str = ""
    calls: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    """The ids of the tool calls that it is about, where it is about some."""


class ResponseAbandoned(Chunk, frozen=True, kw_only=True, tag="response_abandoned"):
    """The response under way broke off; what it said is void and is asked for again."""

    reason: str
    retry_in_s: float


class TurnRestarted(Chunk, frozen=True, kw_only=True, tag="turn_restarted"):
    """The turn begins afresh, without what the conversation said before.

    Because another model takes over, or because the context window was full.
    """

    model: str
    """The model that is asked from now on, in later turns too."""
    fallbacks: int
    """How many of the agent's models have been given up so far."""
    reason: str


class TurnEnded(Chunk, frozen=True, kw_only=True, tag="turn_ended"):
    """The turn is over; nothing follows under its number."""

    outcome: Literal[
        "answered",  # an AnswerProposed came before
        "voted",  # a VoteCast came before
        "presented",  # an AnswerPresented came before
        "restarted",  # a RestartRequested came before
        "stopped",  # a PartCompleted came before
        "divided",  # a TaskDivided came before
        "silent",  # attempts ran out without a usable tool call or text
        "refused",  # the model declined
        "cut",  # max_tokens or the context window ended an unfinished answer
        "cancelled",  # the coordinator withdrew the turn
    ]
    stop_reason: str | None = None
    """The API's, from the last response; ``None`` where none came."""
    detail: str = ""
    unfinished: str | msgspec.UnsetType = msgspec.UNSET
    """How far a first answer had come that was ``cancelled``; cut where it is long."""


class AgentFailed(Chunk, frozen=True, kw_only=True, tag="agent_failed"):
    """The agent cannot go on with this turn; others can."""

    error: str
    """The class of :mod:`agents.errors`, e.g. ``BackendRefused``."""
    message: str


class AnswerProposed(Chunk, frozen=True, kw_only=True, tag="answer_proposed"):
    """The agent puts forward an answer, whole."""

    content: str
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    """The structured answer as JSON, where the team asks for one."""
    citations: tuple[Citation, ...] = ()  # ``content`` ends with them as footnotes
    result: str | msgspec.UnsetType = msgspec.UNSET
    """The value compared where equal results are counted, as
    :mod:`agents.tools.result_equality` reads it; unset where none are."""


class Choice(msgspec.Struct, frozen=True, kw_only=True, tag="choice"):
    """A ballot for one answer."""

    label: Label


class Approval(msgspec.Struct, frozen=True, kw_only=True, tag="approval"):
    """A ballot for every answer that is good enough; may be empty."""

    labels: tuple[Label, ...]


class Ranking(msgspec.Struct, frozen=True, kw_only=True, tag="ranking"):
    """Answers best first; those in one tier are equal, those left out share the end."""

    tiers: tuple[tuple[Label, ...], ...]


class Scores(msgspec.Struct, frozen=True, kw_only=True, tag="scores"):
    """Points for each answer, 0 to the form's ``max_score``; left out means 0."""

    points: dict[Label, int]


Ballot: TypeAlias = Choice | Approval | Ranking | Scores


class VoteCast(Chunk, frozen=True, kw_only=True, tag="vote_cast"):
    """The agent votes, having seen exactly ``seen``."""

    ballot: Ballot
    seen: tuple[Label, ...]
    reason: str = ""
    grades: dict[Label, dict[str, int]] | msgspec.UnsetType = msgspec.UNSET
    """Answer → criterion → points, where there is a rubric; ``ballot`` has their means.
    """


class AnswerPresented(Chunk, frozen=True, kw_only=True, tag="answer_presented"):
    """The final answer, as its presenter words it."""

    content: str
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    citations: tuple[Citation, ...] = ()


class RestartRequested(Chunk, frozen=True, kw_only=True, tag="restart_requested"):
    """The presenter found the result wanting and asks for another round."""

    reason: str
    instructions: str


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of a divided task."""

    title: str
    instructions: str
    """All that whoever does it needs to know, beside the question."""


class TaskDivided(Chunk, frozen=True, kw_only=True, tag="task_divided"):
    """The lead has split the task; the parts, in the order of the whole."""

    parts: tuple[Part, ...]


class PartCompleted(Chunk, frozen=True, kw_only=True, tag="part_completed"):
    """In a divided task: the agent is done with its part, or cannot finish it."""

    summary: str
    complete: bool
    citations: tuple[Citation, ...] = ()


class Allowance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How much of something a server lets its caller have, as it told last."""

    of: Literal["requests", "tokens", "input-tokens", "output-tokens"]
    size: float
    """The most that there may be at once."""
    left: float | None = None
    """``None`` where it was not said."""
    a_second: float
    """How fast it fills up again."""


class ResponseOpened(Chunk, frozen=True, kw_only=True, tag="response_opened"):
    """The server took the request; what its headers say of limits and identity."""

    request_id: str = ""
    limits: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    """The headers that tell of limits, lower case, as they came."""
    allowances: tuple[Allowance, ...] | msgspec.UnsetType = msgspec.UNSET
    """The limits in those headers, where the backend has read them."""


class ResponseStarted(Chunk, frozen=True, kw_only=True, tag="response_started"):
    """The model began to answer one request; a turn has one or more."""

    model: str
    message: msgspec.Raw
    """The API's message object, as it came."""


class BlockStarted(Chunk, frozen=True, kw_only=True, tag="block_started"):
    """A content block opened."""

    block: int
    """The block's index within its response."""
    type: str
    content: msgspec.Raw
    """The block as it came."""


class TextDelta(Chunk, frozen=True, kw_only=True, tag="text_delta"):
    """More text of the answer."""

    block: int
    text: str


class ThinkingDelta(Chunk, frozen=True, kw_only=True, tag="thinking_delta"):
    """More of what the model thinks aloud; never shown to another agent."""

    block: int
    text: str


class SignatureDelta(Chunk, frozen=True, kw_only=True, tag="signature_delta"):
    """The seal of a thinking block; goes back unchanged or not at all."""

    block: int
    signature: str


class ToolInputDelta(Chunk, frozen=True, kw_only=True, tag="tool_input_delta"):
    """More of a tool call's JSON input, as typed; whole only when the block ends."""

    block: int
    partial_json: str


class CitationAdded(Chunk, frozen=True, kw_only=True, tag="citation_added"):
    """A source for the text block it belongs to."""

    block: int
    citation: msgspec.Raw


class CompactionDelta(Chunk, frozen=True, kw_only=True, tag="compaction_delta"):
    """The API's summary of the conversation so far; it takes the place of all that."""

    block: int
    content: str | None = None
    """``None``: no summary could be made, and nothing was left out."""
    encrypted_content: str | None = None
    """Sealed; goes back unchanged."""


class BlockDelta(Chunk, frozen=True, kw_only=True, tag="block_delta"):
    """A delta of a kind that is not known here, as it came."""

    block: int
    delta: msgspec.Raw


class BlockEnded(Chunk, frozen=True, kw_only=True, tag="block_ended"):
    """The content block is complete."""

    block: int


class ToolCalled(Chunk, frozen=True, kw_only=True, tag="tool_called"):
    """The model calls a tool that we run. Follows its block's end."""

    block: int
    id: str
    name: str
    input: msgspec.Raw
    """A JSON value; where the model wrote invalid JSON, that text as a JSON string."""
    is_valid: bool = True
    """Whether ``input`` was valid JSON; if not, the call is answered with an error."""


class ToolReturned(Chunk, frozen=True, kw_only=True, tag="tool_returned"):
    """A tool that we ran has answered."""

    id: str
    name: str
    content: msgspec.Raw
    """A JSON string or an array of content blocks, as it goes back to the model."""
    is_error: bool
    elapsed_s: float


class ServerToolCalled(Chunk, frozen=True, kw_only=True, tag="server_tool_called"):
    """The model calls a tool that the API runs (search, code, MCP, …)."""

    block: int
    id: str
    name: str
    input: msgspec.Raw
    server: str = ""
    """The MCP server's name; empty for the API's own tools."""


class ServerToolReturned(Chunk, frozen=True, kw_only=True, tag="server_tool_returned"):
    """A server tool's result, in whichever shape it has."""

    block: int
    id: str
    """The call it answers."""
    type: str
    """The block's type, e.g. ``bash_code_execution_tool_result``."""
    content: msgspec.Raw
    is_error: bool


class ItemCompleted(Chunk, frozen=True, kw_only=True, tag="item_completed"):
    """A piece of the response in its maker's own form, whole and as it came.

    What a model thought may be sealed, and what its server's tools did is told in its
    own words; so a backend that must give such things back keeps its items, in order,
    beside the chunks that say what they come to.
    """

    by: str
    """Its maker, which alone can read it: a dialect, a server and a model."""
    item: msgspec.Raw


class ToolsOffered(Chunk, frozen=True, kw_only=True, tag="tools_offered"):
    """The tools that the agent may call from its next model call on.

    Said of agents whose tools come from elsewhere and may be others in another process:
    a model's thinking is bound to the tools that it was made under.
    """

    tools: tuple[msgspec.Raw, ...]
    """Each a ``ToolSpec`` or a ``KnownTool`` of :mod:`agents.protocol.backend`."""


class ContextEdited(Chunk, frozen=True, kw_only=True, tag="context_edited"):
    """The API left something out of what it was sent, before the model read it."""

    edit: str
    """As the API names it: ``clear_tool_uses_20250919``, ``thinking_dropped``, …"""
    pieces: int
    """Tool results, turns of thinking, or blocks."""
    tokens: int | None = None
    """How much shorter the input has become, where the API says so."""


class UsagePart(msgspec.Struct, frozen=True, kw_only=True):
    """The billed usage of one model within a response."""

    of: str
    """As the API names it: ``message``, ``compaction``, ``advisor_message``, …"""
    model: str
    usage: Usage
    cost_usd: float | None = None


class UsageReported(Chunk, frozen=True, kw_only=True, tag="usage_reported"):
    """Billed usage of the current response, cumulative; replaces the report before.

    All of it, whoever's tokens they are; declined tries of a fallback are not billed.
    """

    model: str
    """The model that serves the response."""
    usage: Usage
    cost_usd: float | None = None
    """The cost of ``usage``; ``None`` where a model's price is unknown."""
    parts: tuple[UsagePart, ...] | msgspec.UnsetType = msgspec.UNSET
    """The same apart, where more than the model itself was at work."""
    speed: str | msgspec.UnsetType = msgspec.UNSET
    """As it was served, where that is out of the ordinary: ``fast`` costs more."""
    service_tier: str | msgspec.UnsetType = msgspec.UNSET
    inference_geo: str | msgspec.UnsetType = msgspec.UNSET
    estimated: str | msgspec.UnsetType = msgspec.UNSET
    """Why the bill alone can tell, and this is an estimate."""
    others: dict[str, msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    """At a response's end: what the API counts that is not known here, by its names."""


class ResponseEnded(Chunk, frozen=True, kw_only=True, tag="response_ended"):
    """The response is complete: a stop reason came and every block was closed."""

    stop_reason: str
    """In the API's own word."""
    delta: msgspec.Raw
    """The API's event(s) that say so, as they came."""
    why: Ending | msgspec.UnsetType = msgspec.UNSET
    """Category of the stop reason; this alone is acted on. Older journals have none."""
    category: str | msgspec.UnsetType = msgspec.UNSET
    """Of a refusal, where the API gives one."""


class Ping(Chunk, frozen=True, kw_only=True, tag="ping"):
    """The server keeps the connection alive, and has nothing to say yet."""


class Unrecognized(Chunk, frozen=True, kw_only=True, tag="unrecognized"):
    """An event of a kind that is not known here, as it came; it ends no stream."""

    event: str
    """The SSE event's name."""
    data: msgspec.Raw


StreamChunk: TypeAlias = (
    TurnStarted
    | StatusChanged
    | ResponseAbandoned
    | TurnRestarted
    | ToolsOffered
    | TurnEnded
    | AgentFailed
    | AnswerProposed
    | VoteCast
    | AnswerPresented
    | RestartRequested
    | TaskDivided
    | PartCompleted
    | ResponseOpened
    | ResponseStarted
    | BlockStarted
    | TextDelta
    | ThinkingDelta
    | SignatureDelta
    | ToolInputDelta
    | CitationAdded
    | CompactionDelta
    | BlockDelta
    | BlockEnded
    | ToolCalled
    | ToolReturned
    | ServerToolCalled
    | ServerToolReturned
    | ItemCompleted
    | ContextEdited
    | UsageReported
    | ResponseEnded
    | Ping
    | Unrecognized
)

DELTAS = (
    TextDelta,
    ThinkingDelta,
    SignatureDelta,
    ToolInputDelta,
    CitationAdded,
    CompactionDelta,
    BlockDelta,
)
"""The chunks that add to a block."""
SAID_BY_BACKENDS = (
    ResponseOpened,
    ResponseStarted,
    BlockStarted,
    *DELTAS,
    BlockEnded,
    ToolCalled,
    ServerToolCalled,
    ServerToolReturned,
    ItemCompleted,
    ContextEdited,
    UsageReported,
    ResponseEnded,
    Ping,
    Unrecognized,
)
"""The chunks that come from a model; all others are the agent's own words."""

KEEPING_ALIVE = frozenset({Ping, Unrecognized})
"""Chunks that bring a response no further, however many come."""


def brings_on(chunks: Sequence[StreamChunk]) -> bool:
    """Whether any of ``chunks`` brings a response further: pings alone do not.

    Nor do pieces of text without any, which some gateways keep a stream alive by.
    """
    first = chunks[0]
    if type(first) is TextDelta and first.text:
        return True  # nearly all of a stream
    return not all(_is_idle(chunk) for chunk in chunks)


def _is_idle(chunk: StreamChunk) -> bool:
    if isinstance(chunk, TextDelta | ThinkingDelta):
        return not chunk.text
    return type(chunk) in KEEPING_ALIVE


def one_line(raw: bytes) -> msgspec.Raw:
    """Make carried JSON fit for a frame: no line feed, same value.

    Raises:
        msgspec.DecodeError: ``raw`` has a line feed and is not valid JSON.
    """
    if b"\n" in raw or b"\r" in raw:
        raw = msgspec.json.format(raw, indent=-1)
    return msgspec.Raw(raw)
