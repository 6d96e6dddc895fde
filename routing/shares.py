"""Target traffic shares as a soft controller (SPEC R12): counts that fade, and boosts towards what is missing.

::

    weight(m) = weight(m) * (1 - 1 / window) + [m was chosen]           per decision of the tenant
    share(m)  = weight(m) / sum of weights
    boost(m)  = control * (target(m) - share(m))                        where they differ by more than the tolerance
              = -control                                                where an upper limit is reached

Targets are scaled to sum to 1. Boosts compete with all others in the score and share their cap: a share is a wish,
never a reason to take a model that a veto bars.
"""

from collections.abc import Mapping
from typing import Final

from routing.references import NameTable
from schemas.control_steering import Shares

DECIMALS: Final = 9
_FADED: Final = 1e-4
"""A weight below it is forgotten."""


class ShareControl:
    """The targets of one router, models resolved."""

    def __init__(self, shares: Shares, names: NameTable) -> None:
        """Resolve names and scale the targets to sum to 1."""
        total = sum(shares.targets.values()) or 1.0
        self.window = shares.window
        self._control = shares.control
        self._tolerance = shares.tolerance
        self._targets = {
            model: share / total for text, share in shares.targets.items() for model in names.resolve(text).models
        }
        self._limits = {
            model: share for text, share in shares.upper_limits.items() for model in names.resolve(text).models
        }

    def boosts(self, shares: Mapping[str, float]) -> dict[str, float]:
        """Return the boost of every model whose share is off its target; none before the first decision."""
        if not shares:
            return {}
        found: dict[str, float] = {}
        for model, target in self._targets.items():
            missing = target - shares.get(model, 0.0)
            if abs(missing) > self._tolerance:
                found[model] = round(self._control * missing, DECIMALS)
        for model, limit in self._limits.items():
            if shares.get(model, 0.0) >= limit:
                found[model] = -self._control
        return found


def count_choice(weights: Mapping[str, float], model: str, window: int) -> dict[str, float]:
    """Return the faded weights after ``model`` was chosen once more; models that faded away are left out."""
    kept = 1 - 1 / window
    faded = {name: round(weight * kept, DECIMALS) for name, weight in weights.items()}
    faded = {name: weight for name, weight in faded.items() if weight >= _FADED}
    faded[model] = faded.get(model, 0.0) + 1.0
    return dict(sorted(faded.items()))


def shares_of(weights: Mapping[str, float]) -> dict[str, float]:
    """Return the share of each model, 0..1, nine decimals; they sum to about 1."""
    total = sum(weights.values())
    return {model: round(weight / total, DECIMALS) for model, weight in weights.items()} if total else {}
