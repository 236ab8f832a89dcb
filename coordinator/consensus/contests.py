"""Contests: who judges which answers, what they are shown, in which order.

A *contest* is one election. A small team holds one; a large one holds several, whose
winners meet in the next stage. What ballots do to it is :mod:`.voting`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from agents.protocol.chunks import AgentId, Ballot, Label
from agents.protocol.turns import BallotForm, Review
from coordinator.ballots import events_before_any, form, lot, reject_reason
from coordinator.consensus.similarity import similarity
from coordinator.consensus.state import Answer, Cast, Contest, Member
from coordinator.consensus.transition import Move, drawn_each, heard


def tie_order(m: Move, answers: Sequence[Answer]) -> tuple[Label, ...]:
    """The one total order that breaks ties, best first (V9)."""
    if m.rules.voting.ties == "earliest":
        return tuple(a.label for a in sorted(answers, key=lambda a: a.ordinal))
    if m.rules.voting.ties == "listed":
        place = {agent: number for number, agent in enumerate(m.s.order)}
        return tuple(a.label for a in sorted(answers, key=lambda a: place[a.agent]))
    return lot(m.s.seed, {a.label: a.reading for a in answers})


def is_duplicate(m: Move, content: str, other: Answer) -> bool:
    """Whether ``content`` merely repeats ``other``, by the rules' measure (S1)."""
    over = m.rules.drafting.duplicate_over
    return over < 1 and similarity(content, other.reading) > over


def duplicate_of(m: Move, content: str) -> Label | None:
    """The standing answer that ``content`` merely repeats, if any."""
    for answer in m.standing():
        if is_duplicate(m, content, answer):
            return answer.label
    return None


def vetoed_twin_of(m: Move, content: str) -> Label | None:
    """The answer that a person has ruled out and ``content`` merely repeats, if any."""
    for label in m.s.vetoed:
        if is_duplicate(m, content, m.s.answers[label]):
            return label
    return None


def new_contest(
    m: Move,
    labels: tuple[Label, ...],
    voters: tuple[AgentId, ...],
    *,
    is_runoff: bool = False,
    is_challenge: bool = False,
    views: Mapping[AgentId, tuple[Label, ...]] | None = None,
    carried: Mapping[AgentId, Cast] | None = None,
    advance: int = 1,
    is_first_look: bool = False,
    drafts: Mapping[AgentId, Label] | None = None,
) -> Contest:
    """Make a contest of ``labels``; its voters owe it a ballot from now on (S3).

    All but those whose ballot is ``carried`` over from an earlier one.
    """
    ballots: Mapping[AgentId, Cast] = {} if carried is None else carried
    s = m.s
    answers = [s.answers[label] for label in labels]
    contest = m.put_contest(
        Contest(
            number=s.contests_made,
            labels=labels if is_challenge else tie_order(m, answers),
            voters=voters,
            ballots=ballots,
            outstanding=len(voters) - len(ballots),
            is_runoff=is_runoff,
            is_challenge=is_challenge,
            views={} if views is None else views,
            advance=advance,
            is_first_look=is_first_look,
            began=s.now,
            slow=sum(s.members[voter].was_cut for voter in voters),
            drafts=drafts or {},
            check_at=0
            if drafts
            else events_before_any(
                m.rules.voting.rule, labels, len(voters), m.rules.voting.weights
            ),
        )
    )
    s.contests_made += 1
    s.open_contests += 1
    for voter in voters:
        m.put(msgspec.structs.replace(s.members[voter], contest=contest.number))
    return contest


def waits_for_person(m: Move, waiting: Iterable[AgentId]) -> bool:
    """Whether a person is among those ``waiting``, and the rules wait for people."""
    people = m.rules.voting.people
    if not people or not m.rules.voting.wait_for_people:
        return False
    return any(agent in people for agent in waiting)


def ask_review(m: Move, contest: Contest, member: Member) -> None:
    """Ask ``member`` for its ballot, showing only what it has not read yet (S7).

    One that is too far ahead is left idle where the rules say that it waits (D4).
    """
    if must_wait(m, member):
        return
    member = _begun_afresh(m, contest, member)
    shown = m.by_number(judged_by(contest, member.id))
    review = Review(
        answers=m.visible(shown, member.id),
        unseen=unread(m, member, shown) if member.shown else (),
        ballot=ballot_form(m, contest, member),
        may_revise=may_revise(m, member),
    )
    m.start(member, review, "reviewing", continues=member.shown > 0)


def _begun_afresh(m: Move, contest: Contest, member: Member) -> Member:
    """``member`` with a new conversation, if ``contest`` is of a later stage.

    Going on would have it pay for all it has read before, which stands no more, while
    a new conversation begins like those of the other judges and shares their cache.
    """
    is_later = m.s.stages > 1 and not (contest.is_runoff or contest.is_challenge)
    if not is_later or contest.number in member.sat_in:
        return member
    return m.put(msgspec.structs.replace(member, shown=0, sat_in=()))


def judged_by(contest: Contest, voter: AgentId) -> tuple[Label, ...]:
    """The answers of the contest that ``voter`` judges."""
    view = contest.views.get(voter)
    if view is None:
        return contest.labels
    # All it was to judge may have been vetoed: then it judges what is left.
    return tuple(label for label in view if label in contest.labels) or contest.labels


