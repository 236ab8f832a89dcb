"""Reads scenario files, and finds them in folders.

What is wrong in one is said as for a team file: file, line, key, value, way out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path

import msgspec

from coordinator.errors import ConfigInvalid
from coordinator.scenarios.facts import KINDS, kind_of
from coordinator.scenarios.schema import DEEDS, Expected, ScenarioFile
from coordinator.team.reader import TeamConfig, read_document
from coordinator.team.yaml_document import Document, Where, parse, read


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario that has been read."""

    path: Path
    name: str
    """The sentence it proves."""
    file: ScenarioFile
    config: TeamConfig

    @property
    def question(self) -> str:
        """What the team is asked."""
        return self.file.question or "What shall it be?"


def read_scenario(path: Path) -> Scenario:
    """Read a scenario file.

    Raises:
        ConfigInvalid: With file, line, key, value and the way out.
    """
    return _scenario(read(path), path.read_text(encoding="utf-8-sig"))


def parse_scenario(text: str, path: Path) -> Scenario:
    """Read a scenario from text; ``path`` is its name in errors.

    Raises:
        ConfigInvalid: With file, line, key, value and the way out.
    """
    return _scenario(parse(text, path), text)


def find_scenarios(paths: Iterable[Path]) -> Iterator[Path]:
    """The files named, and in folders all that say what they expect.

    Raises:
        ConfigInvalid: A path does not exist, or a folder holds no scenario.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = [file for file in sorted(path.rglob("*.yaml")) if _has_outcome(file)]
        if not found:
            raise ConfigInvalid(f"{path}: holds no scenario; name another folder")
        yield from found


def _has_outcome(path: Path) -> bool:
    # Team files live beside scenarios. A cheap look, so that a broken file is a
    # scenario and its error is told.
    text = path.read_text(encoding="utf-8", errors="replace")
    return any(line.startswith("expect:") for line in text.splitlines())


def _scenario(document: Document, text: str) -> Scenario:
    first = text.partition("\n")[0]
    if not first.startswith("#") or not first.strip("# "):
        problem = "begin with the sentence that the scenario proves: '# Late votes …'"
        raise document.error((), problem)
    config = read_document(document, ScenarioFile)
    file = config.file
    assert isinstance(file, ScenarioFile)
    _check_agents(document, config)
    _check_people(document, config, file)
    _check_names(document, config, file.expect)
    _check_steps(document, file.expect)
    name = first.strip("# ").rstrip(".")
    return Scenario(path=document.path, name=name, file=file, config=config)


def _check_agents(document: Document, config: TeamConfig) -> None:
    for number, entry in enumerate(config.agents):
        if entry.backend == "claude":
            problem = "a scenario's agents play scripts; add 'script:'"
            raise document.error(("agents", number), problem)


def _check_people(document: Document, config: TeamConfig, file: ScenarioFile) -> None:
    for number, deed in enumerate(file.people):
        where: Where = ("people", number)
        done = [name for name in DEEDS if getattr(deed, name) is not msgspec.UNSET]
        if len(done) != 1:
            problem = f"give exactly one of {', '.join(DEEDS)}"
            raise document.error(where, problem)
        if isinstance(deed.stop, str):
            _check_agent(document, config, (*where, "stop"), deed.stop)
        if done[0] in ("answer", "vote"):
            if deed.by is None:
                problem = f"whose {done[0]} is it? Add 'by:' and an agent"
                raise document.error(where, problem)
            _check_agent(document, config, (*where, "by"), deed.by)


def _check_names(document: Document, config: TeamConfig, expect: Expected) -> None:
    if isinstance(expect.winner, str):
        _check_agent(document, config, ("expect", "winner"), expect.winner)
    for key in ("answers", "votes", "cancelled", "out", "turns"):
        said = getattr(expect, key)
        if said is msgspec.UNSET:
            continue
        for agent in said:
            _check_agent(document, config, ("expect", key, agent), agent)
        if key == "votes":
            for voter, choice in said.items():
                if choice is not None:
                    where = ("expect", key, voter)
                    _check_agent(document, config, where, choice)


def _check_agent(
    document: Document, config: TeamConfig, where: Where, agent: str
) -> None:
    ids = [entry.id for entry in config.agents]
    if agent not in ids:
        near = get_close_matches(agent, ids, 1)
        way_out = f"did you mean {near[0]!r}?" if near else f"name {', '.join(ids)}"
        raise document.error(where, f"no agent is called {agent!r}; {way_out}")


def _check_steps(document: Document, expect: Expected) -> None:
    for key in ("order", "never"):
        for number, step in enumerate(getattr(expect, key)):
            if not kind_of(step):
                problem = f"give exactly one of {', '.join(KINDS)}"
                raise document.error(("expect", key, number), problem)
