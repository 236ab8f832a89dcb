"""``coordinator stress``: one's own team under stress, a table and a picture."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import anyio
import msgspec

from coordinator.cli.exit_codes import Exit, complain
from coordinator.cli.output_files import check_output
from coordinator.displays.sanitizer import clean, one_line
from coordinator.errors import ConfigInvalid
from coordinator.scenarios.expansion import span
from coordinator.scenarios.validation import near
from coordinator.simulation.virtual_time import RUNTIMES, Runtime
from coordinator.stress.campaign import Campaign, Outcome, Smallest, played, smallest
from coordinator.stress.picture import sparkline, svg
from coordinator.stress.plan import Wish, faults_wished
from coordinator.stress.targets import Over, Target, target

PROBLEMS_TOLD = 12
KINDS_TOLD = 5
LINE_WIDTH = 160


@dataclass(frozen=True, kw_only=True)
class StressOptions:
    """The options of ``stress``, as given."""

    team: str
    agents: int | None = None
    sessions: int = 1
    seeds: str = "0..9"
    faults: str = "all"
    runtime: Runtime | Literal["both"] = "asyncio"
    over: Over = "process"
    deadline_s: float | None = None
    has_people: bool = True
    only: str = ""
    may_shrink: bool = True
    plot: Path | None = None
    is_json: bool = False


def stress_command(options: StressOptions) -> int:
    """Put a team under stress and say what was wrong.

    Returns:
        The exit code: 0 all ended as they must, 1 the team or the command line is not
        usable, 2 something was wrong.
    """
    try:
        check_output(options.plot, "--plot")
        campaign = _campaign(options)
        agents = anyio.run(_agents, campaign.target, campaign.over)
        _check_only(campaign.wish.only, agents)
    except ConfigInvalid as error:
        complain(str(error))
        return Exit.CONFIGURATION
    outcomes: list[Outcome] = []
    for outcome in played(campaign):
        outcomes.append(outcome)
        _progress(outcome)
    failed = [one.ending for one in outcomes if one.ending.problems]
    failure: Smallest | None = None
    if failed and options.may_shrink:
        sys.stderr.write(f"making seed {failed[0].seed} smaller …\n")
        failure = smallest(campaign, failed[0], agents)
    if options.plot is not None:
        options.plot.write_text(svg(outcomes, f"{options.team} under stress"), "utf-8")
    if options.is_json:
        sys.stdout.buffer.write(_json(outcomes, failure) + b"\n")
        sys.stdout.buffer.flush()
    else:
        sys.stdout.write(_table(outcomes))
        sys.stdout.write(_summary(outcomes, failure))
    return Exit.EXECUTION if failed else Exit.ANSWERED


def _campaign(options: StressOptions) -> Campaign:
    seeds = span(options.seeds)
    if seeds is None and options.seeds.isdecimal():
        seeds = range(int(options.seeds))
    if seeds is None or not seeds:
        raise ConfigInvalid(f"--seeds {options.seeds!r}: give a span such as 0..19")
    for name, number in (("agents", options.agents), ("sessions", options.sessions)):
        if number is not None and number < 1:
            raise ConfigInvalid(f"--{name} {number} is none; give 1 or more")
    if options.deadline_s is not None and not options.deadline_s > 0:
        raise ConfigInvalid(f"--deadline {options.deadline_s:g}: give seconds over 0")
    return Campaign(
        target=target(options.team, options.agents),
        wish=Wish(
            faults=faults_wished(options.faults),
            has_people=options.has_people,
            deadline_s=options.deadline_s,
            only=tuple(filter(None, map(str.strip, options.only.split(",")))),
        ),
        seeds=seeds,
        runtimes=RUNTIMES if options.runtime == "both" else (options.runtime,),
        over=options.over,
        sessions=options.sessions,
    )


async def _agents(target: Target, over: Over) -> list[str]:
    """Whoever is in the team; making it once says whether it can be made."""
    async with target.opened(over) as team:
        return [agent.id for agent in team.agents]


def _check_only(only: Sequence[str], agents: Sequence[str]) -> None:
    for name in only:
        if name not in agents:
            raise ConfigInvalid(f"--only: no agent is {name!r}; {near(name, agents)}")


def _progress(outcome: Outcome) -> None:
    ending = outcome.ending
    verdict = clean("; ".join(ending.problems)) or "as it must"
    sys.stderr.write(
        f"{ending.runtime}, seed {ending.seed}: {ending.status} after "
        f"{ending.took_s:.3f} s of {ending.deadline_s:g} s, {verdict}\n"
    )
    sys.stderr.flush()


def _table(outcomes: Sequence[Outcome]) -> str:
    head = ("runtime", "sessions", "agents", "chunks", "CPU-s each", "latest", "wrong")
    lines = ["".join(f"{name:>12}" for name in head)]
    for runtime in dict.fromkeys(one.ending.runtime for one in outcomes):
        some = [one for one in outcomes if one.ending.runtime == runtime]
        latest = max(one.ending.took_s / one.ending.deadline_s for one in some)
        cells = (
            runtime,
            f"{len(some):,}",
            f"{max(one.ending.agents for one in some):,}",
            f"{sum(one.ending.chunks for one in some):,}",
            f"{sum(one.cpu_s for one in some) / len(some):.2f}",
            f"{latest:.0%}",
            f"{sum(bool(one.ending.problems) for one in some):,}",
        )
        lines.append("".join(f"{cell:>12}" for cell in cells))
    statuses = Counter(one.ending.status for one in outcomes)
    counts = ", ".join(f"{count:,} {name}" for name, count in statuses.most_common())
    return "\n".join(
        [
            "",
            *lines,
            "",
            f"ended: {counts}",
            *_failures(outcomes),
            f"when, of the deadline: {sparkline(outcomes)}",
            "",
        ]
    )


def _failures(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Agents that failed though nothing was put around them: no session's fault."""
    failed = [problem for one in outcomes for problem in one.ending.failed]
    if failed:
        kinds = Counter(problem.partition(": ")[2] for problem in failed)
        yield f"failed with nothing put around them: {len(failed):,} agents"
        for problem, count in kinds.most_common(KINDS_TOLD):
            first = next(one for one in failed if one.endswith(problem))
            yield f"  {count:,}, first {one_line(first, LINE_WIDTH)}"


def _summary(outcomes: Sequence[Outcome], failure: Smallest | None) -> str:
    problems = Counter(
        problem.partition(":")[0] for one in outcomes for problem in one.ending.problems
    )
    if not problems:
        return "\nnothing was left open, lost, late or out of order\n"
    lines = [f"{count:,} {kind}" for kind, count in problems.most_common()]
    text = "\nWRONG: " + ", ".join(lines) + "\n"
    shown = [one.ending for one in outcomes if one.ending.problems][:PROBLEMS_TOLD]
    for ending in shown:
        first = clean(ending.problems[0])
        text += f"  {ending.runtime}, seed {ending.seed}: {first}\n"
    if failure is not None:
        text += f"\nas small as it became: {failure.ending.agents} agents, "
        text += f"{clean(failure.ending.problems[0])}\n  {failure.command}\n"
    return text


def _json(outcomes: Sequence[Outcome], failure: Smallest | None) -> bytes:
    report: dict[str, Any] = {
        "sessions": [{**one.ending._asdict(), "cpu_s": one.cpu_s} for one in outcomes],
        "wrong": sum(bool(one.ending.problems) for one in outcomes),
        "again": failure.command if failure else None,
    }
    return msgspec.json.encode(report)
