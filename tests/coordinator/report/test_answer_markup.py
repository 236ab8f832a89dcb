"""An answer's Markdown in a report: shown, escaped, whole, and never followed."""

from __future__ import annotations

import random
import re
from html.parser import HTMLParser

import pytest

from coordinator.report.answer_markup import (
    BRACKETS_MOST,
    DEPTH_MOST,
    MARKUP_CHARACTERS,
    answer_html,
    is_active,
)

TAGS = {
    "div", "p", "ul", "ol", "li", "blockquote", "table", "thead", "tbody", "tr", "th",
    "td", "em", "strong", "s", "code", "pre", "br", "hr", "h4", "h5", "h6",
}  # fmt: skip
ATTRIBUTES = {
    ("div", "class", "md"),
    ("div", "class", "wide"),
    ("div", "tabindex", "0"),
    ("div", "role", "group"),
    ("div", "aria-label", "table"),
    ("p", "class", "soft"),
    ("th", "scope", "col"),
}


class _Reader(HTMLParser):
    """A browser's view of it: tags, attributes, text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str, str | None]] = set()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(tag, name, value) for name, value in attrs}
        if tag not in {"br", "hr"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(text: str) -> _Reader:
    reader = _Reader()
    reader.feed(answer_html(text, level=4))
    reader.close()
    assert not reader.open
    return reader


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**22** times, _not_ 24", "<p><strong>22</strong> times, <em>not</em> 24</p>"),
        ("one\ntwo", "<p>one<br>two</p>"),
        ("## A\n\n### B\n\n## C", "<h4>A</h4><h5>B</h5><h4>C</h4>"),
        ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
        ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
        ("> so", "<blockquote><p>so</p></blockquote>"),
        ("`x < 1`", "<p><code>x &lt; 1</code></p>"),
        ("[so](https://a.b)", "<p>so (https://a.b)</p>"),
        ("<https://a.b>", "<p>https://a.b</p>"),
        ("![a cat](c.png)", "<p>[a cat] (c.png)</p>"),
        ("1 < 2 & 3", "<p>1 &lt; 2 &amp; 3</p>"),
    ],
)
def test_markdown_is_shown_as_it_is_meant(text: str, html: str) -> None:
    assert answer_html(text, level=4) == f'<div class="md">{html}</div>'


def test_code_and_tables_keep_what_is_in_them() -> None:
    code = answer_html("```py\nif a<b:\n    go()\n```", level=4)
    assert '<p class="soft">py</p>' in code
    assert "<pre><code>if a&lt;b:\n    go()\n</code></pre>" in code
    table = answer_html("| a | b |\n|---|---|\n| 1 | <i> |", level=4)
    assert '<th scope="col">a</th>' in table
    assert "<td>&lt;i&gt;</td>" in table
    torn = answer_html("| a |\n|---|\n| 1 | 2 |\n\nb", level=4)
    assert "<pre><code>| a |\n|---|\n| 1 | 2 |\n</code></pre><p>b</p>" in torn


ATTACKS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    '[x](https://a.b "\\" onmouseover=alert(1) \\"")',
    "![x](https://a.b/track.gif)",
    "<javascript:alert(1)>",
    '```"><script>alert(1)</script>\n```',
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<!-- --><svg/onload=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "1. x\n<style>*{display:none}</style>",
    "| <script> |\n|---|\n| </td></table><script>alert(1)</script> |",
    "</div></article><script>alert(1)</script>",
    "\x00<script>\x00",
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_answer_brings_a_tag_or_an_attribute_of_its_own(attack: str) -> None:
    for text in (attack, f"- {attack}", f"> # {attack}", f"**{attack}**", f"`{attack}"):
        reader = _read(text)
        assert reader.tags <= TAGS
        assert reader.attributes <= ATTRIBUTES


def test_of_whatever_is_written_nothing_is_lost_and_nothing_gets_through() -> None:
    lot = random.Random(5)  # noqa: S311  (no secret)
    marks = (
        *ATTACKS, "# ", "- ", "1. ", "> ", "    ", "```", "`", "**", "_", "~~", "\n",
        "\n\n", "|", "\n|---|---|\n", "[", "](", ")", "]: ", "!", "<", ">", "&amp;",
        "\\", "---\n", "===\n", '"', "\t", "  \n",
    )  # fmt: skip
    for _ in range(1_000):
        text, words = "", set[str]()
        for _ in range(lot.randrange(1, 14)):
            word = "".join(lot.choices("qwzk", k=6))
            words.add(word)
            text += lot.choice(marks) + word + lot.choice(("", " "))
        reader = _read(text)
        assert reader.tags <= TAGS
        starts = {x for x in reader.attributes if x[:2] == ("ol", "start")}
        assert reader.attributes - starts <= ATTRIBUTES
        assert all(re.fullmatch(r"\d+", value or "") for _, _, value in starts)
        missing = {word for word in words if word not in reader.text}
        assert not missing, (text, missing)


@pytest.mark.parametrize(
    "text",
    [
        "> " * 500 + "deep",
        "- " * 500 + "deep",
        "[" * (BRACKETS_MOST + 1),
        "x" * (MARKUP_CHARACTERS + 1),
    ],
)
def test_what_is_too_deep_or_too_long_is_shown_as_it_was_written(text: str) -> None:
    assert DEPTH_MOST < 500
    assert answer_html(text, level=4).startswith("<pre>")
    assert _read(text).text == text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("**so** `a < b` and 1 < 2", False),
        ("[so](https://a.b)", False),
        ("```\n<b>\n```", False),
        ("so <b>bold</b>", True),
        ("<script>\nalert(1)\n</script>", True),
        ("[x]( javascript:alert(1))", True),
        ("![x](https://a.b/track.gif)", True),
    ],
)
def test_what_another_reader_might_run_or_fetch_is_found(
    text: str, *, found: bool
) -> None:
    assert is_active(text) is found
