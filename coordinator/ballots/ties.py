"""Total orders that settle ties, and the runoff that may replace them.

Every count ends in one explicit order of the answers, handed in by the caller, who
makes it here or by age or by name (``tie_order`` of
:mod:`coordinator.consensus.contests`). Nothing is drawn at random: a lot is a hash of
the session's seed and what the answer says, so that neither speed, nor a name, nor a
label is rewarded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b

import msgspec

from agents.protocol.chunks import Label
from coordinator.ballots.tallies import Tally


class Runoff(msgspec.Struct, frozen=True, kw_only=True):
    """The election to be held where the tied shall meet again."""

    labels: tuple[Label, ...]
    """The answers that stand, in the tie order that settles the runoff itself."""


def lot(seed: int, contents: Mapping[Label, str]) -> tuple[Label, ...]:
    """Order answers by a lot over what they say, first wins.

    The lot of an answer depends on ``seed`` and its own content alone, so an answer
    that joins or leaves does not turn the others around. Answers that say the same
    share a lot and follow their labels. O(m log m), and one hash of each content.

    Args:
        seed: Any integer; the same seed gives the same order.
        contents: Answer's label → what it says.
    """
    key = str(seed).encode()
    return tuple(
        sorted(contents, key=lambda label: (_drawn(key, contents[label]), label))
    )


def _drawn(seed: bytes, content: str) -> bytes:
    # Content goes in as a digest: two fields of one length cannot run into each other.
    words = _digest(content)
    return blake2b(words + seed, digest_size=16, person=b"ballots.lot").digest()


@lru_cache(maxsize=1024)
def _digest(content: str) -> bytes:
    return blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def earliest(ordinals: Mapping[Label, int]) -> tuple[Label, ...]:
    """Order answers by when they were accepted, first wins.

    It rewards speed; it is here for rules that say so.

    Args:
        ordinals: Answer's label → 1, 2, 3, … in order of acceptance, each once.
    """
    return tuple(sorted(ordinals, key=lambda label: (ordinals[label], label)))


def runoff(tally: Tally, tie_order: Sequence[Label]) -> Runoff | None:
    """The election to hold among the tied; ``None`` where nobody is tied.

    A runoff has fewer answers than the vote before it, or it is the same vote again: if
    all that stood are tied, hold it once at most and let the tie order decide then.
    """
    if len(tally.tied) < 2:
        return None
    return Runoff(labels=tuple(x for x in tie_order if x in tally.tied))