def ballot_form(m: Move, contest: Contest, member: Member) -> BallotForm:
    """The ballot that ``member`` is asked for."""
    labels = votable(m, contest, member)
    blank = form(m.rules.voting.rule, labels, may_abstain=m.rules.voting.may_abstain)
    criteria = m.rules.voting.each_criterion()
    return msgspec.structs.replace(blank, criteria=criteria) if criteria else blank


def fault_of(m: Move, contest: Contest, member: Member, ballot: Ballot) -> str | None:
    """Why ``ballot`` cannot count, in words for ``member``; ``None``: it can (V3)."""
    rules = m.rules
    labels = eligible(m, contest, member)
    blank = form(rules.voting.rule, labels, may_abstain=rules.voting.may_abstain)
    if reject_reason(ballot, blank) is None:
        return None
    # The words may list the labels: then in the order in which it was offered them.
    return reject_reason(ballot, ballot_form(m, contest, member))


def votable(m: Move, contest: Contest, member: Member) -> tuple[Label, ...]:
    """The labels that ``member`` may vote for: seeded order, its own answer last."""
    labels = eligible(m, contest, member)
    if len(labels) == 1:
        return labels
    me, answers = member.id, m.s.answers
    lots = drawn_each(m.s.seed, ("view", me), labels)
    keyed = [
        (answers[label].agent == me, lot, label)
        for lot, label in zip(lots, labels, strict=True)
    ]
    keyed.sort()
    return tuple([label for _, _, label in keyed])


def eligible(m: Move, contest: Contest, member: Member) -> tuple[Label, ...]:
    """The same in the contest's order, which costs no lots."""
    judged = judged_by(contest, member.id)
    if m.rules.voting.self_votes != "forbid":
        return judged
    others = tuple([x for x in judged if m.s.answers[x].agent != member.id])
    # Where nobody else has answered, there is nothing else to vote for.
    return others or judged


def unread(m: Move, member: Member, labels: Sequence[Label]) -> tuple[Label, ...]:
    """Those of ``labels`` that ``member``'s conversation has not shown.

    Who judged one committee has read its answers and no others.
    """
    known: set[Label] = set()
    for number in member.sat_in:
        # Not what it judges by now: all it was shown may have been vetoed.
        contest = m.s.contests[number]
        known.update(contest.views.get(member.id, contest.labels))
    answers = m.s.answers
    return tuple(x for x in labels if x not in known or answers[x].as_of > member.shown)


def answered(member: Member) -> Member:
    """``member`` has brought what it was asked for, and so has read what it shows."""
    sat_in = member.sat_in
    if member.contest >= 0 and member.contest not in sat_in:
        sat_in = (*sat_in, member.contest)
    return msgspec.structs.replace(
        heard(member),
        activity="idle",
        has_result=True,
        shown=member.seen,
        sat_in=sat_in,
    )


def owing_again(m: Move, voters: Sequence[AgentId]) -> tuple[AgentId, ...]:
    """Those of ``voters``, whose ballots are void, who can cast another one."""
    return tuple(voter for voter in voters if m.s.members[voter].activity != "out")


def resume_review(m: Move, member: Member) -> None:
    """``member`` is free and owes a ballot: ask it, unless news is being gathered."""
    if member.contest < 0 or m.s.news_due:
        return
    ask_review(m, m.s.contests[member.contest], member)


def may_revise(m: Move, member: Member) -> bool:
    """Whether ``member`` may put forward a new answer now."""
    return m.rules.drafting.revise and has_answers_left(m, member)


def has_answers_left(m: Move, member: Member) -> bool:
    """Whether the caps leave ``member`` another answer (D4)."""
    rules = m.rules
    if member.refusals >= rules.limits.attempts:
        return False
    if member.revisions >= rules.limits.answers_per_agent:
        return False
    if not has_room(m):
        return False
    # Below the lead itself it need not be asked how slow the slowest is.
    if rules.limits.lead is None or member.revisions < rules.limits.lead:
        return True
    return member.revisions < _slowest(m, member) + rules.limits.lead


def _slowest(m: Move, member: Member) -> int:
    """Answers of the agent that ``member`` may not be too far ahead of."""
    if m.rules.limits.ahead == "votes":
        return min((other.revisions for other in m.live()), default=0)
    # Who has voted wants no answer of its own any more, nor does who is asked nothing.
    newest = m.s.contests[m.s.contests_made - 1] if m.s.contests_made else None
    voted = frozenset(newest.ballots if newest else ())
    others = (
        x
        for x in m.live()
        if x.id not in voted
        and x.id != member.id
        and (x.contest >= 0 or x.activity != "idle")
    )
    return min((other.revisions for other in others), default=member.revisions)


def must_wait(m: Move, member: Member) -> bool:
    """Whether ``member`` is asked nothing until slower agents have answered or voted.

    The slowest that has not voted never waits, so somebody is always being asked.
    """
    lead = m.rules.limits.lead
    if m.rules.limits.ahead != "waits" or lead is None or member.revisions == 0:
        return False
    return m.rules.drafting.revise and member.revisions >= _slowest(m, member) + lead


def has_room(m: Move) -> bool:
    """Whether the session's cap leaves anybody another answer."""
    most = m.rules.limits.answers_total
    return most is None or m.s.accepted - m.s.restored < most


def may_anyone_revise(m: Move) -> bool:
    """Whether a new answer may still come from somebody."""
    return m.rules.drafting.revise and any(may_revise(m, member) for member in m.live())


def has_drafts_to_come(m: Move) -> bool:
    """Whether first answers are still being written."""
    return m.s.drafting > 0
