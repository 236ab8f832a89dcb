"""The program is started in a namespace of its own, and lives as long as it is used."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace

import anyio
import pytest

from agents.backends.claude_code.process import program
from agents.backends.claude_code.settings import ClaudeCodeSettings

pytestmark = [pytest.mark.real_time, pytest.mark.needs("bwrap")]

PROGRAM = """\
#!/bin/sh
echo "$$ of $1"
sleep 1
read words
echo "heard $words"
exit 7
"""


def wrapper(folder: Path) -> str:
    """The program that is started instead of the one bundled with a package."""
    bundled = folder / "package" / "_bundled" / "claude"
    bundled.parent.mkdir(parents=True)
    bundled.write_text(PROGRAM)
    bundled.chmod(0o700)
    package = SimpleNamespace(__file__=str(folder / "package" / "__init__.py"))
    settings = ClaudeCodeSettings(model="m", folder=folder, home=folder)
    started = program(package, settings)
    assert started is not None
    return started


async def test_a_program_outlives_the_thread_that_has_started_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trio._core._thread_cache.IDLE_TIMEOUT", 0.3)
    with anyio.fail_after(20):
        ended = await anyio.run_process(
            [wrapper(tmp_path), "ours"], input=b"words\n", check=False
        )
    assert ended.returncode == 7
    pid, *lines = ended.stdout.decode().splitlines()
    assert int(pid.split()[0]) < 10, "it is not in a namespace of its own"
    assert lines == ["heard words"]


async def test_what_is_left_of_a_program_ends_with_what_was_started(
    tmp_path: Path,
) -> None:
    with anyio.fail_after(20):
        async with await anyio.open_process(
            [wrapper(tmp_path), f"mark-{tmp_path.name}"]
        ) as process:
            assert process.stdout is not None
            await process.stdout.receive()
            process.kill()
            await process.wait()
        while await _running(f"mark-{tmp_path.name}"):  # noqa: ASYNC110  (the kernel ends it)
            await anyio.sleep(0.05)


async def _running(words: str) -> bool:
    ended = await anyio.run_process(
        ["pgrep", "-f", words], check=False, stderr=subprocess.DEVNULL
    )
    return bool(ended.stdout)
