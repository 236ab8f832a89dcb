"""Reading of a team file: from YAML to its Structs, its rules and its scripts.

Its keys are :mod:`coordinator.team.team_file_schema`'s; nothing here opens a backend or
imports a tool. :mod:`coordinator.team.builder` makes a
:class:`~coordinator.team.team.Team` of what is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import (
    Any,
    cast,
)

import msgspec

from agents.backends.scripted.script import Script, ScriptInvalid, parse_script
from agents.protocol.chunks import AgentId
from coordinator.ballots import learned_weights
from coordinator.ballots.voting_rules import spelled_out
from coordinator.consensus.rules import Budget, Rules
from coordinator.errors import ConfigInvalid
from coordinator.team.agent_ids import id_fault
from coordinator.team.attachment_sources import placed
from coordinator.team.makers import with_backend
from coordinator.team.paths import expanded, variable_in
from coordinator.team.team_file_schema import (
    LIMITS,
    TOP,
    AgentEntry,
    AgentSettings,
    JsonObject,
    SharedEntry,
    TeamConfig,
    TeamFile,
    TextFile,
)
from coordinator.team.validation import (
    FILE_TOOLS,
    check_agent,
    check_checked_places,
    check_schema,
    said_at,
)
from coordinator.team.yaml_document import (
    Document,
    Misplaced,
    Plain,
    Where,
    convert,
    parse,
    read,
    value_at,
)

DEMO = Path(__file__).with_name("demo.yaml")
"""The team that ``coordinator run --demo`` plays."""


def read_team(path: Path) -> TeamConfig:
    """Read a team file, and the scripts that it names.

    Raises:
        ConfigInvalid: With file, line, key, value and the way out.
    """
    return read_document(read(path))


def parse_team(text: str, path: Path) -> TeamConfig:
    """Read a team from text; ``path`` is its name in errors and where scripts are.

    Raises:
        ConfigInvalid: With file, line, key, value and the way out.
    """
    return read_document(parse(text, path))


FAULTS_TOLD = 20
"""Faults told of one file; who has more reads again."""


def read_document(document: Document, form: type[TeamFile] = TeamFile) -> TeamConfig:
    """Make sense of a document that is a team file, or of a form that adds keys to one.

    Raises:
        ConfigInvalid: All that is wrong, each with line, key, value and the way out.
    """
    faults: list[ConfigInvalid] = []
    places: list[Where] = []
    while len(faults) < FAULTS_TOLD:
        try:
            config = read_once(document, form)
        except Misplaced as error:
            # What holds something that was left out may be refused for want of it.
            if not any(_is_inside(place, error.where) for place in places):
                faults.append(error)
            places.append(error.where)
            rest = _without_fault(document, error)
            if rest is None:
                break
            document = rest
        except ConfigInvalid as error:
            faults.append(error)
            break
        else:
            if not faults:
                return config
            break
    raise ConfigInvalid.of(faults)


def _is_inside(where: Where, outer: Where) -> bool:
    return len(where) > len(outer) and where[: len(outer)] == outer


_AGENT_DEPTH = 2
"""``agents[1]`` is so many steps down."""


def _without_fault(document: Document, error: Misplaced) -> Document | None:
    """The document without what is wrong, to look for more; ``None``: there is none.

    An agent that is refused whole stays as a person of its name, so that the others
    keep their numbers and may be spoken of.
    """
    where = error.where
    if error.path != document.path or not where or where == ("agents",):
        return None
    data: Any = document.data
    if where[0] == "agents" and len(where) == _AGENT_DEPTH:
        number = where[1]
        assert isinstance(number, int)
        agents: list[Any] = list(data["agents"])
        refused: Any = agents[number]
        name: Any = value_at(document, (*where, "id"))
        stand_in: Any = {"id": name or f"agent-{number}", "backend": "human"}
        if refused == stand_in:
            return None
        agents[number] = stand_in
        return Document(document.path, {**data, "agents": agents}, document.lines)
    rest = without(data, where)
    return None if rest is None else Document(document.path, rest, document.lines)


def without(data: Plain, where: Where) -> Plain:
    """``data`` without what stands at ``where``; ``None`` where nothing does.

    Of a list all goes, for what follows in it would be told by another number.
    """
    while where and isinstance(where[-1], int):
        where = where[:-1]
    if not where or not isinstance(data, dict | list):
        return None
    step, rest = where[0], where[1:]
    held: Any = data
    try:
        inner = held[step]
    except (KeyError, IndexError, TypeError):
        return None
    copy: Any = held.copy()
    if not rest:
        del copy[step]
        return copy
    copy[step] = without(inner, rest)
    return None if copy[step] is None else copy


def read_once(document: Document, form: type[TeamFile] = TeamFile) -> TeamConfig:
    """Make sense of a team file, or of a form that adds keys to one.

    Raises:
        ConfigInvalid: The first fault, with line, key, value and the way out.
    """
    if not isinstance(document.data, dict):
        raise document.error((), "a team file is a mapping; begin with 'agents:'")
    _spell_out_rule(document)
    file = convert(document, form)
    folder = document.path.parent
    placed_files = tuple(placed(each, folder) for each in file.attach)
    file = msgspec.structs.replace(
        file, attach=placed_files, shared=_shared(document, file)
    )
    if not file.agents:
        raise document.error(("agents",), "is empty; add an agent")
    if isinstance(file.answer_schema, dict):
        check_schema(document, file.answer_schema)
    agents = tuple(
        _filled(document, file.defaults, number, entry)
        for number, entry in enumerate(file.agents)
    )
    first: dict[str, int] = {}
    for number, entry in enumerate(agents):
        if fault := id_fault(entry.id):
            raise document.error(("agents", number, "id"), fault)
        if first.setdefault(entry.id, number) != number:
            problem = f"{entry.id!r} is agents[{first[entry.id]}] already; ids differ"
            raise document.error(("agents", number, "id"), problem)
        check_agent(document, ("agents", number), entry)
    if file.shared and not any(FILE_TOOLS & {*map(str, x.tools)} for x in agents):
        problem = "no agent can read it; give one a 'workspace' and text_editor or bash"
        raise document.error(("shared",), problem)
    scripts = {
        entry.id: _script(
            document, said_at(document, ("agents", number), "script"), entry.script
        )
        for number, entry in enumerate(agents)
        if entry.script is not None
    }
    rules = _rules(document, file, agents)
    check_checked_places(document, rules, agents)
    return TeamConfig(
        file=file,
        rules=rules,
        agents=agents,
        scripts=scripts,
        folder=str(folder.absolute()),
        path=str(document.path.absolute()) if document.path.is_file() else "",
    )


def _shared(document: Document, file: TeamFile) -> tuple[SharedEntry, ...]:
    """The shared folders, each by its whole path."""
    here = document.path.parent.absolute()
    entries: list[SharedEntry] = []
    for number, entry in enumerate(file.shared_entries):
        try:
            path = here / expanded(entry.path)
        except ValueError as error:
            raise document.error(("shared", number), str(error)) from None
        entries.append(msgspec.structs.replace(entry, path=str(path)))
    return tuple(entries)


def with_attached(config: TeamConfig, sources: Sequence[str]) -> TeamConfig:
    """The same team with more files to go with the question; paths are from here."""
    more = tuple(placed(source, Path.cwd()) for source in sources)
    file = msgspec.structs.replace(config.file, attach=(*config.file.attach, *more))
    return msgspec.structs.replace(config, file=file)


def _spell_out_rule(document: Document) -> None:
    voting = value_at(document, ("voting",))
    if isinstance(voting, dict) and voting.get("rule") is not None:
        try:
            voting["rule"] = cast("Any", spelled_out(voting["rule"]))
        except ConfigInvalid as error:
            raise document.error(("voting", "rule"), str(error)) from None


def _filled(
    document: Document, defaults: AgentSettings, number: int, entry: AgentEntry
) -> AgentEntry:
    """Let ``defaults`` speak where the agent is silent."""
    fields = value_at(document, ("agents", number))
    assert isinstance(fields, dict)
    silent = {
        name: getattr(defaults, name)
        for name in AgentSettings.__struct_fields__
        if name not in fields
    }
    entry = msgspec.structs.replace(entry, **silent)
    at = ("agents", number)
    if entry.ca_file is not None:
        place = document.path.parent / _path(document, at, "ca_file", entry.ca_file)
        entry = msgspec.structs.replace(entry, ca_file=str(place.absolute()))
    if isinstance(entry.system, TextFile):
        text = _text_of(document, at, entry.system)
        entry = msgspec.structs.replace(entry, system=text)
    if entry.workspace is not None:
        place = _path(document, at, "workspace", entry.workspace)
        entry = msgspec.structs.replace(entry, workspace=str(place))
    if entry.skill_folders:
        folders = (_path(document, at, "skill_folders", x) for x in entry.skill_folders)
        here = document.path.parent.absolute()
        entry = msgspec.structs.replace(
            entry, skill_folders=tuple(str(here / folder) for folder in folders)
        )
    _check_variables(document, at, entry)
    return with_backend(entry)


def _path(document: Document, at: Where, key: str, written: str) -> Path:
    """A path of the file, its home folder and variables filled in."""
    try:
        return Path(expanded(written))
    except ValueError as error:
        raise document.error(said_at(document, at, key), str(error)) from None


def _check_variables(document: Document, at: Where, entry: AgentEntry) -> None:
    """Refuse variables where nothing fills them in, and they would be taken as said."""
    plain = ("model", "base_url", "region", "project", "resource", "api_key_env")
    named = [(key, getattr(entry, key, None) or "", False) for key in plain]
    named += [("fallback", model, False) for model in entry.fallback]
    named.append(("system", entry.instructions, True))
    for key, text, is_whole in named:
        name = variable_in(text, is_whole=is_whole)
        if name is not None:
            raise document.error(
                said_at(document, at, key),
                f"{name} is not filled in here and would be taken as it stands; write "
                "the value itself",
            )


def _text_of(document: Document, at: Where, text_file: TextFile) -> str:
    """The text of a file that an agent's ``system`` names."""
    where = (*said_at(document, at, "system"), "file")
    try:
        path = document.path.parent / expanded(text_file.file)
        return path.read_text(encoding="utf-8-sig").strip()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise document.error(
            where, f"{text_file.file!r} cannot be read: {why}"
        ) from None


