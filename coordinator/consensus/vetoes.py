"""A person's veto: an answer stands no more, before, during or after the vote."""

from __future__ import annotations

import msgspec

from agents.protocol.chunks import Label
from coordinator.ballots import best_of
from coordinator.consensus import (
    conclusion,
    contests,
    division,
    result_count,
    revisions,
    voting,
    winner,
)
from coordinator.consensus.answers import label_of
from coordinator.consensus.persistent_map import with_entry, without
from coordinator.consensus.state import Answer, Contest, Member
from coordinator.consensus.transition import Move
from coordinator.protocol.events import (
    AnswerRefused,
    AnswerRestored,
    VetoIgnored,
    VotesVoided,
)


def veto(m: Move, label: Label, reason: str) -> None:
    """A person rules ``label`` out: it and ballots for it stand no more (B1)."""
    if m.rules.drafting.division is not None:
        division.withdraw(m, label, reason)
        return
    why_not = _why_not(m, label)
    if why_not is not None:
        m.out.append(VetoIgnored(label=label, reason=why_not))
        return
    answer = m.s.answers[label]
    m.s.vetoed = (*m.s.vetoed, label)
    m.out.append(AnswerRefused(agent=answer.agent, reason=f"vetoed: {reason}"))
    restored = _give_way(m, answer)
    twins = () if m.rules.drafting.revise else _rule_out_twins(m, answer)
    for out in (label, *twins):
        # A vote that is over holds on while more agents are asked.
        if m.s.phase in {"voting", "presenting"} or m.s.grown_from >= 0:
            _take_off(m, out, restored)


def _why_not(m: Move, label: Label) -> str | None:
    """Why there is nothing to rule out; ``None``: there is."""
    if label not in m.s.answers:
        return "there is no such answer"
    return "it has been vetoed already" if label in m.s.vetoed else None


def _give_way(m: Move, answer: Answer) -> Answer | None:
    """Let its author's newest answer that may stand take the place of ``answer``."""
    author = m.s.members[answer.agent]
    if author.label != answer.label:
        return None  # it had been superseded, but may still be on a slate
    earlier = _earlier(m, author)
    if earlier is None:
        m.put(msgspec.structs.replace(author, label=None))
        return None
    m.put(msgspec.structs.replace(author, label=earlier.label))
    if m.rules.drafting.revise:
        # Whoever has read the later one alone has to be shown it.
        m.s.accepted += 1
        m.s.restored += 1
        earlier = msgspec.structs.replace(earlier, as_of=m.s.accepted)
        m.s.answers = with_entry(m.s.answers, earlier.label, earlier)
    m.out.append(AnswerRestored(agent=author.id, label=earlier.label))
    return earlier


def _earlier(m: Move, author: Member) -> Answer | None:
    """The author's newest answer that no veto is for, in words or by its label."""
    for revision in range(author.revisions, 0, -1):
        label = label_of(author, revision)
        answer = m.s.answers[label]
        if label not in m.s.vetoed and not contests.vetoed_twin_of(m, answer.reading):
            return answer
    return None


def _rule_out_twins(m: Move, answer: Answer) -> tuple[Label, ...]:
    """Rule out what says the same, whichever of both was merged into the other."""
    twins = [
        twin
        for twin in m.standing()
        if contests.is_duplicate(m, answer.reading, twin)
        or _has_its_result(m, answer, twin)
    ]
    for twin in twins:
        reason = f"says the same as {answer.label}, which was vetoed"
        m.out.append(AnswerRefused(agent=twin.agent, reason=reason))
        m.put(msgspec.structs.replace(m.s.members[twin.agent], label=None))
    labels = tuple(twin.label for twin in twins)
    m.s.vetoed += labels
    return labels


def _has_its_result(m: Move, one: Answer, other: Answer) -> bool:
    """Whether both count as one entry, where equal results are counted."""
    return result_count.is_on(m) and bool(one.result) and one.result == other.result


