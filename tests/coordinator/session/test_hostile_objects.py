"""Objects of callers' that fail at being looked at end nobody's session."""

from __future__ import annotations

import gc
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, NoReturn

import anyio
import pytest

import coordinator
from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.boundary.guard import attribute_of, first_of, is_a, words_of
from agents.protocol.chunks import AgentId
from agents.tools.function import tool
from coordinator.team.team import Team
from tests.coordinator.session.conftest import drafts, scripted, votes
from tests.coordinator.session.hostile_objects import KINDS, MODES, tried


class Unasked(Exception):
    """Answers no question, not even of its class."""

    def __getattribute__(self, name: str) -> NoReturn:
        raise RuntimeError(f"no {name}")


class Classless(Exception):
    @property
    def __class__(self) -> NoReturn:  # type: ignore[override]
        raise RuntimeError("no class")


RAISED: list[Callable[[], BaseException]] = [
    lambda: SystemExit(3),
    StopAsyncIteration,
    GeneratorExit,
    RecursionError,
    Unasked,
    Classless,
]


@tool
async def look() -> str:
    """Look."""
    await anyio.lowlevel.checkpoint()
    return "seen"


def team(ada: Agent) -> Team:
    rules = coordinator.Rules("slate", rule="plurality", final="reuse", deadline_s=60)
    ben = scripted("ben", [drafts("Ben says."), votes("Ben")])
    return Team(agents=(ada, ben), rules=rules, seed=1)


def in_a_tool(make: Callable[[], BaseException]) -> Agent:
    class Sight:
        spec = look.spec
        name = "look"

        @property
        def serial(self) -> str:
            raise make()

        @property
        def rerunnable(self) -> bool:
            raise make()

        async def call(self, _: object) -> str:
            await anyio.lowlevel.checkpoint()
            raise make()

    call = {"when": {"task": "draft", "call": 1}, "lines": [{"tool": "look"}]}
    ada = scripted("ada", [call, drafts("Ada says."), votes("Ben")])
    return replace(ada, tools=(Sight(),))


def with_a_tool(kind: type[Any]) -> Agent:
    call = {"when": {"task": "draft", "call": 1}, "lines": [{"tool": "look"}]}
    ada = scripted("ada", [call, drafts("Ada says."), votes("Ben")])
    return replace(ada, tools=(kind(),))


def in_what_a_tool_may_do(make: Callable[[], BaseException]) -> Agent:
    class Sight:
        spec = look.spec
        name = "look"

        def __getattr__(self, _: str) -> NoReturn:
            raise make()

        async def call(self, _: object) -> str:
            return await look.call(_)  # type: ignore[arg-type]

    return with_a_tool(Sight)


def in_a_tool_of_sessions(make: Callable[[], BaseException]) -> Agent:
    class Sight:
        spec = look.spec
        name = "look"

        def in_session(self, _: str) -> Sight:
            return self

        def leave(self) -> None:
            raise make()

        @property
        def folder(self) -> NoReturn:
            raise make()

        async def work_shown(self) -> str:
            raise make()

        async def call(self, _: object) -> str:
            return await look.call(_)  # type: ignore[arg-type]

    return with_a_tool(Sight)


def in_a_tool_that_comes_into_no_session(make: Callable[[], BaseException]) -> Agent:
    class Sight:
        spec = look.spec
        name = "look"

        def in_session(self, _: str) -> NoReturn:
            raise make()

        def leave(self) -> None:
            pytest.fail("it was never made")

    return with_a_tool(Sight)


def in_what_a_backend_may_do(make: Callable[[], BaseException]) -> Agent:
    class Asks(ScriptedBackend):
        def cost_usd(self, _: object) -> NoReturn:
            raise make()

        def recall(self, request: object) -> NoReturn:
            del request
            raise make()

        def forecast(self, request: object) -> NoReturn:
            del request
            raise make()

    return backed_by(Asks)


def in_a_limit(make: Callable[[], BaseException]) -> Agent:
    class Limitless(ScriptedBackend):
        @property
        def limit_key(self) -> NoReturn:
            raise make()

    return backed_by(Limitless)


def in_a_stream(make: Callable[[], BaseException]) -> Agent:
    class Batches:
        def __aiter__(self) -> AsyncIterator[Any]:
            return self

        async def __anext__(self) -> Any:
            await anyio.lowlevel.checkpoint()
            raise make()

    class Streams(ScriptedBackend):
        @asynccontextmanager
        async def open_stream(self, *_: Any, **__: Any) -> AsyncGenerator[Any]:
            yield Batches()

    return backed_by(Streams)


