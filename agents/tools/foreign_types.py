"""JSON Schema, decoding and encoding of types that msgspec does not know itself.

Those are pydantic's models, recognised by what they can do, so that pydantic is needed
only by who uses it.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeGuard, cast

import msgspec

from agents.boundary.guard import class_name
from agents.tools.schema_form import stable


class _Model(Protocol):
    """The part of ``pydantic.BaseModel`` that is used here."""

    @classmethod
    def model_json_schema(cls, *, ref_template: str) -> dict[str, Any]: ...
    @classmethod
    def model_validate(cls, obj: object) -> object: ...
    def model_dump(self, *, mode: str) -> object: ...


def object_schema(wanted: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON Schema of ``wanted`` with the object itself at the root, as tools need.

    Raises:
        TypeError: A field's type has no schema, or two types share a name.
    """
    _, components = msgspec.json.schema_components(
        [wanted], schema_hook=_schema_of, ref_template="#/$defs/{name}"
    )
    # pydantic puts definitions beside each model; references point to the root's.
    definitions: dict[str, Any] = {}
    for component in components.values():
        _hoist(component, definitions)
    for name, component in components.items():
        _define(name, component, definitions)
    root = definitions.pop(wanted.__name__)
    root.pop("title", None)
    root.setdefault("properties", {})
    return stable({**root, "$defs": definitions} if definitions else root)


def decode(wanted: type, value: object) -> object:
    """Make ``value``, decoded JSON, a ``wanted``; msgspec's ``dec_hook``.

    Raises:
        ValueError: It does not fit; pydantic's error, on one line a fault.
        NotImplementedError: ``wanted`` is no model.
    """
    if _is_model(wanted):
        return wanted.model_validate(value)
    raise NotImplementedError(f"values of {wanted!r} cannot be decoded")


def encode(value: object) -> object:
    """Make a model plain; msgspec's ``enc_hook``.

    Raises:
        NotImplementedError: ``value`` is no model.
    """
    if _is_model(type(value)):
        return cast("_Model", value).model_dump(mode="json")
    raise NotImplementedError(f"{class_name(value)} cannot be encoded as JSON")


def _is_model(wanted: type) -> TypeGuard[type[_Model]]:
    return hasattr(wanted, "__pydantic_core_schema__")


def _schema_of(wanted: type) -> dict[str, Any]:
    if _is_model(wanted):
        return wanted.model_json_schema(ref_template="#/$defs/{model}")
    raise TypeError(f"{wanted!r} has no JSON Schema")


def _hoist(schema: object, definitions: dict[str, Any]) -> None:
    """Move every nested ``$defs`` into ``definitions``."""
    if isinstance(schema, list):
        for part in cast("list[object]", schema):
            _hoist(part, definitions)
    elif isinstance(schema, dict):
        node = cast("dict[str, Any]", schema)
        for name, nested in node.pop("$defs", {}).items():
            _hoist(nested, definitions)
            _define(name, nested, definitions)
        for part in node.values():
            _hoist(part, definitions)


def _define(name: str, schema: object, definitions: dict[str, Any]) -> None:
    if definitions.setdefault(name, schema) != schema:
        raise TypeError(f"two different types are named {name!r}; rename one")
