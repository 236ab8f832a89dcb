"""A team file's Claude agents asked of a pretended API on this machine.

What a file shows of the API (tools, files, limits) is to be seen without a key: its
agents stay Claude's, with every setting they have, and each request goes over real HTTP
to :mod:`agents.emulator`, which answers with the agent's ``script``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from coordinator.config import AgentEntry, TeamConfig
from coordinator.errors import ConfigInvalid

if TYPE_CHECKING:
    from agents.emulator import Server

_KEY = "COORDINATOR_EMULATED_KEY"
NO_KEY: Mapping[str, str] = {_KEY: "unneeded"}
"""The environment to assemble such a team in: a real key has no business here."""


@asynccontextmanager
async def emulated(config: TeamConfig) -> AsyncGenerator[tuple[TeamConfig, Server]]:
    """Serve the scripts of ``config`` until the block ends.

    Yields:
        The same team, pointed at the server, and the server. Assemble it in
        :data:`NO_KEY`.

    Raises:
        ConfigInvalid: A Claude agent has no script.
    """
    for entry in config.agents:
        if entry.backend == "claude" and entry.id not in config.scripts:
            raise ConfigInvalid(
                f"agent {entry.id!r} has no script for the emulated API to play; add "
                "'script:', or run the team without --emulate"
            )
    # h11 and all that; only who asks for it has to wait.
    from agents.emulator import serve  # noqa: PLC0415

    async with serve(config.scripts) as server:
        entries = tuple(_asking(server, entry) for entry in config.agents)
        yield msgspec.structs.replace(config, agents=entries), server


def _asking(server: Server, entry: AgentEntry) -> AgentEntry:
    if entry.backend != "claude":
        return entry
    # A provider's client would sign in with what it finds; the API's own is let be.
    key = None if entry.provider == "anthropic" else _KEY
    return msgspec.structs.replace(entry, base_url=server.base_url, api_key_env=key)
