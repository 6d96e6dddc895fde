"""N12: whether prompts that say the same are decided alike; groups of five paraphrases, written for this."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, pstdev
from typing import Final

import numpy as np

from analytics.evaluation.intervals import Estimate
from routing.decide import decide, ruling_of
from routing.decision_cache import cache_key, kept_choice
from schemas.control_policy import PolicyDocument
from schemas.control_steering import DecisionCache
from schemas.decision import CachedChoice, Choice, View
from tests.success.estimates import mean_of
from tests.success.population import Prompt
from tests.success.truth import allowed, planted
from tests.success.world import NOW, Router, case, policy_document, routers_of

FILE: Final = Path(__file__).parent / "paraphrases.jsonl"
LIMIT: Final = 0.15
"""Variation that the seeds allow."""


@dataclass(frozen=True, slots=True)
class Group:
    """Prompts that ask for the same."""

    name: str
    prompts: tuple[Prompt, ...]


def groups(path: Path = FILE) -> list[Group]:
    """Return the groups of a file: one JSON object a line with group, label, language, complexity and texts."""
    found: list[Group] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        value = json.loads(line)
        shared = (value["label"], value["complexity"], value["language"], "")
        found.append(Group(value["group"], tuple(Prompt(text, *shared) for text in value["texts"])))
    return found


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike the decisions within groups are; means over groups."""

    router: str
    cost: Estimate
    """Coefficient of variation of the true cost of the chosen models."""
    quality: Estimate
    """The same of their true quality."""
    same: Estimate
    """Share of a group that got the model which most of the group got."""
    whole: Estimate
    """Share of groups with one model for all."""
    same_type: Estimate
    """Share of a group that was classified as most of the group."""
    within: Estimate
    """Share of groups in which both variations are below 15 %."""
    hits: float
    """Share of decisions that repeated a kept one."""


def variants() -> list[PolicyDocument]:
    """Return the routers compared: as shipped, and the default one with a cache of decisions."""
    default = policy_document("default")
    cached = default.model_copy(update={"name": "default-cached", "cache": DecisionCache()})
    return [default, cached, *(policy_document(name) for name in ("learned", "cost-first", "quality-first"))]


def measure(document: PolicyDocument, listed: Sequence[Group]) -> Likeness:
    """Return the likeness of a router's decisions; kept decisions are used where the router keeps them.

    Routers that explore are asked for their best.
    """
    (router,) = routers_of([document])
    kept: dict[str, CachedChoice] = {}
    rows: list[tuple[float, ...]] = []
    hits = 0
    for group in listed:
        made = [_decided(router, prompt, kept) for prompt in group.prompts]
        hits += sum(each.hit for each in made)
        rows.append(_row(made))
    table = np.array(rows).T
    cost, quality, same, whole, same_type = (mean_of(column) for column in table)
    within = mean_of(((table[0] < LIMIT) & (table[1] < LIMIT)).astype(np.float64))
    asked = sum(len(group.prompts) for group in listed)
    return Likeness(document.name, cost, quality, same, whole, same_type, within, hits / asked)


@dataclass(frozen=True, slots=True)
class _Decided:
    model: str
    kind: str
    cost: float
    quality: float
    hit: bool


def _decided(router: Router, prompt: Prompt, kept: dict[str, CachedChoice]) -> _Decided:
    each = case(router, prompt)
    ruling = ruling_of(each.facts, each.task, router.policy)
    key = cache_key(each.facts, each.task, View(), router.policy, ruling)
    view = View(cached=kept.get(key)) if key is not None else View()
    made = decide(each.facts, each.task, view, router.policy, NOW)
    if not isinstance(made, Choice):
        raise TypeError(made.reason)
    if key is not None:
        kept.setdefault(key, kept_choice(made))
    told = case(router, prompt, "type and complexity")
    known = {model.model: planted(model, told, router.policy) for model in allowed(router, told)}[made.model]
    return _Decided(made.model, str(each.task.type), known.cost, known.quality, view.cached is not None)


def _row(made: Sequence[_Decided]) -> tuple[float, ...]:
    return (
        variation([each.cost for each in made]),
        variation([each.quality for each in made]),
        largest_share([each.model for each in made]),
        float(len({each.model for each in made}) == 1),
        largest_share([each.kind for each in made]),
    )


def variation(values: Sequence[float]) -> float:
    """Return the coefficient of variation: standard deviation / mean."""
    return pstdev(values) / fmean(values)


def largest_share(values: Sequence[str]) -> float:
    """Return the share of the most common value."""
    counts: Mapping[str, int] = Counter(values)
    return max(counts.values()) / len(values)
