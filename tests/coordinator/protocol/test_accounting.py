"""The books: who ended how."""

from __future__ import annotations

import pytest

from agents.protocol.chunks import (
    AgentId,
    Choice,
    Label,
    Seq,
    TurnEnded,
    TurnNumber,
    Usage,
    UsagePart,
    UsageReported,
)
from agents.protocol.stamper import Pen
from coordinator.displays.result_text import spent
from coordinator.protocol.accounting import Ledger
from coordinator.protocol.events import (
    AgentRetired,
    CancelTurn,
    Conclude,
    LiveBallot,
    LiveBallots,
    VoteCounted,
    VotesCarried,
)

ADA, BOB = AgentId("ada"), AgentId("bob")


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


def test_an_estimate_says_so_to_the_end() -> None:
    pen = Pen(ADA, TurnNumber(1), 0.0)
    ledger = Ledger((ADA,))
    told = UsageReported(
        **pen.stamp(),
        model="claude-opus-5-5",
        usage=Usage(input_tokens=1_000, output_tokens=10),
        cost_usd=0.0042,
        estimated="it was cancelled",
    )
    ledger.book(told)
    end = Conclude(status="answered", winner=None, label=None, answer=None)
    result = ledger.result("s", "q", end, 1.0)
    assert result.agents[ADA].estimated == ("it was cancelled",)
    assert spent(result) == "about $0.0042"


def test_what_a_cache_saved_is_reckoned_at_each_models_price() -> None:
    pen = Pen(ADA, TurnNumber(1), 0.0)
    ledger = Ledger((ADA,))
    read = Usage(cache_read_input_tokens=1_000_000)
    parts = (
        UsagePart(of="message", model="claude-opus-5-5", usage=read),
        UsagePart(of="advisor_message", model="claude-haiku-4-5", usage=read),
    )
    ledger.book(
        UsageReported(
            **pen.stamp(), model="claude-opus-5-5", usage=read + read, parts=parts
        )
    )
    end = Conclude(status="answered", winner=None, label=None, answer=None)
    saved = ledger.result("s", "q", end, 1.0).cache.saved_usd
    assert saved == pytest.approx((4 - 0.2) + (1 - 0.1))


def test_ballots_for_a_small_change_count_on_and_others_stay() -> None:
    ledger = Ledger((ADA, BOB))
    for voter, label in ((ADA, "a1"), (BOB, "b1")):
        cast = VoteCounted(
            voter=voter,
            choice=voter,
            label=Label(label),
            ballot=Choice(label=Label(label)),
            reason="",
        )
        ledger.book(cast)
    carried = VotesCarried(voters=(ADA,), replaced=Label("a1"), label=Label("a2"))
    ledger.book(carried)
    end = Conclude(status="answered", winner=None, label=None, answer=None)
    votes = {v.voter: v.label for v in ledger.result("s", "q", end, 1.0).votes}
    assert votes == {"ada": "a2", "bob": "b1"}


def test_only_ballots_that_were_counted_can_be_live() -> None:
    ledger = Ledger((ADA, BOB))
    live = LiveBallot(voter=BOB, choice=ADA, label=Label("a1"))
    ledger.book(LiveBallots(ballots=(live,)))
    end = Conclude(status="answered", winner=None, label=None, answer=None)
    assert ledger.result("s", "q", end, 1.0).votes == ()
