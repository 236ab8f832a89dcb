"""Synchronous code of callers' cannot reach the task that calls it."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from contextlib import suppress

import anyio
import anyio.lowlevel
import pytest

from agents.boundary.guard import attribute_of, flag_of, texts_of
from agents.boundary.isolation import isolated

_color: contextvars.ContextVar[str] = contextvars.ContextVar("color", default="red")


def _cancels_its_task() -> None:
    with suppress(RuntimeError):  # trio runs
        task = asyncio.current_task()
        assert task is not None
        task.cancel()


def _enters_a_scope() -> None:
    scope = anyio.CancelScope()
    scope.__enter__()
    scope.cancel("for whoever called")


def _changes_its_context() -> None:
    _color.set("blue")


REACHES: list[Callable[[], None]] = [
    _cancels_its_task,
    _enters_a_scope,
    _changes_its_context,
]


class Brought:
    def __init__(self, reach: Callable[[], None]) -> None:
        self._reach = reach

    @property
    def attribute(self) -> str:
        self._reach()
        return "x"


@pytest.mark.parametrize("reach", REACHES)
@pytest.mark.parametrize("read", [attribute_of, flag_of, texts_of, isolated])
async def test_whoever_calls_goes_on_unharmed(
    read: Callable[..., object], reach: Callable[[], None]
) -> None:
    with anyio.CancelScope() as ours:
        if read is isolated:
            with suppress(Exception):
                isolated(reach)
        elif read is attribute_of:
            attribute_of(Brought(reach), "attribute", "")
        else:
            read(Brought(reach), "attribute")
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
    assert not ours.cancelled_caught
    assert _color.get() == "red"


async def test_the_event_loop_can_be_asked_for_and_rings(
    anyio_backend_name: str,
) -> None:
    rung = anyio.Event()
    began = anyio.current_time()

    def call() -> float:
        rung.set()
        if anyio_backend_name == "asyncio":
            started.append(asyncio.get_running_loop().create_task(anyio.sleep(1)))
        return anyio.current_time()

    started: list[asyncio.Task[None]] = []
    assert isolated(call) == began
    await rung.wait()
    for task in started:
        await task


def test_code_outside_of_any_event_loop_is_called_as_it_is() -> None:
    assert isolated(lambda: 5) == 5
    with pytest.raises(SystemExit):
        isolated(lambda: (_ for _ in ()).throw(SystemExit(3)))
