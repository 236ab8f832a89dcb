from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agents.backends.claude.decoder import decode_sse
from agents.conversation.accumulator import Transcript
from agents.protocol.citations import Citation, Sources, carried, footnotes

RECORDINGS = Path(__file__).parents[4] / "shared" / "recordings" / "streams"
CITING = sorted(
    path for path in RECORDINGS.glob("*.sse") if b"citations_delta" in path.read_bytes()
)

ONE = {"type": "web_search_result_location", "url": "https://a.example/1"}
TWO = {"type": "web_search_result_location", "url": "https://b.example/2"}


def text(said: str, *citations: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": said, "citations": list(citations)}


def sources(*blocks: dict[str, Any]) -> Sources:
    made = Sources()
    made.absorb(blocks)
    return made


def cited(number: int, title: str, address: str) -> Citation:
    return Citation(number=number, title=title, address=address)


A = cited(1, "A", "https://a.example/1")
B = cited(2, "B", "https://b.example/2")


def test_each_source_is_numbered_once_where_it_is_cited_first() -> None:
    said, citations = sources(
        text("Paris", ONE | {"title": "A"}),
        text(" is large", TWO | {"title": "B"}, ONE | {"title": "A again"}),
        text(", and old.\n"),
    ).of_said()
    assert said == (
        "Paris[1] is large[1][2], and old.\n\n"
        "[1] A — https://a.example/1\n"
        "[2] B — https://b.example/2"
    )
    assert [c.number for c in citations] == [1, 2]


def test_text_without_citations_has_no_footnotes() -> None:
    assert sources(text("Paris.\n")).of_said() == ("Paris.", ())


def test_a_mark_stands_behind_the_last_word_and_before_the_line_end() -> None:
    said, _ = sources(text("- Paris\n", ONE), text("- Lyon")).of_said()
    assert said.startswith("- Paris[1]\n- Lyon\n\n[1] https://a.example/1")


def test_what_was_said_before_a_tool_ran_is_no_part_of_a_written_answer() -> None:
    turn = sources(text("Let me see what they say.", ONE))
    turn.forget_said()
    turn.absorb([text("Paris.", TWO)])
    assert turn.of_said()[0] == "Paris.[1]\n\n[1] https://b.example/2"


def test_an_answer_handed_in_lists_what_was_cited_on_the_way() -> None:
    turn = sources(text("It is 330 metres tall", ONE | {"title": "A"}), text("."))
    content, citations = turn.of_handed_in("Today? It is 330 metres tall, says A.")
    assert content == (
        "Today? It is 330 metres tall[1], says A.\n\n[1] A — https://a.example/1"
    )
    assert [c.address for c in citations] == ["https://a.example/1"]


def test_an_answer_that_lists_its_sources_itself_is_left_alone() -> None:
    turn = sources(text("It is 330 metres tall", ONE | {"title": "A"}))
    own = "It is 330 m (3).\n\n(3) https://a.example/1"
    assert turn.of_handed_in(own) == (
        own,
        (cited(3, "A", "https://a.example/1"),),
    )


def test_a_better_answer_keeps_the_sources_it_takes_over() -> None:
    own = "Better.[2]\n\n[2] B — https://b.example/2"
    assert Sources().of_handed_in(own, (A, B)) == (own, (B,))


def test_a_presenter_who_leaves_the_list_out_gets_it_back() -> None:
    said, kept = carried("Large [2].", [(A, B)])
    assert (said, kept) == ("Large [2].\n\n[2] B — https://b.example/2", (B,))


def test_a_presenter_who_marks_nothing_gets_all_sources() -> None:
    assert carried("Large.", [(A, B)])[1] == (A, B)


def test_a_presenters_own_list_stands() -> None:
    own = "Large.\n\n1. https://b.example/2"
    assert carried(own, [(A, B)]) == (own, (cited(1, "B", B.address),))


def test_sources_of_several_answers_are_numbered_anew_and_never_mistaken() -> None:
    other = (cited(1, "C", "https://c.example"), cited(2, "A", A.address))
    said, kept = carried("Large [1].", [(A, B), other])
    # [1] may be A or C: nobody can tell, so it is given to neither.
    assert [(c.number, c.title) for c in kept] == [(2, "A"), (3, "B"), (4, "C")]
    assert said.endswith(footnotes(kept))


def test_documents_are_named_by_title_and_page() -> None:
    page = {"type": "page_location", "document_index": 0, "document_title": "Report"}
    said, _ = sources(
        text("One", page | {"start_page_number": 3, "end_page_number": 4}),
        text(" two", page | {"start_page_number": 3, "end_page_number": 6}),
        text(" three", {"type": "char_location", "document_index": 1}),
    ).of_said()
    assert said.splitlines()[-3:] == [
        "[1] Report — page 3",
        "[2] Report — pages 3-5",
        "[3] document 2",
    ]


def test_a_fetched_page_is_named_by_its_address() -> None:
    page = {
        "type": "web_fetch_tool_result",
        "content": {"url": "https://a.example", "content": {"title": "Home"}},
    }
    where = {"type": "char_location", "document_index": 0, "document_title": "Home"}
    assert sources(page, text("So", where)).of_said()[0] == (
        "So[1]\n\n[1] Home — https://a.example"
    )


@pytest.mark.parametrize(
    "citation", [None, "x", [], {}, {"title": 7}, {"url": None, "cited_text": {}}]
)
def test_what_is_no_citation_is_passed_over(citation: Any) -> None:
    assert sources(text("So.", citation)).of_said() == ("So.", ())


def test_titles_of_others_pages_stay_on_one_line_and_short() -> None:
    title = "Win!\n\n[9] Trust me — https://evil.example\r\n" + "x" * 9_000
    said, _ = sources(text("So.", ONE | {"title": title})).of_said()
    assert len(said.splitlines()) == 3
    assert len(said) < 300


@pytest.mark.skipif(
    not CITING, reason=f"NO RECORDINGS at {RECORDINGS}: nothing real was cited"
)
def test_every_recorded_citation_has_a_footnote() -> None:
    assert len(CITING) == 23
    for stream in CITING:
        transcript = Transcript()
        transcript.absorb(decode_sse(stream.read_bytes()))
        said, citations = sources(*transcript.blocks).of_said()
        given = [c for b in transcript.blocks for c in b.get("citations") or ()]
        named = {c.get("url") or c.get("document_title") for c in given} - {None}
        assert citations, stream.stem
        assert {c.address or c.title for c in citations} >= {
            name for name in named if "://" in name
        }, stream.stem
        assert said.endswith(footnotes(citations)), stream.stem
        assert len({(c.title, c.address) for c in citations}) == len(citations)
        assert all(f"[{c.number}]" in said for c in citations)


REPORT = {"type": "char_location", "document_index": 0, "document_title": "report"}


def test_a_title_in_the_prose_is_no_list() -> None:
    turn = sources(text("Rivers rise in spring", REPORT), text(" and fall.", TWO))
    content, citations = turn.of_handed_in("Our report finds: Rivers rise in spring.")
    assert [c.title for c in citations] == ["report", "https://b.example/2"]
    assert content.startswith("Our report finds: Rivers rise in spring[1].")
    assert content.endswith("[1] report\n[2] https://b.example/2")


def test_an_address_in_the_prose_drops_no_other_source() -> None:
    three = {"type": "web_search_result_location", "url": "https://c.example/3"}
    turn = sources(text("One fact here", ONE), text("Two.", TWO), text("3.", three))
    content, citations = turn.of_handed_in("See https://a.example/1 for One fact here.")
    assert len(citations) == 3
    assert content.count("https://b.example/2") == 1


def test_an_address_that_goes_on_is_another_one() -> None:
    long = {"type": "web_search_result_location", "url": "https://a.example/12"}
    turn = sources(text("One fact here", ONE), text("Two facts", long))
    own = "Facts.\n\n[1] https://a.example/12\n[2] https://a.example/1"
    _, citations = turn.of_handed_in(own)
    assert {c.number: c.address for c in citations} == {
        1: "https://a.example/12",
        2: "https://a.example/1",
    }


def test_what_a_model_left_out_of_its_own_list_is_added() -> None:
    turn = sources(text("One fact here", ONE), text("Two.", TWO))
    own = "Facts.\n\nSources:\n1. https://b.example/2."
    content, citations = turn.of_handed_in(own)
    assert [(c.number, c.address) for c in citations] == [
        (1, "https://b.example/2"),
        (2, "https://a.example/1"),
    ]
    assert content == f"{own}\n[2] https://a.example/1"


def test_an_index_is_no_mark() -> None:
    three = (A, B, cited(3, "C", "https://c.example"))
    assert carried("Take arr[1] and add it.", [three])[1] == three
    assert carried("Take arr[1]; it is so [2].", [three])[1] == (A, B)


def test_a_search_result_of_a_users_tool_is_cited_by_its_source() -> None:
    cited = {
        "type": "search_result_location",
        "cited_text": "Paris is the capital.",
        "search_result_index": 0,
        "source": "https://db.example/row/7",
        "title": "Row 7",
        "start_block_index": 0,
        "end_block_index": 1,
    }
    sources = Sources()
    sources.absorb([{"type": "text", "text": "It is Paris.", "citations": [cited]}])
    text, (citation,) = sources.of_said()
    assert (citation.title, citation.address) == ("Row 7", "https://db.example/row/7")
    assert "It is Paris.[1]" in text


@pytest.mark.parametrize(
    "page",
    [
        {"type": "web_fetch_tool_result", "content": None},
        {"type": "web_fetch_tool_result", "content": {"url": "https://a.example"}},
        {"type": "web_fetch_tool_result", "content": {"content": {"title": "Home"}}},
    ],
)
def test_a_fetched_page_of_another_shape_gives_no_address(page: dict[str, Any]) -> None:
    where = {"type": "char_location", "document_index": 0, "document_title": "Home"}
    assert sources(page, text("So", where)).of_said()[0] == "So[1]\n\n[1] Home"


def test_a_document_that_the_author_lists_is_found_by_title_and_page() -> None:
    page = {
        "type": "page_location",
        "document_title": "Report",
        "start_page_number": 3,
        "end_page_number": 4,
    }
    own = "Rivers rise.\n\n[1] Report — page 3"
    content, citations = sources(text("Rivers rise", page)).of_handed_in(own)
    assert content == own
    assert [(c.title, c.address) for c in citations] == [("Report", "page 3")]


def at(end: int, start: int = 0, **source: Any) -> dict[str, Any]:
    """A citation that says where in the text it stands, as OpenAI's and Google's do."""
    return {"type": "url_citation", "start_index": start, "end_index": end, **source}


PLACED = "Paris is large. Lyon is old. Both are in France."
FIRST, SECOND = len("Paris is large."), len("Paris is large. Lyon is old.")


def test_a_mark_stands_in_the_middle_of_a_text_where_its_source_is_told() -> None:
    said, citations = sources(
        text(
            PLACED,
            at(SECOND, FIRST + 1, url="https://b.example/2"),
            at(FIRST, url="https://a.example/1"),
            at(SECOND, FIRST + 1, url="https://a.example/1"),
        )
    ).of_said()
    assert said == (
        "Paris is large.[1] Lyon is old.[1][2] Both are in France.\n\n"
        "[1] https://a.example/1\n[2] https://b.example/2"
    )
    assert [c.number for c in citations] == [1, 2]


@pytest.mark.parametrize("end", [0, -3, 999, True, "7", None])
def test_a_place_that_is_none_leaves_the_mark_behind_the_text(end: Any) -> None:
    said, _ = sources(text(PLACED, at(end, url="https://a.example/1"))).of_said()
    assert said.startswith(f"{PLACED}[1]\n\n")


def test_a_place_amid_a_word_is_the_words_end() -> None:
    said, _ = sources(text("Zürich lies", at(3, url="https://a.example/1"))).of_said()
    assert said.startswith("Zürich[1] lies\n\n")


def test_a_mark_of_its_makers_own_gives_way_to_ours() -> None:
    own = "[[7]](https://a.example/1)"
    words = f"So it is.{own} And so on."
    cited_at = at(9 + len(own), 9, url="https://a.example/1")
    said, _ = sources(text(words, cited_at)).of_said()
    assert said == "So it is.[1] And so on.\n\n[1] https://a.example/1"


def test_words_cited_amid_a_text_are_found_again_in_what_is_handed_in() -> None:
    where = at(SECOND, FIRST + 1, url="https://b.example/2")
    made = sources(text(PLACED, where))
    handed_in, _ = made.of_handed_in("I say: Lyon is old. That is all.")
    assert handed_in.startswith("I say: Lyon is old.[1] That is all.\n\n[1]")
