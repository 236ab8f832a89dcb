"""Every backend on the same stage: give it a script, get a backend that plays it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

import anyio
import msgspec
import pytest
import trio

from agents.backends.claude.backend import ClaudeBackend
from agents.backends.compatible.backend import CompatibleBackend
from agents.backends.function import FunctionBackend, Thought, ToolCall
from agents.backends.gemini.backend import GeminiBackend
from agents.backends.grok.backend import GrokBackend
from agents.backends.openai.backend import OpenAIBackend
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import Script, parse_script
from agents.conversation.prompts import opening
from agents.emulator import Server, serve
from agents.protocol.backend import Backend, Message, Request
from agents.protocol.chunks import (
    AgentId,
    Label,
    TextDelta,
    ThinkingDelta,
    ToolCalled,
    TurnNumber,
    UsageReported,
)
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
from agents.tools.workflow import workflow_tools

IDLE_LIMIT_S = 60.0
"""Long, because over real sockets a busy machine is slow, and that is no stall."""

Made: TypeAlias = Callable[[Server, str, float], Backend]
Stage: TypeAlias = Callable[..., AbstractAsyncContextManager[Backend]]
"""Takes a script and, where a stall is waited for, ``idle_limit_s``."""


@asynccontextmanager
async def _in_process(
    script: Script, idle_limit_s: float = IDLE_LIMIT_S
) -> AsyncGenerator[Backend]:
    backend = ScriptedBackend(script, idle_limit_s=idle_limit_s)
    yield backend
    await backend.aclose()


@asynccontextmanager
async def _over_http(
    script: Script, idle_limit_s: float = IDLE_LIMIT_S
) -> AsyncGenerator[Backend]:
    """Claude's backend against the emulator; every socket must be closed at the end."""
    async with serve(script) as server:
        backend = ClaudeBackend(
            model=script.model,
            api_key="sk-test-not-a-key",
            base_url=server.base_url,
            max_tokens=1000,
            idle_limit_s=idle_limit_s,
        )
        try:
            yield backend
        finally:
            with anyio.move_on_after(10, shield=True) as grace:
                await backend.aclose()
                await server.all_closed()
            assert not grace.cancelled_caught, f"{server.open_sockets} sockets are left"


KEY = "sk-test-not-a-key"


def _openai(api: str) -> Made:
    def make(server: Server, model: str, idle_limit_s: float) -> Backend:
        return OpenAIBackend(
            model,
            api_key=KEY,
            base_url=server.base_url + "/v1",
            api=api,
            max_tokens=1000,
            idle_limit_s=idle_limit_s,
        )

    return make


def _grok(server: Server, model: str, idle_limit_s: float) -> Backend:
    return GrokBackend(
        model,
        api_key=KEY,
        base_url=server.base_url + "/v1",
        idle_limit_s=idle_limit_s,
    )


def _gemini(server: Server, model: str, idle_limit_s: float) -> Backend:
    return GeminiBackend(
        model,
        api_key=KEY,
        base_url=server.base_url + "/v1beta",
        idle_limit_s=idle_limit_s,
    )


def _compatible(api: str) -> Made:
    def make(server: Server, model: str, idle_limit_s: float) -> Backend:
        return CompatibleBackend(
            model,
            api_key=KEY,
            base_url=server.base_url + ("/v1" if api == "chat" else ""),
            api=api,
            idle_limit_s=idle_limit_s,
        )

    return make


def _asked_by(make: Made) -> Stage:
    """A backend of another maker against the emulator, in that maker's dialect."""

    @asynccontextmanager
    async def stage(
        script: Script, idle_limit_s: float = IDLE_LIMIT_S
    ) -> AsyncGenerator[Backend]:
        async with serve(script) as server:
            backend = make(server, script.model, idle_limit_s)
            try:
                yield backend
            finally:
                with anyio.move_on_after(10, shield=True) as grace:
                    await backend.aclose()
                    await server.all_closed()
                left = f"{server.open_sockets} sockets are left"
                assert not grace.cancelled_caught, left

    return stage


class _Asked(FunctionBackend):
    """A function's backend that remembers what it was asked in our own words."""

    def __init__(self, ask: Any, *, model: str) -> None:
        super().__init__(ask, model=model)
        self.asked: ContextVar[Request] = ContextVar("asked")

    def open_stream(self, request: Request, pen: Pen) -> Any:
        self.asked.set(request)
        return super().open_stream(request, pen)


