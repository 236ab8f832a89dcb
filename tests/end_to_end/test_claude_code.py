"""Claude Code itself works against the emulator: text, a tool, several turns.

It is the ``claude`` program within the package ``claude-agent-sdk`` (400 MB), which is
no part of what tests need: install it in an environment of its own and name its Python
in ``COORDINATOR_TEST_CLAUDE_CODE``.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import anyio
import pytest

from agents.backends.scripted.script import parse_script
from agents.emulator import Server, sample_script, serve

PYTHON = os.environ.get("COORDINATOR_TEST_CLAUDE_CODE", "")
PROGRAM = Path(__file__).with_name("claude_code_program.py")
PATIENCE_S = 120

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(
        not PYTHON,
        reason="NO CLAUDE CODE: install claude-agent-sdk in an environment of its own "
        "and name its Python in COORDINATOR_TEST_CLAUDE_CODE",
    ),
]

SCRIPT = {
    "turns": [
        {
            "when": {"told": "How is the weather?"},
            "lines": [
                {"thinking": "I have a tool for that."},
                {"text": "Let me look."},
                {"tool": "mcp__sky__weather", "input": {"city": "Bern"}},
            ],
        },
        {"when": {"told": "Rain in Bern."}, "lines": [{"text": "It rains in Bern."}]},
        {"repeat": True, "lines": [{"text": "Hello there."}]},
    ]
}


async def conversed(
    server: Server, home: Path, runtime: str, *prompts: str
) -> list[dict[str, Any]]:
    """Claude Code's replies to ``prompts``, one after the other."""
    quiet = {
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_MAX_RETRIES": "1",
    }
    with anyio.fail_after(PATIENCE_S):
        done = await anyio.run_process(
            [PYTHON, str(PROGRAM), runtime],
            input=json.dumps({"prompts": prompts}).encode(),
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(home),
                "TMPDIR": str(home),
                "ANTHROPIC_BASE_URL": server.base_url,
                "ANTHROPIC_API_KEY": "sk-ant-emulated",
                **quiet,
            },
            check=False,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


def results(said: list[dict[str, Any]]) -> list[Any]:
    return [each["said"] for each in said if each["kind"] == "ResultMessage"]


async def test_claude_code_talks_calls_a_tool_and_goes_on(
    tmp_path: Path, anyio_backend_name: str
) -> None:
    async with serve(parse_script(SCRIPT)) as server:
        said = await conversed(
            server, tmp_path, anyio_backend_name, "Hello?", "How is the weather?", "Bye"
        )
        assert {each.status for each in server.requests} == {200}, "none is repeated"
        assert all(each.is_complete for each in server.requests)
        assert len(server.requests) == 4
    assert results(said) == [
        ["success", "Hello there.", False],
        ["success", "It rains in Bern.", False],
        ["success", "Hello there.", False],
    ]
    spoken = [each["said"] for each in said if each["kind"] != "ResultMessage"]
    blocks = [block for each in spoken for block in each or ()]
    assert {"name": "mcp__sky__weather", "input": {"city": "Bern"}} in blocks
    assert any("Rain in Bern." in str(block.get("content")) for block in blocks)


async def test_claude_code_needs_no_script(
    tmp_path: Path, anyio_backend_name: str
) -> None:
    async with serve(sample_script()) as server:
        said = await conversed(server, tmp_path, anyio_backend_name, "Say hi", "Bye")
        assert {each.status for each in server.requests} == {200}
    assert [subtype for subtype, *_ in results(said)] == ["success", "success"]
