"""Commands for people who come from MassGen: convert, and what ``run`` does instead."""

from __future__ import annotations

import sys
from pathlib import Path

from coordinator.cli.error_report import at_the_boundary
from coordinator.cli.exit_codes import Exit, complain
from coordinator.cli.output_files import check_output
from coordinator.cli.validate import validate_command
from coordinator.errors import ConfigInvalid
from coordinator.massgen.configuration import is_configuration, read_configuration
from coordinator.massgen.conversion import convert, team_of, unsupported
from coordinator.massgen.team_file import team_file

_EXAMPLES = """\
coordinator run --demo                          a built-in team; no key, no network
coordinator run --emulate "Why?"                three agents of a pretended API
coordinator run -c FILE.yaml --emulate "Why?"   any team file, or MassGen's
coordinator run -c @examples/NAME "Why?"        an example of MassGen's own package
"""


def instead_of_run(config: Path | None, in_place: str | None) -> int:
    """Carry out ``run --validate`` or ``run --list-examples``; the exit code."""
    if config is None:
        sys.stdout.write(_EXAMPLES)
        return Exit.ANSWERED
    return validate_command([config], is_json=False, in_place=in_place)


def convert_command(path: Path, output: Path | None, in_place: str | None) -> int:
    """Write a configuration as a team file; the exit code."""
    return at_the_boundary(lambda: _convert(path, output, in_place))


def _convert(path: Path, output: Path | None, in_place: str | None) -> int:
    check_output(output, "--output")
    if not is_configuration(path):
        document = read_configuration(path)
        raise document.error((), "is no MassGen configuration; name one")
    converted = convert(read_configuration(path), None, in_place)
    try:
        team_of(converted)
    except ConfigInvalid:
        if converted.refusals:
            raise
        # A variable of theirs that a team file fills in nowhere: said, and left to do.
    text = team_file(converted)
    if output is None:
        sys.stdout.write(text)
        return Exit.ANSWERED
    if output.exists():
        raise ConfigInvalid(f"{output} is there already; name another file")
    output.write_text(text, "utf-8")
    left = len(unsupported(converted.rows))
    losses = f"; {left} keys could not be taken over" if left else ""
    complain(f"{output} is written{losses}; see coordinator validate {path}")
    return Exit.ANSWERED
