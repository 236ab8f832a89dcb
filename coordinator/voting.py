"""Contests: who judges which answers, which ballots count, and when it is decided.

A *contest* is one election. A small team holds one; a large one holds committees, whose
winners meet in the next stage. Under rules with ``revise`` the answers of the one open
contest change while it runs: a new answer voids the ballots that have not seen it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rpds import HashTrieMap

from agents.backend import News, Review
from agents.chunks import AgentId, Ballot, Label, VoteCast
from coordinator import ending
from coordinator.ballots import (
    Tally,
    ballots_until_decided,
    best_of,
    form,
    has_quorum,
    is_deadlocked,
    is_decided,
    lot,
    reject_reason,
    tally,
)
from coordinator.effects import (
    AnswerRefused,
    ArmTimer,
    CommitteeDecided,
    SlateFrozen,
    TellAgent,
    VoteCounted,
    VoteRejected,
    VotesVoided,
    WinnerDecided,
)
from coordinator.move import Move, drawn
from coordinator.similarity import similarity
from coordinator.state import Answer, Cast, Contest, Member

NEWS_TIMER = "news"


# ------------------------------------------------------------------ opening


def open_stage(m: Move, answers: Sequence[Answer], reason: str) -> None:
    """Put ``answers`` to the vote, in committees if they are many."""
    s = m.s
    if not m.rules.revise:
        answers = _clustered(m, answers)
    labels = tuple(answer.label for answer in answers)
    if len(labels) == 1 and not _may_more_come(m):
        only = labels[0]
        _announce_winner(m, only, count_alone(m, only), 0)
        ending.finish(m, only, labels, "only one answer stood")
        return
    s.phase = "voting"
    s.stage_began = s.contests_made
    m.out.append(SlateFrozen(labels=labels, reason=reason))
    over = m.rules.committee_over
    if over is not None and len(labels) > over:
        contests = _committees(m, labels)
    else:
        contests = [_contest(m, labels, _panel(m))]
    for contest in contests:
        _begin(m, contest)


def _clustered(m: Move, answers: Sequence[Answer]) -> list[Answer]:
    """Keep one answer of each group of near-duplicates: the first by lot."""
    kept: list[Answer] = []
    if m.rules.duplicate_over >= 1:
        return list(answers)
    order = {label: i for i, label in enumerate(_tie_order(m, answers))}
    for answer in sorted(answers, key=lambda a: order[a.label]):
        twin = next((k for k in kept if _is_duplicate(m, answer.content, k)), None)
        if twin is None:
            kept.append(answer)
            continue
        m.out.append(
            AnswerRefused(agent=answer.agent, reason=f"says the same as {twin.label}")
        )
    return sorted(kept, key=lambda a: m.s.members[a.agent].number)


def _is_duplicate(m: Move, content: str, other: Answer) -> bool:
    over = m.rules.duplicate_over
    return over < 1 and similarity(content, other.content) > over


def _panel(m: Move) -> tuple[AgentId, ...]:
    """The voters of a contest that everybody might judge."""
    voters = [member.id for member in m.live()]
    size = m.rules.panel
    if size is None or len(voters) <= size:
        return tuple(voters)
    key = str(m.s.contests_made)
    chosen = set(sorted(voters, key=lambda v: drawn(m.s.seed, "panel", key, v))[:size])
    return tuple(voter for voter in voters if voter in chosen)


def _committees(m: Move, labels: tuple[Label, ...]) -> list[Contest]:
    """Split ``labels`` into committees, each judged by voters from outside it."""
    seed = m.s.seed
    stage = str(m.s.contests_made)
    shuffled = sorted(labels, key=lambda x: drawn(seed, "committee", stage, x))
    count = -(-len(shuffled) // m.rules.committee_size)
    groups = [tuple(sorted(shuffled[i::count])) for i in range(count)]
    free = [member.id for member in m.live()]
    free.sort(key=lambda v: drawn(seed, "judge", stage, v))
    home = {m.s.answers[x].agent: g for g, group in enumerate(groups) for x in group}
    contests: list[Contest] = []
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
        contests.append(_contest(m, group, tuple(judges)))
    return contests


def _tie_order(m: Move, answers: Sequence[Answer]) -> tuple[Label, ...]:
    """The one total order that breaks ties, best first."""
    if m.rules.ties == "earliest":
        return tuple(a.label for a in sorted(answers, key=lambda a: a.ordinal))
    return lot(m.s.seed, {a.label: a.content for a in answers})


def _contest(
    m: Move,
    labels: tuple[Label, ...],
    voters: tuple[AgentId, ...],
    *,
    is_runoff: bool = False,
) -> Contest:
    s = m.s
    answers = [s.answers[label] for label in labels]
    contest = m.put_contest(
        Contest(
            number=s.contests_made,
            labels=_tie_order(m, answers),
            voters=voters,
            ballots=HashTrieMap(),
            outstanding=len(voters),
            is_runoff=is_runoff,
        )
    )
    s.contests_made += 1
    s.open_contests += 1
    for voter in voters:
        m.put(msgspec.structs.replace(s.members[voter], contest=contest.number))
    return contest


def _begin(m: Move, contest: Contest) -> None:
    """Ask the contest's voters, or settle it at once if it has none."""
    for voter in contest.voters:
        member = m.s.members[voter]
        if member.activity == "idle":
            _ask_review(m, contest, member)
    if not contest.voters:
        settle(m, contest, is_early=False)


