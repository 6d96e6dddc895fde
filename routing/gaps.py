"""The gap between two scored models, term by term: figures, weight, and what it adds to or takes from the score."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from routing import explain
from routing.candidates import Scored
from routing.dimensions import Dimensions
from routing.rules import Ruling
from routing.score import DECIMALS, TERMS, Weights

BOOSTS: Final = "boosts"


@dataclass(frozen=True, slots=True)
class Gap:
    """One term of both models, each 0..1 (boosts: -1..1), and ``difference`` = weight * (mine - theirs)."""

    term: str
    mine: float
    theirs: float
    weight: float
    difference: float
    words: str


def gaps(
    mine: Scored, theirs: Scored, weights: Weights, ruling: Ruling, dimensions: Dimensions | None = None
) -> tuple[Gap, ...]:
    """Return the gap of each term, in the order of the score's terms, boosts and the tenant's own dimensions last.

    The differences sum to that of the scores, where neither is clamped to 0 or 1.
    """
    found: list[Gap] = []
    for index, term in enumerate((*TERMS, BOOSTS)):
        weight = weights[index] if index < len(weights) else 1.0
        one, other = mine.terms[index], theirs.terms[index]
        difference = round(weight * (one - other), DECIMALS)
        words = _words(term, mine, theirs, ruling)
        found.append(Gap(term, one, other, weight, difference, words))
    for own in () if dimensions is None else dimensions.weighted:
        here, there = own.value(mine.model, mine.endpoint.provider), own.value(theirs.model, theirs.endpoint.provider)
        words = f"the tenant's {own.name}: {here:g}, against {there:g}"
        found.append(Gap(own.name, here, there, own.weight, round(own.weight * (here - there), DECIMALS), words))
    return tuple(found)


def _words(term: str, mine: Scored, theirs: Scored, ruling: Ruling) -> str:
    figures: dict[str, tuple[str, Callable[[Scored], str]]] = {
        "capability": ("good answers expected of 100 such:", lambda item: f"{100 * item.quality:.0f}"),
        "cost": ("about", lambda item: explain.dollars(item.cost)),
        "quality": ("mean ability", lambda item: f"{item.row.entry.quality:.0f}"),
        "latency": ("about", lambda item: explain.seconds(item.latency)),
        "history": ("record on such work", lambda item: f"{item.terms[TERMS.index('history')]:.2f}"),
        BOOSTS: ("added", lambda item: _boosts(item, ruling)),
    }
    what, say = figures[term]
    return f"{what} {say(mine)}, against {say(theirs)}"


def _boosts(item: Scored, ruling: Ruling) -> str:
    rules = [rule.name for rule in ruling.matched if rule.effect == "boost" and item.model in rule.models]
    said = [f"rule {name}" for name in rules]
    if item.preference:
        said.append("the user's preferences")
    if item.row.preferred:
        said.append("the tenant's preference")
    return f"{item.terms[-1]:+.2f}" + (f" ({', '.join(said)})" if said else "")
