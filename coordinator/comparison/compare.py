"""The benchmark of policies: the same teams under every policy, counted and judged.

Teams are decided by seeds alone (:mod:`~coordinator.comparison.crowd`), so policies are
compared pair by pair. What is assumed stands in
:mod:`~coordinator.comparison.assumptions`, who takes part in
:mod:`~coordinator.comparison.contenders`, in which circumstances in
:mod:`~coordinator.comparison.situations`. Printing is
:mod:`~coordinator.comparison.table`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

import msgspec

from coordinator.comparison import confidence as intervals
from coordinator.comparison.assumptions import FIRST_TEST_SEED, Assumptions, assumptions
from coordinator.comparison.billing import Bill
from coordinator.comparison.confidence import Interval
from coordinator.comparison.contenders import (
    ADAPTIVE_SAMPLES,
    ALONE,
    CONTENDERS,
    DEFAULT,
    NAMED,
    OURS,
    SAMPLED,
    SAMPLES,
    Contender,
    contender,
)
from coordinator.comparison.crowd import Crowd
from coordinator.comparison.simulated_session import Outcome, Stage
from coordinator.comparison.situations import SITUATIONS, situation
from coordinator.consensus.settings import Adaptive
from coordinator.consensus.team_growth import is_sure
from coordinator.errors import ConfigInvalid

SIZES = (3, 5, 7, 16, 64)
ONE_SIZE = 7
"""Size of the teams in situations that are played with one size only."""
LEAST_OPEN_RUNS = 20
SEEDS_AT_ONCE = 20
SAMPLES_MOST = 16
SURE = 0.95
"""As Adaptive-Consistency has it."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One contender in one situation with teams of one size."""

    situation: str
    size: int
    contender: str
    runs: int
    tokens: Interval
    """All, turns that were cancelled included; so in the next three, their parts."""
    tokens_in: Interval
    """Not from the cache."""
    tokens_cached: Interval
    """Read from the cache."""
    tokens_out: Interval
    usd: Interval
    p50_s: Interval
    p95_s: Interval
    quality: Interval
    best: Interval
    """Best answer produced."""
    right: Interval
    fixed: Interval
    """Share of sessions that are right where the agent alone was wrong."""
    broken: Interval
    """Share of sessions that are wrong where the agent alone was right."""
    turned_right: Interval
    """Revisions a session that made a wrong answer right."""
    turned_wrong: Interval
    wasted: Interval
    """Share of the tokens spent on turns without effect."""
    restarts: Interval
    """Answers a session that sent voters back."""
    early: Interval
    """Share of sessions whose last vote was decided before all ballots were in."""
    early_same: Interval | None
    """Share of sessions whose winner is that of the full count; ``None``: all ballots
    are waited for, or they are not the same ballots because answers change. Below 1
    only for teams that grow: ballots that never came might have made them grow."""


