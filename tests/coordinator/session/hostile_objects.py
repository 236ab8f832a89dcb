"""Objects of callers' that fail, lie or hang at one of the operations done with them.

Each session has two agents, of whom one brings such an object; it must end with an
answer, in time. First every operation is counted, then each is tried with each mode of
failing. The suite tries a share; all of it, in some two minutes:

    python -m tests.coordinator.session.hostile_objects
"""

from __future__ import annotations

import asyncio
import sys
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NoReturn, cast

import anyio
import anyio.lowlevel
import msgspec

import coordinator
from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.errors import BackendUnavailable
from agents.protocol.backend import Request
from agents.protocol.chunks import AgentId, ToolCalled
from agents.tools.approval import Approval, Approved, Verdict
from agents.tools.function import tool
from coordinator.team.team import Team
from tests.conftest import virtual_time
from tests.coordinator.session.conftest import drafts, scripted, votes

DEADLINE_S = 60.0
SPARE_S = 12.0
"""A session may take so much longer: what does not end is waited for, and left."""


class Unprintable(BaseException):
    """Cannot be printed, compared, hashed or asked whether it is true."""

    def __str__(self) -> NoReturn:
        raise RuntimeError("no str")

    __repr__ = __str__

    def __bool__(self) -> NoReturn:
        raise RuntimeError("no bool")

    def __eq__(self, other: object) -> NoReturn:
        raise RuntimeError("no eq")

    __hash__ = None  # type: ignore[assignment]


def _no(*_: object, **_more: object) -> NoReturn:
    raise Unprintable


_ALL = """
eq ne lt le gt ge hash repr str bool len iter next contains getitem setitem index int
float fspath format bytes call enter exit aenter aexit aiter anext await add radd sub
mul mod or dir reduce copy deepcopy getattribute
"""
_OF_TEXT = "eq hash repr str bool len iter contains getitem format add radd lt mod"
Nothing = type("Nothing", (), {f"__{name}__": _no for name in _ALL.split()})
"""Every operation on an object of this class raises."""
HostileText = type(
    "HostileText",
    (str,),
    {f"__{name}__": _no for name in _OF_TEXT.split()}
    | dict.fromkeys(("encode", "strip", "startswith", "replace", "join", "lower"), _no),
)


class Everything:
    """An object that answers with itself, whatever is done with it."""

    def _self(self, *_: object, **_more: object) -> Any:
        return self

    __call__ = __getattr__ = __enter__ = __getitem__ = __iter__ = __next__ = _self
    __aiter__ = _self

    def __exit__(self, *_: object) -> bool:
        return True

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *_: object) -> bool:
        return True

    async def __anext__(self) -> Any:
        return self

    def __await__(self) -> Iterator[Any]:
        return self  # type: ignore[return-value]
        yield  # it is a generator


class _ForEver:
    """Waited for, it never comes. No coroutine: many of these are never awaited."""

    def __init__(self, *_: object, **_more: object) -> None: ...

    def __await__(self) -> Iterator[Any]:
        return anyio.sleep_forever().__await__()


class _Nested(_ForEver):
    def __await__(self) -> Iterator[Any]:
        return _Nested()  # type: ignore[return-value]
        yield  # it is a generator


class _AtOnce(_ForEver):
    def __await__(self) -> Iterator[Any]:
        return Nothing()
        yield  # it is a generator


def _any(*_: object, **_more: object) -> object:
    return Nothing()


def _raises(error: Callable[[], BaseException]) -> Callable[[], object]:
    def fail() -> object:
        raise error()

    return fail


_circle: list[Any] = []
_circle.append(_circle)
MODES: dict[str, Callable[[], object]] = {
    "raises what cannot be printed": _raises(Unprintable),
    "raises SystemExit": _raises(lambda: SystemExit(3)),
    "raises a cancellation": _raises(asyncio.CancelledError),
    "raises StopIteration": _raises(lambda: StopIteration("x")),
    "raises GeneratorExit": _raises(GeneratorExit),
    "is nothing": Nothing,
    "is a text of its own": lambda: HostileText("look"),
    "is None": lambda: None,
    "is everything": Everything,
    "waits for ever": lambda: _ForEver,
    "is a number": lambda: 7,
    "is no number": lambda: float("nan"),
    "holds itself": lambda: _circle,
    "is long": lambda: "x" * 5_000_000,
    "is a class": lambda: Nothing,
    "is a function": lambda: _any,
    "is async": lambda: _AtOnce,
    "awaits what must be awaited": lambda: _Nested,
}


