"""Signals as an asynchronous iterator, on every system and event loop.

AnyIO's receiver asks asyncio for a handler, which its loops on Windows refuse. There a
handler of Python's own does: it runs in the main thread, and asyncio wakes its loop for
it (``signal.set_wakeup_fd``).
"""

from __future__ import annotations

import signal
import sys
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager, suppress
from types import FrameType

import anyio

from agents.boundary.root import Loop

SIGNALS_WAITING = 16
"""Signals that wait to be read; further presses of Ctrl-C are heard all the same."""


@contextmanager
def received(*signals: signal.Signals) -> Generator[AsyncIterator[int]]:
    """Receive these instead of letting them end the program; in the main thread."""
    if sys.platform != "win32":
        with anyio.open_signal_receiver(*signals) as receiver:
            yield receiver
        return
    with received_by_handlers(*signals) as receiver:
        yield receiver


@contextmanager
def received_by_handlers(*signals: signal.Signals) -> Generator[AsyncIterator[int]]:
    """The same without the event loop's help."""
    loop = Loop()
    outbox, inbox = anyio.create_memory_object_stream[int](SIGNALS_WAITING)

    def deliver(number: int) -> None:
        with suppress(anyio.WouldBlock, anyio.ClosedResourceError):
            outbox.send_nowait(number)

    def handle(number: int, _frame: FrameType | None) -> None:
        loop.call_soon(lambda: deliver(number))

    before = {number: signal.signal(number, handle) for number in signals}
    try:
        with outbox, inbox:
            yield inbox
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ending_signals() -> list[signal.Signals]:
    """Signals that end a session; a hang-up too, unless ``nohup`` says otherwise."""
    ending = [signal.SIGINT, signal.SIGTERM]
    if sys.platform == "win32":
        return [*ending, signal.SIGBREAK]
    hang_up: signal.Signals | None = getattr(signal, "SIGHUP", None)
    if hang_up is not None and signal.getsignal(hang_up) != signal.SIG_IGN:
        ending.append(hang_up)
    return ending