def _take_off(m: Move, label: Label, restored: Answer | None) -> None:
    """Take ``label`` off the contests of the stage."""
    before = winner.live_ballots(m)
    is_settled = False
    for number in range(m.s.stage_began, m.s.contests_made):
        contest = m.s.contests[number]
        if label not in contest.labels or m.s.phase == "concluded":
            continue
        if contest.winner is None and not contest.went_to_runoff:
            if restored is None or contest.is_runoff or not m.rules.drafting.revise:
                _withdraw(m, contest, label)
            else:
                revisions.stands_anew(m, contest, restored)
        elif contest.winner == label:
            is_settled = True
            _replace_winner(m, contest, label)
        else:
            is_settled = True
            # It has lost already, and must not come back in the winner's place; nor
            # may what says the same, which is about to be taken off as well.
            labels = tuple(x for x in contest.labels if x not in m.s.vetoed)
            m.put_contest(msgspec.structs.replace(contest, labels=labels))
    if m.s.phase == "presenting" and m.s.winner == label:
        # It was the only one that stood, so nobody voted.
        m.s.winner = None
        winner.second_choice(m, _as_all(label))
    if is_settled and m.s.phase != "concluded":
        winner.announce_ballots(m, before)


def _as_all(label: Label) -> str:
    return f"{label} was vetoed, as all that stood for election"


def _withdraw(m: Move, contest: Contest, label: Label) -> None:
    """Take ``label`` off the contest; who preferred it is asked again.

    With it goes all that is ruled out by now: or the contest might be settled on what
    says the same and is about to be taken off as well.
    """
    labels = tuple(x for x in contest.labels if x != label and x not in m.s.vetoed)
    gone = {x for x in contest.labels if x not in labels}
    void = tuple(
        voter
        for voter in contest.voters
        if (cast := contest.ballots.get(voter)) is not None
        and best_of(cast.ballot) in gone
    )
    ballots = contest.ballots
    for voter in void:
        ballots = without(ballots, voter)
    if void:
        m.out.append(VotesVoided(voters=void, label=label))
    owing = contests.owing_again(m, void)
    contest = m.put_contest(
        msgspec.structs.replace(
            contest,
            labels=labels,
            ballots=ballots,
            outstanding=contest.outstanding + len(owing),
            check_at=0,
        )
    )
    is_all = not contests.has_drafts_to_come(m)
    if not labels and not is_all:
        _back_to_drafts(m, contest)
    elif not labels:
        voting.close_empty(m, contest, _as_all(label))
    elif len(labels) == 1 and is_all:
        voting.settle(m, contest, is_early=True)
    else:
        for voter in owing:
            contests.ask_review(m, contest, m.s.members[voter])
        if contest.outstanding == 0:
            voting.check(m, contest)


def _back_to_drafts(m: Move, contest: Contest) -> None:
    """All that stood is vetoed, but first answers are still being written."""
    for voter in contest.voters:
        member = m.s.members[voter]
        if member.activity == "reviewing":
            member = m.cancel(member, "all that it reviews was vetoed")
        m.put(msgspec.structs.replace(member, contest=-1))
    m.s.open_contests -= 1
    m.s.phase = "drafting"


def _replace_winner(m: Move, contest: Contest, label: Label) -> None:
    """A settled contest's winner was vetoed: the next best takes its place."""
    labels = tuple(x for x in contest.labels if x != label and x not in m.s.vetoed)
    contest = m.put_contest(msgspec.structs.replace(contest, labels=labels))
    next_best = winner.count(m, contest).standings[0][0] if labels else None
    contest = m.put_contest(msgspec.structs.replace(contest, winner=next_best))
    if m.s.phase != "presenting" or m.s.winner != label:
        return
    m.s.winner = None
    if next_best is None:
        _without_winner(m, contest, label)
        return
    winner.announce_winner(m, next_best, winner.count(m, contest), len(contest.ballots))
    conclusion.finish(m, next_best, (next_best,), f"{label} was vetoed; the next best")


def _without_winner(m: Move, contest: Contest, label: Label) -> None:
    """All of the contest that decided is vetoed: one that lost is better than none."""
    parent = m.s.contests.get(contest.runoff_of)
    if parent is None or not parent.labels:
        winner.second_choice(m, _as_all(label))
        return
    # Those who lost the tie's vote come before those who were never voted on.
    result = winner.count(m, parent)
    next_best = winner.first_of(parent, result)
    winner.announce_winner(m, next_best, result, len(parent.ballots))
    conclusion.finish(m, next_best, (next_best,), f"{label} was vetoed; the next best")
