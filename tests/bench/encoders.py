"""The encoders behind tier 3: one prompt at a time, by length, beside the classification of the same prompts."""

import gc
from collections.abc import Callable
from itertools import count

from routing.catalog import CompiledConfig, compile_config
from routing.centroids import rebuilt, sampled
from routing.classify import classify
from routing.clusters import ClusterTable
from routing.encoder import Encoder
from schemas.control_clusters import ClustersDocument
from schemas.request import RequestReceived
from streams import encoders
from streams.cluster_source import EncoderMemo
from tests.bench.core import requests_of
from tests.bench.figures import Row, Section, microseconds, percentile
from tests.bench.prompts import prompts
from tests.documents import documents, tenant

_LENGTHS = (120, 2_000, 200_000)
_CHARACTERS = 4
"""Of a token, about."""
_LONGEST = 65_536
"""Characters that a prompt of a request may have; encoders are given a sample of longer texts all the same."""
_GOAL = {"wordllama-256-v1": "p99 5,000", "minilm-l6-int8-v1": "p99 50,000"}


def tier_3(number: int = 400) -> Section:
    """Time encoding and comparing, for each encoder at hand."""
    listed = documents(tenant("bench"))
    config = compile_config({document.document_key: document for document in listed})
    shipped = next(document for document in listed if isinstance(document, ClustersDocument))
    rows: list[Row] = []
    gc.collect()
    gc.disable()
    try:
        for name in encoders.at_hand():
            encoder = encoders.load(name)
            table = ClusterTable(rebuilt(shipped.model_copy(update={"encoder": name}), encoder))
            rows.extend(_by_length(config, table, encoder, tokens, number) for tokens in _LENGTHS)
            rows.append(_unseen(table, encoder, number))
            rows.append(_remembered(table, EncoderMemo(encoder), number))
    finally:
        gc.enable()
    method = (
        f"{number} prompts of each length, encoded and compared with {len(shipped.clusters)} clusters one by one; the "
        "baseline is `classify` without clusters on the same prompts (of the longest, as much as a request holds); one "
        "core, CPU time of the thread. Of a long prompt the sample is read that all signals are read from."
    )
    return Section("Tier 3: encoders and clusters", method, rows)


def _by_length(config: CompiledConfig, table: ClusterTable, encoder: Encoder, tokens: int, number: int) -> Row:
    long = [_stretched(text, tokens * _CHARACTERS) for text in prompts(number, seed=5)]
    compared = microseconds(lambda index: table.read(sampled(long[index]), encoder), number)
    plain = microseconds(_classifying(requests_of([text[:_LONGEST] for text in long]), config), number)
    ratio = percentile(compared, 0.5) / percentile(plain, 0.5)
    what = f"{encoder.id} at {tokens:,} tokens, p50 / p99, us"
    return Row(what, _pair(compared), _GOAL.get(encoder.id, ""), f"{ratio:.2f}x the time of classification")


def _classifying(requests: list[RequestReceived], config: CompiledConfig) -> Callable[[int], object]:
    return lambda index: classify(requests[index], config)


def _stretched(text: str, length: int) -> str:
    return (text * (length // len(text) + 1))[:length]


def _unseen(table: ClusterTable, encoder: Encoder, number: int) -> Row:
    """Return the worst case: no word was seen before."""
    fresh = count()
    texts = iter([" ".join(f"q{next(fresh):x}z" for _ in range(60)) for _ in range(2 * number)])
    times = microseconds(lambda _: table.read(next(texts), encoder), number)
    return Row(f"{encoder.id}, 60 words never seen before, p50 / p99, us", _pair(times))


def _remembered(table: ClusterTable, memo: EncoderMemo, number: int) -> Row:
    sample = sampled(prompts(1, seed=5)[0])
    times = microseconds(lambda _: table.read(sample, memo), number)
    return Row(f"{memo.id}, a text that the memo knows, p50 / p99, us", _pair(times))


def _pair(times: list[float]) -> str:
    return f"{percentile(times, 0.5):,.0f} / {percentile(times, 0.99):,.0f}"
