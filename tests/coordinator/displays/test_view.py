"""The fold of events that every picture of a session is drawn from."""

from __future__ import annotations

import msgspec

from agents.protocol.chunks import (
    AgentFailed,
    AgentId,
    Label,
    ResponseStarted,
    Seq,
    TextDelta,
    TurnNumber,
    Usage,
    UsageReported,
)
from coordinator.displays.base import Cast
from coordinator.displays.matrix import headings
from coordinator.displays.view import TAIL_CHARS, Tail, View
from coordinator.protocol.events import AgentRetired, Event, VotesVoided

ADA, BO, CY = AgentId("ada"), AgentId("bo"), AgentId("cy")


def _view(cast: Cast, events: list[Event]) -> View:
    view = View(cast.models)
    view.absorb(events)
    return view


def _until(events: list[Event], kind: str) -> list[Event]:
    names = [type(event).__name__ for event in events]
    return events[: names.index(kind)]


def test_a_session_goes_through_its_phases(cast: Cast, events: list[Event]) -> None:
    assert _view(cast, _until(events, "SlateFrozen")).phase == "drafting"
    assert _view(cast, _until(events, "WinnerDecided")).phase == "voting"
    assert _view(cast, _until(events, "Conclude")).phase == "presenting"
    assert _view(cast, events).phase == "concluded"


def test_votes_are_counted_and_void_ones_are_not(
    cast: Cast, events: list[Event]
) -> None:
    view = _view(cast, _until(events, "WinnerDecided"))
    assert view.support() == {ADA: 2, BO: 0}
    assert view.voters == {ADA, BO, CY}
    view.absorb([VotesVoided(voters=(BO,), label=Label("agent3.1"))])
    assert view.support() == {ADA: 1, BO: 0}


def test_an_answer_is_seen_while_it_is_typed(cast: Cast, events: list[Event]) -> None:
    view = _view(cast, _until(events, "AnswerAccepted"))
    spans = view.agents[ADA].tail.last(1000)
    assert spans == [
        ("thinking", "Let me think.\n"),
        ("text", "First line.\nSecond line.\n"),
        ("typed", "It is so.\n"),
    ]


def test_who_was_stopped_says_why(cast: Cast, events: list[Event]) -> None:
    view = _view(cast, events)
    assert view.agents[CY].activity == "stopped"
    assert view.agents[CY].note == "it can change nothing"


def test_usage_of_responses_adds_up_and_within_one_replaces(cast: Cast) -> None:
    view = View(cast.models)

    def spent(output: int, cost: float | None) -> UsageReported:
        usage = Usage(input_tokens=10, output_tokens=output)
        return UsageReported(
            agent=ADA, turn=TurnNumber(1), seq=Seq(0), at=0.0,
            model="m", usage=usage, cost_usd=cost,
        )  # fmt: skip

    response = ResponseStarted(
        agent=ADA, turn=TurnNumber(1), seq=Seq(0), at=0.0,
        model="m", message=msgspec.Raw(b"{}"),
    )  # fmt: skip
    view.absorb([response, spent(1, 0.1), spent(5, 0.5), response, spent(2, 0.25)])
    assert view.agents[ADA].usage == Usage(input_tokens=20, output_tokens=7)
    assert view.cost_usd == 0.75
    view.absorb([response, spent(1, None)])
    assert view.cost_usd is None


def test_a_failed_agent_says_why_without_its_escapes(cast: Cast) -> None:
    view = View(cast.models)
    failure = AgentFailed(
        agent=BO, turn=TurnNumber(1), seq=Seq(0), at=0.0,
        error="BackendRefused", message="no \x1b[31mkey",
    )  # fmt: skip
    view.absorb([failure, AgentRetired(agent=BO, reason="no \x1b[31mkey")])
    assert (view.agents[BO].activity, view.agents[BO].note) == ("failed", "no key")
    assert view.moments[-1].words == "is out: no key"


def test_text_is_kept_to_its_end_however_much_comes(cast: Cast) -> None:
    others = {f"agent-{number}": "m" for number in range(200)}
    view = View({**cast.models, **others})
    deltas: list[Event] = [
        TextDelta(
            agent=ADA, turn=TurnNumber(1), seq=Seq(n), at=0.0, block=0, text=f"{n} "
        )
        for n in range(20_000)
    ]
    view.absorb(deltas)
    kept = str(view.agents[ADA].tail)
    assert kept.endswith("19998 19999 ")
    assert TAIL_CHARS <= len(kept) <= 2 * TAIL_CHARS


def test_a_tail_gives_its_last_characters_in_their_tones() -> None:
    tail = Tail()
    tail.add("thinking", "abc")
    tail.add("text", "defg")
    assert tail.last(2) == [("text", "fg")]
    assert tail.last(5) == [("thinking", "c"), ("text", "defg")]
    tail.add("moment", "x" * 3 * TAIL_CHARS)
    assert len(str(tail)) <= 2 * TAIL_CHARS


def test_a_short_heading_leaves_out_what_all_names_begin_with() -> None:
    names = {Label(f"agent{n}.1"): AgentId(f"agent{n}") for n in (1, 2, 11)}
    assert headings([*names], names, 3) == ["1", "2", "11"]
    assert headings([*names], names, 9) == ["agent1", "agent2", "agent11"]
    again = {Label("agent1.2"): AgentId("abigail"), Label("agent2.1"): AgentId("abi")}
    assert headings([*again], again, 4) == ["ga.2", "abi"]