class Versus(msgspec.Struct, frozen=True, kw_only=True):
    """One contender against another over the same teams."""

    situation: str
    size: int
    contender: str
    rival: str
    runs: int
    tokens: Interval
    """Ratio of the means, as in the next two."""
    usd: Interval
    time: Interval
    quality: Interval
    """Mean difference."""
    right: Interval
    """Difference of the shares that are right."""
    same_answer: Interval


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found, and what is needed to find it again."""

    seed: int
    runs: int
    sizes: tuple[int, ...]
    assumptions: Assumptions
    judges: str = ""
    """Where the correlation of judges is from."""
    rows: tuple[Row, ...]
    versus: tuple[Versus, ...]


class _Job(msgspec.Struct, frozen=True, kw_only=True):
    situation: str
    size: int
    assumed: Assumptions
    contenders: tuple[str, ...]
    seeds: tuple[int, ...]
    open_until: int
    """Seeds from here on are not played under the open-ended policies."""


class _Played(msgspec.Struct, frozen=True, kw_only=True):
    outcome: Outcome
    is_same: bool | None
    """As the full count; see ``Row.early_same``."""


_Outcomes = dict[str, list[_Played]]


def compare(
    *,
    runs: int,
    sizes: Sequence[int] = SIZES,
    seed: int = FIRST_TEST_SEED,
    workers: int = 1,
    contenders: Sequence[str] = CONTENDERS,
    situations: Sequence[str] = tuple(SITUATIONS),
    assumed: Assumptions | None = None,
    judges: str = "",
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Comparison:
    """Play ``runs`` teams of each size under each contender in each situation.

    Open-ended revision with large teams takes long to simulate, as it would to run: it
    gets ``runs`` * (7 / size)² teams there, at least 20; its rows say how many.

    Args:
        runs: Teams for each size and situation.
        sizes: Agents a team.
        seed: The first team's; others follow.
        workers: Processes.
        contenders: Names, see :mod:`coordinator.comparison.contenders`.
        situations: Names, see :mod:`coordinator.comparison.situations`.
        assumed: Where a situation does not say otherwise.
        judges: Where the correlation of judges is from, for readers.
        on_progress: Told (jobs done, jobs in all).

    Raises:
        ConfigInvalid: A name is unknown, or a number too small.
    """
    assumed = assumed or Assumptions()
    if not sizes:
        raise ConfigInvalid("compare has no size of team; give one or more")
    least = [("runs", runs, 1), ("workers", workers, 1)]
    for name, value, enough in (*least, *(("size", size, 2) for size in sizes)):
        if value < enough:
            raise ConfigInvalid(f"{name} {value} is too few; give {enough} or more")
    names = tuple(dict.fromkeys((ALONE, DEFAULT, *contenders)))
    for name in names:
        contender(name)
    jobs = list(
        _jobs(
            runs=runs,
            sizes=sizes,
            seed=seed,
            contenders=names,
            situations=situations,
            assumed=assumed,
        )
    )
    by_place: dict[tuple[str, int], _Outcomes] = {}
    for done, (job, played) in enumerate(_carried_out(jobs, workers), start=1):
        here = by_place.setdefault((job.situation, job.size), {n: [] for n in names})
        for name, outcomes in played.items():
            here[name].extend(outcomes)
        on_progress(done, len(jobs))
    wanted = [name for name in names if name in contenders]
    return Comparison(
        seed=seed,
        runs=runs,
        sizes=tuple(sizes),
        assumptions=assumed,
        judges=judges,
        rows=tuple(
            _row(place, name, here)
            for place, here in by_place.items()
            for name in wanted
            if here[name]
        ),
        versus=tuple(
            _versus(place, name, rival, here)
            for place, here in by_place.items()
            for name in names
            if name.startswith(OURS)
            for rival in wanted
            if rival != name and here[name] and here[rival]
        ),
    )


def _jobs(
    *,
    runs: int,
    sizes: Sequence[int],
    seed: int,
    contenders: tuple[str, ...],
    situations: Sequence[str],
    assumed: Assumptions,
) -> Iterator[_Job]:
    one_size = min(sizes, key=lambda size: abs(size - ONE_SIZE))
    for name in situations:
        chosen = situation(name)
        here = assumptions(assumed, **chosen.changes)
        for size in sizes if chosen.is_for_all_sizes else (one_size,):
            few = runs * ONE_SIZE**2 // size**2 if size > ONE_SIZE else runs
            seeds = range(seed, seed + runs)
            for start in range(0, runs, SEEDS_AT_ONCE):
                yield _Job(
                    situation=name,
                    size=size,
                    assumed=here,
                    contenders=contenders,
                    seeds=tuple(seeds[start : start + SEEDS_AT_ONCE]),
                    open_until=seed + max(few, LEAST_OPEN_RUNS),
                )


def _carried_out(
    jobs: Sequence[_Job], workers: int
) -> Iterator[tuple[_Job, _Outcomes]]:
    """Each job with its outcomes, in order."""
    if workers <= 1:
        for job in jobs:
            yield job, _work(job)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from zip(jobs, pool.map(_work, jobs), strict=True)


def _work(job: _Job) -> _Outcomes:
    outcomes: _Outcomes = {name: [] for name in job.contenders}
    chosen = [contender(name) for name in job.contenders]
    for seed in job.seeds:
        crowd = Crowd(seed, job.size, job.assumed)
        budget = 0
        # The default policy goes first: what it spends is what samples may spend.
        for each in sorted(chosen, key=lambda c: c.name != DEFAULT):
            if each.rules.drafting.revise and seed >= job.open_until:
                continue
            if each.name not in SAMPLED and _is_same_rules_here(each, job.size):
                continue
            played = _play(each, crowd, budget)
            if each.name == DEFAULT:
                budget = played.outcome.tokens
            outcomes[each.name].append(played)
    return outcomes


def _is_same_rules_here(each: Contender, size: int) -> bool:
    """Whether it is its policy but for stages that so few do not need."""
    if each.name in NAMED or each.name == ALONE:
        return False
    default, rules = contender(each.name.split(",")[0]).rules, each.rules
    if rules == default or rules.drafting.revise:
        return False
    voting = default.voting
    if size <= (voting.committee_over or 0) and rules.voting.committee_over is None:
        rules = rules.replace(committee_over=voting.committee_over)
    if voting.shortlist is not None and size <= voting.shortlist.over:
        rules = rules.replace(shortlist=voting.shortlist)
    return rules == default


def _play(each: Contender, crowd: Crowd, budget: int) -> _Played:
    if each.name in SAMPLED:
        return _Played(outcome=_sampled(each.name, crowd, budget), is_same=None)
    if each.name == ALONE:
        crowd = crowd.alone()
    outcome = Stage(crowd, each.rules, is_fresh=each.is_fresh).play()
    if not each.rules.voting.early or each.rules.drafting.revise or crowd.size == 1:
        return _Played(outcome=outcome, is_same=None)
    full = each.rules.replace(early=False)
    twin = Stage(crowd, full, is_fresh=each.is_fresh).play()
    return _Played(outcome=outcome, is_same=twin.winner == outcome.winner)


def _sampled(name: str, crowd: Crowd, budget_tokens: int) -> Outcome:
    """Samples of one agent, counted: how many is in the contender's name."""
    if name == ADAPTIVE_SAMPLES:
        return adaptive_self_consistency(crowd)
    assumed = crowd.assumed
    prompt = assumed.preamble_tokens + assumed.question_tokens + assumed.ask_tokens
    n = max(1, round(budget_tokens / (prompt + assumed.draft_tokens)))
    return self_consistency(crowd, n if name == SAMPLES else crowd.size)


