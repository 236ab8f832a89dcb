"""Makes a team of a team file: opens backends, imports tools.

The one place that knows how a line of configuration becomes a running part. A Claude
backend is imported only where one is built, because the SDK takes a second.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import structs
from msgspec.structs import replace

from agents.actor.person import Person
from agents.agent import Agent
from agents.backends.claude.server_tools import server_tool
from agents.limits.stated_price import ModelPrice
from agents.protocol.chunks import AgentId
from agents.tools.approval import Approval, Approver, nobody
from coordinator.errors import ConfigInvalid
from coordinator.team import claude_code
from coordinator.team.answer_checks import placed
from coordinator.team.approvals import check_approvals
from coordinator.team.function_tools import functions, imported
from coordinator.team.makers import OTHERS, fallback_of, make_backend
from coordinator.team.mcp_servers import toolboxes
from coordinator.team.team import Team
from coordinator.team.team_file_schema import AgentEntry, RayPlace, TeamConfig, attached
from coordinator.team.team_source import config_of, source_of
from coordinator.team.validation import WORKSPACE_TOOLS, is_server_tool

if TYPE_CHECKING:
    from agents.backends.claude.providers import Place
    from agents.protocol.backend import Backend
    from agents.tools.base import Tool

KEY_VARIABLES = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
"""Where the SDK looks for a key by itself (2.12.0, read on 2026-11-22)."""

CLOSE_GRACE_S = 5.0
"""Backends' connections to a server that does not answer are given up after this."""


def assemble(
    config: TeamConfig,
    *,
    environment: Mapping[str, str] = os.environ,
    approver: Approver = nobody,
    here: str | None = None,
    is_kept: bool = True,
) -> Team:
    """Make the team; whoever does so closes its backends, see :func:`closing`.

    Agents of the same settings share one backend, and so its connections.

    Args:
        config: What it is made of.
        environment: Where the keys are.
        approver: Who is asked before some tools run.
        here: Make this agent alone, of those that live elsewhere too; the others are
            names. ``None``: make all that live here.
        is_kept: Whether a journal may be kept of it, which says what it is made from.

    Raises:
        ConfigInvalid: A key is not set, a tool cannot be imported, or approval is
            asked for a tool that nobody has.
    """
    backends: dict[str, Backend] = {}
    try:
        members = tuple(
            _agent(config, entry, backends, environment, approver)
            if entry.id == here or (here is None and entry.place is None)
            else _named(config, entry, is_placed=here is None)
            for entry in config.agents
        )
    except ValueError as error:  # two tools of one name
        raise ConfigInvalid(str(error)) from error
    agents = [one for one in members if isinstance(one, Agent)]
    check_approvals(config.agents, agents)
    return Team(
        agents=members,
        rules=placed(config.rules, config.folder)
        if config.rules.drafting.checks
        else config.rules,
        seed=config.file.seed,
        answer_type=answer_type(config.file.answer_schema, config.folder),
        source=source_of(config) if is_kept else b"null",
        attachments=attached(config.file),
    )


def team_of(source: bytes, *, environment: Mapping[str, str] = os.environ) -> Team:
    """Make again the team that a journal tells of; its keys come from ``environment``.

    Args:
        source: As :attr:`Team.source` had it.
        environment: Where the keys are, which no source holds.

    Raises:
        ConfigInvalid: The source says nothing or too little, a key is not set, a tool
            cannot be imported, or no real model was asked; see
            :func:`coordinator.team.emulation.again`.
    """
    config = config_of(source)
    if config.is_emulated:
        raise ConfigInvalid(
            "this team asked an emulated API, which has to be served again; go on with "
            "its session without naming a team"
        )
    return assemble(config, environment=environment)


def load_team(path: str | Path) -> Team:
    """The team of a team file; its keys come from the environment.

        async with load_team("team.yaml") as team:
            result = await run("Which city is the capital of Australia?", team)

    Args:
        path: The file; what it names is relative to it.

    Raises:
        ConfigInvalid: The file cannot be used, with line, key, value and the way out; a
            key is not set; a tool cannot be imported.
    """
    from coordinator.team.reader import read_team  # noqa: PLC0415  (YAML, for a file)

    return assemble(read_team(Path(path)))


