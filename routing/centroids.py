"""Centroids of clusters: the mean direction of their examples in whole numbers, and the hash of what they come from."""

import hashlib
import json
from typing import Final

import numpy as np

from routing.encoder import Encoder, Vector, packed, unit, unpacked
from routing.text import sample
from schemas.control_clusters import Centroids, ClustersDocument

_FORM: Final = 1
"""Raised when centroids of the same examples would be other vectors."""


def sampled(prompt: str) -> str:
    """Return what encoders read of a prompt: the sample that all signals are read from, in lower case."""
    return sample(prompt).lower()


def data_hash(document: ClustersDocument, encoder: str) -> str:
    """Return the SHA-256 of encoder and examples; the order of clusters and examples does not count."""
    examples = {name: sorted(cluster.examples) for name, cluster in document.clusters.items()}
    content = [_FORM, encoder, examples]
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def centroids_of(document: ClustersDocument, encoder: Encoder) -> Centroids:
    """Return the centroids of all clusters: the sum of the examples' normalised vectors, normalised."""
    vectors: dict[str, str] = {}
    for name, cluster in document.clusters.items():
        total = np.zeros(encoder.dimension, dtype=np.int64)
        for example in cluster.examples:
            total += unit(encoder.encode(sampled(example)))
        vectors[name] = packed(unit(total))
    return Centroids(data=data_hash(document, encoder.id), vectors=vectors)


def vectors_of(centroids: Centroids, names: tuple[str, ...]) -> Vector | None:
    """Return the vectors of clusters (clusters, dimension), or None: one is missing, or they are of several lengths."""
    read = [unpacked(centroids.vectors.get(name, "")) for name in names]
    parts = [part for part in read if part is not None]
    if len(parts) != len(names) or len({len(part) for part in parts}) != 1:
        return None
    return np.stack(parts)


def rebuilt(document: ClustersDocument, encoder: Encoder) -> ClustersDocument:
    """Return a document with the centroids of an encoder; those of others stay where they are of the same examples."""
    others = {
        name: centroids
        for name, centroids in document.centroids.items()
        if name != encoder.id and centroids.data == data_hash(document, name)
    }
    centroids = {**others, encoder.id: centroids_of(document, encoder)}
    return document.model_copy(update={"centroids": dict(sorted(centroids.items()))})


def with_example(document: ClustersDocument, cluster: str, example: str) -> ClustersDocument:
    """Return a document with one more example."""
    known = document.clusters[cluster]
    longer = {**known.model_dump(), "examples": (*known.examples, example)}
    changed = document.model_dump() | {"clusters": {**document.model_dump()["clusters"], cluster: longer}}
    return ClustersDocument.model_validate(changed)
