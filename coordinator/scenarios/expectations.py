"""Holds an outcome against the one expected; each difference in one readable line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

import msgspec

from coordinator.protocol.result import AgentRecord, Result
from coordinator.scenarios.facts import Chronicle, Happening, alternatives, matcher
from coordinator.scenarios.matchers import (
    Bound,
    limits,
    misfit,
    number_fits,
    spelled,
    text_fits,
)
from coordinator.scenarios.schema import Expected, ExpectedAgent, Outcome, Texts

SCRIPT_STUCK = re.compile("has no unused entry|no visible answer is")
"""How a stage says that its script does not fit (:mod:`agents.backends.scripted`)."""

SHOWN_AFTER = 4
"""Happenings told where the one expected did not come."""


class Course(NamedTuple):
    """How a session went."""

    result: Result
    chronicle: Chronicle
    is_timed: bool = True
    """Whether time was virtual, so that it can be held to the millisecond."""

    @property
    def happenings(self) -> list[Happening]:
        """The session's happenings, in order."""
        return self.chronicle.happenings


def differences(expect: Expected, course: Course) -> Iterator[str]:
    """Say what of ``expect`` did not come true."""
    yield from _outcome(expect, course)
    if isinstance(expect.any_of, tuple):
        yield from _any_of(expect.any_of, course)
    yield from _stuck(course.happenings)


def _any_of(several: tuple[Outcome, ...], course: Course) -> Iterator[str]:
    by_outcome = [list(_outcome(one, course)) for one in several]
    if all(by_outcome):
        yield "any_of: none of them came true:"
        for number, lines in enumerate(by_outcome):
            yield f"  any_of[{number}]: {lines[0]}"


def _outcome(one: Outcome, course: Course) -> Iterator[str]:
    result, happenings = course.result, course.happenings
    for difference in _differs("status", one.status, result.status):
        why = course.chronicle.named(result.detail)
        yield f"{difference}: {why}" if why else difference
    yield from _text("winner", one.winner, result.winner, is_name=True)
    yield from _text("answer", one.answer, result.answer)
    yield from _text("detail", one.detail, course.chronicle.named(result.detail))
    yield from _answers(one, result)
    yield from _votes(one, result)
    yield from _cancelled(one, course)
    yield from _out(one, result)
    if isinstance(one.turns, dict):
        for agent, turns in one.turns.items():
            had = result.agents[_id(agent)].turns
            yield from _bounded(f"turns of {agent}", turns, had)
    if isinstance(one.agents, dict):
        for agent, meant in one.agents.items():
            yield from _agent(agent, meant, course)
    yield from _standings(one, happenings)
    yield from _bounded("tokens", one.tokens, result.usage.total_tokens)
    yield from _bounded("cost_usd", one.cost_usd, result.cost_usd)
    if course.is_timed:
        yield from _bounded("elapsed_s", one.elapsed_s, result.elapsed_s)
    yield from _happens(one, course)
    yield from _order(one, course)
    yield from _never(one, course)


def _differs(what: str, expected: object, was: object) -> Iterator[str]:
    if expected is not msgspec.UNSET and expected != was:
        yield f"{what}: expected {_shown(expected)}, was {_shown(was)}"


def _text(
    what: str, expected: object, was: str | None, *, is_name: bool = False
) -> Iterator[str]:
    if expected is msgspec.UNSET or text_fits(expected, was, is_name=is_name):
        return
    meant = _shown(expected) if expected is None or is_name else _spelled(expected)
    yield f"{what}: expected {meant}, was {_shown(was)}"


def _spelled(expected: object) -> str:
    return repr(expected) if isinstance(expected, str) else spelled(expected)


def _shown(value: object) -> str:
    if value is None:
        return "nobody"
    return repr(value) if isinstance(value, str) else spelled(value)


def _answers(one: Outcome, result: Result) -> Iterator[str]:
    was: dict[str, list[str]] = {}
    for answer in result.answers:
        was.setdefault(answer.agent, []).append(answer.content)
    yield from _texts("answers", one.answers, was)


