"""Citations as footnotes of an answer: numbered, each source once. Pure.

The API cites beside the text: a text block carries the sources of that block. Others
read an answer as text alone, so the sources become part of it: ``[1]`` behind what
rests on the first, and the list at the end. :class:`Sources` gathers one turn's.

Where a citation says at which character its words end, as OpenAI's, xAI's, OpenRouter's
and Google's do, its mark stands there, in the middle of a text.

Models hand answers in by a tool call too, whose input bears no citations. What was
cited on the way is listed then, and marked where the cited words stand in the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, cast

import msgspec

Json: TypeAlias = dict[str, Any]  # the API's objects, looked into with care

TITLE_CHARS = 200
ADDRESS_CHARS = 2_000
QUOTE_CHARS = 500
"""Titles, addresses and quotes come from pages that anybody may have written."""
CITATIONS_MAX = 100
"""Sources of one answer; a model that cites more has cited the same again."""

_SHORTEST_CITED = 12
"""Characters that cited words must have to be found again in an answer's text."""
_MARK = re.compile(r"\[(\d{1,3})\]")
_GLUED = re.compile(r"(?<=\w)\[\d{1,3}\]")
"""One that may as well be an index: ``rows[1]``."""
_LISTED = re.compile(r"\W{0,6}(\d{1,3})[\].):]+\s")
_OWN_MARK = re.compile(r"\[\[\d{1,3}\]\]\([^()\s]*\)")
"""xAI's, which numbers sources otherwise than we do."""
_LONGEST_ENTRY = 2
"""Lines that one source may take beside its first."""
_GOES_ON = re.compile(r"[\w/?#&=%~@+$-]|[.,:;!]\w")
"""The start of a continuation of an address or title, right after it."""


class Citation(msgspec.Struct, frozen=True, kw_only=True):
    """One source of an answer, as its footnote has it."""

    number: int
    """1, 2, 3, … within its answer."""
    title: str
    address: str = ""
    """A URL, or the place in a document (``page 3``)."""
    quote: str = ""
    """The words of the source that were cited first."""

    @property
    def footnote(self) -> str:
        """The line at the end of the answer."""
        return f"[{self.number}] " + " — ".join(filter(None, self._named))

    @property
    def _named(self) -> tuple[str, str]:
        return ("" if self.title == self.address else self.title, self.address)


class Source(NamedTuple):
    """A source that has no number yet."""

    title: str
    address: str
    quote: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """The same for citations of one place: a page is known by its address."""
        return ("", self.address) if "://" in self.address else self[:2]


class _Piece(NamedTuple):
    """A text block and what it rests on."""

    text: str
    sources: tuple[Source, ...]


def footnotes(citations: Iterable[Citation]) -> str:
    """The list at the end of an answer; empty where nothing is cited."""
    return "\n".join(citation.footnote for citation in citations)


def with_footnotes(text: str, citations: Sequence[Citation]) -> str:
    """``text`` and the list under it."""
    return f"{text}\n\n{footnotes(citations)}" if citations else text


class Sources:
    """The text and the citations of one turn."""

    __slots__ = ("_cited", "_pages", "_said")

    def __init__(self) -> None:
        self._said: list[_Piece] = []
        self._cited: list[_Piece] = []
        self._pages: dict[str, str] = {}

    def absorb(self, blocks: Sequence[Json]) -> None:
        """Take in a response's content blocks, in the API's form."""
        for block in blocks:
            if block.get("type") == "text":
                for piece, words in _pieces(block, self._pages):
                    self._said.append(piece)
                    if piece.sources:
                        self._cited.append(piece._replace(text=words))
            elif block.get("type") == "web_fetch_tool_result":
                self._pages.update(_page(block.get("content")))

    @property
    def said(self) -> str:
        """The visible text since :meth:`forget_said`, without marks."""
        return "".join(piece.text for piece in self._said)

    def forget_said(self) -> None:
        """Drop the text so far from the answer; its sources may still be cited."""
        self._said.clear()

    def of_said(self) -> tuple[str, tuple[Citation, ...]]:
        """The text with marks and footnotes, and its citations."""
        cited = _numbered(self._said)
        text = "".join(_marked(piece, cited) for piece in self._said).strip()
        return with_footnotes(text, tuple(cited.values())), tuple(cited.values())

    @property
    def has_cited(self) -> bool:
        """Whether what was said since :meth:`forget_said` rests on anything."""
        return any(piece.sources for piece in self._said)

    def of_handed_in(
        self, content: str, seen: Iterable[Citation] = ()
    ) -> tuple[str, tuple[Citation, ...]]:
        """An answer handed in by a call, and what was cited on the way to it.

        Args:
            content: The answer.
            seen: The citations of answers that were shown: they are this answer's too
                where it names them.
        """
        cited = _numbered(self._cited)
        # A model that has listed its sources itself is not corrected, but what it has
        # left out is added.
        listed = _as_listed(content, (*cited.values(), *seen))
        if listed or not cited:
            return _with_missing(content, listed, cited.values())
        for piece in self._cited:
            words = piece.text.strip()
            if len(words) >= _SHORTEST_CITED and content.count(words) == 1:
                marked = _marked(_Piece(words, piece.sources), cited)
                content = content.replace(words, marked)
        citations = tuple(cited.values())
        return with_footnotes(content, citations), citations


