"""Names of tools, where an API takes fewer than we do. Pure.

OpenAI takes letters, digits, ``_`` and ``-``, up to 64 (its errors say so; Gemini
begins with a letter or ``_``, read 2026-11-30). MCP servers give longer ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b

LONGEST = 64
_UNFIT = re.compile(r"[^a-zA-Z0-9_-]")


def wire_name(name: str) -> str:
    """What ``name`` is called on the wire; the same for the same name."""
    fit = _UNFIT.sub("_", name)
    if not fit[:1].isalpha() and fit[:1] != "_":
        fit = f"_{fit}"
    if fit == name and len(fit) <= LONGEST:
        return name
    # Told apart by a digest of the whole, so that no two names become one.
    digest = blake2b(name.encode(), digest_size=4).hexdigest()
    return f"{fit[: LONGEST - 9]}_{digest}"


def names_back(names: Iterable[str]) -> dict[str, str]:
    """Wire name → name, for those that differ."""
    return {wire_name(n): n for n in names if wire_name(n) != n}
