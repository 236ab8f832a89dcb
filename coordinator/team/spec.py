"""What a team was made from, as JSON: for journals, so that it can be made again.

A team file is not enough, because it names other files and may change before a session
goes on. So the source holds what reading it came to: every agent with its settings, the
rules as they applied, the scripts whole. Nothing is left to defaults, which a later
version may set otherwise. Keys never get in: agents name the variable that holds
theirs (``api_key_env``), and what looks like a secret in JSON that people pass on to
the API is replaced by :data:`LEFT_OUT`. Pure; :func:`coordinator.team.builder.team_of`
makes the team.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import msgspec

from agents.backends.scripted.script import ScriptInvalid, parse_script
from agents.protocol.unicode_text import whole_json
from coordinator.consensus.rules import Rules, RulesRecord
from coordinator.errors import ConfigInvalid
from coordinator.team.schema import AgentEntry, TeamConfig, TeamFile
from coordinator.team.yaml_document import Where, spell

LEFT_OUT = "(left out: journals keep no keys)"
"""Stands where a secret was."""

_SECRET = re.compile(
    r"(?:.*[_-])?(?:(?:api|access|auth|x|private)?[_-]?keys?|tokens?|secrets?"
    r"|passwords?|passwd|authorization|cookie|credentials?)",
    re.IGNORECASE,
)
"""Names under which text is a secret. Numbers are not: ``max_tokens``."""


_REFERENCE = re.compile(r"(?:(?:Bearer|Basic|Token) )?\$\{?\w+\}?")
"""Names the variable that holds a secret, and is none itself."""

_ELSEWHERE = frozenset(
    {"agents", "defaults", "voting", "limits", "deadline_s", "final"}
)
"""What agents and rules say in full."""

_OF_THE_FILE = tuple(f for f in TeamFile.__struct_fields__ if f not in _ELSEWHERE)


class _Source(msgspec.Struct, frozen=True, kw_only=True):
    """The form of it; a script is kept as people write one."""

    file: TeamFile
    """Without what ``agents`` and ``rules`` say in full."""
    rules: RulesRecord
    agents: tuple[AgentEntry, ...]
    """``defaults`` filled in, scripts taken out."""
    scripts: dict[str, Any]
    is_emulated: bool = False


_decoder = msgspec.json.Decoder(_Source)


def source_of(config: TeamConfig) -> bytes:
    """Say in JSON all that the team of ``config`` is made from, without its secrets."""
    agents = tuple(_without_script(entry) for entry in config.agents)
    # A form that adds keys to a team file (a scenario) leaves them behind here.
    told = {name: getattr(config.file, name) for name in _OF_THE_FILE}
    kept = {
        "file": {**told, "agents": ()},
        "rules": config.rules.record(),
        "agents": agents,
    }
    plain = _without_secrets(whole_json(msgspec.to_builtins(kept)))
    plain |= {"scripts": config.scripts, "is_emulated": config.is_emulated}
    return msgspec.json.encode(plain)


def config_of(source: bytes) -> TeamConfig:
    """Read what :func:`source_of` wrote.

    Raises:
        ConfigInvalid: It says nothing (the team was made in Python), it was written by
            a later version, or a secret that it left out is needed.
    """
    if source == b"null":
        raise ConfigInvalid(
            "this team was made in Python, so only the program that made it can make "
            "it again"
        )
    try:
        read = _decoder.decode(source)
        scripts = {agent: parse_script(said) for agent, said in read.scripts.items()}
        rules = Rules.from_record(read.rules)
    except (msgspec.DecodeError, ScriptInvalid, ConfigInvalid) as error:
        raise ConfigInvalid(
            f"what the team was made from cannot be read: {error}; it may have been "
            "kept by a later version; upgrade massgen-coordinator"
        ) from error
    for where in _left_out(msgspec.to_builtins(read.agents)):
        raise ConfigInvalid(
            f"agents{spell(where)} was a secret, which journals do not keep; name the "
            "team file again"
        )
    file = msgspec.structs.replace(read.file, agents=read.agents)
    return TeamConfig(
        file=file,
        rules=rules,
        agents=read.agents,
        scripts=scripts,
        is_emulated=read.is_emulated,
    )


def _without_script(entry: AgentEntry) -> AgentEntry:
    return msgspec.structs.replace(entry, script=None)


def _without_secrets(value: Any, name: str = "") -> Any:  # noqa: ANN401  (plain JSON)
    match value:
        case dict():
            named = cast("dict[str, Any]", value)
            return {key: _without_secrets(inner, key) for key, inner in named.items()}
        case list() | tuple():
            many = cast("list[Any]", value)
            return [_without_secrets(inner, name) for inner in many]
        case str() if _REFERENCE.fullmatch(value):
            return value
        case str() if _SECRET.fullmatch(name) or has_secret(value):
            return LEFT_OUT
        case _:
            return value


def has_secret(text: str) -> bool:
    """Whether an address holds a password or a key."""
    if not text.startswith(("http://", "https://")):
        return False
    try:
        address = urlsplit(text)
    except ValueError:
        return False
    asked = (name for name, _ in parse_qsl(address.query))
    return address.password is not None or any(map(_SECRET.fullmatch, asked))


def _left_out(value: Any, where: Where = ()) -> Iterator[Where]:  # noqa: ANN401  (plain JSON)
    if value == LEFT_OUT:
        yield where
    elif isinstance(value, dict):
        for key, inner in cast("dict[str, Any]", value).items():
            yield from _left_out(inner, (*where, key))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(cast("list[Any]", value)):
            yield from _left_out(inner, (*where, number))
