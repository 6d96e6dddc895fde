"""The toy clusters with an embedding model as their encoder; vectors are those of the simulated provider."""

from collections.abc import Mapping
from typing import Any

from providers.simulated.openai_embeddings import vector_of
from routing.centroids import rebuilt, sampled
from routing.encoder import Vector, quantised
from schemas.control_clusters import ClustersDocument
from tests.unit.routing.toy_encoder import document

MODEL = "text-embedding-3-small"
DIMENSIONS = 256


class SimulatedEncoder:
    """What the simulated provider says of any text (``routing.encoder.Encoder``)."""

    exact = False
    id = f"{MODEL}-{DIMENSIONS}"
    dimension = DIMENSIONS

    def encode(self, text: str) -> Vector:
        """Return the vector of a text."""
        return quantised(vector_of(sampled(text), DIMENSIONS).tolist())


def embedded_clusters(**embedding: Any) -> ClustersDocument:
    """Return the toy clusters with their centroids; ``embedding`` are fields beside model and dimensions."""
    values: Mapping[str, Any] = document().model_dump(mode="json")
    encoder = SimulatedEncoder()
    named = {"model": MODEL, "dimensions": DIMENSIONS, **embedding}
    return rebuilt(
        ClustersDocument.model_validate({**values, "encoder": encoder.id, "embedding": named, "centroids": {}}), encoder
    )
