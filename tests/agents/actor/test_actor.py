"""A turn's ways and ends: answers, votes, presentations, and what is none of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio
import anyio.lowlevel
import msgspec
import pytest

from agents.protocol.chunks import (
    AgentFailed,
    AnswerPresented,
    AnswerProposed,
    Choice,
    Label,
    Ranking,
    ResponseAbandoned,
    ResponseEnded,
    ResponseStarted,
    RestartRequested,
    Scores,
    StreamChunk,
    ToolReturned,
    TurnEnded,
    TurnStarted,
    VoteCast,
)
from agents.protocol.stamper import Pen

if TYPE_CHECKING:
    from agents.protocol.backend import Message, Request

Scripted: TypeAlias = Callable[..., Any]
Staging: TypeAlias = Callable[..., AbstractAsyncContextManager[Any]]
Asking: TypeAlias = Any


def only(said: Sequence[StreamChunk], kind: type[Any]) -> Any:
    (found,) = [chunk for chunk in said if isinstance(chunk, kind)]
    return found


def outcome(said: Sequence[StreamChunk]) -> tuple[str, str | None]:
    assert isinstance(said[0], TurnStarted)
    assert [chunk.seq for chunk in said] == list(range(len(said)))
    assert isinstance(said[-1], TurnEnded)
    return said[-1].outcome, said[-1].stop_reason


async def test_draft_ends_with_the_answer_handed_in(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted([{"thinking": "Hm."}, {"answer": "Canberra"}])
    async with stage(backend) as actor:
        said = await actor.play(ask.draft())
    assert outcome(said) == ("answered", "tool_use")
    assert only(said, AnswerProposed).content == "Canberra"
    assert [tool.name for tool in backend.requests[0].tools] == ["new_answer"]


async def test_plain_text_is_the_answer_in_a_draft(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    async with stage(scripted([{"text": "Canberra."}])) as actor:
        said = await actor.play(ask.draft())
    assert outcome(said) == ("answered", "end_turn")
    assert only(said, AnswerProposed).content == "Canberra."


@pytest.mark.parametrize(
    ("kind", "ballot"),
    [
        ("choice", Choice(label=Label("agent2.1"))),
        (
            "ranking",
            Ranking(tiers=((Label("agent2.1"),), (Label("agent1.1"),))),
        ),
        ("scores", Scores(points={Label("agent2.1"): 10, Label("agent1.1"): 9})),
    ],
)
async def test_a_vote_takes_the_form_that_the_turn_asks_for(
    scripted: Scripted, stage: Staging, ask: Asking, kind: str, ballot: object
) -> None:
    backend = scripted([{"rank": ["Canberra", "Sydney"], "reason": "It is."}])
    async with stage(backend) as actor:
        said = await actor.play(ask.review(kind=kind))
    assert outcome(said) == ("voted", "tool_use")
    cast = only(said, VoteCast)
    assert cast.ballot == ballot
    assert cast.seen == ask.labels
    assert cast.reason == "It is."


async def test_text_in_a_review_is_asked_again_and_then_silence(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted({"repeat": True, "lines": [{"text": "I like both."}]})
    async with stage(backend) as actor:
        said = await actor.play(ask.review())
    assert outcome(said) == ("silent", "end_turn")
    assert len(backend.requests) == 3


async def test_text_in_a_review_may_be_followed_by_a_vote(
    scripted: Scripted, stage: Staging, ask: Asking, is_valid_history: Any
) -> None:
    backend = scripted([{"text": "Well."}], [{"vote": "Canberra"}])
    async with stage(backend) as actor:
        said = await actor.play(ask.review())
    assert outcome(said)[0] == "voted"
    is_valid_history(backend.requests[1].messages)
    assert b"Call vote" in bytes(backend.requests[1].messages[-1].content)


async def test_text_is_the_presentation(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    async with stage(scripted([{"text": "It is Canberra."}])) as actor:
        said = await actor.play(ask.present())
    assert outcome(said)[0] == "presented"
    assert only(said, AnswerPresented).content == "It is Canberra."


async def test_submit_confirms_the_text_before_it(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted(
        [{"tool": "submit"}], [{"text": "It is Canberra."}, {"tool": "submit"}]
    )
    async with stage(backend) as actor:
        said = await actor.play(ask.present(may_restart=True))
    assert outcome(said)[0] == "presented"
    assert only(said, AnswerPresented).content == "It is Canberra."
    assert b"nothing is written" in bytes(only(said, ToolReturned).content)


async def test_presenter_may_ask_for_another_round(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    asked = {"reason": "Both are wrong.", "instructions": "Look it up."}
    backend = scripted([{"tool": "restart_orchestration", "input": asked}])
    async with stage(backend) as actor:
        said = await actor.play(ask.present(may_restart=True))
    assert outcome(said)[0] == "restarted"
    assert only(said, RestartRequested).instructions == "Look it up."


async def test_vote_and_new_answer_together_are_a_tool_error(
    scripted: Scripted, stage: Staging, ask: Asking, is_valid_history: Any
) -> None:
    backend = scripted(
        [{"vote": "Canberra"}, {"answer": "Canberra!"}], [{"answer": "Canberra!"}]
    )
    async with stage(backend) as actor:
        said = await actor.play(ask.review(may_revise=True))
    assert outcome(said)[0] == "answered"
    errors = [chunk for chunk in said if isinstance(chunk, ToolReturned)]
    assert [chunk.is_error for chunk in errors] == [True, True]
    is_valid_history(backend.requests[1].messages)


async def test_the_last_of_several_votes_counts(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    async with stage(scripted([{"vote": "Sydney"}, {"vote": "Canberra"}])) as actor:
        said = await actor.play(ask.review())
    assert only(said, VoteCast).ballot == Choice(label=Label("agent2.1"))


async def test_a_vote_for_nobody_goes_back_with_the_labels_there_are(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted([{"vote": {"label": "agent9.1"}}], [{"vote": "Canberra"}])
    async with stage(backend) as actor:
        said = await actor.play(ask.review())
    assert outcome(said)[0] == "voted"
    assert b"choose from agent1.1, agent2.1" in bytes(only(said, ToolReturned).content)


async def test_refusal_ends_the_turn_with_its_category_and_is_not_repeated(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted([{"text": "I"}, {"stop_reason": "refusal"}])
    async with stage(backend) as actor:
        said = await actor.play(ask.draft())
    assert outcome(said) == ("refused", "refusal")
    assert len(backend.requests) == 1


class Declining:
    """A model that declines, with the delta of a recorded refusal."""

    model = "declining"
    limit_key = None

    @asynccontextmanager
    async def open_stream(self, request: Request, pen: Pen) -> AsyncGenerator[Any]:
        del request

        async def batches() -> AsyncGenerator[list[StreamChunk]]:
            await anyio.lowlevel.checkpoint()
            yield [
                ResponseStarted(
                    **pen.stamp(), model="declining", message=msgspec.Raw(b"{}")
                ),
                ResponseEnded(
                    **pen.stamp(),
                    stop_reason="refusal",
                    delta=msgspec.Raw(
                        b'{"type":"message_delta","delta":{"stop_reason":"refusal",'
                        b'"stop_details":{"type":"refusal","category":"cyber"}}}'
                    ),
                ),
            ]

        async with aclosing(batches()) as stream:
            yield stream

    def stream_with_tools(self, *given: Any, **options: Any) -> Any:
        raise NotImplementedError

    async def aclose(self) -> None:
        await anyio.lowlevel.checkpoint()


async def test_a_refusals_category_is_told(stage: Staging, ask: Asking) -> None:
    async with stage(Declining()) as actor:
        said = await actor.play(ask.draft())
    assert outcome(said) == ("refused", "refusal")
    assert said[-1].detail == "cyber"


async def test_an_answer_cut_at_the_output_limit_is_tried_once_more(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    cut = [{"answer": "Canb"}, {"stop_reason": "max_tokens"}]
    async with stage(scripted(cut, cut)) as actor:
        said = await actor.play(ask.draft())
    assert outcome(said) == ("cut", "max_tokens")
    assert not [chunk for chunk in said if isinstance(chunk, AnswerProposed)]

    backend = scripted(cut, [{"answer": "Canberra"}])
    async with stage(backend) as actor:
        said = await actor.play(ask.draft())
    assert outcome(said)[0] == "answered"
    (asked,) = backend.requests[1].messages
    assert b"output limit" in bytes(asked.content)


async def test_a_full_context_window_ends_the_turn(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    stop = "model_context_window_exceeded"
    async with stage(scripted([{"text": "Ca"}, {"stop_reason": stop}])) as actor:
        said = await actor.play(ask.draft())
    assert outcome(said) == ("cut", stop)


async def test_a_paused_response_goes_on_and_its_text_stays(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    search = {"server_tool": "web_search", "input": {"query": "capital"}}
    backend = scripted(
        [{"text": "Can"}, search, {"stop_reason": "pause_turn"}], [{"text": "berra"}]
    )
    async with stage(backend) as actor:
        said = await actor.play(ask.draft())
    assert only(said, AnswerProposed).content == "Canberra"
    roles = [message.role for message in backend.requests[1].messages]
    assert roles == ["user", "assistant"]


async def test_a_pause_without_a_server_tool_is_told_to_go_on(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted(
        [{"text": "Can"}, {"stop_reason": "pause_turn"}], [{"text": "berra"}]
    )
    async with stage(backend) as actor:
        said = await actor.play(ask.draft())
    assert only(said, AnswerProposed).content == "Canberra"
    roles = [message.role for message in backend.requests[1].messages]
    assert roles == ["user", "assistant", "user"]


async def test_endless_pauses_end(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    lines = [{"text": "…"}, {"stop_reason": "pause_turn"}]
    async with stage(scripted({"repeat": True, "lines": lines})) as actor:
        said = await actor.play(ask.draft())
    assert outcome(said) == ("silent", "pause_turn")


async def test_an_unknown_tool_is_answered_with_the_tools_there_are(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted([{"tool": "search", "input": {}}], [{"answer": "Canberra"}])
    async with stage(backend) as actor:
        said = await actor.play(ask.draft())
    assert outcome(said)[0] == "answered"
    assert b"the tools are: new_answer" in bytes(only(said, ToolReturned).content)


async def test_an_agent_that_only_calls_tools_that_do_not_exist_falls_silent(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted({"repeat": True, "lines": [{"tool": "search"}]})
    async with stage(backend) as actor:
        said = await actor.play(ask.draft())
    assert outcome(said)[0] == "silent"
    assert len(backend.requests) == 3


async def test_an_overload_is_waited_out(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted(
        [{"error": {"status": 529, "retry_after_s": 7}}], [{"answer": "Canberra"}]
    )
    async with stage(backend) as actor:
        said = await actor.play(ask.draft())
    assert outcome(said)[0] == "answered"
    abandoned = only(said, ResponseAbandoned)
    assert 7 <= abandoned.retry_in_s < 8
    after = said[said.index(abandoned) + 1]
    assert after.at - abandoned.at >= 7


async def test_partial_output_before_a_failure_is_voided(
    scripted: Scripted, stage: Staging, ask: Asking, is_valid_history: Any
) -> None:
    backend = scripted([{"text": "Sydney"}, {"truncate": True}], [{"text": "Canberra"}])
    async with stage(backend) as actor:
        said = await actor.play(ask.draft())
    only(said, ResponseAbandoned)
    assert only(said, AnswerProposed).content == "Canberra"
    is_valid_history(backend.requests[1].messages)


@pytest.mark.parametrize("fault", [{"stall": True}, {"truncate": True}])
async def test_a_fault_that_repeats_fails_the_agent(
    scripted: Scripted, stage: Staging, ask: Asking, fault: Any
) -> None:
    backend = scripted({"repeat": True, "lines": [{"text": "Ca"}, fault]})
    async with stage(backend) as actor:
        said = await actor.play(ask.draft())
        failed = said[-1]
        assert isinstance(failed, AgentFailed)
    assert len(backend.requests) == 6


async def test_a_refused_request_fails_the_agent_at_once_and_the_next_turn_goes_on(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted([{"error": {"status": 401}}], [{"answer": "Canberra"}])
    async with stage(backend) as actor:
        failed = (await actor.play(ask.draft()))[-1]
        assert isinstance(failed, AgentFailed)
        assert failed.error == "BackendRefused"
        assert outcome(await actor.play(ask.draft(2)))[0] == "answered"


async def test_a_continuing_turn_answers_the_last_call_with_its_note(
    scripted: Scripted, stage: Staging, ask: Asking, is_valid_history: Any
) -> None:
    backend = scripted(
        [{"thinking": "Sydney is big."}, {"answer": "Sydney"}], [{"vote": "Canberra"}]
    )
    async with stage(backend) as actor:
        await actor.play(ask.draft())
        said = await actor.play(
            ask.review(2, continues=True, unseen=ask.labels[1:], note="Recorded.")
        )
    assert outcome(said)[0] == "voted"
    history: Sequence[Message] = backend.requests[1].messages
    is_valid_history(history)
    blocks: Any = msgspec.json.decode(history[1].content)
    assert [block["type"] for block in blocks] == ["thinking", "tool_use"]
    assert blocks[0]["signature"]
    result: Any = msgspec.json.decode(history[2].content)[0]
    assert result["content"] == "Recorded."
    assert b'agent1.1\\" nonce' not in bytes(history[2].content).split(b"Consider")[0]


async def test_a_turn_without_a_result_leaves_no_trace(
    scripted: Scripted, stage: Staging, ask: Asking, is_valid_history: Any
) -> None:
    backend = scripted(
        [{"answer": "Sydney"}],
        [{"text": "Mumble."}],
        [{"vote": "Canberra"}],
    )
    async with stage(backend) as actor:
        await actor.play(ask.draft())
        said = await actor.play(
            ask.review(2, continues=True, attempts=1, note="Too short.")
        )
        assert outcome(said)[0] == "silent"
        await actor.play(ask.review(3, continues=True))
    is_valid_history(backend.requests[2].messages)
    assert backend.requests[1].messages == backend.requests[2].messages
    assert b"Too short." in bytes(backend.requests[2].messages[-1].content)
