"""MassGen's example configurations: each runs on the emulator, or is refused.

They are read where MassGen's own environment is, see ``test_massgen_agents``. MCP
servers are not started (npx would download them), commands run without a sandbox's
check, and variables that their users set are set to something.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import anyio
import msgspec
import pytest

from coordinator import Result, run
from coordinator.errors import ConfigInvalid
from coordinator.massgen.configuration import is_configuration, read_configuration
from coordinator.massgen.conversion import Converted, convert, team_of
from coordinator.team.emulation import at_work, to_emulate
from coordinator.team.team_file_schema import TeamConfig
from tests.end_to_end.test_massgen_agents import PYTHON

PATIENCE_S = 120.0

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.long,
    pytest.mark.skipif(
        not PYTHON,
        reason="NO MASSGEN: run `coordinator bench --peers massgen` once, or name the "
        "Python of its environment in COORDINATOR_TEST_MASSGEN",
    ),
]


def examples() -> list[Path]:
    """Every configuration that the release ships."""
    where = "import massgen, pathlib; print(pathlib.Path(massgen.__file__).parent)"
    command = [PYTHON, "-c", where]
    done = subprocess.run(command, check=True, capture_output=True)  # noqa: S603  (the Python that was named)
    root = Path(done.stdout.decode().strip().splitlines()[-1]) / "configs"
    found = sorted({*root.rglob("*.yaml"), *root.rglob("*.yml")})
    return [path for path in found if is_configuration(path)]


class _Environment(Mapping[str, str]):
    """Every variable is set."""

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: str) -> str:
        return "https://example.invalid/v1" if key.endswith("_URL") else "something"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def converted(path: Path) -> Converted:
    return convert(read_configuration(path), _Environment())


def playable(config: TeamConfig) -> TeamConfig:
    """The same team without a network: no servers or files of others, no sandbox."""
    agents = tuple(
        msgspec.structs.replace(entry, mcp=(), sandbox="off") for entry in config.agents
    )
    file = msgspec.structs.replace(config.file, attach=())
    return msgspec.structs.replace(config, agents=agents, file=file)


@pytest.mark.parametrize("anyio_backend", [("asyncio", {})])
async def test_every_example_runs_or_is_refused_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    paths = examples()
    monkeypatch.chdir(tmp_path)
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for path in paths:
        made = converted(path)
        if made.refusals:
            counts[made.refusals[0].reason] += 1
            continue
        missing: list[str] = []
        result: Result | None = None
        try:
            config = to_emulate(playable(team_of(made)))
            with anyio.fail_after(PATIENCE_S):
                async with at_work(config) as team:
                    result = await run("What is worth measuring?", team)
        except* ConfigInvalid as group:
            missing = [str(each) for each in group.exceptions]
        if missing:
            is_import = all("No module named" in each for each in missing)
            counts["custom tools that import what is not installed"] += is_import
            wrong += [] if is_import else missing
            continue
        assert result is not None
        if result.status != "answered":
            errors = {agent.error for agent in result.agents.values() if agent.error}
            wrong.append(f"{path.name}: {result.status}: {errors or result.detail}")
        failed = [f"{n}: {a.error}" for n, a in result.agents.items() if a.error]
        if failed:
            wrong.append(f"{path.name}: {failed}")
        counts["answered"] += 1
    assert not wrong, "\n".join(wrong)
    assert dict(counts) == COUNTS


COUNTS = {
    "answered": 154,
    "agents of kind claude_code": 36,
    "custom tools that need MassGen's package": 31,
    "custom tools without a file": 22,
    "agents of kind codex": 10,
    "agents of kind ag2": 7,
    "agents of kind copilot": 2,
    "agents of kind gemini_cli": 2,
    "agents of kind antigravity_cli": 2,
    "folders that are not there": 6,
    "files that are not there": 2,
    "custom tools that import what is not installed": 1,
}
"""As the room's README has them."""