def _script(
    document: Document, where: Where, script: str | JsonObject | None
) -> Script:
    if isinstance(script, str):
        try:
            source = read(document.path.parent / expanded(script))
        except ValueError as error:
            if isinstance(error, ConfigInvalid):
                raise
            raise document.error(where, str(error)) from None
        where = ()
    else:
        source = document
    try:
        return parse_script(value_at(source, where))
    except ScriptInvalid as error:
        raise source.error((*where, *steps(error.path)), error.problem) from None


def steps(path: str) -> Where:
    """Take ``turns[0].lines[2]`` apart."""
    steps: list[str | int] = []
    for part in path.replace("[", ".[").split("."):
        is_index = part.startswith("[") and part.endswith("]")
        if part:
            steps.append(int(part[1:-1]) if is_index else part)
    return tuple(steps)


def _rules(document: Document, file: TeamFile, agents: tuple[AgentEntry, ...]) -> Rules:
    settings: dict[str, Any] = {
        name: value
        for section in (file.voting, file.limits)
        for name, value in msgspec.structs.asdict(section).items()
        if value is not msgspec.UNSET
    }
    for name in TOP:
        if getattr(file, name) is not None:
            settings[name] = getattr(file, name)
    budgets = {
        agent.id: Budget(tokens=agent.budget_tokens, usd=agent.budget_usd)
        for agent in agents
    }
    settings["budgets"] = {
        name: own for name, own in budgets.items() if own != Budget()
    }
    for voter in settings.get("weights", {}):
        if voter not in {agent.id for agent in file.agents}:
            problem = f"{voter!r} is not in the team; name one of its agents"
            raise document.error(("voting", "weights", voter), problem)
    if file.records:
        if "weights" in settings:
            problem = "weights are given, or learned from records; leave one out"
            raise document.error(("voting", "weights"), problem)
        settings["weights"] = _learned(document, file, agents)
    try:
        return Rules(**settings)
    except ConfigInvalid as error:
        raise document.error(_place_of(error.key), error.problem) from None


def _place_of(setting: str) -> Where:
    """Where a setting stands; contradictions are told where most settings stand."""
    if setting in TOP:
        return (setting,)
    section = "limits" if setting in LIMITS else "voting"
    return (section, setting) if setting else (section,)


def _learned(
    document: Document, file: TeamFile, agents: tuple[AgentEntry, ...]
) -> dict[str, float]:
    """The weights that follow from the team's records."""
    ids = {agent.id for agent in file.agents}
    for voter in file.records:
        if voter not in ids:
            problem = f"{voter!r} is not in the team; name one of its agents"
            raise document.error(("records", voter), problem)
    records = {AgentId(voter): record for voter, record in file.records.items()}
    models = {AgentId(agent.id): agent.model or "" for agent in agents}
    try:
        learned = learned_weights(records, options=max(2, len(ids)), models=models)
    except ValueError as error:
        raise document.error(("records",), str(error)) from None
    return {str(voter): weight for voter, weight in learned.items()}