def adaptive_self_consistency(crowd: Crowd) -> Outcome:
    """Samples of one agent one after another until the commonest result is certain.

    Adaptive-Consistency (2305.11860): three at first, then one more each time.
    """
    rule = Adaptive(start=3, step=1, max=SAMPLES_MOST, stop="posterior", sure=SURE)
    n = rule.start
    while n < rule.max:
        counts = Counter(_results(crowd, n)).most_common(2)
        behind = counts[1][1] if len(counts) > 1 else 0
        if is_sure(rule, counts[0][1], behind, n):
            break
        n += rule.step
    return self_consistency(crowd, n, at_once=rule.start)


def _results(crowd: Crowd, n: int) -> list[int]:
    return [crowd.result(crowd.normal("sample", i), "sample", i) for i in range(n)]


def self_consistency(crowd: Crowd, n: int, *, at_once: int | None = None) -> Outcome:
    """One agent answers ``n`` times; the commonest result is taken.

    Which text of the commonest result is given is not judged: it is the first one. This
    needs results that can be compared, which an essay or a program has not.

    Args:
        crowd: Whose first agent answers.
        n: How often, at least once.
        at_once: How many are asked together; the others follow one another.
    """
    assumed = crowd.assumed
    prompt = assumed.preamble_tokens + assumed.question_tokens + assumed.ask_tokens
    bill, elapsed = Bill(), 0.0
    qualities = [crowd.normal("sample", i) for i in range(n)]
    results = _results(crowd, n)
    for i in range(n):
        written = crowd.length(assumed.draft_tokens, 0, "sample", i)
        took = written / crowd.speed(0, "sample", i)
        took += assumed.first_token_s + prompt / assumed.reads_per_s
        is_after = at_once is not None and i >= at_once
        elapsed = elapsed + took if is_after else max(elapsed, took)
        bill = bill.plus(Bill(plain=prompt, output=int(written)))
    # Counters keep the order of first appearance, so the earlier one wins a tie.
    result = Counter(results).most_common(1)[0][0]
    index = results.index(result)
    return Outcome(
        seed=crowd.seed,
        plain=bill.plain,
        read=0,
        written=0,
        output=bill.output,
        usd=bill.usd(assumed),
        elapsed_s=elapsed,
        quality=qualities[index],
        best=max(qualities),
        is_right=result == 0,
        wasted=0,
        restarts=0,
        turned_wrong=0,
        turned_right=0,
        winner=f"sample {index}",
        is_early=False,
        status="answered",
    )


