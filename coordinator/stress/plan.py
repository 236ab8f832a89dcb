"""The plan of a stressed team's troubles, drawn by a seed.

Each agent's lot is drawn by itself, so that leaving one out changes nothing for the
others: that is what makes a failing seed smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec

from coordinator.simulation.fault_injection import faults_of

DEADLINES_S = (3.0, 30.0, 120.0)
"""Before most have answered, after most have, and after all but who stalls."""
FAULTY_SHARE = 0.4
"""Of the agents, around whom something goes wrong."""
STOPPED_SHARE = 0.12
"""Of the agents, whom a person stops."""
INTERRUPTED_SHARE = 0.15
"""Of the sessions, which a person interrupts."""
MEDDLING_S = 10.0
"""People do what they do within this time."""
FAULTS = ("fails", "fails every second", "slow 2 s", "stalls", "floods", "cut")
"""Drawn from where nothing is said."""


class Meddling(msgspec.Struct, frozen=True, kw_only=True):
    """A person's action: to stop an agent, or to end the session."""

    at_s: float
    stops: str | None = None
    """An agent; ``None``: the session is interrupted."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One session's fate."""

    seed: int
    agents: tuple[str, ...]
    faults: dict[str, str]
    """Agent → what goes wrong around its backend."""
    tool_faults: dict[str, str]
    """Agent → what goes wrong around its tools."""
    people: tuple[Meddling, ...]
    deadline_s: float


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """The troubles that were asked for."""

    faults: tuple[str, ...] = FAULTS
    """Drawn from; empty: nothing goes wrong."""
    has_people: bool = True
    deadline_s: float | None = None
    """``None``: by lot."""
    only: tuple[str, ...] = ()
    """Leave all other agents out; empty: nobody."""


def faults_wished(text: str) -> tuple[str, ...]:
    """Read ``--faults``: ``all``, ``none``, or some with commas between.

    Raises:
        ConfigInvalid: A word is none.
    """
    if text == "all":
        return FAULTS
    if text == "none":
        return ()
    faults_of(text)
    return tuple(part.strip() for part in text.split(",") if part.strip())


def plan_of(seed: int, agents: Sequence[str], wish: Wish) -> Plan:
    """Draw a session's fate."""
    whole = _chance(f"{seed}/session")
    deadline_s = whole.choice(DEADLINES_S)
    is_interrupted = whole.random() < INTERRUPTED_SHARE
    interrupted_s = whole.uniform(0, MEDDLING_S)
    faults: dict[str, str] = {}
    tool_faults: dict[str, str] = {}
    people: list[Meddling] = []
    for agent in agents:
        chance = _chance(f"{seed}/{agent}")
        if chance.random() < FAULTY_SHARE and wish.faults:
            faults[agent] = chance.choice(wish.faults)
        if chance.random() < FAULTY_SHARE and wish.faults:
            tool_faults[agent] = chance.choice(wish.faults)
        if chance.random() < STOPPED_SHARE and wish.has_people:
            at_s = chance.uniform(0, MEDDLING_S)
            people.append(Meddling(at_s=at_s, stops=agent))
    if is_interrupted and wish.has_people:
        people.append(Meddling(at_s=interrupted_s))
    return Plan(
        seed=seed,
        agents=tuple(agents),
        faults=faults,
        tool_faults=tool_faults,
        people=tuple(sorted(people, key=lambda one: one.at_s)),
        deadline_s=wish.deadline_s or deadline_s,
    )


def _chance(name: str) -> Random:
    return Random(name)  # noqa: S311  (a schedule, not a secret)
