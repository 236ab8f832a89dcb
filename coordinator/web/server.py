"""Serves an application: uvicorn on asyncio, hypercorn on trio, ended alike on both.

Neither may be cancelled bare: uvicorn would leave its port listening, hypercorn would
raise (0.54 and 0.18, tried on 2026-11-30). So each runs shielded and is told to stop.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, cast

import anyio

from coordinator.errors import ConfigInvalid

if TYPE_CHECKING:
    from starlette.types import ASGIApp

for _name in ("uvicorn", "hypercorn"):  # what they log is for no screen
    logging.getLogger(_name).addHandler(logging.NullHandler())

GRACE_S = 1
"""Seconds that open connections have to finish."""
UNREAD_MS = 2_000
"""How long a connection may take nothing: hypercorn on trio sends shielded, and would
wait for a stalled reader for ever."""
BACKLOG = 128


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; ``port`` 0 takes a free one.

    Raises:
        ConfigInvalid: Somebody else has it, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        limit = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux
        if limit is not None:
            bound.setsockopt(socket.IPPROTO_TCP, limit, UNREAD_MS)
        bound.bind((host, port))
        bound.listen(BACKLOG)
    except (OSError, OverflowError) as error:  # the latter: no port at all
        bound.close()
        why = getattr(error, "strerror", None) or error
        raise ConfigInvalid(
            f"{host}:{port} cannot be listened at: {why}; choose another "
            "--port (0 takes a free one) or --host"
        ) from error
    bound.setblocking(False)
    return bound


@asynccontextmanager
async def serving(
    app: ASGIApp, bound: socket.socket, *, on_trio: bool
) -> AsyncGenerator[None]:
    """Serve ``app`` until the block is left; closes the listening socket.

    Args:
        app: What is served.
        bound: See :func:`listening`.
        on_trio: Whose event loop this is.
    """
    with bound:
        run, stop = (_hypercorn if on_trio else _uvicorn)(app, bound)
        async with anyio.create_task_group() as group:

            async def shielded() -> None:
                with anyio.CancelScope(shield=True):
                    await run()

            group.start_soon(shielded, name="web server")
            try:
                yield
            finally:
                stop()


_Running = tuple[Callable[[], Awaitable[None]], Callable[[], None]]


def _uvicorn(app: ASGIApp, bound: socket.socket) -> _Running:
    import uvicorn  # noqa: PLC0415  (on asyncio)

    class Server(uvicorn.Server):
        """Leaves signals to whoever runs the loop."""

        @contextmanager
        def capture_signals(self) -> Generator[None]:
            yield

    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        ws="none",
        http="h11",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = Server(config)

    async def run() -> None:
        await server.serve(sockets=[bound])

    def stop() -> None:
        server.should_exit = True

    return run, stop


def _hypercorn(app: ASGIApp, bound: socket.socket) -> _Running:
    from hypercorn import trio as hypercorn  # noqa: PLC0415
    from hypercorn.config import Config  # noqa: PLC0415  (on trio)

    config = Config()
    config.bind = [f"fd://{os.dup(bound.fileno())}"]  # it closes what it is given
    config.graceful_timeout = GRACE_S
    config.include_server_header = False
    config.errorlog = logging.getLogger("hypercorn.error")
    ended = anyio.Event()

    async def run() -> None:
        serve = cast("Any", hypercorn).serve  # its callables' types are left open
        await serve(app, config, shutdown_trigger=ended.wait)

    return run, ended.set
