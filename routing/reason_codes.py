"""The closed set of reasons: why a model was chosen (``ReasonCode``), why one was barred (``VetoRule``). SPEC R17.

``docs/reference/reason-codes.md`` explains each; a test keeps page and enums equal.
"""

from enum import StrEnum
from typing import Final

from schemas.decision import RefusalCode


class ReasonCode(StrEnum):
    """Why the chosen model was chosen; a decision carries one or more."""

    FORCED_REQUEST = "forced_request"
    FORCED_OVERRIDE = "forced_override"
    FORCED_SETTINGS = "forced_settings"
    POOL = "pool"
    CHEAPEST = "cheapest"
    FASTEST = "fastest"
    AREA_LOCK = "area_lock"
    TENANT_ROUTE = "tenant_route"
    RULE_LOCK = "rule_lock"
    RULE_RESTRICT = "rule_restrict"
    RULE_BOOST = "rule_boost"
    RULE_UNAVAILABLE = "rule_unavailable"
    RULE_FALLBACK = "rule_fallback"
    SENSITIVE = "sensitive"
    SENSITIVE_DETECTED = "sensitive_detected"
    DEFAULT_LOW_CONFIDENCE = "default_low_confidence"
    BEST_SCORE = "best_score"
    CAPABILITY_MATCH = "capability_match"
    COST_EFFICIENT = "cost_efficient"
    HIGH_QUALITY = "high_quality"
    FAST = "fast"
    HISTORY = "history"
    BEST_FOR_TASK = "best_for_task"
    PREFERENCE = "preference"
    ADVISED = "advised"
    UNADVISED = "unadvised"
    CACHED = "cached"
    CASCADE_START = "cascade_start"
    ESCALATED = "escalated"
    EXPLORED = "explored"
    NEW_MODEL = "new_model"
    PROBATION = "probation"
    TARGET_SHARE = "target_share"
    TENANT_PREFERENCE = "tenant_preference"
    SETTINGS_PREFERENCE = "settings_preference"
    PROFILE = "profile"
    TOOLS = "tools"
    STICKY = "sticky"
    BUDGET_NARROWED = "budget_narrowed"
    ONLY_CANDIDATE = "only_candidate"
    DEPRECATED_MODEL = "deprecated_model"
    RETIRED_MODEL = "retired_model"


class VetoRule(StrEnum):
    """What barred a model; every veto also names the document that says so."""

    RETIRED = "retired"
    NOT_IN_POOL = "not_in_pool"
    NO_ENDPOINT = "no_endpoint"
    DIMENSION = "dimension"
    UNPRICED = "unpriced"
    NOT_IN_PLAN = "not_in_plan"
    NOT_APPROVED = "not_approved"
    NOT_APPROVED_SENSITIVE = "not_approved_sensitive"
    AVOIDED = "avoided"
    AREA_LOCK = "area_lock"
    MODALITY = "modality"
    JOB = "job"
    CONTEXT_WINDOW = "context_window"
    VISION = "vision"
    TOOLS = "tools"
    MIN_QUALITY = "min_quality"
    MAX_LATENCY = "max_latency"
    MAX_COST = "max_cost"
    PER_REQUEST_CAP = "per_request_cap"
    BUDGET_DAY = "budget_day"
    BUDGET_MONTH = "budget_month"
    PROVIDER_OPEN = "provider_open"
    EXCLUDED = "excluded"
    NOT_BETTER = "not_better"


BUDGET_RULES: Final = frozenset({VetoRule.BUDGET_DAY.value, VetoRule.BUDGET_MONTH.value})
REFUSAL_OF: Final = {
    VetoRule.UNPRICED.value: RefusalCode.UNPRICED,
    VetoRule.AREA_LOCK.value: RefusalCode.AREA_LOCK,
    VetoRule.MAX_COST.value: RefusalCode.CONSTRAINT_COST,
    VetoRule.PER_REQUEST_CAP.value: RefusalCode.BUDGET_REQUEST,
    VetoRule.BUDGET_DAY.value: RefusalCode.BUDGET_DAY,
    VetoRule.BUDGET_MONTH.value: RefusalCode.BUDGET_MONTH,
}
"""Veto -> code of the refusal when it barred the last or the forced model; others are ``no_candidate``."""
