"""One agent's conversation with its model, always fit to be sent.

Owns the history's validity: what the model said goes back as it came, each of its tool
calls gets exactly one result, in the message that follows. Only a turn that brought a
result stays; any other is rolled back to where it began. Pure: fed by the actor while
a turn runs, or by :meth:`Conversation.rebuilt` from a journal, with the same outcome.
What the words are is :mod:`agents.conversation.prompts`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

import msgspec

from agents.conversation import prompts
from agents.conversation.accumulator import Transcript
from agents.conversation.server_calls import (
    has_open_call,
    trimmed_end,
    without_open_calls,
    without_thoughts,
)
from agents.conversation.tool_offers import Offer, offers_in, read
from agents.protocol.backend import Message
from agents.protocol.chunks import (
    ResponseAbandoned,
    ResponseEnded,
    ResponseStarted,
    StatusChanged,
    StreamChunk,
    ToolCalled,
    ToolReturned,
    ToolsOffered,
    TurnEnded,
    TurnRestarted,
)
from agents.protocol.turns import Turn
from agents.tools.workflow import WORKFLOW_NAMES

LOST_ENDINGS = frozenset({"cut", "window_full", "refused"})
"""Such a response may be half a thought or half a tool call: it is not kept."""

_BEGUN_AFRESH = frozenset({"window_full", "refused"})
"""Endings after which the next conversation starts without that response."""

KEPT_OUTCOMES = frozenset(
    {"answered", "voted", "presented", "restarted", "stopped", "divided"}
)
"""Turns that brought what was asked; all others leave no trace in the conversation."""


_EXPIRED = b'"error_code":"container_expired"'
"""In a result of code that found no container; in JSON, no text can hold it."""

OnCall: TypeAlias = Callable[["Called"], None]


class Called(msgspec.Struct, frozen=True, kw_only=True):
    """A model call that was made in a process before this one."""

    turn: Turn
    place: int
    """Of its chunk among the turn's."""
    number: int
    """1, 2, 3, … since the turn began, or began afresh."""
    fallbacks: int
    """How many of the agent's models had been given up."""
    messages: tuple[Message, ...]


class TextBlock(msgspec.Struct, frozen=True, kw_only=True, tag="text"):
    """Something said to the model, in the API's form."""

    text: str


class ToolResultBlock(
    msgspec.Struct, frozen=True, kw_only=True, tag="tool_result", omit_defaults=True
):
    """A tool's result, in the API's form."""

    tool_use_id: str
    content: msgspec.Raw
    is_error: bool = False


class _Call(NamedTuple):
    id: str
    """As its chunk has it."""
    name: str
    sent_id: str
    """As it goes back: ids are unique throughout a conversation."""


class _State(NamedTuple):
    """All that a roll-back restores."""

    messages: list[Message]
    open_calls: tuple[_Call, ...]
    ids: frozenset[str]


