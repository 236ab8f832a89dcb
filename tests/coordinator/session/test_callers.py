"""Callers' code in a session, wherever it is opened: the answer comes in time."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import msgspec
import pytest

import coordinator
from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.boundary.root import left_behind
from agents.protocol.chunks import AgentId, Seq, ServerToolReturned, TurnNumber
from agents.tools.function import tool
from coordinator.errors import SessionLeft
from coordinator.protocol.result import Result
from coordinator.session.handle import SessionHandle
from coordinator.team.team import Team
from tests.coordinator.session.conftest import drafts, scripted, votes

REUSE: dict[str, Any] = {"rule": "plurality", "final": "reuse"}


def two(ada: Agent, **changes: Any) -> Team:
    """``ada``, who is in trouble, and ben, who is well."""
    settings: dict[str, Any] = {**REUSE, "deadline_s": 60, **changes}
    rules = coordinator.Rules("slate", **settings)
    ben = scripted("ben", [drafts("Ben says."), votes("Ben")])
    return Team(agents=(ada, ben), rules=rules, seed=1)


def calling(name: str) -> Agent:
    call = {"when": {"task": "draft", "call": 1}, "lines": [{"tool": name}]}
    return scripted("ada", [call, drafts("Ada says."), votes("Ben")])


class Broken(ScriptedBackend):
    @asynccontextmanager
    async def open_stream(self, *_: Any, **__: Any) -> AsyncGenerator[Any]:
        raise KeyError("choices")
        yield


class Shielded(ScriptedBackend):
    @asynccontextmanager
    async def open_stream(self, *_: Any, **__: Any) -> AsyncGenerator[Any]:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(500)
        yield ()


def backed_by(kind: type[ScriptedBackend]) -> Agent:
    made = scripted("ada", [drafts("Ada says.")])
    return replace(made, backend=kind(made.backend._script))  # type: ignore[attr-defined]  # noqa: SLF001


async def test_a_backend_of_ones_own_that_raises_is_out_and_the_answer_comes() -> None:
    result = await coordinator.run("?", two(backed_by(Broken)))
    assert (result.status, result.answer) == ("answered", "Ben says.")
    assert "KeyError" in str(result.agents[AgentId("ada")].error)


async def test_the_result_is_there_at_the_deadline_whatever_shields_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    team = two(backed_by(Shielded), deadline_s=20)
    began = anyio.current_time()
    async with coordinator.open_session("?", team) as session:
        result = await session.wait()
        assert anyio.current_time() - began <= 21
        assert result.answer == "Ben says."
        assert result.agents["ada"].status == "cancelled"
    assert anyio.current_time() - began <= 20 + 2.5, "cleaning up is bounded"
    assert left_behind() == ("agent ada",)
    assert "agent ada is left behind" in caplog.text
    await anyio.sleep(1000)
    assert not left_behind()


async def test_a_tool_that_shields_itself_does_not_hold_the_deadline() -> None:
    @tool
    async def commits() -> str:
        """Commit."""
        with anyio.CancelScope(shield=True):
            await anyio.sleep(300)
        return "late"

    ada = replace(calling("commits"), tools=(commits,), tool_timeout_s=1e6)
    began = anyio.current_time()
    async with coordinator.open_session("?", two(ada, deadline_s=20)) as session:
        await session.wait()
        assert anyio.current_time() - began <= 21
    await anyio.sleep(1000)


class Show:
    """A display of a caller's own, in trouble."""

    is_lossless = False

    def __init__(self, how: str, *, lossless: bool = False) -> None:
        self._how = how
        self.is_lossless = lossless

    async def show(self, events: AsyncIterator[Any]) -> None:
        if self._how == "raises":
            raise SystemExit("no terminal")
        async for _ in events:
            if self._how == "hangs":
                await anyio.sleep_forever()

    def conclude(self, result: Result) -> None:
        raise ZeroDivisionError(result.status)


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("how", ["raises", "hangs", "concludes badly"])
async def test_a_display_in_trouble_is_out_and_the_answer_comes(
    how: str, lossless: bool, caplog: pytest.LogCaptureFixture
) -> None:
    began = anyio.current_time()
    ada = scripted("ada", [drafts("Ada says."), votes("Ben")])
    displays = (Show(how, lossless=lossless),)
    with caplog.at_level(logging.WARNING, "agents.boundary"):
        result = await coordinator.run("?", two(ada), displays=displays)
    assert result.answer == "Ben says."
    assert anyio.current_time() - began < 20
    assert "display Show" in caplog.text


def talkative() -> Agent:
    text = {"text": "hm " * 60_000, "size": 3}
    lines = {"when": {"task": "draft"}, "lines": [text, {"answer": "Ada says."}]}
    return scripted("ada", [lines, votes("Ben")])


async def test_a_reader_that_stops_does_not_hold_the_deadline() -> None:
    team = two(talkative(), deadline_s=3)
    began = anyio.current_time()
    async with coordinator.open_session("?", team) as session:
        async for _ in session:
            await session.wait()
            break
        assert anyio.current_time() - began < 5
        assert session.result is not None
        assert session.result.status in {"answered", "deadline"}


def plain() -> Team:
    return two(scripted("ada", [drafts("Ada says."), votes("Ben")]))


async def test_a_break_out_of_ones_own_generator_ends_that_session_alone() -> None:
    async def words() -> AsyncGenerator[Any]:
        async with coordinator.open_session("?", plain()) as session:
            async for chunk in session:
                yield chunk

    async with aclosing(words()) as stream:
        async for _ in stream:
            break
    await anyio.sleep(1)
    assert (await coordinator.run("?", plain())).answer == "Ben says."


