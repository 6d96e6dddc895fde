"""The reliability diagram as SVG: what came over what was expected; on the thin line a prediction can be believed."""

from collections.abc import Mapping
from typing import Final

from analytics.evaluation.plot import Line, Plot, svg
from analytics.evaluation.reliability import Reliability

_LINES: Final[Mapping[str, tuple[str, str, str]]] = {
    "all": ("as predicted", "#4b7f3a", "3 3"),
    "corrected": ("corrected", "#0b6e99", ""),
    "chosen": ("corrected, the chosen", "#c2571a", "7 3"),
}
"""Name, colour and dashes: lines are told apart without colours too."""


def reliability_chart(found: Mapping[str, Reliability]) -> str:
    """Return an SVG document: mean observed over mean expected quality of each bin."""
    bins = [each for one in found.values() for each in one.bins]
    low, high = min(each.low for each in bins), max(each.high for each in bins)
    lines = [Line(*_LINES[name], [(each.expected, each.came) for each in one.bins]) for name, one in found.items()]
    ideal = Line("as it should be", "#9aa7b3", "1 4", [(low, low), (high, high)])
    return svg(Plot("Expected and observed quality", "expected quality", "observed quality", [*lines, ideal], low=low))
