"""``coordinator validate``: what is wrong with team and scenario files, all at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from agents.limits.model_retirement import retirement_notice
from agents.limits.pricing import cost_usd
from agents.protocol.chunks import Usage
from coordinator.cli.env_file import load_environment
from coordinator.cli.error_report import at_the_boundary
from coordinator.cli.exit_codes import Exit
from coordinator.cli.tool_output import tools_print_to_stderr
from coordinator.displays.sanitizer import clean
from coordinator.errors import ConfigInvalid
from coordinator.massgen.configuration import is_configuration
from coordinator.massgen.conversion import read_massgen_team
from coordinator.massgen.ledger import Row
from coordinator.massgen.validation import counts_of, table_of, text_of
from coordinator.scenarios.sentence import is_scenario
from coordinator.team.builder import assemble
from coordinator.team.emulation import NO_KEY
from coordinator.team.reader import read_team
from coordinator.team.team_file_schema import TeamConfig

_TOKEN = "authorization_token"  # noqa: S105  (the field's name)


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """The findings about one file."""

    file: str
    kind: str
    """``team``, ``scenario`` or ``massgen``."""
    summary: str = ""
    faults: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    """Reasons why it cannot run here and now, or one day will not."""
    keys: tuple[Row, ...] = ()
    """Of a MassGen configuration: what becomes of each key."""


def validate_command(
    files: Sequence[Path], *, is_json: bool, in_place: str | None = None
) -> int:
    """Check files and say what was seen; the exit code.

    Args:
        files: Files, and folders of them.
        is_json: Print one JSON array instead of lines.
        in_place: A model for agents of a kind that is not here; of MassGen's files.
    """
    return at_the_boundary(lambda: _validate(files, is_json=is_json, in_place=in_place))


def _validate(files: Sequence[Path], *, is_json: bool, in_place: str | None) -> int:
    load_environment(None)
    checked: list[Checked] = []
    for path in _files_below(files):
        checked.append(check_file(path, in_place))
        if not is_json:
            _tell(checked[-1])
    if is_json:
        sys.stdout.write(msgspec.json.encode(checked).decode() + "\n")
    elif len(checked) > 1:
        bad = sum(bool(each.faults) for each in checked)
        sys.stdout.write(f"{len(checked)} files, {bad} not usable\n")
    is_well = not any(each.faults for each in checked)
    return Exit.ANSWERED if is_well else Exit.CONFIGURATION


def _files_below(files: Sequence[Path]) -> Iterator[Path]:
    """Every file named, and those in folders.

    Raises:
        ConfigInvalid: None is, or a folder has none.
    """
    if not files:
        raise ConfigInvalid(
            "no file was named; give a team file: coordinator validate team.yaml"
        )
    for path in files:
        if not path.is_dir():
            yield path
            continue
        inside = sorted({*path.rglob("*.yaml"), *path.rglob("*.yml")})
        if not inside:
            raise ConfigInvalid(f"{path} has no .yaml file in it; name another folder")
        yield from inside


def check_file(path: Path, in_place: str | None = None) -> Checked:
    """Read one file, make its team without asking anybody, and say what was met."""
    kind = "scenario" if is_scenario(path) else "team"
    keys: tuple[Row, ...] = ()
    try:
        if kind == "team" and is_configuration(path):
            kind = "massgen"
            rows, problems = table_of(path, in_place)
            keys = tuple(rows)
            if problems:
                return Checked(
                    file=str(path), kind=kind, faults=tuple(problems), keys=keys
                )
        if kind == "scenario":
            from coordinator.scenarios.reader import (  # noqa: PLC0415  (seldom)
                read_scenarios,
            )

            scenarios = read_scenarios(path)
            first, *more = scenarios
            count = f"; {len(more) + 1} forms" if more else ""
            summary = f"{_summary(first.config)}{count}"
            return Checked(file=str(path), kind=kind, summary=summary)
        if kind == "massgen":
            config = read_massgen_team(path, in_place=in_place)
        else:
            config = read_team(path)
    except ConfigInvalid as error:
        problems = tuple(str(error).splitlines())
        return Checked(file=str(path), kind=kind, faults=problems, keys=keys)
    fault, notice = _team_faults(config)
    notices = (*((notice,) if notice else ()), *_of_models(config))
    faults = (f"{path}: {fault}",) if fault else ()
    return Checked(
        file=str(path),
        kind=kind,
        summary=_summary(config),
        faults=faults,
        notices=notices,
        keys=keys,
    )


def _team_faults(config: TeamConfig) -> tuple[str, str]:
    """The team's fault wherever it runs, and its fault here alone: keys."""
    with tools_print_to_stderr():
        try:
            assemble(config)
        except ConfigInvalid as here:
            try:
                assemble(_keyless(config), environment=NO_KEY)
            except ConfigInvalid as anywhere:
                return str(anywhere), ""
            return "", str(here)
    return "", ""


def _keyless(config: TeamConfig) -> TeamConfig:
    """The same team, asked at an address that wants no key."""
    key = next(iter(NO_KEY))
    agents = tuple(
        msgspec.structs.replace(
            entry,
            api_key_env=key,
            proxy=None,
            fallback=(),
            mcp_servers=tuple(
                {name: value for name, value in each.items() if name != _TOKEN}
                for each in entry.mcp_servers
            ),
        )
        if entry.backend not in {"human", "scripted"}
        else entry
        for entry in config.agents
    )
    return msgspec.structs.replace(config, agents=agents)


def _of_models(config: TeamConfig) -> Iterator[str]:
    """Warnings of models that retire, or whose price is unknown."""
    today = datetime.now(UTC).date()
    seen: set[str] = set()
    for entry in config.agents:
        for model in filter(None, (entry.model, *entry.fallback)):
            if model in seen or entry.backend != "claude":
                continue
            seen.add(model)
            if notice := retirement_notice(model, today):
                yield notice
            if cost_usd(model, Usage(input_tokens=1, output_tokens=1)) is None:
                yield (
                    f"model {model!r} has no price in this version's data; is it "
                    "spelt right? see: coordinator models"
                )


def _summary(config: TeamConfig) -> str:
    rules, limits = config.rules, config.rules.limits
    kinds = dict.fromkeys(entry.model or entry.backend for entry in config.agents)
    count = len(config.agents)
    parts = [
        f"{count} agent{'' if count == 1 else 's'} ({', '.join(map(str, kinds))})",
        f"policy {rules.policy}, rule {rules.voting.rule.name}",
        f"deadline {limits.deadline_s:g} s",
    ]
    if limits.budget_usd is not None:
        parts.append(f"budget {limits.budget_usd:g} USD")
    return "; ".join(parts)


def _tell(checked: Checked) -> None:
    if checked.keys:
        for line in text_of(checked.keys):
            sys.stdout.write(f"{clean(line)}\n")
        sys.stdout.write(f"{counts_of(checked.keys)}\n")
    for fault in checked.faults:
        sys.stdout.write(f"{clean(fault)}\n")
    if not checked.faults:
        sys.stdout.write(f"{checked.file}: usable: {checked.summary}\n")
    for notice in checked.notices:
        sys.stdout.write(f"  notice: {clean(notice)}\n")
