"""Voting: which ballots count, when a contest is decided, and what follows from it.

Who judges which answers is :mod:`.contests`'s and
:mod:`.committees`'s. Under rules with ``revise`` the answers of the one open
contest change while it runs; that is :mod:`.revisions`'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

import msgspec

from agents.protocol.chunks import AgentId, Ballot, Label, VoteCast
from coordinator.ballots import (
    Plurality,
    Tally,
    best_of,
    events_until_over,
    relabelled,
    standing_part,
)
from coordinator.consensus import (
    challenge,
    checks,
    committees,
    conclusion,
    contests,
    leader_first,
    result_count,
    team_growth,
    winner,
)
from coordinator.consensus.persistent_map import table, with_entry
from coordinator.consensus.result_count import Entry
from coordinator.consensus.similarity import twins
from coordinator.consensus.state import Answer, Cast, Contest, Member
from coordinator.consensus.transition import Move
from coordinator.protocol.events import (
    AnswerRefused,
    ArmTimer,
    CommitteeDecided,
    SlateFrozen,
    VoteCounted,
    VoteRejected,
)

ALONE = "one answer agrees with nobody"
LATE_VOTES_TIMER = "late votes of contest "
"""The prefix of timers' names; the contest's number follows."""


def open_stage(
    m: Move, answers: Sequence[Answer], reason: str, *, is_early: bool = False
) -> None:
    """Put ``answers`` to the vote, in committees if they are many (S2).

    Args:
        m: The step under way.
        answers: Those that stand.
        reason: Why the vote begins now, for people.
        is_early: Drafts were outstanding that could not change the count.
    """
    s = m.s
    if result_count.is_on(m):
        if not s.stages:
            counted = _count_results(m, answers, is_early=is_early)
            if counted is None:
                return
            answers = counted
    elif not m.rules.drafting.revise:
        answers = _clustered(m, answers)
    labels = tuple(answer.label for answer in answers)
    if len(labels) == 1 and not _may_more_come(m):
        only = labels[0]
        winner.announce_winner(m, only, winner.count_alone(m, only), 0)
        checked = checks.in_words(m, m.s.answers[only])
        words = "only one answer stood"
        conclusion.finish(m, only, labels, f"{words}; {checked}" if checked else words)
        return
    before = winner.live_ballots(m)
    s.phase = "voting"
    if not s.stages:
        s.vote_began = s.contests_made
    s.stage_began = s.contests_made
    m.out.append(SlateFrozen(labels=labels, reason=reason))
    winner.announce_ballots(m, before)
    groups = committees.groups(m, labels)
    s.stages += 1
    _open(
        m,
        [
            contests.new_contest(
                m,
                group.labels,
                group.voters,
                views=group.views,
                advance=group.advance,
                is_first_look=group.is_first_look,
                drafts=_drafts_for(m, group.labels),
            )
            for group in groups
        ],
    )


def _drafts_for(m: Move, labels: Sequence[Label]) -> Mapping[AgentId, Label]:
    return result_count.drafts_for(m, labels) if result_count.is_on(m) else {}


def _count_results(
    m: Move, answers: Sequence[Answer], *, is_early: bool
) -> list[Answer] | None:
    """Count the drafts; ``None``: no vote is needed, or more drafts are (D6).

    What is left to judge are the entries that the panel's ballots could still put
    first.
    """
    entries = result_count.counted(m, answers)
    labels = tuple(entry.label for entry in entries)
    adaptive = m.rules.drafting.adaptive
    is_over_answers = adaptive is not None and adaptive.over == "answers"
    is_clear = len(entries) == 1 or not _can_change(m, entries)
    if is_over_answers and not is_clear:
        assert adaptive is not None
        sizes = [len(entry.labels) for entry in entries[:2]]
        is_clear = team_growth.is_sure(adaptive, sizes[0], sizes[1], len(answers))
        if not is_clear and team_growth.wake(m, "the results disagree"):
            return None
    elif is_over_answers and len(answers) == 1 and team_growth.wake(m, ALONE):
        return None
    is_agreed = team_growth.is_agreed(
        m, results=len(entries), answers=len(answers), is_clear=is_clear
    )
    why = "the results disagree" if len(answers) > 1 else ALONE
    if not is_agreed and team_growth.wake(m, why):
        return None
    result_count.remember(m, entries, is_clear=is_clear)
    if is_clear:
        _crown_count(m, labels, is_early=is_early)
        return None
    return [m.s.answers[entry.label] for entry in _within_reach(m, entries)]


def _can_change(m: Move, entries: Sequence[Entry]) -> bool:
    """Whether the panel's ballots could put another entry first."""
    labels = tuple(entry.label for entry in entries)
    panel = committees.panel_of(m, entries)
    drafts = {
        m.s.answers[label].agent: entry.label
        for entry in entries
        for label in entry.labels
    }
    contest = Contest(
        number=-1,
        labels=contests.tie_order(m, [m.s.answers[label] for label in labels]),
        voters=panel,
        ballots={},
        outstanding=len(panel),
        drafts=drafts,
    )
    return bool(
        events_until_over(
            m.rules.voting.rule,
            result_count.ballots(m, contest),
            panel,
            contest.labels,
            tie_order=contest.labels,
            weights=result_count.weights(m, contest),
            clear_of_ties=True,
        )
    )


