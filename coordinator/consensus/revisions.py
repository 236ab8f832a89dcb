"""New answers in an open contest: which ballots they void, who is told, and when."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agents.protocol.chunks import Label
from agents.protocol.turns import News
from coordinator.ballots import events_before_any, relabelled
from coordinator.consensus import contests, voting
from coordinator.consensus.persistent_map import with_entry, without
from coordinator.consensus.similarity import similarity
from coordinator.consensus.state import Answer, Cast, Contest, Member
from coordinator.consensus.transition import Move
from coordinator.protocol.events import ArmTimer, TellAgent, VotesCarried, VotesVoided

NEWS_TIMER = "news"


def on_answer(m: Move, answer: Answer) -> None:
    """A new or better answer stands in the open contest; unaware ballots fall away."""
    contest = m.s.contests[m.s.contests_made - 1]
    author = m.s.members[answer.agent]
    before = next(
        (x for x in contest.labels if m.s.answers[x].agent == author.id), None
    )
    if before is not None and _is_small_change(m, contest, before, answer):
        _carry(m, contest, before, answer)
        return
    stands_anew(m, contest, answer)


def stands_anew(m: Move, contest: Contest, answer: Answer) -> None:
    """``answer`` replaces its author's, and no ballot knows of it yet (R1)."""
    author = m.s.members[answer.agent]
    labels = [
        label for label in contest.labels if m.s.answers[label].agent != author.id
    ]
    standing = [*(m.s.answers[label] for label in labels), answer]
    void = tuple(v for v in contest.voters if v in contest.ballots)
    if void:
        m.out.append(VotesVoided(voters=void, label=answer.label))
    owing = contests.owing_again(m, void)
    outstanding = contest.outstanding + len(owing)
    rules, gone = m.rules, len(contest.voters) - outstanding
    first = events_before_any(
        rules.voting.rule, standing, outstanding, rules.voting.weights
    )
    contest = m.put_contest(
        msgspec.structs.replace(
            contest,
            labels=contests.tie_order(m, standing),
            ballots={},
            renamed=_without_names_of(m, contest, author),
            outstanding=outstanding,
            check_at=gone + first,
        )
    )
    if contest.outstanding == 0:
        voting.check(m, contest)
    elif m.rules.drafting.coalesce_s <= 0:
        announce(m)
    elif not m.s.news_due:
        m.s.news_due = True
        m.out.append(
            ArmTimer(timer=NEWS_TIMER, at=m.s.now + m.rules.drafting.coalesce_s)
        )


def _without_names_of(
    m: Move, contest: Contest, author: Member
) -> Mapping[Label, Label]:
    """The contest's renamings but for ``author``'s: those answers stand no more."""
    renamed = contest.renamed
    for old in contest.renamed:
        if m.s.answers[old].agent == author.id:
            renamed = without(renamed, old)
    return renamed


def _is_small_change(m: Move, contest: Contest, before: Label, answer: Answer) -> bool:
    """Whether ballots for ``before`` still say what they said (R2)."""
    over = m.rules.drafting.small_change_over
    if over >= 1:
        return False
    # Measured from the revision that voters read, so that many small steps add up.
    earlier = [old for old, new in contest.renamed.items() if new == before]
    read = min((before, *earlier), key=lambda x: m.s.answers[x].ordinal)
    return similarity(m.s.answers[read].reading, answer.reading) > over


def _carry(m: Move, contest: Contest, before: Label, answer: Answer) -> None:
    """Let the revision take the place of the one before, ballots and all."""
    renamed = contest.renamed
    for old, new in contest.renamed.items():
        if new == before:
            renamed = with_entry(renamed, old, answer.label)
    renamed = with_entry(renamed, before, answer.label)
    ballots = contest.ballots
    for voter, cast in contest.ballots.items():
        ballot = relabelled(cast.ballot, {before: answer.label})
        renewed = Cast(ballot=ballot, reason=cast.reason)
        ballots = with_entry(ballots, voter, renewed)
    voters = tuple(v for v in contest.voters if v in contest.ballots)
    m.out.append(VotesCarried(voters=voters, replaced=before, label=answer.label))
    contest = m.put_contest(
        msgspec.structs.replace(
            contest,
            labels=tuple(answer.label if x == before else x for x in contest.labels),
            ballots=ballots,
            renamed=renamed,
        )
    )
    contests.resume_review(m, m.s.members[answer.agent])
    if not contest.outstanding and not contests.has_drafts_to_come(m):
        # All ballots were in, and this was the last draft that the vote waited for.
        voting.check(m, contest)


def announce(m: Move) -> None:
    """Bring the news to every voter of the open contest that has not seen it (N1)."""
    m.s.news_due = False
    if m.s.phase != "voting":
        return
    contest = m.s.contests[m.s.contests_made - 1]
    for voter in contest.voters:
        member = m.s.members[voter]
        if member.contest != contest.number or voter in contest.ballots:
            continue
        if member.activity == "idle":
            contests.ask_review(m, contest, member)
        elif member.activity == "reviewing" and member.seen < m.s.accepted:
            _interrupt_review(m, contest, member)


def ask_who_waited(m: Move) -> None:
    """Ask voters that were too far ahead and are no more, whatever made it so (D4)."""
    if m.s.phase != "voting" or m.s.news_due:
        return
    contest = m.s.contests[m.s.contests_made - 1]
    for voter in contest.voters:
        member = m.s.members[voter]
        owes = member.contest == contest.number and voter not in contest.ballots
        if owes and member.activity == "idle":
            contests.ask_review(m, contest, member)


def _interrupt_review(m: Move, contest: Contest, member: Member) -> None:
    """A running review lacks the news: cancel, tell, or let it be (N2, N3, N4)."""
    mode = m.rules.drafting.news
    if mode == "stale_only":
        # A vote that cannot count is waste from here on; a better answer is not.
        mode = "inject" if member.is_revising else "preempt"
    if mode == "preempt":
        member = m.cancel(member, "a new answer arrived; this vote could not count")
        contests.ask_review(m, contest, member)
    elif mode == "inject":
        unseen = tuple(
            sorted(x for x in contest.labels if m.s.answers[x].as_of > member.seen)
        )
        news = News(
            agent=member.id,
            turn=member.turn,
            text="While you were working, new answers arrived.",
            answers=m.visible(unseen, member.id),
        )
        m.out.append(TellAgent(news=news))
