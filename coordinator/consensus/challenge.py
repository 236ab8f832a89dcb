"""A challenge: one better answer may stand against a winner by a weak margin.

It is the only way for an answer to come in after a slate is frozen. No ballot is voided
by it: whoever judges, judges two answers, and the incumbent wins ties.
"""

from __future__ import annotations

import msgspec

from agents.protocol.chunks import AnswerProposed, Label
from agents.protocol.turns import Review
from coordinator.ballots import Tally
from coordinator.ballots.condorcet import margins
from coordinator.ballots.election import hold
from coordinator.consensus import answers, conclusion, contests, leader_first, winner
from coordinator.consensus.committees import by_speed_and_lot
from coordinator.consensus.state import Contest, Member, as_read
from coordinator.consensus.transition import Move
from coordinator.protocol.events import AnswerRefused, ChallengeOpened, SlateFrozen


def is_opened(m: Move, contest: Contest, result: Tally) -> bool:
    """Open a challenge to the contest's winner, if there shall be one (W1)."""
    if m.rules.voting.challenge == "off" or m.s.challenged >= 0 or not contest.ballots:
        return False
    margin = _margin(m, contest, result)
    challenger = _challenger(m, contest, result)
    if margin is None or margin > m.rules.voting.weak_margin or challenger is None:
        return False
    assert contest.winner is not None
    m.s.challenged = contest.number
    m.out.append(
        ChallengeOpened(label=contest.winner, challenger=challenger.id, margin=margin)
    )
    shown = m.by_number(contest.labels)
    review = Review(
        answers=m.visible(shown, challenger.id),
        unseen=contests.unread(m, challenger, shown) if challenger.shown else (),
        ballot=None,
        may_revise=True,
    )
    note = (
        f"The vote was close; {contest.winner} leads. Your next answer alone is held "
        "against it."
    )
    noted = msgspec.structs.replace(challenger, note=note)
    m.start(noted, review, "challenging", continues=challenger.shown > 0)
    return True


def _margin(m: Move, contest: Contest, result: Tally) -> float | None:
    """The winner's lead in its duel with the second, as a share of the ballots."""
    others = [label for label, _ in result.standings if label != contest.winner]
    if not others:
        return None
    ballots = winner.counted(m, contest)
    labels = contest.labels
    election = hold(ballots, labels, labels, m.rules.voting.weights)
    if not election.total:
        return 0.0
    matrix = margins(election.tiers(), election.size)
    place = {label: number for number, label in enumerate(labels)}
    assert contest.winner is not None
    lead = matrix[place[contest.winner]][place[others[0]]]
    return float(lead / election.total)


def _challenger(m: Move, contest: Contest, result: Tally) -> Member | None:
    """The best placed author who may still answer and has not won."""
    assert contest.winner is not None
    winner = m.s.answers[contest.winner].agent
    placed = [m.s.answers[label].agent for label, _ in result.standings]
    for agent in dict.fromkeys((*placed, *(member.id for member in m.live()))):
        member = m.s.members[agent]
        if agent == winner or member.activity != "idle":
            continue
        if contests.has_answers_left(m, member):
            return member
    return None


def on_proposal(m: Move, member: Member, chunk: AnswerProposed) -> None:
    """The challenger has answered: let judges compare, if it is something new."""
    reason = _fault(m, chunk)
    member = m.put(contests.answered(member))
    if reason is not None:
        m.out.append(AnswerRefused(agent=member.id, reason=reason))
        fall(m)
        return
    incumbent = _incumbent(m, member)
    answer = answers.accept(
        m, member, chunk.content, chunk.value, chunk.citations, result=chunk.result
    )
    if incumbent is None:
        # Every answer of others on the slate was vetoed meanwhile.
        only = answer.label
        winner.announce_winner(m, only, winner.count_alone(m, only), 0)
        conclusion.finish(m, only, (only,), "only one answer stood")
        return
    _judge(m, incumbent, answer.label)


def _incumbent(m: Move, challenger: Member) -> Label | None:
    """The answer that is challenged: the winner, or the next best after a veto.

    Never an answer of the challenger's own, which its new one takes the place of.
    """
    contest = m.s.contests[m.s.challenged]
    if not contest.labels:
        return None
    assert contest.winner is not None  # somebody is the best of what is left
    placed = (label for label, _ in winner.count(m, contest).standings)
    answers = m.s.answers
    others = (contest.winner, *placed)
    return next((x for x in others if answers[x].agent != challenger.id), None)


def _fault(m: Move, chunk: AnswerProposed) -> str | None:
    if not chunk.content.strip():
        return "it is empty"
    reading = as_read(chunk.content, chunk.value)
    vetoed = contests.vetoed_twin_of(m, reading)
    if vetoed is not None:
        return f"it says the same as {vetoed}, which a person has ruled out"
    twin = contests.duplicate_of(m, reading)
    return None if twin is None else f"it says the same as {twin}"


def _judge(m: Move, incumbent: Label, challenger: Label) -> None:
    s = m.s
    labels = (incumbent, challenger)
    authors = {s.answers[label].agent for label in labels}
    live = [member.id for member in m.live()]
    # A team of two has no outsiders; better both than nobody.
    judges = [agent for agent in live if agent not in authors] or live
    key = str(s.contests_made)
    judges.sort(key=lambda agent: by_speed_and_lot(m, agent, "challenge", key))
    chosen = set(judges[: m.rules.voting.challenge_judges])
    before = winner.live_ballots(m)
    s.stage_began = s.contests_made
    m.out.append(SlateFrozen(labels=labels, reason="a challenge to the winner"))
    winner.announce_ballots(m, before)
    voters = tuple(agent for agent in live if agent in chosen)
    contest = contests.new_contest(m, labels, voters, is_challenge=True)
    leader_first.begin(m, contest)


def fall(m: Move) -> None:
    """No challenger came: the winner stays what it was."""
    contest = m.s.contests[m.s.challenged]
    if contest.winner is None:
        winner.second_choice(m, "all that stood for election was vetoed")
        return
    winner.crown(m, contest, winner.count(m, contest), is_early=False)
