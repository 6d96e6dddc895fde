"""A small encoder with made-up weights, and clusters in its words: exact, instant, without any installed weights."""

from collections.abc import Sequence
from zlib import crc32

import numpy as np

from routing.centroids import rebuilt
from routing.static_encoder import StaticEncoder
from schemas.control_clusters import Cluster, ClustersDocument

ROWS = 512
DIMENSION = 24


def pieces(words: Sequence[str]) -> list[list[int]]:
    """Return one row per word and one per letter, as hashes say."""
    return [[crc32(word.encode()) % ROWS, *(crc32(letter.encode()) % ROWS for letter in word)] for word in words]


def toy(name: str = "toy-24-v1", seed: int = 5) -> StaticEncoder:
    """Return the encoder."""
    table = np.random.default_rng(seed).integers(-32_767, 32_768, (ROWS, DIMENSION)).astype(np.int16)
    return StaticEncoder(name, table, pieces)


FOOD = ("boil the rice", "salt the soup", "bake bread with rye", "the soup needs salt and rice")
RAIL = ("oil the points", "couple the wagons", "signal at danger", "the wagons wait at the signal")
WEATHER = ("rain tomorrow", "wind from the west", "frost at night", "rain and wind at night")


def document(encoder: StaticEncoder | None = None, **fields: object) -> ClustersDocument:
    """Return three clusters with the centroids of an encoder."""
    made = ClustersDocument.model_validate(
        {
            "kind": "clusters",
            "name": "toys",
            "encoder": "toy-24-v1",
            "clusters": {
                "food": cluster(FOOD, types=["creative"], models=["claude-haiku-4.5"], keywords=["soup*"]),
                "rail": cluster(RAIL, types=["planning", "debugging"], models=["gpt-4o", "claude-sonnet-4"]),
                "weather": cluster(WEATHER, types=["factual"]),
            },
            **fields,
        }
    )
    return rebuilt(made, encoder or toy())


def cluster(examples: Sequence[str], **fields: object) -> Cluster:
    """Return a cluster of examples."""
    return Cluster.model_validate({"description": "d", "because": "it is so", "examples": examples, **fields})