# --------------------------------------------------------------- asking


def may_revise(m: Move, member: Member) -> bool:
    """Whether ``member`` may put forward a new answer now."""
    rules, s = m.rules, m.s
    if not rules.revise or member.refusals >= rules.attempts:
        return False
    if member.revisions >= rules.answers_per_agent:
        return False
    if rules.answers_total is not None and s.accepted >= rules.answers_total:
        return False
    if rules.lead is None:
        return True
    slowest = min((other.revisions for other in m.live()), default=0)
    return member.revisions < slowest + rules.lead


def _may_anyone_revise(m: Move) -> bool:
    return m.rules.revise and any(may_revise(m, member) for member in m.live())


def _may_more_come(m: Move) -> bool:
    """Whether another answer may still stand beside the only one."""
    if _has_drafts_to_come(m):
        return True
    return len(m.live()) > 1 and _may_anyone_revise(m)


def _ask_review(m: Move, contest: Contest, member: Member) -> None:
    """Ask ``member`` for its ballot, showing only what it has not read yet."""
    s = m.s
    shown = tuple(
        sorted(contest.labels, key=lambda x: s.members[s.answers[x].agent].number)
    )
    ballot_labels = tuple(
        label
        for label in sorted(shown, key=lambda x: _view_key(m, member, x))
        if m.rules.self_votes == "allow" or s.answers[label].agent != member.id
    )
    unseen = tuple(x for x in shown if s.answers[x].ordinal > member.shown)
    review = Review(
        answers=m.visible(shown, member.id),
        unseen=unseen if member.shown else (),
        ballot=form(m.rules.rule, ballot_labels or shown),
        may_revise=may_revise(m, member),
    )
    m.start(member, review, "reviewing", continues=member.shown > 0)


def _view_key(m: Move, viewer: Member, label: Label) -> tuple[bool, bytes]:
    """A seeded order of each viewer's own, its own answer last."""
    own = m.s.answers[label].agent == viewer.id
    return own, drawn(m.s.seed, "view", viewer.id, label)


# --------------------------------------------------------------- ballots


def on_vote(m: Move, member: Member, chunk: VoteCast) -> None:
    """Count ``member``'s ballot, or say why it does not count and ask again."""
    contest = m.s.contests[member.contest]
    member = m.rest(msgspec.structs.replace(member, shown=member.seen))
    offered = form(m.rules.rule, contest.labels)
    reason = reject_reason(chunk.ballot, offered)
    news = [label for label in contest.labels if label not in chunk.seen]
    if news:
        reason = f"cast without having seen {', '.join(news)}"
    if reason is not None:
        m.out.append(VoteRejected(voter=member.id, reason=reason))
        member = m.put(
            msgspec.structs.replace(member, note=f"Your vote was void: {reason}.")
        )
        if not m.s.news_due:
            _ask_review(m, contest, member)
        return
    best = best_of(chunk.ballot)
    m.out.append(
        VoteCounted(
            voter=member.id,
            choice=m.s.answers[best].agent if best is not None else None,
            label=best,
            ballot=chunk.ballot,
            reason=chunk.reason,
        )
    )
    contest = m.put_contest(
        msgspec.structs.replace(
            contest,
            ballots=contest.ballots.insert(
                member.id, Cast(ballot=chunk.ballot, reason=chunk.reason)
            ),
            outstanding=contest.outstanding - 1,
        )
    )
    _check(m, contest)


