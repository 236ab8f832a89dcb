"""Claude Code in a team, for real: the program, its process, our emulator.

Skipped where ``claude-agent-sdk`` (400 MB) is not installed: name the Python of an
environment that has it in ``COORDINATOR_TEST_CLAUDE_CODE``, or install the extra here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from agents import Agent, AgentId, ClaudeCodeBackend, ScriptedBackend, tool
from agents.backends.claude_code.process import has_namespaces
from agents.backends.scripted.script import parse_script
from agents.emulator import Server, serve
from agents.protocol.chunks import ServerToolReturned, ToolCalled, VoteCast
from agents.tools.approval import Approved, Refused, Verdict
from coordinator import Event, Result, Rules, Team, open_session

PYTHON = os.environ.get("COORDINATOR_TEST_CLAUDE_CODE", "")
PACKAGE = "claude_agent_sdk"
PATIENCE_S = 90

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.long,
    pytest.mark.skipif(
        not PYTHON and find_spec(PACKAGE) is None,
        reason="NO CLAUDE CODE: install the extra claude_code, or name the Python of "
        "an environment that has claude-agent-sdk in COORDINATOR_TEST_CLAUDE_CODE",
    ),
]


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the package importable, and nothing else of that environment."""
    if find_spec(PACKAGE) is not None:
        return
    found = sorted(Path(PYTHON).parent.parent.glob(f"lib/*/site-packages/{PACKAGE}"))
    assert found, f"{PYTHON} has no {PACKAGE}"
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / PACKAGE).symlink_to(found[0])
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])


def height(mountain: str) -> str:
    """Tell how high a mountain is."""
    return f"{mountain}: 2962 m"


def _bash(command: str) -> dict[str, Any]:
    return {"tool": "Bash", "input": {"command": command, "description": "look"}}


def _backend(server: Server, folder: Path, **settings: Any) -> ClaudeCodeBackend:
    return ClaudeCodeBackend(
        "claude-sonnet-5-5",
        folder=folder / "work",
        home=folder / "home",
        api_key="sk-ant-emulated",
        base_url=server.base_url,
        **settings,
    )


async def _asked(team: Team) -> tuple[Result, list[Event]]:
    events: list[Event] = []
    with anyio.fail_after(PATIENCE_S):
        async with open_session("How high is the Zugspitze?", team) as session:
            async for batch in session.events():
                events += batch
        return await session.wait(), events


async def test_it_uses_its_own_tools_and_ours_and_votes_with_others(
    tmp_path: Path,
) -> None:
    script = {
        "turns": [
            {
                "when": {"task": "draft", "call": 1},
                "lines": [
                    {"thinking": "I look around."},
                    _bash("echo key=$ANTHROPIC_API_KEY; echo words > here.txt"),
                ],
            },
            {
                "when": {"task": "draft", "told": "key="},
                "lines": [{"tool": "height", "input": {"mountain": "Z"}}],
            },
            {"when": {"told": "Z: 2962 m"}, "lines": [{"answer": "It has 2962 m."}]},
            {"when": {"task": "review"}, "lines": [{"vote": "2962"}]},
        ]
    }
    other = {
        "turns": [
            {"when": {"task": "draft"}, "lines": [{"answer": "Quite high, I think."}]},
            {"when": {"task": "review"}, "lines": [{"vote": "2962"}]},
        ]
    }
    async with serve({AgentId("ada"): parse_script(script)}) as server:
        team = Team(
            agents=[
                Agent(
                    id="ada", backend=_backend(server, tmp_path), tools=[tool(height)]
                ),
                Agent(id="ben", backend=ScriptedBackend(parse_script(other))),
            ],
            rules=Rules(final="reuse", deadline_s=PATIENCE_S, early=False),
        )
        result, events = await _asked(team)
    assert (result.status, result.answer) == ("answered", "It has 2962 m.")
    voters = {x.agent for x in events if isinstance(x, VoteCast)}
    assert voters == {"ada", "ben"}
    (returned,) = [x for x in events if isinstance(x, ServerToolReturned)]
    assert b"sk-ant" not in bytes(returned.content)
    assert (tmp_path / "work" / "here.txt").read_text() == "words\n"
    assert result.usage.input_tokens > 0
    # Three processes, two conversations: the draft's went on where it had ended.
    sessions = list((tmp_path / "home").glob(".claude/projects/*/*.jsonl"))
    assert len(sessions) == 2


