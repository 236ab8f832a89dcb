"""Many sessions, and agents elsewhere: what one machine holds, and what a wire costs.

``python tests/bench/bench_many_sessions.py machine|workers|wire|cancel|loss [N]``, each
in a minute or two. Not a test: it needs a machine to itself, and all but ``machine``
need the extra ``[ray]``. Figures that were read are in ``coordinator/sweep/README.md``.
"""

from __future__ import annotations

import importlib
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Self

import anyio
import anyio.to_thread
import msgspec

from agents.agent import Agent
from agents.backends.claude.backend import ClaudeBackend
from agents.protocol.chunks import (
    AgentId,
    ResponseEnded,
    TextDelta,
    TurnEnded,
    TurnNumber,
)
from agents.protocol.frames import decode_frame
from agents.protocol.turns import Draft, Turn
from agents.remote.remote_actor import RemoteActor
from coordinator.bench.http_throughput import MODEL, server
from coordinator.bench.measurements import resident_bytes
from coordinator.cluster.ray_cluster import insist_on_ray, started
from coordinator.cluster.ray_wire import OnRay
from coordinator.consensus.rules import Rules
from coordinator.session.session import open_session
from coordinator.sweep.driver import Progress
from coordinator.sweep.questions import Question
from coordinator.sweep.sweep import SweepOptions, sweep
from coordinator.team.reader import parse_team
from coordinator.team.team import Team
from coordinator.team.team_file_schema import RayPlace
from coordinator.team.team_source import source_of

SESSIONS, AGENTS = 1_000, 5
EVENTS, RATE = 20, 1
SESSIONS_A_KEY = 12
"""A limiter begins with 64 requests at once for a key: 12 sessions of five."""


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _percentile(values: Sequence[float], p: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * p))]


def machine(sessions: int = SESSIONS, processes: int = 2) -> None:
    """So many sessions of five streaming agents at once, over HTTP."""
    with server() as base, TemporaryDirectory() as journals:
        began = time.perf_counter()
        each = sessions // processes
        running = [
            subprocess.Popen(  # noqa: S603  (this program)
                [sys.executable, __file__, "part", base, str(each), journals],
                stdout=subprocess.PIPE,
            )
            for _ in range(processes)
        ]
        told = [msgspec.json.decode(one.communicate()[0]) for one in running]
        took_s = time.perf_counter() - began
    events = sum(one["events"] for one in told)
    cpu_s = sum(one["cpu_s"] for one in told)
    grown = sum(one["grown"] for one in told)
    late = [value for one in told for value in one["late_ms"]]
    _say(
        f"{sessions:,} sessions at once, {processes} processes, {took_s:.1f} s: "
        f"{events / cpu_s:,.0f} events a CPU-second, "
        f"{grown / sessions / 1e3:,.0f} KB a session, "
        f"latency p50 {median(late):.1f} ms, "
        f"p99 {_percentile(late, 0.99):.1f} ms"
    )


