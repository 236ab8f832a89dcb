"""Models of all makers in a team file: ``provider/model``, and what each of them takes.

Owns which backend a name means and which settings go to it. Claude's own are
:mod:`coordinator.team.builder`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast
from urllib.parse import urlsplit

from msgspec import structs
from msgspec.structs import replace

from agents.backends.compatible.servers import SERVERS
from coordinator.errors import ConfigInvalid
from coordinator.team.function_tools import imported

if TYPE_CHECKING:
    from agents.backends.transport.http_backend import HttpBackend
    from coordinator.team.team_file_schema import AgentEntry

Maker: TypeAlias = Literal[
    "claude", "openai", "grok", "gemini", "compatible", "claude_code"
]

OTHERS = ("openai", "grok", "gemini", "compatible")
"""Backends beside Claude's that ask a model over HTTP."""
MODELS = ("claude", *OTHERS, "claude_code")
"""Those that have a model."""

_PREFIXES: dict[str, Maker] = {
    "anthropic": "claude",
    "claude": "claude",
    "claude_code": "claude_code",
    "openai": "openai",
    "grok": "grok",
    "xai": "grok",
    "x-ai": "grok",
    "gemini": "gemini",
    "google": "gemini",
    **dict.fromkeys(SERVERS, cast("Maker", "compatible")),
}
"""Prefixes of models' names → the backend that each of them means."""

_KEYS: dict[str, tuple[str, ...]] = {
    "openai": ("OPENAI_API_KEY",),
    "grok": ("XAI_API_KEY",),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
}
_ADDRESSES = {"openai": "OPENAI_BASE_URL"}
"""Where the environment may say another address."""

_CLAUDES: dict[str, Any] = {
    "betas": (),
    "compact_at_tokens": None,
    "speed": None,
    "region": None,
    "project": None,
}
"""Settings that Claude alone has, and what they are where nothing is said."""

_ITS_OWN: dict[str, Any] = {
    **_CLAUDES,
    "server": None,
    "api": None,
    "provider": "anthropic",
    "resource": None,
    "sign_in": None,
    "base_url": None,
    "api_key_env": None,
    "extra": {},
    "price": None,
}
"""Settings that say nothing to a model of another maker."""


def split_model(model: str) -> tuple[Maker | None, str | None, str]:
    """Take ``provider/model`` apart.

    Returns:
        The backend, the server where that is a compatible one, and the model's name;
        no backend where what stands before the stroke is no provider (many servers'
        own names have strokes).
    """
    provider, stroke, name = model.partition("/")
    backend = _PREFIXES.get(provider.strip().lower()) if stroke else None
    if backend is None or not name:
        return None, None, model
    server = provider.lower() if backend == "compatible" else None
    return backend, server, name


def with_backend(entry: AgentEntry) -> AgentEntry:
    """``entry`` with the backend and server that its model's name means."""
    if entry.backend in {"human", "scripted"} or entry.model is None:
        if entry.backend is None:
            is_script = entry.script is not None
            return replace(entry, backend="scripted" if is_script else "claude")
        return entry
    backend, server, name = split_model(entry.model)
    if entry.backend is None and backend is None:
        is_script = entry.script is not None and entry.server is None
        fallen = "scripted" if is_script else "claude"
        return replace(entry, backend="compatible" if entry.server else fallen)
    if entry.backend in {None, backend}:
        if entry.server is not None and server is None and backend == "compatible":
            server = entry.server
        if entry.server is not None and server != entry.server:
            return replace(entry, backend=entry.backend or "compatible")
        return replace(entry, backend=backend, server=server, model=name)
    return entry


def fallback_of(entry: AgentEntry, model: str) -> AgentEntry:
    """The agent as it is asked of one of its fallbacks.

    A model of another maker gets none of the settings that mean something to the first
    one alone: its address, its key, further parameters.
    """
    backend, server, name = split_model(model)
    if backend is None or (backend, server) == (entry.backend, entry.server):
        return replace(entry, model=name)
    bare = replace(entry, model=name, backend=backend, **_ITS_OWN)
    return replace(bare, server=server)


