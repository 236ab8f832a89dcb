"""The Messages API on loopback: scripts played over real HTTP, as Claude would.

For tests, measurements and people without a key. Only what a client of ours uses is
there: streaming and whole messages, models, the counting of tokens; checks, limits and
the prompt cache behave as documented, and nothing is sent anywhere.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from anyio.abc import Listener, SocketAttribute
from anyio.streams.tls import TLSListener

from agents.backends.scripted.script import Script
from agents.emulator.default_scripts import sample_script, team_scripts
from agents.emulator.files import Files
from agents.emulator.schema_examples import Unfit
from agents.emulator.server import Recorded, Server

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        Callable,
        Iterator,
        Mapping,
        Sequence,
    )
    from ssl import SSLContext

    from agents.backends.scripted.script import HttpError, WrittenFile

__all__ = ["Recorded", "Server", "Unfit", "sample_script", "serve", "team_scripts"]


@asynccontextmanager
async def serve(
    scripts: Mapping[str, Script] | Script,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    requests_per_minute: int | None = None,
    input_tokens_per_minute: int | None = None,
    min_cache_tokens: int = 1024,
    on_answer: Callable[[Recorded], None] | None = None,
    file_troubles: Mapping[str, Sequence[HttpError]] | None = None,
    file_delay_s: float = 0.0,
    keys: Mapping[str, str] | None = None,
    tls: SSLContext | None = None,
) -> AsyncGenerator[Server]:
    """Serve scripts until the block ends; open connections are closed with it.

    Args:
        scripts: One that each client plays for itself, or one for each agent
            (``x-coordinator-agent``), user (``metadata.user_id``) or model; who is not
            named gets them in rotation.
        host: Where to listen.
        port: 0: any that is free; see ``Server.base_url``.
        requests_per_minute: More are refused with 429 and ``retry-after``.
        input_tokens_per_minute: The same of tokens that do not come from the cache.
        min_cache_tokens: Shorter prompts are not cached.
        file_troubles: Method (``POST``, ``GET``, ``DELETE``) → errors with which the
            first requests to ``/v1/files`` are answered.
        file_delay_s: How long each such request takes.
        tls: With a certificate of ``localhost``, the name it is then reached by.
        keys: Agent → the only key it is served with; for who is not named, any will do.
        on_answer: Told of each request when it has been answered, or has failed.

    Raises:
        OSError: The port is taken.
    """
    listener = await anyio.create_tcp_listener(local_host=host, local_port=port)
    async with listener, anyio.create_task_group() as group:
        bound = listener.extra(SocketAttribute.local_port)  # noqa: S610  (no Django here)
        server = Server(
            f"https://localhost:{bound}" if tls else f"http://{host}:{bound}",
            scripts,
            requests_per_minute=requests_per_minute,
            input_tokens_per_minute=input_tokens_per_minute,
            min_cache_tokens=min_cache_tokens,
            on_answer=on_answer,
            files=Files(_written(scripts), dict(file_troubles or {})),
            file_delay_s=file_delay_s,
            keys=keys or {},
        )
        listening: Listener[Any] = listener
        if tls is not None:
            listening = TLSListener(listener, tls, standard_compatible=False)
        group.start_soon(listening.serve, server.handle, name="emulator")
        yield server
        group.cancel_scope.cancel("the server's block has ended")


def _written(scripts: Mapping[str, Script] | Script) -> Iterator[WrittenFile]:
    every = [scripts] if isinstance(scripts, Script) else scripts.values()
    for script in every:
        yield from script.files