def leave(m: Move, member: Member) -> None:
    """``member`` will cast no ballot in its contest."""
    if member.contest < 0:
        return
    contest = m.s.contests[member.contest]
    m.put(msgspec.structs.replace(m.s.members[member.id], contest=-1))
    if contest.winner is not None or member.id in contest.ballots:
        return
    contest = m.put_contest(
        msgspec.structs.replace(contest, outstanding=contest.outstanding - 1)
    )
    _check(m, contest)


def _check(m: Move, contest: Contest) -> None:
    """Settle ``contest`` if it is complete, or if nothing can change its winner."""
    if contest.outstanding == 0 and not _has_drafts_to_come(m):
        settle(m, contest, is_early=False)
        return
    happened = len(contest.voters) - contest.outstanding
    if not m.rules.early or happened < contest.check_at or not _may_close_early(m):
        return
    ballots, waiting = _ballots(contest), _waiting(m, contest)
    decided = is_decided(
        m.rules.rule,
        ballots,
        waiting,
        contest.labels,
        tie_order=contest.labels,
        weights=m.rules.weights,
        # Where a tie is not left to the order, it must not be decided by it early.
        clear_of_ties=m.rules.ties in {"runoff", "synthesise"},
    )
    in_vain = is_deadlocked(
        m.rules.rule, ballots, waiting, contest.labels, weights=m.rules.weights
    )
    if (decided is not None or in_vain) and _has_quorum(m, contest):
        settle(m, contest, is_early=True)
        return
    more = ballots_until_decided(
        m.rules.rule,
        ballots,
        waiting,
        contest.labels,
        tie_order=contest.labels,
        weights=m.rules.weights,
    )
    m.put_contest(msgspec.structs.replace(contest, check_at=happened + max(1, more)))


def _has_drafts_to_come(m: Move) -> bool:
    return m.s.drafting > 0


def _may_close_early(m: Move) -> bool:
    if _has_drafts_to_come(m):
        return False
    return not (m.rules.overturn and _may_anyone_revise(m))


def _has_quorum(m: Move, contest: Contest) -> bool:
    if not m.rules.quorum:
        return True
    return has_quorum(
        _ballots(contest), contest.voters, m.rules.quorum, weights=m.rules.weights
    )


def _ballots(contest: Contest) -> dict[AgentId, Ballot]:
    return {
        voter: cast.ballot
        for voter in contest.voters
        if (cast := contest.ballots.get(voter)) is not None
    }


def _waiting(m: Move, contest: Contest) -> tuple[AgentId, ...]:
    """Voters whose ballot may still come, in order."""
    return tuple(
        voter
        for voter in contest.voters
        if voter not in contest.ballots and m.s.members[voter].contest == contest.number
    )


# --------------------------------------------------------------- deciding


def count(m: Move, contest: Contest) -> Tally:
    """Count the ballots that are in; ties go by the contest's order."""
    return tally(
        m.rules.rule,
        _ballots(contest),
        contest.labels,
        weights=m.rules.weights,
        tie_order=contest.labels,
    )


def count_alone(m: Move, only: Label) -> Tally:
    """The count where a single answer stands and nobody was asked."""
    return tally(m.rules.rule, {}, (only,), tie_order=(only,))


def settle(m: Move, contest: Contest, *, is_early: bool) -> None:
    """Close ``contest``, cancel who is still voting, and go on with its winner."""
    result = count(m, contest)
    if (
        m.rules.ties == "runoff"
        and len(result.tied) > 1
        and not contest.is_runoff
        and not is_early
    ):
        m.s.open_contests -= 1
        voters = tuple(v for v in contest.voters if m.s.members[v].activity == "idle")
        _begin(m, _contest(m, result.tied, voters, is_runoff=True))
        return
    # A rule may demand more than the ballots give (no majority, no quorum): then the
    # order of the standings decides, and the detail says so.
    winner = result.winner or result.standings[0][0]
    contest = m.put_contest(msgspec.structs.replace(contest, winner=winner))
    m.s.open_contests -= 1
    for voter in contest.voters:
        member = m.s.members[voter]
        if member.contest == contest.number:
            member = m.cancel(member, "no outstanding vote can change the winner")
            m.put(msgspec.structs.replace(member, contest=-1))
    if m.s.open_contests:
        _announce_committee(m, contest, is_early=is_early)
        return
    _next_stage(m, contest, result, is_early=is_early)


