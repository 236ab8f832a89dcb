"""The end of a session: the winner's last turn, the best answer so far, or nothing.

That its deadline or an interrupt ends a session is the machine's (``_best_so_far`` of
:mod:`coordinator.consensus.machine`); here it gets its result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agents.protocol.turns import Present
from coordinator.ballots import best_of
from coordinator.consensus import contests
from coordinator.protocol.events import Conclude

if TYPE_CHECKING:
    from agents.protocol.chunks import AnswerPresented, AnswerProposed, Label
    from agents.protocol.citations import Citation
    from coordinator.consensus.state import Member
    from coordinator.consensus.transition import Move
    from coordinator.protocol.result import Status

REASONS_SHOWN = 5
"""Voters' reasons a presenter reads; more would cost tokens and say the same again."""
FINALISTS_SHOWN = 5
"""Answers a synthesis is made of."""


def finish(m: Move, label: Label, finalists: tuple[Label, ...], detail: str) -> None:
    """``label`` has won: let its author present it, or take its words (W2)."""
    s = m.s
    s.winner, s.finalists, s.detail = label, finalists[:FINALISTS_SHOWN], detail
    for agent in s.order:
        m.cancel(s.members[agent], "the vote is decided")
    author = s.members[s.answers[label].agent]
    if not is_presented(m, author):
        conclude(m, "answered", detail)
        return
    s.phase = "presenting"
    shown = s.finalists if m.rules.final.mode == "synthesise" else (label,)
    if len(shown) == 1 and m.rules.voting.ties == "synthesise" and len(finalists) > 1:
        shown = s.finalists
    present = Present(
        answers=m.visible(shown, author.id),
        reasons=_reasons(m, label),
        may_restart=s.restarts < m.rules.final.restarts and may_anyone_answer(m),
    )
    m.start(author, present, "presenting")


def is_presented(m: Move, author: Member) -> bool:
    """Whether the winner gets a turn to put its answer into its last words."""
    # An agent alone has nothing to add to what it has just said.
    is_alone = len(m.s.order) == 1 and not m.rules.final.restarts
    return m.rules.final.mode != "reuse" and not is_alone and author.activity != "out"


def may_anyone_answer(m: Move) -> bool:
    """Whether another round could bring a new answer."""
    return any(contests.has_answers_left(m, member) for member in m.live())


def _reasons(m: Move, label: Label) -> tuple[str, ...]:
    """Why voters preferred ``label``, in the order they are listed."""
    reasons: list[str] = []
    for number in range(m.s.contests_made - 1, -1, -1):
        contest = m.s.contests[number]
        if label not in contest.labels:
            continue
        for voter in contest.voters:
            cast = contest.ballots.get(voter)
            if cast is not None and cast.reason and best_of(cast.ballot) == label:
                reasons.append(cast.reason)
                if len(reasons) == REASONS_SHOWN:
                    return tuple(reasons)
    return tuple(reasons)


def present(m: Move, words: AnswerPresented | AnswerProposed) -> None:
    """The winner has put its answer into its last words."""
    conclude(
        m,
        "answered",
        m.s.detail,
        answer=words.content,
        value=words.value,
        citations=words.citations,
    )


def conclude(
    m: Move,
    status: Status,
    detail: str,
    *,
    answer: str | None = None,
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET,
    citations: tuple[Citation, ...] = (),
) -> None:
    """End the session with the winner's answer, in ``answer``'s words if given (B5)."""
    s = m.s
    s.phase = "concluded"
    won = s.answers[s.winner] if s.winner is not None else None
    if won is not None:
        if not answer:
            answer, citations = won.content, won.citations
        value = won.value if value is msgspec.UNSET else value
    m.out.append(
        Conclude(
            status=status,
            winner=won.agent if won else None,
            label=won.label if won else None,
            answer=answer,
            value=value,
            citations=citations,
            detail=detail,
        )
    )
