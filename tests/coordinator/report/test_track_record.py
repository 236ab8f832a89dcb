"""Track records from sessions with a known outcome, and the command for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.protocol.chunks import AgentId, Choice, Label, Usage
from coordinator.ballots import Record
from coordinator.cli import main
from coordinator.protocol.explanation import Agreement, BallotRecord, Explanation
from coordinator.protocol.result import AnswerRecord, Result
from coordinator.report.track_record import learned
from coordinator.team.reader import parse_team

TEAM = """
agents:
  - {id: ada, script: {turns: [{lines: [{answer: '41'}]}, {lines: [{vote: '41'}]}]}}
  - {id: bo, script: {turns: [{lines: [{answer: '41'}]}, {lines: [{vote: '42'}]}]}}
  - {id: cy, script: {turns: [{lines: [{answer: '42'}]}, {lines: [{vote: '42'}]}]}}
voting: {policy: slate, panel: 3, early: false}
final: reuse
"""


def result(
    answers: str, votes: str = "", *, session: str = "s", share: float = 0.5
) -> Result:
    """Answers of a, b, c …; each vote is the number of the answer it puts first."""
    labels = [Label(f"agent{at + 1}.1") for at in range(len(answers))]
    ballots = tuple(
        BallotRecord(voter=AgentId("abc"[at]), ballot=Choice(label=labels[int(vote)]))
        for at, vote in enumerate(votes)
    )
    return Result(
        session=session,
        status="answered",
        question="q",
        winner=AgentId("a"),
        answer=answers[0],
        answers=tuple(
            AnswerRecord(agent=AgentId("abc"[at]), label=labels[at], content=text)
            for at, text in enumerate(answers)
        ),
        votes=(),
        agents={},
        usage=Usage(),
        cost_usd=0.0,
        elapsed_s=1.0,
        why=Explanation(
            label=labels[0],
            rule="plurality",
            standings=tuple((label, 0.0) for label in labels),
            ballots=ballots,
            agreement=Agreement(share=share, ballots=len(votes), models=1),
        ),
    )


def test_votes_and_first_answers_are_held_against_what_was_told() -> None:
    found = learned([result("112", "002")], {"s": "2"})
    assert found.sessions == 1
    assert found.agents["c"].drafts == Record(right=1, judged=1)
    assert found.agents["a"].drafts == Record(right=0, judged=1)
    assert found.agents["c"].votes == Record(right=1, judged=1)
    assert found.agents["a"].votes == Record(right=0, judged=1)
    assert found.order()[0] == "c"


@pytest.mark.parametrize("told", ["agent3.1", "c"])
def test_the_right_answer_may_be_named_by_its_label_or_author(told: str) -> None:
    found = learned([result("112")], {"s": told})
    assert found.agents["c"].drafts.right == 1
    assert found.agents["b"].drafts.right == 0


def test_a_vote_without_a_choice_between_right_and_wrong_says_nothing() -> None:
    found = learned([result("111", "012")], {"s": "1"})
    assert found.agents["a"].votes.judged == 0
    none = learned([result("112", "012")], {"s": "none"})
    assert none.agents["a"].drafts == Record(right=0, judged=1)
    assert none.agents["a"].votes.judged == 0


def test_agreement_may_stand_for_what_was_not_told() -> None:
    results = [result("112", "000", share=0.95), result("12", "01", session="t")]
    assert learned(results, {}).sessions == 0
    assert learned(results, {}, agreed=0.9).sessions == 1


@pytest.mark.real_time
def test_the_command_prints_lines_for_a_team_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    team, kept = tmp_path / "team.yaml", str(tmp_path / "kept")
    team.write_text(TEAM)
    run = ["run", "-c", str(team), "q?", "--journal", kept, "--display", "quiet"]
    assert main(run) == 0
    assert main(["records", "learn", "--journal", kept]) == 1
    assert "coordinator records tell" in capsys.readouterr().err
    assert main(["records", "tell", "last", "42", "--journal", kept]) == 0
    assert "1 of 3 first answers were right" in capsys.readouterr().out
    assert main(["records", "learn", "--journal", kept]) == 0
    told = capsys.readouterr().out
    assert "cy: {right: 1, judged: 1}" in told
    records = told[told.index("records:") :]
    again = TEAM.replace("voting: {", f"{records}\nvoting: {{")
    weights = parse_team(again, team).rules.voting.weights
    assert weights["cy"] > weights["ada"]


def test_a_file_of_outcomes_is_read_and_refused_by_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = tmp_path / "told.jsonl"
    told.write_text('{"session": "s", "answer": "1"}\n{"session": "s"}\n')
    words = ["records", "learn", "--told", str(told), "--journal", str(tmp_path)]
    assert main(words) == 1
    assert "told.jsonl:2" in capsys.readouterr().err