async def _part(base: str, sessions: int, journals: Path) -> None:
    """One process's sessions; what they cost, as JSON."""
    url = f"{base}/{EVENTS}/{RATE}/stamped"
    backends = [
        ClaudeBackend(MODEL, api_key=f"none{number}", base_url=url)
        for number in range(-(-sessions // SESSIONS_A_KEY))
    ]
    late_ms: list[float] = []
    events = 0
    before = resident_bytes()
    most = before
    cpu = time.process_time()

    async def one(number: int) -> None:
        nonlocal events, most
        backend = backends[number // SESSIONS_A_KEY]
        agents = [Agent(id=f"a{n}", backend=backend) for n in range(AGENTS)]
        team = Team(agents=agents, rules=Rules(final="reuse"), seed=1)
        ended = 0
        async with open_session("What?", team, journal=journals) as session:
            async for chunk in session:
                if isinstance(chunk, TextDelta):
                    events += 1
                    if number % 10 == 0:
                        sent = float(chunk.text)
                        late_ms.append((time.monotonic() - sent) * 1_000)
                elif isinstance(chunk, ResponseEnded):
                    ended += 1
                    if ended == AGENTS:  # all drafts are there; a vote is not measured
                        break
        most = max(most, resident_bytes())

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, resident_bytes())
            await anyio.sleep(0.5)

    async with anyio.create_task_group() as outer:
        outer.start_soon(watch)
        async with anyio.create_task_group() as group:
            for number in range(sessions):
                group.start_soon(one, number)
        outer.cancel_scope.cancel()
    told = {
        "events": events,
        "cpu_s": time.process_time() - cpu,
        "grown": most - before,
        "late_ms": late_ms,
    }
    for backend in backends:
        await backend.aclose()
    sys.stdout.buffer.write(msgspec.json.encode(told))


def _scripted(agents: int, draft: str = 'answer: "The answer is 41"') -> str:
    script = (
        f"{{turns: [{{when: {{task: draft}}, lines: [{{{draft}}}]}}, "
        '{when: {task: review}, repeat: true, lines: [{vote: "41"}]}, '
        '{when: {task: present}, lines: [{text: "It is 41"}]}]}'
    )
    return "agents:\n" + "".join(
        f"  - {{id: a{n}, script: {script}}}\n" for n in range(agents)
    )


async def _rate(on: str, workers: int, sessions: int) -> float:
    """Sessions a second from the moment that all workers are ready."""
    team = parse_team(_scripted(3), Path("team.yaml"))
    questions = [Question(id=f"q{n}", question=f"{n}?") for n in range(sessions)]
    ready: list[Progress] = []
    last: list[Progress] = []

    def watch(progress: Progress) -> None:
        if progress.workers == workers and not ready:
            ready.append(progress)
        last[:] = [progress]

    with TemporaryDirectory() as folder:
        options = SweepOptions(
            questions=questions,
            teams={"team": team},
            out=Path(folder) / "out",
            on=on,
            workers=workers,
            concurrency=16 * workers,
        )
        await sweep(options, watch=watch)
    done = last[0].done - ready[0].done
    return done / (last[0].elapsed_s - ready[0].elapsed_s)


def workers(sessions: int = 600) -> None:
    """Sessions a second by workers, in processes here and on Ray."""
    for count in (1, 2, 4):
        here = anyio.run(_rate, "local", count, sessions)
        _say(f"{count} workers, local: {here:.0f} sessions/s")
    with started("ray"):
        for count in (1, 2):
            there = anyio.run(_rate, "ray", count, sessions)
            _say(f"{count} workers, Ray: {there:.0f} sessions/s")


class _Sink:
    """An outbox that counts."""

    def __init__(self) -> None:
        self.frames: list[tuple[float, bytes]] = []
        self.ended = anyio.Event()

    def send_nowait(self, item: bytes) -> None:
        self.frames.append((time.monotonic(), item))
        if b'"turn_ended"' in item or b'"agent_failed"' in item:
            self.ended.set()

    async def send(self, item: bytes) -> None:
        self.send_nowait(item)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def _turn(number: int) -> Turn:
    return Turn(
        agent=AgentId("a0"),
        number=TurnNumber(number),
        question="?",
        nonce="n",
        task=Draft(),
    )


async def _stream(draft: str, place: RayPlace) -> list[tuple[float, bytes]]:
    """The frames of one turn, each with when it came."""
    config = parse_team(_scripted(1, draft), Path("team.yaml"))
    sink = _Sink()
    actor = RemoteActor(AgentId("a0"), sink, OnRay(source_of(config), "a0", place))
    async with anyio.create_task_group() as group:
        group.start_soon(actor.run)
        actor.take(_turn(1))
        await sink.ended.wait()
        actor.close()
    return sink.frames


def wire() -> None:
    """Frames a second, and how late they come, by how many travel together."""
    flood = 'repeat_text: {text: "word ", times: 4000, batch: 1}}, {answer: "41"'
    pace = 'rate: 200, text: "' + "word " * 400 + '"}, {answer: "41"'
    with started("ray"):
        for batch in (1, 8, 32, 128):
            place = RayPlace(batch=batch, linger_ms=0 if batch == 1 else 2)
            frames = anyio.run(_stream, flood, place)
            took_s = frames[-1][0] - frames[0][0]
            paced = anyio.run(_stream, pace, place)
            late = [
                (came - chunk.at) * 1_000
                for came, frame in paced
                for chunk in decode_frame(frame)
                if isinstance(chunk, TextDelta)
            ]
            _say(
                f"batch {batch:>3}: {len(frames) / took_s:,.0f} frames/s; latency of a "
                f"paced stream p50 {median(late):.1f} ms, "
                f"p99 {_percentile(late, 0.99):.1f} ms ({len(late)} chunks)"
            )


async def _cancels(times: int) -> list[float]:
    # Every turn drafts, so that each can be cancelled.
    text = _scripted(1, "stall: true").replace(
        "{when: {task: draft}, ", "{repeat: true, "
    )
    config = parse_team(text, Path("t.yaml"))
    sink = _Sink()
    actor = RemoteActor(AgentId("a0"), sink, OnRay(source_of(config), "a0", RayPlace()))
    took: list[float] = []
    async with anyio.create_task_group() as group:
        group.start_soon(actor.run)
        for number in range(1, times + 1):
            sink.ended = anyio.Event()
            seen = len(sink.frames)
            actor.take(_turn(number))
            while len(sink.frames) == seen:  # noqa: ASYNC110  (a list has no event)
                await anyio.sleep(0.005)
            began = time.monotonic()
            actor.cancel(TurnNumber(number), "enough")
            await sink.ended.wait()
            took.append((time.monotonic() - began) * 1_000)
        actor.close()
    assert all(
        isinstance([*decode_frame(frame)][-1], TurnEnded)
        for _, frame in sink.frames
        if b'"turn_ended"' in frame
    )
    return took


def cancel(times: int = 200) -> None:
    """From the order to the end of the turn, at the near end."""
    with started("ray"):
        took = anyio.run(_cancels, times)
    _say(
        f"cancel over Ray, {times} times: p50 {median(took):.1f} ms, "
        f"p99 {_percentile(took, 0.99):.1f} ms"
    )


def loss() -> None:
    """How soon an agent goes on, or has failed, whose process or node is gone."""
    insist_on_ray()
    utils: Any = importlib.import_module("ray.cluster_utils")
    head = {"num_cpus": 1, "include_dashboard": False}
    cluster = utils.Cluster(initialize_head=True, head_node_args=head)
    try:
        os.environ["RAY_ADDRESS"] = cluster.address
        nodes = [cluster.add_node(num_cpus=1, resources={"x": 1.0}) for _ in range(2)]
        with started("ray"):
            anyio.run(_losses, cluster, nodes)
    finally:
        cluster.shutdown()


async def _losses(cluster: Any, nodes: list[Any]) -> None:
    place = RayPlace(resources={"x": 1.0})
    config = parse_team(
        _scripted(1, 'thinking: "Well,"}, {stall: true'), Path("t.yaml")
    )
    sink = _Sink()
    actor = RemoteActor(AgentId("a0"), sink, OnRay(source_of(config), "a0", place))

    async def told(kind: bytes, since: int) -> int:
        while not any(kind in frame for _, frame in sink.frames[since:]):  # noqa: ASYNC110  (a list has no event)
            await anyio.sleep(0.005)
        return len(sink.frames)

    def host() -> int:
        out = subprocess.run(
            ["/usr/bin/pgrep", "-n", "ray::AgentHost"], capture_output=True, check=True
        )
        return int(out.stdout)

    def remove() -> None:
        parent = int(Path(f"/proc/{host()}/stat").read_text().split()[3])
        node = next(
            node
            for node in nodes
            if parent
            in {p.process.pid for ps in node.all_processes.values() for p in ps}
        )
        nodes.remove(node)
        cluster.remove_node(node, allow_graceful=False)

    async with anyio.create_task_group() as group:
        group.start_soon(actor.run)
        actor.take(_turn(1))
        seen = await told(b"thinking_delta", 0)
        for name, harm, sign in (
            ("process killed: goes on", lambda: os.kill(host(), 9), b"thinking_delta"),
            ("node removed: goes on", remove, b"thinking_delta"),
            ("the last node removed: has failed", remove, b"agent_failed"),
        ):
            began = time.monotonic()
            await anyio.to_thread.run_sync(harm)
            seen = await told(sign, seen)
            _say(f"{name} after {time.monotonic() - began:.1f} s")
        actor.close()


def main(words: Sequence[str]) -> None:
    """Measure what is named."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 65_536)), hard))
    parts: dict[str, Any] = {
        "machine": machine,
        "workers": workers,
        "wire": wire,
        "cancel": cancel,
        "loss": loss,
    }
    if words[:1] == ["part"]:
        anyio.run(_part, words[1], int(words[2]), Path(words[3]))
        return
    sizes = [int(word) for word in words if word.isdecimal()]
    for word in [word for word in words if not word.isdecimal()] or parts:
        parts[word](*sizes)


if __name__ == "__main__":
    main(sys.argv[1:])
