"""A record of what became of each key of a configuration while a team is made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, cast

import msgspec

from coordinator.massgen.configuration import Json
from coordinator.massgen.key_table import NO_EFFECT, NOT_SUPPORTED, Verdict, known
from coordinator.protocol.conversion import spell
from coordinator.team.yaml_document import Document, Misplaced, Where

VALUE_CHARS = 40
"""A value in the table is shown so far."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """The fate of one key."""

    line: int
    key: str
    """The way down to it: ``agents[0].backend.cwd``."""
    value: str
    """As it stands, shortened; nothing of a secret's."""
    verdict: Verdict
    note: str
    """Its meaning here, or the way to do without it."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why no team can be made of a configuration."""

    reason: str
    """A class of reasons, to count by: ``agents of kind codex``."""
    error: Misplaced
    """With line, key, value and the way out."""


class Ledger:
    """Rows and refusals, as they come up."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.refusals: list[Refusal] = []
        self._rows: dict[Where, tuple[Verdict, str]] = {}

    def honour(self, where: Where, note: str = "") -> None:
        """The key at ``where`` means here what it means there, or as ``note`` says."""
        self._rows[where] = ("honoured", note)

    def pass_over(self, where: Where, why: str) -> None:
        """The key has no effect here, and needs none."""
        self._rows[where] = ("no effect", why)

    def decline(self, where: Where, instead: str) -> None:
        """The key asks for something that is not here."""
        self._rows[where] = ("not supported", instead)

    def refuse(self, where: Where, reason: str, problem: str) -> None:
        """No team can be made while the file says this."""
        self._rows[where] = ("not supported", problem)
        error = self.document.error(where, problem)
        self.refusals.append(Refusal(reason=reason, error=error))

    def finish(self, where: Where, section: str, keys: Mapping[str, Any]) -> None:
        """Judge every key of a section that nobody has taken.

        What asks for something that is not here, and is off, is as it would be here.
        """
        for key, value in keys.items():
            place = (*where, key)
            if place in self._rows:
                continue
            if (why := NO_EFFECT.get(section, {}).get(key)) is not None:
                self.pass_over(place, why)
            elif (instead := NOT_SUPPORTED.get(section, {}).get(key)) is not None:
                if _is_off(value):
                    self.honour(place, "it is off, as here")
                else:
                    self.decline(place, instead)
            else:
                self._rows[place] = ("unknown", _unknown(key, section))

    def rows(self) -> Iterator[Row]:
        """Every row, by its line."""
        lines = self.document.lines
        for where, (verdict, note) in sorted(
            self._rows.items(), key=lambda item: lines.get(item[0], 0)
        ):
            yield Row(
                line=lines.get(where, 1),
                key=spell(where),
                value=_shown(where, _value(self.document.data, where)),
                verdict=verdict,
                note=note,
            )


def unknown_name(key: str, section: str) -> str | None:
    """The known key that ``key`` may be a slip of; ``None``: it is another word."""
    near = get_close_matches(key, known(section), 1, 0.8)
    return near[0] if near else None


def _unknown(key: str, section: str) -> str:
    near = unknown_name(key, section)
    if near is not None:
        return f"did you mean {near!r}?"
    for other in ("", "agent", "backend", "orchestrator", "coordination"):
        if other != section and key in known(other):
            return f"no key of this place; it stands under {other or 'the top'!r}"
    return "no key of MassGen 0.1.97 that is known here; leave it out"


def _is_off(value: object) -> bool:
    """Whether a setting asks for nothing."""
    if isinstance(value, dict):
        return not value or cast("Json", value).get("enabled") is False
    return value in (None, False, "", [], {}, "false", "legacy", "none", "static")


def _value(data: Any, where: Where) -> Any:  # noqa: ANN401  (plain YAML)
    for step in where:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return ""  # what is missing has a row, too
    return data


def _shown(where: Where, value: object) -> str:
    if isinstance(value, dict):
        return "{…}" if value else "{}"
    if isinstance(value, list):
        return f"[{len(cast('list[Any]', value))}]" if value else "[]"
    if where[-1:] == ("api_key",) and not str(value).startswith("$"):
        return "…"
    text = " ".join(str(value).split())
    return text if len(text) <= VALUE_CHARS else text[: VALUE_CHARS - 1] + "…"
