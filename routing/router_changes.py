"""Changes of the router's document, or of the record of a model, that may choose another model."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from routing.bars import LIFECYCLE
from routing.changes import Change, Inquiry, least
from routing.counterfactual import VIEW, Edit
from routing.decide import weigh
from routing.reason_codes import VetoRule
from routing.score import DECIMALS, TERMS, set_weight
from routing.score import Weights as WeightList
from routing.situation import weights_at
from schemas.control_policy import Rule, Weights, When
from schemas.decision import StatisticsView

_STEPS = 100
"""Weights and boosts are found to a hundredth."""
_MOST_RATINGS = 10_000


def _edit(q: Inquiry, path: tuple[str, ...], before: Any, after: Any) -> tuple[Edit, ...]:
    return (Edit(q.router, path, before, after),)


def offer(q: Inquiry) -> Iterator[Change]:
    """Take the model into the pool, or its state of lifecycle among those offered."""
    settings, state = q.case.policy.settings, q.standing.row.entry.state
    if VetoRule.NOT_IN_POOL.value in q.barred_by:
        words = f"offer it: add it to the pool of {q.router}"
        yield Change("pool", words, _edit(q, ("pool",), settings.pool, (*settings.pool, q.model)))
    if q.barred_by & {VetoRule.RETIRED.value, LIFECYCLE}:
        words = f"offer models that are {state}: add it to lifecycle of {q.router}"
        yield Change("lifecycle", words, _edit(q, ("lifecycle",), settings.lifecycle, (*settings.lifecycle, state)))


def lower_floor(q: Inquiry) -> Iterator[Change]:
    """Lower the router's floor of quality for the request's degree of automation."""
    automation, quality = q.case.facts.automation, q.standing.row.entry.quality
    floor = q.case.policy.settings.min_quality.get(automation)
    if floor is not None and quality < floor:
        words = f"lower min_quality of {q.router} for {automation} from {floor:g} to {quality:g}"
        yield Change("quality_floor", words, _edit(q, ("min_quality", automation), floor, quality))


def change_rules(q: Inquiry) -> Iterator[Change]:
    """Let the rule that decides name the model, or drop it; drop a boost of the chosen one, raise one of the model."""
    choice = q.look.weighed.ruling.choice
    written = q.rule(choice.name) if choice is not None and choice.source == q.router else None
    if choice is not None and written is not None and choice.suffix is None:
        first = (q.model, *q.without(written.models))
        words = f"name it first in rule {written.name} of {q.router}"
        yield Change("rule_models", words, _edit(q, ("rules", written.name, "models"), written.models, first))
    if written is not None:
        yield from _dropped(q, written)
    selection = q.look.weighed.selection
    for rule in q.look.weighed.ruling.matched:
        found = q.rule(rule.name) if rule.source == q.router else None
        if rule.effect != "boost" or found is None:
            continue
        if q.model in rule.models:
            yield from _raised(q, found)
        elif selection is not None and selection.chosen.model in rule.models:
            yield from _dropped(q, found)


def _dropped(q: Inquiry, rule: Rule) -> Iterator[Change]:
    yield Change("drop_rule", f"drop rule {rule.name} of {q.router}", _edit(q, ("rules", rule.name), rule, None))


def _raised(q: Inquiry, rule: Rule) -> Iterator[Change]:
    """Raise the boost of a rule by as little as suffices."""
    path = ("rules", rule.name, "boost")

    def after(steps: int) -> float:
        return round(rule.boost + steps / _STEPS, DECIMALS)

    room = int(round((1 - rule.boost) * _STEPS, DECIMALS))
    steps = least(1, room, lambda n: q.chosen_with(*_edit(q, path, rule.boost, after(n))))
    if steps is not None:
        words = f"raise the boost of rule {rule.name} of {q.router} by {steps / _STEPS:g} to {after(steps):g}"
        yield Change("rule_boost", words, _edit(q, path, rule.boost, after(steps)))


def stop_steering(q: Inquiry) -> Iterator[Change]:
    """Stop starting cheap, exploring, or steering towards target shares."""
    settings = q.case.policy.settings
    selection = q.look.weighed.selection
    if selection is not None and selection.cascade:
        words = f"start no cascade in {q.router}: the best model answers at once"
        yield Change("cascade", words, _edit(q, ("cascade",), settings.cascade, None))
    drew = selection is not None and selection.propensities is not None
    if drew or settings.exploration.probation:
        still = settings.exploration.model_copy(update={"share": 0.0, "new_models": 0.0, "probation": False})
        words = f"stop exploring in {q.router}" + (" and let new models compete" * settings.exploration.probation)
        yield Change("exploration", words, _edit(q, ("exploration",), settings.exploration, still))
    if settings.shares is not None and settings.shares.control > 0:
        words = f"stop steering towards target shares in {q.router}"
        yield Change("shares", words, _edit(q, ("shares", "control"), settings.shares.control, 0.0))


def change_weight(q: Inquiry) -> Iterator[Change]:
    """Set the weight of one term, the rest scaled: the smallest step of any term to a whole hundredth."""
    if q.barred_by:
        return
    own, weights = q.case.policy.own.weights, q.case.policy.weights
    where = q.tenant if own else q.router
    steps = sorted(
        (abs(step / _STEPS - weights[term]), index, step / _STEPS)
        for index, term in enumerate(TERMS)
        for step in range(_STEPS + 1)
    )
    for size, index, value in steps:
        if not size:
            continue
        scaled, _ = set_weight(weights, TERMS[index], value)
        if _best_with(q, scaled):
            term, after = TERMS[index], scaled if own else Weights.model_validate(scaled)
            words = f"set the weight of {term} in {where} from {weights[term]:g} to {value:g}, the others scaled"
            edit = Edit(where, ("weights",), own or q.case.policy.settings.weights, after)
            yield Change("weight", words, (edit,))
            return


def _best_with(q: Inquiry, weights: Mapping[str, float]) -> bool:
    """Return whether the model is selected under these weights; the documents need not be compiled again for it."""
    case, look = q.case, q.look
    listed: WeightList = tuple(weights[term] for term in TERMS)  # type: ignore[assignment]
    s = replace(look.s, weights=weights_at(listed, case.view, case.policy, case.now))
    selection = weigh(s, look.wanted, look.lock, look.weighed.ruling, case.number).selection
    return selection is not None and selection.chosen.model == q.model


def boost(q: Inquiry) -> Iterator[Change]:
    """Add a rule that favours the model for such work by as little as suffices."""
    if q.barred_by:
        return
    kind = q.case.task.type
    name = re.sub(r"[^a-z0-9._-]", "-", f"favour-{q.model}-{kind}".lower())[:64]

    def rule(steps: int) -> Rule:
        return Rule(
            name=name,
            layer="specialisation",
            when=When(task_type=(kind,)),
            effect="boost",
            models=(q.model,),
            boost=steps / _STEPS,
            because=f"{q.model} is favoured for {kind}",
        )

    steps = least(1, _STEPS, lambda n: q.chosen_with(*_edit(q, ("rules", name), q.rule(name), rule(n))))
    if steps is not None:
        words = f"add a rule to {q.router} that boosts it by {steps / _STEPS:g} for {kind}"
        yield Change("boost", words, _edit(q, ("rules", name), q.rule(name), rule(steps)))


def good_record(q: Inquiry) -> Iterator[Change]:
    """Give the model a record of calls that went well."""
    if q.barred_by:
        return
    known = q.case.view.statistics.get(q.model)
    path = ("statistics", q.model)
    count = least(1, _MOST_RATINGS, lambda n: q.chosen_with(Edit(VIEW, path, known, _after(known, n))))
    if count is not None:
        calls = "call" if count == 1 else "calls"
        words = f"a record of {count} more successful {calls} for {q.case.task.type}, each rated 1.0"
        yield Change("ratings", words, (Edit(VIEW, path, known, _after(known, count)),))


def _after(known: StatisticsView | None, count: int) -> StatisticsView:
    """Return the statistics after ``count`` more successful calls, each rated 1.0."""
    before = known or StatisticsView(calls=0)

    def mean(value: float | None, of: int) -> float:
        return round(((value or 0.0) * of + count) / (of + count), DECIMALS)

    return before.model_copy(
        update={
            "calls": before.calls + count,
            "ratings": before.ratings + count,
            "success_rate": mean(before.success_rate, before.calls),
            "rating": mean(before.rating, before.ratings),
        }
    )
