"""Draws a run of ours with MassGen's own displays; by an environment that has it.

``python massgen_display_program.py FOLDERS DISPLAY FILE`` takes the folders that our
package and what it needs are in, joined as PATH is, and writes the outcome to ``FILE``
as JSON. Everything of MassGen's is of 0.1.97.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

# Behind MassGen's own: what both have comes from its environment.
sys.path += sys.argv[1].split(os.pathsep)


def _theirs(module: str, name: str) -> Any:
    return getattr(import_module(f"massgen.{module}"), name)


async def _main(display: str) -> dict[str, Any]:
    from coordinator import load_team  # noqa: PLC0415  (behind the path above)
    from coordinator.massgen import Orchestrator  # noqa: PLC0415
    from coordinator.team.reader import DEMO  # noqa: PLC0415

    _theirs("logger_config", "setup_logging")()  # as its command line does
    ui = _theirs("frontend.coordination_ui", "CoordinationUI")
    async with load_team(DEMO) as team:
        orchestrator = Orchestrator(agents=team)
        drawn = ui(display_type=display, logging_enabled=False)
        answer = await drawn.coordinate(orchestrator, "Which city is it?")
    return {
        "answer": answer,
        "status": orchestrator.get_status(),
        "result": orchestrator.get_coordination_result(),
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as _folder:
        os.chdir(_folder)  # it keeps logs where it is
        told = asyncio.run(_main(sys.argv[2]))
        Path(sys.argv[3]).write_text(json.dumps(told))
        os.chdir("/")
