"""A session read event by event, safe to break out of: the short form.

async with coordinator.stream(question, team) as events:
async for event in events:
print(event)
print(events.result.answer)
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Generic, Unpack

from coordinator.protocol.result import T
from coordinator.session.options import OpenOptions, takes
from coordinator.session.session import Session, open_session

if TYPE_CHECKING:
    from coordinator.protocol.events import Event
    from coordinator.protocol.result import Result
    from coordinator.session.subscription import Feed
    from coordinator.team.team import Team


class EventStream(Generic[T]):
    """The events of one session, in order: chunks and decisions, one at a time.

    Args:
        session: The session, for what else one may do with it.
    """

    def __init__(self, session: Session[T]) -> None:
        self.session = session
        self._feed: Feed = session.events()
        self._ready: deque[Event] = deque()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while not self._ready:
            self._ready.extend(await anext(self._feed))
        return self._ready.popleft()

    @property
    def result(self) -> Result[T] | None:
        """The outcome; ``None`` where the session was left before it had one."""
        return self.session.result

    def close(self) -> None:
        """Read no further; the session waits for this reader no more."""
        self._feed.close()


@takes(OpenOptions)
def stream(
    question: str, team: Team[T], **options: Unpack[OpenOptions]
) -> AbstractAsyncContextManager[EventStream[T]]:
    """Run a session of ``team`` on ``question`` and read it from its first event on.

    Leaving the block, by ``break``, an exception or at the end, ends the session; it
    may be around a ``yield``.

    Args:
        question: What is to be answered; not empty.
        team: Agents and rules.
        options: See :class:`~coordinator.session.options.OpenOptions`.

    Raises:
        ConfigInvalid: On entering, as :func:`open_session`.
        JournalUnavailable: As :func:`open_session`.
    """
    return _stream(question, team, **options)


@asynccontextmanager
async def _stream(
    question: str, team: Team[T], **options: Unpack[OpenOptions]
) -> AsyncGenerator[EventStream[T]]:
    async with open_session(question, team, **options) as session:
        events = EventStream(session)
        try:
            yield events
        finally:
            events.close()
