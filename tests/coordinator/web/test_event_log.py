"""Logs and their watchers: everybody gets everything, and nobody holds anybody up."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import Any

import anyio
import msgspec
import pytest
from anyio.lowlevel import checkpoint

from coordinator.web.event_log import MESSAGE_EVENTS, EventLog
from coordinator.web.event_stream import BEAT_S, STALLED_S, EventStream

Message = MutableMapping[str, Any]


class Watcher:
    """The receiving end of one response; stops reading after ``reads`` sends."""

    def __init__(self, log: EventLog, after: int = 0, reads: int = 1 << 30) -> None:
        self._stream = EventStream(log, after)
        self._reads = reads
        self.body = b""
        self.gone = anyio.Event()

    async def run(self) -> None:
        await self._stream({"type": "http"}, self._receive, self._send)

    async def _receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self._reads -= 1
        if self._reads < 0:
            await anyio.sleep_forever()
        await checkpoint()
        self.body += message.get("body", b"")

    @property
    def events(self) -> list[Any]:
        lines = self.body.decode().splitlines()
        told = [x.removeprefix("data: ") for x in lines if x.startswith("data: [")]
        return [event for each in told for event in json.loads(each)]


def event(number: int) -> dict[str, Any]:
    return {"kind": "text_delta", "n": number}


async def test_fifty_watchers_who_come_at_any_time_get_every_event_in_order() -> None:
    log = EventLog()
    watchers = [Watcher(log) for _ in range(50)]
    async with anyio.create_task_group() as group:
        for number, watcher in enumerate(watchers):
            group.start_soon(watcher.run)
            log.add([event(number)])
            await anyio.sleep(0.1)
        log.end()
    for watcher in watchers:
        assert [x["n"] for x in watcher.events] == list(range(50))
        assert watcher.body.endswith(b"event: over\ndata: {}\n\n")
    assert log.watchers == 0


async def test_a_watcher_that_stops_reading_is_let_go_and_holds_nobody_up() -> None:
    log = EventLog()
    stalled, other = Watcher(log, reads=2), Watcher(log)
    async with anyio.create_task_group() as group:
        group.start_soon(stalled.run)
        group.start_soon(other.run)
        for number in range(5):
            await anyio.sleep(0.1)
            log.add([event(number)])
        await anyio.sleep(0.1)
        assert [x["n"] for x in other.events] == [0, 1, 2, 3, 4]
        assert log.watchers == 2
        await anyio.sleep(STALLED_S)
        assert log.watchers == 1
        log.end()


async def test_a_watcher_that_goes_is_forgotten_at_once() -> None:
    log = EventLog()
    watcher = Watcher(log)
    with anyio.fail_after(1):
        async with anyio.create_task_group() as group:
            group.start_soon(watcher.run)
            await anyio.sleep(0.1)
            watcher.gone.set()
    assert log.watchers == 0


async def test_where_nothing_happens_a_beat_keeps_the_connection_open() -> None:
    log = EventLog()
    watcher = Watcher(log)
    async with anyio.create_task_group() as group:
        group.start_soon(watcher.run)
        await anyio.sleep(2.5 * BEAT_S)
        log.end()
    assert watcher.body.count(b": beat") == 2


async def test_whoever_comes_again_goes_on_behind_the_last_message_it_had() -> None:
    log = EventLog()
    log.add([event(0)])
    log.add([event(1)])
    log.end()
    first, _ = log.after(0)
    ids = [x for x in first.decode().splitlines() if x.startswith("id: ")]
    again = Watcher(log, log.place_of(ids[0].removeprefix("id: ")))
    await again.run()
    assert [x["n"] for x in again.events] == [1]


@pytest.mark.parametrize("said", ["", "7", "other-1", "-1", "x-y-z", "9" * 5000])
def test_a_place_in_another_log_is_the_beginning(said: str) -> None:
    log = EventLog()
    log.add([event(0)])
    assert log.place_of(said) == 0
    assert log.place_of(f"{log.epoch}-99") == 1


def test_json_that_is_only_carried_cannot_end_a_message() -> None:
    log = EventLog()
    raw = msgspec.Raw(b'{\n\n"a": "\\n"\r\n}')
    log.add([{"kind": "tool_called", "input": raw}])
    data, _ = log.after(0)
    assert data.count(b"\n") == 3  # behind the id, the data and the message
    text = data.decode().splitlines()[1].removeprefix("data: ")
    assert json.loads(text)[0]["input"] == {"a": "\n"}


def test_many_events_at_once_are_several_messages() -> None:
    log = EventLog()
    log.add([event(number) for number in range(2 * MESSAGE_EVENTS + 1)])
    assert len(log) == 3


async def test_whoever_is_let_go_because_the_page_closes_may_come_again() -> None:
    log = EventLog()
    log.add([event(0)])
    watcher = Watcher(log)
    async with anyio.create_task_group() as group:
        group.start_soon(watcher.run)
        await anyio.sleep(1)
        log.leave()
    assert b"event: over" not in watcher.body
    assert [x["n"] for x in watcher.events] == [0]
