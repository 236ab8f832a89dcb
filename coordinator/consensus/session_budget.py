"""Budgets: whether a turn fits before it starts, how far it may go, who is over it.

A turn starts only where what it must cost *at least* fits into what is left: the tokens
it has to read (the question, the answers it is shown, the conversation that it goes on
with; four characters count as a token) and :data:`LEAST_OUTPUT_TOKENS` to say something
useful. A turn that starts is granted what it must cost and a share of what is left
beyond; an agent that could start another keeps its share for that. What is granted is
not left to others until the turn has ended, also where it was cancelled, and no call of
the turn is made that could cost more, so that what is spent and granted together never
exceeds the budget. What a server tool reads beyond its caps the bill alone can tell:
whoever reports more than the budget is stopped at that report. In money, what is read
again of a conversation is reckoned as read from the cache, and all else as written to
it.

A budget of the session's that is spent ends the session with the best answer so far; an
agent's own takes that agent out, and its answer stands.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from agents.protocol.turns import LEAST_OUTPUT_TOKENS, Present, Review
from coordinator.consensus.rules import Budget
from coordinator.protocol.events import CancelTurn, MachineOutput, StartTurn

if TYPE_CHECKING:
    from agents.protocol.turns import Turn
    from coordinator.consensus.rules import Rules
    from coordinator.consensus.state import Member
    from coordinator.consensus.transition import Move

CHARACTERS_A_TOKEN = 4
"""English and code have more, so that this is no more than a turn will read."""


_UNBOUNDED = Budget()
USEFUL_OUTPUT_TOKENS = 512
"""A short answer with some thought."""
_ALONE = frozenset({"presenting", "dividing"})
"""Phases in which nobody starts a turn beside the one that does."""


class HeldBack(NamedTuple):
    """A turn that did not fit."""

    member: Member
    why: str
    is_session: bool
    """Whether it is the session's budget that it does not fit into."""


class _Need(NamedTuple):
    """The least cost of a turn."""

    tokens: float = 0
    usd: float = 0.0


class _Left(NamedTuple):
    """The rest of one budget."""

    whose: str
    of: float
    tokens: float
    usd: float
    is_session: bool

    def __str__(self) -> str:
        if self.usd == math.inf:
            return f"{self.whose} of {self.of} tokens leaves {max(0, self.tokens)}"
        return f"{self.whose} of {self.of} USD leaves {max(0.0, self.usd):.4f}"


def hold_back(m: Move, begin: int) -> list[HeldBack]:
    """Take the turns that do not fit out of the effects from ``begin`` on (B3).

    The others are told how much they may write. Nobody is retired here.
    """
    held: list[HeldBack] = []
    reserved = _reserved(m)
    outputs: list[MachineOutput] = m.out[:begin]
    starting: list[tuple[int, Member, _Need]] = []
    crowd = _Need()
    for output in m.out[begin:]:
        if not isinstance(output, StartTurn) or _is_replaced(m, output.turn):
            outputs.append(output)
            continue
        member = m.s.members[output.turn.agent]
        need = _need(m, member, output.turn)
        left = _left(m, member, reserved)
        refusing = next((each for each in left if not _fits(need, each)), None)
        if refusing is not None:
            why = f"{refusing}, and the turn takes {_need_text(need)} at least"
            held.append(HeldBack(member, why, refusing.is_session))
            continue
        spare = _spare(m, member)
        if starting and not _fits_beside(need, spare, crowd, left):
            why = f"{left[0]}, too little beside the turns of others"
            held.append(HeldBack(member, why, is_session=True))
            continue
        crowd = _Need(crowd.tokens + spare.tokens, crowd.usd + spare.usd)
        starting.append((len(outputs), member, need))
        outputs.append(output)
        reserved = _Need(reserved.tokens + need.tokens, reserved.usd + need.usd)
        m.put(replace(member, reserved_tokens=need.tokens, reserved_usd=need.usd))
    for place, member, need in starting:
        begun = outputs[place]
        assert isinstance(begun, StartTurn)
        share = _share(m, member, need, reserved, len(starting))
        outputs[place] = StartTurn(turn=_granted(m, member, begun.turn, need, share))
    m.out[:] = outputs
    return held


