"""Tools within a turn: results, news at their boundary, a history that stays valid."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import anyio
import msgspec
import pytest

from agents.agent import Agent
from agents.conversation.conversation import Conversation
from agents.protocol.chunks import (
    AgentId,
    AnswerProposed,
    Label,
    StatusChanged,
    ToolReturned,
    TurnEnded,
    TurnNumber,
    VoteCast,
)
from agents.protocol.turns import BallotForm, News, VisibleAnswer
from agents.tools.answer_schema import answer_form
from agents.tools.function import tool
from agents.tools.workflow import Workflow

Scripted: TypeAlias = Callable[..., Any]
Staging: TypeAlias = Callable[..., AbstractAsyncContextManager[Any]]
Asking: TypeAlias = Any
IsValid: TypeAlias = Any


@tool
async def wait(seconds: float) -> str:
    """Wait."""
    await anyio.sleep(seconds)
    return f"waited {seconds:g} s"


def call(seconds: float) -> dict[str, Any]:
    return {"tool": "wait", "input": {"seconds": seconds}}


async def test_parallel_calls_run_in_parallel_and_return_as_they_finish(
    scripted: Scripted, stage: Staging, ask: Asking, is_valid_history: IsValid
) -> None:
    backend = scripted(
        [{"thinking": "Wait."}, call(3), call(1), call(2)], [{"answer": "Canberra"}]
    )
    async with stage(backend, tools=(wait,)) as actor:
        said = await actor.play(ask.draft())
    results = [chunk for chunk in said if isinstance(chunk, ToolReturned)]
    assert [round(chunk.elapsed_s) for chunk in results] == [1, 2, 3]
    history = backend.requests[1].messages
    is_valid_history(history)
    blocks: Any = msgspec.json.decode(history[-1].content)
    assert [b["content"] for b in blocks] == [
        "waited 3 s",
        "waited 1 s",
        "waited 2 s",
    ]
    before: Any = msgspec.json.decode(history[1].content)
    assert before[0]["type"] == "thinking"
    assert before[0]["signature"]
    assert backend.requests[1].call == 2


async def test_a_failing_tool_is_a_result_and_the_turn_goes_on(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted([call(100)], [{"answer": "Canberra"}])
    async with stage(backend, tools=(wait,), tool_timeout_s=5.0) as actor:
        said = await actor.play(ask.draft())
    (result,) = [chunk for chunk in said if isinstance(chunk, ToolReturned)]
    assert result.is_error
    assert said[-1].outcome == "answered"


async def test_broken_json_goes_back_as_an_error_in_a_valid_history(
    scripted: Scripted, stage: Staging, ask: Asking, is_valid_history: IsValid
) -> None:
    broken = {"tool": "new_answer", "input_text": '{"content": "Can'}
    backend = scripted([broken], [{"answer": "Canberra"}])
    async with stage(backend) as actor:
        said = await actor.play(ask.draft())
    assert said[-1].outcome == "answered"
    is_valid_history(backend.requests[1].messages)
    blocks: Any = msgspec.json.decode(backend.requests[1].messages[1].content)
    assert blocks[-1]["input"] == {}


async def test_a_call_beside_the_answer_is_not_run_but_answered_later(
    scripted: Scripted, stage: Staging, ask: Asking, is_valid_history: IsValid
) -> None:
    backend = scripted([call(9), {"answer": "Sydney"}], [{"vote": "Canberra"}])
    async with stage(backend, tools=(wait,)) as actor:
        said = await actor.play(ask.draft())
        assert not [chunk for chunk in said if isinstance(chunk, ToolReturned)]
        await actor.play(ask.review(2, continues=True, note="Taken."))
    is_valid_history(backend.requests[1].messages)
    blocks: Any = msgspec.json.decode(backend.requests[1].messages[2].content)
    assert [b.get("is_error", False) for b in blocks[:2]] == [True, False]


async def test_endless_tool_calls_end(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted({"repeat": True, "lines": [call(1)]})
    async with stage(backend, tools=(wait,)) as actor:
        said = await actor.play(ask.draft())
    assert said[-1].outcome == "silent"
    assert len(backend.requests) == 60


async def test_news_is_told_at_the_tool_boundary_and_can_be_voted_for(
    scripted: Scripted, stage: Staging, ask: Asking, is_valid_history: IsValid
) -> None:
    backend = scripted([call(10)], [{"vote": {"label": "agent1.2"}}])
    fresh = VisibleAnswer(label=Label("agent1.2"), content="Canberra, ACT")
    news = News(
        agent=AgentId("ada"), turn=TurnNumber(1), text="News:", answers=(fresh,)
    )
    async with stage(backend, tools=(wait,)) as actor:
        actor.actor.take(ask.review())
        await actor.until(StatusChanged)
        actor.actor.tell(news)
        await actor.until(TurnEnded)
    (cast,) = [chunk for chunk in actor.said if isinstance(chunk, VoteCast)]
    assert cast.seen == ("agent2.1", "agent1.2")
    request = backend.requests[1]
    is_valid_history(request.messages)
    blocks: Any = msgspec.json.decode(request.messages[-1].content)
    assert [block["type"] for block in blocks] == ["tool_result", "text"]
    assert "Canberra, ACT" in blocks[1]["text"]
    assert request.tools == backend.requests[0].tools, "or all is paid for again"


async def test_news_for_a_turn_that_is_over_or_never_was_is_dropped(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted([{"answer": "Canberra"}], [{"vote": "Canberra"}])
    async with stage(backend) as actor:
        await actor.play(ask.draft())
        for number in (1, 2):
            actor.actor.tell(
                News(agent=AgentId("ada"), turn=TurnNumber(number), text="Psst!")
            )
        await actor.play(ask.review(2))
    assert b"Psst" not in msgspec.json.encode(backend.requests)


async def test_a_structured_answer_is_checked_and_carried(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    class City(msgspec.Struct):
        name: str

    backend = scripted(
        [{"text": "Canberra."}],
        [{"answer": "Canberra", "value": {"name": 5}}],
        [{"answer": "Canberra", "value": {"name": "Canberra"}}],
    )
    async with stage(backend, answer_form=answer_form(City)) as actor:
        said = await actor.play(ask.draft())
    (answer,) = [chunk for chunk in said if isinstance(chunk, AnswerProposed)]
    assert isinstance(answer.value, msgspec.Raw)
    assert bytes(answer.value) == b'{"name":"Canberra"}'
    (error,) = [chunk for chunk in said if isinstance(chunk, ToolReturned)]
    assert b"$.name" in bytes(error.content)


async def test_a_conversation_rebuilt_from_chunks_is_the_same(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted(
        [{"text": "Ca"}, {"stop_reason": "max_tokens"}],
        [{"text": "Sy"}, {"truncate": True}],
        [{"thinking": "Wait."}, call(2), call(1)],
        [{"answer": "Sydney"}],
        [{"text": "Hm."}],
        [{"vote": {"label": "agent9.9"}}],
        [{"vote": "Canberra"}],
        [{"vote": "Canberra"}],
    )
    turns = [
        ask.draft(),
        ask.review(2, continues=True, unseen=ask.labels[1:], note="Taken."),
        ask.review(3, continues=True),
    ]
    async with stage(backend, tools=(wait,)) as actor:
        said = [(turn, await actor.play(turn)) for turn in turns]
    rebuilt = Conversation.rebuilt(said[:2])
    rebuilt.begin(turns[2])
    assert rebuilt.messages() == backend.requests[-1].messages


def test_an_agent_whose_tools_share_a_name_is_refused(scripted: Scripted) -> None:
    with pytest.raises(ValueError, match="2 tools named 'wait'"):
        Agent(id=AgentId("ada"), backend=scripted(), tools=(wait, wait))
    reserved = tool(name="vote")(wait.call)
    with pytest.raises(ValueError, match="reserved"):
        Agent(id=AgentId("ada"), backend=scripted(), tools=(reserved,))


async def test_a_tool_that_hands_in_what_is_not_asked_for_is_an_error_in_words(
    scripted: Scripted, stage: Staging, ask: Asking, is_valid_history: IsValid
) -> None:
    early = {"tool": "vote", "input": {"label": "agent1.1", "reason": "mine"}}
    backend = scripted([early], [{"answer": "Canberra"}])
    workflow = Workflow(ballot=BallotForm(kind="choice", labels=()))
    async with stage(backend, workflow=workflow) as actor:
        said = await actor.play(ask.draft())
    assert said[-1].outcome == "answered"
    first, second = backend.requests
    assert first.tools == second.tools
    is_valid_history(second.messages)
    (result,) = msgspec.json.decode(second.messages[-1].content)
    assert result["is_error"]
    assert result["content"].startswith("vote is not asked for now. Nothing was handed")


async def test_who_hands_in_nothing_but_the_wrong_work_ends_silent(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    early = {"tool": "vote", "input": {"label": "agent1.1", "reason": "mine"}}
    backend = scripted({"repeat": True, "lines": [early]})
    workflow = Workflow(ballot=BallotForm(kind="choice", labels=()))
    async with stage(backend, workflow=workflow) as actor:
        said = await actor.play(ask.draft())
    assert said[-1].outcome == "silent"
    assert len(backend.requests) == 3


RUN = {
    "block": {
        "type": "server_tool_use",
        "id": "srvtoolu_1",
        "name": "code_execution",
        "input": {"code": "await wait(seconds=10)"},
    }
}
CALLER = {"type": "code_execution_20260120", "tool_id": "srvtoolu_1"}
BY_CODE = {
    "block": {
        "type": "tool_use",
        "id": "toolu_1",
        "name": "wait",
        "input": {"seconds": 10},
        "caller": CALLER,
    }
}


async def test_code_that_calls_a_tool_gets_its_result_and_nothing_beside_it(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    ran = {"type": "code_execution_result", "stdout": "ok", "return_code": 0}
    came = {"type": "code_execution_tool_result", "tool_use_id": "srvtoolu_1"}
    backend = scripted(
        [RUN, BY_CODE, {"stop_reason": "tool_use"}],
        [{"block": {**came, "content": ran}}, call(1)],
        [{"vote": "Canberra"}],
    )
    news = News(agent=AgentId("ada"), turn=TurnNumber(1), text="News:", answers=())
    async with stage(backend, tools=(wait,)) as actor:
        actor.actor.take(ask.review())
        await actor.until(StatusChanged)
        actor.actor.tell(news)
        await actor.until(TurnEnded)
    first, second, third = (request.messages for request in backend.requests)
    assert len(first) == 1
    asked: Any = msgspec.json.decode(second[1].content)
    assert asked == [RUN["block"], BY_CODE["block"]]
    answered: Any = msgspec.json.decode(second[2].content)
    assert [block["type"] for block in answered] == ["tool_result"]
    told: Any = msgspec.json.decode(third[-1].content)
    assert [block["type"] for block in told] == ["tool_result", "text"]
    assert third[:3] == second


def test_a_tool_says_who_may_call_it() -> None:
    @tool(allowed_callers=("direct", "code_execution_20260120"))
    def look() -> str:
        """Look."""
        return ""

    told = msgspec.json.decode(msgspec.json.encode(look.spec))
    assert told["allowed_callers"] == ["direct", "code_execution_20260120"]
    assert "allowed_callers" not in msgspec.json.decode(msgspec.json.encode(wait.spec))
