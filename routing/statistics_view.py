"""What a decision reads of the model statistics: one model's, over all partitions."""

from collections.abc import Callable, Iterable, Mapping

from routing.histogram import quantile
from schemas.decision import StatisticsView
from schemas.statistics import ModelStatisticsRow

_DECIMALS = 9


def whole(_row: ModelStatisticsRow) -> float:
    """Weigh every row alike: nothing is forgotten."""
    return 1.0


def merge(rows: Iterable[ModelStatisticsRow], weight: Callable[[ModelStatisticsRow], float] = whole) -> StatisticsView:
    """Return one model's statistics for one task type: the sum of the partitions' rows, in any order.

    All sums of a row are additive, so forgetting is a ``weight`` in 0..1 on a row (by its age, by its period).
    Means are None without observations; latencies in ms.
    """
    calls = successes = ratings = rating_sum = 0.0
    latency: dict[int, float] = {}
    output: dict[int, float] = {}
    for row in sorted(rows, key=lambda row: row.partition):
        share = weight(row)
        calls += share * row.calls
        successes += share * row.successes
        ratings += share * row.ratings
        rating_sum += share * row.rating_sum
        _add(latency, row.latency_buckets, share)
        _add(output, row.output_buckets, share)
    return StatisticsView(
        calls=round(calls),
        success_rate=round(successes / calls, _DECIMALS) if calls else None,
        rating=round(rating_sum / ratings, _DECIMALS) if ratings else None,
        ratings=round(ratings),
        latency_p50_ms=quantile(latency, 0.5),
        latency_p95_ms=quantile(latency, 0.95),
        latency_p10_ms=quantile(latency, 0.1),
        latency_p90_ms=quantile(latency, 0.9),
        output_p10=quantile(output, 0.1),
        output_p50=quantile(output, 0.5),
        output_p90=quantile(output, 0.9),
    )


def _add(total: dict[int, float], buckets: Mapping[int, int], share: float) -> None:
    for bucket, count in buckets.items():
        total[bucket] = total.get(bucket, 0.0) + share * count
