"""From a model's answers to probes to its abilities (SPEC R16, F2): the catalog's figures, drawn to what was seen.

A type of work needs abilities with weights that sum to 1 (the taxonomy's). A probe of that type counts for each ability
as much as its weight::

    ability = (strength * catalog + 100 * sum of weight * passed) / (strength + sum of weight)

With few probes an ability stays close to what the catalog says. Speed is measured otherwise, and stays.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from routing.models import ABILITIES
from schemas.control_catalog import Capabilities

STRENGTH: Final = 8.0
"""Probes that the catalog's figure of an ability counts for."""
_DECIMALS: Final = 1


@dataclass(frozen=True, slots=True)
class Ability:
    """One ability, 0-100, before and after; ``evidence``: probes that spoke of it, by their weight."""

    name: str
    before: float
    after: float
    evidence: float


def probed_abilities(
    catalog: Capabilities, results: Sequence[tuple[str, bool]], needs: Mapping[str, Mapping[str, float]]
) -> list[Ability]:
    """Return the abilities of which the probes say something; ``results`` are (type of work, passed)."""
    return [_probed(name, float(getattr(catalog, name)), results, needs) for name in _spoken_of(results, needs)]


def _spoken_of(results: Iterable[tuple[str, bool]], needs: Mapping[str, Mapping[str, float]]) -> list[str]:
    named = {name for kind, _ in results for name, weight in needs[kind].items() if weight > 0}
    return [name for name in ABILITIES if name in named and name != "speed"]


def _probed(
    name: str, before: float, results: Iterable[tuple[str, bool]], needs: Mapping[str, Mapping[str, float]]
) -> Ability:
    weights = [(needs[kind].get(name, 0.0), passed) for kind, passed in results]
    evidence = sum(weight for weight, _ in weights)
    good = sum(weight for weight, passed in weights if passed)
    after = (STRENGTH * before + 100 * good) / (STRENGTH + evidence)
    return Ability(name, before, round(after, _DECIMALS), round(evidence, _DECIMALS))
