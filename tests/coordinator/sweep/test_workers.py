"""Workers as processes: what they lose, what they share, and how they are stopped."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from agents.backends.scripted.script import parse_script
from agents.emulator import serve
from coordinator.errors import ConfigInvalid
from coordinator.sweep.budget import Grant, SweepBudget
from coordinator.sweep.driver import Progress
from coordinator.sweep.places import Here, Link, PlaceGone
from coordinator.sweep.store import read_outcomes
from coordinator.sweep.sweep import SweepOptions, sweep
from coordinator.team.emulation import to_emulate
from coordinator.team.reader import parse_team

pytestmark = [pytest.mark.real_time, pytest.mark.long]

Options = Callable[..., SweepOptions]


def _workers() -> list[int]:
    """Processes of workers that this one has."""
    mine: list[int] = []
    for task in Path(f"/proc/{os.getpid()}/task").iterdir():
        children = (task / "children").read_text().split()
        mine += [
            int(pid)
            for pid in children
            if b"coordinator.sweep.places" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
    return mine


async def test_a_killed_worker_costs_its_unfinished_sessions_alone(
    options: Options, make_team: Callable[..., Any]
) -> None:
    seen: list[Progress] = []
    killed: list[int] = []

    def watch(progress: Progress) -> None:
        seen.append(progress)
        if progress.done == 4 and not killed:
            killed.append(_workers()[0])
            os.kill(killed[0], signal.SIGKILL)

    team = make_team(delay_s=0.3)
    made = options(teams={"team": team}, count=16, workers=2, concurrency=4)
    with anyio.fail_after(60):
        report = await sweep(made, watch=watch)
    assert [one.is_right for one in report.outcomes] == [True] * 16
    assert seen[-1].workers_lost == 1
    assert len({one.session for one in report.outcomes}) == 16


async def test_a_session_that_kills_its_workers_is_given_up(
    options: Options, make_team: Callable[..., Any]
) -> None:
    team = make_team(delay_s=3600.0)

    def watch(progress: Progress) -> None:
        if progress.running and progress.workers:
            for pid in _workers():
                os.kill(pid, signal.SIGKILL)

    made = options(teams={"team": team}, count=1, workers=1)
    from coordinator.sweep import sweep as module  # noqa: PLC0415

    with pytest.MonkeyPatch.context() as patch, anyio.fail_after(60):
        patch.setattr(module, "Here", module.Processes)
        report = await sweep(made, watch=watch)
    assert [one.status for one in report.outcomes] == ["lost"]
    assert "3 workers died with it" in report.outcomes[0].detail


async def test_a_place_that_is_gone_ends_the_sweep_and_the_same_one_goes_on(
    options: Options,
) -> None:
    from coordinator.sweep import sweep as module  # noqa: PLC0415

    class Going(Here):
        """Its first worker works; there is no other."""

        began = 0

        @asynccontextmanager
        async def worker(self, number: int) -> AsyncGenerator[Link]:
            self.began += 1
            if self.began > 1:
                raise PlaceGone("the cluster is gone")
            async with super().worker(number) as link:
                yield link

    made = options(count=4, workers=2, concurrency=2)
    with pytest.MonkeyPatch.context() as patch, anyio.fail_after(60):
        patch.setattr(module, "Processes", Going)
        with pytest.raises(ConfigInvalid, match="the cluster is gone"):
            await sweep(made)
        patch.undo()
        report = await sweep(options(count=4))
    assert [one.is_right for one in report.outcomes] == [True] * 4


async def test_limits_hold_for_all_workers_together(options: Options) -> None:
    script = parse_script(
        {
            "turns": [
                {
                    "when": {"task": "draft"},
                    "repeat": True,
                    "lines": [{"answer": "41"}],
                },
                {"repeat": True, "lines": [{"vote": "41"}]},
            ]
        }
    )
    async with serve(script, requests_per_minute=1_200) as server:
        agents = "".join(
            f"  - {{id: {name}, model: claude-haiku-5-5, base_url: "
            f'"{server.base_url}"}}\n'
            for name in ("ada", "bob")
        )
        team = parse_team(f"final: reuse\nagents:\n{agents}", Path("team.yaml"))
        made = options(teams={"team": team}, count=60, workers=2, concurrency=40)
        with anyio.fail_after(120):
            report = await sweep(made)
    assert [one.is_right for one in report.outcomes] == [True] * 60
    refused = [one for one in server.requests if one.status == 429]
    assert len(refused) < 0.1 * len(server.requests)


def _command(folder: Path, *more: str) -> list[str]:
    words = ["sweep", "q.jsonl", "-c", "team.yaml", "--out", str(folder), *more]
    return [sys.executable, "-m", "coordinator", *words]


def _files(folder: Path, delay_s: float, count: int) -> None:
    script = (
        f"{{turns: [{{when: {{task: draft}}, lines: [{{delay_s: {delay_s}, "
        f'answer: "41"}}]}}, {{repeat: true, lines: [{{vote: "41"}}]}}]}}'
    )
    agents = f"  - {{id: ada, script: {script}}}\n  - {{id: bob, script: {script}}}\n"
    (folder / "team.yaml").write_text(f"final: reuse\nagents:\n{agents}")
    rows = [{"id": f"q{n}", "question": "?", "reference": "41"} for n in range(count)]
    (folder / "q.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, rows)))


@pytest.mark.parametrize("anyio_backend", [("asyncio", {})])
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_ctrl_c_keeps_what_is_done_and_the_same_command_does_the_rest(
    tmp_path: Path, workers: str
) -> None:
    _files(tmp_path, delay_s=0.5, count=12)
    out = tmp_path / "out"
    words = _command(out, "--workers", workers, "--concurrency", "4")
    process = await anyio.open_process(words, cwd=tmp_path)
    with anyio.fail_after(60):
        while not (out / "results.jsonl").exists() or not read_outcomes(out):  # noqa: ASYNC110  (a file has no event)
            await anyio.sleep(0.02)
        process.send_signal(signal.SIGINT)
        await process.wait()
        assert process.returncode == 4
        done = len(read_outcomes(out))
        assert 0 < done < 12
        assert (out / "summary.json").exists()
        again = await anyio.run_process(words, cwd=tmp_path, check=False)
    assert again.returncode == 0, again.stderr
    assert len(read_outcomes(out)) == 12
    lines = (out / "results.jsonl").read_bytes().splitlines()
    assert len(lines) == 12


@pytest.mark.parametrize("anyio_backend", [("asyncio", {})])
async def test_sessions_without_an_answer_are_said_and_asked_again_only_if_they_failed(
    tmp_path: Path,
) -> None:
    _files(tmp_path, delay_s=3600, count=2)
    words = _command(tmp_path / "out", "--deadline", "0.2")
    with anyio.fail_after(60):
        for _ in range(2):
            came = await anyio.run_process(words, cwd=tmp_path, check=False)
            assert came.returncode == 2, came.stderr
            assert b"2 sessions came to no answer, the first: " in came.stderr
            assert b"the deadline passed" in came.stderr
    lines = (tmp_path / "out" / "results.jsonl").read_bytes().splitlines()
    assert len(lines) == 2


@pytest.mark.parametrize("anyio_backend", [("asyncio", {})])
async def test_workers_end_with_the_sweep_that_began_them(tmp_path: Path) -> None:
    _files(tmp_path, delay_s=3600, count=4)
    out = tmp_path / "out"
    words = _command(out, "--workers", "2")
    process = await anyio.open_process(words, cwd=tmp_path)
    sessions = out / "sessions"
    with anyio.fail_after(60):
        while len([*sessions.glob("*.journal")]) < 4:  # noqa: ASYNC110  (a file has no event)
            await anyio.sleep(0.02)
        workers = _children(process.pid)
        assert len(workers) == 2
        process.kill()
        await process.wait()
        while any(_is_alive(pid) for pid in workers):  # noqa: ASYNC110  (nor has a process of others)
            await anyio.sleep(0.02)


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _is_alive(pid: str) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("own", [None, 2.0])
@pytest.mark.parametrize("costs", [[1.0], [0.1, 3.0, 0.5], [5.0, 0.01]])
def test_grants_never_come_to_more_than_the_budget(
    own: float | None, costs: Sequence[float]
) -> None:
    budget = SweepBudget(usd=10.0)
    running: dict[str, float] = {}
    spent = 0.0
    for number in range(200):
        name = f"s{number}"
        grant = budget.grant(name, Grant(usd=own), places=4)
        if grant is not None:
            assert grant.usd is not None
            running[name] = min(grant.usd, costs[number % len(costs)])
            assert spent + sum(running.values()) <= 10.0 + 1e-9
        if running and (grant is None or len(running) == 4):
            done, cost = running.popitem()
            budget.settle(done, cost, 0)
            spent += cost
    assert spent <= 10.0 + 1e-9
    assert spent > 2.0


@pytest.mark.parametrize("own", [None, 9.0])
def test_a_grant_that_was_too_little_is_not_granted_again(own: float | None) -> None:
    budget = SweepBudget(usd=10.0)
    grants = [budget.grant(f"s{n}", Grant(usd=None), places=4 - n) for n in range(4)]
    assert [grant and grant.usd for grant in grants] == [2.5] * 4
    for number in range(4):
        budget.settle(f"s{number}", 0.5, 0, is_cut_short=number == 0)
    wide = budget.grant("wide", Grant(usd=own), places=8)
    assert wide is not None
    assert wide.usd is not None
    assert wide.usd >= 5.0
    assert budget.grant("narrow", Grant(usd=own), places=8) is None


async def test_a_budget_cuts_no_session_short_that_could_wait_for_others(
    options: Options,
) -> None:
    agents = "\n".join(f"  - {{id: {n}, model: claude-haiku-5-5}}" for n in ("a", "b"))
    team = to_emulate(parse_team(f"agents:\n{agents}", Path("team.yaml")))
    made = options(
        teams={"team": team}, count=14, concurrency=8, out=None, budget_usd=0.005
    )
    with anyio.fail_after(60):
        report = await sweep(made)
    assert report.problem is None
    by_question = {one.question: one for one in report.outcomes}
    assert len(by_question) == 14
    # Of those that began together nobody could know what they need.
    later = [by_question[f"q{n}"] for n in range(8, 14)]
    assert [one.agents_retired for one in later] == [0] * 6