def backed_by(kind: type[ScriptedBackend]) -> Agent:
    made = scripted("ada", [drafts("Ada says."), votes("Ben")])
    return replace(made, backend=kind(made.backend._script))  # type: ignore[attr-defined]  # noqa: SLF001


@pytest.mark.parametrize("make", RAISED, ids=lambda make: str(RAISED.index(make)))
@pytest.mark.parametrize(
    "place",
    [
        in_a_tool,
        in_what_a_tool_may_do,
        in_a_tool_of_sessions,
        in_a_tool_that_comes_into_no_session,
        in_what_a_backend_may_do,
        in_a_limit,
        in_a_stream,
    ],
)
async def test_whatever_an_object_raises_when_it_is_asked_the_answer_comes(
    place: Callable[[Callable[[], BaseException]], Agent],
    make: Callable[[], BaseException],
) -> None:
    began = anyio.current_time()
    result = await coordinator.run("?", team(place(make)))
    assert result.answer == "Ben says."
    assert anyio.current_time() - began < 10
    failed = result.agents[AgentId("ada")].status == "failed"
    assert failed is (place is in_a_stream)


@pytest.mark.parametrize("make", RAISED, ids=lambda make: str(RAISED.index(make)))
async def test_a_display_that_fails_at_being_asked_is_shown_what_may_be_missed(
    make: Callable[[], BaseException],
) -> None:
    class Show:
        @property
        def is_lossless(self) -> bool:
            raise make()

        async def show(self, events: AsyncIterator[Any]) -> None:
            async for _ in events:
                pass

        def conclude(self, result: Any) -> None:
            concluded.append(result.answer)

    concluded: list[str] = []
    ada = scripted("ada", [drafts("Ada says."), votes("Ben")])
    result = await coordinator.run("?", team(ada), displays=(Show(),))
    assert result.answer == "Ben says."
    assert concluded == ["Ben says."]


def test_an_error_is_known_by_its_type_and_not_by_what_it_says() -> None:
    for error in (Unasked(), Classless()):
        assert first_of(error) is error
        assert is_a(error, OSError, Exception)
        assert not is_a(error, OSError)
        assert words_of(error).startswith(type(error).__name__)
        assert attribute_of(error, "args_of_mine", 5) == 5


async def test_work_that_cannot_be_shown_is_said_under_the_answer() -> None:
    class Sight:
        spec = look.spec
        name = "look"

        def __init__(self, shown: object) -> None:
            self._shown = shown

        async def work_shown(self) -> object:
            if self._shown is None:
                await anyio.sleep_forever()
            return self._shown

        async def call(self, given: object) -> str:
            return await look.call(given)  # type: ignore[arg-type]

    for shown, words in (
        (None, "cannot be told: that took longer than 30 s"),
        (7, "cannot be told: work_shown returned int, which is no text"),
        ("+ a line", "```diff\n+ a line```"),
        ("", ""),
    ):
        ada = scripted("ada", [drafts("Ada says."), votes("Ada")])
        sight: Any = Sight(shown)
        alone = replace(team(ada), agents=(replace(ada, tools=(sight,)),))
        result = await coordinator.run("?", alone)
        assert result.answer is not None
        assert result.answer.startswith("Ada says.")
        assert result.answer.endswith(words)


@pytest.mark.contains
@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_done_with_a_brought_object_may_fail(
    kind: str, runtime: str
) -> None:
    done = tried(kind, runtime, None, "is None").done
    assert done
    with warnings.catch_warnings(action="ignore"):  # coroutines that are not awaited
        for number, mode in enumerate(MODES):
            # A third of it; the rest: see the module.
            for at in range(number % 3, len(done), 3):
                tried(kind, runtime, at, mode)
        gc.collect()


@pytest.mark.contains
@pytest.mark.parametrize("make", [RuntimeError, lambda: SystemExit(3), Unasked])
async def test_what_nobody_foresaw_in_an_actor_costs_its_agent_alone(
    monkeypatch: pytest.MonkeyPatch, make: Callable[[], BaseException]
) -> None:
    async def fails(agent: Agent, last: Any) -> Any:
        await anyio.lowlevel.checkpoint()
        if agent.id == "ada":
            raise make()
        return last

    monkeypatch.setattr("agents.actor.turn_runner.with_work", fails)
    ada = scripted("ada", [drafts("Ada says."), votes("Ben")])
    result = await coordinator.run("?", team(ada), journal=None)
    assert result.answer == "Ben says."
    assert result.agents["ada"].error
