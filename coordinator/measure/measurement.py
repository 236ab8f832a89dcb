"""One measurement: a sweep of the open team, then everything replayed on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agents.boundary.threads import in_thread
from coordinator.errors import ConfigInvalid, CoordinatorError
from coordinator.journal.reader import read_session
from coordinator.measure.estimates import Estimates, estimated
from coordinator.measure.policies import Row, replayed
from coordinator.measure.session_facts import SessionFacts, session_facts
from coordinator.measure.teams import OPEN, REVISING, open_team, revising_team
from coordinator.sweep.driver import Watch
from coordinator.sweep.questions import Question
from coordinator.sweep.sweep import Report, SweepOptions, sweep
from coordinator.team.team_file_schema import TeamConfig


@dataclass(frozen=True, kw_only=True)
class MeasureOptions:
    """Options of a measurement."""

    questions: Sequence[Question]
    config: TeamConfig
    out: Path
    """The folder that keeps the sweep; the same one goes on with it."""
    seeds: int = 1
    with_revisions: bool = True
    concurrency: int = 16
    budget_usd: float | None = None


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found."""

    policies: tuple[Row, ...]
    estimates: Estimates
    assumed: dict[str, float | str]
    """The estimates by the simulator's names."""
    sessions: int
    missing: int
    """Sessions that came to no answer, or could not be read."""
    problem: str | None = None


async def measure(
    options: MeasureOptions, *, watch: Watch = lambda _: None
) -> Measurement:
    """Ask the questions, and replay every policy on what was answered.

    Raises:
        ConfigInvalid: A question has no reference, or an option is not usable.
    """
    bare = [each.id for each in options.questions if not each.reference]
    if bare:
        raise ConfigInvalid(
            f"question {bare[0]!r} has no reference, so nothing can be measured by "
            "it; name the key that holds what is right: --reference KEY"
        )
    teams = {OPEN: open_team(options.config)}
    if options.with_revisions:
        teams[REVISING] = revising_team(options.config)
    report = await sweep(
        SweepOptions(
            questions=options.questions,
            teams=teams,
            seeds=options.seeds,
            out=options.out,
            concurrency=options.concurrency,
            budget_usd=options.budget_usd,
        ),
        watch=watch,
    )
    return await in_thread(
        lambda: _measured(options, report), name="replay of policies"
    )


def _measured(options: MeasureOptions, report: Report) -> Measurement:
    """Read the journals and replay. Blocks."""
    questions = {each.id: each for each in options.questions}
    facts: dict[str, list[SessionFacts]] = {OPEN: [], REVISING: []}
    for outcome in report.outcomes:
        try:
            journal = read_session(options.out / "sessions", outcome.session)
            session = session_facts(journal, questions[outcome.question])
        except (CoordinatorError, msgspec.DecodeError):
            continue
        facts[outcome.team].append(session)
    # Revisions are seen in the one, judges and drafts in the other.
    revised = [
        msgspec.structs.replace(each, drafts=(), votes=(), final_is_right=None)
        for each in facts[REVISING]
    ]
    estimates = estimated([*facts[OPEN], *revised])
    read = sum(map(len, facts.values()))
    return Measurement(
        policies=tuple(replayed(facts[OPEN])),
        estimates=estimates,
        assumed=estimates.assumed(),
        sessions=read,
        missing=report.total - read,
        problem=report.problem,
    )
