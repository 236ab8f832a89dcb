"""One step of the machine under way: a working copy of the state, and effects so far.

Every change of a member and every effect goes through here, so that what must hold at
all times (turn numbers only grow, a member runs one turn at most) is held in one place.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from agents.protocol.chunks import AgentId, Label, TurnNumber
from agents.protocol.turns import Task, Turn, VisibleAnswer
from coordinator.consensus.persistent_map import with_entry
from coordinator.protocol.events import (
    AgentRetired,
    CancelTurn,
    MachineOutput,
    StartTurn,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.protocol.checks import CheckResult
    from coordinator.consensus.rules import Rules
    from coordinator.consensus.state import Activity, Answer, Contest, Member, State


class Move:
    """The machine's hand during one step."""

    __slots__ = ("_by_number", "_foreign", "out", "rules", "s")

    def __init__(self, state: State, rules: Rules) -> None:
        self.s = msgspec.structs.replace(state)
        self.rules = rules
        self.out: list[MachineOutput] = []
        self._by_number: dict[tuple[Label, ...], tuple[Label, ...]] = {}
        self._foreign: dict[Label, tuple[AgentId, VisibleAnswer]] = {}

    def put(self, member: Member) -> Member:
        """Remember ``member`` as it is now."""
        self.s.members = with_entry(self.s.members, member.id, member)
        return member

    def put_contest(self, contest: Contest) -> Contest:
        """Remember ``contest`` as it is now."""
        self.s.contests = with_entry(self.s.contests, contest.number, contest)
        return contest

    def begin_wave(self) -> None:
        """First answers are about to be asked for, of some or of all."""
        s = self.s
        s.phase = "drafting"
        s.wave_began, s.drafts_in, s.straggler_armed, s.stages = s.now, 0, False, 0
        s.drafting, s.grown_from, s.is_cut = 0, -1, False
        known = self.rules.voting.models
        s.models = len({known.get(agent, "") for agent in s.order}) if known else 1
        s.wave_from, s.models_armed, s.models_cut = s.accepted, frozenset(), frozenset()

    def start(
        self,
        member: Member,
        task: Task,
        activity: Activity,
        *,
        continues: bool = False,
    ) -> Member:
        """Ask ``member`` for a turn; it must not be running one."""
        number = TurnNumber(member.turn + 1)
        note = member.note
        if member.words:
            note = "\n".join((note, *member.words) if note else member.words)
        self.out.append(
            StartTurn(
                turn=Turn(
                    agent=member.id,
                    number=number,
                    question=self.s.question,
                    task=task,
                    nonce=self.s.nonce,
                    continues=continues,
                    note=note,
                    attempts=self.rules.limits.attempts,
                )
            )
        )
        return self.put(
            msgspec.structs.replace(
                member,
                activity=activity,
                turn=number,
                has_result=False,
                is_revising=False,
                reserved_tokens=0,
                reserved_usd=0.0,
                seen=self.s.accepted,
                was_cut=member.was_cut and activity != "drafting",
                note="",
                told=member.note,
                telling=len(member.words),
            )
        )

    def rest(self, member: Member) -> Member:
        """``member``'s turn has brought what it was asked for."""
        return self.put(
            msgspec.structs.replace(heard(member), activity="idle", has_result=True)
        )

    def end_in_vain(self, member: Member) -> Member:
        """``member``'s turn is over and has brought nothing: it owes what it told."""
        return self.put(
            msgspec.structs.replace(unheard(member), activity="idle", has_result=True)
        )

    def cancel(self, member: Member, reason: str) -> Member:
        """Withdraw the turn ``member`` is running, if any."""
        if member.activity in {"idle", "out"}:
            return member
        self.out.append(CancelTurn(agent=member.id, turn=member.turn, reason=reason))
        return self.put(msgspec.structs.replace(unheard(member), activity="idle"))

    def retire(self, member: Member, reason: str) -> Member:
        """Give ``member`` no more turns; its answer stands."""
        if member.activity == "out":
            return member
        self.out.append(AgentRetired(agent=member.id, reason=reason))
        return self.put(msgspec.structs.replace(member, activity="out"))

    def live(self) -> list[Member]:
        """Members that take turns, in team order; those in reserve do not yet."""
        members = (self.s.members[agent] for agent in self.s.order)
        return [
            member
            for member in members
            if member.activity != "out" and not member.is_reserve
        ]

    def standing(self) -> list[Answer]:
        """Each member's live answer, by anonymous number."""
        members = sorted(
            (self.s.members[agent] for agent in self.s.order), key=lambda m: m.number
        )
        return [
            self.s.answers[member.label]
            for member in members
            if member.label is not None
        ]

    def visible(
        self, labels: tuple[Label, ...], viewer: AgentId
    ) -> tuple[VisibleAnswer, ...]:
        """``labels`` as ``viewer`` reads them, in the same order for every viewer."""
        return tuple([self._seen_by(viewer, label) for label in labels])

    def _seen_by(self, viewer: AgentId, label: Label) -> VisibleAnswer:
        """One answer; what it is to others is remembered for the step."""
        seen = self._foreign.get(label)
        if seen is not None and seen[0] != viewer:
            return seen[1]
        answer = self.s.answers[label]
        is_own = answer.agent == viewer
        visible = VisibleAnswer(
            label=label,
            content=answer.reading,
            is_own=is_own,
            citations=answer.citations,
            checks=in_words(answer.checks),
        )
        if not is_own:
            self._foreign[label] = answer.agent, visible
        return visible

    def by_number(self, labels: tuple[Label, ...]) -> tuple[Label, ...]:
        """``labels`` in the order in which every viewer reads them.

        Remembered for the step, in which all voters of a contest may be asked.
        """
        if len(labels) == 1:
            return labels
        ordered = self._by_number.get(labels)
        if ordered is None:
            members, answers = self.s.members, self.s.answers
            numbered = [(members[answers[x].agent].number, x) for x in labels]
            numbered.sort()
            ordered = self._by_number[labels] = tuple([label for _, label in numbered])
        return ordered


