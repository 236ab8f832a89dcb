"""The policies that are compared, by the words that name them.

A contender's name says what it is: a preset and the settings changed in it, as in
``slate,panel=5,judges=2``. Two are no policies: ``one agent`` and ``self-consistency``.
"""

from __future__ import annotations

import msgspec

from coordinator.ballots import read_rule
from coordinator.errors import ConfigInvalid
from coordinator.rules import Rules

ALONE = "one agent"
SAMPLES = "self-consistency"
DEFAULT = "slate"

CONTENDERS: tuple[str, ...] = (
    ALONE,
    SAMPLES,
    "massgen",
    "ensemble",
    "revision,news=finish",
    "revision,news=inject",
    "revision,news=preempt",
    "revision,news=stale_only",
    DEFAULT,
    "slate,early=false",
    "slate,rule=plurality",
    "slate,committee_over=null",
)


class Contender(msgspec.Struct, frozen=True, kw_only=True):
    """One policy in the comparison."""

    name: str
    rules: Rules
    is_fresh: bool = False
    """Turns begin their conversation anew, as MassGen's do; ours go on where they can.
    """


def contender(name: str) -> Contender:
    """The contender of ``name``.

    Raises:
        ConfigInvalid: There is no such policy or setting, or it cannot have that value.
    """
    if name in {ALONE, SAMPLES}:
        return Contender(name=name, rules=Rules.preset(DEFAULT))
    preset, *changes = name.split(",")
    rules = Rules.preset(preset.strip())
    fields = {field.name: field.type for field in msgspec.structs.fields(Rules)}
    changed: dict[str, object] = {}
    for change in changes:
        key, _, value = (part.strip() for part in change.partition("="))
        if key not in fields:
            raise ConfigInvalid(f"contender {name!r}: there is no setting {key!r}")
        try:
            changed[key] = (
                read_rule(value)
                if key == "rule"
                else msgspec.convert(value, fields[key], strict=False)
            )
        except msgspec.ValidationError as exc:
            raise ConfigInvalid(f"contender {name!r}: {key}: {exc}") from exc
    try:
        rules = msgspec.structs.replace(rules, **changed)
    except ValueError as exc:
        raise ConfigInvalid(f"contender {name!r}: {exc}") from exc
    return Contender(name=name, rules=rules, is_fresh=preset == "massgen")
