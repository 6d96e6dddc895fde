"""Task clusters, compiled: how close a prompt is to each, and which of them counts (SPEC R6). Pure, exact.

    score[k] = cos(prompt, centroid k) + evidence * min(2, keywords and patterns of k that occur)

A cluster counts when its score reaches ``threshold.score`` and is at least ``threshold.margin`` above the second best:
on written examples the margin tells far better than the score whether the first is right (docs/clusters.md).
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol

from routing.build import build
from routing.centroids import data_hash, vectors_of
from routing.cluster_words import ClusterWords
from routing.encoder import GRID, Encoder, Vector, cosine, unit
from schemas.cluster_reading import ClusterReading
from schemas.control_clusters import ClustersDocument
from schemas.control_policy import ClusterUse, PolicyDocument, Rule, When

_NO_RULES: Final[tuple[Rule, ...]] = ()


class ClusterReader(Protocol):
    """Where scores come from: live an encoder, in replay the stored classification. None: there are none."""

    def __call__(self, clusters: str, text: str, /) -> ClusterReading | None:
        """Return the scores of what ``centroids.sampled`` makes of a prompt; ``clusters`` is ``name@version``."""
        ...


class Match(NamedTuple):
    """The cluster that counts and its score; (None, None) where none does."""

    cluster: str | None
    score: float | None


NO_MATCH: Final = Match(None, None)


class ClusterTable:
    """One document, ready to compare with. ``fault`` says why it cannot be used; None: it can."""

    def __init__(self, document: ClustersDocument) -> None:
        """Index words, decode centroids, and look whether they are those of the examples."""
        self.document = document
        self.reference = document.reference
        self.encoder = document.encoder
        self.embedding = document.embedding
        """Who is asked for the vector of a text; None: an encoder of this machine reads it."""
        self.names = tuple(document.clusters)
        self.cluster_of: Mapping[str, str] = {
            kind.value: name for name, cluster in document.clusters.items() for kind in cluster.types
        }
        """Type of work -> the cluster of such prompts."""
        self.fault: str | None = None
        self._words = ClusterWords(document.clusters)
        self._evidence = round(document.evidence * GRID)
        self._least = round(document.threshold.score * GRID)
        self._margin = round(document.threshold.margin * GRID)
        self._centroids = self._vectors(document)
        self._squares = [] if self._centroids is None else [int(row @ row) for row in self._centroids]

    def _vectors(self, document: ClustersDocument) -> Vector | None:
        stored = document.centroids.get(document.encoder)
        if stored is None:
            self.fault = f"it has no centroids of {document.encoder}"
            return None
        if stored.data != data_hash(document, document.encoder):
            self.fault = f"its centroids of {document.encoder} are not those of its examples"
            return None
        found = vectors_of(stored, self.names)
        if found is None:
            self.fault = f"its centroids of {document.encoder} cannot be read"
        return found

    def read(self, text: str, encoder: Encoder) -> ClusterReading | None:
        """Return the scores of a text as ``centroids.sampled`` gives it; None where encoder or centroids do not fit."""
        if self._centroids is None or encoder.id != self.encoder:
            return None
        return self.read_vector(text, encoder.encode(text))

    def read_vector(self, text: str, vector: Vector) -> ClusterReading | None:
        """Return the scores of a text whose vector is there already."""
        return self.weigh(vector, self.hits(text))

    def hits(self, text: str) -> list[int]:
        """Return per cluster how many of its keywords and patterns occur in a text: all that scores need of it."""
        return self._words.hits(text)

    def weigh(self, vector: Vector, hits: Sequence[int]) -> ClusterReading | None:
        """Return the scores of a vector that came with an event, and of the hits that its text had."""
        if self._centroids is None or self._centroids.shape[1] != len(vector) or len(hits) != len(self.names):
            return None
        direction = unit(vector)
        square = int(direction @ direction)
        products: list[int] = (self._centroids @ direction).tolist()
        scores = {
            name: (cosine(product, own * square) + self._evidence * count) / GRID
            for name, product, own, count in zip(self.names, products, self._squares, hits, strict=True)
        }
        return build(ClusterReading, {"clusters": self.reference, "encoder": self.encoder, "scores": scores})

    def match(self, reading: ClusterReading) -> Match:
        """Return the cluster that counts; of equals the first in the document is the best, and none counts."""
        best, first, second = None, -GRID, -GRID
        for name, value in reading.scores.items():
            score = round(value * GRID)
            if score > first:
                best, first, second = name, score, first
            elif score > second:
                second = score
        if best is None or first < self._least or first - second < self._margin:
            return NO_MATCH
        return Match(best, first / GRID)


class ClusterPlan(NamedTuple):
    """What a policy does with clusters: the table it names, and whether only unsure classifications ask it."""

    table: ClusterTable
    always: bool

    def asked(self, confidence: float) -> bool:
        """Return whether a classification of this confidence asks for scores."""
        return self.always or confidence < self.table.document.unsure_below


def plan_of(policy: PolicyDocument, table: ClusterTable | None) -> ClusterPlan | None:
    """Return the plan of a policy, or None: it names no clusters, or none that are published."""
    use = policy.clusters
    return None if use is None or table is None else ClusterPlan(table, use.when == "always")


def rules_of(policy: PolicyDocument, table: ClusterTable | None) -> tuple[Rule, ...]:
    """Return the rules that the clusters stand for: one of layer ``cluster`` for each that prefers models."""
    use = policy.clusters
    if use is None or table is None or use.effect == "none":
        return _NO_RULES
    return tuple(_rule(use, use.effect, name, table) for name in table.names if table.document.clusters[name].models)


def _rule(use: ClusterUse, effect: Literal["lock", "restrict", "boost"], name: str, table: ClusterTable) -> Rule:
    cluster = table.document.clusters[name]
    return Rule(
        name=f"cluster-{name}",
        layer="cluster",
        when=When(cluster=(name,)),
        effect=effect,
        models=cluster.models,
        boost=use.boost,
        because=cluster.because,
    )
