"""The team that is put under stress: of a team file, or of a function of one's own."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import msgspec

from agents.actor.person import Person
from agents.agent import Agent
from agents.backends.scripted.script import Script
from agents.emulator.default_scripts import sample_script
from agents.protocol.chunks import AgentId
from coordinator.errors import ConfigInvalid
from coordinator.scenarios.reader import read_scenario
from coordinator.scenarios.runner import with_pretended
from coordinator.scenarios.schema import ScenarioFile
from coordinator.scenarios.sentence import is_scenario
from coordinator.team.builder import assemble, closing
from coordinator.team.emulation import NO_KEY, emulated
from coordinator.team.function_tools import imported
from coordinator.team.reader import read_team
from coordinator.team.team import Team
from coordinator.team.team_file_schema import AgentEntry, TeamConfig

Over: TypeAlias = Literal["process", "http"]
QUESTION = "What shall it be?"


@dataclass(frozen=True)
class Target:
    """A team to make, again and again."""

    name: str
    """As it was named: a file, or ``module:function``."""
    agents: int | None
    """So many of them, members in turn; ``None``: as it is."""
    config: TeamConfig | None = None
    make: Callable[[int | None], Awaitable[Team]] | None = None
    question: str = QUESTION

    @asynccontextmanager
    async def opened(
        self, over: Over, only: Sequence[str] = ()
    ) -> AsyncGenerator[Team]:
        """Make the team; closed when the block ends.

        Args:
            over: ``http``: its Claude agents ask an emulated API on this machine.
            only: Leave all other agents out.
        """
        async with self._opened(over) as team, closing(team):
            whole = sized(team, self.agents)
            if only:
                members = tuple(one for one in whole.agents if one.id in only)
                whole = replace(whole, agents=members)
            yield whole

    @asynccontextmanager
    async def _opened(self, over: Over) -> AsyncGenerator[Team]:
        if self.make is not None:
            yield await self.make(self.agents)
            return
        config = self.config
        assert config is not None
        if over == "http":
            async with emulated(_with_scripts(config)) as (served, _):
                yield assemble(served, environment=NO_KEY)
            return
        team = assemble(_in_process(config), environment={})
        file = config.file
        yield with_pretended(team, file) if isinstance(file, ScenarioFile) else team


def target(name: str, agents: int | None) -> Target:
    """Find the team that ``name`` means.

    Args:
        name: A team file or scenario, or ``module:function`` that returns a team; the
            function may take ``agents``.
        agents: So many agents; ``None``: as it is.

    Raises:
        ConfigInvalid: There is no such team.
    """
    path = Path(name)
    if ":" in name and not path.exists():
        return Target(name, agents, make=_maker(name))
    if path.exists() and is_scenario(path):
        config = read_scenario(path).config
    else:
        config = read_team(path)
    question = config.file.question or QUESTION
    return Target(name, agents, config=config, question=question)


def _maker(name: str) -> Callable[[int | None], Awaitable[Team]]:
    try:
        function: Any = imported(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigInvalid(
            f"{name!r} cannot be imported: {error}; name a function that returns a "
            "team as module:function"
        ) from error
    if not callable(function):
        kind = type(function).__name__
        raise ConfigInvalid(
            f"{name!r} is a {kind}; name a function that returns a new Team each time"
        )
    takes = list(inspect.signature(function).parameters)

    async def make(agents: int | None) -> Team:
        wants = agents is not None and "agents" in takes
        try:
            result: object = function(agents=agents) if wants else function()
            if inspect.isawaitable(result):
                result = await cast("Awaitable[object]", result)
        except Exception as error:
            raise ConfigInvalid(
                f"{name!r} made no team: {type(error).__name__}: {error}{_place(error)}"
                "; it is called with nothing, or with agents=, if it takes that"
            ) from error
        if not isinstance(result, Team):
            raise ConfigInvalid(f"{name!r} returned {result!r:.80}, which is no Team")
        return cast("Team", result)

    return make


def _place(error: Exception) -> str:
    """Where in code of the user's it was raised; empty: at the call."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""


def sized(team: Team, agents: int | None) -> Team:
    """The team with so many agents: its members in turn, each with a name of its own.

    Agents of one member share its backend.
    """
    if agents is None or agents == len(team.agents):
        return team
    members: list[Agent | Person] = []
    for number in range(agents):
        member = team.agents[number % len(team.agents)]
        lap = number // len(team.agents)
        name = member.id if lap == 0 else AgentId(f"{member.id}-{lap + 1}")
        members.append(replace(member, id=name))
    return replace(team, agents=tuple(members))


def _with_scripts(config: TeamConfig) -> TeamConfig:
    """A script for each agent of Claude's that has none: it drafts, votes, presents."""
    scripts = dict(config.scripts)
    for entry in config.agents:
        if entry.backend in ("claude", "scripted") and entry.id not in scripts:
            scripts[entry.id] = sample_script()
    entries = tuple(
        msgspec.structs.replace(entry, backend="claude", model=entry.model or MODEL)
        if entry.backend == "scripted"
        else entry
        for entry in config.agents
    )
    return msgspec.structs.replace(config, agents=entries, scripts=scripts)


MODEL = "claude-haiku-5-5"
"""Asked over HTTP where a script names no model."""


def _in_process(config: TeamConfig) -> TeamConfig:
    """Every model played by a script in this process."""
    scripts: dict[str, Script] = dict(config.scripts)
    entries: list[AgentEntry] = []
    for entry in config.agents:
        if entry.backend == "human":
            entries.append(entry)
            continue
        scripts.setdefault(entry.id, sample_script())
        entries.append(msgspec.structs.replace(entry, backend="scripted", fallback=()))
    return msgspec.structs.replace(config, agents=tuple(entries), scripts=scripts)
