"""Old events read as new ones: one step per version, applied until the newest is reached (DESIGN 4).

A step takes the JSON object of version n and returns that of version n + 1; it never mutates its argument.
"""

from collections.abc import Callable
from typing import Any, Final

Json = dict[str, Any]
Upcaster = Callable[[Json], Json]


def _stars_to_rating(old: Json) -> Json:
    """``outcome.rated.v0`` had ``stars`` 1..5; v1 has ``rating`` 0..1."""
    new = {name: value for name, value in old.items() if name != "stars"}
    stars = old.get("stars")
    if isinstance(stars, int | float) and not isinstance(stars, bool):
        new["rating"] = (stars - 1) / 4
    new["type"] = "pointsman.outcome.rated.v1"
    return new


UPCASTERS: Final[dict[str, Upcaster]] = {"pointsman.outcome.rated.v0": _stars_to_rating}


def upcast(value: Json) -> Json:
    """Return ``value`` at the newest version of its type; unknown and newest types are returned as they are."""
    step = UPCASTERS.get(value.get("type", ""))
    while step is not None:
        value = step(value)
        step = UPCASTERS.get(value.get("type", ""))
    return value
