"""A scenario cannot lie: what can never fail, or never come true, is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator.errors import ConfigInvalid
from coordinator.scenarios.reader import (
    is_scenario,
    parse_scenario,
    sentence_of,
)
from coordinator.scenarios.runner import run_scenario
from tests.coordinator.scenarios.conftest import FILE, SMALL, Small


def _refused(small: Small, *lines: str, top: str = "") -> str:
    with pytest.raises(ConfigInvalid) as caught:
        small(*lines, top=top)
    return str(caught.value)


STEPS = [
    ("{vote_counted: {voter: bem}}", "voter: no agent is called 'bem'; did you mean"),
    ("{answer_accepted: {agent: adaa}}", "no agent is called 'adaa'; did you mean"),
    ("{winner_decided: {winner: adda}}", "did you mean 'ada'?"),
    ("{vote_counted: {choice: bem}}", "did you mean 'ben'?"),
    ("{votes_voided: {voters: [ada, bem]}}", "did you mean 'ben'?"),
    ("{turn_ended: {outcome: cancled}}", "outcome: no such 'cancled'; did you mean"),
    ("{start_turn: {task: presnt}}", "task: no such 'presnt'; did you mean 'present'"),
    ("{turn_started: {task: presnt}}", "did you mean 'present'"),
    ("{conclude: {status: answerd}}", "did you mean 'answered'"),
    ("{status_changed: {status: requesting}}", "no such 'requesting'"),
    ("{agent_failed: {error: BackendRefusd}}", "did you mean 'BackendRefused'"),
    ("{winner_decided: {rule: bordaa}}", "rule: no such 'bordaa'"),
    ("{winner_decided: {rule: borda}}", "rule: no such 'borda'"),
    ("{vote_counted: {label: bem.1}}", "no agent is called 'bem'; did you mean 'ben'"),
    ("{vote_counted: {label: ben.0}}", "'ben.0' is no answer"),
    ("{vote_counted: {label: ben.99}}", "can never be: 'limits.answers_per_agent"),
    ("{slate_frozen: {labels: [ada, bem]}}", "'bem' is no answer"),
    ("{winner_decided: {standings: {bem: 2}}}", "'bem' is no answer"),
    ("{start_turn: {shows: [agent9.1]}}", "no agent is called 'agent9'"),
    ("{tool_returned: {name: lookupp}}", "no such 'lookupp'"),
    ("{journal_lost: {}}", "unknown key 'journal_lost'"),
    ("{team_grown: {}}", "can never be: the team does not grow"),
    ("{challenge_opened: {}}", "can never be: nothing is challenged"),
    ("{server_tool_called: {}}", "can never be: no script calls a server tool"),
    (
        "{at_s: 1801, winner_decided: {}}",
        "1801 s is after the end, the session ends by",
    ),
    ("{at_s: {at_least: 1801}, conclude: {}}", "is after the end"),
    ("{at_s: -1, winner_decided: {}}", "is before the beginning"),
    ("{answer_accepted: {content: ''}}", "is true of every text; say {is: ''}"),
    ("{answer_accepted: {content: {contains: ''}}}", "every text contains nothing"),
    ("{answer_accepted: {content: {matches: '.*'}}}", "is found in every text"),
    ("{answer_accepted: {content: {matches: '('}}}", "is no regular expression"),
    ("{answer_accepted: {content: {}}}", "exactly one of is, contains"),
    ("{answer_accepted: {content: {any_of: [a]}}}", "needs two or more"),
    ("{turn_started: {turn: {at_least: 0}}}", "is always true"),
    ("{any_of: [{conclude: {}}]}", "needs two or more to choose from"),
    ("{any_of: [{conclude: {}}, {vote_counted: {voter: bem}}]}", "did you mean 'ben'"),
    ("{any_of: [{conclude: {}}, {}], vote_counted: {}}", "give one kind of thing"),
]


@pytest.mark.parametrize("key", ["never", "order", "happens"])
@pytest.mark.parametrize(("step", "told"), STEPS)
def test_a_step_that_cannot_come_is_refused(
    small: Small, key: str, step: str, told: str
) -> None:
    said = _refused(small, f"{key}: [{step}]")
    assert f"tie.yaml:18: expect.{key}[0]" in said
    assert told in said


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("tokens: {}", "expect.tokens: bounds nothing"),
        ("tokens: {at_least: 0}", "is always true: there is never less than 0"),
        ("tokens: {at_least: 0, at_most: 9}", "at_least 0 is always true"),
        ("tokens: {at_most: 5, at_least: 10}", "at least 10 and at most 5"),
        ("tokens: {at_most: -1}", "can never be: there is never less than 0"),
        ("tokens: -3", "can never be"),
        ("tokens: {about: 3}", "about and within go together"),
        ("tokens: {about: 3, within: 1, at_most: 2}", "give about and within, or"),
        ("elapsed_s: {at_least: 0}", "is always true"),
        ("elapsed_s: 1801", "can never be: the deadline is 1800 s"),
        ("elapsed_s: {at_least: 1801}", "can never be: the deadline is 1800 s"),
        ("cost_usd: {}", "bounds nothing"),
        ('detail: ""', "expect.detail: is true of every text"),
        ('answers: {ada: "", ben: Lyon}', "expect.answers.ada: is true of every text"),
        ("turns: {}", "expect.turns: is empty, and so always true"),
        ("turns: {ada: {at_least: 0}}", "expect.turns.ada: is always true"),
        ("agents: {ada: {}}", "expect.agents.ada: is empty, and so always true"),
        ("agents: {adda: {turns: 1}}", "did you mean 'ada'?"),
        ("agents: {ada: {status: retird}}", "did you mean 'retired'?"),
        ("agents: {ada: {calls: {}}}", "expect.agents.ada.calls: bounds nothing"),
        ("standings: {bem: 1}", "expect.standings.bem: 'bem' is no answer"),
        ("standings: {}", "expect.standings: is empty"),
        ("winner: {any_of: [ada, bem]}", "no agent is called 'bem'"),
        ("order: []", "expect.order: is empty, and so always true"),
        ("never: []", "expect.never: is empty, and so always true"),
        ("never: [{times: 2, conclude: {}}]", "never is no times; leave it out"),
        ("order: [{times: {}, conclude: {}}]", "expect.order[0].times: bounds nothing"),
        ("any_of: [{winner: ada}]", "expect.any_of: needs two or more outcomes"),
        ("any_of: [{winner: ada}, {}]", "any_of[1]: is true of every session"),
        ("any_of: [{winner: ada}, {winner: bem}]", "any_of[1].winner: no agent is"),
        (
            "order: [{at_s: 3, conclude: {}}, {at_s: 2, conclude: {}}]",
            "expect.order[1].at_s: can never be: the step before is at 3 s",
        ),
        ("answer: null", "a session that is answered has an answer"),
    ],
)
def test_an_expectation_that_holds_always_or_never_is_refused(
    small: Small, line: str, told: str
) -> None:
    said = _refused(small, line)
    assert "tie.yaml:18: " in said
    assert told in said


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("winner: ben", "answers: {ada: x}"), "'ben' has no answer under 'answers'"),
        (("votes: {ada: ben}", "answers: {ada: x}"), "'ben' has no answer under"),
        (("elapsed_s: 2", "never: [{at_s: 3, conclude: {}}]"), "ends by 2 s"),
        (
            ("order: [{conclude: {}}]", "never: [{conclude: {}}]"),
            "is expected above, so that one of them cannot be",
        ),
    ],
)
def test_expectations_that_exclude_one_another_are_refused(
    small: Small, lines: tuple[str, ...], told: str
) -> None:
    assert told in _refused(small, *lines)


@pytest.mark.parametrize("line", ["winner: ada", "answer: Paris"])
def test_a_failed_session_has_neither_winner_nor_answer(line: str) -> None:
    text = SMALL.replace("status: answered", f"status: failed\n  {line}")
    with pytest.raises(ConfigInvalid, match="can never be: a failed session has no"):
        parse_scenario(text, FILE)


@pytest.mark.parametrize(
    ("top", "told"),
    [
        ("people: [{at_s: 1801, say: hi}]", "people[0].at_s: can never be: 1801 s"),
        ("people: [{at_s: 1, veto: bem.1}]", "no agent is called 'bem'"),
        ("people: [{at_s: 1, by: ada, answer: x}]", "'ada' is no person"),
        ("people: [{at_s: 1, by: ada, vote: [bem]}]", "'bem' is no answer"),
        ("tools: {look: {}}", "tools.look: no script calls it; leave it out, or say"),
    ],
)
def test_what_cannot_be_done_is_refused(small: Small, top: str, told: str) -> None:
    assert told in _refused(small, top=top)


def test_what_may_be_is_not_refused(small: Small) -> None:
    small(
        "never: [{vote_counted: {voter: ben, label: ben.2}}]",
        "order: [{at_s: {at_most: 2}, answer_accepted: {label: agent1.1}}]",
        top="tools: {look: {maybe: true}}\npeople: [{at_s: 1801, say: x, maybe: true}]",
    )


def test_every_fault_of_a_file_is_told_at_once(small: Small) -> None:
    said = _refused(
        small,
        "winer: ada",
        "tokens: {most: 3}",
        "never: [{vote_counted: {voter: bem}}]",
        "votes: {ada: bem}",
        top="people: [{at: 1, say: hi}]",
    ).splitlines()
    assert len(said) == 6  # at_s is missing, too
    assert all(line.startswith("tie.yaml:") for line in said)


def test_a_value_that_is_wrong_is_not_told_to_be_missing_as_well() -> None:
    text = SMALL.replace("status: answered", "status: best_so_far")
    with pytest.raises(ConfigInvalid) as caught:
        parse_scenario(text, FILE)
    (only,) = str(caught.value).splitlines()
    assert "unknown value 'best_so_far'" in only


def test_answers_in_a_tools_input_are_called_as_the_file_calls_them(
    small: Small,
) -> None:
    scenario = small(
        "happens: [{tool_called: {agent: ada, name: vote, input: {label: ada.1}}}]"
    )
    assert run_scenario(scenario).differences == ()


@pytest.mark.parametrize(
    ("first", "sentence"),
    [
        ("# Paris wins.", "Paris wins"),
        ("# yaml-language-server: $schema=s.json\n# Paris wins.", "Paris wins"),
        ("# vim: set ft=yaml:\n\n---\n# Paris wins.", "Paris wins"),
        ("# SPDX-License-Identifier: MIT\n#\n# Paris wins.", "Paris wins"),
        ("question: x\n# Paris wins.", ""),
        ("# yaml-language-server: $schema=s.json\nquestion: x", ""),
    ],
)
def test_what_tools_write_into_first_lines_is_no_name(
    first: str, sentence: str
) -> None:
    assert sentence_of(first)[0] == sentence


@pytest.mark.parametrize("key", ["expect:", '"expect":', "'expect' :", "extends: x"])
def test_a_file_that_expects_something_is_found_however_it_says_so(
    key: str, tmp_path: Path
) -> None:
    (tmp_path / "one.yaml").write_text(f"# x\n{key}\n  status: answered\n")
    assert is_scenario(tmp_path / "one.yaml")


PERSON = SMALL.replace("voting:", "people: [{at_s: 500, interrupt: no}]\nvoting:")


def test_a_deed_after_the_end_is_a_difference() -> None:
    (told,) = run_scenario(parse_scenario(PERSON, FILE)).differences
    assert told == "people[0] at 500 s: the session had ended at 2.1 s"
    maybe = PERSON.replace("interrupt: no", "interrupt: no, maybe: true")
    assert run_scenario(parse_scenario(maybe, FILE)).differences == ()


def test_a_turn_that_was_never_asked_for_is_a_difference() -> None:
    more = SMALL.replace(
        "voting:", "      - {when: {task: present}, lines: [x]}\nvoting:"
    ).replace("      - {when: {task: present}", "        - {when: {task: present}")
    (told,) = run_scenario(parse_scenario(more, FILE)).differences
    assert told == "script: turns[2] of 'ben' (present) was never asked for"
    maybe = more.replace("{task: present}", "{task: present}, maybe: true")
    assert run_scenario(parse_scenario(maybe, FILE)).differences == ()


def test_a_fault_that_never_came_is_a_difference() -> None:
    late = SMALL.replace("{vote: Paris, delay_s: 5}", "{stall: true, delay_s: 5}")
    (told,) = run_scenario(parse_scenario(late, FILE)).differences
    assert told == "script: turns[1] of 'ben' (review) never came to its fault"


def test_a_tool_that_was_never_called_is_a_difference() -> None:
    late = SMALL.replace("{vote: Paris, delay_s: 5}", "{tool: look, delay_s: 5}")
    late = late.replace("voting:", "tools: {look: {}}\nvoting:")
    assert run_scenario(parse_scenario(late, FILE)).differences == (
        "tools.look was never called",
    )


def test_never_after_the_end_is_a_difference(small: Small) -> None:
    report = run_scenario(small("never: [{at_s: 99, conclude: {}}]"))
    (told,) = report.differences
    assert told.startswith("never[0]: {at_s: 99.0, conclude: {}} could not come")
    assert told.endswith("the session ended at 2.1 s")
