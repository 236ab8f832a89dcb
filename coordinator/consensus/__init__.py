"""Every rule of a session, as a machine that cannot wait: inputs in, effects out.

The machine itself is in :mod:`.machine`; each rule is a file beside it. Nothing in here
has a clock, a channel, a logger or randomness.
"""

from coordinator.consensus.machine import DEADLINE_TIMER, HEARD, Consensus

__all__ = ["DEADLINE_TIMER", "HEARD", "Consensus"]
