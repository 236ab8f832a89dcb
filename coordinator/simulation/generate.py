"""Random teams, rules and tempers, each decided by its seed alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from random import Random
from typing import Any, get_args

import msgspec

from agents.protocol.checks import Check
from agents.protocol.chunks import AgentId
from agents.protocol.turns import Criterion
from coordinator.ballots import Score, VotingRule, every_rule
from coordinator.consensus.rules import (
    Adaptive,
    Division,
    Escalate,
    PolicyName,
    Rules,
    RulesRecord,
    Straggler,
    Topology,
)
from coordinator.simulation.agent_model import Temper
from coordinator.simulation.world import World

_POLICIES: tuple[PolicyName, ...] = get_args(PolicyName)

FAULTS = ("silent", "fail", "stall", "nonsense", "late", "meddle")
"""Kinds of faults, by their names in :class:`Temper`."""


SMALL = (1, 2, 3, 3, 3, 4, 5, 5)
"""Team sizes of nineteen sessions in twenty, the frequent ones more often: what people
run."""
LARGE = (7, 9, 12, 20)
"""Those of the others: what is done in committees alone takes larger teams."""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of a world."""

    seed: int
    agents: tuple[AgentId, ...]
    rules: Rules
    temper: Temper

    def world(self) -> World:
        """Make the world; each time the same."""
        return World(self.seed, self.agents, self.rules, self.temper)


class SettingFile(msgspec.Struct, frozen=True, kw_only=True):
    """A setting as a kept file holds it; its rules side by side."""

    seed: int
    agents: tuple[AgentId, ...]
    rules: RulesRecord
    temper: Temper

    def setting(self) -> Setting:
        """Read it.

        Raises:
            ConfigInvalid: Its rules contradict each other.
        """
        return Setting(
            seed=self.seed,
            agents=self.agents,
            rules=Rules.from_record(self.rules),
            temper=self.temper,
        )


def encode_rules(value: object) -> object:
    """Rules inside a setting, as msgspec encodes them (``enc_hook``)."""
    if isinstance(value, Rules):
        return value.record()
    raise NotImplementedError(f"nothing but rules is encoded so: {value!r}")


def setting(
    seed: int, faults: Collection[str] = FAULTS, sizes: Sequence[int] = ()
) -> Setting:
    """The random team, rules and temper of ``seed``.

    Args:
        seed: The same one, with the same options, makes the same setting.
        faults: Only these go wrong.
        sizes: How many agents there may be; empty: the usual mix, see :data:`SMALL`.
    """
    chance = Random(seed)  # noqa: S311 (a simulation, not a secret)
    usual = LARGE if chance.random() < 0.05 else SMALL
    size = chance.choice(sizes or usual)
    return Setting(
        seed=seed,
        agents=tuple(AgentId(f"a{number}") for number in range(size)),
        rules=_voterless(_rules(chance), seed),
        temper=_only(_temper(chance), faults),
    )


def settings_of(
    agents: tuple[AgentId, ...],
    rules: Rules,
    seeds: Iterable[int],
    faults: Collection[str] = FAULTS,
) -> Iterator[Setting]:
    """One team under its own rules, with a random temper for each seed."""
    for seed in seeds:
        chance = Random(seed)  # noqa: S311 (a simulation, not a secret)
        temper = _only(_temper(chance), faults)
        yield Setting(seed=seed, agents=agents, rules=rules, temper=temper)


def _only(temper: Temper, faults: Collection[str]) -> Temper:
    absent = {name: 0.0 for name in FAULTS if name not in faults}
    return msgspec.structs.replace(temper, **absent)


def _rules(chance: Random) -> Rules:
    """A policy, with some of its settings changed at random."""
    rules = Rules(chance.choice(_POLICIES))
    changes: dict[str, Any] = {}
    if chance.random() < 0.5:
        changes["rule"] = _rule(chance)
    for name, values in _CHANGES.items():
        if chance.random() < 0.25:
            changes[name] = chance.choice(values)
    if chance.random() < 0.05:
        changes["division"] = Division(parts=chance.choice((1, 3, 8)))
    # Committees and reviews that open early each go with one kind of slate only.
    if changes.get("revise", rules.drafting.revise):
        changes["committee_over"] = None
        changes.update(challenge="off", topology="all", adaptive=None, equal="none")
        changes.update(checks=(), stop="all")
    else:
        changes["review_opens"] = "all_drafted"
        is_counted = changes.get("equal", rules.drafting.equal) != "none"
        if changes.get("adaptive") == _OVER_ANSWERS and not is_counted:
            changes["equal"] = "text"
    if changes.get("checks"):
        changes.update(challenge="off", division=None)
    else:
        changes["stop"] = "all"
    if chance.random() < 0.06 and not changes.get("revise", rules.drafting.revise):
        changes.update(adaptive=None, division=None, equal="text")
        changes["escalate"] = chance.choice(_ESCALATIONS)
        changes["models"] = {"a0": "m", "a1": "m", "a2": "n", "a4": "n"}
    if chance.random() < 0.08:
        changes.update(rule=Score(), self_votes="forbid")
        changes["rubric"] = chance.choice(_RUBRICS)
    return rules.replace(**changes)


