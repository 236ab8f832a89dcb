"""Which scenarios of which files are wanted, and what is wrong with the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from coordinator.errors import ConfigInvalid
from coordinator.scenarios.reader import (
    Scenario,
    find_scenarios,
    read_scenarios,
    sentence_of,
)
from coordinator.scenarios.report_files import Unusable
from coordinator.team.yaml_document import Plain


class Selection(NamedTuple):
    """The scenarios that were selected, and the files that cannot be used."""

    scenarios: tuple[Scenario, ...]
    unusable: tuple[Unusable, ...]


def select(
    paths: Iterable[Path],
    name: str = "",
    settings: Mapping[str, Plain] | None = None,
) -> Selection:
    """Read what is wanted, and only that; one bad file hides no other.

    Args:
        paths: Files, and folders that are searched.
        name: Part of the sentences or file names wanted, in any case.
        settings: Values to set in every file.

    Raises:
        ConfigInvalid: A folder holds no scenario, or nothing is wanted.
    """
    wanted = name.casefold()
    scenarios: list[Scenario] = []
    unusable: list[Unusable] = []
    for path in {path.resolve(): path for path in find_scenarios(paths)}.values():
        if wanted and not _may_hold(path, wanted):
            continue
        try:
            read = read_scenarios(path, settings)
        except ConfigInvalid as error:
            unusable.append(Unusable(path, str(error)))
            continue
        scenarios += [
            one
            for one in read
            if wanted in one.name.casefold() or wanted in path.stem.casefold()
        ]
    if not scenarios and not unusable:
        raise ConfigInvalid(
            f"no scenario's name contains {name!r}; try a shorter part of it"
            if name
            else "no scenario was named; give a file or a folder, e.g. scenarios"
        )
    return Selection(tuple(scenarios), tuple(unusable))


def _may_hold(path: Path, wanted: str) -> bool:
    """Whether a file may hold a scenario of that name, by a look at its text."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True  # reading it says what is wrong
    if wanted in path.stem.casefold() or wanted in sentence_of(text)[0].casefold():
        return True
    # What tells scenarios of a matrix apart stands in it.
    return any(line.startswith("matrix:") for line in text.splitlines()) and any(
        word in text.casefold() for word in wanted.split()
    )
