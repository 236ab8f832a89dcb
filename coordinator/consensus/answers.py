"""One answer: it is accepted under a label, or refused with a reason."""

from __future__ import annotations

import msgspec

from agents.protocol.chunks import Label
from agents.protocol.citations import Citation
from coordinator.consensus.persistent_map import with_entry
from coordinator.consensus.state import Answer, Member
from coordinator.consensus.transition import Move, heard
from coordinator.protocol.events import AnswerAccepted, AnswerRefused


def accept(
    m: Move,
    member: Member,
    content: str,
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET,
    citations: tuple[Citation, ...] = (),
    *,
    result: str | msgspec.UnsetType = msgspec.UNSET,
) -> Answer:
    """Give the answer its label and let it stand in place of its author's last.

    It is what ``member``'s turn was for.
    """
    s = m.s
    s.accepted += 1
    revision = member.revisions + 1
    label = label_of(member, revision)
    answer = Answer(
        label=label,
        agent=member.id,
        content=content,
        value=value,
        citations=citations,
        result="" if isinstance(result, msgspec.UnsetType) else result,
        ordinal=s.accepted,
        as_of=s.accepted,
    )
    s.answers = with_entry(s.answers, label, answer)
    if m.rules.drafting.equal != "none":
        count = s.tallied.get(answer.result, 0) + 1
        s.tallied = with_entry(s.tallied, answer.result, count)
        s.most_equal = max(s.most_equal, count)
    m.put(
        msgspec.structs.replace(
            heard(member),
            activity="idle",
            has_result=True,
            label=label,
            revisions=revision,
        )
    )
    m.out.append(
        AnswerAccepted(
            agent=member.id,
            label=label,
            content=content,
            value=value,
            citations=citations,
            result=result,
        )
    )
    return answer


def label_of(author: Member, revision: int) -> Label:
    """The anonymous label of an agent's answer."""
    return Label(f"agent{author.number}.{revision}")


def refuse(m: Move, member: Member, reason: str) -> None:
    """Do not let the answer count; its author is told why with its next turn."""
    m.out.append(AnswerRefused(agent=member.id, reason=reason))
    m.put(
        msgspec.structs.replace(
            member,
            refusals=member.refusals + 1,
            note=f"Your answer was not taken: {reason}.",
        )
    )
