"""Whole numbers on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeAlias

from cyclopts import Parameter, Token


def _whole(_kind: object, tokens: Sequence[Token]) -> int:
    """Read a number as it stands; left to itself, cyclopts rounds 1.5 up."""
    try:
        return int(tokens[0].value)
    except ValueError:
        raise ValueError(f"{tokens[0].value!r} is no whole number") from None


Whole: TypeAlias = Annotated[int, Parameter(converter=_whole)]
"""An option that is a whole number."""
