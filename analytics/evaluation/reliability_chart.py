"""The reliability diagram as SVG: what came over what was expected; on the diagonal a prediction can be believed."""

from collections.abc import Mapping
from html import escape
from typing import Final

from analytics.evaluation.reliability import Bin, Reliability

SIZE: Final = 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 20, 24, 52
_TICKS: Final = 5
_LINES: Final[Mapping[str, tuple[str, str, str]]] = {
    "all": ("every model, as predicted", "#4b7f3a", "3 3"),
    "corrected": ("every model, corrected", "#0b6e99", ""),
    "chosen": ("the model chosen, corrected", "#c2571a", "7 3"),
}
"""Name, colour and dashes: lines are told apart without colours too."""


def reliability_chart(found: Mapping[str, Reliability]) -> str:
    """Return an SVG document; dots grow with the number of predictions."""
    bins = [each for name in found for each in found[name].bins]
    low, high = min(each.low for each in bins), max(each.high for each in bins)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" width="{SIZE}" height="{SIZE}" '
            'role="img" font-family="system-ui,sans-serif" font-size="12">'
        ),
        "<title>Expected and observed quality</title>",
        f'<rect width="{SIZE}" height="{SIZE}" fill="#ffffff"/>',
        *_axes(low, high),
        *(part for name, one in found.items() for part in _line(name, one, low, high)),
        *_legend(list(found)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _place(expected: float, came: float, low: float, high: float) -> tuple[float, float]:
    span = high - low
    across = _LEFT + (expected - low) / span * (SIZE - _LEFT - _RIGHT)
    return across, SIZE - _BOTTOM - (came - low) / span * (SIZE - _TOP - _BOTTOM)


def _axes(low: float, high: float) -> list[str]:
    found: list[str] = []
    for step in range(_TICKS + 1):
        value = low + (high - low) * step / _TICKS
        x, y = _place(value, value, low, high)
        found += [
            f'<line x1="{_LEFT}" x2="{SIZE - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e3e8ed"/>',
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#3d4b59">{value:.3g}</text>',
            f'<text x="{x:.1f}" y="{SIZE - _BOTTOM + 18}" text-anchor="middle" fill="#3d4b59">{value:.3g}</text>',
        ]
    (left, bottom), (right, top) = _place(low, low, low, high), _place(high, high, low, high)
    return [
        *found,
        f'<line x1="{left:.1f}" y1="{bottom:.1f}" x2="{right:.1f}" y2="{top:.1f}" stroke="#9aa7b3"/>',
        f'<text x="{(_LEFT + SIZE - _RIGHT) / 2:.0f}" y="{SIZE - 12}" text-anchor="middle">expected quality</text>',
        f'<text x="{_LEFT - 44}" y="{_TOP - 8}">observed quality</text>',
    ]


def _line(name: str, found: Reliability, low: float, high: float) -> list[str]:
    _, colour, dashes = _LINES[name]
    places = [_place(each.expected, each.came, low, high) for each in found.bins]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    total = sum(each.count for each in found.bins)
    dots = [_dot(place, each, total, colour) for place, each in zip(places, found.bins, strict=True)]
    return [f'<polyline fill="none" stroke="{colour}" stroke-width="2"{dashed} points="{path}"/>', *dots]


def _dot(place: tuple[float, float], found: Bin, total: int, colour: str) -> str:
    radius = 2 + 10 * (found.count / total) ** 0.5
    title = f"{found.count} predictions of {found.low:.2f} to {found.high:.2f}"
    return (
        f'<circle cx="{place[0]:.1f}" cy="{place[1]:.1f}" r="{radius:.1f}" fill="{colour}" fill-opacity="0.45">'
        f"<title>{escape(title)}</title></circle>"
    )


def _legend(names: list[str]) -> list[str]:
    found: list[str] = []
    for index, name in enumerate(names):
        title, colour, dashes = _LINES[name]
        x, y = _LEFT + 14, _TOP + 14 + 18 * index
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        found.append(f'<line x1="{x}" x2="{x + 26}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2"{dashed}/>')
        found.append(f'<text x="{x + 32}" y="{y + 4}" fill="#1c2733">{escape(title)}</text>')
    return found
