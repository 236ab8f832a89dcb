"""Answers: first drafts made alone, revisions, and which of them count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from agents.protocol.chunks import AgentId, AnswerProposed
from agents.protocol.turns import Draft, Review
from coordinator.consensus import (
    answers,
    checks,
    committees,
    conclusion,
    contests,
    result_count,
    revisions,
    team_growth,
    voting,
    winner,
)
from coordinator.consensus.state import Answer, Member, as_read
from coordinator.protocol.events import (
    AnswerRestored,
    ArmTimer,
    CheckEnded,
)

if TYPE_CHECKING:
    from coordinator.consensus.settings import Straggler
    from coordinator.consensus.transition import Move

STRAGGLER_TIMER = "straggler"
STRAGGLERS_OF = "stragglers of "
"""The prefix of timers' names where each model has its own; the model follows."""
PASSES = "an answer passes every check"


def begin(m: Move) -> None:
    """Ask everybody for a first answer; nobody sees another's (D1)."""
    m.begin_wave()
    for agent in team_growth.begin(m):
        m.start(m.s.members[agent], Draft(), "drafting")
        m.s.drafting += 1
    if not m.s.order:
        conclusion.conclude(m, "failed", "the team has no agents")


def reopen(m: Move, reason: str, instructions: str) -> None:
    """The presenter wants another round: everybody revises, then votes again.

    Who has no answer left only votes. There must be somebody who has one.
    """
    drafting = [x for x in m.live() if contests.has_answers_left(m, x)]
    before = winner.live_ballots(m)
    m.s.restarts += 1
    m.begin_wave()
    m.s.stage_began = m.s.contests_made
    m.s.winner = None
    m.s.challenged = -1
    winner.announce_ballots(m, before)
    note = f"The result was not good enough: {reason}\n{instructions}".strip()
    standing = tuple(answer.label for answer in m.standing())
    for member in m.live():
        review = Review(
            answers=m.visible(standing, member.id), ballot=None, may_revise=True
        )
        noted = m.put(
            msgspec.structs.replace(
                member, note=note, contest=-1, shown=0, sat_in=(), checked=0
            )
        )
        if member in drafting:
            m.start(noted, review, "drafting")
            m.s.drafting += 1


def on_draft(m: Move, member: Member, chunk: AnswerProposed) -> None:
    """A first answer, or one asked for in another round (D5)."""
    assert contests.has_room(m)  # who takes the last place withdraws the other drafts
    reason = _fault_of_draft(m, chunk)
    if reason is not None:
        answers.refuse(m, member, reason)
        member = m.s.members[member.id]
        if member.refusals < m.rules.limits.attempts:
            m.start(member, Draft(), "drafting", continues=True)
        else:
            on_no_draft(m, m.rest(member))
        return
    answer = answers.accept(
        m, member, chunk.content, chunk.value, chunk.citations, result=chunk.result
    )
    if checks.is_on(m):
        checks.begin(m, m.s.members[member.id], answer)
        _keep_to_room(m)
        return
    m.s.drafting -= 1
    m.s.drafts_in += 1
    if m.s.phase == "voting":
        _into_the_vote(m, answer)
        return
    _keep_to_room(m)
    if m.rules.drafting.review_opens == "own_drafted":
        # In another round the answers of those who write again stand meanwhile.
        voting.open_stage(m, m.standing(), "the first answer is in")
        return
    _go_on(m)


def on_check(m: Move, what: CheckEnded) -> None:
    """A check is over; with the last of an answer's, the answer is in (C1, C2)."""
    answer = checks.take(m, what)
    if answer is None:
        return
    author = m.s.members[answer.agent]
    if author.label == answer.label:
        author = _keep_better(m, author, answer)
        faults = checks.faults_of(answer)
        is_to_mend = faults and checks.may_try_again(m, author)
        if is_to_mend and contests.has_answers_left(m, author):
            author = m.put(msgspec.structs.replace(author, note=faults))
            m.start(author, Draft(), "drafting", continues=True)
            return
    m.s.drafting -= 1
    m.s.drafts_in += author.label is not None
    is_one = author.label == answer.label and checks.passes_all(m, answer)
    if is_one and m.rules.drafting.stop == "first":
        is_early = m.s.drafting > 0
        _leave_rest(m, PASSES)
        _freeze(m, PASSES, is_early=is_early)
        return
    _go_on(m)


def _keep_better(m: Move, author: Member, answer: Answer) -> Member:
    """Let the author's try before stand again, if that one passes more."""
    if author.checked < 2:
        return author
    earlier = m.s.answers[answers.label_of(author, author.revisions - 1)]
    if earlier.label in m.s.vetoed or earlier.passed <= answer.passed:
        return author
    m.out.append(AnswerRestored(agent=author.id, label=earlier.label))
    return m.put(msgspec.structs.replace(author, label=earlier.label))


def _leave_rest(m: Move, why: str) -> None:
    """Wait neither for drafts nor for checks: they can change nothing."""
    for member in m.live():
        if member.activity == "drafting":
            m.cancel(member, why)
    checks.cancel(m, why)
    m.s.drafting = 0


