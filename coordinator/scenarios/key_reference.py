"""Tables of every key of team and scenario files, for ``scenarios/README.md``.

Made of the JSON Schemas, and so of the Structs that read the files. ``python -m
coordinator.scenarios.key_reference`` writes them anew between their marks; a test
compares.
"""

from __future__ import annotations

import copy
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from coordinator.consensus.rules import DEFAULT_POLICY, Rules
from coordinator.scenarios.json_schema import FILES, Json, Kind

SECTIONS: Mapping[str, tuple[Kind, tuple[str, ...]]] = {
    "team": ("team", ("TeamFile", "AgentEntry", "Voting", "Limits")),
    "parts": (
        "team",
        (
            "Attach",
            "SharedEntry",
            "TokenPrice",
            "WorkloadIdentity",
            "RayPlace",
            "McpServer",
            "Straggler",
            "LeaderFirst",
            "Shortlist",
            "Topology",
            "Adaptive",
            "Escalate",
            "Division",
            "Record",
        ),
    ),
    "scenarios": (
        "scenario",
        (
            "ScenarioFile",
            "Intervention",
            "PretendTool",
            "Expected",
            "ExpectedAgent",
            "Step",
            "Bound",
            "TextMatch",
        ),
    ),
    "rules": (
        "team",
        (
            "Plurality",
            "Majority",
            "Supermajority",
            "Unanimity",
            "Approval",
            "Borda",
            "InstantRunoff",
            "Copeland",
            "Schulze",
            "RankedPairs",
            "coordinator.ballots.voting_rules.Score",
            "MajorityJudgement",
        ),
    ),
    "scripts": ("team", ("Script", "Turn", "When", "Wire", "WrittenFile", "Target")),
    "lines": (
        "team",
        (
            "Text",
            "Thinking",
            "RedactedThinking",
            "Tool",
            "ServerTool",
            "McpTool",
            "Answer",
            "Vote",
            "Rank",
            "Approve",
            "agents.backends.scripted.script.Score",
            "Abstain",
            "RepeatText",
            "RepeatedText",
            "Fail",
            "HttpError",
            "Stall",
            "Truncate",
            "Disconnect",
            "SetUsage",
            "SetStopReason",
            "SetContainer",
            "Block",
            "Ping",
            "RawBytes",
        ),
    ),
}
"""Mark in the README → which of the schemas, and which of its definitions."""

_BLOCK = re.compile(r"<!-- keys: (\w+) -->\n(.*?)<!-- end of keys -->\n", re.DOTALL)
_ROLE = re.compile(r":\w+:`~?([^`]+)`")
_PLAIN = {"string": "text", "integer": "whole number", "object": "mapping"}


_ELSEWHERE = {"AgentSettings": "AgentEntry", "Outcome": "Expected"}
"""Definitions whose keys stand in another's table."""
_DEFAULT_CHARS = 60
"""A longer default is a mapping of defaults, which have rows of their own."""


def tables(name: str) -> str:
    """The tables that stand behind one mark."""
    kind, titles = SECTIONS[name]
    schema: Json = json.loads(FILES[kind].read_text("utf-8"))
    parts: Mapping[str, Json] = schema["$defs"]
    if name == "team":
        parts = {**parts, **_with_defaults(parts)}
    return "\n".join(
        _steps(parts) if title == "Step" else _table(title, parts) for title in titles
    )


def _with_defaults(parts: Mapping[str, Json]) -> dict[str, Json]:
    """The sections of rules, whose defaults are the default policy's."""
    defaults: Json = msgspec.to_builtins(Rules().settings())
    sections: dict[str, Json] = {}
    for name in ("TeamFile", "Voting", "Limits"):
        part = copy.deepcopy(parts[name])
        for key, field in part["properties"].items():
            if key in defaults:
                field["default"] = defaults[key]
        sections[name] = part
    sections["Voting"]["properties"]["policy"]["default"] = DEFAULT_POLICY
    return sections


