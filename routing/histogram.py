"""Histograms of times and lengths, four buckets per octave: additive, 9 % to either side, quantiles without samples."""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Final

BUCKETS: Final = 128
_BOUNDS: Final = tuple(2.0 ** (bucket / 4) for bucket in range(BUCKETS))


def bucket_of(value: int) -> int:
    """Return the bucket of a time or length: the smallest b with ``value <= 2**(b/4)``; the last one is open."""
    return min(bisect_left(_BOUNDS, value), BUCKETS - 1)


def observed(buckets: Mapping[int, int], value: int) -> dict[int, int]:
    """Return the histogram with one more observation."""
    bucket = bucket_of(value)
    return {**buckets, bucket: buckets.get(bucket, 0) + 1}


def quantile(buckets: Mapping[int, float], q: float) -> float | None:
    """Return the ``q``-quantile (0 < q <= 1), interpolated on the log scale in its bucket; None when empty."""
    target = q * sum(buckets.values())
    below = 0.0
    for bucket in sorted(buckets):
        count = buckets[bucket]
        if count > 0 and below + count >= target:
            return round(2.0 ** ((bucket - 1 + (target - below) / count) / 4), 3) if bucket else 1.0
        below += count
    return None
