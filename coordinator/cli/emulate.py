"""``coordinator emulate``: a model on this machine, for tests and work offline."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import anyio

from agents.backends.scripted.script import Script, ScriptInvalid, parse_scripts
from agents.emulator import sample_script, serve
from coordinator.cli.exit_codes import Exit, complain
from coordinator.cli.signals import received
from coordinator.errors import ConfigInvalid
from coordinator.team.reader import steps
from coordinator.team.yaml_document import read

PORT_MAX = 65_535


def emulate_command(script: Path | None, *, host: str, port: int, runtime: str) -> int:
    """Serve until Ctrl-C, which is how a server is meant to end."""
    if not 0 <= port <= PORT_MAX:
        complain(f"--port {port} is no port; give 0 to {PORT_MAX}")
        return Exit.CONFIGURATION
    code: int = Exit.ANSWERED
    try:
        scripts = sample_script() if script is None else read_scripts(script)
        anyio.run(_serve, scripts, host, port, backend=runtime)
    except* ConfigInvalid as group:
        complain(str(group.exceptions[0]))
        code = Exit.CONFIGURATION
    except* OSError as group:
        complain(f"cannot listen on {host}:{port}: {group.exceptions[0]}")
        code = Exit.CONFIGURATION
    return code


def read_scripts(path: Path) -> Script | Mapping[str, Script]:
    """Read a file of one script, or of several.

    Raises:
        ConfigInvalid: With file, line, key, value and the way out.
    """
    document = read(path)
    try:
        return parse_scripts(document.data)
    except ScriptInvalid as error:
        raise document.error(steps(error.path), error.problem) from None


async def _serve(scripts: Script | Mapping[str, Script], host: str, port: int) -> None:
    with received(signal.SIGINT, signal.SIGTERM) as signals:
        async with serve(scripts, host=host, port=port) as server:
            sys.stdout.write(
                f"An emulated model listens at {server.base_url}\n"
                f"Use it:  export ANTHROPIC_BASE_URL={server.base_url}\n"
                '         coordinator run "Why?" --model claude-haiku-5-5\n'
                "Ctrl-C ends it.\n"
            )
            sys.stdout.flush()
            async for _ in signals:
                break
