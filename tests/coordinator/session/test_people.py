"""A person may be an agent: it answers and votes through the session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

import coordinator
from agents.actor.person import Person, Seat
from agents.protocol.chunks import AgentId, TurnNumber, VoteCast
from agents.protocol.turns import Draft, Present, Review, Turn
from coordinator.ballots import VotingRule, every_rule
from coordinator.consensus.rules import Rules
from coordinator.errors import NotAsked
from coordinator.protocol.events import VoteRejected
from coordinator.team.builder import assemble
from coordinator.team.reader import parse_team
from coordinator.team.team import Team
from tests.coordinator.session.conftest import drafts, presents, scripted, votes

ADA, PAT = AgentId("ada"), AgentId("pat")


def mixed(**changes: Any) -> Team:
    rules = Rules(straggler=None, early=False, deadline_s=600.0, **changes)
    ada = scripted("ada", [drafts("Paris"), votes("Lyon"), presents("Paris.")])
    return Team(agents=(ada, Person(id=PAT)), rules=rules, seed=1)


@pytest.mark.parametrize("rule", every_rule(), ids=lambda rule: rule.name)
async def test_a_person_answers_votes_and_presents(rule: VotingRule) -> None:
    async with coordinator.open_session("Which?", mixed(rule=rule)) as session:
        turn = await session.asked(PAT)
        assert isinstance(turn.task, Draft)
        session.answer(PAT, "Lyon")
        turn = await session.asked(PAT)
        assert isinstance(turn.task, Review)
        own = next(x.label for x in turn.task.answers if x.is_own)
        session.vote(PAT, own, reason="I know it")
        turn = await session.asked(PAT)
        assert isinstance(turn.task, Present)
        session.answer(PAT, "It is Lyon.")
        result = await session.wait()
    assert (result.winner, result.answer) == (PAT, "It is Lyon.")
    assert result.agents[PAT].turns == 3
    assert "I know it" in {vote.reason for vote in result.votes}


async def test_who_is_not_asked_cannot_speak() -> None:
    async with coordinator.open_session("Which?", mixed()) as session:
        await session.asked(PAT)
        session.answer(PAT, "Lyon")
        with pytest.raises(NotAsked, match="'pat' is not asked"):
            session.answer(PAT, "Lyon, again")
        with pytest.raises(NotAsked, match="'ada' is no person"):
            session.answer(ADA, "Nice")
        session.interrupt()


async def test_a_vote_is_not_taken_where_an_answer_is_asked_for() -> None:
    async with coordinator.open_session("Which?", mixed()) as session:
        turn = await session.asked(PAT)
        with pytest.raises(NotAsked, match="not asked to vote"):
            session.vote(PAT, next(iter(turn.question)))  # type: ignore[arg-type]
        session.interrupt()


async def test_a_vote_for_nobody_is_rejected_and_asked_for_again() -> None:
    async with coordinator.open_session("Which?", mixed()) as session:
        events = session.events()
        await session.asked(PAT)
        session.answer(PAT, "Lyon")
        await session.asked(PAT)
        session.vote(PAT, "agent9.9")
        again = await session.asked(PAT)
        assert "agent9.9" in again.note
        session.interrupt()
        await session.wait()
        seen = [event async for batch in events for event in batch]
    assert any(isinstance(event, VoteRejected) for event in seen)


async def test_a_person_who_says_nothing_is_a_straggler_like_any_other() -> None:
    async with coordinator.open_session("Which?", mixed()) as session:
        result = await session.wait()
    assert (result.status, result.answer) == ("deadline", "Paris")
    assert result.elapsed_s == pytest.approx(600.0)


async def test_leaving_the_session_leaves_nobody_waiting_for_a_person() -> None:
    with anyio.fail_after(60):
        async with coordinator.open_session("Which?", mixed()) as session:
            await session.asked(PAT)


def test_a_person_is_declared_in_the_team_file() -> None:
    text = "agents: [{id: pat, backend: human}]\nquestion: Which?\n"
    team = assemble(parse_team(text, Path("team.yaml")))
    assert isinstance(team.agents[0], Person)


async def test_nobody_waits_to_be_asked_after_the_end() -> None:
    async with coordinator.open_session("Which?", mixed()) as session:
        await session.asked(PAT)
        session.interrupt()
        await session.wait()
        with pytest.raises(NotAsked, match="has ended"):
            await session.asked(PAT)


async def test_a_person_is_shown_the_news_that_the_ballot_counts_as_seen() -> None:
    ada = scripted(
        "ada",
        [
            drafts("Paris"),
            {
                "when": {"task": "review"},
                "lines": [{"answer": "Paris, the capital", "delay_s": 5.0}],
            },
            votes("Lyon"),
            presents("Paris."),
        ],
    )
    rules = Rules(
        "revision", news="inject", straggler=None, early=False, deadline_s=600.0
    )
    team = Team(agents=(ada, Person(id=PAT)), rules=rules, seed=1)
    async with coordinator.open_session("Which?", team) as session:
        turn = await session.asked(PAT)
        session.answer(PAT, "Lyon")
        turn = await session.asked(PAT)
        assert isinstance(turn.task, Review)
        (before,) = {x.label for x in turn.task.answers if not x.is_own}
        await anyio.sleep(10.0)  # ada has revised hers meanwhile
        turn = await session.asked(PAT)
        assert isinstance(turn.task, Review)
        assert turn.task.ballot is not None
        shown = {answer.label: answer.content for answer in turn.task.answers}
        assert "Paris, the capital" in shown.values()
        assert before not in shown
        assert set(turn.task.ballot.labels) == shown.keys()
        revised = next(x for x, text in shown.items() if text.startswith("Paris"))
        votes_cast: list[VoteCast] = []
        feed = session.events()
        session.vote(PAT, revised)
        async for batch in feed:
            votes_cast += [
                x for x in batch if isinstance(x, VoteCast) and x.agent == PAT
            ]
            if votes_cast:
                break
        feed.close()
        session.interrupt()
    assert set(votes_cast[0].seen) == shown.keys()


async def test_a_persons_seat_ends_quietly_where_nobody_listens_any_more() -> None:
    outbox, inbox = anyio.create_memory_object_stream[bytes](1)
    seat = Seat(Person(id=PAT), outbox)
    seat.take(Turn(agent=PAT, number=TurnNumber(1), question="Which?", task=Draft()))
    inbox.close()
    with anyio.fail_after(5):
        await seat.run()
