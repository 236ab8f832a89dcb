"""A display has the terminal to itself: libraries' warnings wait until it is done."""

from __future__ import annotations

import io
import warnings
from collections.abc import AsyncGenerator, Sequence

import anyio.lowlevel
import pytest

from coordinator.displays.base import Cast
from coordinator.displays.library_warnings import WARNINGS_MAX, warnings_held
from coordinator.displays.rich import RichDisplay
from coordinator.protocol.events import Event


@pytest.fixture(autouse=True)
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Warnings are shown here, and not raised."""
    seen: list[str] = []

    def show(message: Warning | str, *_: object) -> None:
        seen.append(str(message))

    warnings.simplefilter("always")
    monkeypatch.setattr(warnings, "showwarning", show)
    return seen


async def test_a_warning_is_shown_when_the_display_is_done(shown: list[str]) -> None:
    async def events() -> AsyncGenerator[Sequence[Event]]:
        warnings.warn("old", UserWarning, stacklevel=1)
        await anyio.lowlevel.checkpoint()
        assert not shown
        yield []

    display = RichDisplay(Cast(question="?", models={}), io.StringIO())
    await display.show(events())
    assert shown == ["old"]


def test_each_is_shown_once_and_a_flood_is_bounded(shown: list[str]) -> None:
    with warnings_held():
        for number in range(5 * WARNINGS_MAX):
            warnings.warn(f"number {number // 2}", UserWarning, stacklevel=1)
    assert shown == [f"number {number}" for number in range(WARNINGS_MAX)]
