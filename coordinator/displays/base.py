"""The protocol of a display: it is shown a session and never has a word in it.

The shell gives each display a bounded feed of its own. One that lags misses pieces of
text, never a decision, unless it says that it must see everything; then the session
waits for it. A display prints; it decides nothing, and it does not know the shell.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from agents.protocol.chunks import AgentId
from coordinator.protocol.events import Event
from coordinator.protocol.result import Result
from coordinator.protocol.wishes import Reply, Wish


class Display(Protocol):
    """Shows one session, from its first event to its result."""

    @property
    def is_lossless(self) -> bool:
        """Whether the session must wait rather than let this display miss text."""
        ...

    async def show(self, events: AsyncIterator[Sequence[Event]]) -> None:
        """Show ``events`` until they end. Runs as one task of the session's."""
        ...

    def conclude(self, result: Result) -> None:
        """Show the outcome; called once, after :meth:`show` has returned."""
        ...


@runtime_checkable
class Steered(Protocol):
    """A display by whose keys people take part."""

    on_wish: Callable[[Wish], Reply] | None
    """Carries out what is wished, and says what came of it; ``None``: nobody."""

    def say(self, words: str) -> None:
        """Say something to whoever watches."""
        ...

    def ask(self, words: str, agent: AgentId | None = None) -> None:
        """Show what a person is asked, or, without a name, what tool needs a yes."""
        ...


@dataclass(frozen=True, kw_only=True)
class Cast:
    """The participants of a session, for a display's first picture."""

    question: str
    models: Mapping[str, str]
    """Agent → model, in the order of the team."""
    deadline_s: float | None = None
    budget_usd: float | None = None
    budget_tokens: int | None = None
    people: tuple[str, ...] = ()
    """The agents who are people."""
    speed: float = 1.0
    """So many times as fast as it happened is it shown; 0: as fast as it goes."""
    title: str = ""
    """Said beside the name of the program, e.g. ``demo``."""
    places: Mapping[str, int] = field(init=False, repr=False)
    """Agent → its place in the team, from 0."""

    def __post_init__(self) -> None:
        """Number the agents."""
        places = {str(agent): place for place, agent in enumerate(self.models)}
        object.__setattr__(self, "places", places)  # frozen once it is made