def _voterless(rules: Rules, seed: int) -> Rules:
    """The same rules; of every 25th world's, without a vote where that can be."""
    if seed % 25 != 24 or rules.drafting.revise:
        return rules
    ties = "lot" if rules.voting.ties == "runoff" else rules.voting.ties
    return rules.replace(panel=0, challenge="off", ties=ties)


_ESCALATIONS = (Escalate(to="n"), Escalate(to="m", unless="clear"))
_RUBRICS = (
    (Criterion(name="clear"),),
    (Criterion(name="clear", weight=3.0), Criterion(name="short", weight=0.5)),
)
_OVER_ANSWERS = Adaptive(start=2, step=2, max=7, over="answers", stop="posterior")

# In the world without a shell they find anything at all; the shell runs them.
_GREEN = Check(pattern="green|blue", name="colour")
_SAID = Check(pattern="said", weight=2.5)
_LONG = Check(pattern=".{25}", name="long", weight=0.5)

_CHANGES: dict[str, tuple[object, ...]] = {
    "self_votes": ("allow", "forbid", "tie_break"),
    "challenge": ("off", "weak_margin"),
    "weak_margin": (0.0, 0.2, 1.0),
    "small_change_over": (0.2, 0.45, 1.0),
    "ties": ("lot", "earliest", "runoff", "synthesise"),
    "quorum": (0.0, 0.5, 1.0),
    "early": (True, False),
    "overturn": (True, False),
    "revise": (True, False),
    "news": ("finish", "inject", "preempt", "stale_only"),
    "coalesce_s": (0.0, 0.25, 5.0),
    "duplicate_over": (0.5, 0.9, 1.0),
    "equal": ("none", "text", "text"),
    "checks": ((_GREEN,), (_GREEN, _SAID), (_GREEN, _SAID, _LONG)),
    "check_tries": (1, 2, 3),
    "stop": ("all", "first"),
    "straggler": (None, Straggler(), Straggler(share=0.3, factor=1.1, among="model")),
    "models": ({}, {"a0": "m", "a1": "m", "a2": "n", "a4": "n"}),
    "makers": ({}, {"a0": "x", "a1": "x", "a2": "y", "a4": "y"}),
    "panel": (None, 1, 3, 7, "auto"),
    "topology": (
        Topology(ring=2),
        Topology(ring=3),
        Topology(committees=3),
        Topology(tournament=2),
    ),
    "adaptive": (
        Adaptive(start=1, step=1, max=4),
        Adaptive(start=2, step=3, max=9, stop="posterior"),
        _OVER_ANSWERS,
    ),
    "committee_over": (None, 2, 8),
    "committee_size": (2, 3, 5),
    "judges": (1, 3),
    "answers_per_agent": (1, 2, 5),
    "answers_total": (None, 3, 8),
    "lead": (None, 1, 2),
    "attempts": (1, 3),
    "deadline_s": (5.0, 60.0, 1800.0),
    "budget_tokens": (None, 300, 3000),
    "agent_budget_tokens": (None, 200),
    "final": ("present", "reuse", "synthesise"),
    "restarts": (0, 1, 3),
}


def _rule(chance: Random) -> VotingRule:
    return chance.choice(every_rule())


def _temper(chance: Random) -> Temper:
    """From teams where all goes well to teams where little does."""
    if chance.random() < 0.3:
        return Temper(silent=0, fail=0, stall=0, nonsense=0, meddle=0)
    bad = chance.choice((0.02, 0.1, 0.4))
    return Temper(
        revise=chance.choice((0.0, 0.3, 0.9)),
        silent=chance.random() * bad,
        fail=chance.random() * bad,
        stall=chance.random() * bad,
        nonsense=chance.random() * bad,
        late=chance.choice((0.0, 0.3, 1.0)),
        meddle=chance.random() * bad * 2,
        pace_s=chance.choice((0.1, 10.0, 100.0)),
    )
