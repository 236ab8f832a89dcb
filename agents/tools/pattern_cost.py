"""The time that a regular expression may take, told by its form. Pure."""

from __future__ import annotations

import re

STEPS_MOST = 1_000_000
"""Steps that are taken in the process: some 10 ms of the event loop's."""

_ONE_CHARACTER = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_REPEATS = re.compile(r"[*+?{]")
_REPEATED_GROUP = re.compile(r"\)[*+?{]")
_FLAGS = re.compile(r"\(\?[aimsux]+\)")
_REFERENCE = re.compile(r"\\[1-9]|\(\?")


def is_quick(pattern: str, text: str) -> bool:
    """Whether looking for ``pattern`` in ``text`` is sure to be quick.

    It is where one thing is repeated at most, and no group is: the steps are then the
    square of the text's length at most, for each alternative. Repetitions that follow
    or hold one another may take for ever, and so may references; they are not looked
    into any further.
    """
    if flags := _FLAGS.match(pattern):
        pattern = pattern[flags.end() :]
    if _REFERENCE.search(pattern):
        return False
    plain = _ONE_CHARACTER.sub("x", pattern)
    repeats = len(_REPEATS.findall(plain))
    if repeats > 1 or _REPEATED_GROUP.search(plain):
        return False
    steps = (len(text) + 1) ** (1 + repeats) * (len(pattern) + plain.count("|"))
    return steps <= STEPS_MOST
