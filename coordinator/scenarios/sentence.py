"""A first look at a file: whether it is a scenario, and the sentence that it proves."""

from __future__ import annotations

from pathlib import Path

SCENARIO_KEYS = ("expect", "extends", "matrix")
"""A file that says one of these at its top is no team file."""


def is_scenario(path: Path) -> bool:
    """Whether a file beside team files is a scenario.

    A cheap look, so that a broken file is a scenario and its error is told; a file that
    cannot be read is none, and whoever reads it says why. A pipe (``<(…)``) can be read
    once only, and a device has no end: neither is looked at.
    """
    if not path.is_file():
        return False
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return any(_key(line) in SCENARIO_KEYS for line in text.splitlines())


def _key(line: str) -> str:
    key, colon, _ = line.partition(":")
    return key.rstrip().strip("\"'") if colon and line[:1] not in " \t#-" else ""


def sentence_of(text: str) -> tuple[str, int]:
    """The sentence that a file begins with and its line; empty where there is none.

    What tools write into first lines is none: ``# yaml-language-server: …``,
    ``# vim: …``, ``# -*- …``.
    """
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped in ("---", "#") or _is_for_tools(stripped):
            continue
        if not stripped.startswith("#"):
            break
        return stripped.strip("# ").rstrip("."), number
    return "", 1


def _is_for_tools(line: str) -> bool:
    comment = line.lstrip("# ")
    first = ("yaml-language-server:", "$schema", "vim:", "vi:", "-*-", "!", "cspell:")
    also = ("spdx-", "copyright", "noqa", "yamllint ", "prettier-ignore", "%yaml")
    return line.startswith("#") and comment.lower().startswith((*first, *also))
