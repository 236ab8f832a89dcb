"""Recordings of other providers' servers, where they are at hand; see their README."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from agents.backends.dialects.decoder import Dialect

FOLDER = Path(__file__).parents[5] / "shared" / "provider-recordings"
REASON = f"NO RECORDINGS at {FOLDER}: nothing real was decoded"
_DIALECTS: dict[str, Dialect] = {
    "responses": "responses",
    "chat completions": "chat",
    "generateContent": "gemini",
}


class Recording(NamedTuple):
    """One stream."""

    name: str
    dialect: Dialect
    data: bytes
    told: dict[str, Any]
    """Its entry in the manifest."""

    @property
    def oracle(self) -> dict[str, Any]:
        path = FOLDER / "oracle" / f"{self.name}.final.json"
        return json.loads(path.read_text())


def recordings() -> list[Recording]:
    """All of them, by name; none where there are none."""
    manifest = FOLDER / "manifest.json"
    if not manifest.exists():
        return []
    told: dict[str, dict[str, Any]] = json.loads(manifest.read_text())
    return [
        Recording(
            name.removesuffix(".sse"),
            _DIALECTS[entry["api"]],
            (FOLDER / name).read_bytes(),
            entry,
        )
        for name, entry in sorted(told.items())
    ]


def error_bodies() -> list[tuple[str, dict[str, Any], bytes]]:
    """Bodies of failed requests: name, manifest entry, bytes."""
    manifest = FOLDER / "errors" / "manifest.json"
    if not manifest.exists():
        return []
    told: dict[str, dict[str, Any]] = json.loads(manifest.read_text())
    return [
        (name, entry, (FOLDER / "errors" / name).read_bytes())
        for name, entry in sorted(told.items())
    ]
