from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents.backends.claude.decoder import decode_sse
from agents.protocol.chunks import (
    AgentId,
    BlockEnded,
    BlockStarted,
    ServerToolCalled,
    ServerToolReturned,
    StreamChunk,
    TextDelta,
    ToolInputDelta,
    ToolReturned,
    TurnNumber,
)
from agents.protocol.stamper import Pen
from coordinator.displays.base import Cast
from coordinator.displays.jsonl import JsonLinesDisplay
from coordinator.displays.narration import moment_of
from coordinator.displays.plain import PlainDisplay
from coordinator.displays.tool_summaries import LINES_MAX, asked, brought, lines_of
from coordinator.displays.view import View
from coordinator.protocol.events import Event

RECORDED = sorted(
    (Path(__file__).parents[4] / "shared" / "recordings" / "streams").glob("*.sse")
)
ADA = AgentId("ada")
PEN = Pen(ADA, TurnNumber(1), 1.0)

Batches = Callable[[Sequence[Event]], AsyncIterator[Sequence[Event]]]


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def called(name: str, server: str = "", **given: Any) -> ServerToolCalled:
    return ServerToolCalled(
        **PEN.stamp(), block=0, id="i", name=name, input=raw(given), server=server
    )


def returned(kind: str, content: Any, *, is_error: bool = False) -> ServerToolReturned:
    return ServerToolReturned(
        **PEN.stamp(),
        block=1,
        id="i",
        type=f"{kind}_tool_result",
        content=raw(content),
        is_error=is_error,
    )


def typed(name: str, *pieces: str, kind: str = "server_tool_use") -> list[StreamChunk]:
    """A tool's input, streaming."""
    block = raw({"type": kind, "name": name})
    return [
        BlockStarted(**PEN.stamp(), block=0, type=kind, content=block),
        *(ToolInputDelta(**PEN.stamp(), block=0, partial_json=x) for x in pieces),
    ]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (called("web_search", query="the\nsea"), "searches the web for the sea"),
        (called("web_fetch", url="https://a.example"), "fetches https://a.example"),
        (called("code_execution", code="a = 1\na"), "runs 2 lines of code"),
        (called("bash_code_execution", command="ls"), "runs 1 line in its shell"),
        (
            called("text_editor_code_execution", command="view", path="/a"),
            "view /a",
        ),
        (called("tool_search_tool_regex", pattern="^a"), "looks for tools: ^a"),
        (called("advisor"), "asks its advisor"),
        (called("ask", server="wiki", q="?"), 'wiki: ask {"q":"?"}'),
        (called("new_one", x=1), 'new_one {"x":1}'),
    ],
)
def test_a_call_is_said_in_a_line(call: ServerToolCalled, words: str) -> None:
    assert asked(call) == words


def test_results_are_listed_with_title_and_address() -> None:
    hit = {"type": "web_search_result", "title": "A\x1b[31m", "url": "https://a"}
    found = returned("web_search", [hit, {**hit, "title": "https://a"}])
    assert brought(found) == "2 results"
    assert lines_of(found) == ["A — https://a", "https://a"]


def test_output_and_errors_are_told_apart_and_files_named() -> None:
    ran = returned(
        "bash_code_execution",
        {
            "type": "bash_code_execution_result",
            "stdout": "one\n  two  2\n",
            "stderr": "oh\n  dear\n",
            "return_code": 2,
            "content": [{"type": "bash_code_execution_output", "file_id": "file_1"}],
        },
    )
    assert brought(ran) == "return code 2"
    assert lines_of(ran) == ["one", "  two  2", "! oh", "!   dear", "file file_1"]


def test_a_long_output_is_cut_and_says_by_how_much() -> None:
    ran = returned("code_execution", {"stdout": "x\n" * 1000, "return_code": 0})
    assert len(lines_of(ran)) == LINES_MAX + 1
    assert lines_of(ran)[-1] == "… 980 more lines"


def test_a_failure_gives_its_reason() -> None:
    error = {"type": "web_fetch_tool_result_error", "error_code": "url_not_allowed"}
    failed = returned("web_fetch", error, is_error=True)
    assert brought(failed) == "web_fetch failed: url_not_allowed"
    assert lines_of(failed) == []


def test_a_result_is_said_in_words_and_not_by_its_type() -> None:
    assert brought(returned("mcp", [])) == "the server's tool returned"
    failed = returned("text_editor_code_execution", {}, is_error=True)
    assert brought(failed) == "its editor failed"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"people": 2}, 'count returned after 0.5 s: {"people": 2}'),
        ('{"people":\t"2"}\n', 'count returned after 0.5 s: {"people": "2"}'),
    ],
)
def test_what_our_tools_return_is_shown_as_they_wrote_it(
    content: Any, words: str
) -> None:
    assert told("count", content) == words