def _keep_to_room(m: Move) -> list[AgentId]:
    """Withdraw the first answers under way if there is no room for them any more."""
    if contests.has_room(m):
        return []
    return _cut_drafts(m, "no more answers are taken")


def _into_the_vote(m: Move, answer: Answer) -> None:
    """``answer`` comes into the open contest, perhaps as the last there may be."""
    cut = _keep_to_room(m)
    revisions.on_answer(m, answer)
    for agent in cut:
        _vote_instead(m, m.s.members[agent])
    if cut:
        _close_if_last(m)


def _fault_of_draft(m: Move, chunk: AnswerProposed) -> str | None:
    """Why a first answer does not count, or ``None`` (D2)."""
    if not chunk.content.strip():
        return "it is empty"
    vetoed = contests.vetoed_twin_of(m, as_read(chunk.content, chunk.value))
    if vetoed is not None:
        return f"it says the same as {vetoed}, which a person has ruled out"
    return None


def _cut_drafts(
    m: Move, why: str, *, of: Callable[[AgentId], bool] = lambda _: True
) -> list[AgentId]:
    """Withdraw the first answers under way; who wrote them only votes."""
    cut: list[AgentId] = []
    for agent in m.s.order:
        member = m.s.members[agent]
        if member.activity == "drafting" and of(agent):
            m.cancel(member, why)
            m.s.drafting -= 1
            m.s.drafts_in += _has_checked(m, member)
            cut.append(agent)
    return cut


def _has_checked(m: Move, member: Member) -> bool:
    """Whether an answer of this wave stands already for who was mending it."""
    return checks.is_on(m) and member.checked > 0 and member.label is not None


def _vote_instead(m: Move, member: Member) -> None:
    """Ask who wrote a first answer for its ballot, if it was not asked meanwhile."""
    contest = m.s.contests.get(member.contest)
    if (
        contest is not None
        and contest.winner is None
        and member.activity == "idle"
        and member.id not in contest.ballots
    ):
        contests.resume_review(m, member)


def on_no_draft(m: Move, member: Member) -> None:
    """``member`` will bring no first answer; it may still vote."""
    m.s.drafting -= 1
    m.s.drafts_in += _has_checked(m, member)
    if m.s.phase == "voting":
        # It was counted as a voter when the vote opened.
        if member.activity == "idle":
            contests.resume_review(m, member)
        else:
            voting.leave(m, member)
        _close_if_last(m)
        return
    _go_on(m)


def _close_if_last(m: Move) -> None:
    """No draft will come any more: perhaps it was all that the vote waited for."""
    contest = m.s.contests[m.s.contests_made - 1]
    is_open = m.s.phase == "voting" and contest.winner is None
    if is_open and not contests.has_drafts_to_come(m) and not contest.outstanding:
        voting.check(m, contest)


def _go_on(m: Move) -> None:
    """Open the vote if all drafts are in; otherwise think of the stragglers."""
    if m.s.drafting == 0:
        _freeze(m, "all first answers are in")
        return
    if _is_counted_out(m):
        _leave_rest(m, "no outstanding draft or ballot can change the result")
        _freeze(m, "the first answers agree", is_early=True)
        return
    straggler = m.rules.drafting.straggler
    if straggler is None:
        return
    # People are few: the team is not walked for every draft.
    people = map(AgentId, m.rules.voting.people)
    writing = (x for x in people if m.s.members[x].activity == "drafting")
    if contests.waits_for_person(m, writing):
        return
    if straggler.among == "model" and m.s.models > 1:
        _arm_by_model(m, straggler)
        return
    total = m.s.drafting + m.s.drafts_in
    if m.s.drafts_in < straggler.share * total:
        return
    if m.s.straggler_armed:
        return
    m.s.straggler_armed = True
    took = m.s.now - m.s.wave_began
    m.out.append(
        ArmTimer(timer=STRAGGLER_TIMER, at=m.s.wave_began + straggler.factor * took)
    )


def _arm_by_model(m: Move, straggler: Straggler) -> None:
    """Set a time to the stragglers of each model of which enough drafts are in."""
    waiting, came = Counter[str](), Counter[str]()
    checked = checks.authors_waiting(m)
    for member in map(m.s.members.__getitem__, m.s.order):
        model = m.rules.voting.models.get(member.id, "")
        if member.activity == "drafting" or member.id in checked:
            waiting[model] += 1
        elif member.label and m.s.answers[member.label].ordinal > m.s.wave_from:
            came[model] += 1
    took = m.s.now - m.s.wave_began
    for model, count in waiting.items():
        is_due = came[model] and came[model] >= straggler.share * (came[model] + count)
        if is_due and model not in m.s.models_armed:
            m.s.models_armed |= {model}
            at = m.s.wave_began + straggler.factor * took
            m.out.append(ArmTimer(timer=f"{STRAGGLERS_OF}{model}", at=at))


