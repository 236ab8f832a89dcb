"""The example files that travel with the package: teams to copy, rules to look up.

In a checkout they are the folder ``scenarios`` beside the packages; in a wheel they are
``example_files`` in this room (``force-include`` in ``pyproject.toml``).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from coordinator.errors import ConfigInvalid
from coordinator.scenarios.sentence import sentence_of

_HERE = Path(__file__).parent
_PLACES = (_HERE / "example_files", _HERE.parent.parent / "scenarios")
RULES = "rules"
"""The folder of files that prove one rule each; there are many of them."""


class Example(NamedTuple):
    """One file."""

    name: str
    """Its path in the folder without the suffix: ``capabilities/web_search``."""
    path: Path
    sentence: str
    """The sentence of its first comment."""

    @property
    def folder(self) -> str:
        """Where it is; empty for those at the top."""
        return self.name.rpartition("/")[0]


def examples_folder() -> Path:
    """Where the files are.

    Raises:
        ConfigInvalid: They were not installed.
    """
    for place in _PLACES:
        if (place / "README.md").is_file():
            return place
    raise ConfigInvalid(
        "the examples were not installed with this package; they are in the folder "
        "'scenarios' of its source"
    )


def examples() -> list[Example]:
    """Every file, those at the top first; rules last.

    Raises:
        ConfigInvalid: They were not installed.
    """
    root = examples_folder()
    listed = [
        Example(
            path.relative_to(root).with_suffix("").as_posix(),
            path,
            sentence_of(path.read_text("utf-8"))[0],
        )
        for path in root.rglob("*.yaml")
        if _is_whole(path)
    ]
    return sorted(listed, key=lambda x: (x.folder == RULES, x.folder, x.name))


def _is_whole(path: Path) -> bool:
    """Whether it is a team or a scenario, and no part of one."""
    lines = path.read_text("utf-8").splitlines()
    return any(line.startswith(("agents:", "extends:")) for line in lines)
