"""Tasks below the root: cancelled, waited for, left behind, and no program hangs."""

from __future__ import annotations

import logging
import subprocess
import sys
import textwrap
from collections.abc import Generator

import anyio
import anyio.lowlevel
import pytest

from agents.boundary.guard import log_error, words_of
from agents.boundary.root import Loop, RootTask, is_cancelled_here, left_behind
from agents.boundary.threads import ThreadLimit
from agents.errors import ToolFailed

GRACE_S = 1.0


@pytest.fixture(autouse=True)
def nothing_stays_behind() -> Generator[None]:
    before = left_behind()
    yield
    assert left_behind() == before


async def test_what_a_task_returns_or_raises_is_its_outcome() -> None:
    async def fine() -> str:
        await anyio.sleep(1)
        return "fine"

    async def leaves() -> None:
        raise SystemExit(3)

    good, bad = RootTask("good", fine), RootTask("bad", leaves)
    await good.finish(GRACE_S)
    await bad.finish(GRACE_S)
    assert (good.value, good.error) == ("fine", None)
    assert isinstance(bad.error, SystemExit)
    assert words_of(bad.error) == "SystemExit: 3"


async def test_a_task_is_cancelled_with_whoever_waits_for_it() -> None:
    ended: list[str] = []

    async def waits() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("cleaned up")

    with anyio.move_on_after(2):
        await RootTask("waits", waits).finish(GRACE_S)
    assert ended == ["cleaned up"]


async def test_a_task_that_shields_itself_is_left_and_goes_on_to_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ended: list[str] = []

    async def commits() -> None:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(100)
            ended.append("committed")

    began = anyio.current_time()
    with anyio.move_on_after(2), caplog.at_level(logging.WARNING, "agents.boundary"):
        await RootTask("commits", commits).finish(GRACE_S)
    assert anyio.current_time() - began == 2 + GRACE_S
    assert left_behind() == ("commits",)
    assert "commits is left behind" in caplog.text
    await anyio.sleep(200)
    assert ended == ["committed"]


@pytest.mark.parametrize("raises", [False, True])
@pytest.mark.parametrize("depth", [1, 2])
async def test_scopes_and_groups_that_are_never_left_end_nobody_elses_program(
    caplog: pytest.LogCaptureFixture, depth: int, raises: bool
) -> None:
    # As by a client that is entered by hand, or a yield within a group.
    async def leaks() -> str:
        for _ in range(depth):
            anyio.move_on_after(50).__enter__()
            group = anyio.create_task_group()
            await group.__aenter__()
            group.start_soon(anyio.sleep, 20)
        if raises:
            raise ValueError("amid it")
        return "done"

    began = anyio.current_time()
    task = RootTask("leaks", leaks)
    with caplog.at_level(logging.WARNING, "agents.boundary"):
        await task.finish(GRACE_S)
    assert anyio.current_time() == began
    assert task.value == (None if raises else "done")
    assert (task.error is not None) is raises
    await anyio.sleep(100)  # and the loop goes on
    assert anyio.current_time() == began + 100


async def test_a_cancel_scope_that_is_never_left_is_left_and_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def leaks() -> str:
        await anyio.lowlevel.checkpoint()
        anyio.CancelScope().__enter__()
        return "done"

    task = RootTask("leaks", leaks)
    with caplog.at_level(logging.WARNING, "agents.boundary"):
        await task.finish(GRACE_S)
    assert (task.value, task.error) == ("done", None)
    assert "leaks has left a cancel scope open" in caplog.text
    await anyio.sleep(1)


async def test_a_task_that_swallows_every_cancellation_is_no_longer_resumed() -> None:
    turns: list[int] = []

    async def swallows() -> None:
        while True:
            turns.append(1)
            try:
                await anyio.sleep(1)
            except BaseException:  # noqa: BLE001  (what it is about)
                await anyio.lowlevel.cancel_shielded_checkpoint()

    task = RootTask("swallows", swallows)
    await anyio.sleep(0.5)
    await task.end("enough", 0.0)
    await anyio.sleep(100)
    assert task.is_over
    assert not left_behind()
    count = len(turns)
    await anyio.sleep(100)
    assert len(turns) == count


