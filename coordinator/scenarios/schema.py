"""The form of a scenario file: a team file that also says what will come of it.

::

    # A vote is decided as soon as the rest cannot change it, and the rest is stopped.
    question: Which city is the capital of France?
    agents:
      - id: ada
        script:
          turns:
            - {when: {task: draft}, lines: [{answer: Paris, delay_s: 1}]}
            - {when: {task: review}, lines: [{vote: Paris}]}
      - …
    voting: {rule: plurality}
    final: reuse
    people:
      - {at_s: 4, say: Mind the spelling.}
    expect:
      status: answered
      winner: ada
      cancelled: {cleo: no outstanding vote can change the winner}

What a team file may say (:mod:`coordinator.team.reader`) and what a script may say
(:mod:`agents.backends.scripted.script`) means here what it means there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeAlias, get_args

import msgspec

from agents.backends.scripted.script import Entry, Line
from coordinator.ballots import every_rule
from coordinator.protocol.result import Status
from coordinator.scenarios.facts import Step
from coordinator.team.reader import TeamFile

Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]


class Intervention(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What a person does while the team works: one thing at a time."""

    at_s: Seconds
    """Seconds since the session began."""
    say: str | msgspec.UnsetType = msgspec.UNSET
    """Told to the whole team with its next turns."""
    stop: str | msgspec.UnsetType = msgspec.UNSET
    """The agent that is taken out."""
    veto: str | msgspec.UnsetType = msgspec.UNSET
    """The answer that is ruled out: its label, ``ada.2``, or ``ada`` for her newest."""
    interrupt: str | msgspec.UnsetType = msgspec.UNSET
    """Ends the session, for this reason."""
    answer: str | msgspec.UnsetType = msgspec.UNSET
    """What the person ``by`` answers when asked."""
    vote: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    """The answers that the person ``by`` prefers when asked, best first."""
    by: str | None = None
    """The agent of ``backend: human`` that answers or votes."""
    reason: str = "a person wants it"
    """Why an agent is stopped, an answer vetoed or voted for."""


DEEDS = ("say", "stop", "veto", "interrupt", "answer", "vote")
"""What a person can do."""


class PretendTool(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A tool that every agent may call, and that does nothing but answer."""

    returns: str = "done"
    takes_s: Seconds = 0.0
    fails: str = ""
    """It fails, with these words, instead of returning."""


class Bound(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much it may be; a number instead of this is exactly how much."""

    at_most: float | None = None
    at_least: float | None = None


class Expected(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The outcome. What is left out does not matter; what is said is said in full."""

    status: Status
    winner: str | msgspec.UnsetType | None = msgspec.UNSET
    """Whose answer won; ``null``: nobody's."""
    answer: str | msgspec.UnsetType | None = msgspec.UNSET
    """The final words, whole."""
    detail: str = ""
    """Part of how the result says it was decided."""
    answers: dict[str, str | tuple[str, ...]] | msgspec.UnsetType = msgspec.UNSET
    """Author → part of its answer; of each if there are several. All that counted."""
    votes: dict[str, str | None] | msgspec.UnsetType = msgspec.UNSET
    """Voter → the author it puts first, of all ballots that count at the end."""
    cancelled: dict[str, str | tuple[str, ...]] | msgspec.UnsetType = msgspec.UNSET
    """Agent → part of why a turn of it was cancelled; of each if there are several."""
    out: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    """Agent → part of why it got no more turns; all that failed or were taken out."""
    turns: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    """Agent → how many turns it took up; agents left out may take any number."""
    tokens: Bound | int | msgspec.UnsetType = msgspec.UNSET
    """Of all agents, read and written, cancelled turns included."""
    elapsed_s: Bound | float | msgspec.UnsetType = msgspec.UNSET
    """To the millisecond; not asked over HTTP, where time is real."""
    order: tuple[Step, ...] = ()
    """These happen in this order; others may happen in between."""
    never: tuple[Step, ...] = ()
    """Nothing of this happens."""


class ScenarioFile(TeamFile, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scenario file. Its first line is a comment: the sentence that it proves."""

    expect: Expected
    tools: dict[str, PretendTool] = msgspec.field(
        default_factory=dict[str, PretendTool]
    )
    """By name."""
    people: tuple[Intervention, ...] = ()


def schema() -> dict[str, Any]:
    """The JSON Schema of a scenario file, for editors that complete and check YAML.

    Scripts are spelled out, though a team file merely carries them.
    """
    kinds: tuple[Any, ...] = get_args(Line)
    fields = {field.name: field.type for field in msgspec.structs.fields(Entry)}
    # A union of lines is told apart by our own reader; msgspec would refuse it.
    del fields["lines"]
    made, parts = msgspec.json.schema_components(
        (ScenarioFile, *kinds, *fields.values()), ref_template="#/$defs/{name}"
    )
    top, *rest = made
    lines, entry = rest[: len(kinds)], rest[len(kinds) :]
    parts["Turn"] = _object(
        "One response of the model.",
        {
            "lines": _list({"anyOf": [{"type": "string"}, *lines]}),
            **dict(zip(fields, entry, strict=True)),
        },
        required="lines",
    )
    parts["Script"] = _object(
        "What a pretended model says.",
        {"model": {"type": "string"}, "turns": _list({"$ref": "#/$defs/Turn"})},
        required="turns",
    )
    script = {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Script"}]}
    for holder in ("AgentEntry", "AgentSettings"):
        parts[holder]["properties"]["script"] = script
    short = {"enum": [kind.name for kind in every_rule()]}
    for part in parts.values():
        for name, field in part.get("properties", {}).items():
            if name in {"rule", "fallback"} and "anyOf" in field:
                field["anyOf"].append(short)
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {**draft, **top, "$defs": parts}


def _list(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}


def _object(
    description: str, properties: dict[str, Any], *, required: str
) -> dict[str, Any]:
    return {
        "description": description,
        "type": "object",
        "properties": properties,
        "required": [required],
        "additionalProperties": False,
    }


def write_schema(path: Path) -> None:
    """Write :func:`schema` to a file, to point an editor at."""
    made = msgspec.json.format(msgspec.json.encode(schema()), indent=2)
    path.write_bytes(made + b"\n")