def _with_missing(
    text: str, listed: tuple[Citation, ...], cited: Iterable[Citation]
) -> tuple[str, tuple[Citation, ...]]:
    """``text`` and its list, with those of ``cited`` behind it that are not there."""
    known = {(each.title, each.address) for each in listed}
    number = max((each.number for each in listed), default=0)
    missing: list[Citation] = []
    for each in cited:
        if (each.title, each.address) not in known:
            number += 1
            missing.append(msgspec.structs.replace(each, number=number))
    if not missing:
        return text, listed
    return f"{text.rstrip()}\n{footnotes(missing)}", (*listed, *missing)


def carried(
    text: str, shown: Sequence[Sequence[Citation]]
) -> tuple[str, tuple[Citation, ...]]:
    """Keep the sources of the answers that ``text`` is made of.

    Args:
        text: A presenter's words, who cites nothing itself.
        shown: The citations of each answer it was shown.

    Returns:
        The text, with the list under it if the presenter has left it out; and what of
        it is cited now. Several answers number their sources each for themselves, so
        their marks in one text say nothing; then the list goes on from the highest.
    """
    shown = [citations for citations in shown if citations]
    if not shown:
        return text, ()
    marks = {int(mark[1]) for mark in _MARK.finditer(text)}
    if len(shown) > 1:
        each = [Source(c.title, c.address, c.quote) for of in shown for c in of]
        first = max(marks, default=0)
        known = tuple(_numbered([_Piece("", tuple(each))], after=first).values())
    else:
        known = tuple(shown[0])
    listed = _as_listed(text, known)
    if listed:
        return text, listed
    # Where all may be indices, nothing is known of what was dropped.
    is_marked = _MARK.search(_GLUED.sub("", text)) is not None
    marked = tuple(c for c in known if is_marked and c.number in marks) or known
    return with_footnotes(text, marked), marked


def _as_listed(text: str, known: Iterable[Citation]) -> tuple[Citation, ...]:
    """Those of ``known`` that the list at the end of ``text`` names, by its numbers.

    What is said of a source elsewhere, or of another whose address is longer, lists
    nothing.
    """
    numbered: dict[int, Citation] = {}
    listed = _list_at_the_end(text)
    for citation in known:
        for number, line in listed:
            if number not in numbered and _is_named(citation, line):
                numbered[number] = msgspec.structs.replace(citation, number=number)
                break
    return tuple(numbered[number] for number in sorted(numbered))


def _list_at_the_end(text: str) -> list[tuple[int, str]]:
    """The numbered lines that ``text`` ends with, in order; a line may go on."""
    listed: list[tuple[int, str]] = []
    more: list[str] = []
    for line in reversed(text.rstrip().splitlines()):
        numbered = _LISTED.match(line)
        if numbered is not None:
            listed.append((int(numbered[1]), " ".join((line, *reversed(more)))))
            more = []
        elif len(more) < _LONGEST_ENTRY:
            more.append(line)
        else:
            break
    return listed[::-1]


def _is_named(citation: Citation, line: str) -> bool:
    if "://" in citation.address:
        return _stands_whole(citation.address, line)
    return _stands_whole(citation.title, line) and citation.address in line


def _stands_whole(name: str, line: str) -> bool:
    """Whether ``name`` is there, and is not the beginning of another."""
    place = line.find(name)
    while place >= 0:
        behind = line[place + len(name) :]
        before = line[place - 1 : place] if place else ""
        if not before[:1].isalnum() and not _GOES_ON.match(behind):
            return True
        place = line.find(name, place + 1)
    return False


