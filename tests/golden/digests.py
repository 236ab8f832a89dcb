"""Digests of all that a set of scenarios says: requests, frames and journals, in bytes.

    python tests/golden/digests.py FILE.json      # plays every scenario and writes them

Two such files from two commits show whether a move of code has changed a byte. Over
HTTP time is real, so a few scenarios order their requests by chance; each agent's own
are digested by themselves, and two files of one commit show which those are.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast
from unittest import mock

import anyio
import msgspec

import agents.emulator as emulator_room
from agents.emulator.server import Recorded
from coordinator.journal.framing import Kind
from coordinator.journal.reader import read_session
from coordinator.scenarios import runner
from coordinator.scenarios.reader import Scenario, read_scenario
from coordinator.session.session import open_session
from coordinator.simulation.virtual_time import Runtime, seeded_schedule, virtual

SCENARIOS = Path(__file__).parents[2] / "scenarios"
STARTED = "2026-11-30T00:00:00Z"


def _token_hex(size: int) -> str:
    return "5e" * size


def _digest(*parts: bytes) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()[:16]


def _plain(payload: bytes) -> bytes:
    """A first record without what differs from run to run and version to version."""
    data = msgspec.json.decode(payload)
    for name in ("started", "library"):
        data.pop(name, None)
    return msgspec.json.encode(data, order="sorted")


async def _journal_of(scenario: Scenario, root: Path) -> dict[str, str]:
    async with (
        runner.scenario_team(
            scenario, "process", runner.seed_of(scenario, None)
        ) as team,
        open_session(
            scenario.question,
            team,
            journal=root,
            session_id="golden",
            durability="exit",
        ) as session,
    ):
        await session.wait()
    records = [
        (
            record.kind,
            _plain(record.payload) if record.kind == Kind.OPENED else record.payload,
        )
        for record in read_session(root, "golden").records
    ]
    frames = [payload for kind, payload in records if kind in {Kind.FRAME, Kind.FRAMES}]
    everything = [
        part for kind, payload in records for part in (bytes([kind]), payload)
    ]
    return {"frames": _digest(*frames), "journal": _digest(*everything)}


def journal_digests(path: Path, runtime: Runtime = "asyncio") -> dict[str, str]:
    """Play one scenario in virtual time; digests of its frames and its records."""
    scenario = read_scenario(path)
    with (
        tempfile.TemporaryDirectory() as root,
        seeded_schedule(0) if runtime == "trio" else nullcontext(),
        mock.patch.object(secrets, "token_hex", _token_hex),
    ):
        return anyio.run(
            _journal_of,
            scenario,
            Path(root),
            backend=runtime,
            backend_options=virtual(runtime),
        )


def request_digests(path: Path) -> dict[str, str]:
    """Play one scenario over real HTTP; a digest of each agent's request bodies."""
    seen: dict[str, list[bytes]] = {}
    serve = emulator_room.serve

    def note(recorded: Recorded) -> None:
        if recorded.body is not None:
            body = msgspec.json.encode(recorded.body)
            seen.setdefault(recorded.agent or "?", []).append(body)

    def noting(*args: Any, **options: Any) -> Any:
        return serve(*args, **options, on_answer=note)

    with (
        mock.patch.object(secrets, "token_hex", _token_hex),
        mock.patch.object(emulator_room, "serve", noting),
    ):
        runner.run_scenario(path, over="http")
    return {agent: _digest(*bodies) for agent, bodies in sorted(seen.items())}


def main(target: str) -> None:
    """Write the digests of every scenario."""
    said: dict[str, Any] = {}
    for path in sorted(SCENARIOS.rglob("*.yaml")):
        data = path.read_text("utf-8")
        if "\nexpect:" not in data:
            continue
        name = str(path.relative_to(SCENARIOS))
        said[name] = {**journal_digests(path), "trio": journal_digests(path, "trio")}
        if "--http" in sys.argv:
            said[name]["requests"] = request_digests(path)
    Path(target).write_text(json.dumps(cast("Any", said), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
