"""The OpenAI embeddings format, from the server's side; vectors are sums of signs that each word stands for."""

from base64 import b64encode
from hashlib import shake_256
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from providers.simulated.answers import tokens_of
from providers.simulated.openai_wire import OpenAIWire, invalid
from providers.simulated.plan import Plan, SimulatedCall
from providers.simulated.wire import Headers, dollars, read_object

_DIMENSIONS = 1536
_MOST_DIMENSIONS = 4096
_MOST_TEXTS = 2048


class OpenAIEmbeddingsWire(OpenAIWire):
    """``POST /v1/embeddings``; failures are those of the chat format."""

    def read(self, headers: Headers, body: bytes) -> SimulatedCall:
        """Return the call."""
        request = read_object(body)
        if request is None:
            raise invalid("the body is not a JSON object", None)
        model, dimensions = request.get("model"), request.get("dimensions", _DIMENSIONS)
        if not isinstance(model, str) or not model:
            raise invalid("model is required", "missing_required_parameter")
        if not isinstance(dimensions, int) or not 0 < dimensions <= _MOST_DIMENSIONS:
            raise invalid(f"dimensions is a whole number up to {_MOST_DIMENSIONS}", "invalid_type")
        texts = _texts(request.get("input"))
        return SimulatedCall(
            model=model,
            input_tokens=sum(tokens_of(text) for text in texts),
            earlier_tokens=0,
            max_output_tokens=0,
            texts=texts,
            dimensions=dimensions,
            base64=request.get("encoding_format") == "base64",
            task_type=headers.get(b"x-pointsman-task-type", b"").decode("latin-1") or None,
        )

    def answer(self, call: SimulatedCall, plan: Plan, call_id: str, *, cost: bool) -> bytes:
        """Return the vectors."""
        del call_id  # in a header: the format has no place for it
        usage: dict[str, Any] = {"prompt_tokens": plan.bill.input_tokens, "total_tokens": plan.bill.input_tokens}
        data = [
            {"object": "embedding", "index": index, "embedding": _written(vector_of(text, call.dimensions), call)}
            for index, text in enumerate(call.texts)
        ]
        usage |= {"cost": dollars(plan.bill)} if cost else {}
        return orjson.dumps({"object": "list", "data": data, "model": call.model, "usage": usage})


def vector_of(text: str, dimensions: int) -> npt.NDArray[np.float64]:
    """Return a vector of length 1: texts that share words are close, and a text has the same vector for ever."""
    total = np.zeros(dimensions, dtype=np.int64)
    for word in text.lower().split() or [text]:
        digest = shake_256(word.encode("utf-8", errors="replace")).digest(-(-dimensions // 8))
        total += 2 * np.unpackbits(np.frombuffer(digest, dtype=np.uint8))[:dimensions].astype(np.int64) - 1
    square = int(total @ total)
    return total / (square**0.5 if square else 1.0)


def _written(vector: npt.NDArray[np.float64], call: SimulatedCall) -> Any:
    return b64encode(vector.astype("<f4").tobytes()).decode() if call.base64 else vector.tolist()


def _texts(value: Any) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not 0 < len(texts) <= _MOST_TEXTS:
        raise invalid("input is a text or a list of texts", "missing_required_parameter")
    if not all(isinstance(text, str) and text for text in texts):
        raise invalid("no text of input is empty", "invalid_type")
    return tuple(texts)