def _announce_committee(m: Move, contest: Contest, *, is_early: bool) -> None:
    assert contest.winner is not None
    m.out.append(
        CommitteeDecided(
            committee=contest.number,
            labels=contest.labels,
            label=contest.winner,
            is_early=is_early,
        )
    )


def _next_stage(m: Move, last: Contest, result: Tally, *, is_early: bool) -> None:
    """All contests of this stage are settled: their winners meet, or one has won."""
    winners = _stage_winners(m)
    if len(winners) > 1:
        _announce_committee(m, last, is_early=is_early)
        open_stage(m, [m.s.answers[label] for label in winners], "committees' winners")
        return
    assert winners  # the last contest has just been given one
    winner = winners[0]
    _announce_winner(m, winner, result, len(_ballots(last)), is_early=is_early)
    standings = tuple(label for label, _ in result.standings)
    finalists = (winner, *(label for label in standings if label != winner))
    if m.rules.ties == "synthesise" and len(result.tied) > 1:
        finalists = result.tied
    ending.finish(m, winner, finalists, _how(m, last, result, is_early=is_early))


def _stage_winners(m: Move) -> tuple[Label, ...]:
    """The winners of the stage under way, by anonymous number."""
    numbers = range(m.s.stage_began, m.s.contests_made)
    contests = [m.s.contests[number] for number in numbers]
    # A contest that went to a runoff has no winner of its own.
    winners = [c.winner for c in contests if c.winner is not None]
    return tuple(
        sorted(
            dict.fromkeys(winners),
            key=lambda x: m.s.members[m.s.answers[x].agent].number,
        )
    )


def _announce_winner(
    m: Move, label: Label, result: Tally, ballots: int, *, is_early: bool = False
) -> None:
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


def _how(m: Move, contest: Contest, result: Tally, *, is_early: bool) -> str:
    cast, voters = len(contest.ballots), len(contest.voters)
    if not cast:
        return "no ballot was cast; the declared order of ties decided"
    words = f"{result.rule}: {cast} of {voters} ballots"
    if not _has_quorum(m, contest):
        words += ", short of the quorum"
    if result.winner is None:
        words += ", the rule's own condition was not met, so the leader won"
    if len(result.tied) > 1:
        words += f", a tie decided by {m.rules.ties}"
    if is_early:
        words += ", decided before the rest"
    return words


# --------------------------------------------------------------- new answers


def on_answer(m: Move, answer: Answer) -> None:
    """A new or better answer stands in the open contest; unaware ballots fall away."""
    contest = m.s.contests[m.s.contests_made - 1]
    author = m.s.members[answer.agent]
    labels = [
        label for label in contest.labels if m.s.answers[label].agent != author.id
    ]
    standing = [*(m.s.answers[label] for label in labels), answer]
    void = tuple(v for v in contest.voters if v in contest.ballots)
    if void:
        m.out.append(VotesVoided(voters=void, label=answer.label))
    m.put_contest(
        msgspec.structs.replace(
            contest,
            labels=_tie_order(m, standing),
            ballots=HashTrieMap(),
            outstanding=contest.outstanding + len(void),
            check_at=0,
        )
    )
    if m.rules.coalesce_s <= 0:
        announce(m)
    elif not m.s.news_due:
        m.s.news_due = True
        m.out.append(ArmTimer(timer=NEWS_TIMER, at=m.s.now + m.rules.coalesce_s))


def announce(m: Move) -> None:
    """Bring the news to every voter of the open contest that has not seen it."""
    m.s.news_due = False
    if m.s.phase != "voting":
        return
    contest = m.s.contests[m.s.contests_made - 1]
    for voter in contest.voters:
        member = m.s.members[voter]
        if member.contest != contest.number or voter in contest.ballots:
            continue
        if member.activity == "idle":
            _ask_review(m, contest, member)
        elif member.activity == "reviewing" and member.seen < m.s.accepted:
            _interrupt_review(m, contest, member)


