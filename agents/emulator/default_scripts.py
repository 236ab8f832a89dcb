"""What the emulator says to whoever brings no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from agents.backends.scripted.script import Script, parse_script

_SAID = (
    "No model was asked: this sentence stands in for a first answer.",
    "With a key, a real opinion would be written here instead of placeholder words.",
    "Emulated reply; imagine somebody disagreeing politely and giving reasons.",
    "A pretended API on this computer made up these lines without reading anything.",
    "Nobody thought about it, yet every request travelled over genuine HTTP.",
)
"""Drafts that no measure takes for the same."""
_PRESENTED = (
    "This answer was made up on this machine: no model was asked. Set "
    "ANTHROPIC_API_KEY and leave --emulate out to ask real ones."
)


def team_scripts(
    agents: Sequence[str], schema: Mapping[str, Any] | None = None
) -> dict[str, Script]:
    """Scripts with which a team drafts, disagrees, votes and presents.

    Args:
        agents: Their names.
        schema: The JSON Schema of structured answers, of which each gives a sample.
    """
    value = {} if schema is None else {"value": sample_of(schema, schema)}
    return {
        name: _member(_SAID[number % len(_SAID)], value)
        for number, name in enumerate(agents)
    }


def _member(answer: str, value: Mapping[str, Any]) -> Script:
    thought = {"thinking": "A made-up thought about the question.", "rate": 120}
    return parse_script(
        {
            "turns": [
                {
                    "when": {"task": "draft"},
                    "repeat": True,
                    "lines": [thought, {"answer": answer, "rate": 80, **value}],
                },
                {
                    "when": {"task": "review", "offered": "vote"},
                    "repeat": True,
                    "lines": [
                        {"text": "Reading the answers.", "rate": 120, "delay_s": 0.4},
                        {"vote": {"first": True}, "reason": "A made-up reason."},
                    ],
                },
                {
                    "when": {"task": "review"},
                    "repeat": True,
                    "lines": [{"answer": answer, **value}],
                },
                {"repeat": True, "lines": [{"text": _PRESENTED, "rate": 120}]},
            ],
        }
    )


def sample_of(schema: Any, root: Mapping[str, Any]) -> Any:  # noqa: ANN401  (JSON)
    """A value of a JSON Schema's form, as plain as can be.

    Bounds of types, lengths and lists are kept; a schema that asks for more (patterns,
    conditions) may refuse it.

    Args:
        schema: Of the value.
        root: The whole schema, where references lead.
    """
    if not isinstance(schema, Mapping):
        return None
    told = cast("Mapping[str, Any]", schema)
    if "$ref" in told:
        return sample_of(_followed(str(told["$ref"]), root), root)
    for key, first in (("const", False), ("default", False), ("enum", True)):
        if key in told:
            return told[key][0] if first else told[key]
    if told.get("examples"):
        return told["examples"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if told.get(key):
            return sample_of({**told, **told[key][0], key: None}, root)
    kind: Any = told.get("type", "object" if "properties" in told else "string")
    return _sample(kind if isinstance(kind, str) else kind[0], told, root)


def _sample(kind: object, told: Mapping[str, Any], root: Mapping[str, Any]) -> Any:  # noqa: ANN401  (JSON)
    match kind:
        case "object":
            wanted = told.get("required", told.get("properties", {}))
            properties = told.get("properties", {})
            return {name: sample_of(properties.get(name, {}), root) for name in wanted}
        case "array":
            one = sample_of(told.get("items", {}), root)
            return [one] * max(1, int(told.get("minItems", 1)))
        case "integer" | "number":
            least = told.get("minimum", told.get("exclusiveMinimum", 0))
            return least + ("exclusiveMinimum" in told)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            text = _FORMATS.get(str(told.get("format")), "sample")
            text = text.ljust(int(told.get("minLength", 0)), ".")
            return text[: told.get("maxLength")]


_FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "email": "sample@example.org",
    "uri": "https://example.org",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def _followed(reference: str, root: Mapping[str, Any]) -> Any:  # noqa: ANN401  (JSON)
    found: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        if step and isinstance(found, Mapping):
            found = cast("Mapping[str, Any]", found).get(step, {})
    return {} if found is root else found


def sample_script() -> Script:
    """Make a script that any client, team or single, can talk to for ever."""
    return parse_script(
        {
            "improvises": True,
            "turns": [
                {
                    "when": {"task": "draft"},
                    "repeat": True,
                    "lines": [
                        {"thinking": "The question asks for an answer.", "rate": 200},
                        {"answer": "This is an emulated answer.", "rate": 200},
                    ],
                },
                {
                    "when": {"task": "review", "offered": "vote"},
                    "repeat": True,
                    "lines": [
                        {"text": "Reading the answers.", "rate": 200, "delay_s": 0.2},
                        {"vote": {"first": True}, "reason": "It came first."},
                    ],
                },
                {
                    "when": {"task": "review"},
                    "repeat": True,
                    "lines": [{"answer": "This is another emulated answer."}],
                },
                {
                    "repeat": True,
                    "lines": [
                        {"text": "This is an emulated response.", "rate": 120},
                    ],
                },
            ],
        }
    )
