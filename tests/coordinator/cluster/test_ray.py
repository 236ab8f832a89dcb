"""Sweeps and agents on a real Ray cluster of two nodes, and what goes wrong with them.

One module, and so one cluster: a node takes seconds to begin.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from anyio import to_thread
from anyio.streams.buffered import BufferedByteReceiveStream

from agents.backends.scripted.script import parse_script
from agents.emulator import serve
from agents.protocol.chunks import AgentFailed, TextDelta, ThinkingDelta
from coordinator.cluster import ray_wire
from coordinator.errors import ConfigInvalid
from coordinator.session.session import open_session
from coordinator.sweep import sweep as sweep_module
from coordinator.sweep.driver import Progress
from coordinator.sweep.questions import Question
from coordinator.sweep.store import read_outcomes
from coordinator.sweep.sweep import SweepOptions, sweep
from coordinator.team.builder import assemble
from coordinator.team.reader import parse_team
from coordinator.team.team_file_schema import TeamConfig
from tests.coordinator.cluster.conftest import STORE_BYTES

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None,
        reason="the extra [ray] is not installed; .ci/run tries it by itself",
    ),
    pytest.mark.real_time,
    pytest.mark.long,
    # Ray leaves the logs of its server for ray:// to the garbage collector (2.60).
    pytest.mark.filterwarnings(
        "ignore:unclosed file .*ray_client_server:ResourceWarning"
    ),
]

ON_ASYNCIO = pytest.mark.parametrize("anyio_backend", [("asyncio", {})])
"""Of what takes many seconds; a sweep on trio is the first test's."""

HANG_S = 240.0
"""A limit for hangs; nothing here is a measure of speed. How soon a loss is noticed is
measured by ``tests/bench/bench_many_sessions.py``."""

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


def _asking(base_url: str) -> str:
    """A team whose one agent asks an API from the other node, with that node's key."""
    return (
        f'agents:\n  - {{id: ada, model: claude-haiku-5-5, base_url: "{base_url}", '
        f"api_key_env: COORDINATOR_TEST_KEY, {FAR}}}\n"
    )


def _options(team: TeamConfig, out: Path, count: int, **said: Any) -> SweepOptions:
    questions = [
        Question(id=f"q{n}", question=f"What is {n}?", reference=("41",))
        for n in range(count)
    ]
    return SweepOptions(
        questions=questions, teams={"team": team}, out=out, on="ray", **said
    )


async def test_a_sweep_runs_on_both_nodes(two_nodes: Any, tmp_path: Path) -> None:
    # More sessions than any worker does while the others begin, however long that
    # takes: the sweep is left as soon as all four run some, two on each node.
    options = _options(_team(delay_s=0.2), tmp_path, 2_000, concurrency=4)
    nodes: set[int] = set()
    with anyio.fail_after(HANG_S), anyio.CancelScope() as scope:

        def watch(progress: Progress) -> None:
            if progress.workers == progress.running == 4 and progress.done >= 8:
                nodes.update(two_nodes.node_of(pid) for pid in two_nodes.pids("Host"))
                scope.cancel("all four are at work")

        await sweep(options, watch=watch)
    assert scope.cancelled_caught
    assert len(nodes) == 2
    done = read_outcomes(tmp_path)
    assert len(done) >= 8
    assert all(one.is_right for one in done)


@ON_ASYNCIO
async def test_a_killed_worker_costs_its_unfinished_sessions_alone(
    two_nodes: Any, tmp_path: Path
) -> None:
    seen: list[Progress] = []
    options = _options(_team(delay_s=0.5), tmp_path, 16, workers=2, concurrency=4)
    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as group:
            group.start_soon(two_nodes.kill_at_work, "Host")
            await sweep(options, watch=seen.append)
            group.cancel_scope.cancel("the sweep is over")
    outcomes = read_outcomes(tmp_path)
    assert [one.is_right for one in outcomes] == [True] * 16
    assert seen[-1].workers_lost == 1
    assert any(one.is_resumed for one in outcomes)


