"""A function as a backend: what it is asked, what it may reply, which rule it broke."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Callable
from typing import Any

import anyio
import anyio.lowlevel
import msgspec
import pytest

import coordinator
from agents.backends.function import Answer, FunctionBackend, Thought, ToolCall, Vote
from agents.errors import AgentError, BackendBroken, BackendRefused, BackendUnavailable
from agents.protocol.backend import Message, Request, ToolSpec
from agents.protocol.chunks import (
    AgentId,
    Approval,
    Choice,
    Label,
    Ranking,
    Scores,
    StreamChunk,
    TextDelta,
    ThinkingDelta,
    ToolCalled,
    TurnNumber,
    Usage,
    UsageReported,
)
from agents.protocol.stamper import Pen
from agents.protocol.turns import BallotForm, Draft, Review, Task, Turn, VisibleAnswer
from agents.tools.submissions import Voted, read_calls

NO_CHOICES: dict[str, str] = {}
LABELS = (Label("agent1.1"), Label("agent2.1"), Label("agent3.1"))


def review(kind: Any = "choice", *, may_abstain: bool = False) -> Review:
    form = BallotForm(kind=kind, labels=LABELS, max_score=9, may_abstain=may_abstain)
    shown = tuple(VisibleAnswer(label=label, content=label) for label in LABELS)
    return Review(answers=shown, ballot=form, may_revise=False)


def request(task: Task | None = None) -> Request:
    schema = msgspec.Raw(b'{"type":"object","properties":{"q":{"type":"string"}}}')
    return Request(
        turn=Turn(
            agent=AgentId("ada"),
            number=TurnNumber(1),
            question="Which city?",
            task=task or Draft(),
        ),
        system="Be brief.",
        messages=(
            Message(role="user", content=msgspec.Raw(b'"Which city?"')),
            Message(
                role="assistant",
                content=msgspec.Raw(
                    b'[{"type":"text","text":"Hm."},{"type":"tool_use","id":"c1",'
                    b'"name":"look","input":{"q":"x"}}]'
                ),
            ),
            Message(
                role="user",
                content=msgspec.Raw(
                    b'[{"type":"tool_result","tool_use_id":"c1","content":"Paris"}]'
                ),
            ),
        ),
        tools=(ToolSpec(name="look", description="Look.", input_schema=schema),),
    )


async def said(ask: Callable[..., Any], task: Task | None = None) -> list[StreamChunk]:
    asked = request(task)
    pen = Pen(asked.turn.agent, asked.turn.number, at=0.0)
    async with FunctionBackend(ask).open_stream(asked, pen) as stream:
        return [chunk async for batch in stream for chunk in batch]


async def broken(ask: Callable[..., Any], task: Task | None = None) -> AgentError:
    with pytest.raises(AgentError) as caught:
        await said(ask, task)
    return caught.value


async def test_a_function_is_asked_as_a_chat_completion_is() -> None:
    given: list[Any] = []

    async def ask(messages: Any, tools: Any) -> str:
        await anyio.lowlevel.checkpoint()
        given.extend((messages, tools))
        return "Paris"

    await said(ask)
    messages, (tool,) = given
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "tool"]
    assert [m["content"] for m in messages] == [
        "Be brief.",
        "Which city?",
        "Hm.",
        "Paris",
    ]
    assert messages[2]["tool_calls"][0]["function"]["name"] == "look"
    assert tool["function"]["name"] == "look"


async def test_a_generator_streams_piece_by_piece() -> None:
    async def ask(_messages: Any, _tools: Any) -> AsyncGenerator[Any]:
        yield Thought("Let me see.")
        yield "Par"
        await anyio.sleep(1)
        yield "is"
        yield Usage(input_tokens=7)
        yield [Usage(input_tokens=7, output_tokens=2), ToolCall("look", {"q": "y"})]

    chunks = await said(ask)
    assert [c.text for c in chunks if isinstance(c, ThinkingDelta)] == ["Let me see."]
    texts = [c for c in chunks if isinstance(c, TextDelta)]
    assert [c.text for c in texts] == ["Par", "is"]
    assert texts[1].at - texts[0].at == pytest.approx(1)
    assert texts[0].block == texts[1].block
    usages = [c.usage for c in chunks if isinstance(c, UsageReported)]
    assert usages[-1] == Usage(input_tokens=7, output_tokens=2)
    (call,) = [c for c in chunks if isinstance(c, ToolCalled)]
    assert (call.name, bytes(call.input)) == ("look", b'{"q":"y"}')


@pytest.mark.real_time
async def test_a_plain_function_is_called_in_a_thread() -> None:
    here, seen = threading.get_ident(), list[int]()

    def ask(_messages: Any, _tools: Any, turn: Turn) -> str:
        seen.append(threading.get_ident())
        return turn.question

    chunks = await said(ask)
    assert [c.text for c in chunks if isinstance(c, TextDelta)] == ["Which city?"]
    assert seen
    assert here not in seen


@pytest.mark.parametrize("kind", ["choice", "approval", "ranking", "scores"])
async def test_a_vote_is_put_in_the_form_that_the_ballot_has(kind: str) -> None:
    task = review(kind)

    async def ask(*_: Any) -> Vote:
        await anyio.lowlevel.checkpoint()
        return Vote(["agent2.1", "agent1.1"], reason="It is right.")

    calls = [c for c in await said(ask, task) if isinstance(c, ToolCalled)]
    voted = read_calls(calls, task.ballot)
    assert isinstance(voted, Voted)
    assert voted.reason == "It is right."
    first, second = Label("agent2.1"), Label("agent1.1")
    assert (
        voted.ballot
        == {
            "choice": Choice(label=first),
            "approval": Approval(labels=(first, second)),
            "ranking": Ranking(tiers=((first,), (second,))),
            "scores": Scores(points={first: 9, second: 4}),
        }[kind]
    )


async def test_nothing_is_voted_for_where_one_may_abstain() -> None:
    task = review(may_abstain=True)
    calls = [
        c for c in await said(lambda *_: Vote([]), task) if isinstance(c, ToolCalled)
    ]
    assert isinstance(read_calls(calls, task.ballot), Voted)


@pytest.mark.parametrize(
    ("reply", "task", "rule"),
    [
        (None, Draft(), "replied None; reply text, a ToolCall"),
        ({"text": "Paris"}, Draft(), "replied {'text': 'Paris'}; reply text"),
        (["Paris", 3], Draft(), "a list with 3 in it"),
        (Vote("agent1.1"), Draft(), "asks for no vote (draft)"),
        (Vote("agent9.9"), review(), "'agent9.9', which is not on the ballot"),
        (Vote([]), review(), "voted for nothing; name a label"),
        (ToolCall("look", {"q": object()}), Draft(), "the input of 'look' is no JSON"),
    ],
)
@pytest.mark.real_time
async def test_a_reply_that_breaks_a_rule_is_refused_with_the_rule(
    reply: Any, task: Task, rule: str
) -> None:
    error = await broken(lambda *_: reply, task)
    assert isinstance(error, BackendRefused)
    assert rule in str(error)


async def test_what_the_function_raises_is_that_agents_trouble() -> None:
    async def ask(*_: Any) -> str:
        await anyio.lowlevel.checkpoint()
        return NO_CHOICES["choices"]

    error = await broken(ask)
    assert isinstance(error, BackendBroken)
    assert (error.kind, str(error)) == ("KeyError", "'choices'")


@pytest.mark.parametrize(
    "raised", [ConnectionError("down"), TimeoutError(), BackendUnavailable("busy")]
)
async def test_a_server_that_is_down_may_be_asked_again(raised: Exception) -> None:
    async def ask(*_: Any) -> str:
        await anyio.lowlevel.checkpoint()
        raise raised

    assert isinstance(await broken(ask), BackendUnavailable)


def test_a_function_that_cannot_be_called_so_is_refused_at_once() -> None:
    def ask(prompt: str) -> str:
        return prompt

    with pytest.raises(TypeError, match=r"called with \(messages, tools\)"):
        FunctionBackend(ask)


async def test_a_team_of_functions_drafts_votes_and_has_a_typed_answer() -> None:
    class City(msgspec.Struct):
        name: str

    async def ask(_messages: Any, _tools: Any, turn: Turn) -> Any:
        await anyio.lowlevel.checkpoint()
        match turn.task:
            case Draft():
                name = {"ada": "Canberra", "ben": "Sydney"}.get(turn.agent, "Perth")
                return Answer(f"The capital is {name}, surely.", City(name=name))
            case Review():
                best = next(x for x in turn.task.answers if "Canberra" in x.content)
                return Vote(best.label, reason="It was chosen in 1908.")
            case _:
                return "Canberra."

    backend = FunctionBackend(ask)
    team = coordinator.Team(
        agents=tuple(
            coordinator.Agent(id=AgentId(name), backend=backend)
            for name in ("ada", "ben", "cleo")
        ),
        answer_type=City,
        rules=coordinator.Rules(rule="plurality", final="reuse"),
    )
    result = await coordinator.run("What is the capital of Australia?", team)
    assert result.winner == "ada"
    assert result.value == City(name="Canberra")


async def test_one_bad_function_costs_its_own_agent_alone() -> None:
    async def bad(*_: Any) -> str:
        await anyio.lowlevel.checkpoint()
        return NO_CHOICES["choices"]

    async def good(*_: Any) -> str:
        await anyio.lowlevel.checkpoint()
        return "Canberra"

    team = coordinator.Team(
        agents=(
            coordinator.Agent(id=AgentId("ada"), backend=FunctionBackend(bad)),
            coordinator.Agent(id=AgentId("ben"), backend=FunctionBackend(good)),
        )
    )
    result = await coordinator.run("What is the capital of Australia?", team)
    assert result.answer == "Canberra"
    assert "KeyError" in str(result.agents[AgentId("ada")].error)
