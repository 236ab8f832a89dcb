"""The pytest plugin, in runs of pytest of its own."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.coordinator.scenarios.conftest import SMALL

pytest_plugins = ["pytester"]

pytestmark = pytest.mark.long
_IS_INSTALLED = bool(entry_points(group="pytest11", name="coordinator"))
"""Then pytest loads it by itself, as it does for whoever installs the package."""
_BY_NAME = () if _IS_INSTALLED else ("-p", "coordinator.testing.pytest_plugin")
PLUGIN = (*_BY_NAME, "-p", "no:cacheprovider")


def _run(pytester: pytest.Pytester, *more: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess(*PLUGIN, *more)


def _write(pytester: pytest.Pytester, name: str, text: str) -> Path:
    path = pytester.path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_scenario_files_are_tests_on_both_loops(pytester: pytest.Pytester) -> None:
    _write(pytester, "paris.scenario.yaml", SMALL)
    _write(pytester, "differs.scenario.yaml", SMALL + "  winner: ben\n")
    _write(pytester, "team.yaml", "agents: []")
    ran = _run(pytester)
    ran.assert_outcomes(passed=2, failed=2)
    ran.stdout.fnmatch_lines(
        ["*winner: expected 'ben', was 'ada'", "again: coordinator scenario *"]
    )


def test_a_file_that_is_none_is_an_error_with_its_line(
    pytester: pytest.Pytester,
) -> None:
    _write(pytester, "odd.scenario.yaml", SMALL + "  winer: ada\n")
    ran = _run(pytester)
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines(["*odd.scenario.yaml:18: expect.winer: unknown key*"])


def test_a_sentence_with_colons_can_be_chosen(pytester: pytest.Pytester) -> None:
    text = SMALL.replace("Paris beats Lyon", "Paris :: Lyon [at 2:1]")
    _write(pytester, "own.scenario.yaml", text)
    chosen = "own.scenario.yaml::Paris : Lyon [at 2:1][trio]"
    _run(pytester, chosen).assert_outcomes(passed=1)


def test_a_setting_names_folders_and_loops(pytester: pytest.Pytester) -> None:
    _write(pytester, "plays/paris.yaml", SMALL)
    _write(pytester, "other/paris.yaml", SMALL)
    pytester.makeini(
        "[pytest]\ncoordinator_scenarios = plays\ncoordinator_runtimes = trio\n"
    )
    _run(pytester).assert_outcomes(passed=1)
    _run(pytester, "other/paris.yaml").assert_outcomes(passed=1)


def test_fixtures_give_virtual_time_schedules_and_a_look_at_leftovers(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import anyio, pytest

        def test_hour(virtual_run, nothing_left_over):
            virtual_run(anyio.sleep, 3600)

        @pytest.mark.schedules(3)
        def test_orders(virtual_run, schedule):
            assert schedule in (0, 1, 2)

        def test_left(nothing_left_over):
            test_left.file = open("here", "w")

        def test_backend(virtual_backend):
            name, options = virtual_backend
            anyio.run(anyio.sleep, 99, backend=name, backend_options=options)

        def test_emulator(emulator):
            async def main():
                async with emulator({"turns": [{"lines": ["hi"]}]}) as server:
                    assert server.base_url.startswith("http://127.0.0.1")
            anyio.run(main)
        """
    )
    ran = _run(pytester)
    ran.assert_outcomes(passed=2 + 6 + 1 + 2 + 1, errors=1)
    ran.stdout.fnmatch_lines(["*left over: file *here left open*"])
