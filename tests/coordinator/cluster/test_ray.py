"""Sweeps and agents on a real Ray cluster of two nodes, and what goes wrong with them.

One module, and so one cluster: a node takes seconds to begin.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from agents.backends.scripted.script import parse_script
from agents.emulator import serve
from agents.protocol.chunks import TextDelta
from coordinator.session.session import open_session
from coordinator.sweep.driver import Progress
from coordinator.sweep.questions import Question
from coordinator.sweep.store import read_outcomes
from coordinator.sweep.sweep import SweepOptions, sweep
from coordinator.team.builder import assemble
from coordinator.team.reader import parse_team
from coordinator.team.schema import TeamConfig

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None,
        reason="the extra [ray] is not installed; .ci/run tries it by itself",
    ),
    pytest.mark.real_time,
    pytest.mark.long,
]

ON_ASYNCIO = pytest.mark.parametrize("anyio_backend", [("asyncio", {})])
"""Of what takes many seconds; a sweep on trio is the first test's."""

FAR = "place: {on: ray, resources: {far: 1}, labels: {zone: far}}"


def _team(delay_s: float = 0.0, place: str = "") -> TeamConfig:
    return parse_team(_text(delay_s, place), Path("team.yaml"))


def _text(delay_s: float, place: str) -> str:
    script = (
        f'{{turns: [{{when: {{task: draft}}, lines: [{{thinking: "Well,"}}, '
        f'{{delay_s: {delay_s}, answer: "The answer is 41"}}]}},'
        f'{{when: {{task: review}}, repeat: true, lines: [{{vote: "41"}}]}},'
        f'{{when: {{task: present}}, lines: [{{text: "It is 41"}}]}}]}}'
    )
    places = {"ada": place, "bob": ""}
    lines = (
        f"  - {{id: {name}, script: {script}{', ' + far if far else ''}}}"
        for name, far in places.items()
    )
    return "agents:\n" + "\n".join(lines)


def _options(team: TeamConfig, out: Path, count: int, **said: Any) -> SweepOptions:
    questions = [
        Question(id=f"q{n}", question=f"What is {n}?", reference=("41",))
        for n in range(count)
    ]
    return SweepOptions(
        questions=questions, teams={"team": team}, out=out, on="ray", **said
    )


def _when(done: int, call: Callable[[], object]) -> Callable[[Progress], None]:
    """Call ``call`` once, when so many sessions are done."""
    calls = [call]

    def watch(progress: Progress) -> None:
        if progress.done >= done and calls:
            calls.pop()()

    return watch


@pytest.mark.usefixtures("two_nodes")
async def test_a_sweep_runs_on_both_nodes(tmp_path: Path) -> None:
    seen: list[Progress] = []
    with anyio.fail_after(60):
        report = await sweep(_options(_team(), tmp_path, 40), watch=seen.append)
    assert [one.is_right for one in report.outcomes] == [True] * 40
    # A node has two cores, and the last worker may come when all is done.
    assert max(progress.workers for progress in seen) >= 3


@ON_ASYNCIO
async def test_a_killed_worker_costs_its_unfinished_sessions_alone(
    two_nodes: Any, tmp_path: Path
) -> None:
    seen: list[Progress] = []
    kill = _when(4, lambda: two_nodes.kill("Host"))

    def watch(progress: Progress) -> None:
        seen.append(progress)
        kill(progress)

    options = _options(_team(delay_s=0.3), tmp_path, 16, workers=2, concurrency=4)
    with anyio.fail_after(60):
        report = await sweep(options, watch=watch)
    assert [one.is_right for one in report.outcomes] == [True] * 16
    assert seen[-1].workers_lost == 1
    assert any(one.is_resumed for one in report.outcomes)


@pytest.mark.usefixtures("two_nodes")
async def test_an_agent_lives_on_the_other_node(tmp_path: Path) -> None:
    team = assemble(_team(place=FAR))
    with anyio.fail_after(60):
        async with open_session("What?", team, journal=tmp_path) as session:
            chunks = [chunk async for chunk in session]
            result = await session.wait()
    assert result.agents["ada"].status == "done"
    said = [(chunk.turn, chunk.seq) for chunk in chunks if chunk.agent == "ada"]
    assert said == sorted(set(said))


