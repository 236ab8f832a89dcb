"""Tools whose input is described by a JSON Schema from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from agents.errors import ToolFailed
from agents.protocol.backend import ToolSpec
from agents.protocol.unicode_text import whole_text
from agents.tools.base import ToolResult
from agents.tools.function import (
    as_result,
    checked_name,
    encoded_schema,
    is_async_function,
    run_work,
)


class SchemaTool:
    """A tool that hands its input, a JSON object, to a function as it came.

    The model sees the schema; whether the input fits is for the function to check.

    Args:
        name: What the model calls.
        description: What the model is told.
        input_schema: JSON Schema of an object.
        function: Takes the decoded object; sync (then it runs in a thread) or async.
        options: Further fields of :class:`agents.protocol.backend.ToolSpec`.

    Raises:
        TypeError: The name is not usable, or the schema is not one of an object.
    """

    __slots__ = ("_function", "spec")

    def __init__(
        self,
        *,
        name: str,
        description: str,
        input_schema: Mapping[str, Any],
        function: Callable[[dict[str, Any]], object],
        options: Mapping[str, Any] | None = None,
    ) -> None:
        fields = options or {}
        self.spec = ToolSpec(
            name=checked_name(name),
            description=whole_text(description),
            input_schema=encoded_schema(
                name, input_schema, is_strict=bool(fields.get("strict"))
            ),
            **fields,
        )
        self._function = function

    @property
    def name(self) -> str:
        """The name that the model calls."""
        return self.spec.name

    async def call(self, given: msgspec.Raw) -> ToolResult:
        """Call the function.

        Raises:
            ToolFailed: ``given`` is not an object.
            Exception: What the function raises.
        """
        try:
            decoded = _decoder.decode(given)
        except msgspec.ValidationError as error:
            raise ToolFailed(f"invalid input: {error}") from error
        work = partial(self._function, decoded)
        is_async = is_async_function(self._function)
        name = f"tool {self.name}"
        return as_result(await run_work(work, is_async=is_async, name=name))


_decoder = msgspec.json.Decoder(dict[str, Any])
