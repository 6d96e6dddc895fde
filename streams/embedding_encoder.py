"""An encoder behind an endpoint: its vectors are fetched beforehand, so that centroids are computed without a network.

For commands only. A router never calls anybody: it orders vectors, and executors fetch them (SPEC R6).
"""

import time
from collections.abc import Iterable, Mapping
from uuid import uuid4

import numpy as np

from providers.adapter import HttpAdapter
from providers.base import CallContext, EmbeddingRequest
from providers.endpoint import EndpointConfig
from providers.errors import ProviderError
from providers.keys import KeyReferenceError
from providers.registry import build_adapter
from routing.encoder import Vector, quantised
from schemas.control_clusters import Embedding
from streams.encoder_errors import EncoderUnavailableError

_TEXTS = 64
"""Of one call: far below what a provider takes, with examples of 400 characters."""
_LIMIT_S = 60.0


class FetchedEncoder:
    """The vectors of the texts it was fetched for (``routing.encoder.Encoder``). ``input_tokens``: what they used."""

    exact = False

    def __init__(self, embedding: Embedding, vectors: Mapping[str, Vector], input_tokens: int) -> None:
        """Bind vectors by text."""
        self.id = embedding.encoder
        self.dimension = embedding.dimensions
        self.input_tokens = input_tokens
        self._vectors = vectors

    def encode(self, text: str) -> Vector:
        """Return the vector of a text; zeros for one without content. ``KeyError``: it was not fetched."""
        return self._vectors[text] if text.strip() else np.zeros(self.dimension, dtype=np.int64)


async def fetched(
    embedding: Embedding,
    texts: Iterable[str],
    endpoint: EndpointConfig,
    provider_model: str,
    environ: Mapping[str, str],
) -> FetchedEncoder:
    """Fetch the vectors of texts; raise ``EncoderUnavailableError`` with what helps."""
    wanted = sorted({text for text in texts if text.strip()})
    try:
        adapter = build_adapter(endpoint, environ)
    except KeyReferenceError as error:
        raise EncoderUnavailableError(str(error), "set the key that the provider's document names") from error
    vectors: dict[str, Vector] = {}
    tokens = 0
    try:
        for start in range(0, len(wanted), _TEXTS):
            part = tuple(wanted[start : start + _TEXTS])
            request = EmbeddingRequest(provider_model=provider_model, texts=part, dimensions=embedding.dimensions)
            tokens += await _fetch(adapter, request, vectors)
    except ProviderError as error:
        told = f"{endpoint.name} gave no vectors: {error}"
        raise EncoderUnavailableError(told, "check endpoint, key and model, then run the command again") from error
    finally:
        await adapter.aclose()
    return FetchedEncoder(embedding, vectors, tokens)


async def _fetch(adapter: HttpAdapter, request: EmbeddingRequest, vectors: dict[str, Vector]) -> int:
    context = CallContext(attempt_id=str(uuid4()), deadline=time.monotonic() + _LIMIT_S)
    result = await adapter.embed(request, context)
    vectors.update(zip(request.texts, map(quantised, result.vectors), strict=True))
    return result.usage.input_tokens
