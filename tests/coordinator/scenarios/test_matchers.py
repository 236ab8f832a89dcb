"""How texts, numbers and JSON are expected: the same words everywhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from coordinator.scenarios.matchers import (
    Bound,
    TextMatch,
    json_fits,
    number_fits,
    text_fits,
)
from coordinator.scenarios.runner import Report, run_scenario
from coordinator.simulation.virtual_time import RUNTIMES, Runtime
from coordinator.team.function_tools import imported
from tests.coordinator.scenarios.conftest import Small


def _text(said: Any) -> str | TextMatch | None:
    return msgspec.convert(said, str | TextMatch | None)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("meant", "text", "fits"),
    [
        ("R", "gRPC", False),
        ("33", "port 3306", False),
        ("3306", "port 3306.", True),
        ("Paris", "It is Paris, on the Seine.", True),
        ("Par", "Paris", False),
        ("é", "café", False),
        ("東京", "答えは東京です", True),
        ("(403", "refused (403)", True),
        ("'", "it's", True),
        ({"is": "Paris"}, "Paris", True),
        ({"is": "Paris"}, "Paris.", False),
        ({"is": ""}, "", True),
        ({"contains": "ari"}, "Paris", True),
        ({"matches": "^P.*s$"}, "Paris", True),
        ({"matches": "^P.*x$"}, "Paris", False),
        ({"any_of": ["Lyon", {"is": "Paris"}]}, "Paris", True),
        ({"any_of": ["Lyon", "Nice"]}, "Paris", False),
        (None, None, True),
        (None, "", False),
        ("Paris", None, False),
    ],
)
def test_plain_text_is_whole_words_and_a_mapping_is_exact(
    meant: Any, text: str | None, fits: bool
) -> None:
    assert text_fits(_text(meant), text) is fits


def test_of_names_plain_text_is_the_whole() -> None:
    assert not text_fits("ada", "ada and ben", is_name=True)
    assert text_fits(_text({"any_of": ["ada", "ben"]}), "ben", is_name=True)


@pytest.mark.parametrize(
    ("meant", "number", "fits"),
    [
        (3, 3.0000001, True),
        (3, 3.01, False),
        (Bound(at_least=1, at_most=2), 2.0005, True),
        (Bound(at_least=1), 0.5, False),
        (Bound(about=5, within=0.5), 5.4, True),
        (Bound(about=5, within=0.5), 5.6, False),
    ],
)
def test_a_number_is_exact_or_within_bounds(
    meant: float | Bound, number: float, fits: bool
) -> None:
    assert number_fits(meant, number) is fits


@pytest.mark.parametrize(
    ("meant", "value", "fits"),
    [
        ({"city": "Paris"}, {"city": "Paris", "n": 1}, True),
        ({"city": "Paris"}, {"city": "Paris."}, False),
        ({"city": {"contains": "ari"}}, {"city": "Paris"}, True),
        ({"n": {"at_least": 2}}, {"n": 3}, True),
        ({"n": {"at_least": 2}}, {"n": True}, False),
        ({"n": 1}, {"n": True}, False),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 2], "c": 0}}, True),
        ({"a": [1]}, {"a": [1, 2]}, False),
        ({"a": None}, {}, False),
    ],
)
def test_of_json_the_keys_that_are_named_count(
    meant: Any, value: Any, fits: bool
) -> None:
    assert json_fits(meant, value) is fits


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(
    "line",
    [
        "winner: {any_of: [ada, ben]}",
        "answer: {any_of: [Lyon, {is: Paris}]}",
        "standings: {ada: {about: 1, within: 0.5}}",
        "agents: {ada: {status: done, error: null, turns: 2, calls: 2, answers: 1}}",
        "agents: {ada: {chunks: {at_least: 8}, tokens: {at_most: 9999}, cost_usd: 0}}",
        "agents: {ben: {status: cancelled}}",
        "cancelled: {ben: no outstanding vote can change the winner}",
        "happens: [{times: 2, answer_accepted: {}}, {vote_counted: {voter: ada}}]",
        "order: [{times: 2, answer_accepted: {}}, {vote_counted: {}}]",
        "order: [{at_s: {at_least: 1, at_most: 1.5}, answer_accepted: {agent: ben}}]",
        "happens: [{any_of: [{vote_rejected: {}}, {conclude: {}}]}]",
        "happens: [{tool_called: {name: new_answer, input: {content: Paris}}}]",
        "happens: [{model_asked: {agent: ada, task: review, prompt: Lyon}}]",
        "happens: [{model_asked: {agent: ada, tools: [new_answer, vote]}}]",
        "never: [{model_asked: {agent: ada, task: draft, prompt: Lyon}}]",
        "any_of: [{winner: ben}, {winner: ada}]",
        "cost_usd: 0",
    ],
)
def test_everything_that_one_needs_can_be_said(
    small: Small, line: str, runtime: Runtime
) -> None:
    assert run_scenario(small(line), runtime=runtime).differences == ()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("happens: [{times: 3, answer_accepted: {}}]", "came 2 times, not 3"),
        ("happens: [{vote_counted: {voter: ben}}]", "happens[0]: {vote_counted"),
        ("agents: {ada: {calls: 9}}", "agents.ada.calls: expected 9, was 2"),
        ("agents: {ada: {text: Nice}}", "agents.ada.text: expected 'Nice', was ''"),
        ("standings: {ada: 7}", "standings of ada: expected 7, was 1"),
        ("any_of: [{winner: ben}, {tokens: 1}]", "any_of: none of them came true"),
        ("cancelled: {ada: x, ben: no outstanding vote can}", "cancelled of ada"),
        (
            "order: [{vote_counted: {}}, {vote_counted: {}}]",
            "order[1]: {vote_counted: {}} did not come another time: it came 1 times",
        ),
    ],
)
def test_what_of_that_differs_is_told(small: Small, line: str, told: str) -> None:
    assert told in "\n".join(run_scenario(small(line)).differences)


def test_who_is_cancelled_by_the_deadline_is_told(small: Small) -> None:
    late = small(
        "cancelled: {ada: the deadline passed, ben: the deadline passed}",
        top="deadline_s: 1.5",
    )
    report = run_scenario(late)
    assert not [x for x in report.differences if x.startswith("cancelled")]


def test_a_judge_of_ones_own_says_what_is_wrong(small: Small) -> None:
    name = "tests.coordinator.scenarios.test_matchers:judge"
    (told,) = run_scenario(small(top=f"judge: {name}")).differences
    assert told == f"judge {name}: Paris is too short"
    (broken,) = run_scenario(small(top=f"judge: {name}s")).differences
    assert "AttributeError" in broken
    for other, kind in (("number_judge", "int"), ("late_judge", "coroutine")):
        own = name.replace(":judge", f":{other}")
        (told,) = run_scenario(small(top=f"judge: {own}")).differences
        assert told.startswith(f"judge {own}: it returned a {kind}; return nothing")


def number_judge(_report: Any) -> int:
    return 5


async def late_judge(_report: Any) -> list[str]:
    return []


def judge(report: Any) -> list[str]:
    answer = report.result.answer
    return [f"{answer} is too short"] if len(answer) < 9 else []


def test_a_judge_that_leaves_the_program_is_a_difference(small: Small) -> None:
    # Else the scenarios behind it are not played, and the exit code says all is well.
    name = "tests.coordinator.scenarios.test_matchers:leaving_judge"
    (told,) = run_scenario(small(top=f"judge: {name}")).differences
    assert told == f"judge {name}: SystemExit: 0"


def leaving_judge(_report: Report) -> None:
    sys.exit(0)


def test_a_module_that_leaves_the_program_cannot_be_imported(tmp_path: Path) -> None:
    (tmp_path / "leaves.py").write_text("import sys\nsys.exit(0)\n")
    with pytest.raises(ImportError, match=r"fails as it is imported: SystemExit: 0"):
        imported("leaves.py:judge", str(tmp_path))
