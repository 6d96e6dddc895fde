"""Task clusters: examples of similar prompts, the centroids computed from them, the models preferred (SPEC R6, F3)."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.classification import TaskType
from schemas.control_base import DocumentBase, Milliseconds, ModelId, ModelReference, Share, Strict
from schemas.control_taxonomy import Phrase
from schemas.money import Usd
from schemas.vector import PackedVector

ClusterName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
EncoderId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,101}$")]
"""An encoder with the version of its weights and arithmetic; two encoders of one id give the same vectors."""
Example = Annotated[str, StringConstraints(min_length=1, max_length=400)]
Pattern = Annotated[str, StringConstraints(min_length=2, max_length=80)]
"""Words in their order; ``...`` stands for up to six words between them, ``*`` at the end of a word for any ending."""


class Cluster(Strict):
    """One kind of prompt, and which models it prefers."""

    description: str
    because: Annotated[str, StringConstraints(min_length=3, max_length=200)]
    """Completes "because ..." where the cluster decides; shown to people."""
    types: tuple[TaskType, ...] = ()
    """Types of work that such prompts ask for; no type belongs to two clusters."""
    models: tuple[ModelReference, ...] = ()
    """Preferred models, the first most."""
    cost_tier: Literal["economy", "standard", "premium"] = "standard"
    examples: Annotated[tuple[Example, ...], Field(min_length=1, max_length=500)]
    """What the centroid is computed from; 50 to 100 are a good number."""
    keywords: Annotated[tuple[Phrase, ...], Field(max_length=200)] = ()
    patterns: Annotated[tuple[Pattern, ...], Field(max_length=50)] = ()


class Threshold(Strict):
    """When the best cluster counts: far enough from nothing, and from the second best."""

    score: Share = 0.25
    margin: Share = 0.06


class Centroids(Strict):
    """Centroids of one encoder: vectors of length 2^14, little-endian 16-bit integers in base64."""

    data: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of the encoder's id and the examples (``routing.centroids.data_hash``)."""
    vectors: dict[ClusterName, PackedVector]


class Embedding(Strict):
    """A model of the catalog that makes the vectors: it is asked about each new text, like an adviser (SPEC R6, B9)."""

    model: ModelId
    dimensions: Annotated[int, Field(ge=8, le=4096)] = 512
    """Length of the vectors that are asked for."""
    timeout_ms: Milliseconds = 1_000
    """Longest wait; then the local tiers decide."""
    max_cost: Annotated[Usd, Field(gt=0)] = 1_000_000_000
    """Dollars that one embedding may cost at most."""
    cache_ttl_ms: Milliseconds = 86_400_000
    """How long the vector of a text counts for further requests of the same tenant."""

    @property
    def encoder(self) -> str:
        """The id of the encoder that this is."""
        return f"{self.model}-{self.dimensions}"


class ClustersDocument(DocumentBase):
    """Clusters and how prompts are compared with them; formulas in ``routing/clusters.py`` and ``routing/blend.py``."""

    kind: Literal["clusters"] = "clusters"
    encoder: EncoderId
    embedding: Embedding | None = None
    """Who makes the vectors where no encoder of this machine does; ``encoder`` is then its model and dimensions."""
    threshold: Threshold = Threshold()
    evidence: Share = 0.1
    """What a keyword or pattern adds to the cosine, twice at most."""
    unsure_below: Share = 0.5
    """A classification less sure than this is unsure: clusters that are read ``when: unsure`` are read then."""
    blend: Annotated[float, Field(ge=0, le=20)] = 0
    """How strongly the scores move the types of an unsure classification; 0: not at all."""
    clusters: Annotated[dict[ClusterName, Cluster], Field(min_length=2, max_length=32)]
    centroids: dict[EncoderId, Centroids] = {}
    """Written by ``pointsman clusters rebuild``; those of another encoder, or of other examples, are not used."""

    @model_validator(mode="after")
    def _embedding_is_the_encoder(self) -> Self:
        if self.embedding is None:
            return self
        if self.encoder != self.embedding.encoder:
            message = f"the encoder of this embedding is called {self.embedding.encoder}"
            raise ValueError(message)
        if self.blend:
            raise ValueError("blend is 0 with an embedding: its scores come after the classification")
        return self

    @model_validator(mode="after")
    def _no_type_twice(self) -> Self:
        named = [kind.value for cluster in self.clusters.values() for kind in cluster.types]
        twice = sorted({kind for kind in named if named.count(kind) > 1})
        if twice:
            message = f"a type of work belongs to one cluster at most; to two belong: {twice}"
            raise ValueError(message)
        return self
