"""Events of one dialect, read from JSON that may be broken, new or not JSON. Pure.

What an event carries on (:class:`msgspec.Raw`) has been looked into as a whole, so that
whoever decodes it later meets no broken UTF-8; what is read into text is mended.
"""

from __future__ import annotations

from typing import Any, Generic, TypeAlias, TypeVar, cast

import msgspec

from agents.backends.dialects.json_text import as_utf8, carriable, one_line_of
from agents.errors import StreamMalformed

Json: TypeAlias = dict[str, Any]  # an API's objects, looked into with care

_Event = TypeVar("_Event")


class _Kind(msgspec.Struct, frozen=True):
    type: str = ""


_kinds: msgspec.json.Decoder[_Kind] = msgspec.json.Decoder(_Kind)


KIND_CHARS = 100
"""Of an event's kind, in an error: whoever sends it chooses its length."""


def kind_of(data: bytes) -> str:
    """An object's ``type``; empty where it has none, or is no object."""
    try:
        return _kinds.decode(data).type
    except msgspec.MsgspecError:
        return ""


class EventDecoder(Generic[_Event]):
    """Reads the events of one dialect.

    Args:
        form: A Struct, or a union of tagged ones.
        plain: Those of them that carry no :class:`msgspec.Raw`; nearly all events are
            of this kind and need no second look.
        known: The ``type`` of every event that ``form`` has; what is of another is no
            fault. Empty: every event must be of the form.
    """

    def __init__(
        self,
        form: Any,  # noqa: ANN401  (a union of types is no type)
        *,
        plain: tuple[type, ...] = (),
        known: frozenset[str] = frozenset(),
    ) -> None:
        self._decode = msgspec.json.Decoder(form).decode
        self._plain = frozenset(plain)
        self._known = known

    def decode(self, data: bytes) -> tuple[_Event | None, bytes]:
        """Read one event.

        Returns:
            The event, ``None`` for a kind that is not of the form; and the JSON it was
            read from, on one line and valid throughout. What never was JSON
            (``[DONE]``) is ``None`` and a JSON string.

        Raises:
            StreamMalformed: It is broken JSON, or a known kind lacks what it must have.
        """
        try:
            event = self._decode(data)
            if type(event) in self._plain:
                return event, data
            return event, one_line_of(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
        for candidate in (data, as_utf8(data)):
            try:
                return self._read_whole(candidate)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            except RecursionError as exc:
                raise StreamMalformed("an event is nested too deeply") from exc
        if not data.lstrip().startswith(b"{"):
            return None, bytes(carriable(data))
        raise StreamMalformed("an event is not JSON")

    def _read_whole(self, data: bytes) -> tuple[_Event | None, bytes]:
        line = one_line_of(data)
        try:
            return self._decode(line), line
        except msgspec.ValidationError as exc:
            kind = kind_of(line)
            is_object = line.startswith(b"{")
            if self._known and kind not in self._known:
                return None, line
            if not self._known and not is_object:
                return None, line
            what = kind[:KIND_CHARS] or "an event"
            raise StreamMalformed(f"{what}: {exc}") from exc


def is_said(raw: msgspec.Raw) -> bool:
    """Whether a field was there, and not null."""
    return bytes(raw) not in {b"", b"null"}


def object_of(raw: bytes | msgspec.Raw) -> Json:
    """A JSON object, or an empty one where ``raw`` is none."""
    try:
        value: Any = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return cast("Json", value) if isinstance(value, dict) else {}


def objects_of(value: object) -> list[Json]:
    """The objects of a list; nothing where it is none."""
    if not isinstance(value, list):
        return []
    every = cast("list[Any]", value)
    return [cast("Json", each) for each in every if isinstance(each, dict)]


def raw(value: object) -> msgspec.Raw:
    """``value`` as JSON on one line."""
    return msgspec.Raw(msgspec.json.encode(value))


def text_of(value: object) -> str:
    """``value`` if it is text, else nothing."""
    return value if isinstance(value, str) else ""


def count_of(value: object) -> int:
    """``value`` if it is a number that can count tokens, else 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(value) if 0 <= value < 1e15 else 0
