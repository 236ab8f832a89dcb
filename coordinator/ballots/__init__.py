"""Ballots and voting rules: pure functions from what was voted to who has won.

No clock, no chance, no I/O. :mod:`~coordinator.ballots.voting_rules` says what may be
chosen, :mod:`~coordinator.ballots.tally` counts,
:mod:`~coordinator.ballots.early_decision` knows when further ballots cannot matter,
:mod:`~coordinator.ballots.ties` makes total orders. Which ballots are live, and what
happens with a winner, is the machine's.
"""

from __future__ import annotations

from coordinator.ballots.ballot_kinds import (
    best_of,
    labels_of,
    reject_reason,
    relabelled,
    standing_part,
)
from coordinator.ballots.ballots_needed import (
    ballots_until_decided,
    events_before_any,
    events_until_over,
)
from coordinator.ballots.early_decision import is_deadlocked, is_decided
from coordinator.ballots.learned_weights import Record, learned_weights, log_odds
from coordinator.ballots.quorum import has_quorum
from coordinator.ballots.tallies import Tally
from coordinator.ballots.tally import tally
from coordinator.ballots.ties import Runoff, earliest, lot, runoff
from coordinator.ballots.voting_rules import (
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
