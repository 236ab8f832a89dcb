"""Numbered items that may come in any order, given out in theirs. Pure."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class InOrder(Generic[T]):
    """Holds back what comes before its time; what comes twice is dropped."""

    def __init__(self) -> None:
        self._next = 0
        self._early: dict[int, T] = {}

    def put(self, number: int, item: T) -> list[T]:
        """Take an item; all that can be given out now, in order.

        Args:
            number: Counted from 0, without a gap in the end.
            item: What it is.
        """
        if number >= self._next:
            self._early[number] = item
        ready: list[T] = []
        while self._next in self._early:
            ready.append(self._early.pop(self._next))
            self._next += 1
        return ready
