"""Text that Python can hold and UTF-8 cannot: lone surrogates, mended. Pure.

They come with file names and arguments that are not UTF-8 (``surrogateescape``) and
with text that was cut within an emoji. No JSON can bear them, so they are replaced
where text comes in; what is on its way is whole.
"""

from __future__ import annotations

from typing import Any, cast


def whole_text(text: str) -> str:
    """``text`` with U+FFFD for each half of a character; two halves become one."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def whole_json(value: Any) -> Any:  # noqa: ANN401  (any JSON)
    """Plain JSON whose texts, keys included, are whole."""
    match value:
        case str():
            return whole_text(value)
        case dict():
            fields = cast("dict[str, Any]", value)
            return {whole_text(k): whole_json(v) for k, v in fields.items()}
        case list() | tuple():
            return [whole_json(part) for part in cast("list[Any]", value)]
        case _:
            return value
