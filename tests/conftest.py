"""Every test runs on asyncio and on trio, in virtual time unless it says otherwise."""

from __future__ import annotations

import importlib.util
import io
import logging
import os
import shutil
import sys
from collections.abc import Callable, Generator
from typing import Any

import pytest
import trio.testing

from agents.actor.actor import CONTAINED
from coordinator.simulation.virtual_time import JumpingClock, VirtualTimeLoop

PATIENCE_S = 0.02
"""Data under way on loopback arrives sooner."""


class HeldClock(JumpingClock):
    """trio's jumping clock, which stands for what says by ``outside_work`` it is out.

    As on asyncio, and unlike in a scenario, other threads hold it for no moment.
    """

    def _foreign_s(self) -> float:
        return 0.0


def virtual_time(backend: str) -> tuple[str, dict[str, Any]]:
    if backend == "trio":
        return "trio", {"clock": HeldClock()}
    return "asyncio", {"loop_factory": VirtualTimeLoop}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out a test whose programs and packages are absent, but never under CI.

    ``@pytest.mark.needs("bwrap", "chromium|chromium-headless-shell")`` names commands
    or importable packages; alternatives are parted by a bar. ``.ci/run`` installs them.
    """
    for marker in item.iter_markers("needs"):
        absent = [name for name in marker.args if not _is_there(name)]
        if absent and os.environ.get("CI"):
            pytest.fail(f"{', '.join(absent)} must be here under CI", pytrace=False)
        if absent:
            pytest.skip(f"{', '.join(absent)} cannot be found")


def _is_there(name: str) -> bool:
    return any(
        shutil.which(choice) or importlib.util.find_spec(choice)
        for choice in name.split("|")
    )


@pytest.fixture(autouse=True, scope="session")
def journals_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """Whatever runs the command line keeps its sessions in a folder of the tests'."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COORDINATOR_SESSIONS", "off")  # tests name a folder
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


class _Contained(logging.Handler):
    """Notes turns that were ended by an exception which nobody foresaw."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith(CONTAINED):
            self.found.append(record.getMessage())


@pytest.fixture(autouse=True)
def no_contained_mistakes(request: pytest.FixtureRequest) -> Generator[None]:
    """An actor contains what goes wrong in it; a test does not pass over it.

    ``@pytest.mark.contains`` is for tests that bring what nobody can foresee.
    """
    handler, logger = _Contained(), logging.getLogger("agents.boundary")
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)
    if request.node.get_closest_marker("contains") is None:
        assert handler.found == []


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    if request.node.get_closest_marker("real_time"):
        return request.param, {}
    return virtual_time(request.param)


@pytest.fixture(params=["asyncio", "trio"])
def patient_backend(request: pytest.FixtureRequest) -> Any:
    """A loop on loopback whose clock jumps when nothing has come for a moment."""
    if request.param == "trio":
        clock = trio.testing.MockClock(autojump_threshold=PATIENCE_S)
        return "trio", {"clock": clock}
    return "asyncio", {"loop_factory": lambda: VirtualTimeLoop(PATIENCE_S)}


@pytest.fixture
def anyio_backend_name(anyio_backend: Any) -> str:
    return anyio_backend[0]


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Runs a command line in this process; without a key, nor anything on stdin."""
    from coordinator.cli import main  # noqa: PLC0415  (few tests need it)

    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)

    def run_it(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(
            sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8")
        )
        code = main(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run_it


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[
    None, pytest.TestReport, pytest.TestReport
]:
    """Mend half characters in what a test logged: they do not travel to the runner."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "replace").decode())
        for name, text in report.sections
    ]
    return report
