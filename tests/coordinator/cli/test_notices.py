"""Warnings of libraries and the end of models: one notice each, never an exception."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

import coordinator
from agents.backends.claude.backend import ClaudeBackend
from agents.backends.scripted.script import parse_script
from agents.emulator import serve
from agents.protocol.chunks import AgentId
from coordinator.cli.error_report import at_the_boundary

TEAM = """\
question: Is it so?
defaults: {backend: claude}
agents:
  - id: ada
    model: claude-opus-4-5
    script:
      turns:
        - {when: {task: draft}, lines: [{answer: It is so indeed.}]}
        - {when: {task: review}, lines: [{vote: indeed}]}
        - {when: {task: present}, lines: [{text: "Yes, it is."}]}
  - id: bo
    model: claude-opus-4-6
    thinking: 2000
    script:
      turns:
        - {when: {task: draft}, lines: [{answer: Not at all.}]}
        - {when: {task: review}, lines: [{vote: indeed}]}
"""
RETIRED = (
    "coordinator: notice: claude-opus-4-5 is retired on 2027-01-22 (as known on "
    "2026-11-30); take claude-opus-5-5 instead\n"
)


@pytest.mark.real_time
@pytest.mark.parametrize("display", ["plain", "quiet", "jsonl"])
def test_a_run_with_warnings_as_errors_ends_well_and_says_each_once(
    display: str, tmp_path: Path
) -> None:
    file = tmp_path / "team.yaml"
    file.write_text(TEAM)
    words = ("run", "-c", file, "--emulate", "--no-journal", "--display", display)
    done = subprocess.run(  # noqa: S603  (our own words)
        [sys.executable, "-W", "error", "-m", "coordinator", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Yes, it is." in done.stdout
    first, second = done.stderr.splitlines(keepends=True)
    assert first == RETIRED
    assert second.startswith("coordinator: notice: ")
    assert "claude-opus-4-6" in second


def test_what_a_library_warns_of_is_told_once_after_the_work(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def work() -> int:
        for _ in range(3):
            warnings.warn("old,\n\x1b[31mreplace it", DeprecationWarning, stacklevel=1)
        warnings.warn("odd", UserWarning, stacklevel=1)
        assert not capsys.readouterr().err
        return 0

    assert at_the_boundary(work) == 0
    assert capsys.readouterr().err == (
        "coordinator: notice: old, replace it\ncoordinator: notice: odd\n"
    )


def test_what_is_a_fault_of_ours_stays_an_error() -> None:
    def work() -> int:
        warnings.warn("a file was left open", ResourceWarning, stacklevel=1)
        return 0

    assert at_the_boundary(work) == 2


@pytest.mark.real_time
async def test_from_python_a_session_survives_what_its_libraries_warn_of() -> None:
    lines: dict[str, Any] = {"lines": [{"answer": "Paris"}], "repeat": True}
    async with serve(parse_script({"turns": [lines]})) as server:
        backend = ClaudeBackend(
            "claude-opus-4-5", api_key="sk-test", base_url=server.base_url
        )
        agent = coordinator.Agent(id=AgentId("ada"), backend=backend)
        team = coordinator.Team(agents=(agent,))
        result = await coordinator.run("What is the capital of France?", team)
        await backend.aclose()
    assert result.answer == "Paris"
