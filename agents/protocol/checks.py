"""Checks of an answer: what the user knows to be true, and what each of them found.

A check says what is run, for how long and how much it counts. Running one is
:mod:`agents.tools.check_runner`'s; what follows from its outcome is the coordinator's.
Values.
"""

from __future__ import annotations

import math
import re
from typing import Any, Literal, TypeAlias

import msgspec

Outcome: TypeAlias = Literal["passed", "failed", "late", "broken"]
"""``late``: it took longer than it may. ``broken``: it could not be run, or raised what
says nothing of the answer."""

NAME_CHARS = 60
"""Of a check's name where it is made of what the check runs."""
TIMEOUT_S = 60.0
"""As long as a tool may take."""
KINDS = ("command", "function", "json_schema", "pattern")


class Check(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that an answer has to fulfil: exactly one of the four kinds."""

    command: str | None = None
    """A command for bash, as ``pytest -q``, run in a copy of the author's workspace;
    it passes by exit code 0. The answer is its standard input: the value as JSON where
    answers are typed, else the words."""
    function: str | None = None
    """A Python function, as ``module:function``, of the decoded value, or of the words
    where answers are not typed. It fails by ``False``, a text that says why, or an
    ``AssertionError``."""
    json_schema: dict[str, Any] | None = msgspec.field(default=None, name="schema")
    """A JSON Schema for the value; where answers are words, for the JSON in them."""
    pattern: str | None = None
    """A regular expression of Python's that is found somewhere in the words."""
    name: str = ""
    """The name in reports and to voters; left out: the command or function."""
    weight: float = 1.0
    """How much it counts among the checks; more than 0."""
    timeout_s: float = TIMEOUT_S
    """Seconds that it may take."""
    files: tuple[str, ...] = ()
    """Of a command: files and folders that are laid over the copy before it runs, so
    that no author can change them; paths from the team file's folder."""
    sandbox: Literal["on", "off"] = "on"
    """Of a command: ``on`` keeps it to the copy, without a network, which takes
    bubblewrap or user namespaces; ``off``: it sees the whole file system."""

    def __post_init__(self) -> None:
        """Refuse a check that checks nothing, or several things."""
        kinds = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            names = " and ".join(kinds) if kinds else "none of them"
            raise ValueError(
                f"a check is one of command, function, schema and pattern; this has "
                f"{names.replace('json_schema', 'schema')}"
            )
        if not 0 < self.weight < math.inf:
            raise ValueError(
                f"the weight of a check is {self.weight}; use more than 0, or leave "
                "the check out"
            )
        if not 0 < self.timeout_s < math.inf:
            raise ValueError(
                f"'timeout_s' of a check is {self.timeout_s}; use more than 0"
            )
        if self.command is None and (self.files or self.sandbox != "on"):
            raise ValueError("'files' and 'sandbox' are for a check with a command")
        self._check_text()

    def _check_text(self) -> None:
        if self.command is not None and not self.command.strip():
            raise ValueError("the command of a check is empty; say what to run")
        if self.function is not None and not all(self.function.partition(":")):
            raise ValueError(
                f"{self.function!r} names no function; write module:function"
            )
        if self.pattern is not None:
            if "\0" in self.pattern:
                raise ValueError(r"a pattern has no NUL in it; write \0")
            try:
                re.compile(self.pattern)
            except (re.error, OverflowError, RecursionError) as error:
                raise ValueError(
                    f"pattern {self.pattern!r} is no regular expression: {error}"
                ) from None

    @property
    def called(self) -> str:
        """Its name, or what it runs."""
        if self.name:
            return self.name
        if self.pattern is not None:
            return f"matches {self.pattern}"[:NAME_CHARS]
        if self.function is not None:
            return self.function.rpartition(":")[2][:NAME_CHARS]
        return (self.command or "schema").strip()[:NAME_CHARS]


class CheckResult(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The outcome of one check of one answer."""

    check: str
    """Its name."""
    outcome: Outcome
    detail: str = ""
    """Why it did not pass, for the author: the end of what it wrote."""
    took_s: float = 0.0