@dataclass
class Steps:
    """Counts the operations, and lets one of them fail."""

    at: int | None = None
    """The one that fails; ``None``: none."""
    mode: str = "is None"
    done: list[str] = field(default_factory=list[str])
    is_begun: bool = False
    """Whether the session has begun; before that, all is in the caller's own hand."""

    def fails(self, what: str) -> bool:
        """Whether it is the turn of this operation."""
        if not self.is_begun:
            return False
        self.done.append(what)
        return len(self.done) - 1 == self.at

    def result(self) -> Any:
        """The result of the one that fails, where it does not raise."""
        return MODES[self.mode]()


_OPERATORS = ("__eq__", "__hash__", "__repr__", "__str__", "__bool__", "__len__")


def watched(good: Any, steps: Steps, depth: int = 2) -> Any:
    """An object of a class of its own that hands on to ``good``, step by step."""
    if depth == 0:
        return good
    kind = type(good).__name__

    class Watched:
        def __getattribute__(self, name: str) -> Any:
            if steps.fails(f"{kind}.{name}"):
                return steps.result()
            if name == "__class__":
                return Watched
            value = getattr(good, name)
            if callable(value) and not isinstance(value, type):
                return _called(value, f"{kind}.{name}", steps, depth - 1)
            return value

    def operator(name: str) -> Callable[..., Any]:
        def operate(_: object, *given: object) -> Any:
            if steps.fails(f"{kind}.{name}"):
                return steps.result()
            return getattr(good, name)(*given)

        return operate

    offered = [*_OPERATORS, *(["__iter__"] if hasattr(good, "__iter__") else [])]
    for name in offered:
        if hasattr(good, name):
            setattr(Watched, name, operator(name))
    for name in ("__aenter__", "__aexit__", "__anext__"):
        if hasattr(good, name):
            setattr(Watched, name, _awaited(good, name, steps, depth))
    if hasattr(good, "__anext__"):
        setattr(Watched, *_iterating)
    return Watched()


def _itself(one: Any) -> Any:
    return one


_iterating = ("__aiter__", _itself)


def _awaited(good: Any, name: str, steps: Steps, depth: int) -> Callable[..., Any]:
    async def operate(_: object, *given: object) -> Any:
        if steps.fails(name):
            return steps.result()
        value = await getattr(good, name)(*given)
        return watched(value, steps, depth) if name == "__aenter__" else value

    return operate


def _called(
    function: Callable[..., Any], what: str, steps: Steps, depth: int
) -> Callable[..., Any]:
    def call(*given: object, **named: object) -> Any:
        if steps.fails(f"{what}()"):
            return steps.result()
        value = function(*given, **named)
        if hasattr(value, "__await__"):
            return _watched_wait(value, what, steps)
        if hasattr(value, "__aenter__") and depth > 0:
            return watched(value, steps, depth)
        return value

    return call


async def _watched_wait(value: Any, what: str, steps: Steps) -> Any:
    if steps.fails(f"{what} begins"):
        value.close()
        return steps.result()
    result = await value
    return steps.result() if steps.fails(f"{what} ends") else result


@tool
async def look() -> str:
    """Look."""
    await anyio.lowlevel.checkpoint()
    return "seen"


class Sight:
    """A tool with all that a tool may have."""

    spec = look.spec
    name = "look"
    serial = "eyes"
    rerunnable = True
    folder = None

    def in_session(self, _session: str) -> Sight:
        return self

    def leave(self) -> None: ...

    async def work_shown(self) -> str:
        await anyio.lowlevel.checkpoint()
        return "+ line\n"

    async def call(self, given: msgspec.Raw) -> object:
        return await look.call(given)


@dataclass
class Box:
    """A toolbox."""

    tool: Any
    name: ClassVar[str] = "box"

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[tuple[Any, ...]]:
        yield (self.tool,)


class Rich(ScriptedBackend):
    """A backend with all that a backend may have."""

    limit_key: Any = None
    files = None
    secrets = ("a secret of its own",)
    server_tool_names = frozenset[str]()

    def cost_usd(self, _usage: object) -> float:
        return 0.001

    def recall(self, request: Request) -> None: ...

    async def forecast(self, request: Request) -> Any:  # noqa: ARG002
        await anyio.lowlevel.checkpoint()


class Away(ScriptedBackend):
    """A backend that is not to be had."""

    @asynccontextmanager
    async def open_stream(self, *_: object, **__: object) -> AsyncGenerator[Any]:
        await anyio.lowlevel.checkpoint()
        raise BackendUnavailable("no")
        yield