def check_maker(entry: AgentEntry, server_tools: tuple[Any, ...]) -> None:
    """Refuse settings that the agent's maker has no use for.

    Args:
        entry: An agent of one of :data:`OTHERS`.
        server_tools: Those of its tools that its server runs.

    Raises:
        ValueError: With the way out.
    """
    if not (entry.model or "").strip():
        raise ValueError(f"a {entry.backend} agent needs a model; add 'model: …'")
    for name, nothing in _CLAUDES.items():
        if getattr(entry, name) != nothing:
            raise ValueError(f"{name} is Claude's alone; leave it out")
    if entry.server is not None and entry.backend != "compatible":
        raise ValueError("server is for 'backend: compatible'; leave it out")
    if entry.provider not in {"anthropic", "azure"}:
        raise ValueError(f"provider {entry.provider} runs Claude alone; leave it out")
    if entry.provider == "azure" and entry.backend != "openai":
        raise ValueError("provider azure runs OpenAI's models; leave it out")
    if entry.sign_in is not None:
        _check_sign_in(entry)
    apis = {"openai": ("responses", "chat"), "compatible": ("chat", "messages")}
    if entry.api is not None and entry.api not in apis.get(entry.backend or "", ()):
        there = " or ".join(apis.get(entry.backend or "", ())) or "none to choose"
        raise ValueError(f"api {entry.api!r}: {entry.backend} has {there}")
    _settings(entry, server_tools, entry.mcp_servers)


def _check_sign_in(entry: AgentEntry) -> None:
    if entry.backend != "openai":
        raise ValueError("sign_in is for OpenAI's models; say api_key_env instead")
    if entry.api_key_env is not None:
        raise ValueError("sign_in stands instead of a key; leave out api_key_env")
    if isinstance(entry.sign_in, str) and not all(entry.sign_in.partition(":")):
        raise ValueError(
            f"sign_in: {entry.sign_in!r} names no function; write module:function"
        )


def _signed_in(entry: AgentEntry, folder: str) -> dict[str, Any]:
    """The arguments that have the backend sign in; none where it has a key.

    Raises:
        ConfigInvalid: The function cannot be had.
    """
    if entry.sign_in is None:
        return {}
    if not isinstance(entry.sign_in, str):
        fields = structs.asdict(entry.sign_in)
        fields["provider"] = fields.pop("token_file")
        return {"workload_identity": fields}
    try:
        provider = imported(entry.sign_in, folder)
    except (ImportError, AttributeError) as error:
        raise ConfigInvalid(
            f"agent {entry.id!r} signs in by {entry.sign_in!r}, which cannot be had: "
            f"{error}"
        ) from error
    if not callable(provider):
        raise ConfigInvalid(
            f"agent {entry.id!r} signs in by {entry.sign_in!r}, which is no function; "
            "name one that gives a token"
        )
    return {"token_provider": provider}


def _settings(
    entry: AgentEntry, server_tools: tuple[Any, ...], mcp_servers: tuple[Any, ...]
) -> dict[str, Any]:
    """The arguments of the backend's settings, checked.

    Raises:
        ValueError: One cannot be.
    """
    common: dict[str, Any] = {
        "max_tokens": entry.max_tokens,
        "effort": entry.effort,
        "server_tools": server_tools,
        "extra": entry.extra,
    }
    settings: dict[str, Any] = {
        name: value for name, value in common.items() if value not in (None, ())
    }
    thinking = entry.thinking
    match entry.backend:
        case "openai":
            from agents.backends.openai import settings as openai  # noqa: PLC0415  (where it is used)

            if thinking not in {None, "adaptive", "disabled"}:
                raise ValueError("thinking: OpenAI takes adaptive or disabled")
            settings |= {"thinking": thinking, "mcp_servers": mcp_servers}
            settings |= {
                "cache": entry.cache is not False,
                "api": entry.api or "responses",
            }
            openai.check(openai.OpenAISettings(model=entry.model or "", **settings))
        case "grok":
            from agents.backends.grok import settings as grok  # noqa: PLC0415

            if thinking is not None:
                raise ValueError("thinking: xAI's models take 'effort' instead")
            if entry.effort not in {None, "none", "low", "medium", "high"}:
                raise ValueError("effort: xAI takes none, low, medium or high")
            settings |= {"mcp_servers": mcp_servers, "cache": entry.cache is not False}
            grok.check(grok.GrokSettings(model=entry.model or "", **settings))
        case "gemini":
            from agents.backends.gemini import settings as gemini  # noqa: PLC0415

            if mcp_servers:
                raise ValueError("mcp_servers: Gemini connects to none; use 'mcp'")
            if isinstance(thinking, dict) or thinking == "between_tools":
                raise ValueError("thinking: Gemini takes adaptive, disabled or tokens")
            settings["thinking"] = thinking
            gemini.as_asked(gemini.GeminiSettings(model=entry.model or "", **settings))
        case _:
            settings |= _of_compatible(entry, server_tools, mcp_servers)
    return settings


