"""A change of one or two values that would have chosen a model, and what a search for one knows (SPEC R23)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from routing.bars import Standing, standing
from routing.counterfactual import REQUEST, Case, Edit, Look
from schemas.control_policy import Rule
from schemas.control_tenant import Area, Space
from schemas.money import format_usd


@dataclass(frozen=True, slots=True)
class Change:
    """What to change, in words and as edits; ``verified``: decided again with exactly these edits, it chooses."""

    kind: str
    words: str
    edits: tuple[Edit, ...]
    verified: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Inquiry:
    """One model in one case: the steps of the decision, and where the model stands in it."""

    case: Case
    model: str
    look: Look
    standing: Standing

    def chosen_with(self, *edits: Edit) -> bool:
        """Return whether the decision with these edits is the model."""
        return self.case.edited(*edits).chooses(self.model)

    @property
    def barred_by(self) -> frozenset[str]:
        """The rules that bar the model."""
        return frozenset(bar.rule for bar in self.standing.bars)

    @property
    def tenant(self) -> str:
        """Key of the tenant's document."""
        return self.case.policy.document

    @property
    def router(self) -> str:
        """Key of the router's document."""
        return f"policy/{self.case.policy.policy}"

    @property
    def places(self) -> Iterator[tuple[tuple[str, ...], str, Space | Area]]:
        """Yield (path in the tenant's document, words, document) of the request's area, then of its space."""
        facts, spaces = self.case.facts, self.case.policy.own.spaces
        for name, space in spaces.items():
            if facts.area in space.areas and facts.space in {None, name}:
                yield ("spaces", name, "areas", facts.area), f"area {facts.area}", space.areas[facts.area]
        if facts.space in spaces:
            yield ("spaces", facts.space), f"space {facts.space}", spaces[facts.space]

    def rule(self, name: str) -> Rule | None:
        """Return a rule of the router as written."""
        return next((rule for rule in self.case.policy.settings.rules if rule.name == name), None)

    def means(self, text: str) -> bool:
        """Return whether a name in a list means the model, alone or among others."""
        return self.model in self.case.policy.names.resolve(text).models

    def without(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return a list of names that means the same but for the model: wildcards are written out."""
        kept: dict[str, None] = {}
        for text in names:
            models = self.case.policy.names.resolve(text).models
            kept.update(dict.fromkeys(tuple(m for m in models if m != self.model) if self.means(text) else (text,)))
        return tuple(kept)


def inquiry(case: Case, model: str) -> Inquiry:
    """Look at ``model`` in ``case``."""
    look = case.look()
    return Inquiry(case, model, look, standing(look, model))


def of_request(path: tuple[str, ...], before: Any, after: Any) -> Edit:
    """Return an edit of the request."""
    return Edit(REQUEST, path, before, after)


def dollars(pico: int | None) -> str:
    """Return an amount exactly: a limit that is rounded down would not let it through."""
    return "none" if pico is None else "$" + format_usd(pico).rstrip("0").rstrip(".")


def least(low: int, high: int, holds: Callable[[int], bool]) -> int | None:
    """Return the smallest number of low..high for which ``holds``, by bisection; None where not even ``high`` does.

    ``holds`` must stay true once it is.
    """
    if low > high or not holds(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return high
