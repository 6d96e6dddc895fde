"""Model statistics: sums that no order can change, each event once."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from routing.fence import RECENT, Mark, is_new, marked
from routing.histogram import bucket_of, observed, quantile
from routing.statistics import StatisticsEvent, fold_statistics, task_type_of
from routing.statistics_view import merge
from schemas.feedback import StatisticsState
from schemas.outcome import OutcomeRated
from schemas.provider_call import CallFailed, CallFinished, CallUnknown
from schemas.usage import Usage

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENVELOPE: dict[str, Any] = {"id": "e", "occurred_at": NOW, "tenant": "acme", "user": "ana", "request_id": "r-1"}
CALL: dict[str, Any] = {
    **ENVELOPE,
    "decision_id": "d",
    "attempt": 1,
    "attempt_id": "a",
    "instance": "x-0",
    "incarnation": 1,
    "provider": "p",
    "task_type": "debugging",
    "tier": 2,
}


def rated(rating: float, model: str = "m1") -> OutcomeRated:
    return OutcomeRated(**ENVELOPE, model=model, rating=rating)


def finished(model: str = "m1", **changes: Any) -> CallFinished:
    fields: dict[str, Any] = {"usage": Usage(input_tokens=10, output_tokens=5), "cost": 7, "latency_ms": 100, **changes}
    return CallFinished(**CALL, model=model, **fields)


def failed(category: str = "server_error", model: str = "m1") -> CallFailed:
    return CallFailed(**CALL, model=model, category=category, billed="no", terminal=True)


def unknown(model: str = "m1") -> CallUnknown:
    return CallUnknown(**CALL, model=model, reason="timeout")


def model_row(partition: int = 0) -> StatisticsState:
    return StatisticsState(version=0, partition=partition, model="m1", task_type="debugging", updated_at=NOW)


def summed(events: Sequence[StatisticsEvent], partition: int = 0) -> StatisticsState:
    row = model_row(partition)
    for event in events:
        row = fold_statistics(row, event, NOW)
    return row


statistics_events = st.lists(
    st.one_of(
        st.builds(finished, latency_ms=st.integers(0, 10**9), cost=st.integers(0, 10**12)),
        st.builds(finished, cancelled=st.sampled_from([True])),
        st.builds(failed, st.sampled_from(["server_error", "timeout", "not_sent", "invalid_request", "cancelled"])),
        st.builds(unknown),
        st.builds(rated, st.floats(0, 1)),
    ),
    max_size=40,
)


@given(statistics_events, st.randoms(use_true_random=False), st.integers(1, 5))
def test_statistics_do_not_depend_on_order_or_partition(
    events: list[StatisticsEvent], shuffler: random.Random, partitions: int
) -> None:
    """However events are spread over partitions and ordered, readers see the same statistics."""
    shares: list[list[StatisticsEvent]] = [[] for _ in range(partitions)]
    for event in events:
        shuffler.choice(shares).append(event)
    rows = [summed(share, partition) for partition, share in enumerate(shares)]
    shuffler.shuffle(rows)
    assert merge(rows) == merge([summed(events)])


@given(statistics_events)
def test_a_call_is_counted_as_one_thing(events: list[StatisticsEvent]) -> None:
    """Calls are the sum of successes, failures and unknowns; latencies are as many as successes."""
    row = summed(events)
    assert row.calls == row.successes + row.failures + row.unknowns
    assert sum(row.latency_buckets.values()) == row.successes


def test_failures_that_are_not_the_models_do_not_count() -> None:
    """A call that was never sent, was cancelled or was wrongly asked says nothing about the model."""
    row = model_row()
    assert fold_statistics(row, failed("not_sent"), NOW) is row
    assert fold_statistics(row, finished(cancelled=True), NOW) is row
    assert summed([failed("timeout")]).failures == 1


def test_rows_can_be_weighed_by_age() -> None:
    """Forgetting is a weight on a row: an old row of half the weight counts half (reference: additive sums)."""
    old = summed([finished()] * 4 + [unknown()] * 4)
    new = summed([finished()] * 4).model_copy(update={"updated_at": NOW + timedelta(days=30)})
    view = merge([old, new], lambda row: 0.5 if row.updated_at == NOW else 1.0)
    assert (view.calls, view.success_rate) == (8, 0.75)


def test_nothing_observed_is_none_and_not_zero() -> None:
    """Without observations means and quantiles are None."""
    view = merge([])
    assert (view.calls, view.success_rate, view.rating, view.latency_p50_ms, view.latency_p95_ms) == (0, *[None] * 4)


@given(st.lists(st.integers(1, 3_000_000), min_size=1, max_size=300), st.floats(0.01, 1))
def test_quantiles_are_within_a_bucket_of_the_true_ones(latencies: list[int], q: float) -> None:
    """A quantile from buckets is less than one quarter octave (19 %) from the exact one."""
    buckets: dict[int, int] = {}
    for latency in latencies:
        buckets = observed(buckets, latency)
    estimate = quantile(buckets, q)
    assert estimate is not None
    exact = sorted(latencies)[max(0, -int(-q * len(latencies) // 1) - 1)]
    assert estimate / exact <= 2**0.25 + 1e-3
    assert exact / estimate <= 2**0.25 + 1e-3


def test_buckets_are_ordered_and_open_at_the_end() -> None:
    """Longer never falls into a lower bucket; the longest fall into the last."""
    buckets = [bucket_of(latency) for latency in (0, 1, 2, 3, 4, 100, 1_000, 60_000, 10**15)]
    assert buckets[0] == buckets[1] == 0
    assert buckets[-1] == 127
    assert all(one <= other for one, other in pairwise(buckets))


@given(
    st.lists(st.tuples(st.sampled_from(["outcomes", "overrides"]), st.integers(0, 30)), max_size=60),
    st.integers(0, 60),
)
def test_redelivery_changes_nothing(inputs: list[tuple[str, int]], again_from: int) -> None:
    """Reading a stretch of the log again after a crash folds nothing twice (offset fence)."""
    log = {(topic, offset): rated(0.5) for topic, offset in inputs}
    deliveries = sorted(log) + sorted(log)[again_from:]

    def deliver(row: StatisticsState, places: list[tuple[str, int]]) -> StatisticsState:
        for topic, offset in places:
            mark = Mark(topic, offset, f"{topic}-{offset}")
            if is_new(row, mark):
                row = fold_statistics(row, log[topic, offset], NOW).model_copy(update=marked(row, mark))
        return row

    assert deliver(model_row(), deliveries) == deliver(model_row(), sorted(log))


def test_an_event_written_twice_counts_once() -> None:
    """A client that publishes one event again (two offsets, one id) is heard once; memory for that is bounded."""
    row = model_row()
    for offset in range(200):
        mark = Mark("outcomes", offset, f"id-{offset // 2}")
        if is_new(row, mark):
            row = fold_statistics(row, rated(1.0), NOW).model_copy(update=marked(row, mark))
    assert row.ratings == 100
    assert len(row.recent) == RECENT


def test_clients_cannot_invent_task_types() -> None:
    """A task type outside the taxonomy is general (R8)."""
    assert (task_type_of("debugging"), task_type_of("evil" * 16)) == ("debugging", "general")
