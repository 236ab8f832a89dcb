"""Every response goes back to the API in a form that it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio.lowlevel
import msgspec
import pytest

from agents.emulator.history_validation import Issued
from agents.emulator.request_validation import refusals
from agents.protocol.backend import Request
from agents.protocol.chunks import AnswerProposed, ToolReturned
from agents.tools.function import tool
from tests.agents.conftest import Asking, Recording, Staging

ANSWER: list[Any] = [{"answer": "Canberra"}]
REDACTED = {"block": {"type": "redacted_thinking", "data": "c2VhbGVk"}}


def call(name: str = "look", id_: str = "toolu_1", **given: Any) -> dict[str, Any]:
    return {"block": {"type": "tool_use", "id": id_, "name": name, "input": given}}


def served(id_: str = "srvtoolu_1", name: str = "web_search") -> dict[str, Any]:
    given = {"query": "q"}
    return {
        "block": {"type": "server_tool_use", "id": id_, "name": name, "input": given}
    }


def result(id_: str = "srvtoolu_1") -> dict[str, Any]:
    kind = "web_search_tool_result"
    return {"block": {"type": kind, "tool_use_id": id_, "content": []}}


def stops(reason: str) -> dict[str, Any]:
    return {"stop_reason": reason}


@tool
async def look(q: str = "") -> str:
    """Look."""
    await anyio.lowlevel.checkpoint()
    return f"seen {q}"


def faults(requests: list[Request]) -> list[str]:
    """The API's refusals of the messages of ``requests``."""
    found: list[str] = []
    for request in requests:
        body = {
            "model": "scripted",
            "max_tokens": 1_000,
            "messages": [
                {"role": m.role, "content": msgspec.json.decode(m.content)}
                for m in request.messages
            ],
        }
        found += [said for _, said in refusals(body, frozenset(), Issued())]
    return found


CASES: dict[str, list[list[Any]]] = {
    "a name with a dot": [[call("functions.look")]],
    "no name": [[call("")]],
    "a shell command for a name": [[call("ls -l " + "x" * 200)]],
    "a name in another alphabet": [[call("größe")]],
    "thinking alone": [[{"thinking": "Hm."}]],
    "thinking and a blank text": [[{"thinking": "Hm."}, {"text": "\n\n"}]],
    "redacted thinking alone": [[REDACTED]],
    "thinking of both kinds, twice": [[{"thinking": "Hm."}, REDACTED], [REDACTED]],
    "paused behind a result, in thinking": [
        [served(), result(), {"thinking": "Hm."}, stops("pause_turn")]
    ],
    "paused behind a result, in a blank": [
        [served(), result(), {"text": "Found. "}, stops("pause_turn")]
    ],
    "paused in thinking alone": [[{"thinking": "Hm."}, stops("pause_turn")]],
    "paused within a call, then cut": [
        [served(), stops("pause_turn")],
        [result(), {"text": "x"}, stops("max_tokens")],
    ],
    "paused within a call behind thoughts, then cut": [
        [{"thinking": "Hm."}, served(), stops("pause_turn")],
        [{"text": "x"}, stops("max_tokens")],
    ],
    "an advisor that never answers": [[served(name="advisor"), stops("end_turn")]],
    "the connector's call without a result": [
        [
            {
                "block": {
                    "type": "mcp_tool_use",
                    "id": "mcptoolu_1",
                    "name": "x",
                    "server_name": "s",
                    "input": {},
                }
            },
            {"text": "Hm."},
        ]
    ],
    "words and an open call": [[{"text": "Let me look."}, served(), stops("end_turn")]],
    "two open calls, one of them answered": [
        [served(), result(), served("srvtoolu_2"), stops("end_turn")]
    ],
    "open calls that results of ours never close": [
        [served(), call()],
        [served("srvtoolu_2"), call(id_="toolu_2")],
        [call(id_="toolu_3")],
    ],
    # As gateways end a response (open-octo/octo-agent#647, earendil-works/pi#9681).
    "a call, and the response is called finished": [[call(), stops("end_turn")]],
    "a call is told of that never came": [[{"text": "So."}, stops("tool_use")]],
    "nothing came, and a call is told of": [[stops("tool_use")]],
    # lijunzh/koda#501
    "inputs that are no objects": [
        [{"block": {**call()["block"], "input": given, "id": f"toolu_{n}"}}]
        for n, given in enumerate(([1], "{}", 7, None))
    ],
    "two calls of one id": [[call(q="1"), call(q="2")]],
    "ids that begin anew with each response": [
        [call(id_="call_0")],
        [call(id_="call_0")],
        [call(id_="call_0")],
    ],
}


@pytest.mark.parametrize("name", CASES)
async def test_no_response_makes_the_next_request_invalid(
    stage: Staging, scripted: Callable[..., Recording], ask: Asking, name: str
) -> None:
    backend = scripted(*CASES[name], ANSWER)
    async with stage(backend, tools=(look,)) as on:
        said = await on.play(ask.review(may_revise=True))
    assert faults(backend.requests) == []
    assert any(isinstance(chunk, AnswerProposed) for chunk in said)


async def test_an_open_call_of_the_apis_waits_for_the_results_of_ours(
    stage: Staging, scripted: Callable[..., Recording], ask: Asking
) -> None:
    backend = scripted(
        [served(), call()], [result(), {"text": "Good."}, call(id_="toolu_2")], ANSWER
    )
    async with stage(backend, tools=(look,)) as on:
        await on.play(ask.review(may_revise=True))
    assert faults(backend.requests) == []
    kinds = [
        [block["type"] for block in msgspec.json.decode(message.content)]
        for message in backend.requests[2].messages
    ]
    assert kinds[1] == ["server_tool_use", "tool_use"]
    assert kinds[2] == ["tool_result"]


@pytest.mark.parametrize("ends", ["new_answer", "vote"])
async def test_an_answer_handed_in_beside_an_open_call_can_be_gone_on_from(
    stage: Staging, scripted: Callable[..., Recording], ask: Asking, ends: str
) -> None:
    given = {"content": "x"} if ends == "new_answer" else {"label": "agent2.1"}
    backend = scripted(
        [served(), call(ends, **given, **({"reason": "r"} if ends == "vote" else {}))],
        [{"vote": "Canberra"}],
    )
    async with stage(backend) as on:
        await on.play(ask.review(may_revise=True))
        await on.play(ask.review(2, continues=True, unseen=ask.labels[:1]))
    assert len(backend.requests) == 2
    assert faults(backend.requests) == []


async def test_each_of_two_calls_with_one_id_gets_its_own_result(
    stage: Staging, scripted: Callable[..., Recording], ask: Asking
) -> None:
    backend = scripted([call(id_="c")], [call(id_="c", q="2")], ANSWER)
    async with stage(backend, tools=(look,)) as on:
        said = await on.play(ask.draft())
    sent = [
        block
        for message in backend.requests[-1].messages
        for block in msgspec.json.decode(message.content)
        if block["type"] in {"tool_use", "tool_result"}
    ]
    assert [block.get("id") or block["tool_use_id"] for block in sent] == [
        "c",
        "c",
        "c_2",
        "c_2",
    ]
    assert [block["content"] for block in sent if "content" in block] == [
        "seen ",
        "seen 2",
    ]
    assert len([chunk for chunk in said if isinstance(chunk, ToolReturned)]) == 2
