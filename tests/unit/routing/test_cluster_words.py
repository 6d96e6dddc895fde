import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.cluster_words import ClusterWords
from tests.unit.routing.toy_encoder import cluster

CLUSTERS = {
    "a": cluster(["x"], keywords=["soup", "boil*", "翻訳", "long way"], patterns=["write a ... function", "to german"]),
    "b": cluster(["x"], keywords=["soup", "c++"], patterns=["把 ... 译成", "fix*"]),
}
WORDS = ClusterWords(CLUSTERS)


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("the soup", [1, 1]),
        ("soupy weather", [0, 0]),
        ("boiling soup", [2, 1]),
        ("boiled, boiling and boil", [2, 0]),
        ("soup soup soup", [1, 1]),
        ("please write a very short recursive function", [1, 0]),
        ("write a function", [1, 0]),
        ("write a very very very very very very very long function", [0, 0]),
        ("to  german, please", [1, 0]),
        ("to germany", [0, 0]),
        ("a long way home", [1, 0]),
        ("この文を翻訳して", [1, 0]),
        ("把这句话译成德语", [0, 1]),
        ("fixing it", [0, 1]),
        ("prefix", [0, 0]),
        ("a template in c++, please", [0, 1]),
        ("vitamin c", [0, 0]),
        ("", [0, 0]),
    ],
)
def test_hits(text: str, hits: list[int]) -> None:
    """Words count whole, stems by their beginning, patterns with gaps of up to six words, each once, two at most."""
    assert WORDS.hits(text) == hits


def test_only_the_edges_are_read() -> None:
    """What stands in the middle of a long text is material, and does not count."""
    assert WORDS.hits("lorem " * 100 + "soup " + "ipsum " * 100) == [0, 0]
    assert WORDS.hits("soup " + "lorem " * 200) == WORDS.hits("lorem " * 200 + "soup") == [1, 1]


@given(st.text(max_size=700))
def test_any_text_has_a_count(text: str) -> None:
    """No text raises, and no count is beyond two."""
    assert all(0 <= count <= 2 for count in WORDS.hits(text.lower()))