@pytest.mark.parametrize("before", range(950, 962))
def test_a_long_return_is_cut_where_it_may_be(before: int) -> None:
    assert told("count", "x" * before + "\u2028\x1b" * 20).endswith("x…")


def test_a_call_that_is_sent_back_says_why() -> None:
    words = "new_answer is sent back: value is missing"
    assert told("new_answer", "value is missing", is_error=True) == words


def told(name: str, content: Any, *, is_error: bool = False) -> str:
    """How the return of one of our tools is told."""
    event = ToolReturned(
        **PEN.stamp(),
        id="i",
        name=name,
        content=msgspec.Raw(json.dumps(content).encode()),
        is_error=is_error,
        elapsed_s=0.5,
    )
    moment = moment_of(event, {})
    assert moment is not None
    return moment.words


NEW_SHAPES: list[Any] = [
    *(None, 7, "text", [], {}, [None]),
    *({"content": 5}, {"lines": [1]}, [[{}]]),
]


@pytest.mark.parametrize("content", NEW_SHAPES)
def test_a_result_of_a_new_shape_is_shown_as_far_as_it_goes(content: Any) -> None:
    result = returned("brand_new", content)
    assert brought(result) == "brand_new returned"
    assert lines_of(result) in ([], ["text"])


async def test_code_is_shown_line_by_line_before_it_runs(in_batches: Batches) -> None:
    out = io.StringIO()
    display = PlainDisplay(out, Cast(question="?", models={ADA: "m"}))
    pieces = ('{"code": "import math\\npri', "nt(math.pi)\\n", "pri")
    await display.show(in_batches(typed("code_execution", *pieces)))
    shown = [line.split("s  ada ")[1] for line in out.getvalue().splitlines()[1:]]
    assert shown == ["┆ import math", "┆ print(math.pi)", "┆ pri"]


def test_a_pane_shows_code_as_it_is_typed_and_then_its_output() -> None:
    view = View({ADA: "m"})
    view.absorb(typed("bash_code_execution", '{"command": "ls -', "l\\n"))
    assert str(view.agents[ADA].tail).endswith("ls -l\n")
    view.absorb([BlockEnded(**PEN.stamp(), block=0)])
    view.absorb([returned("bash_code_execution", {"stdout": "a", "return_code": 0})])
    assert str(view.agents[ADA].tail).endswith("— return code 0\n  a\n")


@pytest.mark.parametrize(
    ("name", "pieces", "seen"),
    [
        ("bash", ('{"command": "du -', "sh .\\n"), "du -sh .\n"),
        ("memory", ('{"command": "create", "file_te', 'xt": "Note'), "Note"),
        ("count_days", ('{"start": "17', "89-07-1"), '{"start": "1789-07-1'),
        ("vote", ('{"label": "agent1', ".1"), ""),
        ("new_answer", ('{"content": "Par', "is"), "Paris"),
    ],
)
def test_a_pane_shows_the_input_of_our_tools_as_it_is_typed(
    name: str, pieces: tuple[str, ...], seen: str
) -> None:
    view = View({ADA: "m"})
    view.absorb(typed(name, *pieces, kind="tool_use"))
    assert str(view.agents[ADA].tail).endswith(seen)


def test_a_sentence_with_sources_stays_on_one_line() -> None:
    view = View({ADA: "m"})
    for said in ("Paris", " is large"):
        view.absorb(
            [
                BlockStarted(**PEN.stamp(), block=0, type="text", content=raw({})),
                TextDelta(**PEN.stamp(), block=0, text=said),
                BlockEnded(**PEN.stamp(), block=0),
            ]
        )
    assert str(view.agents[ADA].tail) == "Paris is large"


@pytest.mark.skipif(not RECORDED, reason="NO RECORDINGS: nothing real was shown")
async def test_every_recorded_tool_is_shown_and_is_whole_in_json_lines(
    in_batches: Batches,
) -> None:
    shown = 0
    for stream in RECORDED:
        body = stream.read_bytes()
        if b"server_tool_use" not in body and b"mcp_tool_use" not in body:
            continue
        chunks = list(decode_sse(body, agent=ADA))
        plain, lines = io.StringIO(), io.BytesIO()
        display = PlainDisplay(plain, Cast(question="?", models={ADA: "m"}))
        await display.show(in_batches(chunks))
        await JsonLinesDisplay(lines).show(in_batches(chunks))
        told = msgspec.json.Decoder(StreamChunk).decode_lines(lines.getvalue())
        assert told == chunks, stream.stem
        for chunk in chunks:
            if isinstance(chunk, ServerToolReturned):
                shown += 1
                for line in (brought(chunk), *lines_of(chunk)):
                    assert line in plain.getvalue(), stream.stem
    assert shown == 80
