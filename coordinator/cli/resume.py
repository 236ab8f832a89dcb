"""``coordinator resume``: goes on with a kept session, or begins anew inside one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agents.boundary.own_loop import run_loop
from coordinator.ballots import read_rule
from coordinator.cli.approvals import Approvals, approver_of
from coordinator.cli.env_file import load_environment
from coordinator.cli.error_report import at_the_boundary
from coordinator.cli.journal_paths import root_of
from coordinator.cli.notices import notice_retirements
from coordinator.cli.output_files import check_output
from coordinator.cli.run import (
    RunOptions,
    attended,
    conduct,
    team_of_models,
)
from coordinator.displays.base import Cast
from coordinator.errors import ConfigInvalid
from coordinator.journal.lookup import find_session
from coordinator.journal.reader import Journal, read_session
from coordinator.recovery.resume_points import insist_on_record, insist_on_unfinished
from coordinator.session.resume import branch_session, resume_session
from coordinator.team.emulation import at_work
from coordinator.team.reader import read_team
from coordinator.team.team import read_described
from coordinator.team.team_file_schema import AgentEntry, TeamConfig
from coordinator.team.team_source import config_of

if TYPE_CHECKING:
    from coordinator.displays.base import Display
    from coordinator.session.session import Session
    from coordinator.team.team import Team


@dataclass(frozen=True, kw_only=True)
class ResumeOptions:
    """The options of ``resume``, as given."""

    session: str
    record: int | None = None
    rule: str | None = None
    added: tuple[str, ...] = ()
    told: str | None = None
    run: RunOptions
    """The options that it shares with ``run``."""


def resume_command(options: ResumeOptions) -> int:
    """Go on with a session.

    Raises:
        BrokenPipeError: Whoever read standard output has gone.
    """
    return at_the_boundary(
        lambda: run_loop(_resume, options, runtime=options.run.runtime)
    )


async def _resume(options: ResumeOptions) -> int:
    load_environment(None)
    _check(options)
    check_output(options.run.output, "--output")
    root = root_of(options.run.journal)
    journal = read_session(root, find_session(root, options.session))
    if options.record is None:
        insist_on_unfinished(journal)
    else:
        insist_on_record(journal, options.record)
    config = _config(journal, options)
    settings = attended(options.run, config)
    notice_retirements(config.agents)
    approvals = Approvals(is_attended=settings.is_steered)
    approver = approver_of(settings.approve, approvals)
    async with at_work(config, approver=approver) as team:
        cast = Cast(
            question=journal.opened.question,
            models={**team.models},
            deadline_s=options.run.deadline_s or team.rules.limits.deadline_s,
            budget_usd=team.rules.limits.budget_usd,
            budget_tokens=team.rules.limits.budget_tokens,
            people=team.rules.voting.people,
            title=config.file.title,
        )
        opened = partial(_opened, options, journal, team, root)
        return await conduct(
            settings, cast, team, approvals=approvals, opened=opened, root=root
        )


def _opened(
    options: ResumeOptions,
    journal: Journal,
    team: Team,
    root: Path,
    displays: Sequence[Display],
) -> AbstractAsyncContextManager[Session]:
    if options.record is None:
        return resume_session(
            journal.opened.session,
            team,
            journal=root,
            displays=displays,
            durability=options.run.durability,
            deadline_s=options.run.deadline_s,
            attachments=options.run.attached,
            output_dir=options.run.output_dir,
        )
    return branch_session(
        journal.opened.session,
        options.record,
        team,
        say=options.told,
        journal=root,
        displays=displays,
        durability=options.run.durability,
        deadline_s=options.run.deadline_s,
        attachments=options.run.attached,
        output_dir=options.run.output_dir,
    )


def _check(options: ResumeOptions) -> None:
    """Refuse what contradicts itself.

    Raises:
        ConfigInvalid: Something does.
    """
    deadline_s = options.run.deadline_s
    if deadline_s is not None and not deadline_s > 0:
        raise ConfigInvalid(
            f"--deadline {deadline_s:g} is not a time; give seconds over 0"
        )
    changes = {
        "--rule": options.rule is not None,
        "--add-agent": bool(options.added),
        "--tell": options.told is not None,
    }
    for name, is_given in changes.items():
        if is_given and options.record is None:
            raise ConfigInvalid(
                f"{name} makes another session of it; say with --from at which record "
                "it begins"
            )


def _config(journal: Journal, options: ResumeOptions) -> TeamConfig:
    """The team of the session, with what is asked to be otherwise.

    Raises:
        ConfigInvalid: It cannot be made again, or not like this.
    """
    rules, source = read_described(journal.opened.team)
    config = config_of(source)
    if options.rule is not None:
        rules = rules.replace(rule=read_rule(options.rule))
    config = msgspec.structs.replace(config, rules=rules)
    for named in options.added:
        config = _with_agents(config, named)
    return config


def _with_agents(config: TeamConfig, named: str) -> TeamConfig:
    """Add the agents of a team file, or one of the model that is named."""
    taken = {entry.id for entry in config.agents}
    if Path(named).is_file():
        more = read_team(Path(named))
    elif Path(named).suffix in {".yaml", ".yml"}:
        raise ConfigInvalid(f"--add-agent {named}: there is no such file")
    else:
        more = team_of_models((named,), len(taken) + 1)
        more = msgspec.structs.replace(more, agents=_first_free(more.agents, taken))
    # What a file says of its agents' money and votes comes with them.
    rules = config.rules.replace(
        budgets={**config.rules.limits.budgets, **more.rules.limits.budgets},
        weights={**config.rules.voting.weights, **more.rules.voting.weights},
    )
    return msgspec.structs.replace(
        config,
        rules=rules,
        agents=(*config.agents, *more.agents),
        scripts={**config.scripts, **more.scripts},
    )


def _first_free(
    agents: Sequence[AgentEntry], taken: set[str]
) -> tuple[AgentEntry, ...]:
    """The first whose name nobody bears; there is one more than is taken."""
    return (next(agent for agent in agents if agent.id not in taken),)
