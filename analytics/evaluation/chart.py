"""The cost-quality curve as SVG: one line per router, one dot per model."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Final

from analytics.evaluation.router import Report

WIDTH: Final = 760
HEIGHT: Final = 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 190, 24, 52
_TICKS: Final = 5
_LINES: Final[Mapping[str, tuple[str, str, str]]] = {
    "router": ("the router", "#0b6e99", ""),
    "knn": ("nearest neighbours", "#c2571a", "7 3"),
    "task_label": ("task label known", "#4b7f3a", "3 3"),
    "length_only": ("prompt length only", "#8a6fb0", "9 3 2 3"),
}
"""Name, colour and dashes: lines are told apart without colours too."""

Place = Callable[[float], float]


def cost_quality_chart(report: Report) -> str:
    """Return an SVG document: mean quality over mean cost of the test questions."""
    lines = [(name, points) for name, points in report.curve if name in _LINES]
    best = max(quality for _, _, quality in report.singles)
    dots = [single for single in report.singles if single[2] >= best / 2]
    costs = [cost for _, points in lines for cost, _ in points] + [cost for _, cost, _ in dots]
    qualities = [quality for _, points in lines for _, quality in points] + [quality for _, _, quality in dots]
    across = _scale(min([0.0, *costs]), max(costs), _LEFT, WIDTH - _RIGHT)
    up = _scale(min(qualities), max(qualities), HEIGHT - _BOTTOM, _TOP)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
            'role="img" font-family="system-ui,sans-serif" font-size="12">'
        ),
        "<title>Quality against cost</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        *_axes(min([0.0, *costs]), max(costs), min(qualities), max(qualities), across, up),
        *(_line(name, points, across, up) for name, points in lines),
        *(_dot(each, across, up) for each in dots),
        *_legend([name for name, _ in lines]),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _scale(low: float, high: float, start: float, end: float) -> Place:
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def _axes(left: float, right: float, low: float, high: float, across: Place, up: Place) -> list[str]:
    found: list[str] = []
    for step in range(_TICKS + 1):
        x, y = left + (right - left) * step / _TICKS, low + (high - low) * step / _TICKS
        found += [
            f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{up(y):.1f}" y2="{up(y):.1f}" stroke="#e3e8ed"/>',
            f'<text x="{_LEFT - 8}" y="{up(y) + 4:.1f}" text-anchor="end" fill="#3d4b59">{y:.3f}</text>',
            f'<text x="{across(x):.1f}" y="{HEIGHT - _BOTTOM + 18}" text-anchor="middle" fill="#3d4b59">{x:.3g}</text>',
        ]
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    found.append(
        f'<text x="{middle:.0f}" y="{HEIGHT - 12}" text-anchor="middle" fill="#1c2733">mean cost of an answer</text>'
    )
    found.append(f'<text x="{_LEFT - 48}" y="{_TOP - 8}" fill="#1c2733">mean quality</text>')
    return found


def _line(name: str, points: Sequence[tuple[float, float]], across: Place, up: Place) -> str:
    _, colour, dashes = _LINES[name]
    path = " ".join(f"{across(cost):.1f},{up(quality):.1f}" for cost, quality in points)
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline fill="none" stroke="{colour}" stroke-width="2"{dashed} points="{path}"/>'


def _dot(single: tuple[str, float, float], across: Place, up: Place) -> str:
    name, cost, quality = single
    x, y = across(cost), up(quality)
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="#1c2733"><title>{escape(name)}</title></circle>'
        f'<text x="{x + 6:.1f}" y="{y + 4:.1f}" font-size="10" fill="#3d4b59">{escape(name)}</text>'
    )


def _legend(names: Sequence[str]) -> list[str]:
    found: list[str] = []
    for index, name in enumerate(names):
        title, colour, dashes = _LINES[name]
        y, x = HEIGHT - _BOTTOM - 20 * (len(names) - index), WIDTH - _RIGHT + 26
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        found.append(f'<line x1="{x}" x2="{x + 26}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2"{dashed}/>')
        found.append(f'<text x="{x + 32}" y="{y + 4}" fill="#1c2733">{escape(title)}</text>')
    return found
