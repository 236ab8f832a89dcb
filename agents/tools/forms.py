"""What a structured answer must look like: of a Python type, or of a JSON Schema.

The model is shown the schema; what it sends is checked here, and what does not fit goes
back to it with the reason (:mod:`agents.tools.handing_in`). Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec

from agents.tools import foreign

if TYPE_CHECKING:
    from collections.abc import Iterable

FAULTS_TOLD = 5
"""Faults of one value that the model is told at once; mending them shows the rest."""


class AnswerForm(NamedTuple):
    """What a structured answer must look like."""

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
        ValueError: The JSON Schema is none.
    """
    if isinstance(wanted, Mapping):
        return _schema_form(cast("Mapping[str, Any]", wanted))
    holder = msgspec.defstruct("Answered", [("value", wanted)])
    whole = foreign.object_schema(holder)
    schema: Any = whole["properties"]["value"]
    if "$defs" in whole:
        schema = {**schema, "$defs": whole["$defs"]}
    decoder = msgspec.json.Decoder(wanted, dec_hook=foreign.decode)
    return AnswerForm(_json(schema), decoder.decode)


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
        raise ValueError(f"is no JSON Schema: {error.message}") from None
    validator = kind(schema)

    def check(value: msgspec.Raw) -> object:
        decoded: Any = msgspec.json.decode(value)
        faults: Iterable[Any] = sorted(
            validator.iter_errors(decoded), key=lambda fault: fault.json_path
        )
        told = [f"{fault.json_path}: {fault.message}" for fault in faults]
        if told:
            raise ValueError("; ".join(told[:FAULTS_TOLD]))
        return decoded

    return AnswerForm(_json(_placed(schema)), check)


def _placed(schema: Mapping[str, Any]) -> object:
    """``schema`` as it stands under a tool's ``value``: its references still hold."""
    bare = {k: v for k, v in schema.items() if k not in {"$schema", "$id"}}
    return _referring(bare)


def _referring(node: object) -> object:
    if isinstance(node, list):
        return [_referring(part) for part in cast("list[object]", node)]
    if not isinstance(node, dict):
        return node
    made: dict[str, object] = {}
    for name, part in cast("dict[str, object]", node).items():
        if name == "$ref" and isinstance(part, str) and _is_moved(part):
            made[name] = f"#/properties/value{part[1:]}"
        else:
            made[name] = _referring(part)
    return made


def _is_moved(reference: str) -> bool:
    return reference.startswith("#") and not reference.startswith("#/$defs/")


def _json(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
