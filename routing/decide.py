"""Decide: facts, task, view and policy to a choice with its chain and reasons, or to a denial. Pure (DESIGN 5).

Pipeline: deadline -> what was asked by name -> rules -> every model barred or scored -> selection -> chain -> words.
The hold is the largest bound of the chain; models whose bound does not fit a budget are barred, so no chain is over it.
"""

from datetime import datetime

from routing.asked import Asked, asked
from routing.candidates import Field, survey
from routing.catalog import TenantPolicy
from routing.decision_cache import repeated
from routing.denial import deadline_denial, denial, forced_denial, unknown_denial
from routing.reason_codes import VetoRule
from routing.rules import NO_RULING, Ruling, apply_rules, values_of
from routing.select import Selection, select
from routing.situation import Situation, situation
from routing.tenant_policy import veto
from routing.verdict import choice_of
from schemas.classification import TaskDescriptor
from schemas.decision import Choice, Denial, View
from schemas.request import RequestFacts

__all__ = ["decide", "ruling_of"]


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
    wanted = asked(facts, view, policy)
    if wanted.kind == "unknown":
        return unknown_denial(s, wanted)
    lock = _area_lock(s)
    if lock is not None and wanted.kind == "model" and wanted.models[0] != lock:
        barred = veto(wanted.models[0], VetoRule.AREA_LOCK, policy.document, f"locked to {lock}")
        return forced_denial(s, wanted, (barred,))
    ruling = ruling_of(facts, task, policy) if ruling is None else ruling
    if view.cached is not None and lock is None and wanted.kind == "auto":
        again = repeated(s, ruling, _boosts(s, ruling))
        if again is not None:
            return choice_of(s, wanted, *again)
    field = _field(s, wanted, lock, ruling)
    selection = select(s, wanted, lock, ruling, field, number)
    if isinstance(selection, Selection):
        return choice_of(s, wanted, field, selection)
    return denial(s, wanted, field, lock)


def _area_lock(s: Situation) -> str | None:
    area = s.policy.area(s.facts.space, s.facts.area)
    if area is None or area.lock is None:
        return None
    reference = s.policy.names.resolve(area.lock)
    return reference.models[0] if reference.kind == "model" else None


def ruling_of(facts: RequestFacts, task: TaskDescriptor, policy: TenantPolicy) -> Ruling:
    """Return what the router's rules say about a request."""
    if not policy.rules:
        return NO_RULING
    area_type = policy.area_type(facts.space, facts.area, facts.area_task_type)
    values = values_of(facts, task, policy.space_type(facts), area_type, policy.plan)
    return apply_rules(policy.rules, values, task)


def _boosts(s: Situation, ruling: Ruling) -> dict[str, float]:
    """Return boosts by rules, by what space and area prefer, and to the default model when the text says little."""
    boosts = dict(ruling.boosts)
    for model, boost in s.policy.share_boosts(s.view.shares).items():
        boosts[model] = boosts.get(model, 0.0) + boost
    policy, scoring = s.policy, s.policy.scoring
    for place in (policy.space(s.facts.space), policy.area(s.facts.space, s.facts.area)):
        if place is not None:
            for model in policy.names.resolve_all(place.prefer)[0]:
                boosts[model] = boosts.get(model, 0.0) + scoring.preferred
            for model in policy.names.resolve_all(place.avoid)[0]:
                boosts[model] = boosts.get(model, 0.0) - scoring.avoid_for
    if policy.default_model is not None and s.task.confidence < policy.settings.confidence_floor:
        boosts[policy.default_model] = boosts.get(policy.default_model, 0.0) + scoring.default_model
    return boosts


def _field(s: Situation, wanted: Asked, lock: str | None, ruling: Ruling) -> Field:
    """Bar or score all rows; models named by a person, a lock or a rule are looked at even outside the pool."""
    policy, task = s.policy, s.task
    lanes = policy.lanes(task.modality, task.type, task.complexity, s.now)
    named = wanted.models if wanted.kind == "model" else ()
    if lock is not None:
        named = (*named, lock)
    if ruling.choice is not None:
        named = (*named, *ruling.choice.models)
    pinned = wanted.models[0] if wanted.provider is not None else None
    extra = frozenset(name for name in named if not policy.competes(name, task.modality))
    if pinned is not None or extra:
        more = (
            policy.lane(
                policy.row(entry, s.now, wanted.provider if entry.id == pinned else None), task.type, task.complexity
            )
            for entry in policy.models.values()
            if entry.id in extra or entry.id == pinned
        )
        lanes = (*(lane for lane in lanes if lane.model != pinned), *more)
    return survey(lanes, s, _boosts(s, ruling), extra)
