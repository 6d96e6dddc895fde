"""N9: quality over a single model on public data, from what ``pointsman evaluate router --output json`` printed."""

import json
from dataclasses import dataclass
from pathlib import Path

from analytics.evaluation.intervals import Estimate


@dataclass(frozen=True, slots=True)
class Public:
    """Quality of the router, of the best single model and of the best model of each question, 0..1."""

    router: Estimate
    single: Estimate
    oracle: Estimate
    lift: Estimate

    @property
    def gain(self) -> Estimate:
        """Return the relative gain over the best single model; the interval takes that model's quality as known."""
        single = self.single.value
        if not single:
            return Estimate(None, None, None)
        return Estimate(*(None if part is None else part / single for part in (self.lift.value, *self._ends())))

    @property
    def most(self) -> float:
        """Return the relative gain of choosing the best model of each question."""
        return (self.oracle.value or 0.0) / (self.single.value or 1.0) - 1

    def _ends(self) -> tuple[float | None, float | None]:
        return self.lift.low, self.lift.high


def read(path: Path) -> Public:
    """Return the figures of an evaluation's JSON; raises ``KeyError`` where it is not one."""
    value = json.loads(path.read_text(encoding="utf-8"))
    parts = (
        value["accuracy"],
        value["baselines"]["best_single"],
        value["baselines"]["oracle"],
        value["lift_over_best_single"],
    )
    return Public(*(Estimate(part["value"], part["low"], part["high"]) for part in parts))
