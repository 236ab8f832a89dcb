"""Tools made of Python functions: the signature is the schema, the docstring the words.

Types are those msgspec knows, and pydantic's models where the function uses them;
pydantic itself is never imported here. What a function gets has been validated; what it
returns goes back as text, JSON where it is not a string.
"""

from __future__ import annotations

import base64
import inspect
import re
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import PurePath
from typing import Any, ParamSpec, cast, get_type_hints, overload

import anyio.lowlevel
import msgspec

from agents.boundary.guard import class_name
from agents.boundary.threads import in_thread
from agents.errors import ToolFailed
from agents.protocol.backend import ToolSpec
from agents.protocol.images import media_type_of_image
from agents.protocol.unicode_text import whole_json
from agents.tools import foreign_types as foreign
from agents.tools.base import ToolResult
from agents.tools.result_blocks import NO_OUTPUT
from agents.tools.schema_fit import problem_of
from agents.tools.strict_schema import strict_fit

P = ParamSpec("P")

PARTS_MOST = 1_000
"""Parts of a list that are looked at for images; a list may have millions of numbers.
"""
NAME_CHARS = 64
"""Longest name that all providers take; longer ones are refused by some."""
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


class FunctionTool:
    """A tool that calls a Python function with validated keyword arguments."""

    __slots__ = ("_decoder", "_function", "_is_async", "rerunnable", "serial", "spec")

    def __init__(
        self,
        spec: ToolSpec,
        function: Callable[..., object],
        decoder: msgspec.json.Decoder[Any],
        *,
        rerunnable: bool = False,
        serial: str | None = None,
    ) -> None:
        self.spec = spec
        self.serial = serial
        """Calls of one group, within a response, run one after the other."""
        self.rerunnable = rerunnable
        """Whether a call that a dead process may have carried out is made again."""
        self._function = function
        self._decoder = decoder
        self._is_async = is_async_function(function)

    def __repr__(self) -> str:
        return f"FunctionTool({self.spec.name!r})"

    @property
    def name(self) -> str:
        """The name that the model calls."""
        return self.spec.name

    async def call(self, given: msgspec.Raw) -> ToolResult:
        """Validate ``given`` and call the function, in a thread unless it is async.

        Cancelled, an async function is cancelled; a thread cannot be, so it is left to
        finish unheard.

        Raises:
            ToolFailed: ``given`` does not fit the signature.
            Exception: What the function raises.
        """
        try:
            decoded = self._decoder.decode(given)
        except msgspec.ValidationError as error:
            raise ToolFailed(f"invalid input: {error}") from error
        work = partial(self._function, **_arguments(decoded))
        name = f"tool {self.name}"
        return as_result(await run_work(work, is_async=self._is_async, name=name))


@overload
def tool(function: Callable[P, object], /) -> FunctionTool: ...


@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    strict: bool = False,
    defer_loading: bool = False,
    eager_input_streaming: bool = False,
    input_examples: tuple[Mapping[str, object], ...] = (),
    allowed_callers: tuple[str, ...] = (),
    rerunnable: bool = False,
    serial: str | None = None,
) -> Callable[[Callable[P, object]], FunctionTool]: ...


def tool(
    function: Callable[..., object] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    strict: bool = False,
    defer_loading: bool = False,
    eager_input_streaming: bool = False,
    input_examples: tuple[Mapping[str, object], ...] = (),
    allowed_callers: tuple[str, ...] = (),
    rerunnable: bool = False,
    serial: str | None = None,
) -> FunctionTool | Callable[[Callable[..., object]], FunctionTool]:
    """Make a tool of a typed function; also a decorator, with or without arguments.

    Args:
        function: Sync or async, also an object that can be called or a partial; every
            parameter has a type and can be given by name. What a partial has been given
            by name is not asked of the model.
        name: What the model calls it; the function's name if absent.
        description: What the model is told; the docstring before ``Args:`` if absent.
        strict: Whether the API shall enforce the schema.
        defer_loading: Whether the API shall load it only when tool search finds it.
        eager_input_streaming: Whether input streams before it is known to be JSON.
        input_examples: Inputs that the model is shown.
        allowed_callers: Who may call it: ``direct``, and the API's code execution by
            its version (``code_execution_20260120``), whose code then calls it.
        rerunnable: Whether calling it twice does no harm. A session that is resumed
            then runs a call again that was interrupted; otherwise the model is told
            that nobody knows what came of it.
        serial: The group of tools that share a state with it, by any name. Calls of one
            group in one response run in the response's order; others side by side.

    Raises:
        TypeError: The signature cannot be made a schema; says which parameter and why.
    """

    def make(function: Callable[..., object]) -> FunctionTool:
        summary, parameters = _words(_plain(function).__doc__ or "")
        called = checked_name(name or _name_of(function))
        wanted = _input_type(called, function)
        spec = ToolSpec(
            name=called,
            description=summary if description is None else description,
            input_schema=_schema(
                called, wanted, function, parameters, is_strict=strict
            ),
            strict=strict,
            defer_loading=defer_loading,
            eager_input_streaming=eager_input_streaming,
            input_examples=tuple(
                msgspec.Raw(msgspec.json.encode(example)) for example in input_examples
            ),
            allowed_callers=tuple(allowed_callers),
        )
        decoder = msgspec.json.Decoder(wanted, dec_hook=foreign.decode)
        return FunctionTool(
            spec, function, decoder, rerunnable=rerunnable, serial=serial
        )

    return make if function is None else make(function)