async def test_a_session_may_be_left_in_another_task_than_it_was_entered_in() -> None:
    stack = AsyncExitStack()
    sessions: list[coordinator.Session] = []

    async def opens() -> None:
        opened = coordinator.open_session("?", plain())
        sessions.append(await stack.enter_async_context(opened))

    async with anyio.create_task_group() as group:
        group.start_soon(opens)
    async with anyio.create_task_group() as group:
        group.start_soon(sessions[0].wait)
    assert sessions[0].result is not None
    async with anyio.create_task_group() as group:
        group.start_soon(stack.aclose)


async def test_a_team_is_streamed_by_its_short_form() -> None:
    kinds: list[str] = []
    async with plain().stream("?") as events:
        async for event in events:
            kinds.append(type(event).__name__)  # noqa: PERF401  (as people write it)
    assert events.result is not None
    assert {"TurnStarted", "AnswerProposed", "Conclude"} <= {*kinds}
    async with coordinator.stream("?", plain()) as events:
        async for _ in events:
            break
    assert events.result is None


async def test_waiting_for_a_session_that_was_left_is_an_error() -> None:
    async with coordinator.open_session("?", plain()) as session:
        pass
    with pytest.raises(SessionLeft, match="was left before it had an outcome"):
        await session.wait()
    assert [chunk async for chunk in session] == []


async def test_a_question_that_is_refused_is_refused_on_entering() -> None:
    with pytest.raises(coordinator.ConfigInvalid):
        async with coordinator.open_session(" ", plain()):
            raise AssertionError


@pytest.mark.real_time
async def test_a_session_is_stopped_and_told_from_another_thread() -> None:
    done: list[Any] = []
    async with coordinator.open_session("?", two(talkative())) as session:
        handle = SessionHandle(session)

        def other_thread() -> None:
            handle.say("Hurry up.")
            handle.stop("from a thread")
            done.append(handle.wait(10))

        thread = threading.Thread(target=other_thread)
        thread.start()
        result = await session.wait()
        while thread.is_alive():  # noqa: ASYNC110  (a thread's end, of which nobody tells)
            await anyio.sleep(0.01)
    assert done == [result]
    assert handle.is_over


def _forever() -> Team:
    line = {"when": {"task": "draft"}, "lines": [{"answer": "late", "delay_s": 3600}]}
    agents = tuple(scripted(name, [line]) for name in ("ada", "ben"))
    return Team(agents=agents, rules=coordinator.Rules("slate"), seed=1)


@pytest.mark.real_time
@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
def test_run_sync_hands_out_what_other_threads_stop_it_by(runtime: Any) -> None:
    handles: list[SessionHandle] = []

    def started(handle: SessionHandle) -> None:
        handles.append(handle)
        threading.Timer(0.1, handle.stop).start()
        raise RuntimeError("a hook's trouble is for the log")

    result = coordinator.run_sync("?", _forever(), runtime=runtime, on_start=started)
    assert result.status != "answered"
    assert handles[0].wait(1) == result
    handles[0].stop()


@pytest.mark.real_time
def test_one_team_is_shared_by_many_threads() -> None:
    fast = [
        {"when": {"task": "draft"}, "repeat": True, "lines": [{"answer": "Yes."}]},
        {"when": {"task": "review"}, "repeat": True, "lines": [{"vote": "Yes"}]},
        {"when": {"task": "present"}, "repeat": True, "lines": [{"text": "Yes."}]},
    ]
    agents = tuple(scripted(name, fast) for name in ("ada", "ben"))
    team = Team(agents=agents, rules=coordinator.Rules("slate", **REUSE), seed=1)
    answers: list[Any] = []

    def asks() -> None:
        answers.append(coordinator.run_sync("?", team).answer)

    before = threading.active_count()
    threads = [threading.Thread(target=asks) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == ["Yes."] * 64
    assert threading.active_count() <= before + 1


class _Slow:
    account = "a"
    has_container = True

    def __init__(self, fetch: Callable[[], Any]) -> None:
        self._fetch = fetch

    def download(self, *_: Any) -> Any:
        return self._fetch()


@pytest.mark.parametrize("how", ["hangs", "raises"])
async def test_files_that_do_not_come_hold_nothing_beyond_the_deadline(
    how: str, tmp_path: Any
) -> None:
    from coordinator.session.downloads import Downloads  # noqa: PLC0415

    async def fetch() -> Any:
        if how == "raises":
            raise LookupError("odd")
        with anyio.CancelScope(shield=True):
            await anyio.sleep(500)

    backend: Any = type("B", (), {"files": _Slow(fetch)})()
    downloads = Downloads({AgentId("ada"): backend}, tmp_path)
    written = b'{"content": [{"file_id": "f1"}]}'
    downloads.take(
        ServerToolReturned(
            agent=AgentId("ada"),
            turn=TurnNumber(1),
            seq=Seq(0),
            at=0.0,
            block=0,
            id="c",
            type="code_execution_tool_result",
            content=msgspec.Raw(written),
            is_error=False,
        )
    )
    began = anyio.current_time()
    with anyio.move_on_after(1):
        await downloads.collect()
    assert anyio.current_time() - began <= 2
    (file,) = downloads.files
    told = "it did not come in time" if how == "hangs" else "LookupError: odd"
    assert file.problem == told
    await anyio.sleep(1000)
