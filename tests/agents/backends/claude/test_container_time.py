"""How long code ran, whatever parts a call from its result."""

from __future__ import annotations

import pytest

from agents.backends.claude.container_time import LEAST_S, CodeTime, code_time
from agents.backends.claude.settings import ClaudeSettings

CALL, RESULT = "bash_code_execution", "bash_code_execution_tool_result"


def test_nothing_is_charged_where_no_code_has_run() -> None:
    assert CodeTime(LEAST_S).charged_s(1_000.0) is None


def test_a_call_is_charged_until_its_result_and_for_the_least_at_least() -> None:
    counted = CodeTime(LEAST_S)
    counted.called(CALL, "c1", 10.0)
    counted.returned(RESULT, "c1", 20.0)
    assert counted.charged_s(50.0) == LEAST_S
    counted.called(CALL, "c2", 20.0)
    counted.returned(RESULT, "c2", 420.0)
    assert counted.charged_s(500.0) == pytest.approx(410.0)


def test_a_pause_between_a_call_and_its_result_loses_nothing() -> None:
    before = CodeTime(LEAST_S, 0.0)
    before.called(CALL, "c1", 10.0)
    assert before.charged_s(510.0) == pytest.approx(500.0)
    after = CodeTime(0.0, 512.0)
    after.returned(RESULT, "c1", 612.0)
    assert after.charged_s(700.0) == pytest.approx(100.0)


def test_results_of_other_tools_are_not_charged() -> None:
    counted = CodeTime(0.0, 5.0)
    counted.called("web_search", "c1", 10.0)
    counted.returned("web_search_tool_result", "c1", 20.0)
    assert counted.charged_s(30.0) is None


def test_code_is_free_beside_new_web_tools() -> None:
    with_search = ClaudeSettings(
        model="claude-opus-5-5", server_tools=("code_execution", "web_search")
    )
    alone = ClaudeSettings(model="claude-opus-5-5", server_tools=("code_execution",))
    assert code_time(with_search, None) is None
    assert code_time(alone, None) is not None
