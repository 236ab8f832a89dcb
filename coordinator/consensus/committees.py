"""Committees of a large team, and the voters of a contest."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from agents.protocol.chunks import AgentId, Label
from coordinator.ballots.election import exact
from coordinator.consensus import checks, result_count
from coordinator.consensus.persistent_map import table
from coordinator.consensus.result_count import Entry
from coordinator.consensus.transition import Move, drawn

WEAK_PANEL = 2
"""Voters at least where the drafts leave a weak margin."""
PROSE_PANEL = 3
"""Where no two drafts are equal, so that they say nothing: two voters that disagree
would leave it to the lot. Of seven such drafts the answer was right in .011 more of
simulated sessions than with two (seeds from 1,000,000 on)."""
ONE_IN = 6
"""Of so many answers of a committee one goes on: of few their winner, of 16 three."""
LOOK_AHEAD = 4
"""Voters that are looked at for each judge of a committee."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """One contest to be: answers, and who judges them."""

    labels: tuple[Label, ...]
    voters: tuple[AgentId, ...]
    views: Mapping[AgentId, tuple[Label, ...]] = {}
    """Voter → what it judges, where that is not all."""
    advance: int = 1
    """How many go on from it."""
    is_first_look: bool = False


def groups(m: Move, labels: tuple[Label, ...]) -> list[Group]:
    """The contests of a stage in which ``labels`` stand (S5)."""
    if m.rules.voting.panel == 0:
        return [Group(labels=labels, voters=())]
    shape, count, is_first = m.rules.voting.topology, len(labels), m.s.stages == 0
    if shape == "all":
        over = m.rules.voting.committee_over
        if over is not None and count > over:
            size = m.rules.voting.committee_size
            return committees(m, labels, size, advance=m.rules.voting.advance)
    elif shape.ring is not None:
        if is_first and count > shape.ring + 1:
            return [ring(m, labels, shape.ring)]
    elif shape.committees is not None:
        if is_first and count > shape.committees:
            most = shape.committees
            return committees(m, labels, most, advance=m.rules.voting.advance)
    elif shape.tournament is not None and count > shape.tournament:
        return committees(m, labels, shape.tournament)
    return [_together(m, labels)]


def _together(m: Move, labels: tuple[Label, ...]) -> Group:
    """One contest of all: the last vote, or a first look at many (S4)."""
    look = m.rules.voting.shortlist
    if look is None or m.rules.drafting.revise:
        return Group(labels=labels, voters=panel(m, _panel_size(m)))
    if len(labels) <= look.over:
        size = _panel_size(m)
        if m.s.stages and size is not None:
            # Little is left to read, and it is the best there is.
            size = max(size, math.ceil(look.share * len(m.live())))
        return Group(labels=labels, voters=panel(m, size))
    voters = panel(m, look.panel)
    return Group(labels=labels, voters=voters, advance=look.keep, is_first_look=True)


def ring(m: Move, labels: tuple[Label, ...], reach: int) -> Group:
    """Seat the answers around a table; each author judges the next ``reach``."""
    seed, stage = m.s.seed, str(m.s.contests_made)
    seats = sorted(labels, key=lambda x: drawn(seed, "ring", stage, x))
    seat_of = {m.s.answers[label].agent: at for at, label in enumerate(seats)}
    views: dict[AgentId, tuple[Label, ...]] = {}
    guests = 0
    voters = tuple(member.id for member in m.live())
    for voter in voters:
        at = seat_of.get(voter)
        if at is None:
            # Who has no answer on the table is seated between others, in turn.
            at, guests = guests, guests + 1
        view = (seats[(at + step) % len(seats)] for step in range(1, reach + 1))
        views[voter] = tuple(view)
    # As many as one voter has read.
    return Group(labels=labels, voters=voters, views=table(views), advance=reach)


def panel_of(m: Move, entries: Sequence[Entry]) -> tuple[AgentId, ...]:
    """The judges of ``entries``, if they were put to a vote now."""
    return panel(m, _panel_size(m, entries))


def _panel_size(m: Move, entries: Sequence[Entry] | None = None) -> int | None:
    """How many voters the rules want; ``auto``: as many as there are models."""
    size = m.rules.voting.panel
    if size != "auto":
        return size
    models = len(_models(m))
    if entries is None:
        entries = result_count.counted(m, checks.best(m, m.standing()))
    drafts = sum(entry.weight for entry in entries)
    is_weak = result_count.lead(entries) <= exact(m.rules.voting.weak_margin) * drafts
    if not is_weak:
        return max(models, 1)
    is_prose = len(entries) > 1 and all(len(entry.labels) == 1 for entry in entries)
    return max(models, PROSE_PANEL if is_prose else WEAK_PANEL)


def _models(m: Move) -> set[str]:
    """The different models that take part; agents of which none is known are of one."""
    return {m.rules.voting.models.get(member.id, "") for member in m.live()}


def panel(m: Move, size: int | None) -> tuple[AgentId, ...]:
    """The voters of a contest that everybody might judge.

    Who was slow at its first answer sits on it only where there are not enough others.
    So does who has judged in this vote already: another judge errs in another way.
    """
    voters = [member.id for member in m.live()]
    if size is None or len(voters) <= size:
        return tuple(voters)
    return _chosen(m, voters, size, "panel")


def others_than(
    m: Move, judges: tuple[AgentId, ...], share: float
) -> tuple[AgentId, ...]:
    """So large a share of the team, of those who are not ``judges``."""
    voters = [member.id for member in m.live()]
    rest = [voter for voter in voters if voter not in judges]
    return _chosen(m, rest, math.ceil(share * len(voters)), "others")


def _chosen(m: Move, voters: list[AgentId], size: int, lot: str) -> tuple[AgentId, ...]:
    """Draw ``size`` of ``voters``; in the order they have."""
    numbers = range(m.s.vote_began, m.s.contests_made)
    judged = {voter for number in numbers for voter in m.s.contests[number].voters}
    key = str(m.s.contests_made)

    def place(voter: AgentId) -> tuple[bool, bool, bytes]:
        was_cut, drawn_lot = by_speed_and_lot(m, voter, lot, key)
        return was_cut, voter in judged, drawn_lot

    in_order = sorted(voters, key=place)
    chosen = set(_of_each_model(m, in_order)[:size])
    return tuple(voter for voter in voters if voter in chosen)


def _of_each_model(m: Move, voters: list[AgentId]) -> list[AgentId]:
    """``voters`` with the first of each model before the second of any.

    Among the first ones, and so on, whoever's maker has had the fewest so far: its
    models are more alike than others'. One of whom no maker is known is its model's.
    """
    models, makers = m.rules.voting.models, m.rules.voting.makers
    if not models:
        return voters
    seats: dict[str, int] = {}
    rounds: list[tuple[int, int, AgentId]] = []
    for voter in voters:
        model = models.get(voter, "")
        seats[model] = seats.get(model, 0) + 1
        rounds.append((seats[model], 0, voter))
    rounds.sort(key=lambda each: each[0])  # stable: by lot within a round
    if makers:
        had: dict[str, int] = {}
        for at, (seat, _, voter) in enumerate(rounds):
            maker = makers.get(voter) or models.get(voter, "")
            rounds[at] = (seat, had.get(maker, 0), voter)
            had[maker] = had.get(maker, 0) + 1
        rounds.sort(key=lambda each: each[:2])
    return [voter for *_, voter in rounds]


def by_speed_and_lot(m: Move, voter: AgentId, *lot: str) -> tuple[bool, bytes]:
    """Sort by it to draw voters, those last whose first answer took too long."""
    return m.s.members[voter].was_cut, drawn(m.s.seed, *lot, voter)


def committees(
    m: Move, labels: tuple[Label, ...], size: int, *, advance: int | None = 1
) -> list[Group]:
    """Split ``labels`` into committees, each judged by voters from outside it.

    Who is alone in its committee has won it. Where there is one committee only, it is
    the last vote, and nobody goes on.
    """
    seed = m.s.seed
    stage = str(m.s.contests_made)
    shuffled = sorted(labels, key=lambda x: drawn(seed, "committee", stage, x))
    count = -(-len(shuffled) // size)
    parts = [tuple(sorted(shuffled[i::count])) for i in range(count)]
    free = [member.id for member in m.live()]
    free.sort(key=lambda v: by_speed_and_lot(m, v, "judge", stage))
    home = {m.s.answers[x].agent: g for g, part in enumerate(parts) for x in part}
    formed: list[Group] = []
    for g, part in enumerate(parts):
        judges = _taken(m, free, home, g) if len(part) > 1 else []
        # Fewer go on than there are, so that each stage has fewer than the last.
        most = math.ceil(len(part) / ONE_IN) if advance is None else advance
        most = min(most, len(part) - 1) if count > 1 else 1
        formed.append(Group(labels=part, voters=tuple(judges), advance=max(1, most)))
    return formed


def _taken(
    m: Move, free: list[AgentId], home: Mapping[AgentId, int], committee: int
) -> list[AgentId]:
    """Take a committee's judges out of ``free``: the first who do not sit in it.

    Those who do judge one of the next. Where makers are known, a few more are looked
    at, so that it has judges of several models.
    """
    most = m.rules.voting.judges
    enough = most * LOOK_AHEAD if m.rules.voting.makers else most
    near: list[AgentId] = []
    for voter in free:
        if home.get(voter) != committee:
            near.append(voter)
            if len(near) == enough:
                break
    judges = _of_each_model(m, near)[:most]
    for judge in judges:
        free.remove(judge)
    return judges
