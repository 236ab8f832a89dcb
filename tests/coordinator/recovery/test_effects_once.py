"""A tool that has begun is not run again unasked, though it takes its process along."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

TEAM = """
    import os, signal, sys, time
    from pathlib import Path
    import anyio, msgspec, coordinator
    import coordinator.journal.writer as writing
    from agents.backends.scripted.backend import ScriptedBackend
    from agents.backends.scripted.script import parse_script
    from agents.tools.function import tool
    from agents.tools.approval import Approval, Approved
    from coordinator.consensus.rules import Rules

    mode, runtime, durability, late_s, folder = sys.argv[1:]
    folder = Path(folder)
    write = writing.JournalWriter._write

    def late(self, *group):
        time.sleep(float(late_s))
        return write(self, *group)

    writing.JournalWriter._write = late

    def note(line):
        with (folder / "effects").open("a") as file:
            file.write(line + "\\n")

    @tool
    async def pay(n: int) -> str:
        '''Pay.

        Args:
            n: Which.
        '''
        note(f"{mode} pays {n}")
        if mode == "first":
            await anyio.sleep(PAYS_S)
            os.kill(os.getpid(), signal.SIGKILL)
        return "paid"

    async def approver(agent, call):
        n = msgspec.json.decode(call.input)["n"]
        note(f"{mode} asks about {n}")
        if mode == "first" and n == 2:
            await anyio.sleep(60)
        return Approved()

    CALLS = [{"tool": "pay", "input": {"n": n}} for n in NUMBERS]
    script = parse_script({"turns": [
        {"when": {"task": "draft", "call": 1}, "lines": CALLS},
        {"when": {"task": "draft"}, "repeat": True, "lines": [{"answer": "done"}]},
        {"when": {"task": "present"}, "repeat": True, "lines": [{"text": "done"}]},
    ]})
    ada = coordinator.Agent(
        id="ada", backend=ScriptedBackend(script), tools=(pay,), **more(globals())
    )
    team = coordinator.Team(agents=(ada,), rules=Rules(deadline_s=30))

    async def main():
        if mode == "first":
            await coordinator.run(
                "q", team, journal=folder / "J", session_id="a", durability=durability
            )
        else:
            async with coordinator.resume_session(
                "a", team, journal=folder / "J", durability=durability
            ) as session:
                result = await session.wait()
            note(f"{mode} {result.status}")

    anyio.run(main, backend=runtime)
"""


def effects(
    folder: Path, runtime: str, durability: str, late_s: float, settings: str
) -> list[str]:
    """Run the team until its tool kills it, go on, and tell what was done."""
    (folder / "J").mkdir(mode=0o700)
    program = folder / "team.py"
    program.write_text(f"{settings}\n{textwrap.dedent(TEAM)}")
    for mode, code in (("first", -signal.SIGKILL), ("second", 0)):
        command = (program, mode, runtime, durability, str(late_s), folder)
        ended = subprocess.run(  # noqa: S603  (our own program)
            [sys.executable, *map(str, command)],
            check=False,
            capture_output=True,
            timeout=60,
        )
        assert ended.returncode == code, ended.stderr.decode()
    return (folder / "effects").read_text().splitlines()


@pytest.mark.long
@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("late_s", [0.0, 0.06])
def test_a_tool_that_kills_its_process_is_run_once_in_every_durability(
    tmp_path: Path, runtime: str, durability: str, late_s: float
) -> None:
    settings = "NUMBERS, PAYS_S, more = [1], 0.0, lambda names: {}"
    done = effects(tmp_path, runtime, durability, late_s, settings)
    assert done == ["first pays 1", "second answered"]


@pytest.mark.long
@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_an_approved_call_is_not_run_again_where_another_waited_for_its_yes(
    tmp_path: Path, runtime: str, durability: str
) -> None:
    settings = (
        "NUMBERS, PAYS_S = [1, 2], 0.3\n"
        "def more(names):\n"
        "    return {'approval': names['Approval'](('pay',), names['approver'])}"
    )
    done = effects(tmp_path, runtime, durability, 0.0, settings)
    assert [line for line in done if line.endswith("pays 1")] == ["first pays 1"]
    # Nobody had approved the other, so it was not made, and is put to them again.
    assert "second asks about 2" in done
    assert "second asks about 1" not in done
    assert done[-1] == "second answered"
