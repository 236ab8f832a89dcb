"""Faults around a real tool or backend, each by a word.

::

    Agent(id="ada", backend=faulty(MyBackend(), "fails every third, slow 2 s"))
    tools = (faulty(tool(lookup), "stalls every fifth"),)

``fails``, ``slow``, ``stalls``, ``floods`` and ``cut``; ``every third`` (or ``every
3``) counts the calls, ``once`` is the first call alone, ``slow 2 s`` says how slow.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, get_args

import anyio
import msgspec

from agents.errors import BackendUnavailable, ToolFailed
from agents.protocol.chunks import ResponseEnded, Unrecognized
from coordinator.errors import ConfigInvalid

if TYPE_CHECKING:
    from agents.protocol.backend import Backend, Request
    from agents.protocol.chunks import StreamChunk
    from agents.protocol.stamper import Pen
    from agents.tools.base import Tool, ToolResult

T = TypeVar("T")

Kind = Literal["fails", "slow", "stalls", "floods", "cut"]

SLOW_S = 2.0
FLOOD_CHUNKS = 3_000
"""Of a flooding backend, in one read: ten times what a busy socket brings."""
FLOOD_CHARS = 1_000_000
"""Of a flooding tool: ten times what a model is given."""

_ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth",
    "ninth", "tenth",
)  # fmt: skip
_FORM = re.compile(
    r"(?P<kind>\w+)(?: (?P<seconds>\d+(?:\.\d+)?) ?s)?"
    r"(?: (?:every (?P<every>\w+)|(?P<once>once)))?"
)


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that goes wrong."""

    kind: Kind
    every: int = 1
    """With each so-manieth call."""
    once: bool = False
    """With the first call alone."""
    seconds: float = SLOW_S
    """How slow."""

    def is_due(self, call: int) -> bool:
        """Whether it comes with this call; the first is 1."""
        return call == 1 if self.once else call % self.every == 0


def faults_of(text: str) -> tuple[Fault, ...]:
    """Read faults, with commas between.

    Raises:
        ConfigInvalid: A word is none of them.
    """
    return tuple(_fault(part.strip()) for part in text.split(",") if part.strip())


def _fault(text: str) -> Fault:
    match = _FORM.fullmatch(text)
    kinds: tuple[Kind, ...] = get_args(Kind)
    named: dict[str, Kind] = {str(kind): kind for kind in kinds}
    kind = named.get(match["kind"]) if match else None
    if match is None or kind is None:
        near = get_close_matches(text.partition(" ")[0], kinds, 1)
        way = f"did you mean {near[0]!r}?" if near else f"use {', '.join(kinds)}"
        raise ConfigInvalid(f"{text!r} is no fault; {way} E.g. 'fails every third'")
    return Fault(
        kind=kind,
        every=_ordinal(text, match["every"]) if match["every"] else 1,
        once=bool(match["once"]),
        seconds=float(match["seconds"]) if match["seconds"] else SLOW_S,
    )


def _ordinal(text: str, word: str) -> int:
    if word in _ORDINALS:
        return _ORDINALS.index(word) + 1
    digits = word.rstrip("dhnrst")
    if digits.isdecimal() and int(digits) > 0:
        return int(digits)
    raise ConfigInvalid(f"{text!r}: {word!r} is no number; write 'every third'")


def faulty(real: T, text: str) -> T:
    """A tool or backend that does what ``real`` does, but for the faults.

    Args:
        real: A tool, or a backend.
        text: The faults, with commas between.

    Raises:
        ConfigInvalid: A word is no fault.
    """
    faults = faults_of(text)
    if hasattr(real, "open_stream"):
        return cast("T", FaultyBackend(cast("Backend", real), faults))
    return cast("T", FaultyTool(cast("Tool", real), faults))


class _Counted:
    """Counts calls, and knows which faults are due."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._faults = faults
        self._calls = 0

    def due(self) -> dict[Kind, Fault]:
        """The faults of the next call."""
        self._calls += 1
        return {x.kind: x for x in self._faults if x.is_due(self._calls)}


class FaultyTool:
    """A tool that does not always do what it should."""

    def __init__(self, tool: Tool, faults: Sequence[Fault]) -> None:
        self._tool = tool
        self._counted = _Counted(faults)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  (whatever the tool has)
        return getattr(self._tool, name)

    async def call(self, given: msgspec.Raw) -> ToolResult:
        """Do it, or what is due instead.

        Raises:
            ToolFailed: That is due.
            Exception: The tool's own.
        """
        due = self._counted.due()
        if "slow" in due:
            await anyio.sleep(due["slow"].seconds)
        if "stalls" in due:
            await anyio.sleep_forever()
        if "fails" in due:
            raise ToolFailed(f"{self._tool.name} failed, as it was made to")
        result = await self._tool.call(given)
        if "floods" in due:
            return "flood " * (FLOOD_CHARS // len("flood "))
        if "cut" in due and isinstance(result, str):
            return result[: len(result) // 2]
        return result


class FaultyBackend:
    """A backend whose streams do not always come as they should."""

    def __init__(self, backend: Backend, faults: Sequence[Fault]) -> None:
        self._backend = backend
        self._counted = _Counted(faults)

    def __repr__(self) -> str:
        return f"faulty {self._backend!r}"

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  (whatever the backend has)
        return getattr(self._backend, name)

    @asynccontextmanager
    async def open_stream(
        self, request: Request, pen: Pen
    ) -> AsyncGenerator[AsyncIterator[list[StreamChunk]]]:
        """Ask the backend, or do what is due instead.

        Raises:
            AgentError: That is due, or the backend's own.
        """
        due = self._counted.due()
        if "slow" in due:
            await anyio.sleep(due["slow"].seconds)
            pen.at = anyio.current_time()
        if "fails" in due:
            raise BackendUnavailable("the backend failed, as it was made to")
        async with (
            self._backend.open_stream(request, pen) as stream,
            aclosing(_changed(stream, due, pen)) as changed,
        ):
            yield changed


async def _changed(
    stream: AsyncIterator[list[StreamChunk]], due: dict[Kind, Fault], pen: Pen
) -> AsyncGenerator[list[StreamChunk]]:
    first = True
    async for batch in stream:
        if not first or not due:
            yield batch
            continue
        first = False
        # What one read brings may be the whole response: its end is not said then.
        changed: list[StreamChunk] = [
            chunk for chunk in batch if not isinstance(chunk, ResponseEnded)
        ]
        is_short = "stalls" in due or "cut" in due
        yield changed if is_short else batch
        if "stalls" in due:
            await anyio.sleep_forever()
        if "cut" in due:
            return
        if "floods" in due and len(changed) == len(batch):
            yield [_noise(pen) for _ in range(FLOOD_CHUNKS)]


def _noise(pen: Pen) -> Unrecognized:
    return Unrecognized(**pen.stamp(), event="flood", data=msgspec.Raw(b"{}"))
