"""Thinking that a server leaves in the text, as ``<think>…</think>``. Pure.

Local servers do so where nobody told them which model they run. Only tags at the very
beginning count: elsewhere they are what the model writes about.
"""

from __future__ import annotations

_OPEN = "<think>"
_CLOSE = "</think>"


class ThinkTags:
    """Tells thinking from text; give it every piece in order."""

    __slots__ = ("_held", "_is_inside", "is_over")

    def __init__(self) -> None:
        self._held = ""
        self._is_inside = False
        self.is_over = False
        """Whether all that follows is text."""

    def feed(self, text: str) -> list[tuple[bool, str]]:
        """Take the next piece.

        Returns:
            Pieces, and whether each is thinking; none while it cannot be told.
        """
        self._held += text
        if not self._is_inside:
            start = self._held.lstrip()
            if len(start) < len(_OPEN) and _OPEN.startswith(start):
                return []
            if not start.startswith(_OPEN):
                self.is_over = True
                return self._let_go(is_thought=False)
            self._is_inside, self._held = True, start[len(_OPEN) :].lstrip("\n")
        thought, tag, rest = self._held.partition(_CLOSE)
        if tag:
            self.is_over, self._held = True, ""
            return [(True, thought), (False, rest.lstrip("\n"))]
        # The end may be the beginning of the tag.
        keep = next(
            (n for n in range(len(_CLOSE) - 1, 0, -1) if thought.endswith(_CLOSE[:n])),
            0,
        )
        thoughts, self._held = (
            thought[: len(thought) - keep],
            thought[len(thought) - keep :],
        )
        return [(True, thoughts)]

    def finish(self) -> list[tuple[bool, str]]:
        """The text still held back when the stream is over."""
        return self._let_go(is_thought=self._is_inside)

    def _let_go(self, *, is_thought: bool) -> list[tuple[bool, str]]:
        held, self._held = self._held, ""
        return [(is_thought, held)] if held else []