def in_words(results: Sequence[CheckResult]) -> str:
    """The results of checks, as others than the author read them."""
    return "; ".join(f"{each.check}: {each.outcome}" for each in results)


def heard(member: Member) -> Member:
    """``member`` without the words that its turn, which is kept, was told."""
    if not member.telling:
        return member
    words = member.words[member.telling :]
    return msgspec.structs.replace(member, words=words, telling=0)


def unheard(member: Member) -> Member:
    """``member`` to be told again, with its next turn, what the running one was told.

    A turn that is withdrawn, or comes to nothing, leaves no trace in a conversation.
    """
    if not member.telling:
        return member
    return msgspec.structs.replace(member, note=member.note or member.told, telling=0)


def drawn_each(seed: int, parts: tuple[str, ...], last: Sequence[str]) -> list[bytes]:
    """The lots that :func:`drawn` gives ``parts`` with each of ``last`` after them."""
    begun = _lot(seed, parts)
    lots: list[bytes] = []
    for part in last:
        lot = begun.copy()
        lot.update(f"{part}\0".encode("utf-8", "surrogatepass"))
        lots.append(lot.digest())
    return lots


@lru_cache(maxsize=16_384)
def drawn(seed: int, *parts: str) -> bytes:
    """Draw a lot that depends on ``seed`` and ``parts`` alone; compare to order.

    Remembered, because an order is drawn again each time a viewer is asked: 16,384 lots
    are those of a hundred agents who read each other's answers, in some 3 MB.
    """
    return _lot(seed, parts).digest()


def _lot(seed: int, parts: tuple[str, ...]) -> blake2b:
    words = "\0".join((*parts, "")).encode("utf-8", "surrogatepass")
    key = seed.to_bytes(8, "big", signed=True)
    return blake2b(words, digest_size=8, key=key)
