"""A session in the hands of another thread: stopped, talked to, and waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from coordinator.errors import SessionLeft

if TYPE_CHECKING:
    from coordinator.protocol.result import Result
    from coordinator.session.session import Session


class SessionHandle:
    """A thread-safe handle on a session that runs in some event loop.

    Every method may be called from any thread, at any time: where the session is over,
    nothing happens. Made in the session's event loop.

    Args:
        session: The session.
    """

    def __init__(self, session: Session[Any]) -> None:
        self._session = session
        self._over = threading.Event()
        session.when_over(self._over.set)

    @property
    def id(self) -> str:
        """The session's name."""
        return self._session.id

    @property
    def is_over(self) -> bool:
        """Whether it has ended, with an outcome or without."""
        return self._over.is_set()

    @property
    def result(self) -> Result[Any] | None:
        """The outcome; ``None`` while there is none."""
        return self._session.result

    def stop(self, reason: str = "stopped from another thread") -> None:
        """End it now, with the best answer so far."""
        self._session.interrupt(reason)

    def say(self, text: str) -> None:
        """Tell the whole team something; agents read it with their next turn."""
        self._session.say(text)

    def stop_agent(self, agent: str, reason: str = "a person asked for it") -> None:
        """Take one agent out; its answer stands.

        Raises:
            NotInTeam: There is no such agent.
        """
        self._session.stop_agent(agent, reason)

    def veto(self, label: str, reason: str = "vetoed by a person") -> None:
        """Rule an answer out."""
        self._session.veto(label, reason)

    def force_vote(self, reason: str = "a person asked for the vote") -> None:
        """Have the vote now, on the answers there are; or count who has voted."""
        self._session.force_vote(reason)

    def when_over(self, call: Callable[[], object]) -> None:
        """Have ``call`` called once it is over, in its event loop's thread."""
        self._session.when_over(call)

    def wait(self, timeout_s: float | None = None) -> Result[Any]:
        """Block this thread until there is an outcome.

        Args:
            timeout_s: For so long at most; ``None``: as long as it takes.

        Raises:
            RuntimeError: This thread is the session's own, which would wait for itself.
            TimeoutError: It is not over by then.
            SessionLeft: It was left before it had an outcome.
        """
        if self._session.runs_here and not self._over.is_set():
            raise RuntimeError(
                f"session {self.id!r} runs in this thread, which must not block; wait "
                "in another thread, or await session.wait()"
            )
        if not self._over.wait(timeout_s):
            raise TimeoutError(f"session {self.id!r} is not over after {timeout_s:g} s")
        if self._session.result is None:
            raise SessionLeft(f"session {self.id!r} was left before it had an outcome")
        return self._session.result
