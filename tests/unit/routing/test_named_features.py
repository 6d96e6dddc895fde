"""Keyword density, technical depth, scope and criticality."""

from hypothesis import given
from hypothesis import strategies as st

from routing.classify import classify
from routing.named_features import features_of
from routing.signals import read
from schemas.classification import TaskFeatures
from tests.brain import request, shipped

WORDS = shipped().taxonomy_of("t").words
CODE = "Fix main.py:\n```python\ndef f(x):\n    return x[1]\n```\nTraceback (most recent call last): IndexError: 1"


def of(text: str) -> TaskFeatures:
    return features_of(read(request(text), WORDS))


def test_code_is_technically_deep() -> None:
    """Code, traces and file names make depth; small talk has none (R8)."""
    assert of(CODE).technical_depth >= 0.8
    assert of("What shall we eat tonight?").technical_depth == 0


def test_many_demands_widen_the_scope() -> None:
    """Length and listed demands widen the scope (R8)."""
    short = "Improve the page"
    listed = short + "".join(f"\n- point {number} of the comprehensive list" for number in range(8))
    assert of(listed).scope > of(short).scope + 0.3
    assert of(listed * 200).scope > of(listed).scope


def test_words_of_emergency_are_critical() -> None:
    """Words of high stakes make criticality; it is 1 when several come together (R8)."""
    assert of("Production outage with data loss, this is an emergency").criticality == 1
    assert of("Choose a colour for the sofa").criticality == 0


def test_keywords_per_word() -> None:
    """The same keyword among more words is less dense (R8)."""
    assert of("translate").keyword_density > of("translate " + "blah " * 40).keyword_density > 0
    assert of("").keyword_density == 0


def test_the_descriptor_carries_them() -> None:
    """A classification has the named features of its prompt (R8)."""
    assert classify(request(CODE), shipped()).features == of(CODE)


@given(st.text(max_size=300))
def test_features_stay_between_zero_and_one(text: str) -> None:
    """Whatever the text, each feature is between 0 and 1."""
    assert all(0 <= value <= 1 for value in of(text).model_dump().values())