def _of_compatible(
    entry: AgentEntry, server_tools: tuple[Any, ...], mcp_servers: tuple[Any, ...]
) -> dict[str, Any]:
    from agents.backends.compatible import backend as compatible  # noqa: PLC0415

    named = [tool for tool in server_tools if isinstance(tool, str)]
    if named:
        raise ValueError(
            f"{named[0]}: a compatible server has no tools of common names; leave it "
            "out, or write the tool as the server takes it"
        )
    if mcp_servers:
        raise ValueError("mcp_servers: this server connects to none; use 'mcp'")
    if entry.thinking not in {None, "disabled"}:
        raise ValueError("thinking: say 'effort', in the server's words, or 'disabled'")
    compatible.profile_of(entry.server, entry.base_url)
    settings: dict[str, Any] = {} if entry.api is None else {"api": entry.api}
    if entry.thinking == "disabled":
        settings["effort"] = "none"
    return settings


def make_backend(
    entry: AgentEntry,
    *,
    environment: Mapping[str, str],
    server_tools: tuple[Any, ...],
    mcp_servers: tuple[Any, ...],
    proxy: str | None,
    folder: str = "",
) -> HttpBackend:
    """Make the backend of one of :data:`OTHERS`.

    Args:
        entry: The agent.
        environment: Where the keys are.
        server_tools: Those of its tools that its server runs.
        mcp_servers: Those that its server connects to.
        proxy: The URL of one.
        folder: Where modules of the file's may lie.

    Raises:
        ValueError: A setting cannot be, or a key is not set.
    """
    settings = _settings(entry, server_tools, mcp_servers)
    address = entry.base_url or environment.get(_ADDRESSES.get(entry.backend or "", ""))
    common: dict[str, Any] = {
        "api_key": (None if entry.sign_in else _api_key(entry, address, environment)),
        "base_url": address,
        "proxy": proxy,
        "ca_file": entry.ca_file,
        "idle_limit_s": entry.idle_limit_s,
        "price": entry.price,
        **settings,
    }
    model = entry.model or ""
    match entry.backend:
        case "openai":
            from agents.backends.openai.backend import OpenAIBackend  # noqa: PLC0415

            return OpenAIBackend(
                model,
                resource=entry.resource,
                **_signed_in(entry, folder),
                **common,
            )
        case "grok":
            from agents.backends.grok.backend import GrokBackend  # noqa: PLC0415

            return GrokBackend(model, **common)
        case "gemini":
            from agents.backends.gemini.backend import GeminiBackend  # noqa: PLC0415

            return GeminiBackend(model, **common)
        case _:
            from agents.backends.compatible.backend import (  # noqa: PLC0415
                CompatibleBackend,
            )

            return CompatibleBackend(model, server=entry.server, **common)


def _api_key(
    entry: AgentEntry, address: str | None, environment: Mapping[str, str]
) -> str | None:
    """The key, from the variable that the file names, or that the maker does."""
    if entry.api_key_env is not None:
        key = environment.get(entry.api_key_env, "").strip()
        if not key:
            raise ConfigInvalid(
                f"agent {entry.id!r} takes its key from {entry.api_key_env}, which is "
                "not set; set it, or name another variable as its 'api_key_env'"
            )
        return key
    variables = _KEYS.get(entry.backend or "", ())
    if entry.provider == "azure":
        variables = ("AZURE_OPENAI_API_KEY",)
    if entry.backend == "compatible":
        named = SERVERS[entry.server].key if entry.server is not None else None
        if named is None:
            return None
        variables = (named,)
    for variable in variables:
        if environment.get(variable, "").strip():
            return environment[variable].strip()
    if address is not None and _is_loopback(address):
        return "unneeded"
    raise ConfigInvalid(
        f"agent {entry.id!r} asks {entry.server or entry.backend} and {variables[0]} "
        "is not set; set it to your key, or see the team without one: --emulate"
    )


def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")


def emulated_entry(entry: AgentEntry, base_url: str, key_env: str) -> AgentEntry:
    """The agent as it asks an emulator that speaks its maker's dialect.

    Args:
        entry: An agent of one of :data:`OTHERS`.
        base_url: The emulator's.
        key_env: The variable that holds its key.
    """
    path = {"openai": "/v1", "grok": "/v1", "gemini": "/v1beta"}.get(
        entry.backend or "", "/v1"
    )
    if entry.api == "messages":
        path = ""
    return replace(
        entry,
        base_url=base_url + path,
        api_key_env=key_env,
        provider="anthropic",
        resource=None,
        sign_in=None,
        proxy=None,
        ca_file=None,
    )
