from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.encoder import ENCODED
from routing.static_encoder import StaticEncoder, words_of
from tests.unit.routing.toy_encoder import pieces, toy

SHARED = toy()
PROMPTS = st.text(st.characters(codec=None), max_size=80)


@given(st.lists(PROMPTS, max_size=6))
def test_a_text_has_one_vector(texts: list[str]) -> None:
    """What was encoded before changes nothing: a used encoder and a fresh one agree, whatever the text."""
    fresh = [toy().encode(text).tolist() for text in texts]
    assert [SHARED.encode(text).tolist() for text in texts] == fresh
    assert [SHARED.encode(text).tolist() for text in reversed(texts)] == fresh[::-1]


@given(st.lists(st.sampled_from(["rain", "salt", "wagon", "雨", "дождь", "🌧", "f(x)"]), max_size=30), st.randoms())
def test_the_order_of_words_does_not_count(words: list[str], random: Random) -> None:
    """A short text's vector is a sum: its words in any order give the same one."""
    shuffled = words.copy()
    random.shuffle(shuffled)
    assert SHARED.encode(" ".join(words)).tolist() == SHARED.encode(" ".join(shuffled)).tolist()


def test_the_vector_is_the_sum_of_its_rows() -> None:
    """The arithmetic is that of plain integers."""
    table = np.arange(64, dtype=np.int16).reshape(16, 4)
    encoder = StaticEncoder("plain-4-v1", table, lambda words: [[len(word), 3] for word in words])
    expected = [sum(column) for column in zip(*(table[row] for row in (2, 3, 5, 3)), strict=True)]
    assert encoder.encode("ab abcde").tolist() == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t",
        "\u200b",
        "\ud800 alone",
        "漢字かな交じり文",
        "مرحبا بالعالم",
        "สวัสดีชาวโลก",
        "👩‍👩‍👧" * 40,
        "\x00\x07",
        "ж" * 20_000,
    ],
)
def test_no_text_is_too_strange(text: str) -> None:
    """Every script, sign and damage has a vector, and always the same one."""
    assert SHARED.encode(text).tolist() == toy().encode(text).tolist()


@pytest.mark.parametrize("letter", ["x ", "x", "漢", "word "])
def test_work_is_bounded(letter: str) -> None:
    """However long a text, no more than 384 words of at most 24 characters are looked up."""
    asked: list[str] = []

    def counted(words: Sequence[str]) -> list[list[int]]:
        asked.extend(words)
        return pieces(words)

    encoder = StaticEncoder("toy-24-v1", SHARED._table, counted)
    text = "".join(f"{letter}{number} " for number in range(ENCODED))
    encoder.encode(text)
    assert len(asked) <= len(words_of(text)) <= 384
    assert all(len(word) <= 24 for word in asked)


def test_a_full_memo_begins_anew() -> None:
    """More words than the memo holds leave every answer as it was."""
    encoder, first = toy(), toy().encode("salt the soup").tolist()
    for start in range(0, 20_000, 300):
        encoder.encode(" ".join(f"w{number}" for number in range(start, start + 300)))
    assert len(encoder._slots) <= 8192
    assert encoder.encode("salt the soup").tolist() == first
