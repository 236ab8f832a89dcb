"""A log as a response of server-sent events: to one watcher, at that watcher's pace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from coordinator.web.event_log import EventLog

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

STALLED_S = 10.0
"""A watcher that takes nothing for so long is let go; its browser asks again from where
it was. A kernel holds up to 4 MB before a send waits at all."""
PACES_A_S = 250
"""Times a second that watchers are written to, all together: a send costs the event
loop some 40 µs (2 cores, 2026-12-01), and it is the sessions' loop."""
SLOWEST_S = 0.25
"""However many they are, each is written to so often."""
BEAT_S = 15.0
"""How often something is said where nothing happens, so that proxies keep it open."""


class EventStream:
    """An ASGI response that follows a log from a place in it.

    Args:
        log: What is followed.
        after: Messages that the watcher has already.
    """

    def __init__(self, log: EventLog, after: int) -> None:
        self._log = log
        self._place = after
        self._headers = {
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-store",
            "x-accel-buffering": "no",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the log is over, the watcher goes, or takes nothing more."""
        del scope
        self._log.watchers += 1
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(_until_gone, receive, group.cancel_scope)
                with anyio.CancelScope() as stalled:
                    await self._send_all(send, stalled)
                group.cancel_scope.cancel("all is sent")
        finally:
            self._log.watchers -= 1

    async def _send_all(self, send: Send, stalled: anyio.CancelScope) -> None:
        headers = [(k.encode(), v.encode()) for k, v in self._headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        body = b"retry: 500\n\n"
        while True:
            with anyio.move_on_after(STALLED_S) as limit:
                await send(
                    {"type": "http.response.body", "body": body, "more_body": True}
                )
            if limit.cancelled_caught:
                stalled.cancel("the watcher has stopped reading")
                await anyio.lowlevel.checkpoint()
            body, self._place = self._log.after(self._place)
            if body:
                await anyio.sleep(min(self._log.watchers / PACES_A_S, SLOWEST_S))
                # What has come meanwhile goes with it.
                more, self._place = self._log.after(self._place)
                body += more
                continue
            if self._log.is_over or self._log.is_left:
                break
            with anyio.move_on_after(BEAT_S):
                await self._log.wait(self._place)
                continue
            body = b": beat\n\n"
        # A browser asks again after an end; this tells it not to.
        last = b"event: over\ndata: {}\n\n" if self._log.is_over else b""
        await send({"type": "http.response.body", "body": last, "more_body": False})


async def _until_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel("the watcher has gone")
