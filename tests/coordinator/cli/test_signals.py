"""Ctrl-C reaches whoever waits for it, also where the event loop takes no signals."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from typing import TypeAlias

import anyio
import pytest

from coordinator.cli.signals import ending_signals, received, received_by_handlers

Way: TypeAlias = Callable[..., AbstractContextManager[AsyncIterator[int]]]
WAYS = pytest.mark.parametrize("way", [received, received_by_handlers])


@WAYS
@pytest.mark.real_time
async def test_each_signal_is_received_and_the_handlers_are_put_back(
    way: Way,
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    heard: list[int] = []
    with anyio.fail_after(5), way(signal.SIGINT, signal.SIGTERM) as signals:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        async for number in signals:
            heard.append(number)
            if len(heard) == 2:
                break
    assert sorted(heard) == [signal.SIGINT, signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_closed_terminal_ends_a_session_unless_nohup_says_otherwise() -> None:
    # These tests may be run under nohup themselves.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        assert signal.SIGHUP in ending_signals()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        assert signal.SIGHUP not in ending_signals()
    finally:
        signal.signal(signal.SIGHUP, before)
