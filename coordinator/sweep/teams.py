"""The teams of a sweep, made once in each worker and lent to one session after another.

Backends are shared, and with them their connections. A script is not: each session
plays it from its beginning, so its backend, or the pretended API that serves it, is the
session's own.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import msgspec

from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from coordinator.errors import ConfigInvalid
from coordinator.sweep.budget import Grant
from coordinator.sweep.plan import TeamSource, digest_of
from coordinator.team.builder import assemble
from coordinator.team.emulation import at_work
from coordinator.team.team_source import config_of, source_of

if TYPE_CHECKING:
    from coordinator.sweep.plan import Job
    from coordinator.team.team import Team
    from coordinator.team.team_file_schema import TeamConfig


def team_source(name: str, config: TeamConfig) -> TeamSource:
    """A team as bytes.

    Raises:
        ConfigInvalid: A person is in it, who cannot be asked by every session.
    """
    for entry in config.agents:
        if entry.backend == "human":
            raise ConfigInvalid(
                f"team {name!r}: {entry.id!r} is a person, who cannot take part in "
                "many sessions at once; leave 'backend: human' out of it"
            )
    source = source_of(config)
    return TeamSource(
        name=name,
        source=msgspec.Raw(source),
        digest=digest_of(source),
        seed=config.file.seed or 0,
    )


def own_budget(config: TeamConfig) -> Grant:
    """The budget of a session of the team by its own rules."""
    limits = config.rules.limits
    return Grant(usd=limits.budget_usd, tokens=limits.budget_tokens)


class Teams:
    """A worker's teams; a block around its sessions closes their backends.

    Args:
        sources: The teams, as bytes.

    Raises:
        ConfigInvalid: One cannot be made again here: a later version wrote it, or a
            secret that bytes do not hold is not in its file any more.
    """

    def __init__(self, sources: Sequence[TeamSource]) -> None:
        self._configs = {one.name: config_of(bytes(one.source)) for one in sources}
        self._made: dict[str, Team] = {}
        self._stack = AsyncExitStack()

    @property
    def configs(self) -> Collection[TeamConfig]:
        """The team configurations that they are made from."""
        return self._configs.values()

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def make(self) -> None:
        """Make what all sessions share, so that what is missing is said at once.

        Raises:
            ConfigInvalid: A key is not set, or a tool cannot be imported.
        """
        for name, config in self._configs.items():
            if not config.is_emulated:
                team = assemble(config)
                await self._stack.enter_async_context(team)
                self._made[name] = team

    @asynccontextmanager
    async def lent(self, job: Job, grant: Grant) -> AsyncGenerator[Team]:
        """The team of ``job``, with its seed and its grant.

        Raises:
            ConfigInvalid: The grant cannot be kept: a price is unknown.
        """
        config = self._configs[job.team]
        if config.is_emulated:
            async with at_work(config) as team:
                yield _granted(team, job.seed, grant)
            return
        yield _granted(_with_scripts(self._made[job.team], config), job.seed, grant)


def _granted(team: Team, seed: int, grant: Grant) -> Team:
    rules = team.rules
    if grant.usd is not None:
        rules = rules.replace(budget_usd=grant.usd)
    if grant.tokens is not None:
        rules = rules.replace(budget_tokens=grant.tokens)
    return replace(team, seed=seed, rules=rules)


def _with_scripts(team: Team, config: TeamConfig) -> Team:
    """The team, its scripts at their beginning."""
    if not config.scripts:
        return team
    entries = {entry.id: entry for entry in config.agents}

    def played(agent: Agent) -> Agent:
        if not isinstance(agent.backend, ScriptedBackend):
            return agent
        entry = entries[agent.id]
        script = config.scripts[agent.id]
        backend = ScriptedBackend(
            script, model=entry.model, idle_limit_s=entry.idle_limit_s
        )
        return replace(agent, backend=backend)

    return team.changed(played)
