"""Which ids agents may have."""

from __future__ import annotations

import re

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


def id_fault(agent: str) -> str:
    """The fault of an agent's id, and the way out; empty where it is usable."""
    if _ID.fullmatch(agent):
        return ""
    return (
        f"{agent!r} is not usable; begin with a letter and use up to 64 letters, "
        "digits, '_', '.' or '-'"
    )
