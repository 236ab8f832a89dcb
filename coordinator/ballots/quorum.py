"""The quorum: enough voters took part for a vote to count."""

from __future__ import annotations

from collections.abc import Collection

from agents.protocol.chunks import AgentId
from coordinator.ballots.election import Weights, exact, weight_of
from coordinator.ballots.tally import ALIKE


def has_quorum(
    cast: Collection[AgentId],
    voters: Collection[AgentId],
    share: float,
    *,
    weights: Weights = ALIKE,
) -> bool:
    """Whether those who cast a ballot are at least ``share`` of ``voters`` by weight.

    A blank ballot counts as cast: abstaining is taking part. Who failed, ran out of
    time or was withdrawn is still one of ``voters``.

    Args:
        cast: Who handed in a ballot that counts.
        voters: Everybody who had a vote.
        share: 0 (always enough) to 1, as the decimal it is written as.
        weights: Voter → weight; 1 where absent.

    Raises:
        ValueError: A weight is negative or not finite.
    """
    came = sum(weight_of(voter, weights) for voter in cast)
    return came >= exact(share) * sum(weight_of(voter, weights) for voter in voters)
