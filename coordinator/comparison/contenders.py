"""The policies that are compared, by the words that name them.

A contender's name says what it is: a preset and the settings changed in it, as in
``slate,panel=5`` or
``slate,straggler.factor=2``; each change must make sense after those before it. Two are
no policies: ``one agent`` and the kinds of self-consistency, which count samples of one
agent. Rivals by other names are settings of ours: one good judge, a knockout of pairs,
and the chairman of karpathy/llm-council, where all answer, all rank the others, and one
words the final answer.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from coordinator.ballots import read_rule
from coordinator.consensus.rules import (
    DEFAULT_POLICY,
    Adaptive,
    LeaderFirst,
    PolicyName,
    Rules,
    Shortlist,
    Straggler,
    Topology,
    setting_types,
)
from coordinator.errors import ConfigInvalid

_NESTED: dict[str, type[Adaptive | LeaderFirst | Shortlist | Straggler | Topology]] = {
    "adaptive": Adaptive,
    "leader_first": LeaderFirst,
    "shortlist": Shortlist,
    "straggler": Straggler,
    "topology": Topology,
}

ALONE = "one agent"
SAMPLES = "self-consistency"
ADAPTIVE_SAMPLES = "adaptive self-consistency"
N_SAMPLES = "one agent N times"
SAMPLED = frozenset({SAMPLES, ADAPTIVE_SAMPLES, N_SAMPLES})
DEFAULT = DEFAULT_POLICY
OURS = (DEFAULT, "slate")
"""Each is compared, pair by pair, with every rival."""

NAMED: dict[str, str] = {
    "one judge": "slate,panel=1,rule=plurality,shortlist=null,committee_over=null",
    "chairman": "ensemble,rule=borda,self_votes=forbid,final=synthesise",
    "knockout": "slate,topology.tournament=2,shortlist=null,committee_over=null",
}
"""Rivals that are our settings under the name by which people know them."""

CONTENDERS: tuple[str, ...] = (
    ALONE,
    N_SAMPLES,
    SAMPLES,
    ADAPTIVE_SAMPLES,
    *NAMED,
    "massgen",
    "ensemble",
    "revision,news=finish",
    "revision,news=inject",
    "revision,news=preempt",
    "revision,news=stale_only",
    DEFAULT,
    "evidence,panel=1",
    "evidence,panel=3",
    "evidence,self_votes=forbid",
    "slate",
    "slate,early=false",
    "slate,rule=plurality",
    "slate,shortlist=null",
    "slate,committee_over=null",
    "slate,leader_first=null",
    "slate,adaptive.start=3",
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
    if name == ALONE or name in SAMPLED:
        return Contender(name=name, rules=Rules("slate"))
    preset, *changes = NAMED.get(name, name).split(",")
    rules = Rules(cast("PolicyName", preset.strip()))  # refused if it is none
    for change in changes:
        key, _, value = (part.strip() for part in change.partition("="))
        try:
            rules = _with(rules, key, value)
        except ValueError as exc:
            raise ConfigInvalid(f"contender {name!r}: {key}: {exc}") from exc
    return Contender(name=name, rules=rules, is_fresh=preset == "massgen")


def _with(rules: Rules, key: str, value: str) -> Rules:
    """``rules`` with ``key`` (``panel``, ``straggler.factor``) read from words.

    Raises:
        ValueError: There is no such setting, or it cannot have that value.
    """
    name, _, part = key.partition(".")
    if part and name in _NESTED:
        kind = _NESTED[name]
        before = rules.settings()[name]
        known = msgspec.structs.asdict(before) if isinstance(before, kind) else {}
        read: Any = msgspec.convert({**known, part: value}, kind, strict=False)
    elif name == "rule":
        read = read_rule(value)
    else:
        kinds = setting_types()
        if key not in kinds:
            raise ValueError(f"unknown; choose one of {', '.join(kinds)}")
        read = msgspec.convert(value, kinds[key], strict=False)
    return rules.replace(**{name: read})