def _within_reach(m: Move, entries: Sequence[Entry]) -> Sequence[Entry]:
    """The entries that could still win by the panel's ballots; at least two."""
    if not isinstance(m.rules.voting.rule, Plurality):
        return entries
    panel = result_count.weight_of_all(m, committees.panel_of(m, entries))
    near = [each for each in entries if each.weight + panel >= entries[0].weight]
    return near if len(near) > 1 else entries[:2]


def _crown_count(m: Move, labels: tuple[Label, ...], *, is_early: bool) -> None:
    """The drafts have decided: nobody is asked to vote."""
    m.s.vote_began = m.s.contests_made
    before = winner.live_ballots(m)
    m.s.phase = "voting"
    m.s.stage_began = m.s.contests_made
    m.s.stages += 1
    drafts = result_count.drafts_for(m, labels)
    contest = contests.new_contest(m, labels, (), drafts=drafts)
    winner.announce_ballots(m, before)
    settle(m, contest, is_early=is_early)


def _open(m: Move, opened: Sequence[Contest]) -> None:
    """Ask the voters; what has none is settled at once."""
    for contest in opened:
        leader_first.begin(m, contest)
    for contest in opened:
        if not contest.outstanding:
            settle(m, contest, is_early=False)


def _clustered(m: Move, answers: Sequence[Answer]) -> list[Answer]:
    """Keep one answer of each group of near-duplicates: the first by lot (S1)."""
    distinct: list[Answer] = []
    if m.rules.drafting.duplicate_over >= 1:
        return list(answers)
    order = {label: i for i, label in enumerate(contests.tie_order(m, answers))}
    by_lot = sorted(answers, key=lambda a: order[a.label])
    twin_places = twins(
        [answer.reading for answer in by_lot], m.rules.drafting.duplicate_over
    )
    for answer, twin in zip(by_lot, twin_places, strict=True):
        if twin is None:
            distinct.append(answer)
            continue
        reason = f"says the same as {by_lot[twin].label}"
        m.out.append(AnswerRefused(agent=answer.agent, reason=reason))
    return sorted(distinct, key=lambda a: m.s.members[a.agent].number)


def _may_more_come(m: Move) -> bool:
    """Whether another answer may still stand beside the only one."""
    if contests.has_drafts_to_come(m):
        return True
    return len(m.live()) > 1 and contests.may_anyone_revise(m)