async def test_a_cancellation_of_its_own_is_an_outcome_and_not_ours() -> None:
    if anyio.get_cancelled_exc_class().__module__.startswith("trio"):
        pytest.skip("trio has no cancellation that a scope has not made")
    import asyncio  # noqa: PLC0415

    seen: list[bool] = []

    async def waits_for_what_is_cancelled() -> None:
        helper = asyncio.ensure_future(asyncio.sleep(10))
        await asyncio.sleep(0)
        helper.cancel()
        try:
            await helper
        finally:
            seen.append(is_cancelled_here())

    task = RootTask("own", waits_for_what_is_cancelled)
    await task.finish(GRACE_S)
    assert isinstance(task.error, asyncio.CancelledError)
    assert "cancelled by code of its own" in words_of(task.error)
    assert seen == [False]


@pytest.mark.real_time
async def test_a_step_that_keeps_the_event_loop_is_named(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time  # noqa: PLC0415

    monkeypatch.setattr("agents.boundary.root.BLOCKS_S", 0.05)

    async def blocks() -> None:
        time.sleep(0.1)  # noqa: ASYNC251  (what it is about)

    with caplog.at_level(logging.WARNING, "agents.boundary"):
        await RootTask("tool look", blocks, names_blocking=True).finish(GRACE_S)
    assert "tool look kept the event loop for 0.1 s" in caplog.text


PROGRAM = """
import sys, time
import anyio
from agents.boundary.root import RootTask
from agents.boundary.threads import ThreadLimit

async def shielded():
    with anyio.CancelScope(shield=True):
        await anyio.sleep(600)

async def swallows():
    while True:
        try:
            await anyio.sleep(600)
        except BaseException:
            pass

async def nested():
    async with anyio.create_task_group() as group:
        group.start_soon(shielded)

async def main():
    tasks = [RootTask(f.__name__, f) for f in (shielded, swallows, nested)]
    with anyio.move_on_after(.05):
        await ThreadLimit().run(lambda: time.sleep(600), name="hangs")
    for task in tasks[:CUT]:
        await task.end("the program ends", .05)
    print("over")

anyio.run(main, backend=sys.argv[1])
"""


@pytest.mark.real_time
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_program_ends_whatever_it_has_left_behind(backend: str) -> None:
    # trio waits for a nursery within a task of a caller's, which asyncio does not know.
    program = PROGRAM.replace("CUT", "3" if backend == "asyncio" else "2")
    if backend == "trio":
        program = program.replace(", nested)", ")")
    done = subprocess.run(  # noqa: S603  (our own program)
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program), backend],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "over\n"), done.stderr
    assert "Traceback" not in done.stderr
    assert "ignored" not in done.stderr


@pytest.mark.real_time
async def test_a_loop_is_called_from_any_thread_until_it_ends() -> None:
    loop, rung = Loop(), anyio.Event()
    assert loop.is_running_here

    def rings() -> bool:
        assert not loop.is_running_here
        return loop.call_soon(rung.set)

    assert await ThreadLimit().run(rings, name="rings")
    with anyio.fail_after(5):
        await rung.wait()


def test_a_loop_that_has_ended_calls_nobody() -> None:
    async def made() -> Loop:
        await anyio.lowlevel.checkpoint()
        return Loop()

    for backend in ("asyncio", "trio"):
        loop = anyio.run(made, backend=backend)
        assert not loop.call_soon(lambda: None)
        assert not loop.is_running_here


class _Dumb(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyError("choices"), "KeyError: 'choices'"),
        (_Dumb(), "_Dumb: (it cannot be printed)"),
        (ValueError("caf\udce9.txt"), "ValueError: caf\ufffd.txt"),
        (BaseExceptionGroup("many", [OSError("no"), ValueError()]), "OSError: no"),
        (ToolFailed(""), "ToolFailed"),
    ],
)
def test_any_exception_has_words_and_a_place_in_the_log(
    error: BaseException, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert words_of(error) == words
    log_error("tool look", error)
    assert f"tool look failed: {words}" in caplog.text


def test_a_log_that_fails_ends_nothing() -> None:
    class Leaves(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise SystemExit(record.levelno)

    handler, logger = Leaves(), logging.getLogger("agents.boundary")
    logger.addHandler(handler)
    try:
        log_error("a tool", ValueError("lost"))
    finally:
        logger.removeHandler(handler)
