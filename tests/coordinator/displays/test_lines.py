"""The displays that write lines: plain, JSON, and the answer alone."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec
import pytest

from agents.protocol.chunks import (
    AgentId,
    RestartRequested,
    TextDelta,
    TurnEnded,
    TurnNumber,
    TurnStarted,
)
from agents.protocol.stamper import Pen
from coordinator.displays.base import Cast
from coordinator.displays.jsonl import JsonLinesDisplay
from coordinator.displays.plain import PlainDisplay
from coordinator.displays.quiet import QuietDisplay
from coordinator.displays.view import View
from coordinator.protocol.events import AgentRetired, CancelTurn, Event
from coordinator.protocol.result import Result

Batches = Callable[[Sequence[Event]], AsyncIterator[Sequence[Event]]]

GOLDEN = """\
   0.0s      ? Is it so?
   0.0s  ada ○ is writing a first answer, alone
   0.0s  ada ┊ Let me think.
   0.5s  ada │ First line.
   0.5s  ada │ Second line.
   0.5s  bo  ○ is writing a first answer, alone
   0.5s  bo  ┊ Hm.
   0.7s  bo  │ First line.
   0.7s  bo  │ Second line.
   0.7s  ada ◆ answers: It is so.
   0.8s  bo  ◆ answers: It is not so.
   1.0s      — the vote is on ada, bo
   1.1s  ada ○ is reading the answers
   1.1s  bo  ○ is reading the answers
   1.1s  cy  ○ is reading the answers
   1.1s  ada ✔ votes for ada: It is right.
   2.0s  bo  ✔ votes for ada: It is right.
   2.5s  ada ★ wins by plurality; no outstanding vote could change that
   2.5s  cy  ✕ is stopped: it can change nothing
   2.6s  ada ○ is presenting the result

★ ada wins (plurality: 2 of 3 ballots)
  ada  agent2.1     2 votes   voted for ada — It is right.
  bo   agent1.1     0 votes   voted for ada — It is right.
  cy   no answer    0 votes   stopped when it could change nothing any more

It is so.

3.0 s · 3 agents · 240 tokens · $0.0200 · session 5e55
"""


async def test_plain_tells_a_session_line_by_line(
    cast: Cast, events: list[Event], result: Result, in_batches: Batches
) -> None:
    out = io.StringIO()
    display = PlainDisplay(out, cast)
    await display.show(in_batches(events))
    display.conclude(result)
    assert out.getvalue() == GOLDEN


def test_plain_ends_with_the_structured_answer_and_what_is_known_of_the_cost(
    cast: Cast, result: Result
) -> None:
    first, *others = result.answers
    answer = msgspec.structs.replace(first, value=msgspec.Raw(b'{"so":[true]}'))
    bo = msgspec.structs.replace(result.agents[AgentId("bo")], cost_usd=None)
    result = msgspec.structs.replace(
        result,
        answers=(answer, *others),
        agents={**result.agents, AgentId("bo"): bo},
        cost_usd=None,
    )
    out = io.StringIO()
    PlainDisplay(out, cast).conclude(result)
    assert 'It is so.\n\n{\n  "so": [\n    true\n  ]\n}\n' in out.getvalue()
    assert "240 tokens · $0.0100 and an unknown price · " in out.getvalue()


async def test_plain_gathers_text_into_lines_that_can_be_read(
    cast: Cast, in_batches: Batches
) -> None:
    out = io.StringIO()
    pen = Pen(AgentId("ada"), TurnNumber(1), 0.0)
    words = [TextDelta(block=0, text="word ", **pen.stamp()) for _ in range(100)]
    await PlainDisplay(out, cast).show(in_batches(words))
    lines = out.getvalue().splitlines()
    assert len(lines) == 1 + 5  # the question, then 500 characters
    assert all(len(line) < 120 for line in lines)
    assert "".join(line.split("│ ")[1] for line in lines[1:]).count("word") == 100


async def test_plain_shows_what_the_first_presenter_writes_in_the_next_round(
    cast: Cast, in_batches: Batches
) -> None:
    out = io.StringIO()
    first = Pen(AgentId("ada"), TurnNumber(1), 0.0)
    again = Pen(AgentId("ada"), TurnNumber(2), 1.0)
    said = [
        TurnStarted(task="present", **first.stamp()),
        TextDelta(block=0, text="It is so.\n", **first.stamp()),
        RestartRequested(reason="a gap", instructions="fill it", **first.stamp()),
        TurnEnded(outcome="restarted", **first.stamp()),
        TurnStarted(task="draft", **again.stamp()),
        TextDelta(block=0, text="Once more.\n", **again.stamp()),
    ]
    display = PlainDisplay(out, cast)
    await display.show(in_batches(said))
    assert "Once more." in out.getvalue()
    assert "It is so." not in out.getvalue()  # the end of the session prints it
    view = View(cast.models)
    view.absorb(said)
    assert view.phase == "drafting"


async def test_plain_prints_no_escape_of_a_model(
    cast: Cast, in_batches: Batches
) -> None:
    out = io.StringIO()
    pen = Pen(AgentId("ada"), TurnNumber(1), 0.0)
    said = [TextDelta(block=0, text=x, **pen.stamp()) for x in ("\x1b", "[31mred", "!")]
    await PlainDisplay(out, cast).show(in_batches(said))
    assert out.getvalue().endswith("│ red!\n")


async def test_json_lines_are_the_events_and_lose_nothing(
    events: list[Event], in_batches: Batches
) -> None:
    out = io.BytesIO()
    display = JsonLinesDisplay(out)
    await display.show(in_batches(events))
    assert display.is_lossless
    decoder = msgspec.json.Decoder(Event)
    assert decoder.decode_lines(out.getvalue()) == events


@pytest.mark.parametrize("is_heard", [True, False])
async def test_quiet_says_the_answer_and_nothing_else(
    events: list[Event], result: Result, in_batches: Batches, *, is_heard: bool
) -> None:
    out = io.StringIO()
    display = QuietDisplay(out if is_heard else None)
    await display.show(in_batches(events))
    display.conclude(result)
    assert out.getvalue() == ("It is so.\n" if is_heard else "")


async def test_why_an_agent_is_stopped_and_out_is_said_once(
    cast: Cast, in_batches: Batches
) -> None:
    out, why, bo = io.StringIO(), "a person asked for it", AgentId("bo")
    events = [
        CancelTurn(agent=bo, turn=TurnNumber(1), reason=why),
        AgentRetired(agent=bo, reason=why),
        AgentRetired(agent=AgentId("ada"), reason=why),
    ]
    await PlainDisplay(out, cast).show(in_batches(events))
    told = [line.split("s  ")[1] for line in out.getvalue().splitlines()[1:]]
    assert told == [f"bo  ✕ is stopped: {why}", "bo  ! is out", f"ada ! is out: {why}"]
