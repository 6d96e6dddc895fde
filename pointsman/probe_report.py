"""What probes say of a model: by type of work and as a whole, with intervals, and where they cannot tell."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Final

from analytics.evaluation.classification import interval
from pointsman.probing import Judged
from schemas.money import format_usd

WIDEST: Final = 0.5
"""A wider 95 % interval says nothing: the truth may lie on either side of one half, and far from it."""
ALL: Final = "all"
COLUMNS: Final = ("type", "probes", "passed", "score", "interval", "tells", "cost", "latency_ms", "failures")


def by_type(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """Return a row by type of work, and one for all."""
    kinds = sorted({one.probe.type.value for one in judged})
    rows = [_row(kind, [one for one in judged if one.probe.type == kind]) for kind in kinds]
    return [*rows, _row(ALL, judged)]


def _row(name: str, judged: Sequence[Judged]) -> dict[str, Any]:
    answered = [one for one in judged if one.passed is not None]
    found = interval(sum(1 for one in answered if one.passed), len(answered))
    latencies = [one.latency_ms for one in answered if one.latency_ms is not None]
    return {
        "type": name,
        "probes": len(judged),
        "passed": sum(1 for one in answered if one.passed),
        "score": found["value"],
        "low": found["low"],
        "high": found["high"],
        "tells": tells(found),
        "cost": format_usd(sum(one.cost for one in judged)),
        "latency_ms": round(median(latencies)) if latencies else None,
        "failures": len(judged) - len(answered),
    }


def tells(found: Mapping[str, Any]) -> bool:
    """Return whether an interval is narrow enough to say something."""
    low, high = found["low"], found["high"]
    return low is not None and high is not None and high - low <= WIDEST


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as people read it."""
    told = row["score"] is not None
    return {
        **row,
        "score": f"{row['score']:.2f}" if told else None,
        "interval": f"{row['low']:.2f} to {row['high']:.2f}" if told else None,
        "tells": "yes" if row["tells"] else "cannot tell",
        "cost": row["cost"].rstrip("0").rstrip("."),
    }


def details(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """Return one row by probe."""
    return [
        {
            "probe": one.probe.id,
            "type": one.probe.type.value,
            "language": one.probe.language,
            "passed": one.passed,
            "reason": one.reason,
            "request_id": one.request_id,
            "cost": format_usd(one.cost),
            "latency_ms": one.latency_ms,
            "simulated": one.simulated,
            "earlier": one.earlier,
        }
        for one in judged
    ]
