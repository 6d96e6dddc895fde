"""The pure core: classify and decide, by percentile and by prompt length; no broker, no I/O."""

import gc
from datetime import UTC, datetime
from functools import partial

from routing.catalog import CompiledConfig, compile_config
from routing.classify import classify
from routing.decide import decide
from routing.request_facts import facts_of
from schemas.decision import View
from schemas.request import MAX_INLINE_BYTES, Attachment, RequestReceived
from tests.bench.figures import Row, Section, microseconds, percentile
from tests.bench.prompts import prompts
from tests.documents import documents, tenant

_NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def requests_of(texts: list[str]) -> list[RequestReceived]:
    """Return a request for each prompt; what is too long for an event lies beside it, as clients send it."""
    return [
        RequestReceived(
            id=f"e{i}",
            request_id=f"r{i}",
            tenant="bench",
            occurred_at=_NOW,
            user=f"u{i % 50}",
            prompt=text[:MAX_INLINE_BYTES],
            attachments=_rest(text[MAX_INLINE_BYTES:]),
        )
        for i, text in enumerate(texts)
    ]


def _rest(text: str) -> tuple[Attachment, ...]:
    return (Attachment(kind="document", reference="rest", media_type="text/plain", length=len(text)),) if text else ()


def _classify(requests: list[RequestReceived], config: CompiledConfig, index: int) -> object:
    return classify(requests[index], config)


def pure(count: int = 4000) -> Section:
    """Time classify, decide and both over the mixed prompts, then classify over long ones."""
    listed = documents(tenant("bench", budget={"daily": 1_000_000}))
    config = compile_config({document.document_key: document for document in listed})
    policy = config.tenant("bench")
    assert policy is not None
    requests = requests_of(prompts(count))
    facts = [facts_of(request) for request in requests]
    tasks = [classify(request, config) for request in requests]
    view = View()
    gc.collect()
    gc.disable()
    try:
        classified = microseconds(lambda i: classify(requests[i], config), count)
        decided = microseconds(lambda i: decide(facts[i], tasks[i], view, policy, _NOW), count)
        both = microseconds(lambda i: decide(facts[i], classify(requests[i], config), view, policy, _NOW), count)
        nothing = microseconds(lambda i: requests[i].prompt, count)
    finally:
        gc.enable()
    rows = [
        Row("classify + decide p50, us", f"{percentile(both, 0.5):,.0f}", "100"),
        Row("classify + decide p99, us", f"{percentile(both, 0.99):,.0f}", "1,000"),
        Row("classify p50 / p99, us", f"{percentile(classified, 0.5):,.0f} / {percentile(classified, 0.99):,.0f}"),
        Row("decide p50 / p99, us", f"{percentile(decided, 0.5):,.0f} / {percentile(decided, 0.99):,.0f}"),
        Row("an empty call, p50, us", f"{percentile(nothing, 0.5):.2f}", "", "the floor of the clock"),
    ]
    for tokens, some in ((2_000, 200), (16_000, 200), (200_000, 40)):
        clipped = requests_of([(text * (tokens * 4 // len(text) + 1))[: tokens * 4] for text in prompts(some, seed=3)])
        times = microseconds(partial(_classify, clipped, config), len(clipped))
        rows.append(
            Row(
                f"classify at {tokens:,} tokens p50 / p99, us",
                f"{percentile(times, 0.5):,.0f} / {percentile(times, 0.99):,.0f}",
            )
        )
    models = len(policy.models)
    method = (
        f"{count:,} prompts, 120 tokens in the median, one in twenty of 2,000; {models} models in the catalog; "
        "one core, no I/O; CPU time of the thread. Beyond 64 KiB a text lies beside the event, by reference."
    )
    return Section("The pure core", method, rows)