def checked_name(name: str) -> str:
    """``name``, if the API takes it as a tool's.

    Raises:
        TypeError: It does not.
    """
    if not _NAME.fullmatch(name):
        raise TypeError(
            f"tool name {name!r} is not usable; give name= with 1 to 128 letters, "
            "digits, '_' or '-'"
        )
    return name


def tool_name(name: str) -> str:
    """``name``, made one that every API takes: 64 letters at most, still its own."""
    plain = re.sub(r"[^a-zA-Z0-9_-]", "_", name)
    if len(plain) <= NAME_CHARS:
        return plain
    return f"{plain[: NAME_CHARS - 7]}_{sha256(name.encode()).hexdigest()[:6]}"


async def run_work(
    work: Callable[[], object], *, is_async: bool, name: str = "a function"
) -> object:
    """Do ``work``, in a thread of its own unless it ``is_async``.

    What it returns is awaited where it can be: a plain decorator around an async
    function is declared plain and returns a coroutine.
    """
    await anyio.lowlevel.checkpoint()
    returned = work() if is_async else await in_thread(work, name=name)
    if inspect.isawaitable(returned):
        return await returned
    return returned


def as_result(returned: object) -> ToolResult:
    """The tool result for a function's return value: blocks and text as they are.

    Bytes of an image, and objects that draw themselves (``_repr_png_``, as Pillow's and
    Matplotlib's), are images to the model, also among other things in a list. Other
    bytes are nothing that it could read; a path is its text.
    """
    if isinstance(returned, str | msgspec.Raw):
        return returned
    if returned is None:
        return NO_OUTPUT
    parts = cast("list[object]", returned) if isinstance(returned, list) else [returned]
    if any(_draws(part) for part in islice(parts, PARTS_MOST)):
        blocks = [block_of(part) for part in parts]
        return msgspec.Raw(msgspec.json.encode(blocks))
    if isinstance(returned, PurePath):
        return str(returned)
    try:
        return msgspec.json.encode(returned, enc_hook=foreign.encode).decode()
    except UnicodeEncodeError:
        plain = msgspec.to_builtins(returned, enc_hook=foreign.encode, str_keys=True)
        return msgspec.json.encode(whole_json(plain)).decode()


def _draws(part: object) -> bool:
    """Whether ``part`` is an image, or other bytes."""
    return isinstance(part, bytes | bytearray) or _has_picture(part)


def _has_picture(part: object) -> bool:
    return callable(getattr(type(part), "_repr_png_", None))


def block_of(part: object) -> dict[str, object]:
    """One part of a result as a block: an image, or text."""
    if _has_picture(part):
        part = cast("Any", part)._repr_png_() or b""
    if isinstance(part, bytes | bytearray):
        data = bytes(part)
        kind = media_type_of_image(data)
        if kind is None:
            text = f"[{len(data):,} bytes that are no image, left out]"
            return {"type": "text", "text": text}
        source = {
            "type": "base64",
            "media_type": kind,
            "data": base64.b64encode(data).decode(),
        }
        return {"type": "image", "source": source}
    text = as_result(part)
    return {"type": "text", "text": text if isinstance(text, str) else str(text)}


def _arguments(decoded: msgspec.Struct) -> dict[str, object]:
    fields = ((name, getattr(decoded, name)) for name in decoded.__struct_fields__)
    return {name: value for name, value in fields if value is not msgspec.UNSET}


