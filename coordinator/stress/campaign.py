"""Many seeds under stress, and a failing one made as small as it can be."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from coordinator.simulation.virtual_time import Runtime
from coordinator.stress.plan import FAULTS, Wish
from coordinator.stress.play import Ending, play
from coordinator.stress.targets import Over, Target

SHRINK_TRIES = 60
"""Plays that a failing seed may take to become smaller."""


class Campaign(NamedTuple):
    """The parameters of a campaign."""

    target: Target
    wish: Wish
    seeds: Sequence[int]
    runtimes: Sequence[Runtime]
    over: Over = "process"
    sessions: int = 1


class Outcome(NamedTuple):
    """One seed on one event loop."""

    ending: Ending
    cpu_s: float
    """Of its seed, shared by the sessions that ran at once."""


class Smallest(NamedTuple):
    """The smallest way found to see a problem again."""

    ending: Ending
    wish: Wish
    command: str


def played(campaign: Campaign) -> Iterator[Outcome]:
    """Play every seed on every event loop."""
    for runtime in campaign.runtimes:
        for seed in campaign.seeds:
            began = time.process_time()
            endings = play(
                campaign.target,
                seed,
                campaign.wish,
                runtime=runtime,
                over=campaign.over,
                sessions=campaign.sessions,
            )
            cpu_s = (time.process_time() - began) / len(endings)
            yield from (Outcome(ending, cpu_s) for ending in endings)


def smallest(campaign: Campaign, failed: Ending, agents: Sequence[str]) -> Smallest:
    """Make a failing session smaller while it fails in the same way.

    Args:
        campaign: It was played in.
        failed: How it ended.
        agents: All of its agents.
    """
    kind = _kind(failed)
    tries = 0

    def fails(wish: Wish) -> Ending | None:
        nonlocal tries
        tries += 1
        if tries > SHRINK_TRIES:
            return None
        endings = play(
            campaign.target,
            failed.seed,
            wish,
            runtime=failed.runtime,
            over=campaign.over,
        )
        failing = [one for one in endings if one.problems and _kind(one) == kind]
        return failing[0] if failing else None

    best, wish = (
        failed,
        msgspec.structs.replace(campaign.wish, deadline_s=failed.deadline_s),
    )
    for simpler in _simpler(wish):
        if (ending := fails(simpler)) is not None:
            best, wish = ending, simpler
    best, wish = _fewer(fails, best, wish, list(campaign.wish.only or agents))
    return Smallest(best, wish, command(campaign, best, wish))


def _simpler(wish: Wish) -> Iterator[Wish]:
    if wish.has_people:
        yield msgspec.structs.replace(wish, has_people=False)
    if wish.faults:
        yield msgspec.structs.replace(wish, faults=(), has_people=False)
        yield msgspec.structs.replace(wish, faults=())


def _fewer(
    fails: Callable[[Wish], Ending | None], best: Ending, wish: Wish, agents: list[str]
) -> tuple[Ending, Wish]:
    """Leave agents out, half of them, then quarters, and so on (ddmin)."""
    size = len(agents) // 2
    while size >= 1 and len(agents) > 1:
        at = 0
        while at < len(agents) and len(agents) > 1:
            rest = agents[:at] + agents[at + size :]
            tried = msgspec.structs.replace(wish, only=tuple(rest))
            if rest and (ending := fails(tried)) is not None:
                best, wish, agents = ending, tried, rest
            else:
                at += size
        size //= 2
    return best, wish


def _kind(ending: Ending) -> str:
    """The kind of problem: the words before the colon of the first one."""
    return ending.problems[0].partition(":")[0] if ending.problems else ""


def command(campaign: Campaign, ending: Ending, wish: Wish) -> str:
    """The one line that plays a session again."""
    words = ["coordinator", "stress", campaign.target.name]
    if campaign.target.agents is not None:
        words += ["--agents", str(campaign.target.agents)]
    words += ["--seeds", f"{ending.seed}..{ending.seed}", "--runtime", ending.runtime]
    if campaign.over != "process":
        words += ["--over", campaign.over]
    if wish.deadline_s is not None:
        words += ["--deadline", f"{wish.deadline_s:g}"]
    if wish.faults != FAULTS:
        words += ["--faults", ", ".join(wish.faults) or "none"]
    if not wish.has_people:
        words += ["--no-people"]
    if wish.only:
        words += ["--only", ",".join(wish.only)]
    return shlex.join(words)
