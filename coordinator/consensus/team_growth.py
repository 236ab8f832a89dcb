"""Teams that begin with a few agents and add others only while those disagree.

``adaptive`` adds some at a time, ``escalate`` those of a dearer model, once.
"""

from __future__ import annotations

from collections import Counter
from math import comb

import msgspec

from agents.protocol.chunks import AgentId
from agents.protocol.turns import Draft
from coordinator.ballots import best_of
from coordinator.consensus import checks, contests
from coordinator.consensus import winner as winning
from coordinator.consensus.rules import Adaptive, Rules
from coordinator.consensus.state import Contest
from coordinator.consensus.transition import Move
from coordinator.protocol.events import TeamGrown

_SURE = {"agreement": 2 / 3, "posterior": 0.95}


def begin(m: Move) -> tuple[AgentId, ...]:
    """The agents that answer first; the others are put in reserve."""
    adaptive, order = m.rules.drafting.adaptive, m.s.order
    escalate = m.rules.drafting.escalate
    if escalate is not None:
        models = m.rules.voting.models
        first = tuple(x for x in order if models.get(x) != escalate.to)
        for agent in set(order).difference(first) if first else ():
            m.put(msgspec.structs.replace(m.s.members[agent], is_reserve=True))
        return first or order
    if adaptive is None:
        return order
    for agent in order[adaptive.start :]:
        m.put(msgspec.structs.replace(m.s.members[agent], is_reserve=True))
    return order[: adaptive.start]


def has_grown(m: Move, contest: Contest) -> bool:
    """Ask more agents if the ballots of the last vote disagree and there are more.

    Only ballots that were cast are compared: where a vote is decided early, the rest
    was not asked, which is no disagreement.
    """
    adaptive = m.rules.drafting.adaptive
    if adaptive is None or contest.winner is None or adaptive.over == "answers":
        return False
    firsts = Counter(best_of(b) for b in winning.ballots_of(contest).values())
    winner = firsts[contest.winner]
    others = (n for label, n in firsts.items() if label != contest.winner)
    if is_sure(adaptive, winner, max(others, default=0), sum(firsts.values())):
        return False
    if not wake(m, "the ballots disagree"):
        return False
    m.s.grown_from = contest.number
    return True


def escalation_fault(rules: Rules) -> str:
    """Why a team whose models are known cannot escalate; empty: it can, or need not."""
    escalate, models = rules.drafting.escalate, set(rules.voting.models.values())
    if escalate is None:
        return ""
    if escalate.to not in models:
        return (
            f"'escalate.to' is {escalate.to!r}, and no agent runs on that model; name "
            f"one of {', '.join(sorted(models))}"
        )
    if models == {escalate.to}:
        return (
            f"'escalate.to' is {escalate.to!r}, and every agent runs on it, so nobody "
            "is left to begin; add agents of another model, or leave it out"
        )
    return ""


def is_agreed(m: Move, *, results: int, answers: int, is_clear: bool) -> bool:
    """Whether no dearer model need be asked (``escalate``)."""
    escalate = m.rules.drafting.escalate
    if escalate is None:
        return True
    if is_clear and escalate.unless == "clear" and answers > 1:
        return True
    return results == 1 and answers > 1


def is_sure(adaptive: Adaptive, first: int, second: int, total: int) -> bool:
    """Whether ``first`` of ``total``, with ``second`` behind, is agreement enough."""
    sure = _SURE[adaptive.stop] if adaptive.sure is None else adaptive.sure
    if not total:
        return sure <= 0
    if adaptive.stop == "agreement":
        return first / total >= sure
    return posterior(first, second) >= sure


def posterior(ahead: int, behind: int) -> float:
    """How probably the one with ``ahead`` of both votes is preferred by more.

    The chance that a share exceeds 1/2 under Beta(ahead + 1, behind + 1), the stopping
    rule of Adaptive-Consistency (2305.11860); for whole numbers a binomial sum.
    """
    total = ahead + behind + 1
    return sum(comb(total, k) for k in range(ahead + 1)) / 2**total


def wake(m: Move, reason: str) -> bool:
    """Ask the next agents in reserve for a first answer; ``False``: there is none."""
    adaptive = m.rules.drafting.adaptive
    is_escalated = m.rules.drafting.escalate is not None
    if (adaptive is None and not is_escalated) or checks.is_settled(m):
        return False
    members = [m.s.members[agent] for agent in m.s.order]
    count = len(members)
    if adaptive is not None:
        awake = sum(not member.is_reserve for member in members)
        count = min(adaptive.step, adaptive.max - awake)
    joining = [x for x in members if x.is_reserve and x.activity != "out"][:count]
    if not joining or count <= 0 or not contests.has_room(m):
        return False
    ids = tuple(member.id for member in joining)
    m.out.append(TeamGrown(agents=ids, reason=reason))
    m.begin_wave()
    for member in joining:
        awake_now = msgspec.structs.replace(member, is_reserve=False)
        m.start(awake_now, Draft(), "drafting")
        m.s.drafting += 1
    return True
