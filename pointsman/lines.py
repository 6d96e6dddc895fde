"""Events as one line for people: what was decided and because of what, how it ended, what it cost."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from schemas.decision import DecisionMade, LevelSaid, RequestRefused
from schemas.money import PICO
from schemas.result import FinalResult, RejectedNotice


def dollars(pico: int) -> str:
    """Return an amount as people read it: two places from ten cents on, below that two significant digits."""
    if pico < 0:
        return "-" + dollars(-pico)
    amount = Decimal(pico) / PICO
    places = 2 if pico == 0 else min(max(1 - amount.adjusted(), 2), 12)
    return f"${amount:,.{places}f}"


def seconds(milliseconds: int | None) -> str:
    """Return a duration: milliseconds below a second, else seconds with one place."""
    if milliseconds is None:
        return "-"
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def decision_line(event: DecisionMade | RequestRefused) -> str:
    """Return ``task -> model (estimates) because ...``."""
    if isinstance(event, RequestRefused):
        why = f"{event.reason}{_later(event.fits_at)}"
        return f"{event.task_type}/{event.complexity} -> refused ({event.code}) because {why}"
    first = event.chain[0]
    estimate = f"about {dollars(first.estimated_cost)}, {seconds(first.estimated_latency_ms)}"
    again = "" if event.number == 1 else f", decision {event.number} after {event.cause.replace('_', ' ')}"
    return (
        f"{event.task_type}/{event.complexity} -> {event.model} (tier {event.tier}, {estimate}{again}) "
        f"because {event.reason}"
    )


def result_line(event: FinalResult | RejectedNotice) -> str:
    """Return how a request ended: status, model, cost, time; the reason where it has no answer."""
    if isinstance(event, RejectedNotice):
        return f"rejected ({event.code}): {event.reason}"
    parts: list[str] = [event.status]
    if event.model is not None:
        parts.append(f"by {event.model}")
    if event.cost:
        parts.append(dollars(event.cost))
    if event.latency_ms is not None:
        parts.append(seconds(event.latency_ms))
    if event.simulated:
        parts.append("simulated")
    line = ", ".join(parts)
    if event.content is not None or event.status in {"completed", "routed"}:
        return line
    return f"{line}: {event.reason}{_later(datetime.fromisoformat(event.fits_at) if event.fits_at else None)}"


def _later(fits_at: datetime | None) -> str:
    return "" if fits_at is None else f"; it would fit from {fits_at:%Y-%m-%d %H:%M %Z} on"


def said_words(levels: Mapping[str, LevelSaid]) -> str:
    """Return what the levels say and how much each weighs: ``user 1.00 (38%), organisation 0.42 (12%)``."""
    return ", ".join(f"{level} {one.says:.2f} ({one.share:.0%})" for level, one in levels.items()) or "cannot tell"


def shortened(text: str, width: int) -> str:
    """Return the text on one line, cut at ``width`` characters with an ellipsis."""
    flat = " ".join(text.split())
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines with aligned columns; the last column is not padded."""
    if not rows:
        return []
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows
    ]
