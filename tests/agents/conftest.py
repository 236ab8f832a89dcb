"""Fixtures for tests of agents: turns to ask, and an actor with a listener."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import anyio
import anyio.abc
import msgspec
import pytest
from anyio.streams.memory import MemoryObjectReceiveStream

from agents.actor.actor import Actor
from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.conversation.uploads import SessionFiles
from agents.limits.limiter import Limiter
from agents.limits.retry import RetryPolicy
from agents.protocol.backend import Backend, Message, Request
from agents.protocol.chunks import (
    AgentFailed,
    AgentId,
    Label,
    StreamChunk,
    TurnEnded,
    TurnNumber,
)
from agents.protocol.frames import decode_frame
from agents.protocol.stamper import Pen
from agents.protocol.turns import (
    BallotForm,
    Draft,
    Present,
    Review,
    Task,
    Turn,
    VisibleAnswer,
)

ADA = AgentId("ada")
NONCE = "5f0c9a1e77"


class Recording:
    """A backend that keeps what another one was asked, and counts its open streams."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.requests: list[Request] = []
        self.open_streams = 0

    @property
    def model(self) -> str:
        return self._backend.model

    @property
    def limit_key(self) -> str | None:
        return None

    @asynccontextmanager
    async def open_stream(self, request: Request, pen: Pen) -> AsyncGenerator[Any]:
        self.requests.append(request)
        async with self._backend.open_stream(request, pen) as stream:
            self.open_streams += 1
            try:
                yield stream
            finally:
                self.open_streams -= 1

    def stream_with_tools(self, *given: Any, **options: Any) -> Any:
        return self._backend.stream_with_tools(*given, **options)

    async def aclose(self) -> None:
        await self._backend.aclose()


@dataclass(kw_only=True)
class Stage:
    """One actor on stage, and what it has said."""

    actor: Actor
    inbox: MemoryObjectReceiveStream[bytes]
    group: anyio.abc.TaskGroup
    said: list[StreamChunk] = field(default_factory=list[StreamChunk])

    async def until(self, *kinds: type[StreamChunk]) -> StreamChunk:
        """Listen until a chunk of one of ``kinds`` is said."""
        with anyio.fail_after(36_000):
            while True:
                heard = decode_frame(await self.inbox.receive())
                self.said += heard
                for chunk in heard:
                    if isinstance(chunk, kinds):
                        return chunk

    async def play(self, turn: Turn) -> list[StreamChunk]:
        """Have ``turn`` played to its end; what was said in it."""
        begins = len(self.said)
        self.actor.take(turn)
        await self.until(TurnEnded, AgentFailed)
        return self.said[begins:]


Staging: TypeAlias = Callable[..., AbstractAsyncContextManager[Stage]]


@asynccontextmanager
async def _stage(
    backend: Backend,
    *,
    room: float = math.inf,
    limiter: Limiter | None = None,
    retry: RetryPolicy | None = None,
    files: SessionFiles | None = None,
    **settings: Any,
) -> AsyncGenerator[Stage]:
    outbox, inbox = anyio.create_memory_object_stream[bytes](room)
    agent = Agent(id=ADA, backend=backend, **settings)
    actor = Actor(
        agent,
        outbox,
        limiter=limiter or Limiter.unlimited(),
        fallback_limiters=[Limiter.unlimited() for _ in agent.fallbacks],
        retry=retry or RetryPolicy(),
        files=files,
    )
    with inbox:
        async with anyio.create_task_group() as group:
            group.start_soon(actor.run, name="agent ada")
            yield Stage(actor=actor, inbox=inbox, group=group)
            actor.close()


@pytest.fixture
def stage() -> Staging:
    """Put an actor on a stage, which is an async context manager."""
    return _stage


def _scripted(*turns: Any) -> Recording:
    entries: list[Any] = [x if isinstance(x, dict) else {"lines": x} for x in turns]
    return Recording(ScriptedBackend(parse_script({"turns": entries})))


@pytest.fixture
def scripted() -> Callable[..., Recording]:
    """A recorded backend that plays the given entries, or lists of lines, in order."""
    return _scripted


def _turn(task: Task, number: int = 1, **more: Any) -> Turn:
    return Turn(
        agent=ADA,
        number=TurnNumber(number),
        question="What is the capital of Australia?",
        task=task,
        nonce=NONCE,
        **more,
    )


ANSWERS = (
    VisibleAnswer(label=Label("agent1.1"), content="Sydney", is_own=True),
    VisibleAnswer(label=Label("agent2.1"), content="Canberra"),
)


class Asking:
    """Turns to ask an agent for."""

    answers = ANSWERS
    labels = tuple(answer.label for answer in ANSWERS)

    def draft(self, number: int = 1, **more: Any) -> Turn:
        return _turn(Draft(), number, **more)

    def review(
        self,
        number: int = 1,
        *,
        kind: Any = "choice",
        may_revise: bool = False,
        unseen: tuple[Label, ...] = (),
        may_abstain: bool = False,
        **more: Any,
    ) -> Turn:
        form = BallotForm(kind=kind, labels=self.labels, may_abstain=may_abstain)
        task = Review(
            answers=self.answers, unseen=unseen, ballot=form, may_revise=may_revise
        )
        return _turn(task, number, **more)

    def present(
        self, number: int = 1, *, may_restart: bool = False, **more: Any
    ) -> Turn:
        task = Present(answers=self.answers[1:], may_restart=may_restart)
        return _turn(task, number, **more)


@pytest.fixture
def ask() -> Asking:
    return Asking()


def check_history(messages: Sequence[Message]) -> None:
    """Assert what the API asks of a history: above all, that calls are answered."""
    due: list[str] = []
    for message in messages:
        blocks: Any = msgspec.json.decode(message.content)
        assert blocks, "the API takes no empty message"
        if message.role == "assistant":
            assert not due, f"calls without a result: {due}"
            due = [block["id"] for block in blocks if block["type"] == "tool_use"]
        else:
            given = [b["tool_use_id"] for b in blocks if b["type"] == "tool_result"]
            assert given == due, "each call has one result, in the next message"
            kinds = [block["type"] == "tool_result" for block in blocks]
            assert kinds == sorted(kinds, reverse=True), "results come before text"
            due = []
    assert not due


@pytest.fixture
def is_valid_history() -> Callable[[Sequence[Message]], None]:
    return check_history
