"""The shell: agents stream in their own tasks, one answer comes out."""

from __future__ import annotations

import gc
from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import current_token

import coordinator
from agents.protocol.chunks import (
    AgentId,
    AnswerProposed,
    Label,
    TextDelta,
    TurnEnded,
    TurnStarted,
    VoteCast,
)
from coordinator.consensus import Consensus
from coordinator.journal.entries import decode
from coordinator.journal.inputs import inputs
from coordinator.journal.reader import read_session
from coordinator.protocol.events import (
    AnswerAccepted,
    CancelTurn,
    Conclude,
    Event,
    MachineOutput,
    Output,
    WinnerDecided,
)
from tests.coordinator.session.conftest import MakeTeam, drafts, presents, votes


async def test_three_agents_answer_vote_and_the_winner_presents(team: MakeTeam) -> None:
    cities = team(
        {
            "ada": [drafts("Paris", 1.0), votes("Paris", 1.1), presents("Paris.")],
            "bob": [drafts("Lyon", 1.2), votes("Paris", 1.3)],
            "cy": [drafts("Nice", 1.4), votes("Nice", 30.0)],
        }
    )
    result = await coordinator.run("The capital of France?", cities)
    assert result.status == "answered"
    assert (result.winner, result.answer) == ("ada", "Paris.")
    assert {answer.content for answer in result.answers} == {"Paris", "Lyon", "Nice"}
    assert {vote.voter: vote.choice for vote in result.votes} == {
        "ada": "ada",
        "bob": "ada",
    }
    assert result.agents[AgentId("cy")].status == "cancelled"
    assert result.elapsed_s == pytest.approx(1.4 + 1.3 + 1.0)
    assert result.usage.output_tokens > 0


async def test_who_begins_to_read_after_the_end_is_told_that_it_is_over(
    team: MakeTeam,
) -> None:
    cities = team({"ada": [drafts("Paris"), votes("Paris"), presents("Paris.")]})
    async with coordinator.open_session("q", cities) as session:
        await session.wait()
        with anyio.fail_after(60):
            assert [chunk async for chunk in session] == []
            assert [batch async for batch in session.events()] == []


async def test_every_chunk_reaches_who_iterates_in_order(team: MakeTeam) -> None:
    cities = team({"ada": [drafts("Paris"), votes("Paris"), presents("Paris.")]})
    async with coordinator.open_session("q", cities) as session:
        seen = [chunk async for chunk in session]
        assert (await session.wait()).answer == "Paris"
    for turn in {chunk.turn for chunk in seen}:
        numbers = [chunk.seq for chunk in seen if chunk.turn == turn]
        assert numbers == list(range(len(numbers)))
    assert isinstance(seen[0], TurnStarted)
    assert any(isinstance(chunk, AnswerProposed) for chunk in seen)


async def test_a_slow_reader_loses_nothing(team: MakeTeam) -> None:
    words = {"repeat_text": {"text": "word ", "times": 20000, "batch": 100}}
    turns = [{"when": {"task": "draft"}, "lines": [words, {"answer": "x"}]}]
    chatty = team({"ada": turns})
    deltas = 0
    async with coordinator.open_session("q", chatty) as session:
        async for chunk in session:
            deltas += isinstance(chunk, TextDelta)
            if deltas % 1000 == 0:
                await anyio.sleep(1)
    assert deltas == 20000


async def test_leaving_early_cancels_every_agent(team: MakeTeam) -> None:
    slow = team({name: [drafts("x", 1000.0)] for name in ("ada", "bob")})
    before = anyio.current_time()
    async with coordinator.open_session("q", slow) as session:
        async for chunk in session:
            assert isinstance(chunk, TurnStarted)
            break
    assert anyio.current_time() - before < 100
    assert session.result is None
    gc.collect()


async def test_an_agent_that_fails_is_data_and_the_others_go_on(team: MakeTeam) -> None:
    refused = [{"lines": [{"error": {"status": 401}}]}]
    mixed = team(
        {
            "ada": [drafts("Paris"), votes("Paris"), presents("Paris.")],
            "bob": refused,
        }
    )
    result = await coordinator.run("q", mixed)
    assert result.answer == "Paris."
    record = result.agents[AgentId("bob")]
    assert record.status == "failed"
    assert record.error is not None
    assert "401" in record.error


async def test_when_all_fail_the_session_fails(team: MakeTeam) -> None:
    refused = [{"lines": [{"error": {"status": 401}}]}]
    result = await coordinator.run("q", team({"ada": refused, "bob": refused}))
    assert (result.status, result.answer) == ("failed", None)


async def test_the_deadline_is_exact_and_gives_the_best_so_far(team: MakeTeam) -> None:
    late = team(
        {"ada": [drafts("Paris", 5.0)], "bob": [drafts("Lyon", 9999.0)]},
        deadline_s=60.0,
    )
    result = await coordinator.run("q", late)
    assert (result.status, result.answer) == ("deadline", "Paris")
    assert result.elapsed_s == pytest.approx(60.0, abs=0.1)


