"""The schema of a structured answer: of a Python type, or of a JSON Schema.

The model is shown the schema; what it sends is checked here, and what does not fit goes
back to it with the reason (:mod:`agents.tools.submissions`). Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec

from agents.tools import foreign_types as foreign
from agents.tools.pattern_trial import check_is_quick, patterns_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_VALUES = frozenset({"const", "default", "enum", "examples"})
"""Keywords whose values are data and no schemas."""
_NAMED = frozenset({"$defs", "definitions", "patternProperties", "properties"})
"""Keywords that hold schemas by name; the names may be any."""
FAULTS_TOLD = 5
"""Faults of one value that the model is told at once; mending them shows the rest."""


class SchemaInvalid(ValueError):
    """A JSON Schema that is none; ``path`` leads to what is wrong in it."""

    def __init__(self, path: tuple[str | int, ...], problem: str) -> None:
        self.path = path
        self.problem = problem
        place = "".join(f"[{x}]" if isinstance(x, int) else f".{x}" for x in path)
        super().__init__(
            f"is no JSON Schema: {f'{place[1:]}: ' if place else ''}{problem}"
        )


class AnswerForm(NamedTuple):
    """The form of a structured answer."""

    schema: msgspec.Raw
    """JSON Schema of ``new_answer``'s ``value``; its ``$defs`` belong to the root of
    the tool's schema, where references look for them."""
    check: Callable[[msgspec.Raw], object]
    """The value, decoded. Raises ``ValueError`` (as ``msgspec.ValidationError`` and
    pydantic's are) with words for the model."""


def answer_form(wanted: Any) -> AnswerForm:  # noqa: ANN401  (any type msgspec decodes)
    """The form of answers that are a ``wanted``.

    Args:
        wanted: A type that msgspec knows or a pydantic model; or a JSON Schema, as a
            mapping, whose values are plain JSON.

    Raises:
        TypeError: The type has no JSON Schema.
        SchemaInvalid: The JSON Schema is none.
    """
    if isinstance(wanted, Mapping):
        return _schema_form(cast("Mapping[str, Any]", wanted))
    holder = msgspec.defstruct("Answered", [("value", wanted)])
    whole = foreign.object_schema(holder)
    schema: Any = whole["properties"]["value"]
    if "$defs" in whole:
        schema = {**schema, "$defs": whole["$defs"]}
    decoder = msgspec.json.Decoder(wanted, dec_hook=foreign.decode)
    return AnswerForm(_json(schema), _bounded(schema, decoder.decode))


def _schema_form(schema: Mapping[str, Any]) -> AnswerForm:
    import jsonschema  # noqa: PLC0415  (0.1 s, and few teams have a schema)

    # The library's own annotations leave half of it unknown.
    library = cast("Any", jsonschema)
    kind = library.validators.validator_for(
        schema, default=library.Draft202012Validator
    )
    try:
        kind.check_schema(schema)
    except library.SchemaError as error:
        # Of several things that would do, the first says most: the names of types.
        cause = error.context[0] if error.context else error
        raise SchemaInvalid(tuple(error.path), cause.message) from None
    for path, reference in _references(schema, ()):
        if not _is_within(schema, reference):
            raise SchemaInvalid(
                path, f"{reference!r} leads to nothing in the schema; put it there"
            )
    validator = kind(schema)

    def check(value: msgspec.Raw) -> object:
        decoded: Any = msgspec.json.decode(value)
        faults: Iterable[Any] = sorted(
            validator.iter_errors(decoded), key=lambda fault: fault.json_path
        )
        problems = [f"{fault.json_path}: {fault.message}" for fault in faults]
        if problems:
            raise ValueError("; ".join(problems[:FAULTS_TOLD]))
        return decoded

    return AnswerForm(_json(_placed(schema)), _bounded(schema, check))


def _bounded(
    schema: object, check: Callable[[msgspec.Raw], object]
) -> Callable[[msgspec.Raw], object]:
    """``check``, behind a trial of the patterns that may take for ever."""
    patterns = patterns_of(schema)
    if not patterns:
        return check

    def check_in_time(value: msgspec.Raw) -> object:
        check_is_quick(patterns, value)
        return check(value)

    return check_in_time


def _references(
    node: object, path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every reference in a schema, and where it stands."""
    if isinstance(node, list):
        for number, part in enumerate(cast("list[object]", node)):
            yield from _references(part, (*path, number))
    if isinstance(node, Mapping):
        for name, part in cast("Mapping[str, object]", node).items():
            if name == "$ref" and isinstance(part, str):
                yield (*path, name), part
            elif name in _NAMED and isinstance(part, Mapping):
                for key, named in cast("Mapping[str, object]", part).items():
                    yield from _references(named, (*path, name, key))
            elif name not in _VALUES:
                yield from _references(part, (*path, name))


def _is_within(schema: Mapping[str, Any], reference: str) -> bool:
    """Whether a reference can be followed without asking anybody."""
    from referencing import Registry  # noqa: PLC0415  (comes with jsonschema)
    from referencing.exceptions import Unresolvable  # noqa: PLC0415  (as above)
    from referencing.jsonschema import DRAFT202012  # noqa: PLC0415  (as above)

    if not reference.startswith("#"):
        return False
    # Untyped: its contents are any JSON.
    root = cast("Any", DRAFT202012).create_resource(schema)
    registry: Any = cast("Any", Registry)().with_resource("", root)
    try:
        registry.resolver().lookup(reference)
    except Unresolvable:
        return False
    return True


def _placed(schema: Mapping[str, Any]) -> object:
    """``schema`` as it stands under a tool's ``value``: its references still hold."""
    bare = {k: v for k, v in schema.items() if k not in {"$schema", "$id"}}
    return _referring(bare)


def _referring(node: object) -> object:
    if isinstance(node, list):
        return [_referring(part) for part in cast("list[object]", node)]
    if not isinstance(node, dict):
        return node
    copy: dict[str, object] = {}
    for name, part in cast("dict[str, object]", node).items():
        if name == "$ref" and isinstance(part, str) and _is_moved(part):
            copy[name] = f"#/properties/value{part[1:]}"
        else:
            copy[name] = _referring(part)
    return copy


def _is_moved(reference: str) -> bool:
    return reference.startswith("#") and not reference.startswith("#/$defs/")


def _json(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