def _is_replaced(m: Move, turn: Turn) -> bool:
    """Whether this very step has withdrawn ``turn`` again and begun another."""
    return m.s.members[turn.agent].turn != turn.number


def _spare(m: Move, member: Member) -> _Need:
    """The cost beyond the least that ``member``'s turn should be granted, to be of use.

    Many turns that are all cut short bring nothing; few that are not bring an answer.
    """
    price = m.rules.limits.prices.get(member.id)
    if price is None or not _is_billed(m, member):
        return _Need()
    more = USEFUL_OUTPUT_TOKENS - LEAST_OUTPUT_TOKENS
    return _Need(more, more * price.output_usd)


def _fits_beside(need: _Need, spare: _Need, crowd: _Need, left: list[_Left]) -> bool:
    """Whether the turn, and those that start before it, have what they should."""
    wanted = _Need(
        need.tokens + spare.tokens + crowd.tokens, need.usd + spare.usd + crowd.usd
    )
    return not spare.tokens or all(_fits(wanted, x) for x in left if x.is_session)


def _share(
    m: Move, member: Member, need: _Need, reserved: _Need, starting: int
) -> _Need:
    """The grant of ``member``'s turn: its need, and its share of what is left."""
    idle = [x for x in m.live() if x.activity == "idle"]
    shares = starting if m.s.phase in _ALONE else starting + len(idle)
    share = _Need(math.inf, math.inf)
    for left in _left(m, member, reserved):
        tokens, usd = left.tokens, left.usd
        if left.is_session:  # what is left is without the needs of all that start
            tokens = need.tokens + max(0.0, tokens) / shares
            usd = need.usd + max(0.0, usd) / shares
        else:
            tokens -= member.granted_tokens
            usd -= member.granted_usd
        share = _Need(min(share.tokens, tokens), min(share.usd, usd))
    return share


def _granted(m: Move, member: Member, turn: Turn, need: _Need, share: _Need) -> Turn:
    """Tell ``turn`` what it may cost, and how much it may write for that."""
    price = m.rules.limits.prices.get(member.id)
    most = share.tokens - need.tokens + LEAST_OUTPUT_TOKENS
    if price is not None and price.output_usd > 0:
        more = (share.usd - need.usd) / price.output_usd
        most = min(most, more + LEAST_OUTPUT_TOKENS)
    if not _is_billed(m, member):
        return turn if math.isinf(most) else replace(turn, output_tokens=int(most))
    now = m.s.members[member.id]
    tokens, usd = share.tokens, share.usd
    m.put(
        replace(
            now,
            granted_tokens=now.granted_tokens + (0 if math.isinf(tokens) else tokens),
            granted_usd=now.granted_usd + (0 if math.isinf(usd) else usd),
            granted_turn=turn.number,
        )
    )
    return replace(
        turn,
        budget_tokens=None if math.isinf(tokens) else int(tokens),
        budget_usd=None if math.isinf(usd) else usd,
    )


def _is_billed(m: Move, member: Member) -> bool:
    price = m.rules.limits.prices.get(member.id)
    return price is not None and bool(price.overhead_tokens)


def without_cancels(m: Move, held: list[HeldBack]) -> None:
    """Drop what withdraws a turn that has never begun."""
    never = {(each.member.id, each.member.turn) for each in held}
    m.out[:] = [
        output
        for output in m.out
        if not isinstance(output, CancelTurn)
        or (output.agent, output.turn) not in never
    ]


def is_set(rules: Rules) -> bool:
    """Whether anybody has a budget."""
    return (
        rules.limits.budget_tokens is not None
        or rules.limits.budget_usd is not None
        or rules.limits.agent_budget_tokens is not None
        or rules.limits.agent_budget_usd is not None
        or bool(rules.limits.budgets)
    )


