"""The fan-in's channel: whoever sends rings, and one reader takes all there is."""

from __future__ import annotations

import math

import anyio
import pytest
from anyio import wait_all_tasks_blocked
from anyio.lowlevel import checkpoint

from coordinator.session.channel import Inbox, Outbox, channel


def pair(size: int) -> tuple[Outbox[int], Inbox[int]]:
    return channel(size)


async def test_a_reader_that_waits_wakes_for_any_clone() -> None:
    outbox, inbox = pair(4)
    clone = outbox.clone()
    with inbox, outbox, clone:
        async with anyio.create_task_group() as group:
            group.start_soon(inbox.wait)
            await wait_all_tasks_blocked()
            clone.send_nowait(1)
            outbox.send_nowait(2)
        assert inbox.taken(math.inf) == [1, 2]


async def test_a_sender_that_found_no_room_gets_its_item_through() -> None:
    outbox, inbox = pair(1)
    with inbox, outbox:
        async with anyio.create_task_group() as group:
            group.start_soon(outbox.send, 1)
            group.start_soon(outbox.send, 1)
            await wait_all_tasks_blocked()
            assert inbox.taken(math.inf) == [1, 1]


async def test_a_ring_wakes_the_reader_for_something_else() -> None:
    outbox, inbox = pair(1)
    with inbox, outbox:
        async with anyio.create_task_group() as group:
            group.start_soon(inbox.wait)
            await wait_all_tasks_blocked()
            inbox.ring()
        assert inbox.taken(math.inf) == []


async def test_a_reader_takes_no_more_than_it_wants() -> None:
    outbox, inbox = pair(4)
    with inbox, outbox:
        for number in range(4):
            outbox.send_nowait(number)
        assert inbox.taken(3) == [0, 1, 2]
        await inbox.wait()
        assert inbox.taken(3) == [3]


async def test_a_wait_that_is_cancelled_loses_nothing() -> None:
    outbox, inbox = pair(1)
    with inbox, outbox:
        async with anyio.create_task_group() as group:
            group.start_soon(inbox.wait)
            await wait_all_tasks_blocked()
            group.cancel_scope.cancel("somebody else goes on")
        outbox.send_nowait(1)
        await checkpoint()
        assert inbox.taken(math.inf) == [1]


async def test_a_closed_end_sends_nothing_and_has_no_clones() -> None:
    outbox, inbox = pair(1)
    with inbox:
        outbox.close()
        with pytest.raises(anyio.ClosedResourceError):
            outbox.send_nowait(1)
        with pytest.raises(anyio.ClosedResourceError):
            outbox.clone()
        assert inbox.taken(math.inf) == []


async def test_nobody_can_send_when_the_reader_has_gone() -> None:
    outbox, inbox = pair(1)
    with inbox:
        pass
    with outbox, pytest.raises(anyio.BrokenResourceError):
        outbox.send_nowait(1)
