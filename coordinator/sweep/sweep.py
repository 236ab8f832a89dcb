"""A sweep as its caller sees it: questions, teams and seeds in, outcomes out.

    outcomes = await sweep(SweepOptions(questions=…, teams={"slate": config}))

What happens between is :mod:`coordinator.sweep.driver`'s.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agents.boundary.threads import in_thread
from coordinator.errors import ConfigInvalid, CoordinatorError
from coordinator.journal.entries import library_version
from coordinator.journal.reader import read_session
from coordinator.journal.store import SUFFIX
from coordinator.sweep.budget import Grant, SweepBudget
from coordinator.sweep.check import CHECK_S, checked_all, insist_on_program
from coordinator.sweep.driver import Driver, Progress, Watch, counted
from coordinator.sweep.grading import is_right
from coordinator.sweep.messages import Setup
from coordinator.sweep.outcome import AGAIN, Outcome
from coordinator.sweep.places import Here, Place, Processes
from coordinator.sweep.plan import Job, TeamSource, jobs, missing
from coordinator.sweep.questions import Question
from coordinator.sweep.store import Store, opened
from coordinator.sweep.teams import own_budget, team_source
from coordinator.team.team import read_described

if TYPE_CHECKING:
    from coordinator.journal.writer import Durability
    from coordinator.team.team_file_schema import TeamConfig

CONCURRENCY = 16
"""Sessions at once, where nobody says otherwise: some 80 streams of a usual team."""


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """Options of a sweep."""

    questions: Sequence[Question]
    teams: Mapping[str, TeamConfig]
    """A name → a team."""
    seeds: int = 1
    """Sessions of each question and team, with seeds from the team's own on."""
    concurrency: int = CONCURRENCY
    """Sessions at once, of all workers together."""
    workers: int | None = None
    """Processes; ``None``: one for each core where that pays, else this one."""
    on: str = "local"
    """``local``; ``ray``: a cluster that is here or begins here; ``ray://…``: that."""
    out: Path | None = None
    """The folder that keeps everything; ``None``: nothing is kept."""
    budget_usd: float | None = None
    """Of the whole sweep, earlier runs in the same folder included."""
    budget_tokens: int | None = None
    check: str = ""
    """A command that judges answers, in place of references."""
    check_s: float = CHECK_S
    durability: Durability = "async"


@dataclass(frozen=True, kw_only=True)
class Report:
    """The outcomes of a sweep."""

    outcomes: tuple[Outcome, ...]
    """In the order of the plan; of sessions that have none, none."""
    total: int
    """Sessions that the plan has."""
    problem: str | None = None
    """Why not all was done."""


async def sweep(options: SweepOptions, *, watch: Watch = lambda _: None) -> Report:
    """Ask every question of every team, with every seed, and collect the outcomes.

    Cancelled, it leaves every session where its journal has it; another call with the
    same folder does only what is missing, and goes on with what was begun.

    Args:
        options: What to do.
        watch: Called with the progress whenever it changes, in the event loop.

    Raises:
        ConfigInvalid: An option, a team or the folder is not usable.
    """
    _check(options)
    sources = [team_source(name, config) for name, config in options.teams.items()]
    plan = list(jobs(options.questions, sources, options.seeds))
    with ExitStack() as stack:
        store: Store | None = None
        done: dict[str, Outcome] = {}
        if options.out is not None:
            store, done = stack.enter_context(opened(options.out))
            store.write("sweep.json", _described(options, sources))
        done = {s: o for s, o in done.items() if o.status not in AGAIN}
        earlier, done = done, await _judged(options, plan, done)
        if store is not None:
            for session, outcome in done.items():
                if outcome is not earlier[session]:  # it is judged otherwise now
                    store.append(outcome)
        todo = missing(plan, done)
        if store is not None:
            await in_thread(lambda: _clear(store, todo), name="earlier failures")
        cores = os.cpu_count() or 1
        place: Place | None = None
        if options.on != "local" and todo:
            place, cores = await in_thread(  # so that a signal is obeyed meanwhile
                lambda: stack.enter_context(_on_ray(options.on)), name="Ray"
            )
        workers = _workers(options, len(todo), cores)
        driver = await _driver(
            options, sources, plan, todo, done, store, watch, workers
        )
        await driver.run(place or (Here() if workers == 1 else Processes()))
        outcomes = tuple(done[job.session] for job in plan if job.session in done)
        return Report(outcomes=outcomes, total=len(plan), problem=driver.problem)


async def _driver(  # noqa: PLR0917
    options: SweepOptions,
    sources: Sequence[TeamSource],
    plan: Sequence[Job],
    todo: Sequence[Job],
    done: dict[str, Outcome],
    store: Store | None,
    watch: Watch,
    workers: int,
) -> Driver:
    budget = SweepBudget(options.budget_usd, options.budget_tokens)
    planned = {job.session for job in plan}
    progress = Progress(total=len(plan))
    for session, outcome in done.items():
        # What was spent on questions that are asked no more was spent as well.
        budget.settle(session, outcome.cost_usd, outcome.tokens)
        if session in planned:
            progress = counted(progress, outcome, is_earlier=True)
    begun: dict[str, Grant] = {}
    if store is not None and budget.is_set:
        begun = await in_thread(lambda: _begun(store, todo), name="earlier sessions")

    def keep(outcome: Outcome) -> None:
        done[outcome.session] = outcome
        if store is not None:
            store.append(outcome)

    return Driver(
        todo,
        budgets={name: own_budget(config) for name, config in options.teams.items()},
        begun=begun,
        setup=Setup(
            version=library_version(),
            teams=tuple(sources),
            folder=str(store.sessions.absolute()) if store else "",
            seal=store.seal if store else "",
            durability=options.durability,
            check=options.check,
            check_s=options.check_s,
        ),
        budget=budget,
        concurrency=options.concurrency,
        workers=workers,
        keep=keep,
        progress=progress,
        watch=watch,
    )


