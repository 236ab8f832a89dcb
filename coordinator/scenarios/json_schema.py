"""JSON Schemas of scenario and team files, for editors that complete and check YAML.

Made of the Structs that read the files: keys, types and defaults from the fields, help
texts from the sentences beneath them. What a Struct's ``__post_init__`` or our own
reader refuses is said too, where JSON Schema can: words of closed vocabularies, and
exactly one of several keys. Names of agents it cannot know.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast, get_args

import msgspec
import msgspec.inspect as shapes

from agents.backends.scripted.script import Entry, Line, Script, Target
from agents.tools.schema_form import stable
from coordinator.ballots import every_rule
from coordinator.consensus.rules import PARTS, POLICIES, Topology
from coordinator.protocol.events import Event
from coordinator.scenarios.facts import CLOSED, FIELDS, KINDS
from coordinator.scenarios.matchers import TextMatch
from coordinator.scenarios.schema import DEEDS, Intervention, ScenarioFile
from coordinator.team.team_file_schema import TeamFile

Json: TypeAlias = dict[str, Any]
Kind: TypeAlias = Literal["scenario", "team"]

FILES: Mapping[Kind, Path] = {
    "scenario": Path(__file__).with_name("scenario.schema.json"),
    "team": Path(__file__).with_name("team.schema.json"),
}
"""Where the schemas are published, in the package: point an editor at one."""

_DRAFT = "https://json-schema.org/draft/2020-12/schema"

_EXTENDS = {
    "type": "string",
    "description": "A scenario or team file that this one begins with, relative to it; "
    "mappings are merged, agents by their ids.",
}
_MATRIX = {
    "description": "Plays the file once for each combination of values by path, or "
    "once for each mapping of a list.",
    "anyOf": [
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "anyOf": [{"type": "array", "minItems": 1}, {"type": "string"}]
            },
        },
        {
            "type": "array",
            "minItems": 1,
            "items": {"type": "object", "minProperties": 1},
        },
    ],
}
_COUNT = {
    "type": "integer",
    "minimum": 1,
    "description": "So many agents, with their number behind the id; '{n}' in a text "
    "is the number.",
}
_POLICY = "The preset that everything else changes."
_FIELD_WORDS: Mapping[str, str] = {
    "agent": "The agent, by its id.",
    "agents": "The agents, by their ids; all of them, in any order.",
    "answer": "The final words.",
    "call": "The how-manieth model call of the turn it is.",
    "committee": "The committee's number.",
    "content": "The text.",
    "continues": "Whether the conversation goes on.",
    "detail": "More about it, in words.",
    "error": "The class of agents.errors.",
    "fallbacks": "How many models have been given up so far.",
    "input": "The call's input; of a mapping only the keys that are named.",
    "instructions": "Instructions for the next round.",
    "is_early": "Whether ballots were outstanding.",
    "is_error": "Whether it is an error.",
    "is_valid": "Whether the input was valid JSON.",
    "label": "The answer, by its author (ada) or author and revision (ada.2).",
    "labels": "The answers, by author or author and revision; all, in any order.",
    "message": "The error message.",
    "may_restart": "Whether another round may be asked for.",
    "may_revise": "Whether a better answer may be put forward.",
    "model": "The model's name.",
    "name": "The tool's name.",
    "note": "A note that the agent reads first.",
    "prompt": "All that the messages say to the model, attached files aside.",
    "reason": "Why.",
    "retry_in_s": "Seconds until it is asked again.",
    "rule": "The voting rule, by its name.",
    "server": "The MCP server's name.",
    "shows": "The answers shown, by author or author and revision; all, in any order.",
    "status": "The status.",
    "stop_reason": "The API's stop reason.",
    "system": "The system prompt.",
    "task": "The task of the turn.",
    "text": "The words.",
    "tools": "The names of all tools offered, in any order.",
    "turn": "The turn's number, from 1.",
    "unseen": "The answers that the conversation has not shown yet.",
    "voter": "The voter, by its id.",
    "voters": "The voters, by their ids; all of them, in any order.",
    "was_tie": "Whether several were best.",
    "voting": "How the team decides.",
    "limits": "Bounds on a session.",
    "deadline_s": "Seconds after which the best answer so far is the answer.",
    "final": "How the final words are made: present, reuse or synthesise.",
    "seed": "Decides every lot; the same seed gives the same session.",
    "tool_timeout_s": "Seconds that one call of a tool of yours may take.",
    "effort": "How much the model shall think and write.",
    "budget_usd": "The most US dollars that may be spent.",
    "budget_tokens": "The most tokens that may be spent.",
    "agent_budget_usd": "The budget of each agent that has none of its own.",
    "betas": "Beta features of the API to ask for, by their names.",
    "base_url": "The API's address, where it is not the usual one.",
    "id": "The name of an agent in its team, or of a file.",
    "review_opens": "When the vote begins: once all have drafted, or the voter has.",
    "straggler": "Agents that are not waited for; null: all are.",
    "committee_size": "The most answers that one committee judges.",
    "kind": "The voting rule.",
    "share": "A share, from 0 to 1.",
    "factor": "So many times as long as the others took.",
    "max_score": "The best score; 0 is the worst.",
    "start": "So many agents begin.",
    "step": "So many join at a time.",
    "max": "The most agents there will be.",
    "answers_per_agent": "The most answers that one agent may put forward.",
    "answers_total": "The most answers of all agents together.",
    "replaced": "The answer before, by author or author and revision.",
    "outcome": "How the turn ended.",
    "thinking": "The thinking of the model.",
    "redacted_thinking": "Thinking that only its maker can read.",
    "tool": "The tool that is called, by its name.",
    "vote": "The answer that is voted for: text it contains, or label, own or first.",
    "rank": "The answers, best first; an inner list is a tier of equals.",
    "approve": "The answers that are good enough.",
    "scores": "Text that an answer contains, and its points.",
    "abstain": "A ballot for nobody.",
    "delay_s": "How long the model is silent before the line.",
    "mcp_tool": "The tool that is called over the MCP connector.",
    "result": "The result of the call.",
    "runs_s": "Seconds that the tool takes.",
    "repeat_text": "The same text delta many times.",
    "times": "How often.",
    "batch": "So many deltas in one read.",
    "block": "A content block, as the API would send it.",
    "usage": "The response's usage, key by key, as the API names it.",
    "container": "The container's id.",
    "retry_after_s": "Seconds that the server asks to wait.",
    "stall": "Nothing more comes, and the stream stays open.",
    "truncate": "The body ends cleanly in the middle.",
    "disconnect": "The connection breaks.",
    "ping": "A ping event.",
    "raw": "Text put on the wire as it is.",
    "when": "When the response fits a model call; what is left out does not matter.",
    "wire": "How bytes are laid on the wire.",
    "files": "Files that code execution has written.",
    "winner": "The winner, by its id.",
    "choice": "The author of the ballot's best answer.",
}
"""Descriptions of event fields whose Structs have no sentence for them."""

_STEP_WORDS = {
    "at_s": "When, in seconds since the session began; to the millisecond, or a bound.",
    "times": "How often; once or more where nothing is said.",
    "any_of": "One of these is enough.",
}


def schema(kind: Kind = "scenario") -> Json:
    """The JSON Schema of a scenario file, or of a team file.

    Scripts are spelled out, though a team file merely carries them.
    """
    top_kind = ScenarioFile if kind == "scenario" else TeamFile
    kinds: tuple[Any, ...] = get_args(Line)
    fields = {field.name: field.type for field in msgspec.structs.fields(Entry)}
    # A union of lines is told apart by our own reader; msgspec would refuse it.
    del fields["lines"]
    forms, parts = msgspec.json.schema_components(
        (top_kind, *kinds, *fields.values()), ref_template="#/$defs/{name}"
    )
    _, *rest = forms
    lines, entry = rest[: len(kinds)], rest[len(kinds) :]
    _describe(parts, (top_kind, *kinds, *fields.values()))
    parts["Line"] = _line(dict(zip(kinds, lines, strict=True)))
    parts["Turn"] = _object(
        "One response of the model.",
        {
            "lines": {
                "type": "array",
                "items": {"$ref": "#/$defs/Line"},
                "description": "What is said, in order; a bare string is text.",
            },
            **dict(zip(fields, entry, strict=True)),
        },
        required="lines",
    )
    _describe_part(parts["Turn"], docs(Entry))
    parts["Script"] = _object(
        "What a pretended model says.",
        {
            "model": {"type": "string"},
            "turns": {"type": "array", "items": {"$ref": "#/$defs/Turn"}},
            "files": {"type": "array", "items": {"$ref": "#/$defs/WrittenFile"}},
        },
        required="turns",
    )
    parts["WrittenFile"] = _written_file()
    _describe_part(parts["Script"], docs(Script))
    _close(parts)
    for holder in ("AgentEntry", "AgentSettings"):
        settings = parts[holder]["properties"]
        description = settings["script"].get("description", "")
        settings["script"] = {
            "if": {"type": "string"},
            "else": {"$ref": "#/$defs/Script"},
            "description": description,
        }
    top = _top(parts, top_kind.__name__, kind)
    return stable({"$schema": _DRAFT, "$ref": f"#/$defs/{top}", "$defs": parts})


def _written_file() -> Json:
    from agents.backends.scripted.script import WrittenFile  # noqa: PLC0415  (its form alone)

    _, components = msgspec.json.schema_components(
        (WrittenFile,), ref_template="#/$defs/{name}"
    )
    part = components["WrittenFile"]
    _describe_part(part, docs(WrittenFile))
    return part


def _top(parts: Json, name: str, kind: Kind) -> str:
    top = parts[name]
    if kind == "team":
        return name
    top["properties"] |= {"extends": _EXTENDS, "matrix": _MATRIX}
    parts["AgentEntry"]["properties"]["count"] = _COUNT
    # What it begins with may have the rest.
    top["anyOf"] = [{"required": ["extends"]}, {"required": top.pop("required")}]
    return name


def _line(kinds: Mapping[Any, Json]) -> Json:
    keys = {_own_key(kind): form for kind, form in kinds.items()}
    return {
        "description": "One thing that the model says or does.",
        "if": {"type": "string"},
        "else": {
            "type": "object",
            "oneOf": [{"required": [key]} for key in keys],
            "allOf": [
                {"if": {"required": [key]}, "then": form} for key, form in keys.items()
            ],
        },
    }


def _own_key(kind: type[msgspec.Struct]) -> str:
    own = [name for name in kind.__annotations__ if name in kind.__struct_fields__]
    return own[0]


def _object(description: str, properties: Json, *, required: str) -> Json:
    return {
        "description": description,
        "type": "object",
        "properties": properties,
        "required": [required],
        "additionalProperties": False,
    }


def _close(parts: Json) -> None:
    """Say which words there are, and where exactly one of several keys is given."""
    policies = {"enum": sorted(POLICIES)}
    rules = {"enum": [kind.name for kind in every_rule()]}
    for part in parts.values():
        for name, field in part.get("properties", {}).items():
            if name in {"rule", "fallback"} and "anyOf" in field:
                field["anyOf"].append(rules)
            if name == "policy":
                _only(field, policies)
    for (kind, name), words in CLOSED.items():
        field = parts.get(f"Step_{kind}", {}).get("properties", {}).get(name)
        if field is not None:
            _only(field, {"enum": list(words)})
    one_of: dict[str, tuple[str, ...]] = {
        "Step": (*KINDS, "any_of"),
        "Alternative": KINDS,
        Intervention.__name__: DEEDS,
        TextMatch.__name__: ("is", "contains", "matches", "any_of"),
        Target.__name__: tuple(Target.__struct_fields__),
        Topology.__name__: tuple(Topology.__struct_fields__),
    }
    for name, keys in one_of.items():
        if name in parts:
            parts[name]["oneOf"] = [{"required": [key]} for key in keys]
    if "Bound" in parts:
        parts["Bound"]["minProperties"] = 1


def _only(field: Json, words: Json) -> None:
    """Let a plain text be one of ``words``; other forms of it stay."""
    if "anyOf" in field:
        field["anyOf"] = [
            words if one.get("type") == "string" else one for one in field["anyOf"]
        ]
    else:
        field.pop("type", None)
        field.update(words)


def _describe(parts: Json, kinds: tuple[Any, ...]) -> None:
    """Put the sentence beneath each field into its property."""
    known = structs_in(kinds)
    by_name = {kind.__name__: kind for kind in known}
    by_name |= {f"{kind.__module__}.{kind.__name__}": kind for kind in known}
    for name, part in parts.items():
        kind = by_name.get(name)
        if name.startswith("Step_"):
            _describe_part(part, _event_docs(name.removeprefix("Step_")))
        elif name in ("Step", "Alternative"):
            sentences = {
                kind: f"A {kind.replace('_', ' ')} that is meant." for kind in KINDS
            }
            _describe_part(part, {**sentences, **_STEP_WORDS})
        elif name in ("Voting", "Limits"):
            sentences = {
                name: text for one in PARTS.values() for name, text in docs(one).items()
            }
            _describe_part(part, {**sentences, "policy": _POLICY})
        elif kind is not None:
            _describe_part(part, docs(kind))


def _describe_part(part: Json, sentences: Mapping[str, str]) -> None:
    for name, field in part.get("properties", {}).items():
        field.setdefault(
            "description", sentences.get(name) or _FIELD_WORDS.get(name, "")
        )


def _event_docs(kind: str) -> dict[str, str]:
    for event in get_args(Event):
        if str(event.__struct_config__.tag) == kind:
            own = {n: t for n, t in docs(event).items() if n in FIELDS[kind]}
            return {**{n: _FIELD_WORDS.get(n, "") for n in FIELDS[kind]}, **own}
    return {}


def structs_in(kinds: tuple[Any, ...]) -> list[type[msgspec.Struct]]:
    """Every Struct that files of these kinds are read into."""
    structs: dict[type[msgspec.Struct], None] = {}

    def walk(info: object) -> None:
        if isinstance(info, shapes.StructType):
            if info.cls in structs:
                return
            structs[info.cls] = None
            for field in info.fields:
                walk(field.type)
            return
        for name in ("types", "item_types"):
            for inner in cast("tuple[object, ...]", getattr(info, name, ())):
                walk(inner)
        for name in ("item_type", "key_type", "value_type"):
            walk(getattr(info, name)) if hasattr(info, name) else None

    for kind in kinds:
        walk(shapes.type_info(kind))
    return list(structs)


@cache
def docs(kind: type[msgspec.Struct]) -> dict[str, str]:
    """Field → the sentence beneath it, of the Struct and those it is made of."""
    sentences: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if not issubclass(base, msgspec.Struct) or base is msgspec.Struct:
            continue
        sentences.update(_sentences(base.__module__).get(base.__name__, {}))
    renamed = {f.name: f.encode_name for f in msgspec.structs.fields(kind)}
    return {renamed.get(name, name): text for name, text in sentences.items()}


@cache
def _sentences(module: str) -> dict[str, dict[str, str]]:
    """Class → field → the sentence beneath it, read from a module's source."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {
        node.name: dict(_beneath(node))
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


def _beneath(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, after in zip(node.body, node.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            yield field.target.id, " ".join(after.value.value.split())


def undescribed(kind: Kind) -> list[str]:
    """Properties without a description; a test keeps this empty."""
    whole = schema(kind)
    return [
        f"{part}.{name}"
        for part, form in whole["$defs"].items()
        for name, field in form.get("properties", {}).items()
        if not field.get("description")
    ]


def encoded(kind: Kind) -> bytes:
    """A schema as its published file has it."""
    raw = msgspec.json.encode(schema(kind), order="sorted")
    return msgspec.json.format(raw, indent=1) + b"\n"


def write_schemas() -> None:
    """Write both schemas to where they are published."""
    for kind, path in FILES.items():
        path.write_bytes(encoded(kind))


if __name__ == "__main__":
    write_schemas()
