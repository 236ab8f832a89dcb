"""The team of a scenario, made; what it names and cannot be had is told by its line.

Reading a file imports nothing. Tools, checks, types and judges that a scenario names
are imported when it is played, or checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from coordinator.errors import ConfigInvalid
from coordinator.team.builder import assemble
from coordinator.team.function_tools import imported
from coordinator.team.yaml_document import Document, read, value_at

if TYPE_CHECKING:
    from coordinator.scenarios.reader import Scenario
    from coordinator.team.team import Team
    from coordinator.team.team_file_schema import TeamConfig
    from coordinator.team.yaml_document import Where

_QUOTED = re.compile(r"'([^']+)'")


def assembled(
    scenario: Scenario, config: TeamConfig | None = None, *, is_kept: bool = False
) -> Team:
    """Make the team of a scenario.

    Args:
        scenario: One that has been read.
        config: Instead of its own; the same agents with other backends.
        is_kept: Whether a journal may be kept of it.

    Raises:
        ConfigInvalid: A tool, a check or a type cannot be had; with file and line.
    """
    try:
        return assemble(config or scenario.config, environment={}, is_kept=is_kept)
    except ConfigInvalid as error:
        raise _placed(scenario, str(error)) from error


def missing(scenario: Scenario) -> Iterator[str]:
    """All that a scenario names and cannot be had, each with file and line."""
    try:
        assembled(scenario)
    except ConfigInvalid as error:
        yield str(error)
    if (judge := scenario.file.judge) is not None:
        try:
            imported(judge, scenario.config.folder)
        except (ImportError, AttributeError, ValueError) as error:
            problem = f"judge {judge!r} cannot be used: {error}"
            yield str(_placed(scenario, problem))


def _placed(scenario: Scenario, problem: str) -> ConfigInvalid:
    """The error with the line in which what it quotes stands, where there is one."""
    try:
        document = read(scenario.path)
    except ConfigInvalid:
        return ConfigInvalid(f"{scenario.path}: {problem}", path=scenario.path)
    return document.error(_where(document, _QUOTED.findall(problem)), problem)


def _where(document: Document, words: list[str]) -> Where:
    for word in sorted(words, key=len, reverse=True):
        for where in document.lines:
            if value_at(document, where) == word:
                return where
    return ()
