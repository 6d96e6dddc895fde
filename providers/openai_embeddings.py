"""The OpenAI embeddings format: ``POST /embeddings``, one vector for each text; usage counts the input alone. Pure."""

from math import isfinite
from typing import Any

import orjson

from providers import wire
from providers.accumulate import BYTES_PER_TOKEN
from providers.base import EmbeddingRequest
from providers.transport import HttpRequest, HttpResponse
from schemas.usage import Usage


def build(request: EmbeddingRequest) -> HttpRequest:
    """Return the HTTP request; vectors are asked for as numbers, which every compatible server sends."""
    body = {
        "model": request.provider_model,
        "input": list(request.texts),
        "dimensions": request.dimensions,
        "encoding_format": "float",
    }
    return HttpRequest(path="/embeddings", body=orjson.dumps(body))


def vectors_of(body: wire.Object, response: HttpResponse, request: EmbeddingRequest) -> tuple[tuple[float, ...], ...]:
    """Return the vectors in the order of the texts, or raise: one is missing, or not as long as asked for."""
    found: dict[int, tuple[float, ...]] = {}
    for place, item in enumerate(wire.objects(body.get("data"))):
        vector = _vector(item.get("embedding"))
        if vector is None or len(vector) != request.dimensions:
            raise wire.malformed("the answer has a vector of another length than asked for", response)
        index = wire.whole(item.get("index"))
        found[place if index is None else index] = vector
    if sorted(found) != list(range(len(request.texts))):
        raise wire.malformed("the answer has not one vector for each text", response)
    return tuple(found[index] for index in range(len(request.texts)))


def estimated_usage(request: EmbeddingRequest) -> Usage:
    """Return what the texts will have used, where the provider does not say."""
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in request.texts)
    return Usage(input_tokens=-(-size // BYTES_PER_TOKEN), estimated=True)


def _vector(value: Any) -> tuple[float, ...] | None:
    if not isinstance(value, list):
        return None
    numbers: list[Any] = value
    if not all(isinstance(one, int | float) and not isinstance(one, bool) and isfinite(one) for one in numbers):
        return None
    return tuple(float(one) for one in numbers)
