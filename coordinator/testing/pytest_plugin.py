"""The pytest plugin: scenario files as tests, and fixtures for virtual time.

It is there where the package is installed (entry point ``pytest11``). Files that are
called ``*.scenario.yaml`` are collected, and scenario files in folders that the setting
``coordinator_scenarios`` names; each is played on every event loop of
``coordinator_runtimes``::

    [tool.pytest.ini_options]
    coordinator_scenarios = ["scenarios"]
    coordinator_runtimes = ["asyncio", "trio"]

Fixtures: ``virtual_run`` runs an async function in virtual time on both loops,
``virtual_backend`` is what anyio's ``anyio_backend`` may return, ``schedule`` decides
trio's order (``@pytest.mark.schedules(20)`` plays twenty), ``emulator`` serves scripts
as the Messages API, and ``nothing_left_over`` fails a test that leaves files, sockets
or threads behind.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# The plugin is loaded with every run of pytest where the package is installed, so all
# that it works with is imported where it is used.
# ruff: noqa: PLC0415

if TYPE_CHECKING:
    from coordinator.scenarios.runner import Play

PATTERN = "*.scenario.yaml"
RUNTIMES = ("asyncio", "trio")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the settings."""
    parser.addini(
        "coordinator_scenarios",
        "Folders and patterns of scenario files, relative to the root folder.",
        type="args",
        default=[],
    )
    parser.addini(
        "coordinator_runtimes",
        "Event loops that scenarios and virtual_run use: asyncio, trio.",
        type="args",
        default=list(RUNTIMES),
    )


def pytest_configure(config: pytest.Config) -> None:
    """Announce the mark; sessions of tests are kept only where they say so."""
    os.environ.setdefault("COORDINATOR_SESSIONS", "off")
    config.addinivalue_line(
        "markers",
        "schedules(n): play the test in n orders of what trio has ready together",
    )


def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> ScenarioCollector | None:
    """Collect scenario files."""
    if file_path.suffix not in (".yaml", ".yml"):
        return None
    if not _is_wanted(file_path, parent.config):
        return None
    collector: Any = ScenarioCollector
    return collector.from_parent(parent, path=file_path)


def _is_wanted(path: Path, config: pytest.Config) -> bool:
    if path.match(PATTERN):
        return True
    named: list[str] = config.getini("coordinator_scenarios")
    arguments = [Path(word.partition("::")[0]) for word in config.args]
    is_named = any((config.invocation_params.dir / one) == path for one in arguments)
    if not is_named and not any(_is_in(path, config.rootpath, one) for one in named):
        return False
    from coordinator.scenarios.reader import is_scenario

    return is_scenario(path)


def _is_in(path: Path, root: Path, name: str) -> bool:
    folder = root / name
    return path.is_relative_to(folder) or fnmatch(str(path), str(folder))


class ScenarioCollector(pytest.File):
    """A scenario file."""

    def collect(self) -> Iterator[ScenarioItem]:
        """Each time that it is to be played.

        Raises:
            CollectError: With every fault of the file.
        """
        from coordinator.errors import ConfigInvalid
        from coordinator.scenarios.reader import read_scenarios
        from coordinator.scenarios.runner import plays

        try:
            scenarios = read_scenarios(self.path)
        except ConfigInvalid as error:
            raise self.CollectError(str(error)) from None
        runtimes = _runtimes(self.config)
        for scenario in scenarios:
            for play in plays(scenario, runtimes):
                order = "" if play.schedule is None else f"-schedule{play.schedule}"
                item: Any = ScenarioItem
                # Two colons part what pytest is given on the command line.
                sentence = scenario.name.replace("::", ":")
                yield item.from_parent(
                    self, name=f"{sentence}[{play.runtime}{order}]", play=play
                )


