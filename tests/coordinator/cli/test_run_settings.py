"""Options of ``run`` that change the team, and questions that are piped in."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import IO

import pytest

from coordinator.cli.question import question_of
from coordinator.cli.run import team_of_models
from coordinator.cli.run_settings import (
    DEFAULT_BUDGET_USD,
    TeamSettings,
    default_model,
    with_settings,
)
from coordinator.errors import ConfigInvalid

Run = Callable[..., tuple[int, str, str]]
QUIET = ("--emulate", "--no-journal", "--json", "--display", "quiet")


def _asked(out: str) -> str:
    return json.loads(out)["question"]


def test_what_is_piped_in_goes_with_the_question(run: Run) -> None:
    code, out, _ = run("run", "Review this", *QUIET, stdin="diff --git a b\n")
    assert (code, _asked(out)) == (0, "Review this\n\ndiff --git a b")


def test_a_question_alone_or_a_pipe_alone_is_the_question(run: Run) -> None:
    assert _asked(run("run", "Why?", *QUIET)[1]) == "Why?"
    assert _asked(run("run", *QUIET, stdin="Why?\n")[1]) == "Why?"
    assert _asked(run("run", "-", *QUIET, stdin="Why?\n")[1]) == "Why?"


@pytest.mark.parametrize("question", ["what is this", "-", None])
def test_a_picture_on_standard_input_is_sent_to_attach(
    question: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(picture)))
    with pytest.raises(ConfigInvalid, match=r"byte 8 .*--attach FILE"):
        question_of(question, None, is_alone=True)


def test_nothing_asked_and_nothing_piped_is_said(run: Run) -> None:
    code, _, err = run("run", *QUIET, stdin="  \n")
    assert code == 1
    assert "no question was asked" in err


@pytest.mark.parametrize(
    "question", ["-5 + 3 = ?", "- first point", "--verbose is what?"]
)
def test_a_question_may_begin_with_a_dash(run: Run, question: str) -> None:
    code, out, err = run("run", question, *QUIET)
    assert (code, err) == (0, "")
    assert _asked(out) == question


class _Unreadable:
    """Standard input as some programs leave it: no descriptor, and no reading."""

    @property
    def buffer(self) -> IO[bytes]:
        raise OSError("not to be read")

    def fileno(self) -> int:
        raise io.UnsupportedOperation("no descriptor")

    def isatty(self) -> bool:
        return False


def _closed() -> io.TextIOWrapper:
    closed = io.TextIOWrapper(io.BytesIO())
    closed.close()
    return closed


@pytest.mark.parametrize("stdin", [None, _closed(), _Unreadable()])
def test_where_there_is_no_standard_input_nothing_is_piped(
    stdin: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", stdin)
    assert question_of("Why?", None, is_alone=True) == "Why?"
    for asked in (None, "-"):
        with pytest.raises(ConfigInvalid, match="no question was asked"):
            question_of(asked, None, is_alone=True)


def test_an_option_that_there_is_not_is_still_refused(run: Run) -> None:
    code, _, err = run("run", "Why?", "--verbos", *QUIET)
    assert code == 1
    assert "--verbos" in err


def test_a_pipe_that_stays_open_is_said_to_be_waited_for() -> None:
    reading, writing = os.pipe()
    program = subprocess.Popen(  # noqa: S603 (our own words)
        [sys.executable, "-m", "coordinator", "run", "Why?", *QUIET],
        stdin=reading,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(reading)
    assert program.stderr is not None
    assert "waiting for standard input" in program.stderr.readline()
    os.write(writing, b"because\n")
    os.close(writing)
    out, _ = program.communicate(timeout=60)
    assert _asked(out) == "Why?\n\nbecause"


def test_a_team_of_models_alone_may_spend_two_dollars() -> None:
    config = team_of_models(("claude-sonnet-5-5",), 3)
    made = with_settings(config, TeamSettings(), has_default_budget=True)
    assert made.rules.limits.budget_usd == DEFAULT_BUDGET_USD == 2.0
    mine = with_settings(config, TeamSettings(budget_usd=0.5), has_default_budget=True)
    assert mine.rules.limits.budget_usd == 0.5
    named = with_settings(config, TeamSettings())
    assert named.rules.limits.budget_usd is None


def test_settings_reach_rules_and_agents() -> None:
    config = team_of_models(("claude-sonnet-5-5",), 2)
    made = with_settings(
        config,
        TeamSettings(
            policy="ensemble",
            rule="schulze",
            system="Be brief.",
            effort="low",
            tools=("web_search",),
            seed=7,
        ),
    )
    assert (made.rules.policy, made.rules.voting.rule.name) == ("ensemble", "schulze")
    assert made.file.seed == 7
    for agent in made.agents:
        assert (agent.system, agent.effort) == ("Be brief.", "low")
        assert agent.tools == ("web_search",)


def test_what_a_file_has_changed_of_its_policy_stays_changed() -> None:
    config = team_of_models(("claude-sonnet-5-5",), 2)
    changed = with_settings(config, TeamSettings(rule="copeland"))
    made = with_settings(changed, TeamSettings(policy="massgen"))
    assert (made.rules.policy, made.rules.voting.rule.name) == ("massgen", "copeland")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (TeamSettings(budget_usd=0), "--budget-usd 0 buys nothing"),
        (TeamSettings(policy="slat"), "policy 'slat' is unknown"),
        (TeamSettings(rule="bordda"), "did you mean 'borda'"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused(
    settings: TeamSettings, said: str
) -> None:
    with pytest.raises(ConfigInvalid, match=said):
        with_settings(team_of_models(("claude-sonnet-5-5",), 2), settings)


def test_without_a_team_a_key_or_a_name_says_whom_to_ask() -> None:
    assert default_model({}) is None
    assert default_model({"ANTHROPIC_API_KEY": "k"}) == "claude-sonnet-5-5"
    assert (
        default_model({"COORDINATOR_MODEL": "claude-haiku-5-5"}) == "claude-haiku-5-5"
    )
