"""The embeddings format: what is sent, what of an answer is read, and that no answer is more than a failure (R6)."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.base import EmbeddingRequest
from providers.errors import ProviderError
from tests.unit.providers.wire_samples import dialect_of, response

REQUEST = EmbeddingRequest(provider_model="text-embedding-3-small", texts=("one", "two"), dimensions=3)
DATA = [
    {"object": "embedding", "index": 1, "embedding": [0.25, -0.5, 1]},
    {"object": "embedding", "index": 0, "embedding": [0.0023064255, -0.009327292, -0.0028842222]},
]
"""Numbers as the format's reference shows them, the second text first."""
ANSWER = {
    "object": "list",
    "data": DATA,
    "model": "text-embedding-3-small",
    "usage": {"prompt_tokens": 8, "total_tokens": 8},
}
LEAVES = st.none() | st.booleans() | st.integers(-5, 2**70) | st.floats() | st.text(max_size=4)
VECTORS = st.lists(LEAVES, max_size=4) | LEAVES
ITEMS = st.fixed_dictionaries({}, optional={"index": LEAVES, "embedding": VECTORS})
ANSWERS = st.fixed_dictionaries(
    {},
    optional={"data": st.lists(ITEMS, max_size=3) | LEAVES, "usage": st.dictionaries(st.just("prompt_tokens"), LEAVES)},
)


def read(**changed: Any) -> Any:
    return dialect_of("openai").parse_embedding(response(json.dumps({**ANSWER, **changed}).encode()), REQUEST)


def test_the_request_states_model_texts_length_and_form() -> None:
    """Exactly these fields are sent: no user, no metadata (X4)."""
    built = dialect_of("openai").build_embedding(REQUEST)
    assert built.path == "/embeddings"
    assert json.loads(built.body) == {
        "model": "text-embedding-3-small",
        "input": ["one", "two"],
        "dimensions": 3,
        "encoding_format": "float",
    }


def test_vectors_come_in_the_order_of_the_texts() -> None:
    """The index counts, not the place; usage is input alone (P2)."""
    result = read()
    assert result.vectors == ((0.0023064255, -0.009327292, -0.0028842222), (0.25, -0.5, 1.0))
    assert (result.usage.input_tokens, result.usage.output_tokens, result.usage.estimated) == (8, 0, False)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": -1}])
def test_usage_that_is_missing_is_estimated_and_marked(usage: Any) -> None:
    """Without a count the bytes of the texts stand for it (P2)."""
    result = read(usage=usage)
    assert (result.usage.input_tokens, result.usage.estimated) == (2, True)
    assert result.warnings


@pytest.mark.parametrize(
    "data",
    [[], DATA[:1], [{"embedding": [1, 2]}, DATA[1]], [{"embedding": [1, 2, "3"]}, DATA[1]], "no"],
)
def test_an_answer_with_other_vectors_is_malformed(data: Any) -> None:
    """A vector too few, of another length, or of no numbers: nobody knows what was billed (P1)."""
    with pytest.raises(ProviderError) as caught:
        read(data=data)
    assert (caught.value.category, caught.value.billed) == ("malformed_response", "unknown")


@settings(max_examples=200)
@given(value=ANSWERS)
def test_any_answer_is_vectors_or_an_error_of_the_tree(value: dict[str, Any]) -> None:
    """Whatever JSON comes with status 200, the outcome is finite vectors of the length asked for, or a failure."""
    try:
        result = dialect_of("openai").parse_embedding(response(json.dumps(value).encode()), REQUEST)
    except ProviderError as error:
        assert error.billed == "unknown"  # noqa: PT017  (either outcome is right)
    else:
        assert [len(vector) for vector in result.vectors] == [3, 3]
