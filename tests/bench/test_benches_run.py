"""Every measurement still runs, at a size that measures nothing; no clock decides."""

from __future__ import annotations

import gc
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from coordinator.bench import http_throughput, massgen, plan
from coordinator.bench.markdown import in_markdown
from coordinator.bench.measurements import Figure, percentile
from coordinator.bench.plot import plot
from coordinator.bench.table import print_table
from coordinator.cli import main
from coordinator.cli.garbage_collection import collecting_rarely

PARTS = dict(plan.parts(plan.TINY, ["sdk"]))


@pytest.mark.parametrize("name", PARTS)
def test_a_measurement_gives_its_figures(name: str) -> None:
    figures = list(PARTS[name]())
    assert figures
    assert all(figure.value >= 0 or "memory" in figure.group for figure in figures)


@pytest.mark.skipif(
    os.environ.get("COORDINATOR_TEST_MASSGEN") != "install",
    reason="MassGen is 1.8 GB; COORDINATOR_TEST_MASSGEN=install measures beside it",
)
@pytest.mark.real_time
def test_massgen_is_measured_beside_us() -> None:
    parts = dict(plan.parts(plan.TINY, ["massgen"]))
    names = [figure.name for figure in parts["MassGen"]()]
    assert "3 agents, coordinator beside it" in names
    assert any("MassGen" in figure.name for figure in parts["HTTP, asyncio"]())


@pytest.mark.real_time
@pytest.mark.long
def test_streams_side_by_side_are_measured_in_every_dialect() -> None:
    script = Path(__file__).with_name("bench_abreast.py")
    command = [sys.executable, str(script), "--streams", "2", "--events", "3"]
    done = subprocess.run(  # noqa: S603  (our own)
        command, check=True, capture_output=True, env=os.environ | {"PYTHONPATH": "."}
    )
    assert set(json.loads(done.stdout)) == {"responses", "chat", "gemini"}


def _none(*_: object) -> Iterator[massgen.Took]:
    raise massgen.PeerMissing("it cannot be installed here")
    yield


async def _fails(*_: object) -> None:
    raise DeprecationWarning("this way is no more")


def _kept(part: plan.Part) -> tuple[list[str], str]:
    """Names of the figures that came before a peer was missed, and what was said."""
    figures: list[Figure] = []
    with pytest.raises(massgen.PeerMissing) as missed:
        figures += part()
    return [figure.name for figure in figures], str(missed.value)


@pytest.mark.real_time
def test_a_peer_that_cannot_be_measured_costs_its_own_rows_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(massgen, "streams", _none)
    monkeypatch.setattr(massgen, "scripted", _none)
    monkeypatch.setitem(http_throughput.WAYS, http_throughput.BYTES, _fails)
    parts = dict(plan.parts(plan.TINY, ["sdk", "massgen"]))
    names, said = _kept(partial(_full_speed, plan.TINY))
    assert names == [
        "SDK, create(stream=True)",
        "coordinator",
        "coordinator beside SDK, create(stream=True)",
    ]
    assert said.startswith("bytes alone cannot be measured: DeprecationWarning")
    assert said.endswith("; it cannot be installed here")
    names, said = _kept(parts["MassGen"])
    assert names == ["3 agents, coordinator", "3 agents, coordinator, time that passed"]


def _full_speed(sizes: plan.Sizes) -> Iterator[Figure]:
    return http_throughput.throughput(
        sizes.streams,
        sizes.events,
        runtime="asyncio",
        peers=["sdk", "massgen"],
        rounds=1,
    )


def test_massgen_is_compared_by_either_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    took = massgen.Took(agents=16, cpu_s=0.5, wall_s=5.0)

    def scripted(_chunks: int, _sizes: Sequence[int]) -> Iterator[massgen.Took]:
        yield took

    monkeypatch.setattr(massgen, "scripted", scripted)
    figures = {f.name: f for f in massgen.beside((1e6, 9e5), 16, 8_000)}
    cpu = figures["16 agents, coordinator beside it"]
    wall = figures["16 agents, coordinator beside it, time that passed"]
    assert (cpu.value, cpu.target) == (62.5, None)
    assert (wall.value, wall.target) == (562.5, 85.0)


