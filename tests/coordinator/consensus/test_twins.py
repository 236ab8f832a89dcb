"""Near-duplicates are found as if every answer were compared with every other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coordinator.consensus.similarity import similarity, twins

_WORDS = st.sampled_from(["a", "b", "c", "d", "e", "A", "1", "2,5", ""])
_TEXTS = st.lists(st.lists(_WORDS, max_size=12).map(" ".join), max_size=12)
_SHARES = st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 2 / 3, 0.7, 0.9, 0.999])


def _one_by_one(texts: list[str], over: float) -> list[int | None]:
    found: list[int | None] = []
    for text in texts:
        kept = [place for place, twin in enumerate(found) if twin is None]
        like = (k for k in kept if similarity(text, texts[k]) > over)
        found.append(next(like, None))
    return found


@given(_TEXTS, _SHARES)
def test_twins_are_those_that_comparing_all_finds(
    texts: list[str], over: float
) -> None:
    assert twins(texts, over) == _one_by_one(texts, over)


def test_the_same_text_is_a_twin_even_if_empty() -> None:
    assert twins(["", "Paris", "", "Paris"], 0.9) == [None, None, 0, 1]


def test_other_numbers_make_no_twins() -> None:
    assert twins(["it is 41", "it is 42", "It is 41"], 0.5) == [None, None, 0]


def test_two_texts_without_words_are_the_same() -> None:
    assert similarity(" ", "\n") == 1.0
    assert similarity(" ", "word") == 0.0


def test_of_a_long_text_the_beginning_is_compared() -> None:
    long = "word " * 50_000
    assert similarity(long + "one end", long + "another end") == 1.0
    assert similarity("7 " + long, "8 " + long) == 0.0