@pytest.mark.parametrize("anyio_backend", [("trio", {})])
async def test_an_agent_whose_process_is_killed_goes_on_in_another(
    two_nodes: Any,
) -> None:
    team = assemble(_team(delay_s=1.0, place=FAR))
    seen: list[tuple[int, int]] = []
    with anyio.fail_after(60):
        async with open_session("What?", team) as session:
            async for chunk in session:
                if chunk.agent == "ada":
                    seen.append((chunk.turn, chunk.seq))
                    if type(chunk).__name__ == "ThinkingDelta" and len(seen) < 9:
                        two_nodes.kill("AgentHost")
            result = await session.wait()
    assert result.agents["ada"].status == "done"
    assert seen == sorted(set(seen))


async def test_cancel_reaches_the_remote_socket_and_no_key_is_written_anywhere(
    two_nodes: Any, tmp_path: Path
) -> None:
    lines = [{"text": "word " * 2_000, "rate": 20}]
    script = parse_script({"turns": [{"repeat": True, "lines": lines}]})
    slow = "{turns: [{lines: [{delay_s: 600, answer: '41'}]}]}"
    async with serve(script, keys={"ada": two_nodes.canary}) as server:
        text = (
            f"agents:\n  - {{id: bob, script: {slow}}}\n"
            "  - {id: ada, model: claude-haiku-5-5, base_url: "
            f'"{server.base_url}", api_key_env: COORDINATOR_TEST_KEY, {FAR}}}\n'
        )
        team = assemble(parse_team(text, Path("team.yaml")), environment={})
        with anyio.fail_after(60):
            async with open_session("What?", team, journal=tmp_path) as session:
                async for chunk in session:
                    if isinstance(chunk, TextDelta):
                        break
                assert server.open_sockets == 1
                session.stop_agent("ada")
                await server.all_closed()
                assert session.result is None
    for folder in (two_nodes.logs, tmp_path):
        for path in folder.rglob("*"):
            if path.is_file():
                assert two_nodes.canary.encode() not in path.read_bytes(), path


def _words_of_the_page() -> list[str]:
    """What the room's README tells a reader to type."""
    page = Path(__file__).parents[3] / "coordinator" / "sweep" / "README.md"
    lines = page.read_text("utf-8").splitlines()
    return next(one.split() for one in lines if one.endswith("--on ray --out sweep"))


@ON_ASYNCIO
async def test_a_sweep_that_is_killed_takes_its_workers_with_it_and_is_gone_on_with(
    two_nodes: Any, tmp_path: Path
) -> None:
    words = _words_of_the_page()
    command = [sys.executable, "-m", "coordinator", *words[1:], "--concurrency", "4"]
    rows = [{"id": f"q{n}", "question": "?", "reference": "41"} for n in range(12)]
    (tmp_path / "questions.jsonl").write_bytes(
        b"\n".join(map(msgspec.json.encode, rows))
    )
    (tmp_path / "team.yaml").write_text(_text(0.5, ""))
    with anyio.fail_after(90):
        process = await anyio.open_process(command, cwd=tmp_path)
        results = tmp_path / "sweep" / "results.jsonl"
        while not results.exists() or not results.read_bytes():  # noqa: ASYNC110  (a file has no event)
            await anyio.sleep(0.02)
        process.kill()
        await process.wait()
        while two_nodes.pids("Host"):  # noqa: ASYNC110  (nor has a process of others)
            await anyio.sleep(0.05)
        again = await anyio.run_process(command, cwd=tmp_path, check=False)
    assert again.returncode == 0, again.stderr
    outcomes = read_outcomes(tmp_path / "sweep")
    assert [one.is_right for one in outcomes] == [True] * 12
    assert len(results.read_bytes().splitlines()) == 12


@ON_ASYNCIO
async def test_a_node_that_is_removed_costs_its_unfinished_sessions_alone(
    two_nodes: Any, tmp_path: Path
) -> None:
    node = two_nodes.cluster.add_node(num_cpus=2)
    remove = _when(6, lambda: two_nodes.cluster.remove_node(node, allow_graceful=False))
    options = _options(_team(delay_s=0.3), tmp_path, 24, concurrency=8)
    with anyio.fail_after(90):
        report = await sweep(options, watch=remove)
    assert [one.is_right for one in report.outcomes] == [True] * 24
