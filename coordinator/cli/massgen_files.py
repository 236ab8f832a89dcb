"""MassGen's configurations on the command line: where a team file may be named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator.cli.exit_codes import complain
from coordinator.consensus.rules import Rules
from coordinator.errors import ConfigInvalid
from coordinator.massgen.agent_kinds import KINDS, LACKING
from coordinator.massgen.configuration import is_configuration, read_configuration
from coordinator.massgen.conversion import (
    DISPLAYS,
    convert,
    read_massgen_team,
    unsupported,
)
from coordinator.massgen.custom_tools import package_folder
from coordinator.protocol.conversion import way_out
from coordinator.team.reader import read_team
from coordinator.team.team_file_schema import AgentEntry, TeamConfig, TeamFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coordinator.cli.run import RunOptions

EXAMPLES = "@examples/"
"""Before the name of a configuration that MassGen's own package ships."""


def read_team_file(path: Path, in_place: str | None = None) -> TeamConfig:
    """Read a team file of ours, or a MassGen configuration.

    Args:
        path: The file.
        in_place: A model for agents of a kind that is not here; for the latter alone.

    Raises:
        ConfigInvalid: It cannot be used, or ``in_place`` has nothing to stand in for.
    """
    if not is_configuration(path):
        if in_place is not None:
            raise ConfigInvalid(
                f"--as {in_place} is for agents of a MassGen configuration, and {path} "
                "is none; change 'model' there"
            )
        return read_team(path)
    config = read_massgen_team(path, in_place=in_place)
    left = unsupported(convert(read_configuration(path), None, in_place).rows)
    if left:
        keys = ", ".join(dict.fromkeys(row.key.rpartition(".")[2] for row in left[:4]))
        more = "" if len(left) <= 4 else f" and {len(left) - 4} more"
        complain(
            f"{path}: a MassGen configuration; not supported here: {keys}{more}; see "
            f"coordinator validate {path}"
        )
    return config


def as_configured(options: RunOptions) -> RunOptions:
    """The options, with what a MassGen configuration says of watching filled in.

    Raises:
        ConfigInvalid: An example is named that is not to be found.
    """
    config = options.config
    if config is None:
        return options
    if str(config).startswith(EXAMPLES):
        config = example(str(config).removeprefix(EXAMPLES))
        options = replace(options, config=config)
    if options.display is not None or options.is_json or not is_configuration(config):
        return options
    try:
        display = convert(read_configuration(config)).display
    except ConfigInvalid:
        return options  # whoever reads the team says why
    return replace(options, display=DISPLAYS.get(display or "", display))


def example(name: str) -> Path:
    """A configuration that MassGen's package ships, by part of its name.

    Raises:
        ConfigInvalid: The package is not installed here, or has none of that name.
    """
    package = package_folder()
    if package is None:
        raise ConfigInvalid(
            f"{EXAMPLES}{name} is a file of MassGen's own package, which is not "
            "installed here; give the path of the file"
        )
    root = package / "configs"
    paths = sorted(path for path in root.rglob("*.yaml") if name in str(path))
    exact = [path for path in paths if path.stem == name]
    if not paths:
        raise ConfigInvalid(
            f"MassGen ships no configuration {name!r}; see the files in {root}"
        )
    return (exact or paths)[0]


def team_of_kind(
    kind: str, models: Sequence[str], base_url: str | None = None
) -> TeamConfig:
    """A team of one agent for each model, of a kind of MassGen's: ``--backend``.

    Raises:
        ConfigInvalid: There is no such kind here.
    """
    entry = KINDS.get(kind)
    if entry is None:
        why = LACKING.get(kind)
        way = f": {why}" if why else way_out(kind, list(KINDS))
        raise ConfigInvalid(f"--backend {kind!r} is not here{way}")
    agents = tuple(
        AgentEntry(
            id=f"agent_{chr(ord('a') + number)}" if number < 26 else f"agent{number}",
            backend=entry.backend,
            server=entry.server,
            model=model,
            base_url=(base_url or entry.base_url or "").removesuffix(
                "/chat/completions"
            )
            or None,
            api_key_env=entry.keys[0] if entry.keys else None,
            provider=entry.provider or "anthropic",
        )
        for number, model in enumerate(models)
    )
    file = TeamFile(agents=agents)
    rules = Rules("massgen")
    return TeamConfig(file=file, rules=rules, agents=agents, scripts={})
