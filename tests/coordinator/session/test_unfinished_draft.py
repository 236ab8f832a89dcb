"""Of a session in which nobody answers, the longest draft is in the result."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import coordinator
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.conversation.accumulator import Transcript
from agents.protocol.chunks import AgentId, BlockStarted, ToolInputDelta, TurnNumber
from agents.protocol.stamper import Pen
from coordinator import Agent, Result, Rules, Team

Run = Callable[..., tuple[int, str, str]]


def _agent(name: str, *lines: dict[str, Any]) -> Agent:
    turns = [{"repeat": True, "lines": list(lines)}]
    return Agent(id=name, backend=ScriptedBackend(parse_script({"turns": turns})))


def _team(*agents: Agent) -> Team:
    return Team(agents=agents, rules=Rules().replace(deadline_s=30))


SHORT = _agent("ada", {"text": "Lyon, I"}, {"stall": True})
LONG = _agent("ben", {"thinking": "Hm. " * 99}, {"text": "Nice is"}, {"stall": True})
LONGER = _agent("cy", {"text": "Paris is the ca"}, {"stall": True})


async def test_the_longest_draft_is_told_where_nobody_has_answered() -> None:
    result: Result = await coordinator.run(
        "Which?", _team(SHORT, LONG, LONGER), journal=False
    )
    assert (result.status, result.answer) == ("deadline", None)
    assert result.draft is not None
    assert (result.draft.agent, result.draft.content) == ("cy", "Paris is the ca")
    assert "cy had come so far:\n\nParis is the ca" in str(result)


async def test_where_somebody_has_answered_no_draft_is_told() -> None:
    answered = _agent("dan", {"answer": "Metz"})
    result: Result = await coordinator.run(
        "Which?", _team(LONGER, answered), journal=False
    )
    assert result.answer == "Metz"
    assert result.draft is None


@pytest.mark.parametrize(
    ("typed", "content"),
    [
        ('{"content": "Pa\\nris is', "Pa\nris is"),
        ('{"content": "Paris"', "Paris"),
        ('{"content": "Paris\\', "Paris"),
        ('{"content": "Paris\\u00', "Paris"),
        ('{"content": "Paris\\ud83d', "Paris"),
        ('{"content"', ""),
    ],
)
def test_an_answer_is_read_from_input_that_is_still_typed(
    typed: str, content: str
) -> None:
    pen, response = Pen(AgentId("ada"), TurnNumber(1), 0.0), Transcript()
    begun = json.dumps({"type": "tool_use", "id": "t", "name": "new_answer"})
    response.absorb(
        [
            BlockStarted(
                block=0,
                type="tool_use",
                content=msgspec.Raw(begun.encode()),
                **pen.stamp(),
            ),
            ToolInputDelta(block=0, partial_json=typed, **pen.stamp()),
        ]
    )
    assert response.unfinished_answer() == content


def test_the_draft_is_in_json_shown_and_in_the_report(run: Run, tmp_path: Path) -> None:
    script = {"turns": [{"lines": [{"text": "Paris *is* the ca"}, {"stall": True}]}]}
    team = {"agents": [{"id": "ada", "script": script}], "deadline_s": 1}
    (tmp_path / "team.json").write_text(json.dumps(team))
    root = ("--journal", str(tmp_path / "kept"))
    code, out, _ = run("run", "Q?", "-c", str(tmp_path / "team.json"), "--json", *root)
    assert code == 3
    assert json.loads(out)["draft"] == {"agent": "ada", "content": "Paris *is* the ca"}
    _, out, _ = run("sessions", "show", "last", *root)
    assert "draft     ada had come so far: Paris *is* the ca" in out
    _, out, _ = run("report", "last", "--output=-", *root)
    assert "ada had come so far:" in out
    assert "<p>Paris <em>is</em> the ca</p>" in out
