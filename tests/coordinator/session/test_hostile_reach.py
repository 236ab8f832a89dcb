"""Objects of callers that reach for our tasks, the event loop or the program."""

from __future__ import annotations

import asyncio
import contextvars
import io
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import msgspec
import pytest

import coordinator
from agents.agent import Agent
from agents.backends.function.backend import FunctionBackend
from agents.backends.function.reply import Thought, Vote
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.boundary.root import left_behind
from agents.boundary.threads import in_thread
from agents.protocol.turns import Review
from agents.tools.function import tool
from coordinator.session.handle import SessionHandle
from coordinator.team.team import Team
from tests.coordinator.session.conftest import drafts, scripted, votes


def team(ada: Agent, **options: Any) -> Team[Any]:
    rules = coordinator.Rules("slate", rule="plurality", final="reuse", deadline_s=60)
    ben = scripted("ben", [drafts("Ben says."), votes("Ben")])
    return Team(agents=(ada, ben), rules=rules, seed=1, **options)


def plain() -> Agent:
    return scripted("ada", [drafts("Ada says."), votes("Ben")])


def cancels_its_task() -> None:
    with suppress(RuntimeError):  # trio runs
        task = asyncio.current_task()
        assert task is not None
        task.cancel()


def enters_a_scope() -> None:
    scope = anyio.CancelScope()
    scope.__enter__()
    scope.cancel("for whoever called")


REACHES: list[Callable[[], None]] = [cancels_its_task, enters_a_scope]


def in_a_limit_key(reach: Callable[[], None]) -> tuple[Agent, dict[str, Any]]:
    class Limited(ScriptedBackend):
        @property
        def limit_key(self) -> None:
            reach()

        @property
        def secrets(self) -> tuple[str, ...]:
            reach()
            return ()

    turns = [drafts("Ada says."), votes("Ben")]
    return replace(plain(), backend=Limited(parse_script({"turns": turns}))), {}


@tool
async def look() -> str:
    """Look."""
    await anyio.lowlevel.checkpoint()
    return "seen"


def in_a_tool_of_a_session(reach: Callable[[], None]) -> tuple[Agent, dict[str, Any]]:
    class Sight:
        name = "look"

        spec = look.spec

        def in_session(self, _: str) -> Sight:
            reach()
            return self

        def leave(self) -> None:
            reach()

        async def call(self, given: msgspec.Raw) -> object:
            return await look.call(given)

    sight: Any = Sight()
    return replace(plain(), tools=(sight,)), {}


def in_a_display(reach: Callable[[], None]) -> tuple[Agent, dict[str, Any]]:
    class Show:
        @property
        def is_lossless(self) -> bool:
            reach()
            return True

        async def show(self, events: AsyncIterator[object]) -> None:
            async for _ in events:
                pass

        def conclude(self, _: Any) -> None:
            reach()

    return plain(), {"displays": (Show(),)}


@pytest.mark.parametrize("reach", REACHES)
@pytest.mark.parametrize(
    "place", [in_a_limit_key, in_a_tool_of_a_session, in_a_display]
)
async def test_synchronous_code_does_not_reach_the_sessions_task(
    place: Callable[..., tuple[Agent, dict[str, Any]]], reach: Callable[[], None]
) -> None:
    ada, options = place(reach)
    result = await coordinator.run("?", team(ada), **options)
    assert result.answer == "Ben says."


@pytest.mark.parametrize("reach", REACHES)
async def test_hooks_do_not_reach_the_sessions_task(
    reach: Callable[[], None],
) -> None:
    async with coordinator.open_session("?", team(plain())) as session:
        session.when_over(reach)
        result = await session.wait()
    assert result.answer == "Ben says."


@pytest.mark.parametrize("reach", REACHES)
@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
def test_a_hook_at_the_start_does_not_reach_the_sessions_task(
    runtime: Any, reach: Callable[[], None]
) -> None:
    result = coordinator.run_sync(
        "?", team(quick()), runtime=runtime, on_start=lambda _: reach()
    )
    assert result.answer is not None


