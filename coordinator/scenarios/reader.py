"""Reads scenario files, and finds them in folders.

What is wrong in one is said as for a team file, with file, line, key, value and way
out; and all of it at once, so that a file is mended in one go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import cast

import msgspec

from coordinator.errors import ConfigInvalid
from coordinator.scenarios.expansion import Variant, variants
from coordinator.scenarios.schema import ScenarioFile
from coordinator.scenarios.sentence import is_scenario, sentence_of
from coordinator.scenarios.validation import faults
from coordinator.simulation.virtual_time import Runtime
from coordinator.team.reader import FAULTS_TOLD, read_once, without
from coordinator.team.team_file_schema import AgentEntry, TeamConfig
from coordinator.team.yaml_document import (
    Document,
    Misplaced,
    Plain,
    Where,
    parse,
    read,
)

NAME_DEFAULT = "What shall it be?"


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario that has been read."""

    path: Path
    name: str
    """The sentence it proves, with what tells it apart from others of its file."""
    file: ScenarioFile
    config: TeamConfig
    line: int = 1
    """Where the sentence stands."""
    runtime: Runtime | None = None
    """The only event loop it is for; ``None``: either."""
    models: dict[str, str] = {}
    """Agent → the model that its team file names, where a script stands in for it."""

    @property
    def question(self) -> str:
        """The team's question."""
        return self.file.question or NAME_DEFAULT


def read_scenario(path: Path) -> Scenario:
    """Read a file that holds one scenario.

    Raises:
        ConfigInvalid: It cannot be used, or holds several (``matrix``).
    """
    return _only(read_scenarios(path))


def read_scenarios(
    path: Path, settings: Mapping[str, Plain] | None = None
) -> tuple[Scenario, ...]:
    """Read every scenario of a file.

    Args:
        path: The file.
        settings: Values to set instead of the file's own; see
            :mod:`coordinator.scenarios.expansion`.

    Raises:
        ConfigInvalid: With file, line, key, value and the way out, of all faults.
    """
    document = read(path)
    return _scenarios(document, path.read_text(encoding="utf-8-sig"), settings or {})


def parse_scenario(text: str, path: Path) -> Scenario:
    """Read one scenario from text; ``path`` is its name in errors.

    Raises:
        ConfigInvalid: See :func:`read_scenarios`.
    """
    return _only(_scenarios(parse(text, path), text, {}))


def _only(scenarios: tuple[Scenario, ...]) -> Scenario:
    first, *more = scenarios
    if more:
        raise ConfigInvalid(
            f"{first.path}: its matrix makes {len(scenarios)} scenarios; use "
            "read_scenarios()"
        )
    return first


def find_scenarios(paths: Iterable[Path]) -> Iterator[Path]:
    """The files named, and in folders all that say what they expect.

    Raises:
        ConfigInvalid: A path does not exist, or a folder holds no scenario.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        files = [
            file
            for pattern in ("*.yaml", "*.yml")
            for file in path.rglob(pattern)
            if is_scenario(file)
        ]
        if not files:
            raise ConfigInvalid(f"{path}: holds no scenario; name another folder")
        yield from sorted(files)


def _scenarios(
    document: Document, text: str, settings: Mapping[str, Plain]
) -> tuple[Scenario, ...]:
    sentence, line = sentence_of(text)
    if not sentence:
        problem = "begin with the sentence that the scenario proves: '# Late votes …'"
        raise document.error((), problem)
    read_ones: list[Scenario] = []
    problems: dict[str, None] = {}
    for variant in variants(document, settings):
        try:
            read_ones.append(_scenario(variant, sentence, line))
        except ConfigInvalid as error:
            problems.update(dict.fromkeys(str(error).splitlines()))
    if problems:
        raise ConfigInvalid("\n".join(list(problems)[:FAULTS_TOLD]))
    return tuple(read_ones)


def _scenario(variant: Variant, sentence: str, line: int) -> Scenario:
    document = variant.document
    config, wrong = _read_whole(document)
    problems = [str(error) for error in wrong]
    file = config.file if config else None
    if config is not None and isinstance(file, ScenarioFile):
        # What is wrong in a mapping of which a key was left out follows from that.
        cut = [error.where[:-1] for error in wrong if len(error.where) > 2]
        problems += [
            str(document.error(where, problem))
            for where, problem in faults(config, file)
            if not any(where[: len(place)] == place for place in cut)
        ]
    if problems:
        raise ConfigInvalid("\n".join(problems))
    assert config is not None
    assert isinstance(file, ScenarioFile)
    config, models = _with_scripts(config)
    name = f"{sentence} [{variant.title}]" if variant.title else sentence
    return Scenario(
        path=document.path,
        name=name,
        file=file,
        config=config,
        line=line,
        runtime=variant.runtime,
        models=models,
    )


def _read_whole(document: Document) -> tuple[TeamConfig | None, list[Misplaced]]:
    """Read it; where it cannot be read, leave out what is wrong and look for more."""
    problems: list[Misplaced] = []
    left_out: list[Where] = []
    while len(problems) < FAULTS_TOLD:
        try:
            config = read_once(document, ScenarioFile)
        except Misplaced as error:
            if not any(_is_missed(error, place) for place in left_out):
                problems.append(error)
            left_out += [error.where[:end] for end in range(1, len(error.where) + 1)]
            cut = _with_status(document.data, error)
            if cut is None:
                cut = without(document.data, error.where)
            if cut is None or error.where in _NEEDED:
                return None, problems
            document = Document(document.path, cut, document.lines)
        else:
            return config, problems
    return None, problems


def _with_status(data: Plain, error: Misplaced) -> Plain:
    """``data`` with some end, where how it ends was the fault; ``None``: it was not.

    Every file needs a status, and without one nothing more could be said of it.
    """
    is_missing = error.where == ("expect",) and "'status' is missing" in str(error)
    if not (is_missing or error.where == ("expect", "status")):
        return None
    assert isinstance(data, dict)
    expect = cast("dict[str, Plain]", data["expect"])
    return {**data, "expect": {**expect, "status": "answered"}}


def _is_missed(error: Misplaced, cut: Where) -> bool:
    """Whether ``error`` says that there is not what was left out at ``cut``."""
    return error.where == cut[:-1] and f"key {cut[-1]!r} is missing" in str(error)


_NEEDED: tuple[Where, ...] = (("agents",), ("expect",))
"""Without these nothing more can be said of a file."""


def _with_scripts(config: TeamConfig) -> tuple[TeamConfig, dict[str, str]]:
    """Let scripts stand in for models; and which models those are."""
    models = {
        entry.id: entry.model
        for entry in config.agents
        if entry.backend == "claude" and entry.model
    }
    agents = tuple(map(_scripted, config.agents))
    return msgspec.structs.replace(config, agents=agents), models


def _scripted(entry: AgentEntry) -> AgentEntry:
    if entry.backend in ("scripted", "human"):
        return entry
    return msgspec.structs.replace(entry, backend="scripted", fallback=())
