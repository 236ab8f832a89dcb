"""The conformance suite for backends: what any of them must keep to, on both loops.

Nothing is assumed of what the model says: a backend that streams any response to a
first answer and to a review can be checked::

    def test_my_backend_keeps_to_the_protocol() -> None:
        check_backend(MyBackend)
"""

from __future__ import annotations

import gc
import inspect
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import anyio
import anyio.lowlevel
import msgspec

from agents.conversation.prompts import opening
from agents.errors import AgentError
from agents.protocol.backend import Message, Request
from agents.protocol.chunks import (
    AgentId,
    Label,
    ResponseEnded,
    StreamChunk,
    TurnNumber,
)
from agents.protocol.stamper import Pen
from agents.protocol.turns import BallotForm, Draft, Review, Task, Turn, VisibleAnswer
from agents.tools.workflow import workflow_tools
from coordinator.simulation.virtual_time import RUNTIMES, Runtime, virtual
from coordinator.testing.checked_backend import Checked
from coordinator.testing.leftovers import no_leftovers

if TYPE_CHECKING:
    from agents.protocol.backend import Backend

Made: TypeAlias = "Backend | AbstractAsyncContextManager[Backend]"
Make: TypeAlias = Callable[[], Made]

LIMIT_S = 60.0
"""Seconds that one response may take, on the loop's clock."""
CLOSE_LIMIT_S = 5.0
"""Seconds in which a stream is closed that nobody wants any more: a session that is
decided waits for it."""


class BackendFaulty(AssertionError):
    """A backend does not keep to the protocol; every rule that it broke is named.

    Attributes:
        broken: One line for each: event loop, rule, and what was seen.
    """

    def __init__(self, name: str, broken: Sequence[str]) -> None:
        lines = "".join(f"\n  {line}" for line in broken)
        super().__init__(f"{name} does not keep to the backend protocol:{lines}")
        self.broken = tuple(broken)


def check_backend(
    make: Make,
    *,
    runtimes: Sequence[Runtime] = RUNTIMES,
    is_virtual: bool = True,
    limit_s: float = LIMIT_S,
) -> None:
    """Check a backend, on every event loop.

    Args:
        make: Makes one: a class or function without arguments, or one that returns an
            async context manager. It is called for each check.
        runtimes: The event loops.
        is_virtual: Whether time is virtual; ``False`` for a backend that talks to a
            socket.
        limit_s: Seconds that one response may take.

    Raises:
        BackendFaulty: With every rule that was broken.
    """
    broken: list[str] = []
    name = getattr(make, "__name__", repr(make))
    for runtime in runtimes:
        for check in CHECKS:
            options = virtual(runtime) if is_virtual else {}
            rule = str(check.__doc__).partition("\n")[0].rstrip(".")
            one = partial(_checked, check, make, limit_s)
            if problem := _problem_of(one, runtime, options):
                broken.append(f"{runtime}: {rule}: {problem}")
    if broken:
        raise BackendFaulty(name, broken)


def _problem_of(
    one: Callable[[], Awaitable[None]], runtime: Runtime, options: dict[str, Any]
) -> str:
    """Run a check; what is wrong, whatever it raises, or nothing."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", ResourceWarning)
        try:
            anyio.run(one, backend=runtime, backend_options=options)
        except Exception as error:  # noqa: BLE001  (whatever it is, it is the verdict)
            return _error_text(error)
        gc.collect()
    for warning in warned:
        if "sync generator" in str(warning.message):
            return "it leaves an async generator open; close it with aclosing()"
    return ""


def request_for(task: Task, agent: str = "ada") -> Request:
    """The request that the engine would make for a task."""
    turn = Turn(
        agent=AgentId(agent),
        number=TurnNumber(1),
        question="Which city is the capital of France?",
        task=task,
        nonce="5f0c9a1e",
    )
    blocks = [{"type": "text", "text": text} for text in opening(turn)]
    content = msgspec.Raw(msgspec.json.encode(blocks))
    return Request(
        turn=turn,
        system="Be brief.",
        messages=(Message(role="user", content=content),),
        tools=workflow_tools(task),
    )


async def _checked(
    check: Callable[[Backend, float], Awaitable[None]], make: Make, limit_s: float
) -> None:
    async with no_leftovers(), _opened(make) as backend:
        await check(backend, limit_s)


@asynccontextmanager
async def _opened(make: Make) -> AsyncGenerator[Backend]:
    opened = make()
    if hasattr(opened, "__aenter__"):
        async with cast("AbstractAsyncContextManager[Backend]", opened) as backend:
            yield backend
        return
    backend = cast("Backend", opened)
    try:
        yield backend
    finally:
        with anyio.move_on_after(CLOSE_LIMIT_S, shield=True):
            await backend.aclose()


async def _played(
    backend: Backend, request: Request, limit_s: float
) -> list[StreamChunk]:
    pen = _pen(request)
    chunks: list[StreamChunk] = []
    with anyio.fail_after(limit_s):
        async with Checked(backend).open_stream(request, pen) as stream:
            async for batch in stream:
                chunks += batch
    return chunks


def _pen(request: Request) -> Pen:
    return Pen(request.turn.agent, request.turn.number, anyio.current_time())


_ANSWERS = (
    VisibleAnswer(label=Label("agent1.1"), content="Lyon", is_own=True),
    VisibleAnswer(label=Label("agent2.1"), content="Paris"),
)
_LABELS = (Label("agent1.1"), Label("agent2.1"))


async def check_names(backend: Backend, _limit_s: float) -> None:
    """It has a model's name, and a key of its limits or None."""
    await anyio.lowlevel.checkpoint()
    model: object = backend.model
    assert isinstance(model, str), f"model is {model!r}; give a name"
    key: object = backend.limit_key
    assert key is None or isinstance(key, str), f"limit_key is {key!r}; give text"
    assert inspect.isroutine(backend.open_stream), "open_stream is a method"