def quick() -> Agent:
    async def ask(_messages: object, _tools: object, turn: Any) -> Any:
        await anyio.lowlevel.checkpoint()
        if isinstance(turn.task, Review):
            return Vote(turn.task.answers[0].label)
        return "Ada says."

    return Agent(id="ada", backend=FunctionBackend(ask))


class Bad(msgspec.Struct):
    name: str

    def __post_init__(self) -> None:
        for reach in REACHES:
            with suppress(Exception):
                reach()


async def test_the_check_of_a_value_does_not_reach_the_sessions_task() -> None:
    def valued(agent: str) -> Agent:
        line = {"answer": f"{agent} says.", "value": {"name": agent}, "delay_s": 1.0}
        turns = [{"when": {"task": "draft"}, "lines": [line]}, votes("ben")]
        return scripted(agent, turns)

    rules = coordinator.Rules("slate", rule="plurality", final="reuse", deadline_s=60)
    both = (valued("ada"), valued("ben"))
    values = Team(agents=both, rules=rules, seed=1, answer_type=Bad)
    result = await coordinator.run("?", values)
    assert result.status == "answered"


async def test_displays_that_stand_still_are_waited_for_side_by_side() -> None:
    class Still:
        is_lossless = False

        async def show(self, _: object) -> None:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(100)

        def conclude(self, _: Any) -> None: ...

    began = anyio.current_time()
    displays: list[Any] = [Still() for _ in range(20)]
    result = await coordinator.run("?", team(plain()), displays=displays)
    assert result.answer == "Ben says."
    assert anyio.current_time() - began < 10
    await anyio.sleep(200)
    assert not left_behind()


async def exits() -> None:
    await anyio.lowlevel.checkpoint()
    sys.exit(3)


async def starts_what_exits() -> str:
    async with anyio.create_task_group() as group:
        group.start_soon(exits)
    return "never"


def exit_in_a_tool() -> tuple[Agent, dict[str, Any]]:
    @tool
    async def look() -> str:
        """Look."""
        return await starts_what_exits()

    call = {"when": {"task": "draft", "call": 1}, "lines": [{"tool": "look"}]}
    ada = scripted("ada", [call, drafts("Ada says."), votes("Ben")])
    return replace(ada, tools=(look,)), {}


def exit_in_a_backend() -> tuple[Agent, dict[str, Any]]:
    async def ask(_messages: object, _tools: object) -> str:
        return await starts_what_exits()

    return Agent(id="ada", backend=FunctionBackend(ask)), {}


def exit_in_a_display() -> tuple[Agent, dict[str, Any]]:
    class Show:
        is_lossless = True

        async def show(self, _: object) -> None:
            await starts_what_exits()

        def conclude(self, _: Any) -> None: ...

    return plain(), {"displays": (Show(),)}


@pytest.mark.parametrize(
    "place", [exit_in_a_tool, exit_in_a_backend, exit_in_a_display]
)
async def test_a_task_that_callers_code_starts_may_exit(
    place: Callable[[], tuple[Agent, dict[str, Any]]],
) -> None:
    ada, options = place()
    result = await coordinator.run("?", team(ada), **options)
    assert result.answer == "Ben says."


@pytest.mark.contains
async def test_scopes_that_a_generator_leaves_open_cost_its_agent_alone() -> None:
    async def ask(_messages: object, _tools: object) -> AsyncGenerator[str]:
        anyio.move_on_after(0.2).__enter__()
        yield "Ada says."
        group = anyio.create_task_group()
        await group.__aenter__()
        group.start_soon(anyio.sleep_forever)
        yield "More."

    ada = Agent(id="ada", backend=FunctionBackend(ask))
    result = await coordinator.run("?", team(ada))
    assert result.answer == "Ben says."
    assert result.agents["ada"].error


