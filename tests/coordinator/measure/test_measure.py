"""Measuring: every policy on the same drafts and ballots, and what that estimates."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.protocol.chunks import Choice, Label, Ranking
from coordinator.cli import main
from coordinator.comparison.judges import Errors, correlation_of, right_alone
from coordinator.errors import ConfigInvalid
from coordinator.measure.estimates import Estimates, estimated, place_of
from coordinator.measure.measurement import Measurement, MeasureOptions, measure
from coordinator.measure.policies import replayed
from coordinator.measure.session_facts import Cost, Draft, SessionFacts, Vote
from coordinator.measure.teams import forecast, open_team
from coordinator.sweep.questions import Question
from coordinator.team.reader import parse_team
from coordinator.team.team_file_schema import TeamConfig

LABELS = [Label(f"agent{n}.1") for n in range(1, 6)]


def facts(
    results: str,
    firsts: str = "",
    *,
    question: str = "q",
    models: str = "mmmmm",
    final: bool | None = None,
) -> SessionFacts:
    """A session whose drafts have these results, ``x`` being right; each vote's first.

    A ballot is the draft's number that it puts first, the others in order behind it.
    """
    drafts = tuple(
        Draft(
            label=LABELS[at],
            agent=f"a{at}",
            model=models[at],
            result=result,
            is_right=result == "x",
            characters=400,
            cost=Cost(tokens=100, output=50, usd=0.01),
        )
        for at, result in enumerate(results)
    )
    votes: list[Vote] = []
    for at, first in enumerate(firsts):
        best = LABELS[int(first)]
        labels = [draft.label for draft in drafts]
        order = [best, *(label for label in labels if label != best)]
        ballot = Ranking(tiers=tuple((label,) for label in order))
        votes.append(
            Vote(
                voter=f"a{at}",
                model=models[at],
                ballot=ballot,
                considered=tuple(labels),
                cost=Cost(tokens=30, output=10, usd=0.003),
            )
        )
    return SessionFacts(
        question=question,
        drafts=drafts,
        votes=tuple(votes),
        revisions=(),
        winner=LABELS[0],
        final_is_right=final,
        presenting=Cost(tokens=20, output=10, usd=0.002),
        cost=Cost(),
    )


def test_policies_are_counted_on_the_same_drafts_and_ballots() -> None:
    rows = {
        row.policy: row
        for row in replayed(
            [facts("xxaab", "00000", question="q1"), facts("xaaab", "00000")]
        )
    }
    assert rows["one draft"].right.value == pytest.approx(0.3, abs=0.1)
    # Two of five are right as often as two others: a tie is worth a half.
    assert rows["5 drafts, counted"].right.value == 0.25
    assert rows["ensemble: all judge"].right.value == 1.0
    assert rows["ensemble: all judge"].tokens == 500 + 150 + 20
    assert rows["one judge of all drafts"].tokens == 500 + 30 + 20
    # 2:2:1 is a weak margin, so two judge; 3:1:1 is none, so nobody does.
    assert rows["evidence"].right.value == 0.5
    assert rows["evidence"].tokens == 520 + 30
    assert rows["any is right"].right.value == 1.0
    assert rows["one draft"].at_equal_tokens is None
    assert rows["ensemble: all judge"].at_equal_tokens is not None
    assert rows["ensemble: all judge"].at_equal_tokens.value == 0.75


def test_estimates_of_judges_are_of_pairs_of_a_right_and_a_wrong_draft() -> None:
    # Both judges of m put the right one first in three of four; n's in half.
    sessions = [
        facts("xa", first, models="mmn", question=f"q{at}")
        for at, first in enumerate(["000", "001", "000", "111"] * 5)
    ]
    found = estimated(sessions)
    assert found.judge_right == pytest.approx(8 / 12)
    assert found.judge_pairs == 60
    assert found.within == pytest.approx(1.0)
    assert found.between == pytest.approx(0.4667, abs=0.01)
    assert found.equal == 0.0
    assert found.draft_tokens == 50
    assumed = found.assumed()
    assert assumed["countable"] == "true"
    errors = Errors(float(assumed["judge_shared_sd"]), float(assumed["judge_own_sd"]))
    assert right_alone(errors) == pytest.approx(8 / 12, abs=0.01)
    assert correlation_of(errors) == pytest.approx(1.0, abs=0.02)


def test_what_was_not_seen_is_not_estimated() -> None:
    found = estimated([facts("x", question=str(n)) for n in range(3)])
    assert isinstance(found, Estimates)
    assert found.judge_right is None
    assert found.within is None
    assert found.revised_right is None
    assert set(found.assumed()) <= {
        "countable",
        "draft_tokens",
        "answer_tokens",
        "vote_tokens",
        "present_tokens",
    }
    assert not replayed([])


@pytest.mark.parametrize("results", ["xxxxx", "abcde"])
def test_drafts_that_are_all_right_or_all_wrong_say_nothing_of_each_other(
    results: str,
) -> None:
    found = estimated([facts(results, question=str(n)) for n in range(5)])
    assert found.drafts_together is None
    assert "shared_sd" not in found.assumed()


def test_a_choice_tells_its_best_from_all_others() -> None:
    ballot = Choice(label=LABELS[1])
    assert place_of(ballot, LABELS[1]) < place_of(ballot, LABELS[0])


def _script(answer: str, vote: str) -> str:
    return (
        "{model: scripted-m, turns: ["
        f'{{when: {{task: draft}}, lines: [{{delay_s: 1, answer: "{answer}"}}]}},'
        f'{{when: {{task: review}}, repeat: true, lines: [{{vote: "{vote}"}}]}},'
        f'{{when: {{task: present}}, lines: [{{text: "It is {answer}"}}]}}]}}'
    )


@pytest.fixture
def config() -> TeamConfig:
    """Two of three are right; one of three puts a wrong answer first."""
    says = {"ada": ("41", "41"), "bob": ("41", "41"), "cy": ("42", "42")}
    agents = "".join(
        f"  - {{id: {name}, script: {_script(*both)}}}\n" for name, both in says.items()
    )
    return parse_team(f"agents:\n{agents}", Path("team.yaml"))


async def test_a_measurement_is_a_sweep_and_what_is_replayed_on_it(
    config: TeamConfig, tmp_path: Path
) -> None:
    questions = [
        Question(id=f"q{n}", question=f"What is {n}?", reference=("41",))
        for n in range(4)
    ]
    options = MeasureOptions(questions=questions, config=config, out=tmp_path / "out")
    found = await measure(options)
    assert isinstance(found, Measurement)
    assert (found.sessions, found.missing) == (8, 0)
    rows = {row.policy: row for row in found.policies}
    assert rows["3 drafts, counted"].right.value == 1.0
    assert rows["any is right"].right.value == 1.0
    assert rows["evidence"].tokens < rows["ensemble: all judge"].tokens
    # A vote for one of two equal texts says nothing of the other: 1, 1 and 0 of 2.
    assert found.estimates.judge_right == 0.5
    assert found.estimates.presenter_loss == 0.0
    assert found.estimates.equal == pytest.approx(1 / 3)
    # The same folder goes on: nothing is asked again.
    assert (await measure(options)).sessions == 8


async def test_a_question_without_a_reference_is_refused(
    config: TeamConfig, tmp_path: Path
) -> None:
    options = MeasureOptions(
        questions=[Question(id="q", question="?")], config=config, out=tmp_path
    )
    with pytest.raises(ConfigInvalid, match="has no reference"):
        await measure(options)


def test_the_open_team_cuts_nothing_short(config: TeamConfig) -> None:
    rules = open_team(config).rules
    assert rules.voting.panel is None
    assert not rules.voting.early
    assert rules.drafting.straggler is None
    questions = [Question(id="q", question="?" * 4000, reference=("x",))]
    few = forecast(config, questions, 1, with_revisions=False)
    many = forecast(config, questions, 2, with_revisions=True)
    assert few.sessions == 1
    assert many.sessions == 4
    assert many.tokens > 2 * few.tokens
    with pytest.raises(ConfigInvalid, match="no questions"):
        forecast(config, [], 1, with_revisions=True)


@pytest.mark.real_time
def test_the_command_estimates_first_and_asks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "team.yaml").write_text(
        "defaults: {model: claude-haiku-5-5}\nagents: [{id: ada}, {id: bo}]"
    )
    (tmp_path / "q.jsonl").write_text('{"question": "1 + 1?", "right": "2"}\n')
    words = ["measure", "q.jsonl", "-c", "team.yaml", "--reference", "right"]
    assert main([*words, "--estimate"]) == 0
    assert "about 2 sessions" in capsys.readouterr().out
    assert main(words) == 1
    assert "--yes" in capsys.readouterr().err
    assert main([*words, "--emulate"]) == 0
    told = capsys.readouterr().out
    assert "2 drafts, counted" in told
    assert "--assume countable=" in told
    assert (tmp_path / "q-measure" / "measurement.json").is_file()
