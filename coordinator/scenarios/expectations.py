"""Holds an outcome against the one expected; each difference in one readable line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec

from coordinator.protocol.result import Result
from coordinator.scenarios.facts import Happening, is_near, kind_of, matches
from coordinator.scenarios.schema import Bound, Expected

SCRIPT_STUCK = re.compile("has no unused entry|no visible answer is")
"""How a stage says that its script does not fit (:mod:`agents.backends.scripted`)."""

SHOWN_AFTER = 4
"""Happenings told where the one expected did not come."""


def differences(
    expect: Expected,
    result: Result,
    happenings: list[Happening],
    *,
    is_timed: bool = True,
) -> Iterator[str]:
    """Say what of ``expect`` did not come true.

    Args:
        expect: What should have happened.
        result: The session's outcome.
        happenings: What happened, in order.
        is_timed: Whether time was virtual, so that it can be held to the millisecond.
    """
    yield from _outcome(expect, result)
    yield from _answers(expect, result)
    yield from _votes(expect, result)
    yield from _cancelled(expect, happenings)
    yield from _out(expect, result)
    for agent, turns in expect.turns.items():
        yield from _differs(f"turns of {agent}", turns, result.agents[_id(agent)].turns)
    yield from _bounded("tokens", expect.tokens, result.usage.total_tokens)
    if is_timed:
        yield from _bounded("elapsed_s", expect.elapsed_s, result.elapsed_s)
    yield from _stuck(happenings)
    yield from _order(expect, happenings, is_timed=is_timed)
    yield from _never(expect, happenings, is_timed=is_timed)


def _outcome(expect: Expected, result: Result) -> Iterator[str]:
    yield from _differs("status", expect.status, result.status)
    yield from _differs("winner", expect.winner, result.winner)
    yield from _differs("answer", expect.answer, result.answer)
    if expect.detail not in result.detail:
        yield f"detail: expected …{expect.detail}…, was {result.detail!r}"


def _differs(what: str, expected: object, was: object) -> Iterator[str]:
    if expected is not msgspec.UNSET and expected != was:
        yield f"{what}: expected {_shown(expected)}, was {_shown(was)}"


def _shown(value: object) -> str:
    return "nobody" if value is None else repr(value)


def _answers(expect: Expected, result: Result) -> Iterator[str]:
    was: dict[str, list[str]] = {}
    for answer in result.answers:
        was.setdefault(answer.agent, []).append(answer.content)
    yield from _texts("answers", expect.answers, was)


def _votes(expect: Expected, result: Result) -> Iterator[str]:
    if isinstance(expect.votes, msgspec.UnsetType):
        return
    was = {str(vote.voter): vote.choice for vote in result.votes}
    for voter in sorted(expect.votes.keys() | was.keys()):
        if voter not in was:
            yield f"votes: {voter} was expected to vote, but no ballot of its counts"
        elif voter not in expect.votes:
            yield f"votes: {voter} was not expected to vote, but did for {was[voter]}"
        else:
            yield from _differs(f"vote of {voter}", expect.votes[voter], was[voter])


def _cancelled(expect: Expected, happenings: list[Happening]) -> Iterator[str]:
    was: dict[str, list[str]] = {}
    for happening in happenings:
        if happening.kind == "cancel_turn":
            agent = str(happening.facts["agent"])
            was.setdefault(agent, []).append(str(happening.facts["reason"]))
    yield from _texts("cancelled", expect.cancelled, was)


def _out(expect: Expected, result: Result) -> Iterator[str]:
    was = {
        str(agent): [record.error or ""]
        for agent, record in result.agents.items()
        if record.status in {"failed", "retired"}
    }
    yield from _texts("out", expect.out, was)


def _texts(
    what: str,
    expected: Mapping[str, str | tuple[str, ...]] | msgspec.UnsetType,
    was: Mapping[str, list[str]],
) -> Iterator[str]:
    """Compare texts by agent: the agents in full, of each text a part."""
    if isinstance(expected, msgspec.UnsetType):
        return
    for agent in sorted(expected.keys() | was.keys()):
        meant, had = expected.get(agent), was.get(agent, [])
        if meant is None:
            yield f"{what}: nothing was expected of {agent}, there was {had}"
            continue
        parts = (meant,) if isinstance(meant, str) else meant
        is_same = len(parts) == len(had) and all(
            part in text for part, text in zip(parts, had, strict=True)
        )
        if not is_same:
            yield f"{what} of {agent}: expected {list(parts)}, there was {had}"


def _bounded(
    what: str, bound: Bound | float | msgspec.UnsetType, was: float
) -> Iterator[str]:
    match bound:
        case Bound(at_most=most, at_least=least):
            if most is not None and was > most and not is_near(was, most):
                yield f"{what}: expected at most {most:g}, was {was:g}"
            if least is not None and was < least and not is_near(was, least):
                yield f"{what}: expected at least {least:g}, was {was:g}"
        case float() | int():
            if not is_near(was, bound):
                yield f"{what}: expected {bound:g}, was {was:g}"
        case _:
            pass


def _stuck(happenings: list[Happening]) -> Iterator[str]:
    """A script without a line for what it is asked is its author's oversight."""
    for happening in happenings:
        told = str(happening.facts.get("message", ""))
        if happening.kind == "agent_failed" and SCRIPT_STUCK.search(told):
            yield f"{happening.facts['agent']} had nothing to say: {told}"


def _order(
    expect: Expected, happenings: list[Happening], *, is_timed: bool
) -> Iterator[str]:
    at = 0
    for number, step in enumerate(expect.order):
        found = next(
            (
                index
                for index in range(at, len(happenings))
                if matches(step, happenings[index], is_timed=is_timed)
            ),
            None,
        )
        if found is None:
            before = happenings[:at]
            came = [x for x in before if matches(step, x, is_timed=is_timed)]
            yield _did_not_come(f"order[{number}]", step, came, happenings[at:])
            return
        at = found + 1


def _did_not_come(
    where: str, step: msgspec.Struct, before: list[Happening], after: list[Happening]
) -> str:
    if before:
        return f"{where}: {spelled(step)} came too early:\n      {before[0]}"
    alike = [one for one in after if one.kind == kind_of(step)][:SHOWN_AFTER]
    told = alike or after[:SHOWN_AFTER]
    what = "of that kind came" if alike else "came instead"
    lines = "".join(f"\n      {happening}" for happening in told)
    after_words = f"; {what}:{lines}" if told else "; nothing came after that"
    return f"{where}: {spelled(step)} did not come{after_words}"


def _never(
    expect: Expected, happenings: list[Happening], *, is_timed: bool
) -> Iterator[str]:
    for number, step in enumerate(expect.never):
        for happening in happenings:
            if matches(step, happening, is_timed=is_timed):
                yield f"never[{number}]: {spelled(step)} came:\n      {happening}"
                break


def spelled(step: msgspec.Struct) -> str:
    """Spell a step as its file does."""
    said = cast("dict[str, Any]", msgspec.to_builtins(step))
    text = msgspec.json.encode(said).decode()
    return text.replace('"', "").replace(":", ": ").replace(",", ", ")


def _id(agent: str) -> Any:  # noqa: ANN401  (an AgentId, which is a str to everybody)
    return agent