async def test_its_own_tools_are_asked_about(tmp_path: Path) -> None:
    asked: list[str] = []

    async def approver(_agent: AgentId, call: ToolCalled) -> Verdict:
        await anyio.lowlevel.checkpoint()
        asked.append(call.name)
        return Refused("not on a Monday") if b"rm" in bytes(call.input) else Approved()

    script = {
        "turns": [
            {"when": {"call": 1}, "lines": [_bash("rm -rf here")]},
            {"when": {"told": "not on a Monday"}, "lines": [{"answer": "I may not."}]},
        ]
    }
    async with serve({AgentId("ada"): parse_script(script)}) as server:
        backend = _backend(server, tmp_path, approve=["Bash"], approver=approver)
        team = Team(
            agents=[Agent(id="ada", backend=backend)],
            rules=Rules(final="reuse", deadline_s=PATIENCE_S),
        )
        result, _ = await _asked(team)
    assert (result.status, result.answer) == ("answered", "I may not.")
    assert asked == ["Bash"]


async def test_to_stop_it_ends_its_process_and_all_that_this_has_started(
    tmp_path: Path,
) -> None:
    mark = f"marker-{tmp_path.name}"
    wait = f"tail -f /dev/null {mark}"
    script = {
        "turns": [
            {"lines": [_bash(f"touch begun; (setsid {wait} &); {wait} & {wait}")]},
            {"repeat": True, "maybe": True, "lines": [{"answer": "Never."}]},
        ]
    }
    async with serve({AgentId("ada"): parse_script(script)}) as server:
        team = Team(
            agents=[Agent(id="ada", backend=_backend(server, tmp_path))],
            rules=Rules(final="reuse", deadline_s=PATIENCE_S),
        )
        with anyio.fail_after(PATIENCE_S):
            async with open_session("Why?", team) as session:
                while not (tmp_path / "work" / "begun").exists():  # noqa: ASYNC110  (another process makes it)
                    await anyio.sleep(0.05)
                session.stop_agent("ada", "it takes too long")
                result = await session.wait()
    assert result.answer is None
    if has_namespaces():  # else what its shell has put aside may stay
        assert await _running(mark) == ""
    assert await _running(str(tmp_path / "home" / "claude")) == ""


async def _running(words: str) -> str:
    """The processes whose command line has ``words``, once what ends has ended."""
    told = ""
    for _ in range(40):
        found = await anyio.run_process(
            ["pgrep", "-af", words], check=False, stderr=subprocess.DEVNULL
        )
        told = found.stdout.decode()
        if not told:
            break
        await anyio.sleep(0.05)
    return told


@pytest.mark.parametrize(("status", "kind"), [(401, "Refused"), (529, "Unavailable")])
async def test_what_its_api_refuses_is_the_agents_failure(
    tmp_path: Path, status: int, kind: str
) -> None:
    script = {"turns": [{"repeat": True, "lines": [{"error": {"status": status}}]}]}
    async with serve({AgentId("ada"): parse_script(script)}) as server:
        agent = Agent(
            id="ada", backend=_backend(server, tmp_path), overload_limit_s=0.1
        )
        team = Team(agents=[agent], rules=Rules(final="reuse", deadline_s=PATIENCE_S))
        result, _ = await _asked(team)
    assert result.status == "failed"
    assert kind in (result.agents["ada"].error or "")
