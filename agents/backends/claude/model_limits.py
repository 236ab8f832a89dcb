"""Settings that a model refuses and others take. Data, by models' names.

All of it was read on 2026-11-30 in the vendor's pages on extended thinking, preserved
thinking and tool use, and in what public reports quote of its refusals.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

import msgspec

READ = "2026-11-30"


class ModelLimits(msgspec.Struct, frozen=True, kw_only=True):
    """One family's refusals."""

    models: str
    """Matches the name, without a date behind it."""
    refused_thinking: frozenset[str] = frozenset()
    """Values of ``thinking.type``."""
    most_effort_without_thinking: str | None = None
    """``disabled`` goes with no higher effort."""
    takes_forced_choice: bool = True
    """Whether ``tool_choice`` may ask for a tool."""
    binds_thinking: bool = False
    """Whether it knows ``thinking.block_binding``, and shows no thoughts unless
    summaries are asked for."""
    other_prefix: Literal["refused", "refused of new accounts", "dropped"] = "dropped"
    """The effect on thinking when ``system``, ``tools`` or earlier messages differ from
    those that it was made under. The emulated account is new."""


_NONE_BUT_ADAPTIVE = frozenset({"disabled", "enabled"})

MODELS = (
    ModelLimits(
        models=r"fable-5-2",
        binds_thinking=True,
        refused_thinking=_NONE_BUT_ADAPTIVE,
        other_prefix="refused",
    ),
    ModelLimits(
        models=r"mythos-5-2", binds_thinking=True, refused_thinking=_NONE_BUT_ADAPTIVE
    ),
    ModelLimits(
        models=r"fable-5-1",
        binds_thinking=True,
        refused_thinking=_NONE_BUT_ADAPTIVE,
        takes_forced_choice=False,
        other_prefix="refused of new accounts",
    ),
    ModelLimits(models=r"fable-5", refused_thinking=_NONE_BUT_ADAPTIVE),
    ModelLimits(
        models=r"opus-5-5",
        binds_thinking=True,
        refused_thinking=_NONE_BUT_ADAPTIVE,
        takes_forced_choice=False,
        other_prefix="refused of new accounts",
    ),
    ModelLimits(
        models=r"sonnet-5-5",
        binds_thinking=True,
        refused_thinking=frozenset({"disabled"}),
        takes_forced_choice=False,
        other_prefix="refused of new accounts",
    ),
    ModelLimits(
        models=r"haiku-5-5",
        binds_thinking=True,
        most_effort_without_thinking="high",
        other_prefix="refused of new accounts",
    ),
    ModelLimits(models=r"opus-5", most_effort_without_thinking="high"),
    ModelLimits(models=r"opus-4-7|sonnet-5", refused_thinking=frozenset({"enabled"})),
)

_OUTPUTS = (
    (r"(?:opus|sonnet|haiku)-4-5", 64_000),
    (r"(?:opus|sonnet)-4-[6-8]|(?:fable|mythos|opus|sonnet|haiku)-5(?:-\d)?", 128_000),
)
"""Most tokens of one response (platform.claude.com, models overview; those of 4.6 to
4.8 as users of Effect-TS/effect#7129 found them; read 2026-11-30)."""

EFFORTS = ("low", "medium", "high", "xhigh", "max")
_ANY = ModelLimits(models="")
_DATE = re.compile(r"(?:[-@]\d{8})?(?:-v\d+(?::\d+)?)?(?:\[\w+\])?$")


@lru_cache(maxsize=256)  # each request asks, and a team has a few
def limits_of(model: str) -> ModelLimits:
    """The limits of ``model``; an unknown name has none.

    Names of Bedrock's and of gateways have a provider before them.
    """
    name = _plain(model)
    for each in MODELS:
        if re.fullmatch(each.models, name):
            return each
    return _ANY


@lru_cache(maxsize=256)
def most_output(model: str) -> int | None:
    """The most tokens of one response of ``model``; ``None``: unknown here."""
    name = _plain(model)
    return next((most for names, most in _OUTPUTS if re.fullmatch(names, name)), None)


def _plain(model: str) -> str:
    return _DATE.sub("", model).rpartition("claude-")[2]
