"""How far cost and latency of a call may lie from their estimates: the middle 80 % (SPEC R9, B7).

Until history speaks, lengths of answers and times are taken to spread like a lognormal with sigma 0.7: 10 % lie below
0.4 times the estimate, 10 % above 2.5 times. Measured quantiles replace the spread as calls come in, with the weight
that ``scoring.history_strength`` gives them in the estimates themselves.
"""

from typing import Final

from routing.pricing import estimate
from routing.row import Row
from routing.score import drawn
from routing.situation import Situation
from schemas.decision import StatisticsView

_LOW: Final = 0.4
_HIGH: Final = 2.5


def cost_interval(s: Situation, row: Row, output: int, most: int) -> tuple[int, int]:
    """Return (low, high) pico-dollars of a call; ``output`` is the estimated, ``most`` the largest answer in tokens."""
    known, strength = s.view.statistics.get(row.entry.id), s.policy.scoring.history_strength
    low = drawn(output * _LOW, _of(known, "output_p10"), known, strength)
    high = drawn(output * _HIGH, _of(known, "output_p90"), known, strength)
    rates, tokens = row.priced, s.input_tokens + row.added_tokens
    return (
        estimate(rates, tokens, min(int(low), most), s.likely),
        estimate(rates, tokens, min(int(high), most), s.likely),
    )


def latency_interval(s: Situation, model: str, latency_ms: int) -> tuple[int, int]:
    """Return (low, high) milliseconds to the whole answer."""
    known, strength = s.view.statistics.get(model), s.policy.scoring.history_strength
    low = drawn(latency_ms * _LOW, _of(known, "latency_p10_ms"), known, strength)
    high = drawn(latency_ms * _HIGH, _of(known, "latency_p90_ms"), known, strength)
    return int(low), int(high)


def _of(known: StatisticsView | None, name: str) -> float | None:
    value: float | None = None if known is None else getattr(known, name)
    return value