def on_vote(m: Move, member: Member, chunk: VoteCast) -> None:
    """Count ``member``'s ballot, or say why it does not count and ask again (V1)."""
    leader_first.on_sign(m, member)
    contest = m.s.contests[member.contest]
    member = m.put(contests.answered(member))
    # What was changed a little since it was asked goes by its new name.
    ballot = relabelled(chunk.ballot, contest.renamed)
    reason = _fault(m, contest, member, chunk, ballot)
    if reason is not None:
        m.out.append(VoteRejected(voter=member.id, reason=reason))
        member = m.put(
            msgspec.structs.replace(member, note=f"Your vote was void: {reason}.")
        )
        if not m.s.news_due:
            contests.ask_review(m, contest, member)
        return
    best = best_of(ballot)
    m.out.append(
        VoteCounted(
            voter=member.id,
            choice=m.s.answers[best].agent if best is not None else None,
            label=best,
            ballot=ballot,
            reason=chunk.reason,
            grades=_renamed(chunk, contest),
        )
    )
    contest = m.put_contest(
        msgspec.structs.replace(
            contest,
            ballots=with_entry(
                contest.ballots,
                member.id,
                Cast(ballot=ballot, reason=chunk.reason),
            ),
            outstanding=contest.outstanding - 1,
        )
    )
    check(m, contest)


def _renamed(
    chunk: VoteCast, contest: Contest
) -> dict[Label, dict[str, int]] | msgspec.UnsetType:
    """Points by criterion under the names that answers have by now."""
    if isinstance(chunk.grades, msgspec.UnsetType) or not contest.renamed:
        return chunk.grades
    names = contest.renamed
    return {names.get(label, label): has for label, has in chunk.grades.items()}


def _fault(
    m: Move, contest: Contest, member: Member, chunk: VoteCast, ballot: Ballot
) -> str | None:
    """Why the ballot does not count; ``None``: it does (V2)."""
    seen = frozenset(chunk.seen)
    if contest.renamed:
        seen = frozenset([contest.renamed.get(label, label) for label in seen])
    judged = contests.judged_by(contest, member.id)
    news = [label for label in judged if label not in seen]
    if news:
        return f"cast without having seen {', '.join(news)}"
    return contests.fault_of(m, contest, member, ballot)


def leave(m: Move, member: Member) -> None:
    """``member`` will cast no ballot in its contest (V6)."""
    if member.contest < 0:
        return
    leader_first.on_sign(m, member)
    contest = m.s.contests[member.contest]
    m.put(msgspec.structs.replace(m.s.members[member.id], contest=-1))
    if contest.winner is not None or member.id in contest.ballots:
        return
    contest = m.put_contest(
        msgspec.structs.replace(contest, outstanding=contest.outstanding - 1)
    )
    check(m, contest)


def check(m: Move, contest: Contest) -> None:
    """Settle ``contest`` if it is complete, or nothing can change its winner (V4)."""
    if contest.outstanding == 0 and not contests.has_drafts_to_come(m):
        settle(m, contest, is_early=False)
        return
    contest = _hurried(m, contest)
    happened = len(contest.voters) - contest.outstanding
    if (
        not m.rules.voting.early
        or happened < contest.check_at
        or not _may_close_early(m)
    ):
        return
    if contest.advance > 1:
        return  # several go on from it, and the last ballot may say who
    ballots, waiting = winner.counted(m, contest), winner.waiting_in(m, contest)
    if contests.waits_for_person(m, waiting):
        return
    events = events_until_over(
        m.rules.voting.rule,
        ballots,
        waiting,
        contest.labels,
        tie_order=contest.labels,
        weights=result_count.weights(m, contest),
        clear_of_ties=_may_tie_matter(m, contest),
    )
    if not events and winner.has_reached_quorum(m, contest):
        settle(m, contest, is_early=True)
        return
    m.put_contest(msgspec.structs.replace(contest, check_at=happened + max(1, events)))


def _hurried(m: Move, contest: Contest) -> Contest:
    """Set a time to those who were slow already, once all others have voted (V7)."""
    straggler = m.rules.drafting.straggler
    if straggler is None or contest.outstanding > contest.slow or contest.is_hurried:
        return contest
    waiting = winner.waiting_in(m, contest)
    if not contest.ballots or not all(m.s.members[v].was_cut for v in waiting):
        return contest
    if contests.waits_for_person(m, waiting):
        return contest
    at = contest.began + straggler.factor * (m.s.now - contest.began)
    timer = f"{LATE_VOTES_TIMER}{contest.number}"
    m.out.append(ArmTimer(timer=timer, at=max(at, m.s.now)))
    return m.put_contest(msgspec.structs.replace(contest, is_hurried=True))


