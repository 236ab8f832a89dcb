from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agents import Agent, FunctionBackend, Vote, tool
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from coordinator import Rules, Team
from coordinator.errors import ConfigInvalid
from coordinator.massgen import Orchestrator, run
from coordinator.massgen.orchestrator import StreamChunk

THEIRS = """\
agents:
  - id: a
    backend: {type: openai, model: gpt-5-mini}
  - id: b
    backend: {type: claude, model: claude-haiku-4-5}
"""


async def say(_messages: Any, _tools: Any, turn: Any) -> Any:
    ballot = getattr(turn.task, "ballot", None)
    if ballot is not None:
        return Vote(ballot.labels[0], reason="it is first")
    return "Paris"


async def chunks(orchestrator: Orchestrator, question: str) -> list[Any]:
    return [chunk async for chunk in orchestrator.chat_simple(question)]


async def test_a_run_is_told_in_massgens_chunks_and_states() -> None:
    team = Team(agents=[Agent(id=x, backend=FunctionBackend(say)) for x in "ab"])
    orchestrator = Orchestrator(agents=team)
    kinds = [chunk.type for chunk in await chunks(orchestrator, "Which city?")]
    assert kinds[0] == "system_status"
    assert kinds[-1] == "done"
    assert "final_presentation_start" in kinds
    status = orchestrator.get_status()
    assert status["workflow_phase"] == "presenting"
    assert status["selected_agent"] in {"a", "b"}
    result = orchestrator.get_coordination_result()
    assert result["final_answer"] == "Paris"
    assert {answer["agent_id"] for answer in result["answers"]} == {"a", "b"}


class Emitter:
    """Keeps what it is told, by any of MassGen's ways to tell it."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def emit(*words: Any, **fields: Any) -> None:
            self.told.append((name, {**fields, "words": words}))

        return emit


async def test_massgens_emitter_is_told_what_its_displays_draw(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    emitter = Emitter()
    module = SimpleNamespace(get_event_emitter=lambda: emitter)
    monkeypatch.setitem(sys.modules, "massgen.events", cast("Any", module))
    turns = [
        {
            "lines": [
                {"thinking": "Hm."},
                "I look.",
                {"tool": "look", "input": {"n": 1}},
            ]
        },
        {"lines": [{"answer": "Paris"}]},
        {"lines": ["It is Paris."]},
    ]
    script = parse_script({"turns": turns})

    @tool
    def look(n: int) -> str:
        """Look."""
        return f"seen {n}"

    agents = [Agent(id="a", backend=ScriptedBackend(script), tools=[look])]
    team = Team(agents=agents, rules=Rules("massgen", restarts=1))
    await chunks(Orchestrator(agents=team), "Which city?")
    kinds = [kind.removeprefix("emit_") for kind, _ in emitter.told]
    assert kinds == [
        "round_start",
        "thinking",
        "text",
        "tool_start",
        "tool_complete",
        "answer_submitted",
        "final_presentation_start",
        "round_start",
        "final_presentation_chunk",
        "winner_selected",
        "final_answer",
        "final_presentation_end",
        "answer_locked",
    ]
    told = dict(emitter.told)
    assert told["emit_tool_complete"]["result"] == "seen 1"
    assert told["emit_answer_submitted"]["answer_label"] == "agent1.1"
    assert told["emit_final_answer"]["words"] == ("It is Paris.",)


async def test_agents_of_massgens_are_asked_through_their_backends() -> None:
    asked: list[list[dict[str, Any]]] = []

    async def stream(messages: Any, tools: Any, **options: Any) -> Any:
        asked.append(messages)
        assert options["model"] == "m"
        call = {"name": "new_answer", "arguments": '{"content": "Rome"}'}
        yield StreamChunk(type="reasoning", reasoning_delta="Hm.")
        if "new_answer" in {tool["function"]["name"] for tool in tools}:
            told = {"id": "c1", "type": "function", "function": call}
            yield StreamChunk(type="tool_calls", tool_calls=[told])
        else:
            yield StreamChunk(type="content", content="Rome it is.")
        yield StreamChunk(type="done")

    theirs = SimpleNamespace(
        backend=SimpleNamespace(stream_with_tools=stream),
        config=SimpleNamespace(backend_params={"model": "m"}),
    )
    orchestrator = Orchestrator(agents={"one": theirs})
    await chunks(orchestrator, "Which city?")
    answers = orchestrator.get_coordination_result()["answers"]
    assert {answer["content"] for answer in answers} == {"Rome"}
    assert asked


def test_nothing_that_can_be_asked_is_refused() -> None:
    with pytest.raises(ConfigInvalid, match="give an Agent"):
        Orchestrator(agents={"one": object()})


@pytest.mark.real_time
@pytest.mark.parametrize("anyio_backend", [("asyncio", {})])
async def test_run_knows_each_models_maker_by_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Without a key nobody is asked: the error names whose key is missing.
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigInvalid, match="OPENAI_API_KEY"):
        await run("Why?", model="gpt-5-mini")


@pytest.mark.real_time
@pytest.mark.parametrize("anyio_backend", [("asyncio", {})])
async def test_run_returns_massgens_dictionary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "their.yaml").write_text(THEIRS)
    result = await run(
        "Why?",
        config="their.yaml",
        is_emulated=True,
        enable_logging=True,
        output_file="answer.txt",
    )
    assert result["final_answer"] == (tmp_path / "answer.txt").read_text()
    assert result["selected_agent"] in {"a", "b"}
    assert sum(result["vote_results"]["vote_counts"].values()) == 2
    assert {answer["label"] for answer in result["answers"]} == {
        "agent1.1",
        "agent2.1",
    }
    assert result["usage"]["total_tokens"] > 0
    status = Path(result["log_directory"], "turn_1/attempt_1/status.json")
    assert status.exists()  # noqa: ASYNC240  (a test)
    for answer in result["answers"]:
        text = Path(answer["answer_path"], "answer.txt").read_text()  # noqa: ASYNC240  (a test)
        assert text == answer["content"]
    with pytest.raises(ConfigInvalid, match="no team was named"):
        await run("Why?")
