"""What a decision reads of the feedback tables: one user's scores, one model's statistics over all partitions."""

from collections.abc import Callable, Iterable

from routing.histogram import quantile
from schemas.decision import PreferenceView, StatisticsView
from schemas.statistics import ModelStatisticsRow, PreferenceRow

_DECIMALS = 9


def whole(_row: ModelStatisticsRow) -> float:
    """Weigh every row alike: nothing is forgotten."""
    return 1.0


def preference_view(row: PreferenceRow) -> PreferenceView:
    """Return the scores (0..1) of a user's row, by model name in order."""
    return PreferenceView(version=row.version, scores={name: row.models[name].score for name in sorted(row.models)})


def merge(rows: Iterable[ModelStatisticsRow], weight: Callable[[ModelStatisticsRow], float] = whole) -> StatisticsView:
    """Return one model's statistics for one task type: the sum of the partitions' rows, in any order.

    All sums of a row are additive, so forgetting is a ``weight`` in 0..1 on a row (by its age, by its period).
    Means are None without observations; latencies in ms.
    """
    calls = successes = ratings = rating_sum = 0.0
    latency: dict[int, float] = {}
    for row in sorted(rows, key=lambda row: row.partition):
        share = weight(row)
        calls += share * row.calls
        successes += share * row.successes
        ratings += share * row.ratings
        rating_sum += share * row.rating_sum
        for bucket, count in row.latency_buckets.items():
            latency[bucket] = latency.get(bucket, 0.0) + share * count
    return StatisticsView(
        calls=round(calls),
        success_rate=round(successes / calls, _DECIMALS) if calls else None,
        rating=round(rating_sum / ratings, _DECIMALS) if ratings else None,
        ratings=round(ratings),
        latency_p50_ms=quantile(latency, 0.5),
        latency_p95_ms=quantile(latency, 0.95),
    )