def _row(place: tuple[str, int], name: str, here: _Outcomes) -> Row:
    played = here[name]
    outcomes = [each.outcome for each in played]
    alone = {each.outcome.seed: each.outcome.is_right for each in here[ALONE]}
    n = len(outcomes)
    same = [each.is_same for each in played if each.is_same is not None]

    def mean(value: Callable[[Outcome], float]) -> Interval:
        return intervals.mean([value(outcome) for outcome in outcomes])

    def share(holds: Callable[[Outcome], bool]) -> Interval:
        return intervals.share(sum(holds(outcome) for outcome in outcomes), n)

    times = [outcome.elapsed_s for outcome in outcomes]
    return Row(
        situation=place[0],
        size=place[1],
        contender=name,
        runs=n,
        tokens=mean(lambda o: o.tokens),
        tokens_in=mean(lambda o: o.plain + o.written),
        tokens_cached=mean(lambda o: o.read),
        tokens_out=mean(lambda o: o.output),
        usd=mean(lambda o: o.usd),
        p50_s=intervals.percentile(times, 0.5),
        p95_s=intervals.percentile(times, 0.95),
        quality=mean(lambda o: o.quality),
        best=mean(lambda o: o.best),
        right=share(lambda o: o.is_right),
        fixed=share(lambda o: o.is_right and not alone[o.seed]),
        broken=share(lambda o: not o.is_right and alone[o.seed]),
        turned_right=mean(lambda o: o.turned_right),
        turned_wrong=mean(lambda o: o.turned_wrong),
        wasted=intervals.ratio(
            [o.wasted for o in outcomes], [o.tokens for o in outcomes]
        ),
        restarts=mean(lambda o: o.restarts),
        early=share(lambda o: o.is_early),
        early_same=intervals.share(sum(same), len(same)) if same else None,
    )


def _versus(place: tuple[str, int], name: str, rival: str, here: _Outcomes) -> Versus:
    theirs = {each.outcome.seed: each.outcome for each in here[rival]}
    pairs = [
        (each.outcome, theirs[each.outcome.seed])
        for each in here[name]
        if each.outcome.seed in theirs
    ]

    def ratio(value: Callable[[Outcome], float]) -> Interval:
        return intervals.ratio(
            [value(mine) for mine, _ in pairs], [value(other) for _, other in pairs]
        )

    return Versus(
        situation=place[0],
        size=place[1],
        contender=name,
        rival=rival,
        runs=len(pairs),
        tokens=ratio(lambda o: o.tokens),
        usd=ratio(lambda o: o.usd),
        time=ratio(lambda o: o.elapsed_s),
        quality=intervals.mean([mine.quality - other.quality for mine, other in pairs]),
        right=intervals.mean(
            [float(mine.is_right) - float(other.is_right) for mine, other in pairs]
        ),
        same_answer=intervals.share(
            sum(mine.winner == other.winner for mine, other in pairs), len(pairs)
        ),
    )
