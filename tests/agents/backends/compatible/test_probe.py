"""The gaps of compatible servers, found by trying: others' servers and ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from llmock.scenarios import Reply, ToolCall
from llmock.testing import LLMockServer

from agents.backends.compatible.probe import Finding, probe
from agents.backends.scripted.script import parse_script
from agents.emulator import serve
from agents.protocol.chunks import AgentId
from tests.agents.emulator.conftest import llmock as running_llmock

pytestmark = [pytest.mark.real_time, pytest.mark.anyio]


@pytest.fixture
def llmock() -> Iterator[LLMockServer]:
    with running_llmock() as server:
        yield server


def _by_name(findings: list[Finding]) -> dict[str, str]:
    return {finding.what: finding.state for finding in findings}


async def test_a_foreign_server_that_calls_tools_has_them(llmock: LLMockServer) -> None:
    call = Reply(tool_calls=(ToolCall("note", {"text": "ready"}),), times=None)
    llmock.state.scenarios.add(call)
    found = await probe(llmock.base_url("openai"), model="m", api_key="k")
    states = _by_name(found)
    assert states["chat"] == "has"
    assert states["chat: tools"] == "has"
    assert states["chat: usage"] == "has"


async def test_a_model_that_only_talks_can_neither_answer_nor_vote(
    llmock: LLMockServer,
) -> None:
    llmock.state.scenarios.add(Reply(text="I am ready.", times=None))
    found = await probe(llmock.base_url("openai"), model="m", api_key="k")
    (lacking,) = [x for x in found if x.what == "chat: tools"]
    assert lacking.state == "lacks"
    assert "can neither answer nor vote" in lacking.way_out


async def test_our_emulator_speaks_both_dialects() -> None:
    lines: list[Any] = [
        {"thinking": "A note."},
        {"tool": "note", "input": {"text": "ready"}},
    ]
    script = {"turns": [{"repeat": True, "lines": lines}]}
    async with serve({AgentId("ada"): parse_script(script)}) as server:
        found = await probe(f"{server.base_url}/v1", model="m", api_key="k")
    states = _by_name(found)
    for api in ("chat", "messages"):
        assert (
            states[api] == states[f"{api}: tools"] == states[f"{api}: usage"] == "has"
        )
        assert states[f"{api}: thinking"] == "has"


async def test_where_nobody_listens_that_is_all_there_is_to_say() -> None:
    (only,) = await probe("http://127.0.0.1:9/v1")
    assert (only.what, only.state) == ("server", "lacks")
    assert "does not answer" in only.told


async def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(ValueError, match="is no address"):
        await probe("127.0.0.1:9")