async def test_an_interruption_ends_with_what_there_is(team: MakeTeam) -> None:
    slow = team({"ada": [drafts("Paris", 5.0)], "bob": [drafts("Lyon", 9999.0)]})
    async with coordinator.open_session("q", slow) as session:
        await anyio.sleep(10)
        session.interrupt("enough")
        result = await session.wait()
    assert (result.status, result.answer) == ("interrupted", "Paris")
    assert "enough" in result.detail


async def test_people_may_stop_an_agent_and_veto_an_answer(team: MakeTeam) -> None:
    trio_team = team(
        {
            "ada": [drafts("Paris", 1.0), votes("Paris", 5.0), presents("Paris.")],
            "bob": [drafts("Lyon", 1.1), votes("Lyon", 5.1), presents("Lyon.")],
            "cy": [drafts("Nice", 1.2), votes("Lyon", 5.2)],
        }
    )
    async with coordinator.open_session("q", trio_team) as session:
        labels: dict[str, Label] = {}
        async for batch in session.events():
            for event in batch:
                if isinstance(event, AnswerAccepted):
                    labels[event.agent] = event.label
            if len(labels) == 3:
                break
        session.stop_agent(AgentId("ada"))
        session.veto(labels["ada"])
        result = await session.wait()
    assert result.winner == "bob"


async def test_decisions_and_chunks_share_one_order(team: MakeTeam) -> None:
    cities = team(
        {
            "ada": [drafts("Paris", 1.0), votes("Paris", 1.1), presents("Paris.")],
            "bob": [drafts("Lyon", 1.2), votes("Paris", 1.3)],
        }
    )
    events: list[Event] = []
    async with coordinator.open_session("q", cities) as session:
        async for batch in session.events():
            events.extend(batch)
    kinds = [type(event) for event in events]
    assert kinds.index(VoteCast) < kinds.index(WinnerDecided) < kinds.index(Conclude)


async def test_a_cancelled_agents_last_words_are_shown(team: MakeTeam) -> None:
    cities = team(
        {
            "ada": [drafts("Paris", 1.0), votes("Paris", 1.1), presents("Paris.")],
            "bob": [drafts("Lyon", 1.2), votes("Paris", 1.3)],
            "cy": [drafts("Nice", 1.4), votes("Nice", 30.0)],
        }
    )
    events: list[Event] = []
    async with coordinator.open_session("q", cities) as session:
        async for batch in session.events():
            events.extend(batch)
    (cancel,) = [e for e in events if isinstance(e, CancelTurn)]
    ends = [e for e in events if isinstance(e, TurnEnded) and e.outcome == "cancelled"]
    assert [end.agent for end in ends] == [cancel.agent] == ["cy"]
    assert ends[0].detail == cancel.reason


async def test_an_empty_question_is_refused(team: MakeTeam) -> None:
    with pytest.raises(coordinator.ConfigInvalid, match="question is empty"):
        await coordinator.run("  ", team({"ada": [drafts("x")]}))


async def test_the_callers_cancellation_goes_through(team: MakeTeam) -> None:
    slow = team({"ada": [drafts("x", 1000.0)]})
    with anyio.move_on_after(5) as scope:
        await coordinator.run("q", slow)
    assert scope.cancelled_caught
    assert current_token() is not None


def test_a_session_runs_from_synchronous_code(team: MakeTeam) -> None:
    quick = team({"ada": [drafts("Paris", 0.0)]})
    assert coordinator.run_sync("q", quick).answer == "Paris"


@pytest.mark.real_time
async def test_a_session_runs_from_a_cell_of_a_notebook(team: MakeTeam) -> None:
    quick = team({"ada": [drafts("Paris", 0.0)]})
    assert coordinator.run_sync("q", quick).answer == "Paris"


async def test_a_journal_reproduces_the_session(team: MakeTeam, tmp_path: Path) -> None:
    cities = team(
        {
            "ada": [drafts("Paris", 1.0), votes("Paris", 1.1), presents("Paris.")],
            "bob": [drafts("Lyon", 1.2), votes("Paris", 1.3)],
            "cy": [drafts("Nice", 1.4), votes("Nice", 30.0)],
        }
    )
    outputs: list[MachineOutput] = []
    async with coordinator.open_session("q", cities, journal=tmp_path) as session:
        async for batch in session.events():
            outputs += [event for event in batch if isinstance(event, Output)]
        result = await session.wait()
    journal = read_session(tmp_path, session.id)
    assert journal.damage is None
    opened = journal.opened
    machine = Consensus.new(
        tuple(opened.models),
        opened.question,
        cities.rules,
        seed=opened.seed,
        nonce=opened.nonce,
    )
    again: list[MachineOutput] = []
    for what in inputs(journal.records):
        machine, effects = machine.step(what)
        again += effects
    assert again == outputs
    assert decode(journal.records[-1]) == result
