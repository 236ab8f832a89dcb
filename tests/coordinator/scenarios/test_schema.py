"""The keys and values of a scenario file, and the messages for faults in one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from jsonschema import Draft202012Validator

from coordinator.errors import ConfigInvalid
from coordinator.scenarios.facts import KINDS
from coordinator.scenarios.json_schema import FILES, encoded, schema, undescribed
from coordinator.scenarios.reader import (
    find_scenarios,
    is_scenario,
    parse_scenario,
    read_scenario,
)
from coordinator.team.yaml_document import parse, read
from tests.coordinator.scenarios.conftest import FILE, SMALL, Small

ROOT = Path(__file__).parents[3]


def test_the_first_comment_is_the_name(small: Small) -> None:
    assert small(named="A tie goes to the earliest.").name == (
        "A tie goes to the earliest"
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("winer: ada", "18: expect.winer: unknown key 'winer'; did you mean 'winner'?"),
        ("winner: adda", "18: expect.winner: no agent is called 'adda'; did you mean"),
        ("votes: {ada: bem}", "18: expect.votes.ada: no agent is called 'bem'"),
        ("turns: {cleo: 1}", "18: expect.turns.cleo: no agent is called 'cleo'"),
        ("order: [{vote_cuonted: {}}]", "did you mean 'vote_counted'?"),
        ("order: [{vote_counted: {vote: ada}}]", "did you mean 'voter'?"),
        ("order: [{at_s: 1}]", "18: expect.order[0]: give exactly one of"),
        ("never: [{conclude: {}, team_grown: {}}]", "expect.never[0]: give exactly"),
        ("tokens: {most: 3}", "expect.tokens.most: unknown key 'most'"),
        (
            "answer: 529",
            "18: expect.answer: 529 will not do; expected text: put it in q",
        ),
    ],
)
def test_what_cannot_be_expected_is_refused_by_line(
    small: Small, line: str, told: str
) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        small(line)
    assert "tie.yaml:" in str(caught.value)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("top", "told"),
    [
        ("people: [{at_s: 1}]", "people[0]: give exactly one of say, stop"),
        ("people: [{at_s: 1, stop: adda}]", "did you mean 'ada'?"),
        ("people: [{at_s: 1, answer: Nice}]", "whose answer is it? Add 'by:'"),
        ("people: [{at: 1, say: hi}]", "did you mean 'at_s'?"),
        (
            "tools: {lookup: {return: x}}",
            "tools.lookup.return: unknown key 'return'; did",
        ),
        (
            "tools: {one: {}, two: {takes_s: long}}",
            "tools.two.takes_s: 'long' will not do",
        ),
        ("limit: {attempts: 1}", "did you mean 'limits'?"),
    ],
)
def test_what_people_and_tools_cannot_do_is_refused_by_line(
    small: Small, top: str, told: str
) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        small(top=top)
    assert "tie.yaml:14: " in str(caught.value)
    assert told in str(caught.value)


def test_a_scenario_without_a_sentence_is_refused() -> None:
    with pytest.raises(ConfigInvalid, match=r"tie\.yaml:1: begin with the sentence"):
        parse_scenario(SMALL.partition("\n")[2], FILE)


def test_a_scenario_without_an_outcome_is_refused() -> None:
    with pytest.raises(ConfigInvalid, match="'expect' is missing"):
        parse_scenario(SMALL.partition("expect:")[0], FILE)


def test_an_agent_without_a_script_is_refused() -> None:
    text = (
        "# Who needs a script?\nagents: [{id: a, model: m}]\nexpect: {status: failed}"
    )
    with pytest.raises(ConfigInvalid, match=r"tie.yaml:2: agents\[0\]: .*'script:'"):
        parse_scenario(text, FILE)


def test_a_line_of_a_script_is_refused_by_line() -> None:
    text = SMALL.replace("{vote: Paris, delay_s: 5}", "{vot: Paris}")
    with pytest.raises(ConfigInvalid, match=r"tie\.yaml:13: .*did you mean 'vote'"):
        parse_scenario(text, FILE)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        read_scenario(tmp_path / "none.yaml")


def test_folders_are_searched_for_files_that_expect_something(tmp_path: Path) -> None:
    (tmp_path / "team.yaml").write_text("agents: []")
    with pytest.raises(ConfigInvalid, match="holds no scenario"):
        list(find_scenarios([tmp_path]))
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "tie.yaml").write_text(SMALL)
    assert list(find_scenarios([tmp_path])) == [tmp_path / "deep" / "tie.yaml"]


def test_the_schema_knows_every_key_that_files_use() -> None:
    made = msgspec.json.decode(encoded("scenario"))
    parts = made["$defs"]
    for ref in _refs(made):
        assert ref.removeprefix("#/$defs/") in parts
    assert set(KINDS) < set(parts["Step"]["properties"])
    assert {"people", "expect", "tools", "voting", "extends", "matrix"} < set(
        parts["ScenarioFile"]["properties"]
    )
    assert set(parts["Script"]["properties"]) == {"model", "turns", "files"}


@pytest.mark.parametrize("kind", ["scenario", "team"])
def test_every_property_of_a_schema_is_described(kind: Any) -> None:
    assert undescribed(kind) == []


@pytest.mark.parametrize("kind", ["scenario", "team"])
def test_the_published_schema_is_the_one_that_is_made(kind: Any) -> None:
    is_new = FILES[kind].read_bytes() == encoded(kind)
    assert is_new, "write it anew: python -m coordinator.scenarios.json_schema"


def _teams() -> list[Path]:
    return [p for p in (ROOT / "scenarios").rglob("*.yaml") if not is_scenario(p)]


@pytest.mark.parametrize("kind", ["scenario", "team"])
def test_files_fit_their_schema(kind: Any) -> None:
    checker: Any = Draft202012Validator(schema(kind))
    files = find_scenarios([ROOT / "scenarios"]) if kind == "scenario" else _teams()
    for path in files:
        assert not [
            f"{path.name}: {error.json_path}: {error.message}"
            for error in checker.iter_errors(read(path).data)
        ]


@pytest.mark.parametrize(
    "change",
    [
        ("policy: slate", "policy: slade"),
        ("status: answered", "status: answerd"),
        ("status: answered", "status: answered\n  order: [{}]"),
        (
            "status: answered",
            "status: answered\n  order: [{team_grown: {}, conclude: {}}]",
        ),
        ("status: answered", "status: answered\n  order: [{turn_ended: {outcome: x}}]"),
        ("status: answered", "status: answered\n  order: [{start_turn: {task: x}}]"),
        ("status: answered", "status: answered\n  tokens: {}"),
        ("status: answered", "status: answered\n  answer: {is: a, contains: a}"),
        ("final: reuse", "final: reuse\npeople: [{at_s: 1, say: a, stop: ada}]"),
        ("final: reuse", "final: reuse\npeople: [{at_s: 1}]"),
        ("{vote: Paris, delay_s: 5}", "{vot: Paris, delay_s: 5}"),
        ("{vote: Paris, delay_s: 5}", "{vote: Paris, answer: Paris}"),
        ("final: reuse", "final: reuse\nmatrix: {}"),
    ],
)
def test_an_editor_marks_what_is_wrong(change: tuple[str, str]) -> None:
    text = SMALL.replace(*change)
    assert text != SMALL
    checker: Any = Draft202012Validator(schema("scenario"))
    assert not checker.is_valid(parse(text, FILE).data)
    assert checker.is_valid(parse(SMALL, FILE).data)


def _refs(schema: object) -> list[str]:
    if isinstance(schema, dict):
        items = cast("dict[str, Any]", schema)
        own = [items["$ref"]] if "$ref" in items else []
        return own + [ref for value in items.values() for ref in _refs(value)]
    if isinstance(schema, list):
        return [ref for value in cast("list[Any]", schema) for ref in _refs(value)]
    return []