class Conversation:
    """The messages so far, and what is still to be said in the next user message."""

    __slots__ = (
        "_answered",
        "_before",
        "_container_ends",
        "_containers",
        "_ids",
        "_messages",
        "_note",
        "_open_calls",
        "_paused_at",
        "_results",
        "_texts",
        "fallbacks",
    )

    def __init__(self) -> None:
        self._containers: dict[int, str] = {}
        self._container_ends: dict[int, datetime] = {}
        self.fallbacks = 0
        """How many of the agent's models have been given up."""
        self._messages: list[Message] = []
        self._open_calls: tuple[_Call, ...] = ()
        self._answered: tuple[_Call, ...] = ()
        """The calls whose results the last message has."""
        self._ids: frozenset[str] = frozenset()
        """Of all calls so far: the API refuses one that comes twice."""
        self._results: dict[str, ToolResultBlock] = {}
        self._texts: list[str] = []
        self._before: _State | None = None
        self._paused_at: int | None = None
        """Where the response under way began, if it has paused."""
        self._note = ""

    def container_at(self, now: datetime) -> str | None:
        """The container, unless it has expired by ``now``."""
        ends = self._container_ends.get(self.fallbacks)
        return None if ends is not None and ends <= now else self.container

    @property
    def container(self) -> str | None:
        """The code-execution container in use, of the model that is asked now.

        It outlives roll-backs and fresh starts, because its files do; another model's
        account knows nothing of it.
        """
        return self._containers.get(self.fallbacks)

    @container.setter
    def container(self, container: str | None) -> None:
        self._containers.pop(self.fallbacks, None)
        self._container_ends.pop(self.fallbacks, None)
        if container is not None:
            self._containers[self.fallbacks] = container

    @property
    def awaits_results_alone(self) -> bool:
        """Whether a call of the API's own waits for results of ours, and nothing else.

        Words beside them would cost the call: code that calls our tools, above all.
        """
        return bool(self._open_calls) and has_open_call(self._messages)

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been said that stayed."""
        return not self._messages

    def begin(self, turn: Turn) -> None:
        """Ask what ``turn`` asks, afresh or in answer to the last turn's call.

        A turn that ``continues`` a conversation which is not there begins afresh, with
        all its answers written out.
        """
        self._before = _State(self._messages, self._open_calls, self._ids)
        self._paused_at = None
        self._results, self._texts = {}, []
        if not turn.continues or not self._messages:
            self._messages, self._open_calls, self._ids = [], (), frozenset()
            self._texts.extend(prompts.opening(turn))
            return
        self._messages = self._messages.copy()
        note = self._note = turn.note or self._note
        for call in self._open_calls:
            if call.name in WORKFLOW_NAMES:
                self._resolve(call.id, _json(self._note or prompts.RECORDED))
                note = ""
        self._texts.extend(text for text in (note, *prompts.continuation(turn)) if text)

    @property
    def has_past(self) -> bool:
        """Whether turns before the running one are still part of it."""
        return self._before is not None and bool(self._before.messages)

    def begin_afresh(self, turn: Turn, fallbacks: int) -> None:
        """Forget all, and ask ``turn`` again: of another model, if ``fallbacks`` grew.

        Nothing that one model has said goes to another: what it thought is sealed.
        """
        self.fallbacks = fallbacks
        self._messages, self._open_calls, self._ids = [], (), frozenset()
        self.begin(turn)

    def absorb(self, response: Transcript) -> None:
        """Take in a complete response, unless it was cut or refused."""
        if response.container is not None and response.why not in _BEGUN_AFRESH:
            self.container = response.container
            if response.container_ends is not None:
                self._container_ends[self.fallbacks] = response.container_ends
        if _EXPIRED in bytes(response.content):
            self.container = None
        if response.why in LOST_ENDINGS:
            self._take_back()
            return
        if response.why != "paused":
            self._paused_at = None
        elif self._paused_at is None:
            self._paused_at = len(self._messages)
        calls = self._named_apart(response.tool_calls)
        content = _renamed(response.content, calls)
        if response.why == "paused":
            content = trimmed_end(content)  # it goes back as the last message
        if bytes(content) != b"[]" or response.items:  # no API takes an empty message
            self._messages.append(
                Message(
                    role="assistant",
                    content=content,
                    items=tuple(response.items),
                    by=response.by,
                )
            )
        self._open_calls = calls

    def _take_back(self) -> None:
        """Drop the paused parts of a response whose end is lost: all is said anew.

        What was told between them stays.
        """
        if self._paused_at is None:
            return
        dropped = self._messages[self._paused_at :]
        del self._messages[self._paused_at :]
        self._paused_at = None
        texts: list[str] = []
        for message in dropped:
            if message.role == "user":
                blocks: list[Any] = msgspec.json.decode(message.content)
                texts += [block["text"] for block in blocks if "text" in block]
        self._texts[:0] = [text for text in texts if text != prompts.GO_ON]

    def _named_apart(self, calls: Sequence[ToolCalled]) -> tuple[_Call, ...]:
        """The calls, each with an id that none before it has.

        Gateways number the calls of each response from nought.
        """
        named: list[_Call] = []
        for call in calls:
            sent_id, number = call.id, 1
            while sent_id in self._ids:
                number += 1
                sent_id = f"{call.id}_{number}"
            self._ids |= {sent_id}
            named.append(_Call(call.id, call.name, sent_id))
        return tuple(named)

    def forget_thoughts(self) -> bool:
        """Leave out what the model thought, everywhere; whether there was any.

        Thoughts are sealed to their model, their account and all that stands before
        them. Where they are refused, the words and calls still hold.
        """
        before = self._messages
        self._messages = without_thoughts(before)
        if self._before is not None:
            messages = without_thoughts(self._before.messages)
            self._before = self._before._replace(messages=messages)
        return self._messages != before

    def returned(self, result: ToolReturned) -> None:
        """Take in a tool's result."""
        self._resolve(result.id, result.content, is_error=result.is_error)

    def refuse_results(self, reason: str) -> tuple[tuple[str, str], ...]:
        """Say ``reason`` in the place of the results that the last message has.

        Nothing has been answered to them: they are what has made it unfit to be sent.

        Returns:
            The id and the tool of each call; none where there are no results.
        """
        answered, self._answered = self._answered, ()
        if not answered or not self._messages or self._messages[-1].role != "user":
            return ()
        sent = {call.sent_id for call in answered}
        blocks: list[dict[str, Any]] = msgspec.json.decode(self._messages[-1].content)
        for block in blocks:
            if block.get("tool_use_id") in sent:
                block |= {"content": reason, "is_error": True}
        content = msgspec.Raw(_encoder.encode(blocks))
        self._messages = [
            *self._messages[:-1],
            msgspec.structs.replace(self._messages[-1], content=content),
        ]
        return tuple((call.id, call.name) for call in answered)

    def told(self, text: str) -> None:
        """Say ``text`` after the tools' results, in the next user message."""
        self._texts.append(text)

    def messages(self) -> tuple[Message, ...]:
        """The history to send now. Calls without a result get one that says so."""
        blocks: list[ToolResultBlock | TextBlock] = [
            self._results.get(call.id)
            or ToolResultBlock(
                tool_use_id=call.sent_id,
                content=_json(prompts.NOT_RUN),
                is_error=True,
            )
            for call in self._open_calls
        ]
        blocks.extend(TextBlock(text=text) for text in self._texts)
        if blocks:
            self._say(_json(blocks))
            self._messages = without_open_calls(self._messages)
            self._answered = self._open_calls
        self._open_calls, self._results, self._texts = (), {}, []
        return tuple(self._messages)

    def _say(self, blocks: msgspec.Raw) -> None:
        """Add a user message, or to the last: one of ours may have got no answer."""
        tools: Offer = ()
        if self._messages and self._messages[-1].role == "user":
            last = self._messages.pop()
            before, tools = bytes(last.content), last.tools
            blocks = msgspec.Raw(before[:-1] + b"," + bytes(blocks)[1:])
        self._messages.append(Message(role="user", content=blocks, tools=tools))

    @property
    def offer(self) -> Offer:
        """The last noted list of callable tools; empty: none was noted."""
        noted = offers_in(self._messages)
        return noted[-1][1] if noted else ()

    def note_offer(self, offer: Offer) -> None:
        """Note what may be called from the message on that is sent now."""
        self.messages()
        if self._messages and self._messages[-1].role == "user":
            last = msgspec.structs.replace(self._messages[-1], tools=offer)
            self._messages = [*self._messages[:-1], last]

    def end(self, *, keep: bool) -> None:
        """End the turn; unless ``keep``, as if it had never begun.

        What is left of a turn that is not kept is its note: it says what became of the
        call before, and nobody will say it again.
        """
        if keep:
            self._note = ""
        elif self._before is not None:
            self._messages, self._open_calls, self._ids = self._before
        self._results, self._texts, self._before = {}, [], None

    def _resolve(
        self, call_id: str, content: msgspec.Raw, *, is_error: bool = False
    ) -> None:
        sent = {call.id: call.sent_id for call in self._open_calls}
        self._results[call_id] = ToolResultBlock(
            tool_use_id=sent.get(call_id, call_id), content=content, is_error=is_error
        )

    @classmethod
    def rebuilt(
        cls,
        turns: Iterable[tuple[Turn, Sequence[StreamChunk]]],
        *,
        on_call: OnCall | None = None,
    ) -> Conversation:
        """The conversation that ``turns`` and what was said in them amount to.

        Args:
            turns: Those that are over, in order, and what was said in each.
            on_call: Told of each model call.
        """
        conversation = cls()
        for turn, chunks in turns:
            conversation.begin(turn)
            conversation.end(keep=conversation.relive(turn, chunks, on_call))
        return conversation

    def relive(
        self,
        turn: Turn,
        chunks: Sequence[StreamChunk],
        on_call: OnCall | None = None,
    ) -> bool:
        """Take in what was said in a turn that has begun; tell whether it ended well.

        Args:
            turn: See :meth:`begin`.
            chunks: All of it, or its first.
            on_call: Told of each model call.
        """
        response = Transcript()
        call = 1
        for place, chunk in enumerate(chunks):
            match chunk:
                case StatusChanged(status="requesting") if on_call is not None:
                    on_call(
                        Called(
                            turn=turn,
                            place=place,
                            number=call,
                            fallbacks=self.fallbacks,
                            messages=self.messages(),
                        )
                    )
                case ResponseStarted():
                    self.messages()
                    response = Transcript()
                    response.absorb((chunk,))
                case ResponseEnded():
                    response.absorb((chunk,))
                    self.absorb(response)
                    call += 1
                case ResponseAbandoned():
                    response = Transcript()
                case TurnRestarted():
                    self.begin_afresh(turn, chunk.fallbacks)
                    response, call = Transcript(), 1
                case ToolsOffered():
                    self.note_offer(read(chunk.tools))
                case ToolReturned():
                    self.returned(chunk)
                case StatusChanged(status="asked_again"):
                    self.told(chunk.detail)
                case TurnEnded():
                    return chunk.outcome in KEPT_OUTCOMES
                case _:
                    response.absorb((chunk,))
        return False


def _renamed(content: msgspec.Raw, calls: Sequence[_Call]) -> msgspec.Raw:
    """``content`` with the ids under which its calls go back."""
    if all(call.id == call.sent_id for call in calls):
        return content
    blocks: list[dict[str, Any]] = msgspec.json.decode(content)
    for block, call in zip(
        [block for block in blocks if block["type"] == "tool_use"], calls, strict=False
    ):
        block["id"] = call.sent_id
    return msgspec.Raw(_encoder.encode(blocks))


_encoder = msgspec.json.Encoder()


def _json(value: str | list[ToolResultBlock | TextBlock]) -> msgspec.Raw:
    return msgspec.Raw(_encoder.encode(value))