def cut_stragglers_of(m: Move, timer: str) -> None:
    """The same as :func:`cut_stragglers` for the agents of one model (D3)."""
    model = timer.removeprefix(STRAGGLERS_OF)
    if m.s.phase != "drafting" or model not in m.s.models_armed:
        return
    why = "the other first answers of its model are in; this one took too long"
    models = m.rules.voting.models
    for agent in _cut_drafts(m, why, of=lambda x: models.get(x, "") == model):
        m.put(msgspec.structs.replace(m.s.members[agent], was_cut=True))
    m.s.models_cut |= {model}
    if not m.s.drafting:
        _freeze(m, "the first answers that came in time")


def _is_counted_out(m: Move) -> bool:
    """Whether nothing outstanding, draft or ballot, can change which result leads."""
    if not result_count.can_close_drafting(m) or not m.s.drafts_in:
        return False
    if not m.rules.voting.weights and m.s.most_equal <= m.s.drafting:
        return False  # no count can outweigh what is out; to count takes time
    standing = m.standing()
    if checks.is_on(m):
        # Only what passes everything can be sure to be among those that pass most.
        standing = [answer for answer in standing if checks.passes_all(m, answer)]
    entries = result_count.counted(m, standing)
    panel = result_count.weight_of_all(m, committees.panel_of(m, entries))
    return result_count.is_out_of_reach(
        entries, result_count.outstanding_drafts(m) + panel
    )


def cut_stragglers(m: Move) -> None:
    """Stop waiting: who has not answered by now only votes, if it is needed (D3)."""
    if m.s.phase != "drafting" or not m.s.straggler_armed:
        return  # it was armed for answers that are in long since
    why = "the other first answers are in; this one took too long"
    for agent in _cut_drafts(m, why):
        m.put(msgspec.structs.replace(m.s.members[agent], was_cut=True))
    m.s.is_cut = True
    if m.s.drafting:
        return  # what has come in time is being checked
    _freeze(m, "the first answers that came in time")


def force_vote(m: Move, reason: str) -> None:
    """A person waits no longer for drafts, or for ballots where the vote is on (B6).

    Nothing happens while nobody has answered, or while no ballot is in: there is
    nothing yet to choose from, or to choose by.
    """
    if m.rules.drafting.division is not None or not m.standing():
        return
    if m.s.phase == "drafting":
        for agent in _cut_drafts(m, reason):
            m.put(msgspec.structs.replace(m.s.members[agent], was_cut=True))
        checks.cancel(m, reason)
        m.s.drafting = 0
        _freeze(m, f"the first answers there are: {reason}")
    elif m.s.phase == "voting" and voting.has_ballots(m):
        _cut_drafts(m, reason)
        voting.force(m, reason)
        _close_if_last(m)  # where it waited for those drafts alone


def _freeze(m: Move, reason: str, *, is_early: bool = False) -> None:
    standing = m.standing()  # none: D7
    if not standing and team_growth.wake(m, "nobody has answered"):
        return
    if not standing:
        why = "every answer was vetoed" if m.s.vetoed else "no agent brought an answer"
        conclusion.conclude(m, "failed", why)
        return
    if _is_nothing_new(m):
        return
    stand = checks.best(m, standing)
    if checks.is_on(m):
        is_mended = any(checks.passes_all(m, answer) for answer in stand)
        if not is_mended and team_growth.wake(m, "no answer passes every check"):
            return
        checks.announce(m, standing, stand)
    voting.open_stage(m, stand, reason, is_early=is_early)


def _is_nothing_new(m: Move) -> bool:
    """Whether nobody who was added has answered: then the last vote still holds."""
    last = m.s.contests.get(m.s.grown_from)
    if last is None or m.s.drafts_in or last.winner is None:
        return False
    if not team_growth.wake(m, "none of those asked has answered"):
        winner.crown(m, last, winner.count(m, last), is_early=False)
        return True
    m.s.grown_from = last.number
    return True


def on_revision(m: Move, member: Member, chunk: AnswerProposed) -> None:
    """A reviewer would rather answer anew than vote (R3)."""
    reason = _fault(m, member, chunk)
    member = m.put(contests.answered(member))
    if reason is not None:
        answers.refuse(m, member, reason)
        contests.resume_review(m, m.s.members[member.id])
        return
    answer = answers.accept(m, member, chunk.content, chunk.value, chunk.citations)
    member = m.s.members[member.id]
    m.put(msgspec.structs.replace(member, note=f"Recorded as {answer.label}."))
    _into_the_vote(m, answer)


def _fault(m: Move, member: Member, chunk: AnswerProposed) -> str | None:
    """Why a revision does not count, or ``None``."""
    if not chunk.content.strip():
        return "it is empty"
    vetoed = contests.vetoed_twin_of(m, as_read(chunk.content, chunk.value))
    if vetoed is not None:
        return f"it says the same as {vetoed}, which a person has ruled out"
    if not contests.may_revise(m, member):
        return "no more new answers are taken; vote for one of those that stand"
    twin = contests.duplicate_of(m, as_read(chunk.content, chunk.value))
    if twin is not None:
        return f"it says the same as {twin}; vote for it if you think it is best"
    return None
