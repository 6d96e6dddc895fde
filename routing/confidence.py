"""How sure a decision is: the probability that no other model would have been worth clearly more for the request.

*Clearly more* is more than two points: 0.02 of the score, with what is true in the place of what is predicted. The
score's own evidence of it is the **lead** of the chosen model: its score minus the mean score of the best five others.
The router's document holds the points of a rising line from lead to probability, fitted on known truth; which
decisions they were fitted on, and how well they hold on others: docs/confidence.md. The line says nothing about which
model is chosen.
"""

from collections.abc import Sequence
from typing import Final

from schemas.control_steering import ConfidencePoint

DECIMALS: Final = 9
OTHERS: Final = 5
CERTAIN: Final = 1.0
"""What a person or a rule decided, and the only model that may be chosen: there was nothing to be sure of."""


def lead(score: float, others: Sequence[float]) -> float:
    """Return how far a score lies above the mean of the best others, at most `OTHERS` and at least one of them."""
    return round(score - sum(others) / len(others), DECIMALS)


def confidence(points: Sequence[ConfidencePoint], found: float) -> float:
    """Return the probability at a lead, nine decimals: linear between two points, level before and behind them."""
    below = points[0]
    for point in points:
        if found < point.lead:
            rise = point.near - below.near
            part = 0.0 if point is below else (found - below.lead) / (point.lead - below.lead)
            return round(below.near + part * rise, DECIMALS)
        below = point
    return round(below.near, DECIMALS)
