"""What a request inherits where it is silent: space -> area -> request, tenant -> router; with the source of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from routing.bars import sensitive_list
from routing.situation import Situation

REQUEST = "request"


@dataclass(frozen=True, slots=True)
class Inherited:
    """A value that holds for a request, and where it stands: ``request`` or a document with its part."""

    name: str
    value: Any
    source: str


def inherited(s: Situation) -> tuple[Inherited, ...]:
    """Return what holds for a request; values that stand nowhere are left out."""
    found = (*_of_places(s), *_of_documents(s), *_limits(s))
    return tuple(item for item in found if item.value not in (None, (), ""))


def _of_places(s: Situation) -> Iterator[Inherited]:
    facts, policy = s.facts, s.policy
    space, area = policy.space(facts.space), policy.area(facts.space, facts.area)
    in_space = f"{policy.document} spaces.{facts.space}"
    in_area = f"{policy.document} areas.{facts.area}"
    yield Inherited("space", facts.space, REQUEST)
    yield Inherited("area", facts.area, REQUEST)
    named = facts.space_type is not None
    yield Inherited("space type", policy.space_type(facts), REQUEST if named else in_space)
    named = facts.area_task_type is not None and policy.taxonomy.type_named(facts.area_task_type) is not None
    kind = policy.area_type(facts.space, facts.area, facts.area_task_type)
    yield Inherited("area task type", kind, REQUEST if named else in_area)
    if area is not None:
        yield Inherited("lock", area.lock, in_area)
    own = [(area, in_area), (space, in_space)]
    source = next((place for one, place in own if one is not None and one.profile is not None), "view")
    yield Inherited("profile", s.profile, source)
    settings = s.view.settings
    if settings is not None:
        yield Inherited("prefers", settings.preferred_models, "view")
        yield Inherited("avoids", settings.avoided_models, "view")
    for place, source in ((space, in_space), (area, in_area)):
        if place is not None:
            yield Inherited("prefers", place.prefer, source)
            yield Inherited("avoids", place.avoid, source)


def _of_documents(s: Situation) -> Iterator[Inherited]:
    facts, policy, own, settings = s.facts, s.policy, s.policy.own, s.policy.settings
    router = f"policy/{policy.policy}"
    yield Inherited("plan", facts.plan or own.plan, REQUEST if facts.plan else policy.document)
    for plan in policy.plans.documents:
        yield Inherited("plan includes", plan.pool, plan.document_key)
    yield Inherited("approved models", own.approved_models, policy.document)
    yield Inherited("avoided models", own.avoid_models, policy.document)
    if s.sensitive:
        listed = sensitive_list(policy)
        source = policy.document if own.sensitive_models else router
        yield Inherited("sensitive: only", listed or "all of the pool", source)
    yield Inherited("default model", policy.default_model, policy.document if own.default_model else router)
    weights = ", ".join(f"{term} {weight:g}" for term, weight in policy.weights.items())
    yield Inherited("weights", weights, policy.document if own.weights else router)
    sticky = facts.stickiness or settings.stickiness
    yield Inherited("stickiness", sticky, REQUEST if facts.stickiness else router)


def _limits(s: Situation) -> Iterator[Inherited]:
    facts, limits, policy = s.facts, s.facts.constraints, s.policy
    source = REQUEST if facts.max_output_tokens else f"policy/{policy.policy}"
    yield Inherited("max output tokens", s.max_output, source)
    yield Inherited("min quality", s.min_quality or None, s.quality_source)
    limited = limits.max_latency_ms is not None or limits.deadline is not None
    if limited or (policy.max_interactive_latency_ms is not None and facts.latency_class == "interactive"):
        yield Inherited("max latency ms", s.max_latency, s.latency_source)
    yield Inherited("max cost", limits.max_cost, REQUEST)
