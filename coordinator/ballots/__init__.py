"""Ballots and voting rules: pure functions from what was voted to who has won.

No clock, no chance, no I/O. :mod:`~coordinator.ballots.rules` says what may be chosen,
:mod:`~coordinator.ballots.counting` counts, :mod:`~coordinator.ballots.deciding` knows
when further ballots cannot matter, :mod:`~coordinator.ballots.ties` makes total orders.
Which ballots are live, and what happens with a winner, is the machine's.
"""

from __future__ import annotations

from coordinator.ballots.counting import tally
from coordinator.ballots.deciding import is_deadlocked, is_decided
from coordinator.ballots.learning import Record, learned_weights, log_odds
from coordinator.ballots.quorum import has_quorum
from coordinator.ballots.reading import (
    best_of,
    labels_of,
    reject_reason,
    relabelled,
    standing_part,
)
from coordinator.ballots.rules import (
    Approval,
    Borda,
    Copeland,
    InstantRunoff,
    Majority,
    MajorityJudgement,
    Plurality,
    RankedPairs,
    Schulze,
    Score,
    Supermajority,
    Unanimity,
    VotingRule,
    every_rule,
    form,
    read_rule,
    spelled_out,
)
from coordinator.ballots.tallies import Tally
from coordinator.ballots.ties import Runoff, earliest, lot, runoff
from coordinator.ballots.waiting import (
    ballots_until_decided,
    events_before_any,
    events_until_over,
)

__all__ = [
    "Approval",
    "Borda",
    "Copeland",
    "InstantRunoff",
    "Majority",
    "MajorityJudgement",
    "Plurality",
    "RankedPairs",
    "Record",
    "Runoff",
    "Schulze",
    "Score",
    "Supermajority",
    "Tally",
    "Unanimity",
    "VotingRule",
    "ballots_until_decided",
    "best_of",
    "earliest",
    "events_before_any",
    "events_until_over",
    "every_rule",
    "form",
    "has_quorum",
    "is_deadlocked",
    "is_decided",
    "labels_of",
    "learned_weights",
    "log_odds",
    "lot",
    "read_rule",
    "reject_reason",
    "relabelled",
    "runoff",
    "spelled_out",
    "standing_part",
    "tally",
]