class ScenarioItem(pytest.Item):
    """A scenario, played once."""

    def __init__(self, *, play: Play, **more: Any) -> None:  # noqa: ANN401  (pytest's own)
        super().__init__(**more)  # pyright: ignore[reportUnknownMemberType]
        self._play = play

    def runtest(self) -> None:
        """Play it.

        Raises:
            ScenarioDiffers: It did not come true.
        """
        from coordinator.scenarios.runner import run_scenario

        play = self._play
        report = run_scenario(
            play.scenario,
            runtime=play.runtime,
            seed=play.seed,
            schedule=play.schedule,
        )
        if report.differences:
            lines = [*report.differences, f"again: {report.again}"]
            raise ScenarioDiffers("\n".join(lines))

    def repr_failure(
        self,
        excinfo: pytest.ExceptionInfo[BaseException],
        style: Any = None,  # noqa: ANN401  (pytest's own)
    ) -> Any:  # noqa: ANN401  (pytest's own)
        """A difference is told in its lines, without a traceback."""
        from coordinator.errors import ConfigInvalid

        if isinstance(excinfo.value, ScenarioDiffers):
            return f"{self._play.scenario.path}:\n{excinfo.value}"
        if isinstance(excinfo.value, ConfigInvalid):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where its sentence stands."""
        return self.path, self._play.scenario.line - 1, self.name


class ScenarioDiffers(AssertionError):
    """A scenario did not come true."""


def _runtimes(config: pytest.Config) -> list[Any]:
    named: list[str] = config.getini("coordinator_runtimes")
    for name in named:
        if name not in RUNTIMES:
            raise pytest.UsageError(
                f"coordinator_runtimes: {name!r} is no event loop; use asyncio, trio"
            )
    return named


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Play a test on every event loop, and in every order that its mark asks for."""
    if "_virtual_runtime" in metafunc.fixturenames:
        metafunc.parametrize(
            "_virtual_runtime", _runtimes(metafunc.config), indirect=True
        )
    if "schedule" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("schedules")
        orders = range(mark.args[0]) if mark and mark.args else (0,)
        metafunc.parametrize("schedule", orders, indirect=True)


@pytest.fixture
def _virtual_runtime(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def schedule(request: pytest.FixtureRequest) -> Generator[int]:
    """The order in which trio runs what is ready together, by its number."""
    from coordinator.simulation.virtual_time import seeded_schedule

    with seeded_schedule(request.param):
        yield request.param


@pytest.fixture
def virtual_backend(_virtual_runtime: str) -> tuple[str, dict[str, Any]]:
    """An event loop whose time is virtual, as anyio's ``anyio_backend`` takes it."""
    from coordinator.simulation.virtual_time import virtual

    runtime: Any = _virtual_runtime
    return _virtual_runtime, virtual(runtime)


@pytest.fixture
def virtual_run(_virtual_runtime: str, schedule: int) -> Callable[..., Any]:
    """Runs an async function in virtual time: ``virtual_run(function, *args)``."""
    from functools import partial

    from coordinator.testing.virtual_runs import run_virtual

    runtime: Any = _virtual_runtime
    return partial(run_virtual, runtime=runtime, schedule=schedule)


@pytest.fixture
def emulator() -> Callable[..., Any]:
    """Serves scripts as the Messages API, within an ``async with``.

    A script is what YAML or JSON loads to; several go by agent. Sockets want real time.
    """
    from agents.backends.scripted.script import Script, parse_scripts
    from agents.emulator import serve

    def serving(scripts: object) -> Any:  # noqa: ANN401  (a context manager of the server)
        return serve(scripts if isinstance(scripts, Script) else parse_scripts(scripts))

    return serving


@pytest.fixture
def nothing_left_over() -> Generator[None]:
    """Fails a test that leaves files, sockets or threads behind."""
    from coordinator.simulation.leftovers import left_since, snapshot

    before = snapshot()
    yield
    left = left_since(before)
    assert not left, f"left over: {'; '.join(left)}"
