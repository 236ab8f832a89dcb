"""The source of a team as JSON: for journals, so that it can be made again.

A team file is not enough, because it names other files and may change before a session
goes on. So the source holds what reading it came to: every agent with its settings, the
rules as they applied, the scripts whole. Nothing is left to defaults, which a later
version may set otherwise. Keys never get in: agents name the variable that holds
theirs (``api_key_env``), and whatever may be a secret is replaced by :data:`LEFT_OUT`,
because no list of names can be complete: of environments, headers and queries every
value that is no ``$REFERENCE``, what follows an option of a secret's name, and of
addresses who signs in and any path that is not of the usual words. Who makes the team
again reads those from the team file (:func:`config_of`); otherwise pure.
:func:`coordinator.team.builder.team_of` makes the team.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec

from agents.backends.scripted.script import ScriptInvalid, parse_script
from agents.protocol.redaction import SECRET_NAME
from agents.protocol.unicode_text import whole_json
from coordinator.consensus.rules import Rules, RulesRecord
from coordinator.errors import ConfigInvalid
from coordinator.team.team_file_schema import AgentEntry, TeamConfig, TeamFile
from coordinator.team.yaml_document import Where, spell

LEFT_OUT = "(left out: journals keep no keys)"
"""Stands where a secret was."""

_OF_VALUES = frozenset({"env", "headers", "extra_headers", "extra_query", "metadata"})
"""Mappings of which names are kept, and no literal value."""

_PLAIN_STEPS = frozenset(
    {
        *("v1", "v2", "v3", "v1beta", "v1alpha", "api", "apis", "mcp", "sse"),
        *("messages", "responses", "chat", "completions", "models", "files"),
        *("anthropic", "openai", "gemini", "google", "claude", "llm"),
        *("proxy", "gateway"),
    }
)
"""Steps of a path that are nobody's secret."""

_ADDRESSES = frozenset({"url", "base_url", "proxy", "endpoint", "server_url"})

_WITH_VALUE = frozenset({"-e", "--env", "-H", "--header", "-u", "--user"})
"""Options of commands whose value may be a secret, whatever it is called."""

_REFERENCE = re.compile(r"(?:(?:Bearer|Basic|Token) )?\$(?:\w+|\{\w+\})")
"""Names the variable that holds a secret, and is none itself."""

_ELSEWHERE = frozenset(
    {"agents", "defaults", "voting", "limits", "deadline_s", "final"}
)
"""Keys that agents and rules hold in full."""

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
    folder: str = ""
    """Of the team file."""
    path: str = ""
    """The team file's, to read again what is left out here."""


_decoder = msgspec.json.Decoder(_Source)


def source_of(config: TeamConfig) -> bytes:
    """Say in JSON all that the team of ``config`` is made from, without its secrets."""
    agents = tuple(_without_script(entry) for entry in config.agents)
    # A form that adds keys to a team file (a scenario) leaves them behind here.
    fields = {name: getattr(config.file, name) for name in _OF_THE_FILE}
    source = {
        "file": {**fields, "agents": ()},
        "rules": config.rules.record(),
        "agents": agents,
    }
    plain = _without_secrets(whole_json(msgspec.to_builtins(source)))
    plain |= {
        "scripts": config.scripts,
        "is_emulated": config.is_emulated,
        "folder": config.folder,
        "path": config.path,
    }
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
        scripts = {
            agent: parse_script(script) for agent, script in read.scripts.items()
        }
        rules = Rules.from_record(read.rules)
    except (msgspec.DecodeError, ScriptInvalid, ConfigInvalid) as error:
        raise ConfigInvalid(
            f"what the team was made from cannot be read: {error}; it may have been "
            "kept by a later version; upgrade massgen-coordinator"
        ) from error
    agents = _read_again(read) if _is_lacking(read) else read.agents
    file = msgspec.structs.replace(read.file, agents=agents)
    return TeamConfig(
        file=file,
        rules=rules,
        agents=agents,
        scripts=scripts,
        folder=read.folder,
        path=read.path,
        is_emulated=read.is_emulated,
    )


def _is_lacking(read: _Source) -> bool:
    return any(True for _ in _left_out(msgspec.to_builtins(read.agents)))


def _read_again(read: _Source) -> tuple[AgentEntry, ...]:
    """The agents, with what was left out of them as the team file has it now.

    Raises:
        ConfigInvalid: There is no such file any more, or it does not say all.
    """
    now: dict[str, Any] = {}
    problem = "this journal names no team file"
    if read.path:
        # Reading takes a YAML parser, which few need.
        from coordinator.team.reader import read_team  # noqa: PLC0415

        try:
            again = read_team(Path(read.path))
        except ConfigInvalid as error:
            problem = str(error)
        else:
            problem = f"{read.path} does not say it (any more)"
            now = {entry.id: msgspec.to_builtins(entry) for entry in again.agents}
    plain = cast("list[dict[str, Any]]", msgspec.to_builtins(read.agents))
    filled = [_filled_in(entry, now.get(str(entry["id"]))) for entry in plain]
    missing = [spell(("agents", *where)) for where in _left_out(filled)]
    if missing:
        raise ConfigInvalid(
            f"{', '.join(missing)} was a secret, or may have been, which journals do "
            f"not keep, and {problem}; name the team file again, or use $VARIABLES"
        )
    return msgspec.convert(filled, tuple[AgentEntry, ...])