class Display:
    is_lossless = True

    async def show(self, events: AsyncIterator[object]) -> None:
        async for _ in events:
            pass

    def conclude(self, _result: object) -> None: ...


async def _approve(_agent: AgentId, _call: ToolCalled) -> Verdict:
    await anyio.lowlevel.checkpoint()
    return Approved()


KINDS = (
    "tool",
    "boxtool",
    "toolbox",
    "backend",
    "fallback",
    "approver",
    "display",
    "equal",
    "check",
    "late_hook",
)


def _ada() -> Agent:
    call = {"when": {"task": "draft", "call": 1}, "lines": [{"tool": "look"}]}
    return scripted("ada", [call, drafts("Ada says."), votes("Ben")])


def _brought(kind: str, steps: Steps) -> tuple[Agent, dict[str, Any]]:
    """The agent that brings the object, and the session's options."""
    ada = _ada()
    script = cast("ScriptedBackend", ada.backend)._script  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    match kind:
        case "tool":
            return replace(ada, tools=(watched(Sight(), steps),)), {}
        case "boxtool":
            return replace(ada, toolboxes=(Box(watched(Sight(), steps)),)), {}
        case "toolbox":
            box = watched(Box(Sight()), steps, 3)
            return replace(ada, toolboxes=(box,)), {}
        case "backend":
            return replace(ada, backend=watched(Rich(script), steps, 3)), {}
        case "fallback":
            other = watched(Rich(script), steps, 3)
            return replace(ada, backend=Away(script), fallbacks=(other,)), {}
        case "approver":
            approver = _called(_approve, "approver", steps, 1)
            approval = Approval(("*",), approver)
            return replace(ada, tools=(Sight(),), approval=approval), {}  # type: ignore[arg-type]
        case "display":
            return ada, {"displays": (watched(Display(), steps),)}
        case _:
            return ada, {}


async def _session(kind: str, steps: Steps) -> str | None:
    """A session's trouble; ``None``: it has ended as it should."""
    ada, options = _brought(kind, steps)
    rules = coordinator.Rules(
        "slate", rule="plurality", final="reuse", deadline_s=DEADLINE_S
    )
    brought: dict[str, Any] = {}
    if kind == "equal":
        rules = rules.replace(equal="text")
        brought["equal"] = _called(_itself, "equal", steps, 1)
    elif kind == "check":
        brought["checks"] = (_named(_called(_passed, "check", steps, 1)),)
    ben = scripted("ben", [drafts("Ben says."), votes("Ben")])
    team = Team(agents=(ada, ben), rules=rules, seed=1, **brought)
    began = anyio.current_time()
    steps.is_begun = True
    async with coordinator.open_session("?", team, journal=None, **options) as session:
        if kind == "late_hook":
            session.when_over(_called(lambda: None, "hook", steps, 1))
        result = await session.wait()
    await team.aclose()
    took_s = anyio.current_time() - began
    if result.answer not in {"Ada says.", "Ben says."}:
        return f"the answer is {result.answer!r}, the status {result.status}"
    if took_s > DEADLINE_S + SPARE_S:
        return f"it took {took_s:g} s"
    return None


def _passed(_: object) -> bool:
    return True


def _named(function: Callable[..., Any]) -> Callable[..., Any]:
    def right(value: object) -> Any:
        return function(value)

    return right


def tried(kind: str, runtime: str, at: int | None, mode: str) -> Steps:
    """Run one session.

    Raises:
        AssertionError: It has not ended as it should.
        BaseException: It has raised.
    """
    steps = Steps(at, mode)
    name, options = virtual_time(runtime)
    with warnings.catch_warnings(action="ignore"):  # coroutines that are not awaited
        trouble = anyio.run(
            _session, kind, steps, backend=name, backend_options=options
        )
    assert trouble is None
    return steps


def main() -> int:
    """Try everything; the number of failures."""
    failed = 0
    for kind in KINDS:
        for runtime in ("asyncio", "trio"):
            done = tried(kind, runtime, None, "is None").done
            sys.stdout.write(f"{kind}, {runtime}: {len(done)} operations\n")
            for mode in MODES:
                for at, what in enumerate(done):
                    try:
                        tried(kind, runtime, at, mode)
                    except BaseException as error:  # noqa: BLE001
                        failed += 1
                        kinds = type(error).__name__
                        sys.stdout.write(f"  {what} {mode}: {kinds}: {error}\n")
    return failed


if __name__ == "__main__":
    raise SystemExit(min(main(), 1))
