"""The books: who ended how."""

from __future__ import annotations

from agents.protocol.chunks import AgentId, Seq, TurnEnded, TurnNumber
from coordinator.protocol.accounting import Ledger
from coordinator.protocol.events import AgentRetired, CancelTurn, Conclude

ADA = AgentId("ada")


def test_who_is_taken_out_in_mid_turn_stays_out_when_the_turn_ends() -> None:
    ledger = Ledger((ADA,))
    turn = TurnNumber(1)
    ledger.book(CancelTurn(agent=ADA, turn=turn, reason="stopped"))
    ledger.book(AgentRetired(agent=ADA, reason="stopped"))
    ended = TurnEnded(agent=ADA, turn=turn, seq=Seq(2), at=1.0, outcome="cancelled")
    ledger.book(ended)
    end = Conclude(status="failed", winner=None, label=None, answer=None)
    record = ledger.result("s", "q", end, 1.0).agents[ADA]
    assert (record.status, record.error) == ("retired", "stopped")