def with_tables(text: str) -> str:
    """A README with the tables behind its marks made anew."""
    return _BLOCK.sub(
        lambda found: (
            f"<!-- keys: {found[1]} -->\n{tables(found[1])}<!-- end of keys -->\n"
        ),
        text,
    )


def _title(name: str) -> str:
    return name.rpartition(".")[2]


def _steps(parts: Mapping[str, Json]) -> str:
    """The table of happenings: each kind, and its fields."""
    rows = ["#### Step", "", _sentence(parts["Step"]), ""]
    rows += ["| what happens | what of it may be said |", "|---|---|"]
    for key in parts["Step"]["properties"]:
        schema = parts.get(f"Step_{key}")
        if schema is not None:
            fields = ", ".join(f"`{field}`" for field in schema.get("properties", ()))
            rows.append(f"| `{key}` | {fields} |")
    rows += ["", "Beside its kind a step may have:", ""]
    rows += ["| key | what it takes | |", "|---|---|---|"]
    for key, schema in parts["Step"]["properties"].items():
        if f"Step_{key}" not in parts:
            rows.append(f"| `{key}` | {_type(schema)} | {_sentence(schema)} |")
    return "\n".join([*rows, ""])


def _table(name: str, parts: Mapping[str, Json]) -> str:
    part = parts[name]
    rows = [f"#### {_title(name)}", "", _sentence(part), ""]
    rows += ["| key | what it takes | default | |", "|---|---|---|---|"]
    required = part.get("required", ())
    for key, field in part.get("properties", {}).items():
        default = "required" if key in required else _default(field)
        cells = (f"`{key}`", _type(field), default, _sentence(field))
        rows.append(
            "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        )
    return "\n".join([*rows, ""])


def _sentence(field: Json) -> str:
    """The whole of a description, on one line, without the roles of its markup."""
    text = _ROLE.sub(r"`\1`", str(field.get("description", "")))
    text = text.split("\n\nRaises:")[0].replace("``None``", "``null``")
    return " ".join(text.replace("``", "`").split())


def _default(field: Json) -> str:
    if "default" not in field or field["default"] in ("", [], {}):
        return ""
    if field["default"] is None and "null" not in json.dumps(field.get("anyOf", "")):
        return ""
    default = json.dumps(field["default"], ensure_ascii=False)
    return f"`{default}`" if len(default) <= _DEFAULT_CHARS else "as below"


def _type(field: Json) -> str:
    """The type of a key, in words."""
    if "$ref" in field:
        name = _title(str(field["$ref"]).rpartition("/")[2])
        name = _ELSEWHERE.get(name, name)
        return f"[{name}](#{name.lower()})"
    if "enum" in field:
        return ", ".join(f"`{json.dumps(one).strip(chr(34))}`" for one in field["enum"])
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    choices = field.get("anyOf") or field.get("oneOf")
    if choices:
        return " or ".join(dict.fromkeys(_types(cast("list[Json]", choices))))
    return _simple(field)


def _types(choices: list[Json]) -> Iterator[str]:
    is_rule = any(choice.get("$ref", "").endswith("/Borda") for choice in choices)
    if is_rule:
        yield "a [voting rule](#voting-rules)"
    for choice in choices:
        if not is_rule or choice.get("type") == "null":
            yield _type(choice)


def _simple(field: Json) -> str:
    kind: Any = field.get("type", "anything")
    if isinstance(kind, list):
        return " or ".join(map(str, cast("list[object]", kind)))
    if kind == "array":
        return f"list of {_type(cast('Json', field.get('items', {})))}"
    words = _PLAIN.get(kind, str(kind))
    if kind == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"mapping to {_type(cast('Json', field['additionalProperties']))}"
    for bound, sign in (
        ("minimum", "≥"),
        ("exclusiveMinimum", ">"),
        ("maximum", "≤"),
        ("exclusiveMaximum", "<"),
    ):
        if bound in field:
            words += f" {sign} {field[bound]:g}"
    return words


def main() -> int:
    """Write the tables of ``scenarios/README.md`` anew."""
    path = Path(__file__).parents[2] / "scenarios" / "README.md"
    path.write_text(with_tables(path.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
