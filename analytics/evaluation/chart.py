"""The cost-quality curve as SVG: one line per router, one dot per model."""

from collections.abc import Mapping
from typing import Final

from analytics.evaluation.comparison import Report
from analytics.evaluation.plot import Line, Plot, svg

_LINES: Final[Mapping[str, tuple[str, str, str]]] = {
    "router": ("the router", "#0b6e99", ""),
    "knn": ("nearest neighbours", "#c2571a", "7 3"),
    "task_label": ("task label known", "#4b7f3a", "3 3"),
    "length_only": ("prompt length only", "#8a6fb0", "9 3 2 3"),
}
"""Name, colour and dashes: lines are told apart without colours too."""


def cost_quality_chart(report: Report) -> str:
    """Return an SVG document: mean quality over mean cost of the test questions."""
    best = max(quality for _, _, quality in report.singles)
    return svg(
        Plot(
            title="Quality against cost",
            across="mean cost of an answer",
            up="mean quality",
            lines=[Line(*_LINES[name], points) for name, points in report.curve if name in _LINES],
            dots=[single for single in report.singles if single[2] >= best / 2],
        )
    )