def cut_late_votes(m: Move, timer: str) -> None:
    """Wait no longer for the ballots of those who were slow already."""
    number = int(timer.removeprefix(LATE_VOTES_TIMER))
    for voter in winner.waiting_in(m, m.s.contests[number]):
        member = m.s.members[voter]
        # The first to leave may have been all that the contest waited for.
        if member.was_cut and member.contest == number:
            why = "the others have voted; this one took too long"
            leave(m, m.cancel(member, why))


def has_ballots(m: Move) -> bool:
    """Whether anybody has voted in a contest that is open."""
    return any(contest.ballots for contest in _open_contests(m))


def force(m: Move, why: str) -> None:
    """Wait no longer for ballots, wherever some are in."""
    for contest in _open_contests(m):
        if not contest.ballots:
            continue
        for voter in winner.waiting_in(m, contest):
            member = m.s.members[voter]
            # The first to leave may have been all that the contest waited for.
            if member.contest == contest.number:
                leave(m, m.cancel(member, why))


def _open_contests(m: Move) -> list[Contest]:
    """The contests of the stage under way that are not settled."""
    numbers = range(m.s.stage_began, m.s.contests_made)
    held = (m.s.contests[number] for number in numbers)
    return [c for c in held if c.winner is None and c.labels and not c.went_to_runoff]


def _may_tie_matter(m: Move, contest: Contest) -> bool:
    """Where a tie is not left to the order, the order must not decide it early."""
    if contest.is_challenge:
        return m.rules.voting.self_votes == "tie_break"
    return m.rules.voting.ties in {"runoff", "synthesise"} or (
        m.rules.voting.self_votes == "tie_break"
    )


def _may_close_early(m: Move) -> bool:
    if contests.has_drafts_to_come(m):
        return False
    return not (m.rules.voting.overturn and contests.may_anyone_revise(m))


def settle(m: Move, contest: Contest, *, is_early: bool) -> None:
    """Close ``contest``, cancel who is still voting, and go on with its winner (V5)."""
    result = winner.count(m, contest)
    if (
        m.rules.voting.ties == "runoff"
        and len(result.tied) > 1
        and not contest.is_runoff
        and not contest.is_challenge
        and contest.advance == 1
        and not is_early
    ):
        before = winner.live_ballots(m)
        m.s.open_contests -= 1
        m.put_contest(msgspec.structs.replace(contest, went_to_runoff=True))
        winner.announce_ballots(m, before)
        voters = tuple(v for v in contest.voters if m.s.members[v].activity == "idle")
        runoff = contests.new_contest(
            m,
            result.tied,
            voters,
            is_runoff=True,
            drafts=_drafts_for(m, result.tied),
        )
        # Small changes go on adding up: what was first read stays the measure.
        runoff = msgspec.structs.replace(
            runoff, renamed=contest.renamed, runoff_of=contest.number
        )
        _open(m, [m.put_contest(runoff)])
        return
    first = winner.first_of(contest, result)
    contest = m.put_contest(msgspec.structs.replace(contest, winner=first))
    _dismiss(m, contest, "no outstanding vote can change the winner")
    if m.s.open_contests:
        _announce_committee(m, contest, is_early=is_early)
        return
    _next_stage(m, contest, result, is_early=is_early)


def _dismiss(m: Move, contest: Contest, why: str) -> None:
    """``contest`` is over: nobody owes it a ballot any more."""
    m.s.open_contests -= 1
    for voter in contest.voters:
        member = m.s.members[voter]
        if member.contest == contest.number:
            member = m.cancel(member, why)
            m.put(msgspec.structs.replace(member, contest=-1))


