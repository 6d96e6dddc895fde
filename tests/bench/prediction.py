"""The predictor of quality: one prompt, as `classify` asks it, and what its publication weighs."""

import gc
import time

import numpy as np

from routing.predictor import Predictor
from routing.quality_artefact import decoded, encoded
from routing.quality_features import features_of
from routing.quality_training import train
from tests.bench.figures import Row, Section, microseconds, percentile
from tests.bench.prompts import prompts

_MODELS = 9
_KINDS = 14


def predicted(count: int = 2000) -> Section:
    """Train on made-up scores of the mixed prompts, then time predictions of others, short and long."""
    taught, asked = prompts(count, seed=1), prompts(count, seed=2)
    scores = np.random.default_rng(0).random((len(taught), _MODELS))
    kinds = [f"kind{number % _KINDS}" for number in range(len(taught))]
    names = tuple(f"model{number}" for number in range(_MODELS))
    artefact, content = encoded(train([features_of(text) for text in taught], scores, names, kinds=kinds))
    started = time.thread_time()
    model = decoded(artefact, content, {})
    seconds = time.thread_time() - started
    predictor = Predictor("bench@1", model, tuple((name, index) for index, name in enumerate(names)), 0.0, 1.0)
    long = [(text * (64_000 // len(text) + 1))[:64_000] for text in asked[:200]]
    gc.collect()
    gc.disable()
    try:
        mixed = microseconds(lambda i: predictor.predictions(asked[i]), len(asked))
        longer = microseconds(lambda i: predictor.predictions(long[i]), len(long))
    finally:
        gc.enable()
    rows = [
        Row("one prompt p50, us", f"{percentile(mixed, 0.5):,.0f}", "300"),
        Row("one prompt p99, us", f"{percentile(mixed, 0.99):,.0f}"),
        Row(
            "16,000 tokens p50 / p99, us",
            f"{percentile(longer, 0.5):,.0f} / {percentile(longer, 0.99):,.0f}",
            "",
            "a sample of 6,000 characters is read",
        ),
        Row("characters in the log", f"{len(content):,}", "1,500,000"),
        Row("to decode it, once, ms", f"{1000 * seconds:,.0f}"),
    ]
    method = (
        f"{count:,} prompts of the mix above, {_MODELS} models, {_KINDS} kinds, default settings; one core, no I/O; "
        "CPU time of the thread. Added to `classify` for tenants whose router names a predictor."
    )
    return Section("Expected quality of every model for a prompt", method, rows)


if __name__ == "__main__":
    for row in predicted().rows:
        print(f"{row.what}: {row.figure}")
