"""The decision cache (SPEC R15): alike tasks of one tenant are decided alike for a while, at a fraction of the work.

What is kept is the order of models and why, never an amount: budget, health and every veto are read anew for the kept
models, and where the first of them is barred the request is decided afresh. The key holds the tenant and all that an
ordinary decision depends on, sizes in steps of a quarter of a power of two; an entry counts only under the config that
it was made under, so a decision never outlives a change of config, and no key is shared by two tenants.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from routing.candidates import Field, survey
from routing.explore import explores
from routing.histogram import bucket_of
from routing.reason_codes import ReasonCode
from routing.rules import Ruling
from routing.select import Selection
from routing.situation import Situation
from routing.tenant_policy import TenantPolicy
from schemas.classification import TaskDescriptor
from schemas.decision import CachedChoice, Choice, View
from schemas.request import RequestFacts

_FACTS: Final = (
    "space",
    "area",
    "plan",
    "job_type",
    "mode",
    "latency_class",
    "automation",
    "stickiness",
    "max_output_tokens",
    "execute",
)
_TASK: Final = (
    "type",
    "complexity",
    "modality",
    "requires_extended_thinking",
    "needs_vision",
    "needs_tools",
    "cluster",
)
_KEPT_CODES: Final = frozenset(
    code.value
    for code in (
        ReasonCode.RULE_LOCK,
        ReasonCode.RULE_RESTRICT,
        ReasonCode.RULE_BOOST,
        ReasonCode.RULE_UNAVAILABLE,
        ReasonCode.RULE_FALLBACK,
        ReasonCode.CHEAPEST,
        ReasonCode.FASTEST,
        ReasonCode.AREA_LOCK,
        ReasonCode.DEFAULT_LOW_CONFIDENCE,
        ReasonCode.BEST_SCORE,
        ReasonCode.PREFERENCE,
        ReasonCode.ONLY_CANDIDATE,
    )
)
"""Codes that say how the choice fell; those that praise the model are found anew."""


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """A kept choice, the config position it was made under, and until when (Unix ms) it counts."""

    choice: CachedChoice
    config_offset: int
    until_ms: int


def cache_key(
    facts: RequestFacts, task: TaskDescriptor, view: View, policy: TenantPolicy, ruling: Ruling
) -> str | None:
    """Return the key of an ordinary decision, or None for one that is to be made afresh.

    Afresh: what a person named or overrode, sensitive requests, later decisions of a request, routers that draw, check
    answers, steer shares or predict from the text, and limits of the request's own.
    """
    settings = policy.settings
    if (
        settings.cache is None
        or facts.model != "auto"
        or facts.sensitive
        or task.signals.sensitive
        or view.override is not None
        or (view.settings is not None and view.settings.auto != "on")
        or view.excluded
        or view.advice is not None
        or task.predictions
        or facts.constraints.model_fields_set
        or settings.cascade is not None
        or policy.share_control is not None
        or explores(policy.exploration, facts, task.complexity)
    ):
        return None
    scores: Mapping[str, float] = view.preference.scores if view.preference is not None else {}
    parts: tuple[Any, ...] = (
        facts.tenant,
        *[getattr(facts, name) for name in _FACTS],
        *[getattr(task, name) for name in _TASK],
        bucket_of(task.estimated_input_tokens),
        bucket_of(task.input_token_bound),
        bucket_of(task.estimated_output_tokens),
        sorted(task.type_shares.items()),
        sorted(task.complexity_shares.items()),
        task.confidence < settings.confidence_floor,
        view.settings,
        view.conversation_model,
        view.warm_tokens > 0,
        [(rule.source, rule.name) for rule in ruling.matched],
        [(model, round(score, 2)) for model, score in sorted(scores.items())],
    )
    return blake2b(repr(parts).encode(), digest_size=12).hexdigest()


def kept_choice(choice: Choice) -> CachedChoice:
    """Return what is kept of a decision: its models in order, and what led to them."""
    return CachedChoice(
        models=tuple(plan.model for plan in choice.chain),
        tier=choice.tier,
        codes=tuple(code for code in choice.reason_codes if code in _KEPT_CODES),
        rule=choice.rule,
        confidence=choice.confidence,
    )


def repeated(s: Situation, ruling: Ruling, boosts: Mapping[str, float]) -> tuple[Field, Selection] | None:
    """Return the kept choice under the values of now, or None: its first model is barred, or its rule holds no more."""
    kept = s.view.cached
    if kept is None:
        return None
    rule = ruling.choice if ruling.choice is not None and ruling.choice.name == kept.rule else None
    if rule is None and kept.rule is not None:
        return None
    field = survey(s.policy.lanes.few(kept.models, s.task, s.now, s.profile), s, boosts)
    known = {item.model: item for item in field.ranked}
    if kept.models[0] not in known:
        return None
    chain = [known[model] for model in kept.models if model in known]
    codes = (*(ReasonCode(code) for code in kept.codes), ReasonCode.CACHED)
    sure = s.task.confidence if kept.confidence is None else kept.confidence
    return field, Selection(
        chain[0], tuple(chain[1:]), kept.tier, codes, rule, sure=rule is not None, kept_confidence=sure
    )