def of_agent(rules: Rules, agent: str) -> Budget:
    """The budget of one agent: its own, else the one that every agent has."""
    own = rules.limits.budgets.get(agent, _UNBOUNDED)
    return Budget(
        tokens=rules.limits.agent_budget_tokens if own.tokens is None else own.tokens,
        usd=rules.limits.agent_budget_usd if own.usd is None else own.usd,
    )


def overdrawn(m: Move, member: Member) -> str | None:
    """Say which of ``member``'s own budgets is spent, if one is."""
    own = of_agent(m.rules, member.id)
    if own.tokens is not None and member.spent_tokens > own.tokens:
        return f"its {own.tokens} tokens are spent"
    if own.usd is not None and member.spent_usd > own.usd:
        return f"its {own.usd} USD are spent"
    return None


def is_in_money(rules: Rules, agent: str) -> bool:
    """Whether a budget in USD bounds what ``agent`` does."""
    return rules.limits.budget_usd is not None or of_agent(rules, agent).usd is not None


def _least_input(member: Member, turn: Turn) -> tuple[int, int]:
    """Tokens that ``turn`` has to read: new ones, and those the agent has read."""
    characters = len(turn.question) + len(turn.note)
    known = 0
    task = turn.task
    if isinstance(task, Review | Present):
        unseen = task.unseen if isinstance(task, Review) and turn.continues else None
        characters += sum(
            len(answer.content)
            for answer in task.answers
            if unseen is None or answer.label in unseen
        )
    if turn.continues:
        known = member.response_tokens
    return characters // CHARACTERS_A_TOKEN, known


def _need(m: Move, member: Member, turn: Turn) -> _Need:
    """The least cost of ``turn``."""
    price = m.rules.limits.prices.get(member.id)
    if price is not None and not price.takes_tokens:
        return _Need()
    new, known = _least_input(member, turn)
    usd = 0.0
    if price is not None:
        if not known:
            new += price.overhead_tokens or 0
        again = price.input_usd if price.cached_usd is None else price.cached_usd
        fresh = price.written_usd or price.input_usd
        usd = new * fresh + known * again
        usd += LEAST_OUTPUT_TOKENS * price.output_usd
    return _Need(new + known + LEAST_OUTPUT_TOKENS, usd)


def _reserved(m: Move) -> _Need:
    """The grants of running turns, or their least cost where nothing was granted."""
    members = [m.s.members[agent] for agent in m.s.order]
    granted = [x for x in members if x.granted_turn]
    running = [
        x for x in members if not x.granted_turn and x.activity not in {"idle", "out"}
    ]
    tokens = sum(x.granted_tokens for x in granted)
    usd = sum(x.granted_usd for x in granted)
    return _Need(
        math.ceil(tokens) + sum(x.reserved_tokens for x in running),
        usd + sum(x.reserved_usd for x in running),
    )


def _left(m: Move, member: Member, reserved: _Need) -> list[_Left]:
    """The rest of each budget that bounds ``member``, the session's first."""
    rules, s = m.rules, m.s
    own = of_agent(rules, member.id)
    budgets: list[_Left] = []
    all_, one, most = "the budget", "its budget", math.inf
    if (of := rules.limits.budget_tokens) is not None:
        left = of - s.spent_tokens - reserved.tokens
        budgets.append(_Left(all_, of, left, most, is_session=True))
    if (of := rules.limits.budget_usd) is not None:
        left = of - s.spent_usd - reserved.usd
        budgets.append(_Left(all_, of, most, left, is_session=True))
    if (of := own.tokens) is not None:
        left = of - member.spent_tokens
        budgets.append(_Left(one, of, left, most, is_session=False))
    if (of := own.usd) is not None:
        left = of - member.spent_usd
        budgets.append(_Left(one, of, most, left, is_session=False))
    return budgets


def _fits(need: _Need, left: _Left) -> bool:
    return need.tokens <= left.tokens and need.usd <= left.usd


def _need_text(need: _Need) -> str:
    usd = f" ({need.usd:.4f} USD)" if need.usd else ""
    return f"{need.tokens} tokens{usd}"
