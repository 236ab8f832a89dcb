"""Calls of workflow tools: what is offered, what counts, and what goes back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from agents.errors import ToolFailed
from agents.protocol.chunks import (
    AgentId,
    Approval,
    Ballot,
    Choice,
    Label,
    Part,
    Ranking,
    Scores,
    Seq,
    ToolCalled,
    TurnNumber,
)
from agents.protocol.turns import BallotForm, Divide, Draft, Present, Review, Work
from agents.tools.submissions import Proposed, Voted, read_calls
from agents.tools.workflow import Workflow, counting, workflow_tools

A, B = Label("agent1.1"), Label("agent2.1")


def form(kind: Any, *, may_abstain: bool = False) -> BallotForm:
    return BallotForm(kind=kind, labels=(B, A), max_score=5, may_abstain=may_abstain)


def call(name: str, given: str, *, is_valid: bool = True) -> ToolCalled:
    return ToolCalled(
        agent=AgentId("ada"),
        turn=TurnNumber(1),
        seq=Seq(0),
        at=0.0,
        block=0,
        id="toolu_1",
        name=name,
        input=msgspec.Raw(given.encode()),
        is_valid=is_valid,
    )


@pytest.mark.parametrize(
    ("kind", "given", "ballot"),
    [
        ("choice", '{"label":"agent1.1"}', Choice(label=A)),
        ("approval", '{"labels":["agent1.1","agent1.1"]}', Approval(labels=(A,))),
        ("approval", '{"labels":[]}', Approval(labels=())),
        (
            "ranking",
            '{"tiers":[["agent2.1"],["agent1.1"]]}',
            Ranking(tiers=((B,), (A,))),
        ),
        ("ranking", '{"tiers":["agent2.1","agent1.1"]}', Ranking(tiers=((B,), (A,)))),
        ("ranking", '{"tiers":[[],["agent2.1"]]}', Ranking(tiers=((B,),))),
        ("scores", '{"scores":{"agent1.1":5}}', Scores(points={A: 5})),
    ],
)
def test_a_ballot_is_read_in_its_form(kind: str, given: str, ballot: Ballot) -> None:
    assert read_calls([call("vote", given)], form(kind)) == Voted(ballot, "")


@pytest.mark.parametrize(
    ("kind", "given", "ballot"),
    [
        ("choice", '{"label":"abstain"}', Approval(labels=())),
        ("ranking", '{"tiers":[]}', Ranking(tiers=())),
        ("scores", '{"scores":{}}', Scores(points={})),
    ],
)
def test_abstaining_is_an_empty_ballot_where_it_is_allowed(
    kind: str, given: str, ballot: Ballot
) -> None:
    read = read_calls([call("vote", given)], form(kind, may_abstain=True))
    assert read == Voted(ballot, "")
    with pytest.raises(ToolFailed):
        read_calls([call("vote", given)], form(kind))


@pytest.mark.parametrize(
    ("kind", "given", "problem"),
    [
        ("choice", "{}", "label"),
        ("choice", '{"label":"agent3.1"}', "choose from agent1.1, agent2.1"),
        ("choice", '{"label":5}', "label"),
        ("choice", '"agent1.1"', "object"),
        ("approval", '{"labels":["x"]}', "'x' is not on the ballot"),
        ("ranking", '{"tiers":[["agent1.1"],["agent1.1"]]}', "more than once"),
        ("scores", '{"scores":{"agent1.1":6}}', "give 0 to 5"),
        ("scores", '{"scores":{"agent1.1":-1}}', "give 0 to 5"),
        ("scores", '{"scores":{"x":1}}', "'x' is not on the ballot"),
    ],
)
def test_a_ballot_that_does_not_fit_goes_back_in_words(
    kind: str, given: str, problem: str
) -> None:
    with pytest.raises(ToolFailed, match=problem.replace("`", ".")):
        read_calls([call("vote", given)], form(kind))


def test_an_answer_must_say_something() -> None:
    for given in ('{"content":"  "}', "{}"):
        with pytest.raises(ToolFailed):
            read_calls([call("new_answer", given)], None)
    with pytest.raises(ToolFailed, match="not valid JSON"):
        read_calls([call("new_answer", '"{"', is_valid=False)], None)
    twice = [call("new_answer", f'{{"content":"{text}"}}') for text in "xy"]
    assert read_calls(twice, None) == Proposed("y", msgspec.UNSET)


def test_two_kinds_of_call_contradict_each_other() -> None:
    both = [call("new_answer", '{"content":"x"}'), call("vote", '{"label":"agent1.1"}')]
    with pytest.raises(ToolFailed, match="new_answer and vote were called together"):
        read_calls(both, form("choice"))


def test_what_counts_follows_from_the_task() -> None:
    review = Review(answers=(), ballot=form("choice"), may_revise=True)
    tasks: list[tuple[Any, set[str]]] = [
        (Draft(), {"new_answer"}),
        (review, {"vote", "new_answer"}),
        (replace(review, may_revise=False), {"vote"}),
        (replace(review, ballot=None), {"new_answer"}),
        (Present(answers=()), set()),
        (Present(answers=(), may_restart=True), {"submit", "restart_orchestration"}),
        (Divide(parts=2, workers=2), {"divide"}),
        (Work(part=Part(title="t", instructions="i")), {"stop"}),
    ]
    for task, names in tasks:
        assert counting(task) == names
        assert {spec.name for spec in workflow_tools(task)} == names


def test_a_session_offers_the_same_tools_whatever_it_asks_for() -> None:
    workflow = Workflow(ballot=form("ranking"), restarts=True, parts=3)
    names = [spec.name for spec in workflow.tools()]
    assert names == [
        "vote",
        "new_answer",
        "submit",
        "restart_orchestration",
        "divide",
        "stop",
    ]
    assert workflow.tools() == workflow.tools()


@pytest.mark.parametrize("kind", ["choice", "approval", "ranking", "scores"])
def test_the_vote_tool_is_the_same_for_all_voters(kind: str) -> None:
    one = form(kind)
    other = replace(one, labels=one.labels[::-1])
    assert Workflow(ballot=one).tools() == Workflow(ballot=other).tools()
