"""A team file's Claude agents asked of a pretended API on this machine.

What a file shows of the API (tools, files, limits) is to be seen without a key: its
agents stay Claude's, with every setting they have, and each request goes over real HTTP
to :mod:`agents.emulator`, which answers with the agent's ``script``.

The address of such a server is nobody's business: what is kept of the team says that it
was emulated, and another process serves its scripts anew.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from agents.backends.claude.files import ClaudeFiles
from agents.conversation.uploads import PRETENDED
from agents.limits.pricing import cost_usd
from agents.limits.turn_budget import tokens_at_most
from agents.protocol.backend import Forecast, Forecasts, Priced, Recalls
from agents.protocol.chunks import Usage
from agents.tools.answer_schema import answer_form
from agents.tools.approval import Approver, nobody
from coordinator.errors import ConfigInvalid
from coordinator.team.builder import answer_type, assemble, closing
from coordinator.team.makers import MODELS, OTHERS, emulated_entry
from coordinator.team.team import Team
from coordinator.team.team_file_schema import AgentEntry, TeamConfig
from coordinator.team.team_source import config_of, source_of

if TYPE_CHECKING:
    from agents.agent import Agent
    from agents.emulator import Server
    from agents.protocol.backend import Backend, FileStore, Request
    from agents.protocol.chunks import StreamChunk
    from agents.protocol.stamper import Pen

_KEY = "COORDINATOR_EMULATED_KEY"
NO_KEY: Mapping[str, str] = {_KEY: "unneeded"}
"""The environment to assemble such a team in: a real key has no business here."""


@asynccontextmanager
async def emulated(config: TeamConfig) -> AsyncGenerator[tuple[TeamConfig, Server]]:
    """Serve the scripts of ``config`` until the block ends.

    Yields:
        The same team, pointed at the server, and the server. Assemble it in
        :data:`NO_KEY`.

    An agent without a script gets one of the emulator's own, see :func:`to_emulate`.

    Raises:
        ConfigInvalid: ``answer_schema`` is none.
    """
    config = to_emulate(config)
    # h11 and all that; only who asks for it has to wait.
    from agents.emulator import serve  # noqa: PLC0415

    async with serve(config.scripts) as server:
        entries = tuple(_asking(server, entry) for entry in config.agents)
        yield msgspec.structs.replace(config, agents=entries), server


def to_emulate(config: TeamConfig) -> TeamConfig:
    """``config``, to be asked of the emulated API, with a script for every agent.

    What is kept of the session has them all, and another process goes on with them.

    Raises:
        ConfigInvalid: ``answer_schema`` is none, or no sample can be made of it.
    """
    bare = [
        entry.id
        for entry in config.agents
        if entry.backend in MODELS and entry.id not in config.scripts
    ]
    scripts = dict(config.scripts)
    if bare:
        from agents.emulator import Unfit, team_scripts  # noqa: PLC0415  (as below)

        schema = None
        if config.file.answer_schema is not None:
            form = answer_form(answer_type(config.file.answer_schema))
            schema = msgspec.json.decode(form.schema)
        try:
            scripts |= team_scripts(bare, schema)
        except Unfit as error:
            raise ConfigInvalid(
                f"answer_schema: nothing can be made up that fits it ({error}); give "
                f"{bare[0]!r} a 'script' with a value"
            ) from None
    return msgspec.structs.replace(config, is_emulated=True, scripts=scripts)


def _asking(emulator: Server, entry: AgentEntry) -> AgentEntry:
    if entry.backend in OTHERS:
        return emulated_entry(entry, emulator.base_url, _KEY)
    if entry.backend == "claude_code":
        return msgspec.structs.replace(
            entry, base_url=emulator.base_url, api_key_env=_KEY
        )
    if entry.backend != "claude":
        return entry
    # A provider's client would sign in with what it finds; the API's own is let be.
    key = None if entry.provider == "anthropic" else _KEY
    return msgspec.structs.replace(
        entry,
        base_url=emulator.base_url,
        api_key_env=key,
        proxy=None,
        ca_file=None,
        mcp_servers=tuple(_without_token(server) for server in entry.mcp_servers),
    )


def _without_token(server: dict[str, Any]) -> dict[str, Any]:
    """The pretended API asks no MCP server, so none has to be signed in to."""
    return {key: value for key, value in server.items() if key != "authorization_token"}


@asynccontextmanager
async def at_work(
    config: TeamConfig, *, approver: Approver = nobody, here: str | None = None
) -> AsyncGenerator[Team]:
    """The team of ``config``, emulated if it is to be; closed when the block ends.

    Args:
        config: What it is made of.
        approver: Who is asked before some tools run.
        here: Make this agent alone; see :func:`coordinator.team.builder.assemble`.

    Raises:
        ConfigInvalid: It cannot be made; see :func:`coordinator.team.builder.assemble`.
    """
    if not config.is_emulated:
        async with closing(assemble(config, approver=approver, here=here)) as team:
            yield team
        return
    async with emulated(config) as (pretended, server):
        team = assemble(pretended, environment=NO_KEY, approver=approver, here=here)
        backends: dict[int, Backend] = {}
        playing = team.changed(lambda agent: _playing(agent, server, backends))
        async with closing(replace(playing, source=source_of(config))) as it:
            yield it


def again(source: bytes) -> AbstractAsyncContextManager[Team]:
    """The team that a journal tells of, as it was; see :func:`at_work`.

    Raises:
        ConfigInvalid: The source says nothing or too little.
    """
    return at_work(config_of(source))


def _playing(agent: Agent, server: Server, backends: dict[int, Backend]) -> Agent:
    """An agent whose backends know that ``server`` is here; see :class:`_Played`."""

    def of(backend: Backend) -> Backend:
        if isinstance(backend, Recalls):
            return backend  # a script in this process
        return backends.setdefault(id(backend), _Played(backend, server.recall))

    return replace(
        agent, backend=of(agent.backend), fallbacks=tuple(map(of, agent.fallbacks))
    )


class _Played:
    """A backend whose model is a script here, and goes on where it was.

    A real model reads all it needs to know in the conversation; a script has to be told
    which of its entries have been played.
    """

    def __init__(self, backend: Backend, recall: Callable[[Request], None]) -> None:
        self._backend = backend
        self._recall = recall

    def __repr__(self) -> str:
        return f"emulated {self._backend!r}"

    @property
    def model(self) -> str:
        return self._backend.model

    def cost_usd(self, usage: Usage) -> float | None:
        if isinstance(self._backend, Priced):
            return self._backend.cost_usd(usage)
        return cost_usd(self.model, usage)

    @property
    def limit_key(self) -> str | None:
        return self._backend.limit_key

    @property
    def files(self) -> FileStore | None:
        store = getattr(self._backend, "files", None)
        if isinstance(store, ClaudeFiles):
            store.account = PRETENDED + store.account
        return store

    def open_stream(
        self, request: Request, pen: Pen
    ) -> AbstractAsyncContextManager[AsyncIterator[list[StreamChunk]]]:
        return self._backend.open_stream(request, pen)

    def stream_with_tools(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        **options: Any,  # noqa: ANN401  (MassGen's surface: whatever its callers pass)
    ) -> AsyncGenerator[StreamChunk, None]:
        return self._backend.stream_with_tools(messages, tools, **options)

    async def forecast(self, request: Request) -> Forecast | None:
        """The backend's forecast; an estimate by length, where it has none."""
        if isinstance(self._backend, Forecasts):
            return await self._backend.forecast(request)
        return Forecast(tokens_at_most(request))

    def recall(self, request: Request) -> None:
        """Count what was asked in a process before this one as played."""
        self._recall(request)

    async def aclose(self) -> None:
        await self._backend.aclose()
