"""Random sessions keep every invariant, and a broken machine is caught."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import pytest

from agents.protocol.chunks import AgentId, Label, VoteCast
from agents.protocol.turns import Task
from coordinator.consensus import (
    conclusion,
    contests,
    drafting,
    machine,
    revisions,
    vetoes,
    voting,
)
from coordinator.consensus.rules import Rules
from coordinator.consensus.state import Activity, Member
from coordinator.consensus.transition import Move
from coordinator.protocol.events import (
    AgentRetired,
    Conclude,
    VotesVoided,
    WinnerDecided,
)
from coordinator.simulation import campaign
from coordinator.simulation.campaign import run_seeds
from coordinator.simulation.generate import setting
from coordinator.simulation.recount import is_counted_right


def test_a_thousand_random_sessions_keep_every_invariant() -> None:
    report = run_seeds(range(1000))
    assert report.failures == ()
    assert report.runs == 1000
    assert set(report.statuses) == {"answered", "deadline", "failed", "interrupted"}
    assert set(report.policies) == {
        "slate",
        "revision",
        "ensemble",
        "massgen",
        "evidence",
    }


@pytest.mark.parametrize("seed", range(50))
def test_the_inputs_in_order_reproduce_a_session(seed: int) -> None:
    campaign.replayed(setting(seed).world)


def test_a_runoff_counts_the_drafts_of_those_in_it_alone() -> None:
    # Two of five results tie, nobody can afford the runoff's ballot, and the drafts
    # for the other three say nothing of the two.
    rules = Rules("evidence", rule="borda", ties="runoff")
    drafts = {AgentId(f"a{at}"): Label(x) for at, x in enumerate("aaabbbccde")}
    decided = WinnerDecided(
        winner=AgentId("a0"),
        label=Label("a"),
        rule="borda",
        standings=((Label("a"), 3.0), (Label("b"), 3.0)),
        is_early=False,
        was_tie=True,
    )
    assert is_counted_right(rules, {}, decided, drafts)
    drafts[AgentId("a0")] = Label("b")
    assert not is_counted_right(rules, {}, decided, drafts)
    assert not run_seeds([14794]).failures


def test_a_seed_is_a_session() -> None:
    assert setting(3).world().play() == setting(3).world().play()


_on_vote = voting.on_vote


def _counts_stale_votes(m: Move, member: Member, chunk: VoteCast) -> None:
    contest = m.s.contests[member.contest]
    _on_vote(m, member, msgspec.structs.replace(chunk, seen=contest.labels))


_start = Move.start


def _starts_twice(
    m: Move, member: Member, task: Task, activity: Activity, *, continues: bool = False
) -> Member:
    started = _start(m, member, task, activity, continues=continues)
    m.out.append(m.out[-1])
    return started


def _concludes_twice(m: Move, *_: object, **__: object) -> None:
    end = Conclude(status="failed", winner=None, label=None, answer=None)
    m.out.extend((end, end))
    m.s.phase = "concluded"


def _forgets_the_answer(m: Move, *_: object, **__: object) -> None:
    m.out.append(Conclude(status="failed", winner=None, label=None, answer=None))
    m.s.phase = "concluded"


def _retires_silently(m: Move, member: Member, reason: str) -> Member:
    m.out.append(AgentRetired(agent=member.id, reason=reason))
    return member


def _ignores_the_bounds(_m: Move, _status: str, _why: str) -> None:
    return


def _names_nobody_void(*_: object, **__: object) -> object:
    return VotesVoided(voters=(AgentId("a0"),), label=Label("agent1.1"))


def _picks_anybody(m: Move, label: Label, *rest: object) -> None:
    _finish(m, min(m.s.answers, default=label), *rest)  # type: ignore[arg-type]


_finish = conclusion.finish


def _thinks_all_older_answers_are_read(
    m: Move, member: Member, labels: Sequence[Label]
) -> tuple[Label, ...]:
    return tuple(x for x in labels if m.s.answers[x].ordinal > member.shown)


_BREAKS: dict[str, tuple[object, str, Callable[..., object]]] = {
    "a ballot that counts has seen every answer": (
        voting,
        "on_vote",
        _counts_stale_votes,
    ),
    "the conclusion is the last effect": (conclusion, "conclude", _concludes_twice),
    "the best answer so far is given": (conclusion, "conclude", _forgets_the_answer),
    "a session ends by its deadline": (machine, "_best_so_far", _ignores_the_bounds),
    "a spent budget ends the session": (machine, "_stop", lambda *_: None),
    "turn numbers count up": (Move, "start", _starts_twice),
    "who is out gets no turn": (Move, "retire", _retires_silently),
    "only live ballots are voided": (revisions, "VotesVoided", _names_nobody_void),
    "a session waits for somebody, not for its deadline alone": (
        drafting,
        "_go_on",
        lambda *_: None,
    ),
    "no ballot for an unseen answer": (
        contests,
        "unread",
        _thinks_all_older_answers_are_read,
    ),
    "only small changes keep ballots": (
        revisions,
        "_is_small_change",
        lambda *_: True,
    ),
    "the winner presents": (conclusion, "finish", _picks_anybody),
    "a session has no more answers than it may": (
        contests,
        "has_room",
        lambda *_: True,
    ),
    "an agent has no more answers than it may": (
        contests,
        "has_answers_left",
        lambda *_: True,
    ),
    "no ballot that was given up could have mattered": (
        voting,
        "events_until_over",
        lambda *_, **__: 0,
    ),
    "no vetoed answer wins": (vetoes, "_take_off", lambda *_: None),
}


@pytest.mark.parametrize("invariant", _BREAKS)
def test_a_machine_broken_on_purpose_is_caught(
    invariant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, name, wrong = _BREAKS[invariant]
    monkeypatch.setattr(place, name, wrong)
    # What only the judges of several committees get wrong takes a larger team.
    sizes = (9,) if invariant == "no ballot for an unseen answer" else ()
    # Some show soon; one that needs a rare team is looked for until it shows.
    firsts = range(0, 3000, 120)
    campaigns = (run_seeds(range(first, first + 120), sizes=sizes) for first in firsts)
    assert any(
        invariant == failure.invariant
        for found in campaigns
        for failure in found.failures
    )


def test_a_failure_is_shrunk_to_a_small_team_and_says_how_to_see_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(conclusion, "conclude", _forgets_the_answer)
    failure = run_seeds([8]).failures[0]
    assert failure.agents <= 3
    assert failure.changed == ()
    assert failure.reproduction() == "coordinator simulate --runs 1 --seed 8"