@asynccontextmanager
async def closing(team: Team) -> AsyncGenerator[Team]:
    """Close the team's backends at the end, whatever happened."""
    async with team:
        yield team


def _agent(
    config: TeamConfig,
    entry: AgentEntry,
    backends: dict[str, Backend],
    environment: Mapping[str, str],
    approver: Approver,
) -> Agent | Person:
    if entry.backend == "human":
        return Person(id=entry.id)
    system, readers, reads = _skills(entry)
    tools = tuple(_workspace_tools(config, entry, reads))
    if tools and (config.file.shared or entry.workspace_shown):
        from coordinator.team.shared_folders import folder_prompt  # noqa: PLC0415  (few)

        system = "\n\n".join(filter(None, (system, folder_prompt(config, entry))))
    agent = Agent(
        id=AgentId(entry.id),
        backend=_backend(config, entry, backends, environment, approver),
        fallbacks=tuple(
            _backend(config, fallback_of(entry, model), backends, environment, approver)
            for model in entry.fallback
        ),
        system=system,
        tools=(
            *functions(entry.id, entry.tools, config.folder),
            *tools,
            *readers,
        ),
        toolboxes=toolboxes(entry, config.folder),
        tool_timeout_s=entry.tool_timeout_s,
        overload_limit_s=entry.overload_limit_s,
        approval=Approval(entry.approve, approver),
    )
    _check_names(entry, agent)
    return agent


def _skills(entry: AgentEntry) -> tuple[str, tuple[Tool, ...], tuple[Path, ...]]:
    """The system prompt with the agent's skills, their reader, and their folders."""
    if not entry.skill_folders:
        return entry.instructions, (), ()
    from agents.tools.skills import SkillReader, skills_prompt  # noqa: PLC0415  (few)
    from coordinator.team.skill_folders import read_skills  # noqa: PLC0415  (likewise)

    skills = read_skills(entry.id, entry.skill_folders)
    parts = filter(None, (entry.instructions, skills_prompt(skills)))
    folders = tuple(skill.folder for skill in skills)
    return "\n\n".join(parts), (SkillReader(skills),), folders


def _named(config: TeamConfig, entry: AgentEntry, *, is_placed: bool) -> Agent:
    """An agent that is made elsewhere: a name, a price, and where to find it."""
    from agents.remote.stub import Stub  # noqa: PLC0415  (few teams)
    from coordinator.cluster.ray_wire import OnRay  # noqa: PLC0415  (likewise)

    if not is_placed:
        return Agent(id=AgentId(entry.id), backend=Stub(entry.model or "scripted"))
    place = entry.place if isinstance(entry.place, RayPlace) else RayPlace()
    script = config.scripts.get(entry.id)
    model = entry.model or (script.model if script is not None else entry.id)
    price = partial(ModelPrice((), entry.price).cost_usd, model)
    placed = sum(one.place is not None for one in config.agents)
    return Agent(
        id=AgentId(entry.id),
        backend=Stub(model, price if entry.price is not None else None),
        system=entry.instructions,
        elsewhere=OnRay(source_of(config), entry.id, place, share=1 / placed),
    )


def _check_names(entry: AgentEntry, agent: Agent) -> None:
    """Refuse a tool of ours that bears the name of one of the API's beside it."""
    served = {
        server_tool(tool, entry.model or "").get("name")
        for tool in filter(is_server_tool, entry.tools)
        if entry.backend == "claude"
    }
    for tool in agent.tools:
        if tool.name in served:
            raise ConfigInvalid(
                f"agent {entry.id!r} has a tool of yours and one of the API's named "
                f"{tool.name!r}; give yours another: {{function: …, name: …}}"
            )


