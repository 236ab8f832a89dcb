"""The stamp of a turn's chunks: whose, which turn, where in it, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, cast

from agents.protocol.chunks import AgentId, Seq, TurnNumber

if TYPE_CHECKING:
    from collections.abc import Sequence


class Stamp(TypedDict):
    """The fields that every chunk has, ready to be unpacked into one."""

    agent: AgentId
    turn: TurnNumber
    seq: Seq
    at: float


class Pen:
    """Stamps what one agent says in one turn; the only place where ``seq`` grows.

    Whoever reads the network sets :attr:`at` once a read, so that a clock is not asked
    for each chunk.
    """

    __slots__ = ("_seq", "agent", "at", "turn")

    def __init__(
        self, agent: AgentId, turn: TurnNumber, at: float, *, first: int = 0
    ) -> None:
        self.agent = agent
        self.turn = turn
        self.at = at
        self._seq = first

    def next_seq(self) -> Seq:
        """Take the next sequence number."""
        seq = self._seq
        self._seq = seq + 1
        return Seq(seq)

    def next_seqs(self, count: int) -> Sequence[Seq]:
        """Take so many sequence numbers at once, in order."""
        first = self._seq
        self._seq = first + count
        return cast("Sequence[Seq]", range(first, self._seq))

    @property
    def next_free_seq(self) -> int:
        """The sequence number that the next chunk gets."""
        return self._seq

    def take_back(self, seq: int) -> None:
        """Give ``seq`` out again: nothing that was stamped since has been sent."""
        self._seq = seq

    def stamp(self) -> Stamp:
        """The next chunk's common fields; ``next_seq`` alone where speed counts."""
        return Stamp(agent=self.agent, turn=self.turn, seq=self.next_seq(), at=self.at)
