"""The fence: every private attribute of anyio, httpx2, httpcore2 and trio that is used.

Libraries may move these in any version, so pyproject.toml bounds each of them above by
the next minor version, and the test of this file fails where one has moved. Bodies are
read without any of them where ``COORDINATOR_PLAIN_TRANSPORT=1`` is set: slower, and the
same in all else.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, NoReturn

if TYPE_CHECKING:
    import asyncio

    import anyio
    import httpcore2
    import httpx2
    from anyio.lowlevel import EventLoopToken

PLAIN_VARIABLE = "COORDINATOR_PLAIN_TRANSPORT"


def is_plain() -> bool:
    """Whether responses are to be read by the libraries' public ways alone."""
    return os.environ.get(PLAIN_VARIABLE, "") not in ("", "0")


def wrap_networks(
    client: httpx2.AsyncClient,
    wrap: Callable[[httpcore2.AsyncNetworkBackend], httpcore2.AsyncNetworkBackend],
) -> int:
    """Put ``wrap`` around what ``client`` connects by; how many there were.

    httpcore2 takes a network of one's own, httpx2 has no argument to pass it on.
    """
    from httpcore2 import AsyncNetworkBackend  # noqa: PLC0415  (with a client alone)

    wrapped = 0
    transports = [
        getattr(client, "_transport", None),
        *getattr(client, "_mounts", {}).values(),
    ]
    for transport in transports:
        pool: Any = getattr(transport, "_pool", None)
        network: object = getattr(pool, "_network_backend", None)
        if isinstance(network, AsyncNetworkBackend):
            pool._network_backend = wrap(network)  # noqa: SLF001 (the fence)
            wrapped += 1
    return wrapped


def stream_beneath(stream: httpcore2.AsyncNetworkStream) -> object | None:
    """The stream of anyio's or trio's that httpcore2's reads and writes."""
    return getattr(stream, "_stream", None)


def put_beneath(stream: httpcore2.AsyncNetworkStream, other: object) -> None:
    """Have httpcore2's stream read and write ``other``."""
    stream._stream = other  # type: ignore[attr-defined]  # noqa: SLF001 (the fence)


def asyncio_transport(stream: object) -> Any:  # noqa: ANN401  (asyncio's)
    """The transport beneath anyio's socket stream; ``None``: it has none there."""
    return getattr(stream, "_transport", None)


def trio_scheduler() -> dict[str, Any]:
    """The globals of trio's run loop: its random source, and whether it sorts first."""
    return vars(import_module("trio._core._run"))


def trio_threads() -> Callable[[], int]:
    """The function that counts the threads trio has out."""
    count: Callable[[], int] = import_module("trio._threads").active_thread_count
    return count


def next_asyncio_timer(loop: asyncio.AbstractEventLoop) -> float:
    """When the first timer of ``loop`` is due, by its own clock; infinity: it has none.

    asyncio asks its selector to wait for a day at most, whatever it waits for.
    """
    scheduled: list[asyncio.TimerHandle] = getattr(loop, "_scheduled", [])
    return scheduled[0].when() if scheduled else math.inf


def set_asyncio_resolution(loop: asyncio.AbstractEventLoop, seconds: float) -> None:
    """Let ``loop`` run timers that are due within ``seconds``.

    It adds a billionth of a second to its time, which a clock that has come further
    than half a year can no longer hold: a timer that is due would never run.
    """
    loop._clock_resolution = seconds  # type: ignore[attr-defined]  # noqa: SLF001 (the fence)


def anyio_backend(runtime: Literal["asyncio", "trio"]) -> Any:  # noqa: ANN401  (anyio's)
    """The class by which anyio starts threads and processes."""
    return import_module(f"anyio._backends._{runtime}").backend_class


def adopt_thread(
    token: EventLoopToken, scope: anyio.CancelScope, cancelling: object
) -> None:
    """Let this thread call back by ``anyio.from_thread`` and ``trio.from_thread``.

    Args:
        token: Of the event loop to call.
        scope: What ``from_thread.check_cancelled`` asks on asyncio.
        cancelling: The same on trio, by index 0: what raises, or ``None``.
    """
    here: Any = import_module("anyio._core._eventloop").threadlocals
    here.current_token = token
    here.current_cancel_scope = scope
    if "trio" in sys.modules and type(token.native_token).__name__ == "TrioToken":
        parent: Any = import_module("trio._threads").PARENT_TASK_DATA
        parent.token = token.native_token
        parent.abandon_on_cancel = True
        parent.cancel_register = cancelling


def trio_run_context() -> Any:  # noqa: ANN401  (trio's)
    """The run of this thread as trio knows it; ``task``: the current one, if any."""
    return import_module("trio._core._run").GLOBAL_RUN_CONTEXT


async def close_trio_nurseries(task: Any) -> None:  # noqa: ANN401  (trio's)
    """End the nurseries that ``task``, which calls this, has entered and never left.

    Their children are cancelled and waited for, as leaving them would have done; what
    they raise is dropped.
    """
    while nurseries := task.child_nurseries:
        nursery = nurseries[-1]
        nursery.cancel_scope.cancel()
        await nursery._nested_child_finished(None)  # noqa: SLF001 (the fence)


def wake_trio_task(task: Any, raise_cancel: Callable[[], NoReturn]) -> None:  # noqa: ANN401  (trio's)
    """Wake ``task`` with what ``raise_cancel`` raises, whatever shields it.

    Nothing happens where it is to run already, or waits for what cannot be broken off.
    """
    if task._abort_func is not None:  # noqa: SLF001  (see the module's words)
        task._attempt_abort(raise_cancel)  # noqa: SLF001
