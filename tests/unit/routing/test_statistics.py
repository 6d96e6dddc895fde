"""Feedback folds: sums that no order can change, scores within bounds, each event once."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.fence import RECENT, Mark, is_new, marked
from routing.histogram import bucket_of, observed, quantile
from routing.statistics import (
    MAX_MODELS,
    PreferenceEvent,
    PreferenceWeights,
    StatisticsEvent,
    fold_preference,
    fold_statistics,
    task_type_of,
)
from routing.statistics_view import merge, preference_view
from schemas.feedback import PreferenceState, StatisticsState
from schemas.outcome import OutcomeInferred, OutcomeRated
from schemas.override import OverrideRequested
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


def override(model: str = "m1", from_model: str | None = None) -> OverrideRequested:
    return OverrideRequested(**ENVELOPE, scope="request", model=model, from_model=from_model)


def rated(rating: float, model: str = "m1") -> OutcomeRated:
    return OutcomeRated(**ENVELOPE, model=model, rating=rating)


def inferred(signal: Any, value: float, model: str = "m1") -> OutcomeInferred:
    return OutcomeInferred(**ENVELOPE, model=model, signal=signal, value=value)


def finished(model: str = "m1", **changes: Any) -> CallFinished:
    fields: dict[str, Any] = {"usage": Usage(input_tokens=10, output_tokens=5), "cost": 7, "latency_ms": 100, **changes}
    return CallFinished(**CALL, model=model, **fields)


def failed(category: str = "server_error", model: str = "m1") -> CallFailed:
    return CallFailed(**CALL, model=model, category=category, billed="no", terminal=True)


def unknown(model: str = "m1") -> CallUnknown:
    return CallUnknown(**CALL, model=model, reason="timeout")


def user_row() -> PreferenceState:
    return PreferenceState(version=0, tenant="acme", user="ana", observations=0, models={}, updated_at=NOW)


def model_row(partition: int = 0) -> StatisticsState:
    return StatisticsState(version=0, partition=partition, model="m1", task_type="debugging", updated_at=NOW)


def folded(events: Sequence[PreferenceEvent], weights: PreferenceWeights | None = None) -> PreferenceState:
    row = user_row()
    for event in events:
        row = fold_preference(row, event, NOW, weights or PreferenceWeights())
    return row


def summed(events: Sequence[StatisticsEvent], partition: int = 0) -> StatisticsState:
    row = model_row(partition)
    for event in events:
        row = fold_statistics(row, event, NOW)
    return row


def score(events: Sequence[PreferenceEvent], weights: PreferenceWeights | None = None, model: str = "m1") -> float:
    return folded(events, weights).models[model].score


models = st.sampled_from(["m1", "m2", "m3"])
preference_events = st.lists(
    st.one_of(
        st.builds(override, st.sampled_from(["m1", "m2", "auto"]), st.sampled_from([None, "m2", "m3"])),
        st.builds(rated, st.floats(0, 1), models),
        st.builds(
            inferred,
            st.sampled_from(["regenerated", "conversation_length", "edited", "abandoned", "tool_success"]),
            st.floats(0, 1000),
            models,
        ),
        st.builds(finished, models, forced_by=st.sampled_from([None, "override"]), cancelled=st.booleans()),
    ),
    max_size=40,
)
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


def test_frequent_overrides_to_a_model_boost_it() -> None:
    """More than 30 % of a user's choices going to a model by hand gives it +0.2; exactly 30 % does not (R7)."""
    assert score([override()] * 3 + [finished("m2")] * 7) == pytest.approx(0.5)
    assert score([override()] * 4 + [finished("m2")] * 7) == pytest.approx(0.7)


def test_a_forced_answer_is_no_further_choice() -> None:
    """An answer by a model that was forced does not dilute the frequency: the override itself was the choice (R7)."""
    events: list[PreferenceEvent] = [*[override()] * 4, *[finished("m2")] * 6, finished("m1", forced_by="override")]
    assert folded(events).observations == 10