def _votes(one: Outcome, result: Result) -> Iterator[str]:
    if isinstance(one.votes, msgspec.UnsetType):
        return
    was = {str(vote.voter): vote.choice for vote in result.votes}
    for voter in sorted(one.votes.keys() | was.keys()):
        if voter not in was:
            yield f"votes: {voter} was expected to vote, but no ballot of its counts"
        elif voter not in one.votes:
            yield f"votes: {voter} was not expected to vote, but did for {was[voter]}"
        else:
            yield from _differs(f"vote of {voter}", one.votes[voter], was[voter])


def _cancelled(one: Outcome, course: Course) -> Iterator[str]:
    if one.cancelled is not msgspec.UNSET:
        yield from _texts("cancelled", one.cancelled, cancellations(course))


def cancellations(course: Course) -> dict[str, list[str]]:
    """Agent → why turns of it were cancelled, in their order.

    By the machine, for its reason; or because the session was over, and how it ended.
    """
    was: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    result = course.result
    ended = {"deadline": "the deadline passed"}.get(result.status, "the session ended")
    for happening in course.happenings:
        agent = str(happening.facts.get("agent"))
        if happening.kind == "cancel_turn":
            was.setdefault(agent, []).append(str(happening.facts["reason"]))
            counts[agent] = counts.get(agent, 0) + 1
        elif (
            happening.kind == "turn_ended" and happening.facts["outcome"] == "cancelled"
        ):
            if counts.get(agent, 0):
                counts[agent] -= 1
            else:
                was.setdefault(agent, []).append(f"{ended}: {result.detail}")
    return was


def _out(one: Outcome, result: Result) -> Iterator[str]:
    was = {
        str(agent): [record.error or ""]
        for agent, record in result.agents.items()
        if record.status in {"failed", "retired"}
    }
    yield from _texts("out", one.out, was)


def _texts(
    what: str,
    expected: Mapping[str, Texts] | msgspec.UnsetType,
    was: Mapping[str, list[str]],
) -> Iterator[str]:
    """Compare texts by agent: the agents in full, each text as the file says."""
    if isinstance(expected, msgspec.UnsetType):
        return
    for agent in sorted(expected.keys() | was.keys()):
        meant, had = expected.get(agent), was.get(agent, [])
        if meant is None:
            yield f"{what}: nothing was expected of {agent}, there was {had}"
            continue
        parts = meant if isinstance(meant, tuple) else (meant,)
        is_same = len(parts) == len(had) and all(map(text_fits, parts, had))
        if not is_same:
            shown = f"[{', '.join(map(_spelled, parts))}]"
            yield f"{what} of {agent}: expected {shown}, there was {had}"


def _agent(agent: str, meant: ExpectedAgent, course: Course) -> Iterator[str]:
    record: AgentRecord = course.result.agents[_id(agent)]
    who = f"agents.{agent}"
    yield from _differs(f"{who}.status", meant.status, record.status)
    yield from _text(f"{who}.error", meant.error, record.error)
    counts: dict[str, tuple[Any, float | None]] = {
        "turns": (meant.turns, record.turns),
        "calls": (meant.calls, course.chronicle.calls[agent]),
        "tokens": (meant.tokens, record.usage.total_tokens),
        "cost_usd": (meant.cost_usd, record.cost_usd),
        "chunks": (meant.chunks, course.chronicle.chunks[agent]),
        "answers": (
            meant.answers,
            sum(answer.agent == agent for answer in course.result.answers),
        ),
    }
    for name, (bound, was) in counts.items():
        yield from _bounded(f"{who}.{name}", bound, was)
    text = "".join(course.chronicle.texts.get(agent, ()))
    yield from _text(f"{who}.text", meant.text, text)


def _standings(one: Outcome, happenings: list[Happening]) -> Iterator[str]:
    if not isinstance(one.standings, dict):
        return
    decided = [x for x in happenings if x.kind == "winner_decided"]
    had: dict[str, float] = decided[-1].facts["standings"] if decided else {}  # type: ignore[assignment]  (a fact of that kind)
    for name, points in one.standings.items():
        standings = [
            (label, was)
            for label, was in had.items()
            if name in (label, label.rpartition(".")[0])
        ]
        if not standings:
            yield f"standings of {name}: it does not stand; there were {had}"
        elif not any(number_fits(points, was) for _, was in standings):
            yield (
                f"standings of {name}: expected {misfit(points, standings[0][1])}, was "
                + (", ".join(f"{was:g}" for _, was in standings))
            )


