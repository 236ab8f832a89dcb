"""From ballots to a winner: what counts, how it was decided, who leads."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agents.protocol.chunks import AgentId, Ballot, Label
from coordinator.ballots import Tally, best_of, has_quorum, standing_part, tally
from coordinator.consensus import checks, conclusion, contests, result_count
from coordinator.consensus.state import Contest
from coordinator.consensus.transition import Move
from coordinator.protocol.events import LiveBallot, LiveBallots, WinnerDecided


def count(m: Move, contest: Contest) -> Tally:
    """Count the ballots that are in; ties go by the contest's order.

    Under ``self_votes: tie_break`` what voters say of their own answers comes in only
    where the others' ballots leave a tie, and only among those tied. Left out, an
    answer is last on its author's ballot and not beside all others: that would be no
    ranking, and no bound on the ballots to come would hold for it. Two authors' ballots
    cancel in the duel of their answers, so it comes to the same where both vote.
    """
    result = _tally(m, contest, counted(m, contest))
    if m.rules.voting.self_votes != "tie_break" or len(result.tied) < 2:
        return result
    full = _tally(
        m, contest, {**ballots_of(contest), **result_count.ballots(m, contest)}
    )
    place = {label: i for i, (label, _) in enumerate(full.standings)}
    best = min(result.tied, key=lambda label: place[label])
    tied = tuple(x for x in result.tied if x in full.tied)
    tied = tied if best in tied else (best,)
    ahead = tuple(pair for pair in result.standings if pair[0] == best)
    behind = tuple(pair for pair in result.standings if pair[0] != best)
    return msgspec.structs.replace(
        result, winner=best, tied=tied, standings=ahead + behind
    )


def _tally(m: Move, contest: Contest, ballots: Mapping[AgentId, Ballot]) -> Tally:
    return tally(
        m.rules.voting.rule,
        ballots,
        contest.labels,
        weights=result_count.weights(m, contest),
        tie_order=contest.labels,
    )


def counted(m: Move, contest: Contest) -> dict[AgentId, Ballot]:
    """The ballots as they count before ties are broken, drafts among them."""
    ballots = ballots_of(contest)
    drafts = result_count.ballots(m, contest) if contest.drafts else {}
    if m.rules.voting.self_votes != "tie_break":
        return {**ballots, **drafts} if drafts else ballots
    cast: dict[AgentId, Ballot] = {}
    for voter, ballot in ballots.items():
        others = (x for x in contest.labels if m.s.answers[x].agent != voter)
        cast[voter] = standing_part(ballot, {x: i for i, x in enumerate(others)})
    return {**cast, **drafts}


def first_of(contest: Contest, result: Tally) -> Label:
    """The winner, whatever a rule demands beyond the ballots (V8).

    A rule may ask for more than there is (no majority): then the order of the standings
    decides, and the detail says so. An incumbent needs nothing to stay.
    """
    if result.winner is None and contest.is_challenge:
        return contest.labels[0]
    return result.winner or result.standings[0][0]


def count_alone(m: Move, only: Label) -> Tally:
    """The count where a single answer stands and nobody was asked."""
    return tally(m.rules.voting.rule, {}, (only,), tie_order=(only,))


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
    if not m.rules.voting.quorum or not contest.voters:
        return True
    return has_quorum(
        ballots_of(contest),
        contest.voters,
        m.rules.voting.quorum,
        weights=m.rules.voting.weights,
    )


def leader(m: Move) -> Label | None:
    """The winner if the vote ended now; ``None`` where nobody has answered."""
    standing = checks.best(m, m.standing())
    if not standing:
        return None
    if m.s.phase == "voting":
        numbers = range(m.s.stage_began, m.s.contests_made)
        # One that was emptied by vetoes has nobody to lead it.
        held = [c for c in (m.s.contests[n] for n in numbers) if c.labels]
        # A tie that went to a runoff is the runoff's, as long as anybody is left in it.
        asked_again = {c.runoff_of for c in held}
        held = [c for c in held if c.number not in asked_again]
        if held:
            # The contest with most ballots is the best informed; the first if equal.
            best = max(held, key=lambda c: len(c.ballots))
            return best.winner or first_of(best, count(m, best))
    if m.s.contests_made:
        # More first answers were asked for after a vote; it still says something.
        winner = m.s.contests[m.s.contests_made - 1].winner
        if winner is not None and winner in {answer.label for answer in standing}:
            return winner
    if result_count.is_on(m):
        return result_count.counted(m, standing)[0].label
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
    """How the contest was decided, in one sentence for people (W4)."""
    words = _how(m, contest, result, is_early=is_early)
    checked = checks.in_words(m, m.s.answers[first_of(contest, result)])
    return f"{words}; {checked}" if checked else words


def _how(m: Move, contest: Contest, result: Tally, *, is_early: bool) -> str:
    cast, voters = len(contest.ballots), len(contest.voters)
    if contest.drafts:
        return _how_counted(m, contest, result, is_early=is_early)
    if not cast:
        return "no ballot was cast; the declared order of ties decided"
    words = f"{result.rule}: {cast} of {voters} ballots"
    if not has_reached_quorum(m, contest):
        words += ", short of the quorum"
    if result.winner is None:
        words += ", the rule's own condition was not met, so the leader won"
    if len(result.tied) > 1:
        words += f", a tie decided by {_what_broke_the_tie(m, result)}"
    if contest.is_challenge:
        words += ", on a challenge to the first winner"
    if is_early:
        words += ", decided before the rest"
    return words


def _how_counted(m: Move, contest: Contest, result: Tally, *, is_early: bool) -> str:
    """The same where drafts are ballots: ``5 of 7 answers say 41``."""
    first = first_of(contest, result)
    agree = tuple(x for x, entry in m.s.entry_of.items() if entry == first)
    entry = result_count.Entry(first, agree, len(agree))
    total = len(m.s.entry_of)
    words = result_count.in_words(entry, total, m.s.answers[first].result)
    if total > 1 and len(set(m.s.entry_of.values())) == total:
        words = "no two answers are equal"
    if contest.voters:
        cast = len(contest.ballots)
        words += f"; {result.rule} with {cast} of {len(contest.voters)} ballots"
    if len(result.tied) > 1:
        words += f", a tie decided by {_what_broke_the_tie(m, result)}"
    if is_early:
        words += ", decided before the rest"
    return words


def _what_broke_the_tie(m: Move, result: Tally) -> str:
    """The tie-break that decided in the end; the rule for ties may not get to act."""
    match m.rules.voting.ties:
        case "earliest" | "listed" as word:
            return _TIE_WORDS[word]
        case "synthesise" if result.winner is not None:
            author = m.s.members[m.s.answers[result.winner].agent]
            return "synthesise" if conclusion.is_presented(m, author) else "lot"
        case _:
            # Of those tied in a runoff, or where none is held, the lot is first.
            return "lot"


def second_choice(m: Move, why: str) -> None:
    """All that stood for election is vetoed: one that lost is better than none."""
    standing = m.standing()
    if not standing:
        conclusion.conclude(m, "failed", "every answer was vetoed")
        return
    next_best = contests.tie_order(m, checks.best(m, standing))[0]
    announce_winner(m, next_best, count_alone(m, next_best), 0)
    detail = f"{why}; the {_tie_word(m)} decided"
    conclusion.finish(m, next_best, (next_best,), detail)


def _tie_word(m: Move) -> str:
    return _TIE_WORDS.get(m.rules.voting.ties, "lot")


_TIE_WORDS = {"earliest": "earliest", "listed": "order of the team"}


def live_ballots(m: Move) -> tuple[LiveBallot, ...]:
    """The ballots that count in the vote under way, as they count now."""
    ballots: list[LiveBallot] = []
    for number in range(m.s.stage_began, m.s.contests_made):
        contest = m.s.contests[number]
        if contest.went_to_runoff:
            continue
        place = {label: at for at, label in enumerate(contest.labels)}
        for voter, ballot in ballots_of(contest).items():
            best = best_of(standing_part(ballot, place))
            author = None if best is None else m.s.answers[best].agent
            ballots.append(LiveBallot(voter=voter, choice=author, label=best))
    return tuple(ballots)


def announce_ballots(m: Move, before: tuple[LiveBallot, ...]) -> None:
    """Say which ballots count from now on, if those are others than ``before``."""
    now = live_ballots(m)
    if now != before:
        m.out.append(LiveBallots(ballots=now))


def crown(m: Move, contest: Contest, result: Tally, *, is_early: bool) -> None:
    """The contest's winner has won the session; let it be presented."""
    winner = contest.winner
    assert winner is not None
    cast = len(contest.ballots) + len(contest.drafts)
    announce_winner(m, winner, result, cast, is_early=is_early)
    standings = tuple(label for label, _ in result.standings)
    finalists = (winner, *(label for label in standings if label != winner))
    if m.rules.voting.ties == "synthesise" and len(result.tied) > 1:
        finalists = result.tied
    detail = how_decided(m, contest, result, is_early=is_early)
    conclusion.finish(m, winner, finalists, detail)
