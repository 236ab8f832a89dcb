"""From a MassGen configuration to a team of ours, and what became of each key.

The team decides by the policy ``massgen``, which has MassGen's rules; ``--policy``
changes that and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from coordinator.consensus.settings import FinalMode
from coordinator.errors import ConfigInvalid
from coordinator.massgen.agent_conversion import AgentConversion
from coordinator.massgen.configuration import Json, read_configuration
from coordinator.massgen.custom_tools import stand_in
from coordinator.massgen.folder_conversion import shared, skill_folders
from coordinator.massgen.ledger import Ledger, Refusal, Row
from coordinator.massgen.rubric_conversion import rubric
from coordinator.team.reader import read_document
from coordinator.team.team_file_schema import TeamConfig
from coordinator.team.validation import FILE_TOOLS
from coordinator.team.yaml_document import Document, Where

NOVELTY = {"lenient": 0.99, "balanced": 0.7, "strict": 0.5}
"""``answer_novelty_requirement`` → likeness above which an answer is refused. MassGen
takes any under ``lenient``; here one that is the same word for word is none."""

STRATEGIES: dict[str, FinalMode] = {
    "winner_present": "present",
    "winner_reuse": "reuse",
    "synthesize": "synthesise",
}

DISPLAYS = {
    "rich_terminal": "rich",
    "textual_terminal": "rich",
    "simple": "plain",
    "terminal": "plain",
    "silent": "none",
    "none": "none",
}
"""MassGen's displays → ours."""

DEADLINE_S = 1800.0
"""MassGen's ``orchestrator_timeout_seconds`` where nothing is said."""