def _backend(
    config: TeamConfig,
    entry: AgentEntry,
    backends: dict[str, Backend],
    environment: Mapping[str, str],
    approver: Approver,
) -> Backend:
    if entry.backend == "claude_code":
        try:
            return claude_code.make(entry, environment=environment, approver=approver)
        except ValueError as error:
            raise ConfigInvalid(f"agent {entry.id!r}: {error}") from None
    if entry.backend == "scripted":
        from agents.backends.scripted.backend import ScriptedBackend  # noqa: PLC0415  (not for Claude)

        script = config.scripts[entry.id]
        return ScriptedBackend(
            script, model=entry.model, idle_limit_s=entry.idle_limit_s
        )
    if entry.backend in OTHERS:
        return _other(config, entry, backends, environment)
    settings = _claude_settings(entry, environment)
    if entry.cache is None and _has_people(config):
        settings["cache"] = "1h"  # five minutes pass while somebody reads
    key = repr((settings, entry.provider, entry.region, entry.project, entry.resource))
    if key not in backends:
        # Takes a second, and only a team of Claude's has to wait for it.
        from agents.backends.claude.backend import ClaudeBackend  # noqa: PLC0415

        try:
            backends[key] = ClaudeBackend(place=_place(entry), **settings)
        except ValueError as error:
            raise ConfigInvalid(f"agent {entry.id!r}: {error}") from None
    return backends[key]


def _has_people(config: TeamConfig) -> bool:
    """Whether a person takes part, or must approve what a tool does."""
    return any(each.backend == "human" or each.approve for each in config.agents)


def _other(
    config: TeamConfig,
    entry: AgentEntry,
    backends: dict[str, Backend],
    environment: Mapping[str, str],
) -> Backend:
    """A backend of another maker; agents of the same settings share one."""
    bare = replace(entry, id="", system="", tools=(), fallback=(), script=None)
    served = tuple(filter(is_server_tool, entry.tools))
    key = repr((structs.asdict(bare), served))
    if key not in backends:
        try:
            backends[key] = make_backend(
                entry,
                environment=environment,
                server_tools=served,
                mcp_servers=tuple(
                    _signed_in(entry, server, environment)
                    for server in entry.mcp_servers
                ),
                proxy=_proxy(entry, environment),
                folder=config.folder,
            )
        except ConfigInvalid:
            raise
        except ValueError as error:
            raise ConfigInvalid(f"agent {entry.id!r}: {error}") from None
    return backends[key]


def _place(entry: AgentEntry) -> Place | None:
    from agents.backends.claude.providers import Place  # noqa: PLC0415  (with the SDK)

    if entry.provider == "anthropic" or entry.provider == "azure":  # noqa: PLR1714  (narrows the type)
        return None
    return Place(
        provider=entry.provider,
        region=entry.region,
        project=entry.project,
        resource=entry.resource,
    )


def _claude_settings(
    entry: AgentEntry, environment: Mapping[str, str]
) -> dict[str, Any]:
    """The constructor's arguments; what the file leaves open is left to it."""
    base_url = entry.base_url or environment.get("ANTHROPIC_BASE_URL")
    settings = {
        "model": entry.model,
        "api_key": _api_key(entry, base_url, environment),
        "base_url": entry.base_url,
        "proxy": _proxy(entry, environment),
        "ca_file": entry.ca_file,
        "max_tokens": entry.max_tokens,
        "effort": entry.effort,
        "thinking": entry.thinking,
        "betas": entry.betas,
        "mcp_servers": tuple(
            _signed_in(entry, server, environment) for server in entry.mcp_servers
        ),
        "server_tools": tuple(filter(is_server_tool, entry.tools)),
        "cache": entry.cache,
        "speed": entry.speed,
        "service_tier": entry.service_tier,
        "inference_geo": entry.inference_geo,
        "task_budget": entry.task_budget,
        "skills": entry.skills,
        "compact_at_tokens": entry.compact_at_tokens,
        "extra": entry.extra,
        "idle_limit_s": entry.idle_limit_s,
    }
    return {name: value for name, value in settings.items() if value not in (None, ())}