def test_a_peer_that_nobody_knows_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["bench", "--peers", "sdk,llama"]) == 1
    assert "no peer 'llama'; there are: sdk, massgen" in capsys.readouterr().err


def test_a_measurement_that_nobody_knows_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["bench", "--quick", "--only", "engines"]) == 1
    said = capsys.readouterr().err
    assert "no measurement 'engines'; there are: start; machine; simulation" in said


def test_an_empty_name_is_no_measurement(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["bench", "--quick", "--soak", "1", "--only", ""]) == 1
    assert "no measurement ''; there are: start" in capsys.readouterr().err


def test_a_fraction_is_no_count(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--quick", "--soak", "1.5"]) == 1
    assert "--soak: '1.5' is no whole number" in capsys.readouterr().err


def test_each_team_is_measured_with_a_reader_too() -> None:
    names = [figure.name for figure in PARTS["engine, asyncio"]()]
    for agents in plan.TINY.teams:
        assert f"{agents} agents, journal async, one reader" in names


def test_the_collector_is_as_it_was_afterwards() -> None:
    before = gc.get_threshold()
    with collecting_rarely():
        assert gc.get_threshold() != before
    assert gc.get_threshold() == before


def test_trio_is_measured_too() -> None:
    names = [name for name, _ in plan.parts(plan.FULL)]
    assert {"engine, trio", "HTTP, trio", "stress, trio"} <= set(names)


def test_the_plot_has_a_line_for_each_way() -> None:
    figures = [
        Figure(
            group="engine",
            name=f"{agents:,} agents, no journal",
            value=1e6,
            unit="chunks/CPU-s",
            runtime="trio",
        )
        for agents in (3, 1_000)
    ]
    assert plot(figures).count("<polyline") == 1


def test_the_markdown_says_what_is_missed() -> None:
    figures = [
        Figure(
            group="engine",
            name="3 agents",
            value=value,
            unit="chunks/CPU-s",
            target=100,
            runtime=runtime,
        )
        for value, runtime in ((150, "asyncio"), (50, "trio"))
    ]
    assert "| 3 agents | 150 | **50** (missed) |" in in_markdown(figures)


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([], 0.99) == 0.0


@pytest.mark.parametrize("option", ["--soak", "--stress"])
@pytest.mark.parametrize("count", ["0", "-3"])
def test_to_measure_nothing_is_refused(
    option: str, count: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "--only", "soak", option, count]) == 1
    said = capsys.readouterr().err
    assert f"{option} {count} measures nothing; give 1 or more" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("option", ["--plot", "--markdown"])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_measured(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = tmp_path / "none" / "figures"
    assert main(["bench", option, str(nowhere)]) == 1
    assert f"there is no folder {nowhere.parent}; make it" in capsys.readouterr().err
    assert main(["bench", option, str(tmp_path)]) == 1
    assert f"{tmp_path} is a folder" in capsys.readouterr().err


@pytest.mark.parametrize("columns", [60, 80, 150])
def test_no_number_of_the_table_is_cut_whatever_the_terminal(columns: int) -> None:
    figure = Figure(
        group="HTTP, 50 streams, one after another",
        name="128 agents, journal async, one reader",
        value=392_165,
        unit="events/CPU-s",
        target=400_000,
        runtime="asyncio",
    )
    page = io.StringIO()
    print_table([figure], Console(file=page, width=columns))
    shown = page.getvalue()
    for word in ("392,165", "events/CPU-s", "≥ 400,000", "missed", "asyncio"):
        assert word in shown
    assert "…" not in shown


@pytest.mark.real_time
def test_ctrl_c_ends_a_measurement_in_one_sentence() -> None:
    command = [sys.executable, "-m", "coordinator", "bench", "--only", "machine"]
    with subprocess.Popen(  # noqa: S603  (our own program)
        command, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"measuring: machine\n"
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert said == b"coordinator: interrupted\n"
    assert process.returncode == 4


@pytest.mark.long
@pytest.mark.real_time
def test_a_server_under_load_keeps_nothing_of_its_sessions() -> None:
    bench = Path(__file__).parent / "serve_sessions.py"
    options = ("--sessions", "120", "--at-once", "30", "--seed", "3")
    done = subprocess.run(  # noqa: S603  (our own program)
        [sys.executable, str(bench), *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