def _plain(function: Callable[..., object]) -> Callable[..., object]:
    """The function that is written down behind a partial or an object."""
    while isinstance(function, partial):
        function = cast("partial[object]", function).func
    if inspect.isroutine(function) or inspect.isclass(function):
        return function
    call: object = inspect.getattr_static(type(function), "__call__", None)
    return call if inspect.isroutine(call) else function


def _name_of(function: Callable[..., object]) -> str:
    while isinstance(function, partial):
        function = cast("partial[object]", function).func
    name: str = getattr(function, "__name__", "") or class_name(function)
    return name


def is_async_function(function: Callable[..., object]) -> bool:
    """Whether calling it gives a coroutine, as far as its declaration tells."""
    return inspect.iscoroutinefunction(_plain(function))


def _parameters(function: Callable[..., object]) -> dict[str, inspect.Parameter]:
    """The parameters that are left to pass: not those that a partial has by name."""
    bound: set[str] = set()
    inner = function
    while isinstance(inner, partial):
        one = cast("partial[object]", inner)
        bound |= one.keywords.keys()
        inner = one.func
    parameters = inspect.signature(function).parameters
    return {name: one for name, one in parameters.items() if name not in bound}


def _input_type(called: str, function: Callable[..., object]) -> type[msgspec.Struct]:
    try:
        hints = get_type_hints(_plain(function), include_extras=True)
    except NameError as error:
        raise TypeError(
            f"tool {called!r}: an annotation is unknown: {error}"
        ) from error
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for parameter in _parameters(function).values():
        where = f"tool {called!r}: parameter {parameter.name!r}"
        if parameter.kind not in {
            parameter.POSITIONAL_OR_KEYWORD,
            parameter.KEYWORD_ONLY,
        }:
            raise TypeError(f"{where} cannot be given by name; the model gives names")
        if parameter.name not in hints:
            raise TypeError(f"{where} has no type; annotate it")
        wanted = hints[parameter.name]
        if parameter.default is parameter.empty:
            fields.append((parameter.name, wanted))
        else:
            # The function keeps its own default: it may be anything, even mutable.
            optional = wanted | msgspec.UnsetType
            fields.append((parameter.name, optional, msgspec.UNSET))
    return msgspec.defstruct(
        f"{called}_input", fields, kw_only=True, forbid_unknown_fields=True
    )


def _words(docstring: str) -> tuple[str, dict[str, str]]:
    """The text before a docstring's sections, and what it says of each parameter.

    Google's, NumPy's and Sphinx's styles are known; what follows none of them, or
    breaks the rules of its own, is text as a whole.
    """
    import docstring_parser  # noqa: PLC0415  (20 ms, and many agents have no tools)

    try:
        parsed = docstring_parser.parse(docstring)
    except docstring_parser.ParseError:
        return inspect.cleandoc(docstring), {}
    parameters = {
        parameter.arg_name.lstrip("*"): " ".join((parameter.description or "").split())
        for parameter in parsed.params
    }
    return (parsed.description or "").strip(), parameters


def _schema(
    called: str,
    wanted: type[msgspec.Struct],
    function: Callable[..., object],
    words: Mapping[str, str],
    *,
    is_strict: bool,
) -> msgspec.Raw:
    try:
        schema = foreign.object_schema(wanted)
    except TypeError as error:
        raise TypeError(f"tool {called!r}: {error}") from error
    properties: dict[str, dict[str, Any]] = schema["properties"]
    parameters = _parameters(function)
    for name, field in properties.items():
        if name in words:
            field.setdefault("description", words[name])
        default = parameters[name].default
        if isinstance(default, str | int | float | bool):
            field.setdefault("default", default)
    return encoded_schema(called, schema, is_strict=is_strict)


def encoded_schema(
    called: str, schema: Mapping[str, Any], *, is_strict: bool
) -> msgspec.Raw:
    """``schema`` as JSON, if the API takes it.

    Raises:
        TypeError: It does not; says of which tool, and why.
    """
    if problem := problem_of({**schema}):
        raise TypeError(f"tool {called!r}: {problem}")
    if is_strict:
        try:
            schema = strict_fit({**schema})
        except TypeError as error:
            raise TypeError(f"tool {called!r}: {error}") from error
    return msgspec.Raw(msgspec.json.encode(whole_json({**schema})))
