"""Sweeps on this machine: done once, gone on with, within their budget."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from coordinator.errors import ConfigInvalid
from coordinator.sweep import sweep as sweep_module
from coordinator.sweep.driver import Progress
from coordinator.sweep.store import read_outcomes
from coordinator.sweep.sweep import SweepOptions, sweep
from coordinator.team.reader import parse_team
from coordinator.team.team_file_schema import TeamConfig

Options = Callable[..., SweepOptions]
MakeTeam = Callable[..., TeamConfig]


async def test_every_question_is_asked_of_every_team_with_every_seed(
    options: Options, team: Any
) -> None:
    report = await sweep(options(teams={"one": team, "two": team}, seeds=2))
    asked = [(one.question, one.seed, one.team) for one in report.outcomes]
    assert asked == [
        (f"q{n}", seed, name)
        for n in range(3)
        for seed in (0, 1)
        for name in ("one", "two")
    ]
    assert all(one.is_right for one in report.outcomes)
    assert len({one.session for one in report.outcomes}) == 12


async def test_a_second_run_does_only_what_is_missing(options: Options) -> None:
    first = await sweep(options(count=2))
    seen: list[Progress] = []
    second = await sweep(options(count=3), watch=seen.append)
    assert second.outcomes[:2] == first.outcomes
    assert (seen[-1].total, seen[-1].earlier, seen[-1].done) == (3, 2, 3)
    third = await sweep(options(count=3))
    assert third.outcomes == second.outcomes


async def test_a_team_that_has_changed_is_asked_anew(
    options: Options, make_team: MakeTeam
) -> None:
    await sweep(options())
    other = make_team("42")
    report = await sweep(options(teams={"team": other}))
    assert [one.result for one in report.outcomes] == ["42"] * 3


async def test_a_reference_that_has_changed_asks_nobody_again(options: Options) -> None:
    made = options()
    await sweep(made)
    questions = [
        msgspec.structs.replace(one, reference=("42",)) for one in made.questions
    ]
    seen: list[Progress] = []
    report = await sweep(options(questions=questions), watch=seen.append)
    assert [one.is_right for one in report.outcomes] == [False] * 3
    assert not seen


@pytest.mark.real_time
async def test_cancelled_sessions_go_on_from_their_journals(
    options: Options, make_team: MakeTeam, tmp_path: Path
) -> None:
    made = options(teams={"team": make_team(delay_s=0.3)}, concurrency=2)
    with anyio.CancelScope() as scope:

        def watch(progress: Progress) -> None:
            if progress.done == 2:  # the third has just begun
                scope.cancel("two are done")

        await sweep(made, watch=watch)
    assert len(read_outcomes(tmp_path / "out")) == 2
    report = await sweep(made)
    assert [one.is_right for one in report.outcomes] == [True] * 3


@pytest.mark.real_time
async def test_a_session_that_was_begun_is_not_begun_anew(
    options: Options, make_team: MakeTeam, tmp_path: Path
) -> None:
    made = options(teams={"team": make_team(delay_s=0.2)}, count=1)
    journals = tmp_path / "out" / "sessions"
    with anyio.CancelScope() as scope:

        async def wait_for_journal() -> None:
            while not [*journals.glob("*.journal")]:  # noqa: ASYNC110  (no event)
                await anyio.sleep(0.01)
            scope.cancel("it has begun")

        async with anyio.create_task_group() as group:
            group.start_soon(wait_for_journal)
            await sweep(made)
    report = await sweep(made)
    assert [(one.is_resumed, one.is_right) for one in report.outcomes] == [(True, True)]


async def test_a_torn_line_is_cut_off(options: Options, tmp_path: Path) -> None:
    await sweep(options())
    results = tmp_path / "out" / "results.jsonl"
    whole = results.read_bytes()
    results.write_bytes(whole[:-20])
    report = await sweep(options())
    assert len(report.outcomes) == 3
    assert results.read_bytes().count(b"\n") == 3


async def test_a_budget_holds_for_the_sweep_as_a_whole(options: Options) -> None:
    free = await sweep(options(count=4))
    each = max(one.tokens for one in free.outcomes)
    made = options(count=12, out=None, budget_tokens=int(each * 6.5), concurrency=3)
    report = await sweep(made)
    assert report.problem is not None
    assert "the budget is used up" in report.problem
    assert 1 <= len(report.outcomes) < 12
    assert sum(one.tokens for one in report.outcomes) <= each * 6.5


async def test_nothing_is_kept_where_no_folder_is_named(options: Options) -> None:
    report = await sweep(options(out=None))
    assert len(report.outcomes) == 3


async def test_two_sweeps_do_not_share_a_folder(
    options: Options, make_team: MakeTeam
) -> None:
    slow = make_team(delay_s=5.0)
    async with anyio.create_task_group() as group:
        group.start_soon(sweep, options(teams={"team": slow}))
        await anyio.sleep(1.0)
        with pytest.raises(ConfigInvalid, match="in use by another sweep"):
            await sweep(options())


async def test_people_and_what_is_no_number_are_refused(
    options: Options, make_team: MakeTeam
) -> None:
    peopled = make_team(more="  - {id: you, backend: human}\n")
    with pytest.raises(ConfigInvalid, match="'you' is a person"):
        await sweep(options(teams={"t": peopled}))
    for said in ({"seeds": 0}, {"workers": 0}, {"budget_usd": 0.0}, {"on": "moon"}):
        with pytest.raises(ConfigInvalid, match="--"):
            await sweep(options(**said))


async def test_a_worker_of_another_version_is_refused(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_module, "library_version", lambda: "0.0.9")
    with pytest.raises(ConfigInvalid, match=r"begun by 0\.0\.9"):
        await sweep(options())


@pytest.mark.real_time
async def test_a_check_judges_what_no_reference_does(options: Options) -> None:
    report = await sweep(options(check="grep -q 41"))
    assert [one.is_right for one in report.outcomes] == [True] * 3
    again = await sweep(options(check="grep -q 42"))
    assert [one.is_right for one in again.outcomes] == [False] * 3
    broken = await sweep(options(check="sh -c 'exit 200'"))
    assert [one.is_right for one in broken.outcomes] == [None] * 3
    assert broken.outcomes[0].detail.endswith("; the check broke: exit code 200")
    twice = await sweep(options(check="sh -c 'exit 200'"))
    assert twice.outcomes == broken.outcomes
    with pytest.raises(ConfigInvalid, match=r"no program '/nothing/of/this/name'"):
        await sweep(options(check="/nothing/of/this/name"))


@pytest.mark.real_time
async def test_what_is_judged_otherwise_is_kept_so(
    options: Options, tmp_path: Path
) -> None:
    await sweep(options())
    again = await sweep(options(check="grep -q 42"))
    kept = {one.session: one for one in read_outcomes(tmp_path / "out")}
    assert kept == {one.session: one for one in again.outcomes}
    assert [one.is_right for one in again.outcomes] == [False] * 3


@pytest.mark.real_time
async def test_a_folder_without_room_is_named_and_keeps_whole_lines(
    options: Options, tmp_path: Path
) -> None:
    report = await sweep(options(count=1))
    line = msgspec.json.encode(report.outcomes[0])
    program = (
        "import resource, sys, msgspec\n"
        "from pathlib import Path\n"
        "from coordinator.sweep.outcome import Outcome\n"
        "from coordinator.sweep.store import opened\n"
        "one = msgspec.json.decode(sys.stdin.buffer.read(), type=Outcome)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000))\n"
        "with opened(Path(sys.argv[1])) as (store, _):\n"
        "    for _ in range(100):\n"
        "        store.append(one)\n"
    )
    out = tmp_path / "out"
    # -B: Python would cut what it compiles there, too, and everybody reads that.
    came = await anyio.run_process(
        [sys.executable, "-B", "-c", program, str(out)], input=line, check=False
    )
    said = came.stderr.decode().strip().splitlines()[-1]
    assert f"--out {str(out)!r} cannot be written: File too large" in said
    kept = (out / "results.jsonl").read_bytes().splitlines()
    assert 1 < len(kept) == 5_000 // (len(line) + 1)
    assert set(kept) == {line}


@pytest.mark.real_time
async def test_workers_are_processes_that_share_the_work(options: Options) -> None:
    report = await sweep(options(count=8, workers=2))
    assert [one.is_right for one in report.outcomes] == [True] * 8


async def test_too_few_open_files_are_said_before_anything_is_asked(
    options: Options,
) -> None:
    team = parse_team(
        "agents:\n"
        + "".join(f"  - {{id: a{n}, model: claude-haiku-5-5}}\n" for n in range(5)),
        Path("team.yaml"),
    )
    many = options(teams={"t": team}, count=1_000, concurrency=1_000, workers=1)
    with _open_files(1_024), pytest.raises(ConfigInvalid, match=r"6,064 open.* 1,024:"):
        await sweep(many)


@contextmanager
def _open_files(most: int) -> Generator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
