"""Decide: facts, task, view and policy to a choice with its chain and reasons, or to a denial. Pure (DESIGN 5).

Pipeline: deadline -> what was asked by name -> rules -> every model barred or scored -> selection -> chain -> words.
The hold is the largest bound of the chain; models whose bound does not fit a budget are barred, so no chain is over it.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from routing.asked import AUTO_ASKED, SETTINGS, Asked, asked
from routing.candidates import Field, survey
from routing.catalog import TenantPolicy
from routing.decision_cache import repeated
from routing.denial import auto_off_denial, deadline_denial, denial, forced_denial, unknown_denial
from routing.reason_codes import VetoRule
from routing.row import veto
from routing.rules import NO_RULING, Ruling, apply_rules, values_of
from routing.select import Selection, select
from routing.situation import Situation, situation
from routing.verdict import choice_of
from schemas.classification import TaskDescriptor
from schemas.decision import Choice, Denial, View
from schemas.request import RequestFacts

__all__ = ["Weighed", "area_lock", "boosts_of", "condition_values", "decide", "repeat", "ruling_of", "weigh"]


class Weighed(NamedTuple):
    """What rules and scores came to; ``selection`` None: nothing that may be chosen is left."""

    ruling: Ruling
    field: Field
    selection: Selection | None


def decide(
    facts: RequestFacts,
    task: TaskDescriptor,
    view: View,
    policy: TenantPolicy,
    now: datetime,
    number: float = 0.0,
    ruling: Ruling | None = None,
) -> Choice | Denial:
    """Return the choice or the denial for one request. The same arguments give the same bytes.

    ``number`` in [0, 1) draws where the router explores; 0 draws the best. ``ruling`` is that of ``ruling_of`` for the
    same facts, task and policy, where it is known already.
    """
    deadline = facts.constraints.deadline
    s = situation(facts, task, view, policy, now)
    if deadline is not None and deadline <= now:
        return deadline_denial(s)
    wanted, lock = named(s)
    refused = _refused(s, wanted, lock)
    if refused is not None:
        return refused
    ruling = ruling_of(facts, task, policy) if ruling is None else ruling
    again = repeat(s, wanted, lock, ruling)
    if again is not None:
        return choice_of(s, wanted, *again)
    weighed = weigh(s, wanted, lock, ruling, number)
    if weighed.selection is not None:
        return choice_of(s, wanted, weighed.field, weighed.selection)
    return denial(s, wanted, weighed.field, lock)


def repeat(s: Situation, wanted: Asked, lock: str | None, ruling: Ruling) -> tuple[Field, Selection] | None:
    """Return the kept decision about alike tasks under the values of now, where there is one that counts."""
    if s.view.cached is None or lock is not None or wanted.kind != "auto":
        return None
    return repeated(s, ruling, boosts_of(s, ruling))


def weigh(s: Situation, wanted: Asked, lock: str | None, ruling: Ruling, number: float) -> Weighed:
    """Bar or score every model, and select."""
    field = _field(s, wanted, lock, ruling)
    return Weighed(ruling, field, select(s, wanted, lock, ruling, field, number))


def named(s: Situation) -> tuple[Asked, str | None]:
    """Return what was asked for by name, and the model that the request's area is locked to."""
    wanted, lock = asked(s.facts, s.view, s.policy), area_lock(s)
    if lock is not None and wanted.forced_by == SETTINGS:
        return AUTO_ASKED, lock  # a lock of the area stands above a setting of the user
    return wanted, lock


def _refused(s: Situation, wanted: Asked, lock: str | None) -> Denial | None:
    """Return the denial of what is asked for: an unknown name, Auto switched off, another model than the lock."""
    settings = s.view.settings
    if wanted.kind == "unknown":
        return unknown_denial(s, wanted)
    if wanted.kind == "auto" and lock is None and settings is not None and settings.auto == "off":
        return auto_off_denial(s)
    if lock is not None and wanted.kind == "model" and wanted.models[0] != lock:
        barred = veto(wanted.models[0], VetoRule.AREA_LOCK, s.policy.document, f"locked to {lock}")
        return forced_denial(s, wanted, (barred,))
    return None


def area_lock(s: Situation) -> str | None:
    """Return the model that the request's area is locked to."""
    area = s.policy.area(s.facts.space, s.facts.area)
    if area is None or area.lock is None:
        return None
    reference = s.policy.names.resolve(area.lock)
    return reference.models[0] if reference.kind == "model" else None


def ruling_of(facts: RequestFacts, task: TaskDescriptor, policy: TenantPolicy) -> Ruling:
    """Return what the router's rules say about a request."""
    return apply_rules(policy.rules, condition_values(facts, task, policy), task) if policy.rules else NO_RULING


def condition_values(facts: RequestFacts, task: TaskDescriptor, policy: TenantPolicy) -> tuple[Any, ...]:
    """Return what the conditions of rules look at, inherited from area and space where the request is silent."""
    area_type = policy.area_type(facts.space, facts.area, facts.area_task_type)
    return values_of(facts, task, policy.space_type(facts), area_type, policy.plan)


def boosts_of(s: Situation, ruling: Ruling) -> dict[str, float]:
    """Return boosts by rules, by what space, area and user prefer, and to the default model of unclear texts."""
    boosts = dict(ruling.boosts)
    advice, settings = s.view.advice, s.policy.settings
    if advice is not None and advice.model is not None and settings.advice is not None:
        boosts[advice.model] = boosts.get(advice.model, 0.0) + settings.advice.boost
    for model, boost in s.policy.share_boosts(s.view.shares).items():
        boosts[model] = boosts.get(model, 0.0) + boost
    policy, scoring = s.policy, s.policy.scoring
    for prefer, avoid in _wishes(s):
        for model in policy.names.resolve_all(prefer)[0]:
            boosts[model] = boosts.get(model, 0.0) + scoring.preferred
        for model in policy.names.resolve_all(avoid)[0]:
            boosts[model] = boosts.get(model, 0.0) - scoring.avoid_for
    if policy.default_model is not None and s.task.confidence < policy.settings.confidence_floor:
        boosts[policy.default_model] = boosts.get(policy.default_model, 0.0) + scoring.default_model
    return boosts


def _wishes(s: Situation) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Yield (preferred, avoided) models of the request's space, its area and its user's settings."""
    for place in (s.policy.space(s.facts.space), s.policy.area(s.facts.space, s.facts.area)):
        if place is not None:
            yield place.prefer, place.avoid
    settings = s.view.settings
    if settings is not None:
        yield settings.preferred_models, settings.avoided_models


def _field(s: Situation, wanted: Asked, lock: str | None, ruling: Ruling) -> Field:
    """Bar or score all rows; models named by a person, a lock or a rule are looked at even outside the pool."""
    policy, task = s.policy, s.task
    lanes = policy.lanes.of(task, s.now, s.profile)
    named = wanted.models if wanted.kind == "model" else ()
    if lock is not None:
        named = (*named, lock)
    if ruling.choice is not None:
        named = (*named, *ruling.choice.models)
    pinned = wanted.models[0] if wanted.provider is not None else None
    extra = frozenset(name for name in named if not policy.competes(name, task.modality))
    if pinned is not None or extra:
        more = (
            policy.lanes.lane(
                policy.row(entry, s.now, wanted.provider if entry.id == pinned else None), task, s.profile
            )
            for entry in policy.models.values()
            if entry.id in extra or entry.id == pinned
        )
        lanes = (*(lane for lane in lanes if lane.model != pinned), *more)
    return survey(lanes, s, boosts_of(s, ruling), extra)