def _check(options: SweepOptions) -> None:
    for name in ("seeds", "concurrency", "workers"):
        number: int | None = getattr(options, name)
        if number is not None and number < 1:
            raise ConfigInvalid(f"--{name} {number}: give 1 or more")
    if options.budget_usd is not None and not options.budget_usd > 0:
        raise ConfigInvalid(
            f"--budget-usd {options.budget_usd:g} buys nothing; give more than 0"
        )
    if options.budget_tokens is not None and options.budget_tokens < 1:
        raise ConfigInvalid(
            f"--budget-tokens {options.budget_tokens} buys nothing; give more than 0"
        )
    if not options.teams:
        raise ConfigInvalid("a sweep needs a team; name one with -c team.yaml")
    if options.check:
        insist_on_program(options.check, is_local=options.on == "local")
    if options.on not in {"local", "ray"} and not options.on.startswith("ray://"):
        raise ConfigInvalid(
            f"--on {options.on!r} is no place; choose local, ray or ray://HOST:PORT"
        )


def _workers(options: SweepOptions, todo: int, cores: int) -> int:
    """How many workers: no more than there are sessions for."""
    wanted = cores if options.workers is None else options.workers
    if options.workers is None and options.on == "local":
        # A process takes a second to begin, which a small sweep would only wait for.
        wanted = cores if min(todo, options.concurrency) > CONCURRENCY else 1
    return max(1, min(wanted, todo, options.concurrency))


@contextmanager
def _on_ray(address: str) -> Generator[tuple[Place, int]]:
    """Workers on a Ray cluster, and how many cores there are."""
    from coordinator.cluster.ray_cluster import started  # noqa: PLC0415  (an extra)

    with started(address):
        from coordinator.sweep.ray_place import RayPlace, cores  # noqa: PLC0415

        yield RayPlace(), cores()


def _described(options: SweepOptions, sources: Sequence[TeamSource]) -> bytes:
    """The sweep's parameters as JSON, for whoever finds the folder."""
    parameters = {
        "version": library_version(),
        "questions": len(options.questions),
        "seeds": options.seeds,
        "check": options.check,
        "teams": {one.name: one.source for one in sources},
    }
    return msgspec.json.format(msgspec.json.encode(parameters), indent=2) + b"\n"


async def _judged(
    options: SweepOptions, plan: Sequence[Job], done: Mapping[str, Outcome]
) -> dict[str, Outcome]:
    """Earlier outcomes, judged as now: nothing is asked again for that."""
    questions = {job.session: job.question for job in plan}
    judged = dict(done)
    unchecked: list[tuple[Outcome, Question]] = []
    for session, outcome in done.items():
        question = questions.get(session)
        if question is None:
            continue
        if options.check:
            if outcome.check != options.check or outcome.is_unjudged:
                unchecked.append((outcome, question))
        elif outcome.check or outcome.reference != question.reference:
            judged[session] = msgspec.structs.replace(
                outcome,
                reference=question.reference,
                check="",
                is_right=is_right(outcome.answer, outcome.value, question),
            )
    at_once = options.workers or os.cpu_count() or 1
    for outcome in await checked_all(unchecked, options.check, at_once):
        judged[outcome.session] = outcome
    return judged


def _clear(store: Store, todo: Sequence[Job]) -> None:
    """Put the journals of sessions that ended without an answer out of the way."""
    for job in todo:
        path = store.sessions / (job.session + SUFFIX)
        if path.exists() and _has_failed(store, job):
            number = 1
            while path.with_name(f"{path.stem}.failed-{number}").exists():
                number += 1
            path.rename(path.with_name(f"{path.stem}.failed-{number}"))


def _has_failed(store: Store, job: Job) -> bool:
    from coordinator.journal.summaries import result_in  # noqa: PLC0415

    try:
        journal = read_session(store.sessions, job.session)
    except CoordinatorError:
        return False
    result = result_in(journal.records)
    return result is not None and result.status in AGAIN


def _begun(store: Store, todo: Sequence[Job]) -> dict[str, Grant]:
    """The budgets of sessions that an earlier run has begun and not ended."""
    grants: dict[str, Grant] = {}
    for job in todo:
        if not (store.sessions / (job.session + SUFFIX)).exists():
            continue
        try:
            journal = read_session(store.sessions, job.session)
            rules, _ = read_described(journal.opened.team)
        except CoordinatorError:
            continue
        limits = rules.limits
        grants[job.session] = Grant(usd=limits.budget_usd, tokens=limits.budget_tokens)
    return grants
