"""Virtual time stands while real work is out, and jumps where nothing is."""

from __future__ import annotations

import asyncio
import math
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest
import trio

from agents.limits.outside_work import outside_work, session_ends_at
from coordinator.scenarios.reader import parse_scenario
from coordinator.scenarios.runner import Report, run_scenario
from coordinator.simulation.virtual_time import RUNTIMES, Runtime, virtual

both = pytest.mark.parametrize("runtime", RUNTIMES)


def play(main: Callable[[], Awaitable[object]], runtime: Runtime) -> object:
    return anyio.run(main, backend=runtime, backend_options=virtual(runtime))


async def _tick() -> None:
    for _ in range(1_000_000):
        await anyio.sleep(0.001)


@both
def test_the_clock_stands_while_a_thread_works(runtime: Runtime) -> None:
    async def main() -> list[float]:
        took: list[float] = []
        async with anyio.create_task_group() as group:
            group.start_soon(_tick)
            for _ in range(100):
                began = anyio.current_time()
                await anyio.to_thread.run_sync(time.sleep, 0.001)
                took.append(anyio.current_time() - began)
            group.cancel_scope.cancel()
        return took

    # What was ready beside it may have ticked once before the thread was asked for.
    assert play(main, runtime) == [pytest.approx(0, abs=0.0011)] * 100


@both
def test_a_thread_that_hangs_ends_by_its_limit(runtime: Runtime) -> None:
    hung = threading.Event()

    async def main() -> float:
        with anyio.move_on_after(0.05) as limit:
            await anyio.to_thread.run_sync(hung.wait, abandon_on_cancel=True)
        hung.set()
        assert limit.cancelled_caught
        return anyio.current_time()

    assert play(main, runtime) == pytest.approx(0.05)


async def _wait_in_thread(hung: threading.Event) -> None:
    await anyio.to_thread.run_sync(hung.wait, abandon_on_cancel=True)


@both
def test_a_thread_that_hangs_holds_a_session_no_longer_than_its_deadline(
    runtime: Runtime,
) -> None:
    hung = threading.Event()

    async def main() -> None:
        async with anyio.create_task_group() as group:
            with session_ends_at(anyio.current_time() + 0.05):
                group.start_soon(_wait_in_thread, hung)
                await anyio.sleep(0.05)
            group.cancel_scope.cancel()
        hung.set()

    play(main, runtime)


@both
def test_the_clock_stands_for_a_process_that_is_waited_for(runtime: Runtime) -> None:
    async def main() -> bool:
        with anyio.move_on_after(3600) as limit:
            await anyio.run_process(["sleep", "0.02"])
        return limit.cancelled_caught

    assert play(main, runtime) is False


@both
def test_the_clock_stands_for_a_file(runtime: Runtime, tmp_path: Path) -> None:
    (tmp_path / "words").write_text("as they are")

    async def main() -> str:
        with anyio.fail_after(0.001):
            return await anyio.Path(tmp_path / "words").read_text()

    assert play(main, runtime) == "as they are"


@pytest.mark.parametrize(
    ("runtime", "in_thread"),
    [("asyncio", asyncio.to_thread), ("trio", trio.to_thread.run_sync)],
)
def test_the_clock_stands_for_threads_of_the_loops_own(
    runtime: Runtime, in_thread: Callable[..., Awaitable[object]]
) -> None:
    async def main() -> None:
        with anyio.fail_after(3600):
            await in_thread(time.sleep, 0.02)

    play(main, runtime)


@both
def test_the_clock_stands_for_what_says_that_it_is_out(runtime: Runtime) -> None:
    async def main() -> float:
        event = anyio.Event()
        token = anyio.lowlevel.current_token()

        def ring() -> None:
            time.sleep(0.02)
            anyio.from_thread.run_sync(event.set, token=token)

        threading.Thread(target=ring).start()
        with anyio.fail_after(3600), outside_work():
            await event.wait()
        return anyio.current_time()

    assert play(main, runtime) == 0


@both
def test_all_tasks_blocked_are_waited_for_before_the_clock_jumps(
    runtime: Runtime,
) -> None:
    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 3600)
            await anyio.wait_all_tasks_blocked()
            assert anyio.current_time() < 3600

    play(main, runtime)


@both
@pytest.mark.parametrize("seconds", [1e5, 2e7, 1e8, 1e12])
def test_a_sleep_of_any_length_is_over_at_once_and_shorter_ones_come_after_it(
    runtime: Runtime, seconds: float
) -> None:
    async def main() -> list[float]:
        times: list[float] = []
        for nap in (seconds, 0.5, 0.0, 2.0, math.inf):
            with anyio.move_on_after(60) if nap > seconds else nullcontext():
                await anyio.sleep(nap)
            times.append(anyio.current_time())
        return times

    expected = [seconds + more for more in (0, 0.5, 0.5, 2.5, 62.5)]
    assert play(main, runtime) == pytest.approx(expected, abs=math.ulp(seconds))


@both
def test_a_thousand_days_of_naps_end(runtime: Runtime) -> None:
    async def main() -> float:
        for _ in range(1_000):
            await anyio.sleep(86_000.3)
        return anyio.current_time()

    assert play(main, runtime) == pytest.approx(86_000_300)


OWN_TOOL = """\
# A plain function of one's own works while virtual time stands.
agents:
  - id: ada
    tools: ["{module}:work"]
    tool_timeout_s: {limit_s}
    script:
      turns:
        - {{when: {{call: 1}}, lines: [{{tool: work, input: {{seconds: {seconds}}}}}]}}
        - {{lines: [{{answer: done}}]}}
  - id: ben
    script: {{turns: [{{lines: [{{answer: no, delay_s: 0.001}}]}}]}}
limits: {{answers_per_agent: 1}}
final: reuse
expect: {{status: answered}}
"""
SLEEPER = "import time\n\ndef work(seconds: float) -> str:\n    {body}\n"


@both
@pytest.mark.parametrize("seconds", [0, 0.001, 0.02, 0.2])
def test_a_plain_tool_of_ones_own_never_runs_into_a_limit_that_it_keeps(
    runtime: Runtime,
    seconds: float,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = "time.sleep(seconds)\n    return 'worked'"
    report = _with_tool(runtime, tmp_path, monkeypatch, body, 60, seconds)
    (returned,) = [h for h in report.happenings if h.kind == "tool_returned"]
    assert returned.facts["is_error"] is False
    assert returned.facts["content"] == "worked"


@both
def test_a_plain_tool_that_hangs_ends_by_its_limit(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = "time.sleep(0.3)"
    report = _with_tool(runtime, tmp_path, monkeypatch, body, 0.05, 0)
    (returned,) = [h for h in report.happenings if h.kind == "tool_returned"]
    assert "took longer than 0.05 s" in str(returned.facts["content"])


def _with_tool(  # noqa: PLR0917  (a fixture's arguments and two numbers)
    runtime: Runtime,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    body: str,
    limit_s: float,
    seconds: float,
) -> Report:
    module = f"tool_{folder.name}".replace("-", "_")
    (folder / f"{module}.py").write_text(SLEEPER.format(body=body))
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    text = OWN_TOOL.format(module=module, limit_s=limit_s, seconds=seconds)
    return run_scenario(parse_scenario(text, Path("own.yaml")), runtime=runtime)
