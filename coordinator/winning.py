"""From ballots to a winner: what counts, how it was decided, who leads."""

from __future__ import annotations

from agents.chunks import AgentId, Ballot, Label
from coordinator import contests
from coordinator.ballots import Tally, has_quorum, tally
from coordinator.effects import WinnerDecided
from coordinator.move import Move
from coordinator.state import Contest


def count(m: Move, contest: Contest) -> Tally:
    """Count the ballots that are in; ties go by the contest's order."""
    return tally(
        m.rules.rule,
        ballots_of(contest),
        contest.labels,
        weights=m.rules.weights,
        tie_order=contest.labels,
    )


def count_alone(m: Move, only: Label) -> Tally:
    """The count where a single answer stands and nobody was asked."""
    return tally(m.rules.rule, {}, (only,), tie_order=(only,))


def ballots_of(contest: Contest) -> dict[AgentId, Ballot]:
    """The live ballots, in the order of the voters."""
    return {
        voter: cast.ballot
        for voter in contest.voters
        if (cast := contest.ballots.get(voter)) is not None
    }


def waiting_in(m: Move, contest: Contest) -> tuple[AgentId, ...]:
    """Voters whose ballot may still come, in order."""
    return tuple(
        voter
        for voter in contest.voters
        if voter not in contest.ballots and m.s.members[voter].contest == contest.number
    )


def has_reached_quorum(m: Move, contest: Contest) -> bool:
    """Whether enough voters have cast a ballot for the vote to count."""
    if not m.rules.quorum:
        return True
    return has_quorum(
        ballots_of(contest), contest.voters, m.rules.quorum, weights=m.rules.weights
    )


def leader(m: Move) -> Label | None:
    """Who would win if the vote ended now; ``None`` where nobody has answered."""
    standing = m.standing()
    if not standing:
        return None
    if m.s.phase == "voting":
        numbers = range(m.s.stage_began, m.s.contests_made)
        held = [m.s.contests[number] for number in numbers]
        # The contest with the most ballots is the best informed; the first if equal.
        best = max(held, key=lambda c: len(c.ballots))
        return best.winner or count(m, best).standings[0][0]
    return contests.tie_order(m, standing)[0]


def announce_winner(
    m: Move, label: Label, result: Tally, ballots: int, *, is_early: bool = False
) -> None:
    """Say that ``label`` has won, by so many ballots."""
    m.out.append(
        WinnerDecided(
            winner=m.s.answers[label].agent,
            label=label,
            rule=result.rule if ballots else "",
            standings=result.standings,
            is_early=is_early,
            was_tie=len(result.tied) > 1,
        )
    )


def how_decided(m: Move, contest: Contest, result: Tally, *, is_early: bool) -> str:
    """How the contest was decided, in one sentence for people."""
    cast, voters = len(contest.ballots), len(contest.voters)
    if not cast:
        return "no ballot was cast; the declared order of ties decided"
    words = f"{result.rule}: {cast} of {voters} ballots"
    if not has_reached_quorum(m, contest):
        words += ", short of the quorum"
    if result.winner is None:
        words += ", the rule's own condition was not met, so the leader won"
    if len(result.tied) > 1:
        words += f", a tie decided by {m.rules.ties}"
    if is_early:
        words += ", decided before the rest"
    return words
