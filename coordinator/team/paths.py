"""Paths and variables as people write them in a team file.

Every path may begin with ``~`` and name variables, ``$NAME`` or ``${NAME}``. Where a
variable means nothing it is refused: a model named ``${MODEL}`` would be asked for, and
an answer to ``${PERSONA}`` be paid.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

NAME_MOST = 255
"""Characters of a longer argument are no file's name."""

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def expanded(path: str, ours: Mapping[str, str] = os.environ) -> str:
    """``path`` with the home folder and variables filled in.

    Raises:
        ValueError: A variable is not set, or there is no such user.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if not ours.get(name):
            raise ValueError(
                f"{path!r} takes {name} from the environment, where it is not set; "
                "set it"
            )
        return ours[name]

    filled = _VARIABLE.sub(value, path)
    try:
        return str(Path(filled).expanduser()) if filled.startswith("~") else filled
    except RuntimeError:
        raise ValueError(f"{path!r} begins with nobody's home folder") from None


def variable_in(text: str, *, is_whole: bool = False) -> str | None:
    """The first variable that ``text`` names; ``None``: it names none.

    Args:
        text: What people have written.
        is_whole: Only where it is all of the text: words may quote a shell.
    """
    match = _VARIABLE.fullmatch(text.strip()) if is_whole else _VARIABLE.search(text)
    return match[0] if match else None


def beside(argument: str, folder: str) -> str:
    """``argument``, where it names a file beside the team file, by its whole path.

    One that is found from the current folder stays as it is.
    """
    is_elsewhere = os.path.isabs(argument) or argument.startswith("-")  # noqa: PTH117  (a string as people write it)
    if not folder or is_elsewhere or "\n" in argument or len(argument) > NAME_MOST:
        return argument
    place = Path(folder, argument)
    is_path = os.sep in argument or place.suffix
    if is_path and place.is_file() and not Path(argument).exists():
        return str(place)
    return argument
