"""Results of a count."""

from __future__ import annotations

import msgspec

from agents.protocol.chunks import Label


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of counting some ballots."""

    winner: Label | None
    """``None`` only where a rule's condition was not met and it has no fallback."""
    standings: tuple[tuple[Label, float], ...]
    """All answers, best first, each with the measure of the rule that counted."""
    tied: tuple[Label, ...]
    """Answers that could win under another tie order, in the order given: the winner
    alone, or more where it was the tie order that decided. Empty where nobody wins."""
    rule: str
    """The rule that decided: the fallback's name where it came to that."""
