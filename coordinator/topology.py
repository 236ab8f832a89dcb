"""Who judges whom: the voters of a contest, and the committees of a large team."""

from __future__ import annotations

from typing import TypeAlias

from agents.chunks import AgentId, Label
from coordinator.move import Move, drawn

Group: TypeAlias = tuple[tuple[Label, ...], tuple[AgentId, ...]]
"""Answers, and who judges them."""


def panel(m: Move) -> tuple[AgentId, ...]:
    """The voters of a contest that everybody might judge."""
    voters = [member.id for member in m.live()]
    size = m.rules.panel
    if size is None or len(voters) <= size:
        return tuple(voters)
    key = str(m.s.contests_made)
    chosen = set(sorted(voters, key=lambda v: drawn(m.s.seed, "panel", key, v))[:size])
    return tuple(voter for voter in voters if voter in chosen)


def committees(m: Move, labels: tuple[Label, ...]) -> list[Group]:
    """Split ``labels`` into committees, each judged by voters from outside it."""
    seed = m.s.seed
    stage = str(m.s.contests_made)
    shuffled = sorted(labels, key=lambda x: drawn(seed, "committee", stage, x))
    count = -(-len(shuffled) // m.rules.committee_size)
    groups = [tuple(sorted(shuffled[i::count])) for i in range(count)]
    free = [member.id for member in m.live()]
    free.sort(key=lambda v: drawn(seed, "judge", stage, v))
    home = {m.s.answers[x].agent: g for g, group in enumerate(groups) for x in group}
    made: list[Group] = []
    at = 0
    for g, group in enumerate(groups):
        judges: list[AgentId] = []
        skipped: list[AgentId] = []
        while at < len(free) and len(judges) < m.rules.judges:
            voter = free[at]
            at += 1
            (skipped if home.get(voter) == g else judges).append(voter)
        # Those who sat in this very committee judge one of the next.
        free[at:at] = skipped
        made.append((group, tuple(judges)))
    return made
