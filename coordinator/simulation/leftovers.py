"""Leftovers of a session: tasks, open files, sockets, processes, threads.

Taken before and after, and told by name. Tasks are those of the running event loop;
the rest is the process's, so it is counted around the loop: a loop has sockets of its
own, and its idle threads end with it.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple

import anyio

GRACE_S = 0.5
"""Real seconds in which what is closing closes."""
THREADS_GRACE_S = 5.0
"""Real seconds in which a thread whose work is done ends, on a machine that is busy."""

_IDLE = ("Trio thread ", "AnyIO worker thread", "asyncio_", "pydev", "Thread-timeout")
"""Names of threads that wait for work, or belong to whoever runs the program."""

_FOLDERS = ("/proc/self/fd", "/dev/fd")
_LOOPS_OWN = ("anon_inode:", "/dev/urandom", "/dev/null", "/proc/")


class Snapshot(NamedTuple):
    """The open files and threads of the process."""

    files: Counter[str]
    """Targets of open descriptors → how many lead there."""
    threads: frozenset[int]
    """Their identities."""


def snapshot() -> Snapshot:
    """The files that the process has open and the threads that it runs, now."""
    threads = frozenset(one.ident for one in threading.enumerate() if one.ident)
    return Snapshot(_files(), threads)


def left_since(before: Snapshot) -> list[str]:
    """The files and threads that are new since ``before``, each in a few words.

    Objects that nobody holds any more are collected first: they close what they own.
    """
    leftovers = _leftovers(before)
    if not leftovers:
        return []
    gc.collect()
    began = time.monotonic()
    while leftovers := _leftovers(before):
        is_thread = any(one.startswith("thread") for one in leftovers)
        if time.monotonic() > began + (THREADS_GRACE_S if is_thread else GRACE_S):
            break
        time.sleep(0.01)
    return leftovers


def _leftovers(before: Snapshot) -> list[str]:
    files = _files() - before.files
    leftovers = [
        f"{'socket' if name == 'socket' else f'file {name}'} left open"
        + (f" ({count} times)" if count > 1 else "")
        for name, count in sorted(files.items())
    ]
    leftovers += [
        f"thread {one.name!r} still runs"
        for one in threading.enumerate()
        if one.ident not in before.threads and not one.name.startswith(_IDLE)
    ]
    return leftovers


def _files() -> Counter[str]:
    for folder in _FOLDERS:
        try:
            numbers = os.listdir(folder)  # noqa: PTH208  (names are all we need)
        except OSError:
            continue
        return Counter(filter(None, (_name(folder, number) for number in numbers)))
    return Counter()


def _name(folder: str, number: str) -> str:
    try:
        target = os.readlink(f"{folder}/{number}")  # noqa: PTH115  (so do descriptors)
    except OSError:
        return ""  # the listing's own
    kind = target.partition(":")[0]
    if target.startswith(_LOOPS_OWN):
        return ""
    return kind if kind in ("socket", "pipe") else target


@contextmanager
def tasks_watched() -> Generator[list[str]]:
    """Watch the running loop's tasks; the list is filled with those that are left."""
    before = {task.id for task in anyio.get_running_tasks()}
    left: list[str] = []
    yield left
    left += [
        f"task {task.name!r} still runs"
        for task in anyio.get_running_tasks()
        if task.id not in before
    ]