@asynccontextmanager
async def _by_function(
    script: Script, idle_limit_s: float = IDLE_LIMIT_S
) -> AsyncGenerator[Backend]:
    """A function that says what the script says, piece by piece."""
    player = ScriptedBackend(script, idle_limit_s=idle_limit_s)

    async def ask(messages: Any, tools: Any) -> AsyncGenerator[Any]:
        assert messages
        assert isinstance(tools, list)
        request = backend.asked.get()
        pen = Pen(request.turn.agent, request.turn.number, at=0.0)
        async with player.open_stream(request, pen) as stream:
            async for batch in stream:
                for chunk in batch:
                    match chunk:
                        case TextDelta():
                            yield chunk.text
                        case ThinkingDelta():
                            yield Thought(chunk.text)
                        case UsageReported():
                            yield chunk.usage
                        case ToolCalled():
                            given = msgspec.json.decode(chunk.input)
                            yield ToolCall(chunk.name, given, chunk.id)
                        case _:
                            pass

    backend = _Asked(ask, model=script.model)
    yield backend
    await backend.aclose()


_STAGES: dict[str, Stage] = {
    "scripted": _in_process,
    "claude": _over_http,
    "openai": _asked_by(_openai("responses")),
    "openai-chat": _asked_by(_openai("chat")),
    "grok": _asked_by(_grok),
    "gemini": _asked_by(_gemini),
    "compatible": _asked_by(_compatible("chat")),
    "compatible-messages": _asked_by(_compatible("messages")),
    "function": _by_function,
}
SPEAKS_MESSAGES = ("scripted", "claude")
"""Those that say every word of a script's as Claude does."""


def _tasks() -> int:
    """Count the tasks of the running loop."""
    if trio.lowlevel.in_trio_run():
        return trio.lowlevel.current_statistics().tasks_living
    return len(asyncio.all_tasks())


def _swept(stage: Stage) -> Stage:
    """The same stage; once it is struck, no task of its may be left."""

    @asynccontextmanager
    async def swept(
        script: Script, idle_limit_s: float = IDLE_LIMIT_S
    ) -> AsyncGenerator[Backend]:
        before = _tasks()
        async with stage(script, idle_limit_s) as backend:
            yield backend
        assert _tasks() == before

    return swept


def _param(name: str) -> Any:
    marks = () if name == "scripted" else pytest.mark.real_time
    return pytest.param(name, marks=marks)


@pytest.fixture(params=[_param(name) for name in SPEAKS_MESSAGES])
def claude_stage(request: pytest.FixtureRequest) -> Stage:
    """Each implementation that speaks Claude's dialect to its last word."""
    return _swept(_STAGES[request.param])


@pytest.fixture(params=[_param(name) for name in _STAGES])
def stage(request: pytest.FixtureRequest) -> Stage:
    """Each implementation of the protocol in turn."""
    return _swept(_STAGES[request.param])


@pytest.fixture
def runs_tools(request: pytest.FixtureRequest) -> bool:
    """Whether the stage's server has tools of its own, by common names."""
    name = request.node.callspec.params["stage"]
    return name not in {"openai-chat", "compatible", "compatible-messages"}


@pytest.fixture
def in_process() -> Stage:
    """The stage that the others are compared with."""
    return _in_process


@pytest.fixture
def script_of() -> Callable[..., Script]:
    """Makes a script whose only response, said again and again, has these lines."""

    def make(*lines: Any, **entry: Any) -> Script:
        turn = {"repeat": True, "lines": list(lines), **entry}
        return parse_script({"model": "claude-haiku-4-5", "turns": [turn]})

    return make


@pytest.fixture
def request_for() -> Callable[..., Request]:
    """Makes a request as the engine would, by default for a first answer."""

    def make(task: Task | None = None, agent: str = "ada") -> Request:
        turn = Turn(
            agent=AgentId(agent),
            number=TurnNumber(1),
            question="Which city?",
            task=task or Draft(),
            nonce="5f0c9a1e",
        )
        blocks = [{"type": "text", "text": text} for text in opening(turn)]
        content = msgspec.Raw(msgspec.json.encode(blocks))
        return Request(
            turn=turn,
            system="Be brief.",
            messages=(Message(role="user", content=content),),
            tools=workflow_tools(turn.task),
        )

    return make


@pytest.fixture
def review() -> Review:
    """A vote on two answers, the second one's own."""
    labels = (Label("agent1.1"), Label("agent2.1"))
    return Review(
        answers=(
            VisibleAnswer(label=labels[0], content="Paris"),
            VisibleAnswer(label=labels[1], content="Lyon", is_own=True),
        ),
        ballot=BallotForm(kind="choice", labels=labels),
        may_revise=True,
    )


@pytest.fixture
def presentation() -> Present:
    """A presentation of one answer."""
    answer = VisibleAnswer(label=Label("agent1.1"), content="Paris")
    return Present(answers=(answer,))


@pytest.fixture(scope="session", autouse=True)
def _modules_set_aside() -> Any:
    """Lets a collection look at what tests made only: a tenth of the time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def nothing_is_left(anyio_backend: Any) -> Any:
    """Generators that are left behind warn when collected, and warnings are errors."""
    yield anyio_backend
    gc.collect()
