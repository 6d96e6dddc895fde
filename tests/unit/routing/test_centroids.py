from base64 import b64encode
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.centroids import centroids_of, data_hash, rebuilt, sampled, vectors_of, with_example
from routing.encoder import UNIT, unit
from schemas.control_clusters import Centroids
from tests.unit.routing.toy_encoder import FOOD, document, toy


@given(st.randoms())
@settings(max_examples=20)
def test_the_order_of_examples_does_not_count(random: Random) -> None:
    """Examples in any order give the same centroids and the same hash, to the byte."""
    shuffled = list(FOOD)
    random.shuffle(shuffled)
    plain = document()
    food = plain.clusters["food"].model_copy(update={"examples": tuple(shuffled)})
    other = plain.model_copy(update={"clusters": {**plain.clusters, "food": food}})
    assert centroids_of(other, toy()) == centroids_of(plain, toy())


def test_a_centroid_is_the_mean_direction() -> None:
    """A centroid is the normalised sum of the normalised examples."""
    encoder, made = toy(), document()
    total = sum((unit(encoder.encode(sampled(example))) for example in FOOD), np.zeros(24, dtype=np.int64))
    found = vectors_of(made.centroids["toy-24-v1"], ("food",))
    assert found is not None
    assert found[0].tolist() == unit(total).tolist()
    assert np.abs(found).max() <= UNIT


def test_a_changed_example_or_encoder_changes_the_hash() -> None:
    """The hash tells centroids of other examples and of other encoders apart."""
    made = document()
    longer = with_example(made, "rail", "shunt the tank engine")
    assert len({data_hash(made, "toy-24-v1"), data_hash(longer, "toy-24-v1"), data_hash(made, "toy-24-v2")}) == 3
    assert longer.clusters["rail"].examples[-1] == "shunt the tank engine"


def test_rebuilding_keeps_other_encoders_while_they_fit() -> None:
    """Centroids of another encoder stay where they are of these examples, and go where they are not."""
    both = rebuilt(document(), toy("toy-24-v2", seed=6))
    assert list(both.centroids) == ["toy-24-v1", "toy-24-v2"]
    assert list(rebuilt(with_example(both, "food", "peel the onions"), toy()).centroids) == ["toy-24-v1"]


def test_damaged_vectors_are_none() -> None:
    """A missing vector, another length, or what is no base64 is not taken for centroids."""
    good = b64encode(np.arange(4, dtype="<i2").tobytes()).decode()
    short = b64encode(np.arange(3, dtype="<i2").tobytes()).decode()

    def read(**vectors: str) -> object:
        return vectors_of(Centroids(data="0" * 64, vectors=vectors), ("a", "b"))

    assert read(a=good, b=good) is not None
    assert [read(a=good), read(a=good, b=short), read(a=good, b="!!"), read(a="", b="")] == [None] * 4
