"""Counts a vote once more, from the ballots that a simulation has seen go by."""

from __future__ import annotations

from collections.abc import Mapping

from agents.protocol.chunks import AgentId, Ballot
from coordinator.ballots import tally
from coordinator.consensus.rules import Rules
from coordinator.protocol.events import WinnerDecided

HANGS_ON_TIES = frozenset({"instant_runoff", "ranked_pairs"})
"""Rules whose measure, not only the order of equals, depends on the tie order."""


def is_counted_right(
    rules: Rules, ballots: Mapping[AgentId, Ballot], decided: WinnerDecided
) -> bool:
    """Whether ``decided`` has the standings, and a winner, of these ballots.

    The order of ties is not known here: that it was followed is not asked.
    """
    if rules.voting.self_votes == "tie_break":
        # What is said of one's own answer counts only among the tied.
        return True
    labels = tuple(label for label, _ in decided.standings)
    found = tally(
        rules.voting.rule,
        ballots,
        labels,
        weights=rules.voting.weights,
        tie_order=labels,
    )
    if found.rule != decided.rule:
        return False
    if found.rule in HANGS_ON_TIES:
        return True
    # A rule that elects nobody leaves it to the standings.
    is_best = found.winner is None or decided.label in found.tied
    return is_best and dict(found.standings) == dict(decided.standings)