async def check_draft(backend: Backend, limit_s: float) -> None:
    """It streams a response to a first answer as the protocol says."""
    chunks = await _played(backend, request_for(Draft()), limit_s)
    assert isinstance(chunks[-1], ResponseEnded)


async def check_review(backend: Backend, limit_s: float) -> None:
    """It streams a response to a review as the protocol says."""
    form = BallotForm(kind="choice", labels=_LABELS)
    review = Review(answers=_ANSWERS, ballot=form, may_revise=False)
    await _played(backend, request_for(review), limit_s)


async def check_cancelled(backend: Backend, limit_s: float) -> None:
    """A stream that is cancelled after its first read closes soon."""
    request = request_for(Draft())
    cancelled_at = anyio.current_time()
    with anyio.fail_after(limit_s), anyio.CancelScope() as scope:
        async with backend.open_stream(request, _pen(request)) as stream:
            async for _ in stream:
                cancelled_at = anyio.current_time()
                scope.cancel("outvoted")
                await anyio.lowlevel.checkpoint()
    took_s = anyio.current_time() - cancelled_at
    assert took_s < CLOSE_LIMIT_S, f"it closed {took_s:g} s after it was cancelled"


async def check_cancelled_early(backend: Backend, _limit_s: float) -> None:
    """A stream that is cancelled while it waits closes soon."""
    request = request_for(Draft())
    began = anyio.current_time()
    with anyio.move_on_after(0.001):
        async with backend.open_stream(request, _pen(request)) as stream:
            async for _ in stream:
                pass
    took_s = anyio.current_time() - began
    assert took_s < CLOSE_LIMIT_S, f"it closed {took_s:g} s after it was cancelled"


async def check_entered_cancelled(backend: Backend, _limit_s: float) -> None:
    """A stream that is entered already cancelled never opens."""
    request = request_for(Draft())
    is_opened = False
    with anyio.CancelScope() as scope:
        scope.cancel("too late")
        async with backend.open_stream(request, _pen(request)):
            is_opened = True
    assert not is_opened, "it opened: pass a checkpoint before anything else"


class _Consumer(Exception):
    """A reader's own trouble."""


def _protest(batch: object) -> None:
    raise _Consumer(batch)


async def check_consumer(backend: Backend, limit_s: float) -> None:
    """An exception of its reader passes through, and the stream is closed."""
    request = request_for(Draft())
    try:
        with anyio.fail_after(limit_s):
            async with backend.open_stream(request, _pen(request)) as stream:
                async for batch in stream:
                    _protest(batch)
    except _Consumer:
        return
    raise AssertionError("the reader's exception was swallowed")


async def check_unread(backend: Backend, limit_s: float) -> None:
    """A stream that nobody reads is closed all the same."""
    request = request_for(Draft())
    with anyio.fail_after(limit_s):
        async with backend.open_stream(request, _pen(request)) as stream:
            assert hasattr(stream, "__anext__"), "a stream is an async iterator"


async def check_again(backend: Backend, limit_s: float) -> None:
    """After a stream that was left it can be asked again."""
    request = request_for(Draft())
    with anyio.move_on_after(0.001):
        async with backend.open_stream(request, _pen(request)) as stream:
            async for _ in stream:
                break
    await _played(backend, request_for(Draft()), limit_s)


async def check_shared(backend: Backend, limit_s: float) -> None:
    """Several agents can ask it at once."""
    async with anyio.create_task_group() as group:
        for name in ("ada", "ben", "cleo"):
            request = request_for(Draft(), name)
            group.start_soon(_played, backend, request, limit_s)


async def check_closed(backend: Backend, _limit_s: float) -> None:
    """It closes twice, and in time."""
    with anyio.fail_after(CLOSE_LIMIT_S):
        await backend.aclose()
        await backend.aclose()


CHECKS: tuple[Callable[[Backend, float], Awaitable[None]], ...] = (
    check_names,
    check_draft,
    check_review,
    check_cancelled,
    check_cancelled_early,
    check_entered_cancelled,
    check_consumer,
    check_unread,
    check_again,
    check_shared,
    check_closed,
)
"""In this order; each has a backend of its own."""


def _error_text(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    if isinstance(error, TimeoutError):
        return "it took too long"
    message = str(error) or type(error).__name__
    is_plain = isinstance(error, AssertionError | AgentError)
    return message if is_plain else f"{type(error).__name__}: {message}"