@pytest.mark.usefixtures("two_nodes")
async def test_an_agent_lives_on_the_other_node(tmp_path: Path) -> None:
    team = assemble(_team(place=FAR))
    with anyio.fail_after(HANG_S):
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
    with anyio.fail_after(HANG_S):
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
    slow = "{turns: [{lines: [{delay_s: 3600, answer: '41'}]}]}"
    async with serve(script, keys={"ada": two_nodes.canary}) as server:
        text = f"{_asking(server.base_url)}  - {{id: bob, script: {slow}}}\n"
        team = assemble(parse_team(text, Path("team.yaml")), environment={})
        with anyio.fail_after(HANG_S):
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
    """The command line that the room's README tells a reader to type."""
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
    with anyio.fail_after(HANG_S):
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
    node = two_nodes.add()
    seen: list[Progress] = []
    options = _options(_team(delay_s=0.5), tmp_path, 24, concurrency=8)
    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as group:
            group.start_soon(two_nodes.remove_at_work, node, "Host")
            await sweep(options, watch=seen.append)
            group.cancel_scope.cancel("the sweep is over")
    outcomes = read_outcomes(tmp_path)
    assert [one.is_right for one in outcomes] == [True] * 24
    assert seen[-1].workers_lost >= 1
    assert any(one.is_resumed for one in outcomes)


@ON_ASYNCIO
async def test_an_agent_whose_node_is_gone_goes_on_at_another_and_then_has_failed(
    two_nodes: Any, caplog: pytest.LogCaptureFixture
) -> None:
    nodes = [two_nodes.add(resources={"lost": 1.0}) for _ in range(2)]
    place = "place: {on: ray, resources: {lost: 1}}"
    team = assemble(_team(delay_s=3600.0, place=place))
    losses: list[int] = []
    failures: list[AgentFailed] = []
    with anyio.fail_after(HANG_S):
        async with open_session("What?", team) as session:
            async for chunk in session:
                if isinstance(chunk, ThinkingDelta) and chunk.agent == "ada":
                    losses.append(_losses(caplog))
                    pid = two_nodes.pids("AgentHost")[-1]
                    node = next(one for one in nodes if two_nodes.has(one, pid))
                    nodes.remove(node)
                    await to_thread.run_sync(two_nodes.remove, node)
                if isinstance(chunk, AgentFailed):
                    failures.append(chunk)
                    break
    # Its second life was not spent on the dead node, which is listed for a while yet.
    assert losses == [0, 1]
    assert [(one.agent, one.error) for one in failures] == [("ada", "WorkerLost")]


def _losses(caplog: pytest.LogCaptureFixture) -> int:
    """How often an agent's far end was lost until now."""
    return sum(record.name == "agents.remote" for record in caplog.records)


@ON_ASYNCIO
async def test_a_session_that_is_killed_takes_its_agent_with_it_and_is_resumed(
    two_nodes: Any, tmp_path: Path
) -> None:
    words = [sys.executable, "-m", "coordinator"]
    journals = ["--journal", str(tmp_path / "sessions")]
    run = [*words, "run", "What?", "-c", "team.yaml", "--display", "jsonl", *journals]
    # The first time it takes for ever, so that whoever kills it may take any time.
    slow = {"thinking": "Well, " * 10_000, "rate": 20}
    quick = [{"answer": "The answer is 41"}]
    script = parse_script({"turns": [{"lines": [slow]}, {"lines": quick}]})
    async with serve(script, keys={"ada": two_nodes.canary}) as server:
        (tmp_path / "team.yaml").write_text(_asking(server.base_url))
        with anyio.fail_after(HANG_S):
            process = await anyio.open_process(
                run, cwd=tmp_path, stdin=subprocess.DEVNULL, stderr=None
            )
            assert process.stdout is not None
            heard = BufferedByteReceiveStream(process.stdout)
            line = b""
            while b'"thinking_delta","agent":"ada"' not in line:
                line = await heard.receive_until(b"\n", 1 << 20)
            process.kill()
            await process.aclose()
            await server.all_closed()
            while two_nodes.pids("AgentHost"):  # noqa: ASYNC110  (a process of others)
                await anyio.sleep(0.05)
            again = await anyio.run_process(
                [*words, "resume", "last", "--json", *journals],
                cwd=tmp_path,
                check=False,
            )
    assert again.returncode == 0, again.stderr
    assert b"41" in again.stdout


