from __future__ import annotations

import msgspec

from agents.protocol.chunks import (
    AgentId,
    AnswerProposed,
    ResponseAbandoned,
    ResponseEnded,
    ResponseStarted,
    Seq,
    StreamChunk,
    TextDelta,
    ToolCalled,
    ToolReturned,
    TurnNumber,
    TurnStarted,
)
from agents.protocol.stamper import Pen
from agents.protocol.turns import Draft, Turn
from agents.recovery.turn_record import AskedTurn

ADA = AgentId("ada")
NUMBER = TurnNumber(1)
JSON = msgspec.Raw(b"{}")


class Say:
    """One agent's turn, said chunk by chunk."""

    def __init__(self) -> None:
        self._pen = Pen(ADA, NUMBER, 0.0)
        self.said: list[StreamChunk] = []
        self.said.append(TurnStarted(**self._pen.stamp(), task="draft"))

    def begins(self) -> Say:
        stamp = self._pen.stamp()
        self.said.append(ResponseStarted(**stamp, model="m", message=JSON))
        return self

    def types(self, text: str) -> Say:
        self.said.append(TextDelta(**self._pen.stamp(), block=0, text=text))
        return self

    def calls(self, call: str) -> Say:
        stamp = self._pen.stamp()
        self.said.append(ToolCalled(**stamp, block=0, id=call, name="t", input=JSON))
        return self

    def ends(self) -> Say:
        stamp = self._pen.stamp()
        self.said.append(ResponseEnded(**stamp, stop_reason="tool_use", delta=JSON))
        return self

    def breaks(self) -> Say:
        stamp = self._pen.stamp()
        self.said.append(ResponseAbandoned(**stamp, reason="529", retry_in_s=1.0))
        return self

    def hears(self, call: str) -> Say:
        self.said.append(
            ToolReturned(
                **self._pen.stamp(),
                id=call,
                name="t",
                content=JSON,
                is_error=False,
                elapsed_s=1.0,
            )
        )
        return self

    def answers(self) -> Say:
        self.said.append(AnswerProposed(**self._pen.stamp(), content="Canberra"))
        return self

    @property
    def turn(self) -> AskedTurn:
        turn = Turn(agent=ADA, number=NUMBER, question="q", task=Draft())
        return AskedTurn(turn=turn, chunks=tuple(self.said))


def calls(turn: AskedTurn) -> list[str]:
    return [call.id for call in turn.tools_in_flight]


def test_a_turn_that_was_asked_and_said_nothing_has_bought_nothing() -> None:
    turn = AskedTurn(turn=Say().turn.turn)
    assert (turn.bought, turn.next_seq, turn.has_result) == ((), Seq(0), False)
    assert not turn.has_broken_response
    assert not turn.tools_in_flight


def test_a_response_that_broke_off_is_void_and_whole_ones_are_kept() -> None:
    say = Say().begins().types("hm").calls("t1").ends().hears("t1")
    whole = tuple(say.said)
    turn = say.begins().types("half a sen").turn
    assert turn.bought == whole
    assert turn.has_broken_response
    assert turn.next_seq == len(turn.chunks)
    assert not turn.tools_in_flight


def test_a_tool_without_a_result_is_in_flight_and_one_with_a_result_is_not() -> None:
    turn = Say().begins().calls("t1").calls("t2").ends().hears("t2").turn
    assert calls(turn) == ["t1"]
    assert not turn.has_broken_response
    assert turn.bought == turn.chunks


def test_a_call_in_a_response_that_broke_off_was_never_made() -> None:
    assert calls(Say().begins().calls("t1").turn) == []


def test_a_call_in_a_response_that_was_abandoned_was_never_made() -> None:
    assert calls(Say().begins().calls("t1").breaks().turn) == []


def test_a_response_that_was_abandoned_before_is_not_under_way() -> None:
    turn = Say().begins().types("half").breaks().turn
    assert not turn.has_broken_response
    assert turn.bought == turn.chunks


def test_a_turn_with_its_answer_only_lacks_its_end() -> None:
    turn = Say().begins().calls("a").ends().answers().turn
    assert turn.has_result
    assert not Say().begins().calls("a").ends().turn.has_result
