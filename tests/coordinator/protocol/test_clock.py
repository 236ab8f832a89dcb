"""Chunks of a process that took over carry the session's time."""

from __future__ import annotations

from agents.protocol.chunks import AgentId, Ping, Seq, TurnNumber
from coordinator.protocol.clock import on_session_clock

PING = Ping(agent=AgentId("ada"), turn=TurnNumber(1), seq=Seq(0), at=5.0)


def test_the_clock_of_the_first_process_is_the_sessions() -> None:
    assert on_session_clock(PING, 0.0) is PING


def test_a_later_process_counts_on_from_where_the_session_stood() -> None:
    assert on_session_clock(PING, 12.5).at == 17.5
