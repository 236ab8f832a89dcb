"""Semantic validation of a scenario: what can never fail, or never come true.

An expectation that holds whatever happens is worse than none, because it is green. So
names, labels and the words of closed vocabularies are held against the team, bounds
against what there can be, times against the end, and kinds of event against the rules.
Every fault of a file is told, each with its place. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import msgspec

from agents.backends.scripted.script import McpTool, ServerTool, Tool
from agents.tools.workflow import WORKFLOW_NAMES
from coordinator.ballots import every_rule
from coordinator.errors import ConfigInvalid
from coordinator.scenarios.facts import (
    CLOSED,
    FIELDS,
    KINDS,
    LABELS,
    TEXTS,
    kind_of,
)
from coordinator.scenarios.matchers import (
    Bound,
    TextMatch,
    limits,
    names_in,
    number_faults,
    text_faults,
)
from coordinator.scenarios.schema import DEEDS, Outcome, ScenarioFile
from coordinator.simulation.fault_injection import faults_of
from coordinator.team.function_tools import function_entry

if TYPE_CHECKING:
    from coordinator.team.team_file_schema import TeamConfig
    from coordinator.team.yaml_document import Where

Fault: TypeAlias = "tuple[Where, str]"
"""Where in the file, and what is wrong there with the way out."""

AGENTS = frozenset(
    {"agent", "agents", "challenger", "choice", "voter", "voters", "winner"}
)
"""Fields that hold agents' names."""

_STEPS = ("happens", "order", "never")


def faults(config: TeamConfig, file: ScenarioFile) -> Iterator[Fault]:
    """Everything that is wrong with a scenario, in the order of its keys."""
    yield from _agents(config)
    checker = _Checker(config, file)
    yield from checker.people()
    yield from checker.tools()
    yield from checker.faults()
    yield from checker.outcome(file.expect, ("expect",))
    if isinstance(file.expect.any_of, tuple):
        where: Where = ("expect", "any_of")
        if len(file.expect.any_of) < 2:
            yield where, "needs two or more outcomes to choose from"
        for number, one in enumerate(file.expect.any_of):
            if one == Outcome():
                yield (*where, number), "is true of every session; say what comes of it"
            yield from checker.outcome(one, (*where, number))


def near(written: str, known: Sequence[str]) -> str:
    """The way out for a name that there is not."""
    matches = get_close_matches(written, known, 1)
    if matches:
        return f"did you mean {matches[0]!r}?"
    shown = ", ".join(known[:12])
    return (
        f"name {shown}{', …' if len(known) > 12 else ''}" if known else "leave it out"
    )


def _agents(config: TeamConfig) -> Iterator[Fault]:
    for number, entry in enumerate(config.agents):
        if entry.backend != "human" and entry.id not in config.scripts:
            problem = "a scenario's agents play scripts; add 'script:'"
            yield ("agents", number), problem


