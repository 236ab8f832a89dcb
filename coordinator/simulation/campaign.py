"""Many worlds, one verdict: runs seeds, checks each, counts, and shrinks what fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import cast

import msgspec

from coordinator.consensus.rules import PolicyName, Rules
from coordinator.simulation.agent_model import Temper
from coordinator.simulation.generate import FAULTS, Setting, setting
from coordinator.simulation.invariants import Violation
from coordinator.simulation.world import World

SEEDS_AT_ONCE = 500
"""Sessions a worker plays before it reports; progress moves in these steps."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A world in which an invariant broke."""

    seed: int
    invariant: str
    agents: int
    """Team size after shrinking."""
    changed: tuple[str, ...]
    """The settings that, beside the policy, are needed for it to break."""
    shrunk: Setting
    """The smallest world found in which it breaks."""

    def reproduction(self, options: str = "") -> str:
        """The command that shows it again.

        Args:
            options: Others that the campaign was run with, as they are written.
        """
        return f"coordinator simulate --runs 1 --seed {self.seed} {options}".strip()


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The counts and failures of a campaign."""

    runs: int = 0
    steps: int = 0
    statuses: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    policies: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    failures: tuple[Failure, ...] = ()

    def __add__(self, other: Report) -> Report:
        """Both together."""
        return Report(
            runs=self.runs + other.runs,
            steps=self.steps + other.steps,
            statuses=dict(Counter(self.statuses) + Counter(other.statuses)),
            policies=dict(Counter(self.policies) + Counter(other.policies)),
            failures=self.failures + other.failures,
        )


def run_seeds(
    seeds: Iterable[int],
    faults: Collection[str] = FAULTS,
    sizes: Sequence[int] = (),
) -> Report:
    """Play one world per seed in this process; failures are shrunk and reported."""
    return run_settings(setting(seed, faults, sizes) for seed in seeds)


def run_settings(settings: Iterable[Setting]) -> Report:
    """Play these worlds in this process; failures are shrunk and reported."""
    steps = 0
    statuses: Counter[str] = Counter()
    policies: Counter[str] = Counter()
    failures: list[Failure] = []
    runs = 0
    for drawn in settings:
        runs += 1
        policies[drawn.rules.policy] += 1
        try:
            played = drawn.world().play()
        except Violation as broken:
            failures.append(shrink(drawn, str(broken)))
            continue
        steps += len(played.inputs)
        statuses[played.end.status] += 1
    return Report(
        runs=runs,
        steps=steps,
        statuses=dict(statuses),
        policies=dict(policies),
        failures=tuple(failures),
    )


def campaign(
    first_seed: int,
    runs: int,
    workers: int = 1,
    faults: Collection[str] = FAULTS,
    sizes: Sequence[int] = (),
) -> Iterator[Report]:
    """Play ``runs`` worlds and yield the report so far after every few hundred."""
    play = partial(run_seeds, faults=faults, sizes=sizes)
    return in_batches(play, first_seed, runs, workers, SEEDS_AT_ONCE)


def in_batches(
    play: Callable[[range], Report], first_seed: int, runs: int, workers: int, size: int
) -> Iterator[Report]:
    """Let ``play`` have ``size`` seeds at a time; yield what all found so far.

    Args:
        play: Plays a world per seed; pickled where there are several workers.
        first_seed: The next ones count up.
        runs: How many seeds.
        workers: Processes; 1: this one.
        size: Seeds at a time.
    """
    batches = [
        range(start, min(start + size, first_seed + runs))
        for start in range(first_seed, first_seed + runs, size)
    ]
    total = Report()
    workers = min(workers, len(batches))
    if workers <= 1:
        for batch in batches:
            total += play(batch)
            yield total
        return
    with ProcessPoolExecutor(workers) as pool:
        for report in pool.map(play, batches):
            total += report
            yield total


def shrink(drawn: Setting, invariant: str) -> Failure:
    """Make a failing setting as small as it can be while the same invariant breaks."""

    def fails(candidate: Setting) -> bool:
        try:
            candidate.world().play()
        except Violation as broken:
            return str(broken) == invariant
        return False

    for simpler in _calmer(drawn):
        if fails(simpler):
            drawn = simpler
    drawn = _with_fewer_agents(drawn, fails)
    drawn, changed = _with_fewer_changes(drawn, fails)
    return Failure(
        seed=drawn.seed,
        invariant=invariant,
        agents=len(drawn.agents),
        changed=changed,
        shrunk=drawn,
    )


def _calmer(drawn: Setting) -> Iterator[Setting]:
    """The same team with one trouble less."""
    quiet = Temper(silent=0, fail=0, stall=0, nonsense=0, meddle=0, late=0)
    for name in ("meddle", "nonsense", "stall", "fail", "silent", "late"):
        temper = msgspec.structs.replace(drawn.temper, **{name: getattr(quiet, name)})
        yield msgspec.structs.replace(drawn, temper=temper)


def _with_fewer_agents(drawn: Setting, fails: Callable[[Setting], bool]) -> Setting:
    for size in range(1, len(drawn.agents)):
        smaller = msgspec.structs.replace(drawn, agents=drawn.agents[:size])
        if fails(smaller):
            return smaller
    return drawn


def _with_fewer_changes(
    drawn: Setting, fails: Callable[[Setting], bool]
) -> tuple[Setting, tuple[str, ...]]:
    """Put back each setting of the policy that is not needed for the failure."""
    plain = Rules(cast("PolicyName", drawn.rules.policy)).settings()
    changed: list[str] = []
    for name, value in drawn.rules.settings().items():
        if value == plain[name]:
            continue
        try:
            rules = drawn.rules.replace(**{name: plain[name]})
        except ValueError:
            # It does not go with another changed setting, so it is needed.
            rules = drawn.rules
        simpler = msgspec.structs.replace(drawn, rules=rules)
        if rules != drawn.rules and fails(simpler):
            drawn = simpler
        else:
            changed.append(f"{name}={value!r}")
    return drawn, tuple(changed)


def replayed(world: Callable[[], World]) -> None:
    """Feed a session's inputs to a fresh machine; the effects must be the same.

    Raises:
        Violation: They are not.
    """
    first, again = world().play(), world()
    if again.replay(first.inputs) != first.outputs:
        raise Violation("the inputs in order reproduce the session")