def _interrupt_review(m: Move, contest: Contest, member: Member) -> None:
    """A running review lacks the news: cancel it, tell it, or let it be."""
    mode = m.rules.news
    if mode == "stale_only":
        # A vote that cannot count is waste from here on; a better answer is not.
        mode = "inject" if member.is_revising else "preempt"
    if mode == "preempt":
        member = m.cancel(member, "a new answer arrived; this vote could not count")
        _ask_review(m, contest, member)
    elif mode == "inject":
        unseen = tuple(
            sorted(x for x in contest.labels if m.s.answers[x].ordinal > member.seen)
        )
        news = News(
            agent=member.id,
            turn=member.turn,
            text="While you were working, new answers arrived.",
            answers=m.visible(unseen, member.id),
        )
        m.out.append(TellAgent(news=news))


def resume_review(m: Move, member: Member) -> None:
    """``member`` is free and owes a ballot: ask it, unless news is being gathered."""
    if member.contest < 0 or m.s.news_due:
        return
    _ask_review(m, m.s.contests[member.contest], member)


def duplicate_of(m: Move, content: str) -> Label | None:
    """The standing answer that ``content`` merely repeats, if any."""
    for answer in m.standing():
        if _is_duplicate(m, content, answer):
            return answer.label
    return None


def leader(m: Move) -> Label | None:
    """Who would win if the vote ended now; ``None`` where nobody has answered."""
    standing = m.standing()
    if not standing:
        return None
    if m.s.phase == "voting":
        numbers = range(m.s.stage_began, m.s.contests_made)
        contests = [m.s.contests[number] for number in numbers]
        # The contest with the most ballots is the best informed; the first if equal.
        best = max(contests, key=lambda c: len(c.ballots))
        return best.winner or count(m, best).standings[0][0]
    return _tie_order(m, standing)[0]


def veto(m: Move, label: Label, reason: str) -> None:
    """A person rules ``label`` out: it stands no more, and ballots for it are void."""
    answer = m.s.answers.get(label)
    if answer is None or m.s.members[answer.agent].label != label:
        return
    m.out.append(AnswerRefused(agent=answer.agent, reason=f"vetoed: {reason}"))
    m.put(msgspec.structs.replace(m.s.members[answer.agent], label=None))
    if m.s.phase not in {"voting", "presenting"}:
        return
    for number in range(m.s.stage_began, m.s.contests_made):
        contest = m.s.contests[number]
        if label not in contest.labels or m.s.phase == "concluded":
            continue
        if contest.winner is None:
            _withdraw(m, contest, label)
        elif contest.winner == label:
            _replace_winner(m, contest, label)


def _withdraw(m: Move, contest: Contest, label: Label) -> None:
    """Take ``label`` off the contest; who preferred it is asked again."""
    labels = tuple(x for x in contest.labels if x != label)
    void = tuple(
        voter
        for voter in contest.voters
        if (cast := contest.ballots.get(voter)) is not None
        and best_of(cast.ballot) == label
    )
    ballots = contest.ballots
    for voter in void:
        ballots = ballots.remove(voter)
    if void:
        m.out.append(VotesVoided(voters=void, label=label))
    contest = m.put_contest(
        msgspec.structs.replace(
            contest,
            labels=labels,
            ballots=ballots,
            outstanding=contest.outstanding + len(void),
            check_at=0,
        )
    )
    if not labels:
        ending.conclude(m, "failed", "every answer was vetoed")
    elif len(labels) == 1:
        settle(m, contest, is_early=True)
    else:
        for voter in void:
            _ask_review(m, contest, m.s.members[voter])


def _replace_winner(m: Move, contest: Contest, label: Label) -> None:
    """A settled contest's winner was vetoed: the next best takes its place."""
    labels = tuple(x for x in contest.labels if x != label)
    contest = m.put_contest(msgspec.structs.replace(contest, labels=labels))
    winner = count(m, contest).standings[0][0] if labels else None
    contest = m.put_contest(msgspec.structs.replace(contest, winner=winner))
    if m.s.phase != "presenting" or m.s.winner != label:
        return
    m.s.winner = None
    if winner is None:
        ending.conclude(m, "failed", "every answer was vetoed")
        return
    _announce_winner(m, winner, count(m, contest), len(contest.ballots))
    ending.finish(m, winner, (winner,), f"{label} was vetoed; the next best")