def test_long_conversations_boost_the_model() -> None:
    """An average conversation length above 10 gives +0.1; 10 does not (R7)."""
    assert score([inferred("conversation_length", 10)]) == pytest.approx(0.5)
    assert score([inferred("conversation_length", 8), inferred("conversation_length", 13)]) == pytest.approx(0.6)


def test_the_sign_of_conversation_length_is_configurable() -> None:
    """Where long conversations are a bad sign, a negative weight lowers the score (R7)."""
    assert score([inferred("conversation_length", 30)], PreferenceWeights(conversation_boost=-0.1)) == pytest.approx(
        0.4
    )


def test_boosts_are_capped_together() -> None:
    """Boosts add up to the cap and not beyond it (R7)."""
    weights = PreferenceWeights(override_boost=0.25, conversation_boost=0.25, boost_cap=0.3)
    assert score([override(), inferred("conversation_length", 30)], weights) == pytest.approx(0.8)


def test_ratings_and_regenerations_move_the_score() -> None:
    """Good ratings raise, bad ratings and regenerations lower, each more with more evidence (R7, U2)."""
    one, many = score([rated(1.0)]), score([rated(1.0)] * 10)
    assert 0.5 < one < many < 0.7
    assert score([rated(0.5)] * 10) == pytest.approx(0.5)
    assert score([rated(0.0)] * 10) == pytest.approx(1 - many)
    again = [inferred("regenerated", 1)]
    assert 0.3 < score(again * 10) < score(again) < 0.5


def test_lifting_an_override_is_no_preference() -> None:
    """An override to "auto" leaves the row as it is (U1)."""
    row = user_row()
    assert fold_preference(row, override("auto"), NOW) is row


def test_a_row_names_a_bounded_number_of_models() -> None:
    """A client that invents model names cannot grow its row without end."""
    row = folded([override(f"m{number}") for number in range(MAX_MODELS + 20)])
    assert len(row.models) == MAX_MODELS


@given(preference_events, st.randoms(use_true_random=False))
def test_preferences_do_not_depend_on_order(events: list[PreferenceEvent], shuffler: random.Random) -> None:
    """The same events in any order give the same row, scores included."""
    shuffled = list(events)
    shuffler.shuffle(shuffled)
    one, other = folded(events), folded(shuffled)
    assert dict(sorted(one.models.items())) == dict(sorted(other.models.items()))
    assert (one.version, one.observations) == (other.version, other.observations)


@given(
    preference_events,
    st.builds(
        PreferenceWeights,
        override_boost=st.floats(-2, 2),
        conversation_boost=st.floats(-2, 2),
        rating_weight=st.floats(-2, 2),
        regeneration_weight=st.floats(-2, 2),
        boost_cap=st.floats(0, 2),
    ),
)
def test_scores_stay_within_0_and_1(events: list[PreferenceEvent], weights: PreferenceWeights) -> None:
    """Whatever happened and whatever the weights, a score is in 0..1 (R7)."""
    assert all(0 <= value <= 1 for value in preference_view(folded(events, weights)).scores.values())


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

    def deliver(row: PreferenceState, places: list[tuple[str, int]]) -> PreferenceState:
        for topic, offset in places:
            mark = Mark(topic, offset, f"{topic}-{offset}")
            if is_new(row, mark):
                row = fold_preference(row, log[topic, offset], NOW).model_copy(update=marked(row, mark))
        return row

    assert deliver(user_row(), deliveries) == deliver(user_row(), sorted(log))


def test_an_event_written_twice_counts_once() -> None:
    """A client that publishes one event again (two offsets, one id) is heard once; memory for that is bounded."""
    row = user_row()
    for offset in range(200):
        mark = Mark("outcomes", offset, f"id-{offset // 2}")
        if is_new(row, mark):
            row = fold_preference(row, rated(1.0), NOW).model_copy(update=marked(row, mark))
    assert row.models["m1"].ratings == 100
    assert len(row.recent) == RECENT


def test_clients_cannot_invent_task_types() -> None:
    """A task type outside the taxonomy is general (R8)."""
    assert (task_type_of("debugging"), task_type_of("evil" * 16)) == ("debugging", "general")