def close_empty(m: Move, contest: Contest, why: str) -> None:
    """All that stood in ``contest`` was vetoed: go on with what is left of the stage.

    Those who lost a tie come before those who were not tied; other committees' winners
    before all that lost.
    """
    _dismiss(m, contest, "all that it judges was vetoed")
    if contest.runoff_of >= 0:
        parent = m.s.contests[contest.runoff_of]
        if parent.labels:
            best = winner.first_of(parent, winner.count(m, parent))
            m.put_contest(msgspec.structs.replace(parent, winner=best))
    if m.s.open_contests:
        return
    numbers = range(m.s.stage_began, m.s.contests_made)
    held = [m.s.contests[number] for number in numbers]
    decided = [c for c in held if c.winner is not None]
    if not decided:
        winner.second_choice(m, why)
        return
    last = decided[-1]
    _on_winners(m, last, winner.count(m, last), is_early=False)


def _announce_committee(m: Move, contest: Contest, *, is_early: bool) -> None:
    assert contest.winner is not None
    m.out.append(
        CommitteeDecided(
            committee=contest.number,
            labels=contest.labels,
            label=contest.winner,
            others=_who_goes_on(m, contest)[1:],
            is_early=is_early,
        )
    )


def _next_stage(m: Move, last: Contest, result: Tally, *, is_early: bool) -> None:
    """All contests of this stage are settled: their winners meet, or one has won."""
    if len(_stage_winners(m)) > 1:
        _announce_committee(m, last, is_early=is_early)
    _on_winners(m, last, result, is_early=is_early)


def _on_winners(m: Move, last: Contest, result: Tally, *, is_early: bool) -> None:
    """Let those who go on from the stage meet, or crown the only one."""
    winners = _stage_winners(m)
    if len(winners) > 1:
        if last.is_first_look:
            _look_again(m, last, winners)
            return
        open_stage(m, [m.s.answers[label] for label in winners], "committees' winners")
        return
    assert winners == (last.winner,)
    if team_growth.has_grown(m, last):
        return
    if not challenge.is_opened(m, last, result):
        winner.crown(m, last, result, is_early=is_early)


def _look_again(m: Move, first: Contest, labels: tuple[Label, ...]) -> None:
    """Put the best of a first look to others, who add their ballots to those cast."""
    s = m.s
    before = winner.live_ballots(m)
    s.stage_began = s.contests_made
    s.stages += 1
    reason = "the best of a first look, whose ballots count on"
    m.out.append(SlateFrozen(labels=labels, reason=reason))
    place = {label: at for at, label in enumerate(labels)}
    carried: dict[AgentId, Cast] = {}
    for voter, cast in first.ballots.items():
        ballot = standing_part(cast.ballot, place)
        carried[voter] = Cast(ballot=ballot, reason=cast.reason)
    judges = tuple(voter for voter in first.voters if voter in carried)
    assert m.rules.voting.shortlist is not None  # or there had been no first look
    others = committees.others_than(m, first.voters, m.rules.voting.shortlist.share)
    voters = judges + others
    contest = contests.new_contest(
        m,
        labels,
        voters,
        carried=table(carried),
        drafts=_drafts_for(m, labels),
    )
    winner.announce_ballots(m, before)
    _open(m, [contest])


def _who_goes_on(m: Move, contest: Contest) -> tuple[Label, ...]:
    """Those of a settled contest that the next stage judges, the winner first."""
    assert contest.winner is not None
    standings = winner.count(m, contest).standings if contest.advance > 1 else ()
    others = (label for label, _ in standings if label != contest.winner)
    return contest.winner, *islice(others, contest.advance - 1)


def _stage_winners(m: Move) -> tuple[Label, ...]:
    """The winners of the stage under way, by anonymous number."""
    numbers = range(m.s.stage_began, m.s.contests_made)
    held = [m.s.contests[number] for number in numbers]
    # A contest that went to a runoff has no winner of its own.
    winners: list[Label] = []
    for contest in held:
        if contest.winner is not None:
            winners += _who_goes_on(m, contest)
    return tuple(
        sorted(
            dict.fromkeys(winners),
            key=lambda x: m.s.members[m.s.answers[x].agent].number,
        )
    )
