"""What is read of a prompt: bounded, cut into words once, by bytes where that is possible."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from routing.text import SAMPLE, sample, signs_of, text_of, words_of

LATIN = st.text(alphabet=st.characters(max_codepoint=255), max_size=300)
ANY = st.text(max_size=300) | st.text(alphabet=st.characters(codec="utf-8"), max_size=300)


@given(LATIN | ANY)
@example("x²³ ¼ ªº µ_9 \x85\xa0\x1c ß ÿ × ÷")  # noqa: RUF001 - signs of Latin-1
@example("Straße «naïve» İ ǅ ﬁ")
@example("\ud800 a \udfff")
def test_words_are_those_of_the_pattern(prompt: str) -> None:
    """The way by bytes cuts a text into the same words as the pattern does, whatever the script."""
    text = text_of(prompt)
    assert text.lower == prompt.lower()
    assert text.words == re.findall(r"\w+", text.lower) == words_of(text.lower)
    assert text.distinct == set(text.words)


@given(LATIN | ANY)
def test_signs_are_the_text_without_plain_letters(prompt: str) -> None:
    """Signs keep order and everything but letters, digits, underscores and spaces of ASCII; digits are counted."""
    text = text_of(prompt)
    assert text.signs == re.sub("[A-Za-z0-9_ ]", "", text.lower) == signs_of(text.lower)
    assert text.digits == len(re.findall("[0-9]", text.lower))


@given(ANY)
def test_scripts_without_spaces_are_told(prompt: str) -> None:
    """A text is wide when a sign of Chinese, Japanese or Korean occurs, or of their punctuation."""
    assert text_of(prompt).wide is bool(re.search("[\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef]", prompt.lower()))


def test_sample_takes_head_middle_and_tail_of_a_long_text() -> None:
    """A long text is read at head, middle and tail, always at the same places (R5)."""
    text = "a" * 100_000 + "M" * 20_000 + "z" * 100_000
    cut = sample(text)
    assert len(cut) <= SAMPLE + 2
    assert (cut[0], cut[-1]) == ("a", "z")
    assert "M" in cut
    assert sample(text) == cut
    assert sample("short") == "short"