class _Checker:
    """Knows what a scenario has, and so what it can speak of."""

    def __init__(self, config: TeamConfig, file: ScenarioFile) -> None:
        self._config = config
        self._rules = config.rules
        self._file = file
        self._ids = [entry.id for entry in config.agents]
        self._people = [e.id for e in config.agents if e.backend == "human"]
        lines = [
            line
            for script in config.scripts.values()
            for turn in script.turns
            for line in turn.lines
        ]
        called = {line.tool for line in lines if isinstance(line, Tool)}
        self._called = sorted(called | WORKFLOW_NAMES)
        self._served = {
            line.server_tool if isinstance(line, ServerTool) else line.mcp_tool
            for line in lines
            if isinstance(line, ServerTool | McpTool)
        }
        self._ends_by = self._rules.limits.deadline_s
        if not isinstance(file.expect.elapsed_s, msgspec.UnsetType):
            self._ends_by = min(self._ends_by, limits(file.expect.elapsed_s)[1])

    def people(self) -> Iterator[Fault]:
        """Faults of the ``people`` entries."""
        for number, deed in enumerate(self._file.people):
            where: Where = ("people", number)
            done = [name for name in DEEDS if getattr(deed, name) is not msgspec.UNSET]
            if len(done) != 1:
                yield where, f"give exactly one of {', '.join(DEEDS)}"
                continue
            if isinstance(deed.stop, str):
                yield from self._agent((*where, "stop"), deed.stop)
            if isinstance(deed.veto, str):
                yield from self._label((*where, "veto"), deed.veto)
            for place, label in enumerate(deed.vote or ()):
                yield from self._label((*where, "vote", place), label)
            if done[0] in ("answer", "vote"):
                yield from self._speaker(where, done[0], deed.by)
            if deed.at_s > self._ends_by and not deed.maybe:
                yield (*where, "at_s"), self._too_late(deed.at_s)

    def _speaker(self, where: Where, deed: str, by: str | None) -> Iterator[Fault]:
        if by is None:
            yield where, f"whose {deed} is it? Add 'by:' and an agent"
        elif by not in self._ids:
            yield from self._agent((*where, "by"), by)
        elif by not in self._people:
            way = "give it 'backend: human'"
            yield (*where, "by"), f"{by!r} is no person and speaks by its script; {way}"

    def _too_late(self, at_s: float) -> str:
        end = f"the session ends by {self._ends_by:g} s"
        return f"can never be: {at_s:g} s is after the end, {end}"

    def tools(self) -> Iterator[Fault]:
        """Pretended tools."""
        for name, tool in self._file.tools.items():
            if name not in self._called and not tool.maybe:
                problem = "no script calls it; leave it out, or say 'maybe: true'"
                yield ("tools", name), problem
            for key in ("returns", "takes_s", "fails"):
                if getattr(tool, key) == ():
                    yield ("tools", name, key), "is empty; leave it out"

    def faults(self) -> Iterator[Fault]:
        """Faults around agents and tools."""
        own = [
            named.name or named.function.rpartition(":")[2]
            for entry in self._config.agents
            for tool in entry.tools
            if (named := function_entry(tool)) is not None
        ]
        known = [*self._ids, *self._file.tools, *own]
        has_mcp = any(entry.mcp for entry in self._config.agents)
        for name, text in self._file.faults.items():
            if name not in known and not has_mcp:
                problem = f"no agent or tool is called {name!r}; {near(name, known)}"
                yield ("faults", name), problem
            try:
                faults_of(text)
            except ConfigInvalid as error:
                yield ("faults", name), str(error)

    def outcome(self, one: Outcome, where: Where) -> Iterator[Fault]:
        """All that is expected of an outcome."""
        yield from self._result(one, where)
        yield from self._by_agent(one, where)
        yield from self._contradictions(one, where)
        for key in ("tokens", "cost_usd", "elapsed_s"):
            bound = getattr(one, key)
            latest = self._rules.limits.deadline_s
            most = latest if key == "elapsed_s" else float("inf")
            for problem in _bound_faults(bound, most=most):
                yield (*where, key), problem
        if isinstance(one.standings, dict):
            if not one.standings:
                yield (*where, "standings"), "is empty, and so always true"
            for label, points in one.standings.items():
                yield from self._label((*where, "standings", label), label)
                for problem in number_faults(points, least=-float("inf")):
                    yield (*where, "standings", label), problem
        for key in _STEPS:
            yield from self._steps(one, where, key)

    def _result(self, one: Outcome, where: Where) -> Iterator[Fault]:
        for name in names_in(one.winner):
            yield from self._agent((*where, "winner"), name)
        for problem in text_faults(one.winner, is_name=True):
            yield (*where, "winner"), problem
        for key in ("answer", "detail"):
            for problem in text_faults(getattr(one, key)):
                yield (*where, key), problem

    def _by_agent(self, one: Outcome, where: Where) -> Iterator[Fault]:
        for key in ("answers", "votes", "cancelled", "out", "turns", "agents"):
            expected: Any = getattr(one, key)
            if expected is msgspec.UNSET:
                continue
            by_agent = cast("dict[str, object]", expected)
            if not by_agent and key in ("turns", "agents"):
                yield (*where, key), "is empty, and so always true; leave it out"
            for agent, meant in by_agent.items():
                place: Where = (*where, key, agent)
                yield from self._agent(place, agent)
                if key == "votes" and isinstance(meant, str):
                    yield from self._agent(place, meant)
                elif key == "turns":
                    for problem in number_faults(meant):
                        yield place, problem
                elif key == "agents":
                    yield from _agent_faults(place, cast("msgspec.Struct", meant))
                elif key != "votes":
                    yield from _text_faults(place, meant)

    def _contradictions(self, one: Outcome, where: Where) -> Iterator[Fault]:
        status = one.status
        if status == "failed":
            if isinstance(one.winner, str):
                yield (*where, "winner"), "can never be: a failed session has no winner"
            if isinstance(one.answer, str | TextMatch):
                yield (*where, "answer"), "can never be: a failed session has no answer"
        if status == "answered" and one.answer is None:
            problem = "can never be: a session that is answered has an answer"
            yield (*where, "answer"), problem
        if isinstance(one.answers, dict):
            if isinstance(one.winner, str) and one.winner not in one.answers:
                problem = f"can never be: {one.winner!r} has no answer under 'answers'"
                yield (*where, "winner"), problem
            for voter, choice in (one.votes or {}).items():
                if choice is not None and choice not in one.answers:
                    problem = f"can never be: {choice!r} has no answer under 'answers'"
                    yield (*where, "votes", voter), problem

    def _steps(self, one: Outcome, where: Where, key: str) -> Iterator[Fault]:
        steps: Any = getattr(one, key)
        if steps is msgspec.UNSET:
            return
        if not steps:
            yield (*where, key), "is empty, and so always true; leave it out"
        before = 0.0
        for number, step in enumerate(cast("tuple[Any, ...]", steps)):
            place: Where = (*where, key, number)
            yield from self._step(place, key, step)
            if key == "order" and step.at_s is not msgspec.UNSET:
                latest = limits(step.at_s)[1]
                if latest < before:
                    problem = f"can never be: the step before is at {before:g} s"
                    yield (*place, "at_s"), problem
                before = max(before, limits(step.at_s)[0])
            wanted = (*(one.order or ()), *(one.happens or ()))
            if key == "never" and step in wanted:
                yield place, "is expected above, so that one of them cannot be"

    def _step(self, where: Where, key: str, step: Any) -> Iterator[Fault]:  # noqa: ANN401  (a Struct made when this is loaded)
        if step.times is not msgspec.UNSET:
            if key == "never":
                yield (*where, "times"), "never is no times; leave it out"
            for problem in number_faults(step.times):
                yield (*where, "times"), problem
        yield from self._time(where, step.at_s)
        if step.any_of is not msgspec.UNSET:
            if any(getattr(step, kind) is not msgspec.UNSET for kind in KINDS):
                yield where, "give one kind of thing, or several under any_of"
            if len(step.any_of) < 2:
                yield (*where, "any_of"), "needs two or more to choose from"
            for number, one in enumerate(step.any_of):
                yield from self._kind((*where, "any_of", number), one)
        else:
            yield from self._kind(where, step)

    def _time(self, where: Where, at_s: object) -> Iterator[Fault]:
        if isinstance(at_s, msgspec.UnsetType):
            return
        bound = cast("float | Bound", at_s)
        least = limits(bound)[0]
        if least > self._ends_by:
            yield (*where, "at_s"), self._too_late(least)
        elif isinstance(at_s, Bound):
            for problem in number_faults(at_s, most=self._ends_by):
                yield (*where, "at_s"), problem
        elif least < 0:
            yield (*where, "at_s"), f"can never be: {least:g} s is before the beginning"

    def _kind(self, where: Where, step: msgspec.Struct) -> Iterator[Fault]:
        kind = kind_of(step)
        if not kind:
            yield where, f"give exactly one of {', '.join(KINDS)}"
            return
        if problem := self._impossible(kind):
            yield (*where, kind), problem
        meant = getattr(step, kind)
        for field in FIELDS[kind]:
            value: object = getattr(meant, field)
            if value is not msgspec.UNSET:
                yield from self._field((*where, kind, field), kind, field, value)

    def _impossible(self, kind: str) -> str:
        rules = self._rules
        return {
            "team_grown": ""
            if rules.drafting.adaptive or rules.drafting.escalate
            else "can never be: the team does not grow; set 'voting.adaptive'",
            "challenge_opened": ""
            if rules.voting.challenge != "off"
            else "can never be: nothing is challenged; set 'voting.challenge'",
            "votes_carried": ""
            if rules.drafting.small_change_over < 1
            else "can never be: no ballot is carried; set 'voting.small_change_over'",
            "restart_requested": ""
            if rules.final.restarts
            else "can never be: there are no restarts; set 'limits.restarts'",
            "committee_decided": ""
            if rules.voting.topology != "all"
            or rules.voting.committee_over
            or rules.voting.shortlist
            else "can never be: there are no committees; set 'voting.committee_over'",
            "server_tool_called": ""
            if self._served
            else "can never be: no script calls a server tool",
        }.get(kind, "")

    def _field(
        self, where: Where, kind: str, field: str, value: object
    ) -> Iterator[Fault]:
        is_name = field not in TEXTS
        if isinstance(value, str | TextMatch):
            for problem in text_faults(value, is_name=is_name):
                yield where, problem
        if isinstance(value, Bound):
            for problem in number_faults(value):
                yield where, problem
        if isinstance(value, tuple):
            names = list(cast("tuple[str, ...]", value))
        elif isinstance(value, dict):
            names = list(cast("dict[str, object]", value)) if field in LABELS else []
            for label, points in cast("dict[str, object]", value).items():
                if field in LABELS:
                    for problem in number_faults(points, least=-float("inf")):
                        yield (*where, label), problem
        else:
            names = list(names_in(value)) if is_name else []
        for name in names:
            yield from self._name(where, kind, field, name)

    def _name(self, where: Where, kind: str, field: str, name: str) -> Iterator[Fault]:
        known = self._known(kind, field)
        if field in LABELS:
            yield from self._label(where, name)
        elif known is not None and name not in known:
            what = "agent is called" if field in AGENTS else "such"
            yield where, f"no {what} {name!r}; {near(name, known)}"

    def _known(self, kind: str, field: str) -> list[str] | None:
        """Every word that a field may be; ``None``: anything."""
        if field in AGENTS:
            return self._ids
        if (kind, field) in CLOSED:
            return list(CLOSED[kind, field])
        if kind == "winner_decided" and field == "rule":
            rule = self._rules.voting.rule
            own = [rule.name, getattr(rule, "fallback", None)]
            fallback = [
                x if isinstance(x, str) else getattr(x, "name", "") for x in own
            ]
            every = [rule.name for rule in every_rule()]
            return [name for name in every if name in fallback] + [""]
        if kind in ("tool_called", "tool_returned") and field == "name":
            return sorted({*self._called, *self._file.tools})
        if kind == "server_tool_called" and field == "name":
            return sorted(self._served)
        return None

    def _agent(self, where: Where, agent: str) -> Iterator[Fault]:
        if agent not in self._ids:
            yield where, f"no agent is called {agent!r}; {near(agent, self._ids)}"

    def _label(self, where: Where, label: str) -> Iterator[Fault]:
        author, dot, revision = label.rpartition(".")
        if label in self._ids:
            return
        anonymous = [f"agent{n}" for n in range(1, len(self._ids) + 1)]
        if not dot or not revision.isdecimal() or int(revision) < 1:
            way = near(label, self._ids)
            yield where, f"{label!r} is no answer: write ada, or ada.2; {way}"
        elif author not in self._ids and author not in anonymous:
            way = near(author, self._ids)
            yield where, f"{label!r} is no answer: no agent is called {author!r}; {way}"
        else:
            # One more may come of a challenge, and of each restart.
            each = self._rules.limits.answers_per_agent
            if int(revision) > each + 1 + self._rules.final.restarts:
                limit = f"'limits.answers_per_agent: {each}'"
                yield where, f"{label!r} can never be: {limit}"


def _agent_faults(where: Where, meant: msgspec.Struct) -> Iterator[Fault]:
    expects_something = False
    for field in meant.__struct_fields__:
        value: object = getattr(meant, field)
        if value is msgspec.UNSET:
            continue
        expects_something = True
        problems = (
            text_faults(value)
            if isinstance(value, str | TextMatch) and field != "status"
            else _bound_faults(value)
        )
        for problem in problems:
            yield (*where, field), problem
    if not expects_something:
        yield where, "is empty, and so always true; say how it fared"


def _text_faults(where: Where, meant: object) -> Iterator[Fault]:
    """Of one text, or of each of several."""
    if isinstance(meant, tuple):
        for one in cast("tuple[object, ...]", meant):
            yield from _text_faults(where, one)
    else:
        for problem in text_faults(meant):
            yield where, problem


def _bound_faults(value: object, *, most: float = float("inf")) -> Iterator[str]:
    if isinstance(value, Bound | float | int):
        for problem in number_faults(value):
            yield problem
            return
        if limits(value)[0] > most:
            yield f"can never be: the deadline is {most:g} s"
