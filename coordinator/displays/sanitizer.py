"""Makes a model's words safe to print: the one place where they are stripped.

What an agent says may come from a web page that it read. Printed as it is, it could
move the cursor, recolour or retitle a terminal, write the clipboard, fake a line of
another agent, or reorder what is seen. :func:`clean` removes terminal sequences (CSI,
OSC, DCS and the other escapes of ECMA-48, in their 7- and 8-bit forms), C0 and C1
controls but line feed and tab, the controls of bidirectional text, and the invisible
tag characters; what is left prints as itself. Displays of text call it, and nothing
else does it.
"""

from __future__ import annotations

import re
from typing import IO

_STRING = r"(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])"  # OSC, DCS, SOS, PM, APC
_SEQUENCE = re.compile(
    rf"{_STRING}[^\x07\x1b\x9c]{{0,4096}}(?:\x07|\x9c|\x1b\\)"  # … to its end
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI
    r"|\x1b[ -/]*[0-Z\\^-~]"  # the two- and three-character escapes
)
_UNFINISHED = re.compile(
    rf"(?:{_STRING}[^\x07\x1b\x9c]{{0,4096}}\x1b?|(?:\x1b\[|\x9b)[0-?]*[ -/]*"
    r"|\x1b[ -/]*)\Z"
)
_LINE_END = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_SUSPECT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and line feed, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls
    "\u2028\u2029\ufeff\ufff9-\ufffb"  # separators, byte order mark, annotations
    "\u200b\u2060-\u2065\u206a-\u206f"  # no width, deprecated shaping
    "\ud800-\udfff"  # halves of a pair: no encoding can print them
    "\U000e0000-\U000e007f]"  # tags: text that a person cannot see
)
_HELD_MAX = 4200
"""Characters of an unfinished sequence that are waited for; a longer one is no sequence
that a terminal would honour, and is printed without its controls."""


def clean(text: str) -> str:
    """Return ``text`` without anything that a terminal would obey."""
    if _SUSPECT.search(text) is None:
        return text
    return _SUSPECT.sub("", _LINE_END.sub("\n", _SEQUENCE.sub("", text)))


def one_line(text: str, width: int) -> str:
    """Return ``text`` cleaned, on one line, at most ``width`` characters, cut by ``…``.

    ``width`` counts characters, not columns.
    """
    # Cut before cleaning: an answer may be a megabyte and is asked for a line of it.
    flat = " ".join(clean(text[: width * 8 + 64]).split())
    return flat if len(flat) <= width else flat[: max(0, width - 1)].rstrip() + "…"


def whole_line(text: str, width: int) -> str:
    """Return the one line ``text`` cleaned, its columns kept, cut by ``…``."""
    flat = clean(text[: width * 8 + 64]).expandtabs().rstrip()
    return flat if len(flat) <= width else flat[: max(0, width - 1)].rstrip() + "…"


def escaped_json(data: bytes) -> bytes:
    """JSON that says the same, with all escaped that a terminal would obey or hide.

    JSON escapes C0 by itself; C1, bidirectional controls and what has no width stand
    raw in it.
    """
    if data.isascii():
        return data
    return _SUSPECT.sub(_as_escape, data.decode()).encode()


def _as_escape(match: re.Match[str]) -> str:
    code = match[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{code[at : at + 4]}" for at in range(0, len(code), 4))


def for_output(data: bytes, out: IO[bytes]) -> bytes:
    """JSON lines as they are for a program, escaped where they go to a terminal."""
    try:
        is_terminal = out.isatty()
    except ValueError:  # it is closed
        return data
    if not is_terminal:
        return data
    return b"".join(map(escaped_json, data.splitlines(keepends=True)))


class Cleaner:
    """Cleans one stream of text whose sequences may be cut anywhere."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = ""

    def clean(self, text: str) -> str:
        """Take more of the stream and return what of it can be printed now."""
        if not self._held and _SUSPECT.search(text) is None:
            return text
        text = self._held + text
        self._held = ""
        unfinished = _UNFINISHED.search(_SEQUENCE.sub(_blank, text))
        if unfinished is not None and len(text) - unfinished.start() <= _HELD_MAX:
            self._held = text[unfinished.start() :]
            text = text[: unfinished.start()]
        elif text.endswith("\r"):  # perhaps the first half of one line end
            self._held, text = "\r", text[:-1]
        return clean(text)

    def flush(self) -> str:
        """Return what was held back; the stream has ended."""
        held, self._held = self._held, ""
        return clean(held)


def _blank(sequence: re.Match[str]) -> str:
    """Keep positions while hiding finished sequences from the search for others."""
    return " " * len(sequence[0])