def _filled_in(source: Any, now: Any) -> Any:  # noqa: ANN401  (plain JSON)
    """``source`` with what is left out in it from the same place in ``now``."""
    match source:
        case str() if LEFT_OUT in source:
            return now if isinstance(now, str) and _fits(source, now) else source
        case dict():
            named = cast("dict[str, Any]", source)
            held = cast("dict[str, Any]", now) if isinstance(now, dict) else {}
            return {key: _filled_in(one, held.get(key)) for key, one in named.items()}
        case list() | tuple():
            many = cast("list[Any]", source)
            more = cast("list[Any]", now) if isinstance(now, list | tuple) else []
            padded = [*more, *[None] * len(many)]
            return [_filled_in(one, padded[at]) for at, one in enumerate(many)]
        case _:
            return source


def _fits(text: str, now: str) -> bool:
    """Whether ``now`` is ``text`` but for what was left out."""
    begin, _, end = text.partition(LEFT_OUT)
    return now.startswith(begin) and now.endswith(end)


def _without_script(entry: AgentEntry) -> AgentEntry:
    return msgspec.structs.replace(entry, script=None)


def _without_secrets(value: Any, name: str = "") -> Any:  # noqa: ANN401  (plain JSON)
    match value:
        case None | bool() | int() | float():
            return value  # most of it
        case dict():
            named = cast("dict[str, Any]", value)
            if name in _OF_VALUES:
                return {key: _referenced(inner) for key, inner in named.items()}
            return {key: _without_secrets(inner, key) for key, inner in named.items()}
        case list() | tuple() if name == "command":
            return _command(cast("list[Any]", value))
        case list() | tuple():
            many = cast("list[Any]", value)
            return [_without_secrets(inner, name) for inner in many]
        case str() if _REFERENCE.fullmatch(value):
            return value
        case str() if SECRET_NAME.fullmatch(name):
            return LEFT_OUT
        case str() if name in _ADDRESSES:
            return without_secrets(value)
        case str():
            is_one_word = not any(map(str.isspace, value))
            return LEFT_OUT if is_one_word and has_secret(value) else value
        case _:
            return value


def _referenced(value: Any) -> Any:  # noqa: ANN401  (plain JSON)
    """``value``, if it says where a secret is and not what it is."""
    if isinstance(value, str):
        return value if _REFERENCE.fullmatch(value) or not value else LEFT_OUT
    return None if value is None else LEFT_OUT


def _command(words: list[Any]) -> list[Any]:
    """A command line without what its options are given in secret."""
    cleaned: list[Any] = []
    is_next = False
    for word in words:
        text = str(word)
        option, has_value, value = text.partition("=")
        is_option = text.startswith("-")
        name = option.lstrip("-")
        if is_next and not is_option:
            cleaned.append(_referenced(text))
            is_next = False
        elif has_value and (is_option or name.isidentifier()):
            is_secret = SECRET_NAME.fullmatch(name) or option in _WITH_VALUE
            shown = _referenced(value) if is_secret else without_secrets(value)
            cleaned.append(f"{option}={shown}")
            is_next = False
        else:
            cleaned.append(word if is_option else without_secrets(text))
            is_secret = bool(SECRET_NAME.fullmatch(name))
            is_next = is_option and (is_secret or option in _WITH_VALUE)
    return cleaned


def without_secrets(text: str) -> str:
    """``text``, or of an address what is nobody's secret: its scheme and host."""
    if not _ADDRESS.match(text):
        return text
    try:
        address = urlsplit(text)
    except ValueError:
        return LEFT_OUT
    steps = (step for step in address.path.split("/") if step)
    is_plain = all(step in _PLAIN_STEPS for step in steps)
    if is_plain and not (address.query or address.fragment or "@" in address.netloc):
        return text
    host = address.netloc.rpartition("@")[2]
    return f"{address.scheme}://{host}/{LEFT_OUT}" if "@" not in text else LEFT_OUT


_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def has_secret(text: str) -> bool:
    """Whether an address holds a password, or anything in its query."""
    if not _ADDRESS.match(text):
        return False
    try:
        address = urlsplit(text)
    except ValueError:
        return True
    return "@" in address.netloc or bool(address.query)


def _left_out(value: Any, where: Where = ()) -> Iterator[Where]:  # noqa: ANN401  (plain JSON)
    if isinstance(value, str) and LEFT_OUT in value:
        yield where
    elif isinstance(value, dict):
        for key, inner in cast("dict[str, Any]", value).items():
            yield from _left_out(inner, (*where, key))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(cast("list[Any]", value)):
            yield from _left_out(inner, (*where, number))
