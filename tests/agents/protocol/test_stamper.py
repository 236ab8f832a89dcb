"""Sequence numbers have no holes."""

from __future__ import annotations

from agents.protocol.chunks import AgentId, TurnNumber
from agents.protocol.stamper import Pen


def test_numbers_go_up_by_one_however_they_are_taken() -> None:
    pen = Pen(AgentId("ada"), TurnNumber(2), 1.5, first=4)
    stamps = [pen.stamp()["seq"], *pen.next_seqs(3), pen.next_seq()]
    assert stamps == [4, 5, 6, 7, 8]


def test_numbers_that_were_never_sent_are_given_out_again() -> None:
    pen = Pen(AgentId("ada"), TurnNumber(2), 1.5)
    assert list(pen.next_seqs(3)) == [0, 1, 2]
    pen.take_back(1)
    assert (pen.next_free_seq, pen.stamp()["seq"]) == (1, 1)
