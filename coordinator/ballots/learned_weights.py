"""Weights of voters, learned from how often they were right.

If voters err independently, the best weights are log-odds: a voter who finds the right
one of *m* answers with probability *p*, and else any other one, weighs
w = ln(p (m - 1) / (1 - p)) (Nitzan and Paroush 1982; Grofman, Owen and Feld 1983).
Models share errors, so this is an upper bound on how much to trust a record: estimates
are shrunk towards the rate of all voters of the same model, that one towards the team's
common rate, and clipped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, TypeAlias

import msgspec

from agents.protocol.chunks import AgentId

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one voter fared in sessions whose right answer is known."""

    right: Count
    """Votes for the right answer."""
    judged: Count
    """Votes in all."""


def log_odds(p: float, options: int) -> float:
    """Weigh a voter who is right with probability ``p`` among ``options`` answers.

    0 for a voter who guesses, negative for one who is worse than that.

    Raises:
        ValueError: ``p`` is not between 0 and 1, both excluded, or fewer than two
            options.
    """
    if not 0 < p < 1 or options < 2:
        raise ValueError(f"p = {p} of {options} options; give 0 < p < 1 and 2 or more")
    return math.log(p * (options - 1) / (1 - p))


def learned_weights(
    records: Mapping[AgentId, Record],
    *,
    options: int,
    prior_votes: float = 10.0,
    limit: float = 4.0,
    models: Mapping[AgentId, str] | None = None,
) -> dict[AgentId, float]:
    """Turn records into weights for the next vote, mean 1.

    A voter's rate is shrunk: it counts as if ``prior_votes`` more votes had been cast
    at the common rate of its model's voters, or of the team's where models are not
    known. So a voter without a record gets what an average one of its model gets.
    Weights are clipped to between 0 (who is worse than a guess has no say, rather than
    one against itself) and ``limit`` times the mean, and written with six decimals. If
    nobody is better than a guess, all weigh 1.

    Args:
        records: Voter → record.
        options: How many answers the votes usually had, 2 or more.
        prior_votes: How many votes the common rate is worth, more than 0.
        limit: The most any voter weighs, as a multiple of the mean before clipping; 1
            or more.
        models: Voter → the model it runs on, as far as it is known; voters of one model
            are right and wrong together.

    Raises:
        ValueError: An argument is out of its range, or a record has more right votes
            than votes.
    """
    if prior_votes <= 0 or limit < 1 or options < 2:
        raise ValueError("give prior_votes > 0, limit ≥ 1 and options ≥ 2")
    for voter, record in records.items():
        if record.right > record.judged:
            raise ValueError(f"{voter!r}: {record.right} right of {record.judged}")
    # One right and one wrong vote more keep the common rate off 0 and 1.
    right = sum(record.right for record in records.values()) + 1
    common = right / (sum(record.judged for record in records.values()) + 2)
    rates = _rates(records, models or {}, common, prior_votes)
    raw = {
        voter: max(0.0, log_odds(_shrunk(record, rates[voter], prior_votes), options))
        for voter, record in records.items()
    }
    mean = sum(raw.values()) / len(raw) if raw else 0.0
    if mean <= 0:
        return dict.fromkeys(records, 1.0)
    clipped = {voter: min(weight / mean, limit) for voter, weight in raw.items()}
    scale = len(clipped) / sum(clipped.values())
    return {voter: round(weight * scale, 6) for voter, weight in clipped.items()}


def _rates(
    records: Mapping[AgentId, Record],
    models: Mapping[AgentId, str],
    common: float,
    prior_votes: float,
) -> dict[AgentId, float]:
    """Voter → the rate that it is shrunk towards."""
    if len({models.get(voter, "") for voter in records}) < 2:
        return dict.fromkeys(records, common)
    alike: dict[str, list[Record]] = {}
    for voter, record in records.items():
        alike.setdefault(models.get(voter, ""), []).append(record)
    rate = {"": common}
    for model in alike.keys() - {""}:
        together = Record(
            right=sum(record.right for record in alike[model]),
            judged=sum(record.judged for record in alike[model]),
        )
        rate[model] = _shrunk(together, common, prior_votes)
    return {voter: rate[models.get(voter, "")] for voter in records}


def _shrunk(record: Record, common: float, prior_votes: float) -> float:
    return (record.right + prior_votes * common) / (record.judged + prior_votes)
