"""Where POSIX-only modules are missing, as on Windows, all but the journal works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

GONE = """
import builtins, os, sys
for name in ("fcntl", "termios", "tty", "pty", "resource", "pwd", "grp", "syslog"):
    sys.modules[name] = None
for name in (
    "O_NOFOLLOW O_DIRECTORY O_CLOEXEC O_NONBLOCK killpg getpgid setsid geteuid getuid "
    "fork sysconf posix_fallocate fchmod set_blocking openpty"
).split():
    if hasattr(os, name):
        delattr(os, name)
import signal
for name in ("SIGKILL", "SIGHUP", "SIGUSR1", "SIGALRM"):
    if hasattr(signal, name):
        delattr(signal, name)
sys.platform = "win32"
from coordinator.cli import main
sys.platform = "linux"
sys.exit(main(sys.argv[1:]))
"""
RUNS = [
    ("run", "--demo", "--no-journal", "--display", "plain"),
    (
        "run",
        "Why?",
        "--model",
        "claude-haiku-4-5",
        "--emulate",
        "--no-journal",
        "--json",
    ),
]


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  (our own program)
        [sys.executable, "-c", GONE, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.real_time
@pytest.mark.parametrize("arguments", RUNS)
def test_a_session_runs_without_a_journal(arguments: tuple[str, ...]) -> None:
    done = _run(*arguments)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.real_time
def test_what_keeps_a_journal_says_that_it_cannot(tmp_path: Path) -> None:
    done = _run("run", "--demo", "--display", "plain", "--journal", str(tmp_path))
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "--no-journal" in done.stderr


@pytest.mark.real_time
def test_what_measures_by_posix_says_that_it_cannot() -> None:
    done = _run("bench", "--quick")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "POSIX" in done.stderr
