"""The driver of the machine: one input in, one step, the books kept.

A live session, a replay and a resumption all feed the machine through here, so they
cannot differ in what it is told, in what order, or in what is booked. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from agents.protocol.chunks import AgentId, Chunk, VoteCast
from coordinator.consensus import HEARD, Consensus
from coordinator.consensus.explanation import Explainer
from coordinator.protocol.accounting import BOOKED, Ledger
from coordinator.protocol.events import (
    Conclude,
    Interrupted,
    MachineInput,
    MachineOutput,
)
from coordinator.protocol.result import Result

_HEARD = frozenset(HEARD)


class Driver:
    """Feeds one machine and keeps its session's books.

    Args:
        machine: As it was when the session opened.
        agents: Who is in the team.
        models: Agent → the model it runs on, to say how much agreement is worth.
    """

    __slots__ = ("_explainer", "end", "ledger", "machine")

    def __init__(
        self,
        machine: Consensus,
        agents: tuple[AgentId, ...],
        models: Mapping[AgentId, str] | None = None,
    ) -> None:
        self._explainer = Explainer(machine.rules, models or {})
        self.machine = machine
        """As it is now; a value, so whoever keeps it keeps this moment."""
        self.ledger = Ledger(agents)
        self.end: Conclude | None = None
        """How the session has ended; ``None`` while it goes on."""

    def take(self, what: MachineInput) -> tuple[MachineOutput, ...]:
        """Book ``what``, tell the machine if it listens to such, book what it says.

        Args:
            what: An input; a chunk's time is on the session's clock.

        Returns:
            What the machine puts out, in order.
        """
        kind = type(what)
        if kind in BOOKED and isinstance(what, Chunk):
            self.ledger.book(what)
        if kind not in _HEARD and isinstance(what, Chunk):
            return ()
        if kind is VoteCast and isinstance(what, Chunk):
            self._explainer.take(what)
        self.machine, outputs = self.machine.step(what)
        for output in outputs:
            self.ledger.book(output)
            self._explainer.take(output)
            if isinstance(output, Conclude):
                self.end = output
        return outputs

    def result(
        self,
        session: str,
        question: str,
        end: Conclude,
        elapsed_s: float,
        *,
        read: Callable[[msgspec.Raw], object] = msgspec.json.decode,
    ) -> Result:
        """Close the books, and say why the winner won; as :meth:`Ledger.result`."""
        result = self.ledger.result(session, question, end, elapsed_s, read=read)
        why, seed = self._explainer.explain(), self.machine.seed
        return msgspec.structs.replace(result, why=why, seed=seed)

    def end_if_interrupted(self, at: float, reason: str) -> Conclude:
        """How the session has ended, or would if it were interrupted at ``at``."""
        if self.end is not None:
            return self.end
        _, outputs = self.machine.step(Interrupted(at=at, reason=reason))
        return next(output for output in outputs if isinstance(output, Conclude))
