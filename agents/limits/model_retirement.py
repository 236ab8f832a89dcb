"""Dates on which models retire, as their makers have announced them. Pure data.

Dates age like prices: the table says when it was read, and where. A model that is not
in it may live for years or be gone. The dates are those of the maker's own API; other
providers of the same models set theirs themselves.
"""

from __future__ import annotations

import re
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

READ_ON = date(2026, 11, 30)
"""From the SDK's list of deprecated models (anthropic 2.14.0) and the public page on
model deprecations, which also names what to take instead."""


class Retirement(NamedTuple):
    """The end of one model."""

    on: date
    """The first day on which requests may fail."""
    instead: str
    """The successor that its maker advises, or the newest of its kind."""


_OPUS, _SONNET = "claude-opus-5-5", "claude-sonnet-5-5"
RETIREMENTS = MappingProxyType(
    {
        "claude-opus-4": Retirement(date(2026, 6, 15), _OPUS),
        "claude-opus-4-0": Retirement(date(2026, 6, 15), _OPUS),
        "claude-sonnet-4": Retirement(date(2026, 6, 15), _SONNET),
        "claude-sonnet-4-0": Retirement(date(2026, 6, 15), _SONNET),
        "claude-mythos-preview": Retirement(date(2026, 6, 30), "claude-mythos-5-2"),
        "claude-opus-4-1": Retirement(date(2026, 8, 5), _OPUS),
        "claude-sonnet-4-5": Retirement(date(2026, 11, 30), _SONNET),
        "claude-opus-4-5": Retirement(date(2027, 1, 22), _OPUS),
    }
)
"""Model, without the date of a snapshot → its end."""

_SNAPSHOT = re.compile(r"-\d{8}$|-latest$")


def retirement_of(model: str) -> Retirement | None:
    """The announced end of ``model``, snapshots included; ``None`` if none is known."""
    return RETIREMENTS.get(_SNAPSHOT.sub("", model))


def retirement_notice(model: str, today: date) -> str | None:
    """One sentence on a model that is retired or will be; ``None`` if none is known."""
    end = retirement_of(model)
    if end is None:
        return None
    when = f"is retired on {end.on}" if today < end.on else f"was retired on {end.on}"
    return f"{model} {when} (as known on {READ_ON}); take {end.instead} instead"
