"""Function tools of team files, over real HTTP: what the API is told, what is seen."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from agents.protocol.chunks import ToolCalled, ToolInputDelta, ToolReturned
from agents.tools.function import tool
from coordinator.displays.base import Cast
from coordinator.displays.plain import PlainDisplay
from coordinator.errors import ConfigInvalid
from coordinator.session.session import open_session
from coordinator.team.builder import assemble, closing
from coordinator.team.emulation import NO_KEY, emulated
from coordinator.team.reader import parse_team, read_team

FILE = Path(__file__).parents[3] / "scenarios" / "capabilities" / "function_tools.yaml"
CANARY = "sk-ant-canary-for-tools"


async def ran(
    path: Path, text: str | None = None, environment: Any = NO_KEY
) -> tuple[list[Any], list[Any], str]:
    """The chunks, the bodies that were asked, and what the plain display showed."""
    config = read_team(path) if text is None else parse_team(text, path)
    shown = io.StringIO()
    async with emulated(config) as (pretended, server):
        async with closing(assemble(pretended, environment=environment)) as team:
            models = {agent.id: agent.backend.model for agent in team.with_models}
            display = PlainDisplay(shown, Cast(question="?", models=models))
            async with open_session("?", team, displays=[display]) as session:
                chunks: list[Any] = [chunk async for chunk in session]
                await session.wait()
        bodies = [request.body for request in server.requests]
    return chunks, bodies, shown.getvalue()


@pytest.mark.real_time
async def test_what_a_file_says_of_a_function_reaches_the_api() -> None:
    chunks, bodies, _ = await ran(FILE)
    tools = {tool["name"]: tool for tool in bodies[0]["tools"]}
    assert tools["today"]["description"] == "Today's date, in UTC."
    told = tools["count_days"]
    assert told["strict"] is True
    assert told["defer_loading"] is True
    assert told["eager_input_streaming"] is True
    assert told["input_examples"] == [{"start": "2000-01-01", "end": "2000-03-01"}]
    assert told["input_schema"]["properties"]["start"]["format"] == "date"
    returned = [chunk for chunk in chunks if isinstance(chunk, ToolReturned)]
    assert [bytes(chunk.content) for chunk in returned] == [b'"73166"']


@pytest.mark.real_time
async def test_a_server_named_in_a_file_is_called_and_offered_to_its_agent_alone() -> (
    None
):
    chunks, bodies, shown = await ran(FILE.with_name("mcp.yaml"))
    returned = [chunk for chunk in chunks if isinstance(chunk, ToolReturned)]
    assert [bytes(chunk.content) for chunk in returned] == [b'"73166"']
    assert "dates__days_between returned" in shown
    offered = [
        any(tool["name"] == "dates__days_between" for tool in body["tools"])
        for body in bodies
    ]
    assert True in offered
    assert False in offered


@pytest.mark.real_time
async def test_input_is_seen_while_it_is_written() -> None:
    chunks, _, _ = await ran(FILE)
    kinds: list[type[Any]] = [type(chunk) for chunk in chunks]
    called = kinds.index(ToolCalled)
    pieces = [c.partial_json for c in chunks[:called] if isinstance(c, ToolInputDelta)]
    assert len(pieces) > 5
    assert "".join(pieces).replace(" ", "") == bytes(chunks[called].input).decode(
        "utf-8"
    ).replace(" ", "")


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (
            "{function: 'agents.tools.dates:today', strikt: true}",
            "did you mean 'strict'",
        ),
        ("{function: 'agents.tools.dates:today', strict: 3}", "strict"),
    ],
)
def test_an_unknown_key_of_a_function_is_refused_with_its_place(
    entry: str, why: str
) -> None:
    for text in (
        f"agents: [{{id: ada, model: m, tools: [{entry}]}}]",
        f"defaults: {{tools: [{entry}]}}\nagents: [{{id: ada, model: m}}]",
    ):
        with pytest.raises(ConfigInvalid, match=why):
            parse_team(text, Path("team.yaml"))


def test_a_tool_ready_made_is_named_like_a_function(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = ModuleType("ready_made")

    @tool(strict=True)
    def population(city: str) -> int:
        """How many people live there."""
        return len(city)

    module.__dict__["population"] = population
    monkeypatch.setitem(sys.modules, "ready_made", module)
    text = (
        "agents: [{id: ada, model: m, base_url: 'http://127.0.0.1:1', tools: [TOOL]}]"
    )
    named = parse_team(text.replace("TOOL", "'ready_made:population'"), Path("t.yaml"))
    assert assemble(named, environment={}).with_models[0].tools == (population,)
    options = "{function: 'ready_made:population', strict: true}"
    again = parse_team(text.replace("TOOL", options), Path("t.yaml"))
    with pytest.raises(ConfigInvalid, match="it is a tool already"):
        assemble(again, environment={})


SPYING = """\
defaults: {backend: claude, model: claude-haiku-5-5, workspace: WORKSPACE}
agents:
  - id: ada
    tools: [bash]
    mcp: [{name: spy, command: [COMMAND]}]
    script:
      turns:
        - lines:
            - {tool: bash, input: {command: "env; cat /proc/self/environ"}}
            - {tool: spy__env, input: {}}
        - lines: [{answer: Nothing.}]
"""


@pytest.mark.real_time
async def test_a_key_of_ours_reaches_no_tools_process_nor_what_is_kept_of_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    spy: str,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    (tmp_path / "spy.py").write_text(spy)
    command = f"'{sys.executable}', '{tmp_path / 'spy.py'}'"
    text = SPYING.replace("COMMAND", command).replace("WORKSPACE", str(tmp_path / "w"))
    config = parse_team(text, tmp_path / "team.yaml")
    shown = io.StringIO()
    with caplog.at_level("DEBUG"):
        async with emulated(config) as (pretended, server):
            real = {"ANTHROPIC_API_KEY": CANARY}
            async with closing(assemble(pretended, environment=real)) as team:
                models = {agent.id: agent.backend.model for agent in team.with_models}
                display = PlainDisplay(shown, Cast(question="?", models=models))
                kept = tmp_path / "kept"
                async with open_session(
                    "?", team, displays=[display], journal=kept
                ) as session:
                    chunks: list[Any] = [chunk async for chunk in session]
                    assert (await session.wait()).answer == "Nothing."
                assert CANARY not in repr(team)
    returned = [chunk for chunk in chunks if isinstance(chunk, ToolReturned)]
    assert {chunk.name: chunk.is_error for chunk in returned} == {
        "bash": False,
        "spy__env": False,
    }
    assert all(b"PATH" in bytes(chunk.content) for chunk in returned)
    assert server.requests
    assert CANARY not in f"{chunks}{shown.getvalue()}{caplog.text}"
    files = [path for path in kept.rglob("*") if path.is_file()]
    assert files
    assert all(CANARY.encode() not in path.read_bytes() for path in files)