@ON_ASYNCIO
@pytest.mark.usefixtures("two_nodes")
async def test_a_node_of_another_version_is_refused_with_both_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_module, "library_version", lambda: "0.0.9")
    monkeypatch.setattr(ray_wire, "library_version", lambda: "0.0.9")
    with anyio.fail_after(HANG_S):
        with pytest.raises(ConfigInvalid, match=r"begun by 0\.0\.9; install the same"):
            await sweep(_options(_team(), tmp_path, 4))
        async with open_session("What?", assemble(_team(place=FAR))) as session:
            result = await session.wait()
    error = result.agents["ada"].error or ""
    assert "the session's is 0.0.9; install the same version everywhere" in error
    assert result.answer is not None


@ON_ASYNCIO
async def test_a_cluster_where_nobody_answers_is_said_at_once() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        program = "from coordinator.cluster.ray_cluster import connect\nconnect()\n"
        with anyio.fail_after(HANG_S):
            came = await anyio.run_process(
                [sys.executable, "-c", program],
                check=False,
                env={**os.environ, "RAY_ADDRESS": address},
            )
    said = came.stderr.decode().strip().splitlines()[-1]
    assert f"nobody answers at {address}: Connection refused" in said


@ON_ASYNCIO
@pytest.mark.usefixtures("two_nodes")
async def test_a_cluster_of_another_ray_is_refused_with_both_versions() -> None:
    program = (
        "import ray\n"
        "ray.__version__ = '2.1.0'\n"
        "from coordinator.cluster.ray_cluster import connect\n"
        "connect()\n"
    )
    with anyio.fail_after(HANG_S):
        came = await anyio.run_process([sys.executable, "-c", program], check=False)
    said = came.stderr.decode().strip().splitlines()[-1]
    version = importlib.metadata.version("ray")
    assert f"Version mismatch: The cluster was started with: Ray: {version}" in said
    assert "was started with: Ray: 2.1.0" in said


@ON_ASYNCIO
@pytest.mark.usefixtures("two_nodes")
async def test_a_full_object_store_stops_nobody(tmp_path: Path) -> None:
    ray: Any = importlib.import_module("ray")
    filled = ray.remote(num_cpus=0, resources={"far": 0.1})(_Hoard).remote()
    fill = filled.fill.remote(STORE_BYTES // 1_000_000 * 2)
    big = "word " * 60_000  # a frame of 300 KB, which is more than Ray keeps inline
    text = _text(0.0, FAR).replace("The answer is 41", f"{big}. The answer is 41")
    team = assemble(parse_team(text, Path("team.yaml")))
    with anyio.fail_after(HANG_S):
        await to_thread.run_sync(ray.get, fill)
        async with open_session("What?", team, journal=tmp_path) as session:
            result = await session.wait()
        report = await sweep(_options(_team(), tmp_path / "sweep", 8))
    ray.kill(filled)
    assert result.agents["ada"].status == "done"
    assert [one.is_right for one in report.outcomes] == [True] * 8


class _Hoard:
    """Keeps objects of a megabyte each in its node's store."""

    def fill(self, count: int) -> None:
        ray: Any = importlib.import_module("ray")
        self.kept = [ray.put(bytes(1_000_000)) for _ in range(count)]


@ON_ASYNCIO
async def test_a_cluster_far_away_is_reached_by_its_address(
    two_nodes: Any, tmp_path: Path
) -> None:
    (tmp_path / "team.yaml").write_text(_text(0.0, ""))
    (tmp_path / "q.jsonl").write_text('{"id": "a", "question": "?", "reference": "41"}')
    words = ["sweep", "q.jsonl", "-c", "team.yaml", "--on", two_nodes.client]
    command = [sys.executable, "-m", "coordinator", *words]
    with anyio.fail_after(HANG_S):
        came = await anyio.run_process(command, cwd=tmp_path, check=False)
        # Ray gives up on a server of its own that is not there after 30 s (2.60).
        while b"Initialization failure from server" in came.stderr:
            came = await anyio.run_process(command, cwd=tmp_path, check=False)
    assert came.returncode == 0, came.stderr
    assert [one.is_right for one in read_outcomes(tmp_path / "q-sweep")] == [True]
