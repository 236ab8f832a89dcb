"""A reader's feed: what it may miss, and what it never does."""

from __future__ import annotations

import anyio

from agents.protocol.chunks import AgentId, BlockEnded, Seq, TextDelta, TurnNumber
from coordinator.protocol.events import Event
from coordinator.session.subscription import Feed

ADA, FIRST = AgentId("ada"), TurnNumber(1)
WORD = TextDelta(agent=ADA, turn=FIRST, seq=Seq(0), at=0.0, block=0, text="Well")
END = BlockEnded(agent=ADA, turn=FIRST, seq=Seq(1), at=0.0, block=0)


async def test_a_reader_that_lags_misses_text_and_nothing_else() -> None:
    feed = Feed(lossless=False, limit=2)
    await feed.push([WORD, WORD])
    await feed.push([WORD, END, WORD])
    feed.close()
    assert [batch async for batch in feed] == [[WORD, WORD], [END]]
    assert feed.dropped == 2


async def test_a_cancelled_reader_leaves_what_it_has_not_got() -> None:
    feed = Feed(lossless=False)
    await feed.push([END])
    with anyio.CancelScope() as scope:
        scope.cancel("somebody else reads on")
        await anext(feed)
    assert scope.cancelled_caught
    with anyio.fail_after(60):
        assert await anext(feed) == [END]


async def test_a_lossless_feed_waits_for_room_and_loses_nothing() -> None:
    feed = Feed(lossless=True, limit=1)
    await feed.push([WORD])
    async with anyio.create_task_group() as group:
        group.start_soon(feed.push, [END])
        await anyio.wait_all_tasks_blocked()
        assert await anext(feed) == [WORD]
    assert await anext(feed) == [END]


async def test_two_tasks_may_share_one_reader() -> None:
    feed, taken = Feed(lossless=True), list[Event]()

    async def read() -> None:
        async for batch in feed:
            taken.extend(batch)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(read)
        for _ in range(10):
            await anyio.wait_all_tasks_blocked()
            feed.add([WORD])
            feed.add([END])
        await anyio.wait_all_tasks_blocked()
        feed.close()
    assert taken == [WORD, END] * 10
