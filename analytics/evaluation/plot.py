"""Lines and dots over two axes as SVG, readable without colours; needs nothing else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 760
HEIGHT: Final = 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 190, 24, 52
_TICKS: Final = 5

Place = Callable[[float], float]
Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """One line: name for the legend, colour, dashes (SVG; empty: none), points."""

    title: str
    colour: str
    dashes: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Plot:
    """A drawing: title, names of the axes, lines, named dots; ``low`` is the left end of the axis across."""

    title: str
    across: str
    up: str
    lines: Sequence[Line]
    dots: Sequence[tuple[str, float, float]] = ()
    low: float = 0.0


def svg(plot: Plot) -> str:
    """Return a plot as an SVG document."""
    points = [point for line in plot.lines for point in line.points] + [(x, y) for _, x, y in plot.dots]
    left, right = min([plot.low, *(x for x, _ in points)]), max(x for x, _ in points)
    low, high = min(y for _, y in points), max(y for _, y in points)
    across = _scale(left, right, _LEFT, WIDTH - _RIGHT)
    up = _scale(low, high, HEIGHT - _BOTTOM, _TOP)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
            'role="img" font-family="system-ui,sans-serif" font-size="12">'
        ),
        f"<title>{escape(plot.title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        *_grid((left, right), (low, high), across, up),
        *_names(plot),
        *(_line(line, across, up) for line in plot.lines),
        *(_dot(each, across, up) for each in plot.dots),
        *_legend(plot.lines),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _scale(low: float, high: float, start: float, end: float) -> Place:
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def _grid(wide: Point, tall: Point, across: Place, up: Place) -> list[str]:
    found: list[str] = []
    for step in range(_TICKS + 1):
        x = wide[0] + (wide[1] - wide[0]) * step / _TICKS
        y = tall[0] + (tall[1] - tall[0]) * step / _TICKS
        found += [
            f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{up(y):.1f}" y2="{up(y):.1f}" stroke="#e3e8ed"/>',
            f'<text x="{_LEFT - 8}" y="{up(y) + 4:.1f}" text-anchor="end" fill="#3d4b59">{y:.3f}</text>',
            f'<text x="{across(x):.1f}" y="{HEIGHT - _BOTTOM + 18}" text-anchor="middle" fill="#3d4b59">{x:.3g}</text>',
        ]
    return found


def _names(plot: Plot) -> list[str]:
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    return [
        f'<text x="{middle:.0f}" y="{HEIGHT - 12}" text-anchor="middle" fill="#1c2733">{escape(plot.across)}</text>',
        f'<text x="{_LEFT - 48}" y="{_TOP - 8}" fill="#1c2733">{escape(plot.up)}</text>',
    ]


def _line(line: Line, across: Place, up: Place) -> str:
    path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in line.points)
    dashed = f' stroke-dasharray="{line.dashes}"' if line.dashes else ""
    return f'<polyline fill="none" stroke="{line.colour}" stroke-width="2"{dashed} points="{path}"/>'


def _dot(dot: tuple[str, float, float], across: Place, up: Place) -> str:
    name, x, y = dot
    at, height = across(x), up(y)
    return (
        f'<circle cx="{at:.1f}" cy="{height:.1f}" r="3.5" fill="#1c2733"><title>{escape(name)}</title></circle>'
        f'<text x="{at + 6:.1f}" y="{height + 4:.1f}" font-size="10" fill="#3d4b59">{escape(name)}</text>'
    )


def _legend(lines: Sequence[Line]) -> list[str]:
    found: list[str] = []
    for index, line in enumerate(lines):
        y, x = HEIGHT - _BOTTOM - 20 * (len(lines) - index), WIDTH - _RIGHT + 26
        dashed = f' stroke-dasharray="{line.dashes}"' if line.dashes else ""
        found.append(
            f'<line x1="{x}" x2="{x + 26}" y1="{y}" y2="{y}" stroke="{line.colour}" stroke-width="2"{dashed}/>'
        )
        found.append(f'<text x="{x + 32}" y="{y + 4}" fill="#1c2733">{escape(line.title)}</text>')
    return found
