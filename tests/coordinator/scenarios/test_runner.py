"""Reports on scenarios that ran: as expected, or how they differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from coordinator.cli.scenario import (
    ScenarioOptions,
    list_command,
    scenario_command,
)
from coordinator.cli.schema import schema_command
from coordinator.scenarios.json_schema import schema
from coordinator.scenarios.reader import parse_scenario, read_scenario
from coordinator.scenarios.runner import Play, Report, run_scenario, run_together
from coordinator.simulation.virtual_time import RUNTIMES, Runtime
from tests.coordinator.scenarios.conftest import FILE, SMALL, Small

ROOT = Path(__file__).parents[3]
RULES = ROOT / "scenarios" / "rules"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("winner: ben", "winner: expected 'ben', was 'ada'"),
        ("winner: null", "winner: expected nobody, was 'ada'"),
        ("answer: Lyon", "answer: expected 'Lyon', was 'Paris'"),
        ("detail: borda", "detail: expected 'borda', was 'plurality: 1 of 2"),
        ("answers: {ada: Paris}", "answers: nothing was expected of ben"),
        ("answers: {ada: Nice, ben: Lyon}", "answers of ada: expected ['Nice']"),
        ("votes: {ada: ada, ben: ada}", "votes: ben was expected to vote"),
        ("votes: {}", "votes: ada was not expected to vote, but did for ada"),
        ("votes: {ada: ben}", "vote of ada: expected 'ben', was 'ada'"),
        ("cancelled: {}", "cancelled: nothing was expected of ben"),
        ("cancelled: {ben: lazy}", "cancelled of ben: expected ['lazy'], there was"),
        ("out: {ben: late}", "out of ben: expected ['late'], there was []"),
        ("turns: {ada: 7}", "turns of ada: expected 7, was 2"),
        ("tokens: 1", "tokens: expected 1, was "),
        ("tokens: {at_least: 1000000}", "tokens: expected at least 1,000,000, was"),
        ("elapsed_s: 3", "elapsed_s: expected 3, was 2.1"),
        ("elapsed_s: {at_most: 2}", "elapsed_s: expected at most 2, was 2.1"),
        ("order: [{vote_counted: {voter: ben}}]", "order[0]: {vote_counted: {voter"),
        ("never: [{vote_counted: {}}]", "never[0]: {vote_counted: {}} came:"),
        (
            "order: [{vote_counted: {}}, {answer_accepted: {agent: ada}}]",
            "order[1]: {answer_accepted: {agent: ada}} came too early:",
        ),
        ("order: [{at_s: 9, vote_counted: {}}]", "of that kind came:"),
    ],
)
def test_each_difference_is_told_in_a_line(small: Small, line: str, told: str) -> None:
    report = run_scenario(small(line))
    assert not report.is_as_expected
    assert told in "\n".join(report.differences)


def test_another_end_is_told_with_its_reason(small: Small) -> None:
    report = run_scenario(small(top="deadline_s: 1.05", drafted_s="9"))
    told = "status: expected 'answered', was 'deadline': the deadline passed"
    assert told in "\n".join(report.differences)


def test_a_script_that_forgot_the_second_try_is_told_so() -> None:
    text = SMALL.replace(
        "lines: [{answer: Lyon", "lines: [{disconnect: true}, {answer: x"
    )
    told = "\n".join(run_scenario(parse_scenario(text, FILE)).differences)
    assert "no unused entry for task draft, call 1, after an error; add one" in told
    assert "turns[1] of 'ben' (review) was never asked for" in told


def test_what_came_true_differs_in_nothing(small: Small) -> None:
    scenario = small(
        "winner: ada",
        "answer: Paris",
        "answers: {ada: Paris, ben: Lyon}",
        "elapsed_s: {at_least: 2.1, at_most: 6.1}",
        "order: [{at_s: 1, answer_accepted: {label: ada.1}}]",
    )
    for runtime in RUNTIMES:
        assert run_scenario(scenario, runtime=runtime).differences == ()


def test_a_person_who_comes_too_early_is_told(small: Small) -> None:
    scenario = small(top="people: [{at_s: 0.5, veto: ada}, {at_s: 2, say: hi}]")
    (told,) = run_scenario(scenario).differences
    assert told == "people[0] at 0.5 s: there is no answer 'ada' yet"


def test_a_script_that_does_not_fit_is_told_even_where_nothing_depends_on_it(
    small: Small,
) -> None:
    (told,) = run_scenario(small(meant="Nantes")).differences
    assert told.startswith("ben had nothing to say: no visible answer is 'Nantes'")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_same_seed_gives_the_same_session(small: Small, runtime: Runtime) -> None:
    one, other = (run_scenario(small(), runtime=runtime) for _ in range(2))
    assert one.happenings == other.happenings


def test_a_seed_of_the_callers_decides_the_lots() -> None:
    (path,) = RULES.glob("a_tie_goes_by_a_lot*.yaml")
    winners = {run_scenario(path, seed=seed).result.winner for seed in range(20)}
    assert winners == {"ada", "ben"}


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_an_hour_takes_no_time_and_is_exact(small: Small, runtime: Runtime) -> None:
    hour = small("elapsed_s: 3602.1", top="deadline_s: 9999", drafted_s="3601.1")
    assert run_scenario(hour, runtime=runtime).differences == ()


@pytest.mark.long
@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.real_time
def test_over_http_the_same_comes_true(runtime: Runtime) -> None:
    names = (
        "a_server_that_asks_for_weeks_is_not_waited_for",
        "a_vote_for_a_label_that_there_is_not_is_refused_and_asked_for_again",
        "an_overloaded_model_is_asked_again_and_the_answer_counts",
        "score_elects_the_largest_sum_of_points",
        "the_winner_words_the_final_answer",
        "tools_that_are_called_together_run_side_by_side",
        "where_self_votes_are_forbidden_nobody_is_offered_its_own_answer",
    )
    reports: list[Report] = []
    read = [read_scenario(RULES / f"{name}.yaml") for name in names]
    run_together([Play(one, runtime, 0) for one in read], reports.append)
    assert {
        report.path.stem: report.differences for report in reports
    } == dict.fromkeys(names, ())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.yaml").write_text(SMALL)
    bad = SMALL.replace("Paris beats Lyon", "Lyon beats Paris") + "  winner: ben\n"
    (tmp_path / "bad.yaml").write_text(bad)
    return tmp_path


def test_the_list_names_each_by_its_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list_command(_options(folder, name_filter="lyon beats")) == 0
    told = capsys.readouterr().out
    assert "Lyon beats Paris" in told
    assert "Paris beats" not in told
    assert list_command(_options(folder / "none.yaml")) == 1


def _options(*paths: Path, **options: Any) -> ScenarioOptions:
    return ScenarioOptions(paths=paths, **options)


def test_the_schema_is_printed_for_editors(capsys: pytest.CaptureFixture[str]) -> None:
    assert schema_command("scenario") == 0
    made = msgspec.json.decode(capsys.readouterr().out)
    assert made == msgspec.json.decode(msgspec.json.encode(schema()))


def test_the_table_says_how_each_went(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scenario_command(_options(folder, runtime="both")) == 2
    told = capsys.readouterr().out
    assert "2 of 4 as expected" in told
    assert told.count("winner: expected 'ben', was 'ada'") == 2
    assert [
        line.split()[-1] for line in told.splitlines() if "Paris beats" in line
    ] == [
        "ok",
        "ok",
    ]


def test_a_name_chooses_and_a_trace_tells_what_happened(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        scenario_command(_options(folder, name_filter="PARIS BEATS", trace=True)) == 0
    )
    told = capsys.readouterr().out
    assert "1 of 1 as expected" in told
    assert "1.000  answer_accepted: {agent: ada, label: ada.1, content: Paris}" in told


@pytest.mark.parametrize("name_filter", ["", "no such name"])
def test_nothing_to_run_is_an_error(
    folder: Path, name_filter: str, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [folder] if name_filter else []
    assert scenario_command(_options(*paths, name_filter=name_filter)) == 1
    assert "coordinator: no scenario" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ({"schedules": 0}, "--schedules 0: give 1 or more"),
        ({"schedule": 3, "schedules": 2}, "--schedule names one order"),
        ({"durations": -1}, "--durations -1: give 0 or more"),
        ({"seeds": "9..1"}, "--seeds '9..1': give a span"),
        ({"seeds": "0..1", "seed": 2}, "and no --seed"),
    ],
)
def test_numbers_that_ask_for_nothing_are_refused(
    folder: Path,
    numbers: dict[str, Any],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert scenario_command(ScenarioOptions(paths=[folder], **numbers)) == 1
    assert told in capsys.readouterr().err


def test_a_file_that_is_none_is_told_with_its_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "odd.yaml").write_text(SMALL + "  winer: ada\n")
    assert scenario_command(_options(folder)) == 1
    assert "odd.yaml:18: expect.winer: unknown key" in capsys.readouterr().err
