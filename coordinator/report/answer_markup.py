"""An answer's Markdown as HTML that is safe: a closed list of tags, no attribute of it.

CommonMark and tables are read by ``markdown-it-py``; what is written is decided here.
Text is escaped, HTML in an answer is text, and no link can be followed: its address
stands behind its words. Nothing that was said is left out. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from html import escape

from markdown_it import MarkdownIt
from markdown_it.token import Token

MARKUP_CHARACTERS = 50_000
"""Longer answers are shown as they were written."""
BRACKETS_MOST = 2_000
"""So are those with more of them: each that is not closed is looked for to the end."""
DEPTH_MOST = 60
"""Deeper lists and quotes are shown as they were written."""

_BLOCKS = {
    "paragraph": "p",
    "bullet_list": "ul",
    "ordered_list": "ol",
    "list_item": "li",
    "blockquote": "blockquote",
    "thead": "thead",
    "tbody": "tbody",
    "tr": "tr",
    "td": "td",
}
_WORDS = {"em": "em", "strong": "strong", "s": "s"}


@lru_cache(maxsize=256)
def answer_html(text: str, *, level: int) -> str:
    """Write an answer.

    Args:
        text: As its author wrote it.
        level: Of the heading that its highest heading becomes, 2 to 6.
    """
    if len(text) <= MARKUP_CHARACTERS and text.count("[") <= BRACKETS_MOST:
        tokens = _parser().parse(text)
        if max((token.level for token in tokens), default=0) < DEPTH_MOST:
            tokens = list(_without_torn_tables(tokens, text.splitlines(keepends=True)))
            return f'<div class="md">{"".join(_blocks(tokens, level))}</div>'
    return f"<pre>{escape(text)}</pre>"


def is_active(text: str) -> bool:
    """Whether other readers of Markdown might run or fetch a part of ``text``."""
    if "<" not in text and "](" not in text and "]:" not in text:
        return False
    if len(text) > MARKUP_CHARACTERS or text.count("[") > BRACKETS_MOST:
        return True
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    inner = (child for token in tokens for child in token.children or ())
    return "](javascript:" in text.replace(" ", "").lower() or any(
        token.type in {"html_block", "html_inline", "image"}
        for token in (*tokens, *inner)
    )


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": DEPTH_MOST + 1})
    # Definitions of links would be read and not shown.
    return parser.enable("table").disable(["html_block", "html_inline", "reference"])


def _without_torn_tables(
    tokens: Sequence[Token], lines: Sequence[str]
) -> Iterator[Token]:
    """Show a table as it was written where a row has more cells than its head.

    Readers of Markdown leave those out.
    """
    place = 0
    while place < len(tokens):
        token = tokens[place]
        place += 1
        if token.type == "table_open" and token.map is not None:
            end = next(n for n in range(place, len(tokens)) if _ends(tokens[n], token))
            cells = "".join(x.content for x in tokens[place:end] if x.type == "inline")
            source = "".join(lines[slice(*token.map)])
            if _count_words(cells) < _count_words(source):
                place = end + 1
                yield Token("fence", "code", 0, content=source)
                continue
        yield token


def _ends(token: Token, table: Token) -> bool:
    return token.type == "table_close" and token.level == table.level


def _count_words(text: str) -> int:
    return sum(map(str.isalnum, text))


def _blocks(tokens: Sequence[Token], level: int) -> Iterator[str]:
    tags = sorted({token.tag for token in tokens if token.type == "heading_open"})
    headings = {tag: min(6, level + place) for place, tag in enumerate(tags)}
    for token in tokens:
        name, _, way = token.type.rpartition("_")
        is_open = way == "open"
        match token.type:
            case "inline":
                yield from _inline(token.children or [])
            case "fence" | "code_block":
                if token.info.strip():
                    yield f'<p class="soft">{escape(token.info.strip())}</p>'
                yield f"<pre><code>{escape(token.content)}</code></pre>"
            case "hr":
                yield "<hr>"
            case "table_open":
                yield '<div class="wide" tabindex="0" role="group" aria-label="table">'
                yield "<table>"
            case "table_close":
                yield "</table></div>"
            case "th_open":
                yield '<th scope="col">'
            case "th_close":
                yield "</th>"
            case "heading_open" | "heading_close":
                yield f"<{'' if is_open else '/'}h{headings[token.tag]}>"
            case "ordered_list_open" if "start" in token.attrs:
                yield f'<ol start="{int(token.attrs["start"])}">'
            case _ if token.hidden:
                pass  # a paragraph of a tight list
            case _ if name in _BLOCKS:
                yield f"<{'' if is_open else '/'}{_BLOCKS[name]}>"
            case _:
                yield escape(token.content)


def _inline(tokens: Sequence[Token]) -> Iterator[str]:
    addresses: list[str] = []
    for token in tokens:
        name, _, way = token.type.rpartition("_")
        match token.type:
            case "softbreak" | "hardbreak":
                yield "<br>"
            case "code_inline":
                yield f"<code>{escape(token.content)}</code>"
            case "link_open":
                addresses.append(_address(token, "href"))
            case "link_close":
                yield escape(addresses.pop())
            case "image":
                yield escape(f"[{token.content}]{_address(token, 'src')}")
            case _ if name in _WORDS:
                yield f"<{'' if way == 'open' else '/'}{_WORDS[name]}>"
            case _:
                yield escape(token.content)


def _address(token: Token, name: str) -> str:
    """Where a link leads, as words behind it; an address alone is not said twice."""
    title = token.attrs.get("title")
    address = f"{token.attrs.get(name, '')}{f' “{title}”' if title else ''}"
    return "" if token.info == "auto" else f" ({address})"