def _numbered(
    pieces: Iterable[_Piece], after: int = 0
) -> dict[tuple[str, str], Citation]:
    """Number the sources in the order in which they come, each once."""
    cited: dict[tuple[str, str], Citation] = {}
    for piece in pieces:
        for source in piece.sources:
            if source.key not in cited and len(cited) < CITATIONS_MAX:
                cited[source.key] = Citation(
                    number=after + len(cited) + 1,
                    title=source.title,
                    address=source.address,
                    quote=source.quote,
                )
    return cited


def _marked(piece: _Piece, cited: Mapping[tuple[str, str], Citation]) -> str:
    """A piece's text, its marks right behind its last word."""
    numbers = {cited[s.key].number for s in piece.sources if s.key in cited}
    text = piece.text.rstrip()
    marks = "".join(f"[{number}]" for number in sorted(numbers))
    return text + marks + piece.text[len(text) :]


def _pieces(block: Json, pages: Mapping[str, str]) -> Iterator[tuple[_Piece, str]]:
    """A block's text, cut where its citations say that they end; and the cited words.

    A citation that says no place rests on the whole.
    """
    value = block.get("text")
    text = value if isinstance(value, str) else ""
    every = block.get("citations")
    ending: dict[int, list[tuple[int, Source]]] = {}
    for each in cast("list[Any]", every) if isinstance(every, list) else []:
        source = _source(each, pages)
        if source is not None:
            start, end = _span(cast("Json", each), text)
            ending.setdefault(end, []).append((start, source))
    begun = 0
    for end in sorted(ending):
        start = max(start for start, _ in ending[end])
        words, piece = text[start:end], text[begun:end]
        if begun <= start and _OWN_MARK.fullmatch(words):
            piece = text[begun:start]
        is_told = len(words.strip()) >= _SHORTEST_CITED and start >= begun
        sources = tuple(source for _, source in ending[end])
        yield _Piece(piece, sources), words if is_told else piece
        begun = end
    if begun < len(text) or not ending:
        yield _Piece(text[begun:], ()), ""


def _span(citation: Json, text: str) -> tuple[int, int]:
    """Where the cited words begin and end; the whole text where that is not told."""
    start, end = _index(citation, "start_index"), _index(citation, "end_index")
    if not 0 < end <= len(text):
        return 0, len(text)
    while end < len(text) and text[end - 1].isalnum() and text[end].isalnum():
        end += 1  # whoever counts otherwise is off by some characters
    return min(start, end), end


def _index(fields: Json, name: str) -> int:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return max(0, value)


def _source(citation: object, pages: Mapping[str, str]) -> Source | None:
    """Read one of the API's citations, of any kind; ``None`` where it names nothing.

    Kinds as recorded and as SDK 2.12.0 has them (read 2026-11-23): a page found or
    fetched, a search result of our own, a place in a document.
    """
    if not isinstance(citation, dict):
        return None
    fields = cast("Json", citation)
    title = _line(fields.get("title") or fields.get("document_title"), TITLE_CHARS)
    address = _line(fields.get("url") or fields.get("source"), ADDRESS_CHARS)
    if not address:
        # What is fetched is cited as a document, by its title alone.
        address = pages.get(title, "") or _place(fields)
    if not title and "document_index" in fields:
        title = f"document {_count(fields, 'document_index') + 1}"
    if not title and not address:
        return None
    quote = _line(fields.get("cited_text"), QUOTE_CHARS)
    return Source(title or address, address, quote)


def _place(fields: Json) -> str:
    """Where in a document; the number of a character tells a reader nothing."""
    if fields.get("type") != "page_location":
        return ""
    first, end = _count(fields, "start_page_number"), _count(fields, "end_page_number")
    # The end is the first page that is not cited.
    return f"page {first}" if end <= first + 1 else f"pages {first}-{end - 1}"


def _count(fields: Json, name: str) -> int:
    value = fields.get(name)
    return value if isinstance(value, int) else 0


def _page(content: object) -> dict[str, str]:
    """Title → address of a fetched page."""
    if not isinstance(content, dict):
        return {}
    fields = cast("Json", content)
    document: Any = fields.get("content")
    if not isinstance(document, dict):
        return {}
    title = _line(cast("Json", document).get("title"), TITLE_CHARS)
    address = _line(fields.get("url"), ADDRESS_CHARS)
    return {title: address} if title and address else {}


def _line(value: object, limit: int) -> str:
    """A text of somebody else's, on one line and not too long."""
    if not isinstance(value, str):
        return ""
    text = " ".join(value[: limit * 4].split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