class Converted(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a conversion."""

    document: Document
    """A team file of ours; each value bears the line that it comes from."""
    rows: tuple[Row, ...]
    """The fate of each key, by its line."""
    refusals: tuple[Refusal, ...]
    """Why no team can be made of it; none: one can."""
    display: str | None = None
    """How to watch, in our words."""


def read_massgen_team(
    path: Path,
    *,
    environment: Mapping[str, str] = os.environ,
    in_place: str | None = None,
) -> TeamConfig:
    """Read a configuration as a team.

    Args:
        path: The file, YAML or JSON.
        environment: What ``${NAME}`` in it stands for.
        in_place: A model in place of agents of a kind that is not here.

    Raises:
        ConfigInvalid: With file, line, key, value and the way out.
    """
    return team_of(convert(read_configuration(path), environment, in_place))


def team_of(converted: Converted) -> TeamConfig:
    """The team that a conversion has made.

    Raises:
        ConfigInvalid: None can be made of it.
    """
    for refusal in converted.refusals:
        raise refusal.error
    stand_in()
    return read_document(converted.document)


def convert(
    document: Document,
    environment: Mapping[str, str] | None = None,
    in_place: str | None = None,
) -> Converted:
    """Make a team file of a configuration.

    Args:
        document: The configuration.
        environment: What ``${NAME}`` stands for; ``None``: leave it as it stands.
        in_place: A model in place of agents of a kind that is not here.

    Raises:
        ConfigInvalid: It has no agents at all.
    """
    return _Conversion(document, environment, in_place).converted()


class _Conversion:
    def __init__(
        self,
        document: Document,
        environment: Mapping[str, str] | None,
        in_place: str | None,
    ) -> None:
        data = document.data
        if not isinstance(data, dict):
            raise document.error((), "a configuration is a mapping; add 'agents:'")
        self._data = cast("Json", data)
        self._document = document
        self._ledger = Ledger(document)
        self._environment = environment
        self._in_place = in_place
        self._made: Json = {}
        self._lines: dict[Where, int] = {}
        self._display: str | None = None

    def converted(self) -> Converted:
        self._agents()
        self._orchestrator()
        self._timeouts()
        self._watching()
        self._ledger.finish((), "", self._data)
        return Converted(
            document=Document(self._document.path, self._made, self._lines),
            rows=tuple(self._ledger.rows()),
            refusals=tuple(self._ledger.refusals),
            display=self._display,
        )

    def _section(self, *where: str) -> Json:
        """A mapping of the file; empty where there is none."""
        value: Any = self._data
        for step in where:
            value = cast("Json", value).get(step) if isinstance(value, dict) else None
        if isinstance(value, dict):
            self._ledger.honour(where)
            return cast("Json", value)
        return {}

    def _stands(self, ours: Where, theirs: Where) -> None:
        """Give ``ours`` the line of ``theirs``, for our reader's messages."""
        lines = self._document.lines
        self._lines[ours] = lines.get(theirs, lines.get(theirs[:1], 1))

    def _agents(self) -> None:
        both = "agent" in self._data and "agents" in self._data
        if both:
            problem = "there is 'agents' as well; keep one"
            self._ledger.refuse(("agent",), "both agent and agents", problem)
        listed = self._data.get("agents")
        places: list[tuple[Where, Any]] = []
        if isinstance(listed, list):
            many = cast("list[Any]", listed)
            places = [(("agents", n), agent) for n, agent in enumerate(many)]
        elif "agent" in self._data:
            places = [(("agent",), self._data["agent"])]
        if not places:
            raise self._document.error(("agents",), "there is no agent; add one")
        self._ledger.honour(places[0][0][:1])
        agents: list[Json] = []
        is_any_stand_in = False
        uploads: dict[str, Where] = {}
        for number, (where, agent_entry) in enumerate(places):
            if not isinstance(agent_entry, dict):
                self._ledger.refuse(where, "no agent", "an agent is a mapping")
                continue
            conversion = AgentConversion(
                self._ledger, where, self._environment, self._in_place
            )
            entry = conversion.made(cast("Json", agent_entry), number + 1)
            self._agent_lines(number, where, entry)
            agents.append(entry)
            is_any_stand_in |= conversion.is_stand_in
            uploads |= {source: place for place, source in conversion.uploads}
        if self._in_place is not None and not is_any_stand_in:
            problem = (
                f"--as {self._in_place} is for agents of a kind that is not here, and "
                "each of these is; leave it out"
            )
            raise self._document.error(("agents",), problem)
        self._made["agents"] = agents
        if uploads:
            self._made["attach"] = list(uploads)
            self._stands(("attach",), next(iter(uploads.values())))

    def _agent_lines(self, number: int, where: Where, entry: Json) -> None:
        self._stands(("agents", number), where)
        theirs = {
            "system": (*where, "system_message"),
            "tools": (*where, "backend", "custom_tools"),
            "mcp": (*where, "backend", "mcp_servers"),
            "workspace": (*where, "backend", "cwd"),
            "effort": (*where, "backend", "reasoning"),
            "api_key_env": (*where, "backend", "api_key"),
            "id": (*where, "id"),
        }
        known = self._document.lines
        for key in entry:
            place = theirs.get(key, (*where, "backend", key))
            here = place if place in known else where
            self._stands(("agents", number, key), here)

    def _orchestrator(self) -> None:
        orchestrator = self._section("orchestrator")
        coordination = self._section("orchestrator", "coordination")
        self._made["voting"] = voting = {"policy": "massgen"}
        self._made["limits"] = limits = cast("Json", {})
        self._answers(orchestrator, voting, limits)
        self._final(orchestrator, coordination, limits)
        self._without_vote(orchestrator, voting)
        if (after := orchestrator.get("defer_voting_until_all_answered")) is not None:
            self._ledger.honour(("orchestrator", "defer_voting_until_all_answered"))
            if after:
                voting["review_opens"] = "all_drafted"
        self._sensitivity(orchestrator, coordination, voting)
        self._folders(orchestrator, coordination)
        self._ledger.finish(("orchestrator",), "orchestrator", orchestrator)
        place = ("orchestrator", "coordination")
        self._ledger.finish(place, "coordination", coordination)
        for key in ("voting", "limits"):
            self._stands((key,), ("orchestrator",))
        if not limits:
            del self._made["limits"]

    def _answers(self, orchestrator: Json, voting: Json, limits: Json) -> None:
        """How many answers there may be, and how new each must be."""
        for key, ours in (
            ("max_new_answers_per_agent", "answers_per_agent"),
            ("max_new_answers_global", "answers_total"),
        ):
            if orchestrator.get(key) is not None:
                limits[ours] = orchestrator[key]
            if key in orchestrator:
                self._ledger.honour(("orchestrator", key), f"as 'limits.{ours}'")
                self._stands(("limits", ours), ("orchestrator", key))
        lead = orchestrator.get("fairness_lead_cap_answers", 2)
        for key in ("fairness_enabled", "fairness_lead_cap_answers"):
            if key in orchestrator:
                self._ledger.honour(("orchestrator", key), "as 'limits.lead'")
                self._stands(("limits", "lead"), ("orchestrator", key))
        limits["lead"] = None if orchestrator.get("fairness_enabled") is False else lead
        if limits["lead"] == 2:
            del limits["lead"]  # as the policy has it
        novelty = orchestrator.get("answer_novelty_requirement", "lenient")
        where = ("orchestrator", "answer_novelty_requirement")
        if novelty not in NOVELTY:
            known = ", ".join(NOVELTY)
            problem = f"{novelty!r} is none of MassGen's; choose from {known}"
            self._ledger.refuse(where, "a value that is unknown", problem)
            return
        voting["duplicate_over"] = NOVELTY[novelty]
        if where[1] in orchestrator:
            self._ledger.honour(where, "as 'voting.duplicate_over'")
            self._stands(("voting", "duplicate_over"), where)

    def _final(self, orchestrator: Json, coordination: Json, limits: Json) -> None:
        """Convert the keys of the final answer."""
        for holder, section in (
            (orchestrator, ("orchestrator",)),
            (coordination, ("orchestrator", "coordination")),
        ):
            key = "max_orchestration_restarts"
            if key in holder:
                self._ledger.honour((*section, key), "as 'limits.restarts'")
                if holder[key]:
                    limits["restarts"] = holder[key]
                    self._stands(("limits", "restarts"), (*section, key))
        if "skip_final_presentation" in orchestrator:
            place = ("orchestrator", "skip_final_presentation")
            self._ledger.honour(place, "as 'final: reuse'")
            if orchestrator["skip_final_presentation"]:
                self._made["final"] = "reuse"
                self._stands(("final",), place)
        strategy = orchestrator.get("final_answer_strategy")
        if strategy is not None:
            place = ("orchestrator", "final_answer_strategy")
            if strategy not in STRATEGIES:
                problem = f"{strategy!r} is none; choose from {', '.join(STRATEGIES)}"
                self._ledger.refuse(place, "a value that is unknown", problem)
                return
            self._ledger.honour(place, "as 'final'")
            self._made["final"] = STRATEGIES[str(strategy)]
            self._stands(("final",), place)

    def _without_vote(self, orchestrator: Json, voting: Json) -> None:
        """Hold no vote where MassGen holds none, but choose the first registered."""
        place = ("orchestrator", "skip_voting")
        is_off = bool(orchestrator.get("skip_voting"))
        is_synthesis = (
            orchestrator.get("final_answer_strategy") == "synthesize"
            and orchestrator.get("max_new_answers_per_agent") == 1
            and not orchestrator.get("defer_voting_until_all_answered")
            and len(self._made["agents"]) > 1
        )
        if "skip_voting" in orchestrator:
            note = "as 'voting.panel: 0'; an agent answers once" if is_off else ""
            self._ledger.honour(place, note)
        if is_off and orchestrator.get("skip_final_presentation"):
            self._made["final"] = "reuse"  # whatever the strategy says
        if is_off or is_synthesis:
            voting |= {"revise": False, "review_opens": "all_drafted", "panel": 0}
            key = "skip_voting" if is_off else "final_answer_strategy"
            self._stands(("voting", "panel"), ("orchestrator", key))

    def _sensitivity(
        self, orchestrator: Json, coordination: Json, voting: Json
    ) -> None:
        if "voting_sensitivity" not in orchestrator:
            return
        place = ("orchestrator", "voting_sensitivity")
        if not str(orchestrator["voting_sensitivity"]).startswith("checklist"):
            self._ledger.pass_over(place, "a choice of MassGen's prompts")
        elif voting.get("panel") == 0:
            self._ledger.pass_over(place, "nobody votes")
        elif len(self._made["agents"]) == 1:
            self._ledger.pass_over(place, "one agent; there is no other to score it")
        else:
            voting |= rubric(self._ledger, coordination)
            note = "as 'voting.rubric': others score each answer by its criteria"
            self._ledger.honour(place, note)
            self._stands(("voting", "rubric"), place)

    def _folders(self, orchestrator: Json, coordination: Json) -> None:
        """Convert the folders that agents may read."""
        has_workspace = self._shown_workspaces(orchestrator)
        entries = shared(self._ledger, orchestrator, has_workspace=has_workspace)
        if entries:
            self._made["shared"] = entries
            self._stands(("shared",), ("orchestrator", "context_paths"))
        folders = skill_folders(self._ledger, orchestrator, coordination)
        if folders:
            self._made["defaults"] = {"skill_folders": folders}
            place = ("orchestrator", "coordination", "use_skills")
            self._stands(("defaults",), place)

    def _shown_workspaces(self, orchestrator: Json) -> bool:
        """Show others the workspaces that MassGen copies for them; whether any is."""
        with_files = [
            entry
            for entry in cast("list[Json]", self._made["agents"])
            if FILE_TOOLS & {x for x in entry.get("tools", ()) if isinstance(x, str)}
        ]
        key = "agent_temporary_workspace"
        if orchestrator.get(key) and with_files:
            for entry in with_files:
                entry["workspace_shown"] = True
            note = "as 'workspace_shown': others see an answer with its files"
            self._ledger.honour(("orchestrator", key), note)
        elif key in orchestrator:
            note = "no agent has files to show; a 'cwd' gives it a folder"
            self._ledger.pass_over(("orchestrator", key), note)
        return bool(with_files)

    def _timeouts(self) -> None:
        timeouts = self._section("timeout_settings")
        key = "orchestrator_timeout_seconds"
        self._made["deadline_s"] = float(DEADLINE_S)
        if timeouts.get(key) is not None:
            place = ("timeout_settings", key)
            self._made["deadline_s"] = timeouts[key]
            self._ledger.honour(place, "as 'deadline_s'")
            self._stands(("deadline_s",), place)
        self._ledger.finish(("timeout_settings",), "timeout_settings", timeouts)

    def _watching(self) -> None:
        for section in ("ui", "display"):
            ui = self._section(section)
            for key in ("display_type", "type"):
                name = ui.get(key)
                if name is None:
                    continue
                self._display = DISPLAYS.get(str(name), "rich")
                note = f"as --display {self._display}"
                self._ledger.honour((section, key), note)
            if "logging_enabled" in ui:
                note = "every session is kept; see 'coordinator sessions'"
                self._ledger.honour((section, "logging_enabled"), note)
            self._ledger.finish((section,), "ui", ui)


def unsupported(rows: Sequence[Row]) -> list[Row]:
    """The keys of a configuration that have no counterpart here, or are unknown."""
    return [row for row in rows if row.verdict in {"not supported", "unknown"}]


def refusals_of(path: Path, in_place: str | None = None) -> list[ConfigInvalid]:
    """Every reason why no team can be made of a file; none: one can."""
    try:
        converted = convert(read_configuration(path), os.environ, in_place)
    except ConfigInvalid as error:
        return [error]
    if converted.refusals:
        return [refusal.error for refusal in converted.refusals]
    try:
        read_document(converted.document)
    except ConfigInvalid as error:
        return [error]
    return []
