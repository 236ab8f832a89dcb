"""Warnings of libraries: logged where they would be raised, passed on elsewhere."""

from __future__ import annotations

import logging
import threading
import warnings

import anyio
import pytest

from agents.limits.library_warnings import warnings_logged, with_warnings_logged

ENDS = "the model 'm' ends tomorrow"


async def warn(steps: int = 2) -> str:
    """As an SDK does: before it asks, and again when it has."""
    for _ in range(steps):
        warnings.warn(ENDS, DeprecationWarning, stacklevel=2)
        await anyio.lowlevel.checkpoint()
    warnings.warn(ENDS, DeprecationWarning, stacklevel=2)
    return "answer"


async def test_a_warning_that_would_be_raised_is_logged_and_the_call_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(DeprecationWarning):
        await warn()
    with caplog.at_level(logging.WARNING, "agents"):
        assert await with_warnings_logged(warn()) == "answer"
    assert [record.getMessage() for record in caplog.records] == [
        f"DeprecationWarning: {ENDS}"
    ] * 3
    with pytest.raises(DeprecationWarning):
        await warn()


async def test_a_warning_that_would_not_be_raised_takes_pythons_way() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert await with_warnings_logged(warn(0)) == "answer"
    assert [str(warning.message) for warning in caught] == [ENDS]


async def test_what_the_call_raises_and_how_it_is_cancelled_are_unchanged() -> None:
    async def fail() -> None:
        await anyio.lowlevel.checkpoint()
        raise KeyError("x")

    with pytest.raises(KeyError):
        await with_warnings_logged(fail())
    is_cleaned = False

    async def wait() -> None:
        nonlocal is_cleaned
        try:
            await anyio.sleep_forever()
        finally:
            is_cleaned = True

    with anyio.move_on_after(1) as scope:
        await with_warnings_logged(wait())
    assert scope.cancelled_caught
    assert is_cleaned


def test_filters_are_as_before_after_calls_in_many_threads() -> None:
    before = list(warnings.filters)

    def work() -> None:
        for _ in range(200):
            with warnings_logged():
                warnings.warn(ENDS, UserWarning, stacklevel=1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before
