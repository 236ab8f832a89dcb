"""Teams whose sessions are kept, and processes that keep them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

Run: TypeAlias = Callable[..., tuple[int, str, str]]
Start: TypeAlias = Callable[..., AbstractContextManager[subprocess.Popen[bytes]]]

TEAM = """\
question: Is it so?
agents:
  - id: ada
    script:
      turns:
        - {when: {task: draft}, lines: [{answer: It is so indeed.}]}
        - {when: {task: review}, lines: [{vote: indeed, reason: Sure.}]}
        - {when: {task: present}, lines: [{text: "Yes, it is."}]}
  - id: bo
    script:
      turns:
        - {when: {task: draft}, lines: [{answer: Not at all.}]}
        - {when: {task: review}, lines: [{vote: indeed, reason: I was wrong.}]}
voting: {rule: plurality, early: false}
"""


# One answers at once; the other talks for half a minute.
TALKING = """\
question: Is it so?
agents:
  - id: ada
    script:
      turns: [{when: {task: draft}, lines: [{answer: It is so indeed.}]}]
  - id: bo
    script:
      turns: [{lines: [{thinking: "WORDS", rate: 2500}, {answer: Not at all.}]}]
voting: {straggler: null}
""".replace("WORDS", "and so on " * 7500)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder for journals; not there yet."""
    return tmp_path / "sessions"


@pytest.fixture
def team(tmp_path: Path) -> str:
    """The file of a team that agrees at once."""
    path = tmp_path / "team.yaml"
    path.write_text(TEAM)
    return str(path)


@pytest.fixture
def talking(tmp_path: Path) -> str:
    """The file of a team that can be interrupted in the midst of its drafts."""
    path = tmp_path / "talking.yaml"
    path.write_text(TALKING)
    return str(path)


@pytest.fixture
def started() -> Start:
    """Start the program as a process of its own, which does not outlive the test."""

    @contextmanager
    def start(
        *arguments: str, file_bytes: int | None = None
    ) -> Generator[subprocess.Popen[bytes]]:
        begin = [sys.executable, "-m", "coordinator", *arguments]
        if file_bytes is not None:  # what a full disk is to a program
            # Python would cut what it compiles there, too, and everybody reads that.
            begin = [begin[0], "-B", *begin[1:]]
            begin = ["prlimit", f"--fsize={file_bytes}", "--", *begin]
        with subprocess.Popen(  # noqa: S603  (our own program)
            begin,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    return start