def _api_key(
    entry: AgentEntry, base_url: str | None, environment: Mapping[str, str]
) -> str | None:
    """The key, where it is not left to the SDK to find it."""
    if entry.api_key_env is not None:
        key = environment.get(entry.api_key_env)
        if not key or not key.strip():
            raise ConfigInvalid(
                f"agent {entry.id!r} takes its key from {entry.api_key_env}, which is "
                "not set; set it, or name another variable as its 'api_key_env'"
            )
        return key
    if entry.provider != "anthropic":
        return None  # the provider's own variables and files
    if any(environment.get(name, "").strip() for name in KEY_VARIABLES):
        return None
    if base_url is not None and _is_loopback(base_url):
        return "unneeded"  # an emulated model asks for none, but the SDK does
    raise ConfigInvalid(
        f"agent {entry.id!r} is a Claude model and {KEY_VARIABLES[0]} is not set; "
        "set it to your key, or see a team without one: coordinator run --demo"
    )


def _proxy(entry: AgentEntry, environment: Mapping[str, str]) -> str | None:
    """The proxy's address, where a variable is named the one that it holds."""
    if entry.proxy is None or not entry.proxy.startswith("$"):
        return entry.proxy
    named = entry.proxy[1:].strip("{}")
    address = environment.get(named, "").strip()
    if not address:
        raise ConfigInvalid(
            f"agent {entry.id!r} takes its proxy from {named}, which is not set; set it"
        )
    return address


def _signed_in(
    entry: AgentEntry, server: dict[str, Any], environment: Mapping[str, str]
) -> dict[str, Any]:
    """A server of the MCP connector, with its token where a variable is named."""
    named = str(server.get("authorization_token", ""))
    if not named.startswith("$"):
        return server
    token = environment.get(named[1:].strip("{}"))
    if not token:
        raise ConfigInvalid(
            f"agent {entry.id!r}: MCP server {server.get('name')!r} takes its token "
            f"from {named[1:]}, which is not set; set it"
        )
    return {**server, "authorization_token": token}


def _is_loopback(url: str) -> bool:
    try:
        return urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost")
    except ValueError:
        return False


def answer_type(schema: dict[str, Any] | str | None, folder: str = "") -> Any:  # noqa: ANN401  (a type)
    """The type of structured answers, imported where it is named."""
    if not isinstance(schema, str):
        return schema
    try:
        return imported(schema, folder)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigInvalid(
            f"answer_schema {schema!r} cannot be imported: {error}; write a JSON "
            "Schema, or a type as module:Type"
        ) from error


def _workspace_tools(
    config: TeamConfig, entry: AgentEntry, reads: Sequence[Path]
) -> Iterator[Tool]:
    """Make the tools that work in the agent's own folder; ``reads``: what it sees."""
    names = [tool for tool in WORKSPACE_TOOLS if tool in entry.tools]
    if not names or entry.workspace is None:
        return
    from agents.tools.workspace import (  # noqa: PLC0415  (few teams)
        Bash,
        Limits,
        Memory,
        PlacedTool,
        TextEditor,
        sandbox,
    )
    from agents.tools.workspace.work_place import MEMORIES  # noqa: PLC0415  (likewise)
    from coordinator.team.shared_folders import work_place  # noqa: PLC0415  (likewise)

    is_sandboxed = entry.sandbox == "on"
    if "bash" in names and is_sandboxed and not sandbox.is_there():
        raise ConfigInvalid(
            f"agent {entry.id!r} has bash, and nothing here keeps commands to its "
            f"folder: {sandbox.NONE_HERE} to let them see the whole file system"
        )
    limits = Limits(time_s=entry.tool_timeout_s)
    place = work_place(config, entry)

    def bash(folder: Path) -> Tool:
        return Bash(folder, limits, is_sandboxed=is_sandboxed, reads=reads)

    for name in names:
        if name == "memory":
            yield Memory(Path(entry.workspace) / entry.id / MEMORIES)
        else:
            yield PlacedTool(place, bash if name == "bash" else TextEditor)
