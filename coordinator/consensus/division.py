"""A divided task: a lead splits it, agents do parts, an integrator makes one whole.

::

    dividing ──TaskDivided──▶ working ──every part done or missing──▶ presenting
        │ next lead               │ a part that fails goes to another agent, once
        ▼                         ▼
     failed                    nothing done: failed

Nobody votes, so nobody wins: the conclusion has an answer and no winner. Until it is
put together, the best answer so far is the parts one after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agents.protocol.chunks import AgentId, Label, Part, PartCompleted, TaskDivided
from agents.protocol.turns import Divide, Present, Work
from coordinator.consensus import answers, conclusion
from coordinator.consensus.state import Member, Share
from coordinator.protocol.events import AnswerRefused

if TYPE_CHECKING:
    from coordinator.consensus.transition import Move
    from coordinator.protocol.result import Status

TRIES = 2
"""Agents that may fail at a part before it counts as missing."""


def begin(m: Move) -> None:
    """Ask the lead to divide the task; the next one where that one is out."""
    assert m.rules.drafting.division is not None
    m.s.phase = "dividing"
    named = m.rules.drafting.division.lead
    living = [
        member for member in m.live() if member.refusals < m.rules.limits.attempts
    ]
    lead = next((x for x in living if x.id == named), next(iter(living), None))
    if lead is None:
        conclusion.conclude(m, "failed", "no agent divided the task")
        return
    m.s.lead = lead.id
    task = Divide(parts=m.rules.drafting.division.parts, workers=len(_workers(m)))
    m.start(lead, task, "dividing")


def _workers(m: Move) -> list[Member]:
    """The agents that do parts: all but the lead, who would be late to read them."""
    living = m.live()
    return [member for member in living if member.id != m.s.lead] or living


def on_divided(m: Move, member: Member, chunk: TaskDivided) -> None:
    """The lead has spoken: hand the parts out."""
    assert m.rules.drafting.division is not None
    parts = [part for part in chunk.parts if part.instructions.strip()]
    member = m.rest(member)
    if not parts:
        note = "The task was not divided: there is no part with instructions."
        refusals = member.refusals + 1
        m.put(msgspec.structs.replace(member, refusals=refusals, note=note))
        begin(m)
        return
    most = m.rules.drafting.division.parts
    # More than there may be are missing from the beginning, and the result says so.
    m.s.shares = tuple(
        Share(part=part, tries=0 if number < most else TRIES)
        for number, part in enumerate(parts)
    )
    m.s.phase = "working"
    _hand_out(m)


def on_no_division(m: Move, member: Member) -> None:
    """The lead brought nothing, so it leads no more."""
    m.put(msgspec.structs.replace(member, refusals=m.rules.limits.attempts))
    begin(m)


def _hand_out(m: Move) -> None:
    """Give each part that waits to an agent that is free; go on when none is left."""
    titles = [share.part.title for share in m.s.shares]
    for number, share in enumerate(m.s.shares):
        if _is_closed(share) or share.worker is not None:
            continue
        free = [member for member in _workers(m) if member.activity == "idle"]
        if not free:
            break
        _set(m, number, msgspec.structs.replace(share, worker=free[0].id))
        others = tuple(titles[:number] + titles[number + 1 :])
        m.start(free[0], Work(part=share.part, others=others), "working")
    if all(_is_closed(share) for share in m.s.shares) or not m.live():
        _integrate(m)


def _is_closed(share: Share) -> bool:
    return share.label is not None or share.tries >= TRIES


def _set(m: Move, number: int, share: Share) -> None:
    shares = m.s.shares
    m.s.shares = (*shares[:number], share, *shares[number + 1 :])


def _number_of(m: Move, worker: AgentId) -> int:
    """Which part ``worker`` is at; each agent is at one part at most."""
    shares = enumerate(m.s.shares)
    return next(number for number, share in shares if share.worker == worker)


def on_part(m: Move, member: Member, chunk: PartCompleted) -> None:
    """A part is done, or as far as it will be."""
    number = _number_of(m, member.id)
    share = msgspec.structs.replace(m.s.shares[number], worker=None)
    member = m.rest(member)
    if not chunk.summary.strip():
        _set(m, number, msgspec.structs.replace(share, tries=share.tries + 1))
    else:
        answer = answers.accept(m, member, chunk.summary, citations=chunk.citations)
        done = msgspec.structs.replace(
            share, label=answer.label, is_complete=chunk.complete
        )
        _set(m, number, done)
    _hand_out(m)


def on_no_part(m: Move, member: Member) -> None:
    """Free the part of a worker that brought nothing: another may try."""
    number = _number_of(m, member.id)
    share = m.s.shares[number]
    _set(m, number, msgspec.structs.replace(share, worker=None, tries=share.tries + 1))
    _hand_out(m)


def withdraw(m: Move, label: Label, reason: str) -> None:
    """A person rules a part's result out: it is missing, and nobody tries again."""
    places = [n for n, share in enumerate(m.s.shares) if share.label == label]
    if not places or m.s.phase not in {"working", "presenting"}:
        return
    share = m.s.shares[places[0]]
    m.out.append(
        AnswerRefused(agent=m.s.answers[label].agent, reason=f"vetoed: {reason}")
    )
    _set(m, places[0], msgspec.structs.replace(share, label=None, tries=TRIES))
    if m.s.phase == "presenting":
        for agent in m.s.order:
            m.cancel(m.s.members[agent], "a part of what it puts together was vetoed")
        _integrate(m)
    else:
        _hand_out(m)


def _integrate(m: Move) -> None:
    labels = _labels(m)
    if not labels:
        conclusion.conclude(m, "failed", "no part of the task was done")
        return
    assert m.rules.drafting.division is not None
    m.s.detail = _progress_text(m)
    named = m.rules.drafting.division.integrator or m.s.lead
    living = m.live()
    integrator = next((x for x in living if x.id == named), next(iter(living), None))
    if integrator is None:
        conclude(m, "answered", f"{m.s.detail}; nobody was left to put them together")
        return
    m.s.phase = "presenting"
    answers_shown = m.visible(labels, integrator.id)
    m.start(
        integrator, Present(answers=answers_shown, is_integration=True), "presenting"
    )


def _labels(m: Move) -> tuple[Label, ...]:
    return tuple(share.label for share in m.s.shares if share.label is not None)


def _progress_text(m: Move) -> str:
    """How many parts there are, and which are wanting."""
    shares = m.s.shares
    done = sum(share.label is not None for share in shares)
    words = f"divided: {done} of {len(shares)} parts"
    for name, parts in (
        ("missing", [x.part for x in shares if x.label is None]),
        ("unfinished", [x.part for x in shares if x.label and not x.is_complete]),
    ):
        if parts:
            words += f"; {name}: {_listed(parts)}"
    return words


def _listed(parts: list[Part]) -> str:
    return ", ".join(part.title for part in parts)


def conclude(m: Move, status: Status, detail: str) -> None:
    """End without an integrator's words: the parts, one after the other."""
    texts = [
        f"{share.part.title}\n\n{m.s.answers[share.label].content}"
        for share in m.s.shares
        if share.label is not None
    ]
    conclusion.conclude(m, status, detail, answer="\n\n".join(texts) or None)


def best_so_far(m: Move, status: Status, why: str) -> None:
    """End now, with the parts that are there."""
    if not _labels(m):
        status = "failed" if status == "answered" else status
        conclusion.conclude(m, status, f"{why}; no part was done")
        return
    conclude(m, status, f"{why}; {_progress_text(m)}")