@pytest.mark.parametrize("place", ["list", "labels"])
async def test_a_list_without_end_is_refused(place: str) -> None:
    class Endless(list[Any]):
        def __iter__(self) -> Any:
            while True:
                yield "agent1.1"

    async def ask(_messages: object, _tools: object, turn: Any) -> Any:
        await anyio.lowlevel.checkpoint()
        if isinstance(turn.task, Review):
            return Vote(Endless())
        return Endless() if place == "list" else "Ada says."

    ada = Agent(id="ada", backend=FunctionBackend(ask))
    result = await coordinator.run("?", team(ada))
    assert result.answer is not None
    assert "100,000" in str(result.agents["ada"].error)


async def test_another_threads_event_loop_reads_nothing(
    anyio_backend_name: str,
) -> None:
    async def read(open_feed: Callable[[], Any]) -> None:
        async for _ in open_feed():
            pytest.fail("it was read")

    async with coordinator.open_session("?", team(plain())) as session:
        feed = session.events()

        async def everything() -> None:
            for open_feed in (lambda: session, session.events, lambda: feed):
                with pytest.raises(RuntimeError, match="another thread"):
                    await read(open_feed)
            for wait in (session.wait, lambda: session.asked("ada")):
                with pytest.raises(RuntimeError, match="another thread"):
                    await wait()

        other = partial(anyio.run, everything, backend=anyio_backend_name)
        # In a context that knows of no event loop, as a thread's own is.
        await in_thread(lambda: contextvars.Context().run(other))
        feed.close()
        result = await session.wait()
    assert result.answer == "Ben says."


async def test_a_handle_does_not_block_its_own_event_loop() -> None:
    async with coordinator.open_session("?", team(plain())) as session:
        handle = SessionHandle(session)
        with pytest.raises(RuntimeError, match=r"await session\.wait"):
            handle.wait()
        result = await session.wait()
        await anyio.lowlevel.checkpoint()
        assert handle.wait(0) == result


LONG = "x" * 70_000_000


async def test_what_no_journal_keeps_costs_whoever_says_it(tmp_path: Path) -> None:
    async def ask(_messages: object, _tools: object) -> Any:
        await anyio.lowlevel.checkpoint()
        return LONG

    ada = Agent(id="ada", backend=FunctionBackend(ask))
    result = await coordinator.run("?", team(ada), journal=tmp_path)
    assert result.answer == "Ben says."
    assert "70,000" in str(result.agents["ada"].error)


async def test_a_person_says_no_more_than_a_model_reads(tmp_path: Path) -> None:
    async with coordinator.open_session(
        "?", team(plain()), journal=tmp_path
    ) as session:
        for say in (session.say, session.interrupt, session.force_vote):
            with pytest.raises(ValueError, match="longer than any model reads"):
                say(LONG)
        result = await session.wait()
    assert result.answer == "Ben says."
    with pytest.raises(coordinator.ConfigInvalid, match="files are attached"):
        await coordinator.run(LONG, team(plain()))


async def test_half_characters_of_a_function_are_mended() -> None:
    half = "\ud800 and \ud83d\ude00"

    async def ask(_messages: object, _tools: object, turn: Any) -> Any:
        await anyio.lowlevel.checkpoint()
        if isinstance(turn.task, Review):
            return [Thought(half), Vote(turn.task.answers[0].label, reason=half)]
        return [Thought(half), f"Ada says {half}"]

    backend = FunctionBackend(ask, model=half)
    ada = Agent(id="ada", backend=backend, system=half)
    result = await coordinator.run(f"? {half}", team(ada))
    assert result.agents["ada"].error is None
    assert {record.content for record in result.answers} == {
        "Ada says \ufffd and \U0001f600",
        "Ben says.",
    }


@pytest.mark.parametrize("state", ["none", "closed"])
async def test_a_program_without_an_output_is_shown_nothing(
    state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = io.StringIO()
    closed.close()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, closed if state == "closed" else None)
    result = await coordinator.run("?", team(plain()), show=True)
    assert result.answer == "Ben says."


async def test_a_folder_that_is_gone_is_no_place_for_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for journal in (False, tmp_path):
        with pytest.raises(coordinator.ConfigInvalid, match="give its whole path"):
            await coordinator.run(
                "?", team(plain()), journal=journal, output_dir=Path("out")
            )
