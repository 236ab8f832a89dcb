"""The fence: every private attribute of anyio, httpx2, httpcore2 and trio that is used.

Libraries may move these in any version, so pyproject.toml bounds each of them above by
the next minor version, and the test of this file fails where one has moved. Bodies are
read without any of them where ``COORDINATOR_PLAIN_TRANSPORT=1`` is set: slower, and the
same in all else.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import httpcore2
    import httpx2

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
    """What trio's run loop decides by: random numbers, and whether to sort first."""
    return vars(import_module("trio._core._run"))


def trio_threads() -> Callable[[], int]:
    """What tells how many threads trio has out."""
    count: Callable[[], int] = import_module("trio._threads").active_thread_count
    return count


def anyio_backend(runtime: Literal["asyncio", "trio"]) -> Any:  # noqa: ANN401  (anyio's)
    """The class by which anyio starts threads and processes."""
    return import_module(f"anyio._backends._{runtime}").backend_class
