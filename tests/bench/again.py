"""Deciding again: from the decision cache, and a whole history under another router as arrays; no broker, no I/O."""

import gc
import time
from datetime import UTC, datetime
from functools import partial

from routing.catalog import CompiledConfig, compile_config
from routing.classify import classify
from routing.decide import decide, ruling_of
from routing.decision_cache import cache_key, kept_choice
from routing.request_facts import facts_of
from routing.rescore import rescore
from routing.rescore_table import Past, PastTable
from routing.tenant_policy import TenantPolicy
from schemas.control import DOCUMENT
from schemas.decision import Choice, View
from tests.bench.core import requests_of
from tests.bench.figures import Row, Section, microseconds, percentile
from tests.bench.prompts import prompts
from tests.documents import documents, tenant

_NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def again(count: int = 20_000) -> Section:
    """Time decisions that are kept, and the re-decision of a history: building its table, then scoring a router."""
    ordinary, cached = _policy({}), _policy({"cache": {}})
    pasts = [
        Past(facts_of(request), classify(request, ordinary[0]), View(), _NOW) for request in requests_of(prompts(count))
    ]
    few = pasts[: count // 10]
    kept = [_kept(past, cached[1]) for past in few]
    afresh = microseconds(partial(_decided, few, ordinary[1]), len(few))
    repeated = microseconds(partial(_decided, kept, cached[1]), len(kept))
    keyed = microseconds(partial(_keyed, kept, cached[1]), len(kept))
    gc.collect()
    before = time.thread_time()
    table = PastTable(pasts)
    built = time.thread_time() - before
    before = time.thread_time()
    result = rescore(table, ordinary[1])
    scored = time.thread_time() - before
    one_by_one = percentile(afresh, 0.5)
    rows = [
        Row("a kept decision p50 / p99, us", _two(repeated), "20", f"{percentile(repeated, 0.5) / one_by_one:.2f}x"),
        Row("its key p50 / p99, us", _two(keyed)),
        Row("a decision afresh p50 / p99, us", _two(afresh), "", "the baseline"),
        Row(
            "re-decisions/s of a core, another router on a table of the past",
            f"{count / scored:,.0f}",
            "50,000",
            f"{one_by_one * count / scored / 1e6:.1f}x as many as one by one",
        ),
        Row("rows of the table built/s, once for all routers", f"{count / built:,.0f}"),
        Row("rows decided one by one, since arrays cannot", f"{result.one_by_one.mean():.1%}"),
    ]
    method = f"{count:,} prompts as in the section above, {len(ordinary[1].models)} models; CPU time of the thread."
    return Section("Deciding again", method, rows)


def _policy(fields: dict[str, object]) -> tuple[CompiledConfig, TenantPolicy]:
    router = DOCUMENT.validate_python({"kind": "policy", "name": "bench", **fields})
    listed = (*documents(tenant("bench", policy="bench", budget={"daily": 1_000_000})), router)
    config = compile_config({document.document_key: document for document in listed})
    policy = config.tenant("bench")
    assert policy is not None
    return config, policy


def _kept(past: Past, policy: TenantPolicy) -> Past:
    choice = decide(past.facts, past.task, past.view, policy, past.now)
    assert isinstance(choice, Choice)
    return Past(past.facts, past.task, View(cached=kept_choice(choice)), past.now)


def _decided(pasts: list[Past], policy: TenantPolicy, index: int) -> object:
    past = pasts[index]
    return decide(past.facts, past.task, past.view, policy, past.now)


def _keyed(pasts: list[Past], policy: TenantPolicy, index: int) -> object:
    past = pasts[index]
    return cache_key(past.facts, past.task, past.view, policy, ruling_of(past.facts, past.task, policy))


def _two(times: list[float]) -> str:
    return f"{percentile(times, 0.5):,.0f} / {percentile(times, 0.99):,.0f}"
