"""Checks in a session: run on each draft, journalled, and never run twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import coordinator
from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from coordinator.consensus.rules import Rules
from coordinator.errors import ConfigInvalid
from coordinator.journal.framing import Kind
from coordinator.journal.reader import read_session
from coordinator.report.markdown import markdown
from coordinator.report.page import page
from coordinator.report.story import tell
from coordinator.session.replay import Replay
from coordinator.team.reader import read_team
from coordinator.team.team import Team


def agent(name: str, *answers: str) -> Agent:
    lines = [{"lines": [{"answer": text, "delay_s": 1}]} for text in answers]
    ends = [{"when": {"task": "review"}, "lines": [{"vote": "42", "delay_s": 1}]}]
    script = parse_script({"turns": [*lines, *ends]})
    return Agent(id=name, backend=ScriptedBackend(script))


def team_of(ran: list[str], **changes: Any) -> Team:
    """Two agents; one mends its answer. What the check is run on is noted."""

    def says_42(answer: str) -> str:
        ran.append(answer)
        return "" if "42" in answer else "42 is missing"

    rules = Rules("evidence", equal="text", final="reuse", **changes)
    agents = (agent("ada", "it is 41", "no, 42"), agent("bob", "it is 40", "or 43"))
    return Team(agents=agents, rules=rules, checks=[says_42], seed=1)


async def test_a_function_of_the_users_is_run_on_each_draft(tmp_path: Path) -> None:
    ran: list[str] = []
    result = await coordinator.run(
        "How many?", team_of(ran), journal=tmp_path, session_id="one"
    )
    assert sorted(ran) == ["it is 40", "it is 41", "no, 42", "or 43"]
    assert result.answer == "no, 42"
    assert result.detail == "only one answer stood; it passes every check"
    assert result.why is not None
    assert [(x.passed, x.of) for x in result.why.checks].count((1.0, 1.0)) == 1
    story = tell(read_session(tmp_path, "one"))
    for told in (page(story), markdown(story)):
        assert "4 answers were checked, and 1 of them pass everything" in told
    assert "42 is missing" in page(story)
    played = Replay(read_session(tmp_path, "one"))
    assert sum(len(batch.events) for batch in played.batches()) > 0
    assert played.is_finished


async def test_a_check_whose_result_is_kept_is_not_run_again(
    root: Path, write: Callable[..., Path]
) -> None:
    """Cut after every record: what was checked by then stays checked."""
    ran: list[str] = []
    whole = await coordinator.run(
        "How many?", team_of(ran), journal=root, session_id="whole"
    )
    records = read_session(root, "whole").records
    for length in range(1, len(records)):
        begun = records[:length]
        if begun[-1].kind == Kind.RESULT:
            continue
        known = sum(b'"check_ended"' in bytes(x.payload) for x in begun)
        session = f"cut{length}"
        write(session, begun)
        again: list[str] = []
        async with coordinator.resume_session(
            session, team_of(again), journal=root
        ) as resumed:
            result = await resumed.wait()
        assert (result.answer, result.detail) == (whole.answer, whole.detail)
        assert len(again) == 4 - known, length


async def test_a_team_file_has_checks_and_refuses_what_cannot_be_run(
    tmp_path: Path,
) -> None:
    (tmp_path / "my_checks.py").write_text("def f(answer): assert '42' in answer\n")
    file = tmp_path / "team.yaml"
    text = """
agents: [{id: ada, script: {turns: [{lines: [{answer: 'it is 42'}]}]}}]
voting:
  policy: evidence
  stop: first
  checks:
    - function: my_checks:f
    - {pattern: '\\d+', weight: 2, name: a number}
    - {schema: {type: string}, timeout_s: 5}
"""
    file.write_text(text)
    config = read_team(file)
    names = [x.called for x in config.rules.drafting.each_check()]
    assert names == ["f", "a number", "schema"]
    async with coordinator.load_team(file) as team:
        result = await coordinator.run("How many?", team)
    assert result.detail == "only one answer stood; it passes 3 of 4 by its checks"
    for wrong, words in (
        ("my_checks:g", "check 'g' cannot be used"),
        ("my_checks", "names no function; write module:function"),
    ):
        file.write_text(text.replace("my_checks:f", wrong))
        with pytest.raises(ConfigInvalid, match=words):
            coordinator.load_team(file)


def test_checks_that_no_answer_could_pass_are_refused_by_the_team() -> None:
    for check, words in (
        ({"schema": {"type": "strong"}}, "no JSON Schema"),
        ({"function": "no_such:f"}, "no_such"),
    ):
        with pytest.raises(ConfigInvalid, match=words):
            Team(
                agents=[agent("ada", "x")],
                rules=Rules("evidence", equal="text", checks=[check]),
            )