def _bounded(
    what: str, bound: Bound | float | msgspec.UnsetType, was: float | None
) -> Iterator[str]:
    if isinstance(bound, msgspec.UnsetType):
        return
    if was is None:
        yield f"{what}: nobody knows what it was: the price of a model is unknown"
    elif expected := misfit(bound, was):
        yield f"{what}: expected {expected}, was {was:,.10g}"


def _stuck(happenings: list[Happening]) -> Iterator[str]:
    """A script without a line for what it is asked is its author's oversight."""
    for happening in happenings:
        message = str(happening.facts.get("message", ""))
        if happening.kind == "agent_failed" and SCRIPT_STUCK.search(message):
            yield f"{happening.facts['agent']} had nothing to say: {message}"


def _happens(one: Outcome, course: Course) -> Iterator[str]:
    for number, step in enumerate(_steps(one.happens)):
        came = list(filter(matcher(step, is_timed=course.is_timed), course.happenings))
        where = f"happens[{number}]"
        if step.times is msgspec.UNSET:
            if not came:
                yield _did_not_come(where, step, [], course.happenings)
        elif expected := misfit(step.times, len(came)):
            lines = "".join(f"\n      {one}" for one in came[:SHOWN_AFTER])
            difference = (
                f"{where}: {spelled(step)} came {len(came)} times, not {expected}"
            )
            yield difference + lines


def _order(one: Outcome, course: Course) -> Iterator[str]:
    happenings, at = course.happenings, 0
    for number, step in enumerate(_steps(one.order)):
        is_meant = matcher(step, is_timed=course.is_timed)
        fitting = [x for x in range(at, len(happenings)) if is_meant(happenings[x])]
        least = 1 if step.times is msgspec.UNSET else max(0, int(limits(step.times)[0]))
        if len(fitting) < least:
            before = list(filter(is_meant, happenings[:at]))
            earlier = sum(step == past for past in _steps(one.order)[:number])
            came = before[earlier:]
            yield _did_not_come(
                f"order[{number}]", step, came, happenings[at:], earlier
            )
            return
        if least:
            at = fitting[least - 1] + 1


def _steps(steps: object) -> tuple[Any, ...]:
    return () if steps is msgspec.UNSET else cast("tuple[Any, ...]", steps)


def _did_not_come(
    where: str,
    step: msgspec.Struct,
    before: list[Happening],
    after: list[Happening],
    earlier: int = 0,
) -> str:
    if before:
        return f"{where}: {spelled(step)} came too early:\n      {before[0]}"
    kinds = {kind for kind, _ in alternatives(step)}
    alike = [one for one in after if one.kind in kinds][:SHOWN_AFTER]
    shown = alike or after[:SHOWN_AFTER]
    what = "of that kind came" if alike else "came instead"
    lines = "".join(f"\n      {happening}" for happening in shown)
    after_words = f"; {what}:{lines}" if shown else "; nothing came after that"
    again = f" another time: it came {earlier} times" if earlier else ""
    return f"{where}: {spelled(step)} did not come{again}{after_words}"


def _never(one: Outcome, course: Course) -> Iterator[str]:
    ended_s = course.result.elapsed_s
    for number, step in enumerate(_steps(one.never)):
        where = f"never[{number}]: {spelled(step)}"
        is_meant = matcher(step, is_timed=course.is_timed)
        for happening in course.happenings:
            if is_meant(happening):
                yield f"{where} came:\n      {happening}"
                break
        else:
            if step.at_s is msgspec.UNSET or not course.is_timed:
                continue
            if limits(step.at_s)[0] > ended_s + 0.001:
                yield f"{where} could not come: the session ended at {ended_s:g} s"


def _id(agent: str) -> Any:  # noqa: ANN401  (an AgentId, which is a str to everybody)
    return agent
