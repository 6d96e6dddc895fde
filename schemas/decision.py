"""The routing decision (SPEC F4): what was chosen, why, from what, with the values it read; or the refusal."""

# A frozen event may ask for a field that its base leaves optional.
# pyright: reportGeneralTypeIssues=false
from enum import StrEnum
from typing import Any, ClassVar, Literal

from pydantic import AwareDatetime, Field

from schemas.adaptation import AppliedAdaptation
from schemas.cluster_reading import ClusterReading
from schemas.envelope import Event, Frozen
from schemas.money import Money
from schemas.user_settings import UserSettings

Health = Literal["degraded", "open"]
"""Health of ``provider/model`` where it is not good: half-open or open breaker."""


class WindowLine(Frozen):
    """One budget window as the decision saw it: half-open [start, end) in UTC, amounts in pico-dollars."""

    window: Literal["day", "month"]
    start: AwareDatetime
    end: AwareDatetime
    cap: Money
    spent: Money
    held: Money


class LevelSaid(Frozen):
    """What one level (user, space, organisation) said of a model (0..1), and its share in the score."""

    says: float
    share: float


class PreferenceView(Frozen):
    """What people's behaviour says, all levels merged: model -> score in 0..1; 0.5 and absence mean the same.

    ``version``: that of the user's row, 0 without one. The shares of a model's levels and of neutral add to 1.
    """

    version: int
    scores: dict[str, float]
    method: str | None = None
    versions: dict[str, int] | None = None
    """Level -> version of the row that was read."""
    levels: dict[str, dict[str, LevelSaid]] | None = None
    """Model -> level -> what it said; levels with too little evidence are absent."""


class StatisticsView(Frozen):
    """One model's statistics for the task type over all partitions: counts, success and rating means, latency."""

    calls: int
    success_rate: float | None = None
    rating: float | None = None
    ratings: int = 0
    """How many ratings the mean is of."""
    latency_p50_ms: float | None = None
    latency_p95_ms: float | None = None
    latency_p10_ms: float | None = None
    latency_p90_ms: float | None = None
    output_p10: float | None = None
    """Quantiles of the length of answers, in tokens."""
    output_p50: float | None = None
    output_p90: float | None = None


class OverrideView(Frozen):
    """The standing override that applies: the most specific of request, conversation, area, space, user."""

    scope: Literal["request", "conversation", "area", "space", "always"]
    model: str
    override_id: str


class CachedChoice(Frozen):
    """An ordinary decision of the same tenant about an alike task, kept for a while (SPEC R15)."""

    models: tuple[str, ...]
    tier: Literal[1, 2, 3, 4]
    codes: tuple[str, ...]
    rule: str | None = None
    confidence: float | None = None
    """Of the decision that is kept."""


AdviceKind = Literal["classify", "route"]
OrderKind = Literal["classify", "route", "embed"]
Purpose = Literal["answer", "advice", "probe"]
"""Of a call: an answer to somebody, advice before a decision, or finding out how good a model is."""
OVERHEAD: tuple[Purpose, ...] = ("advice", "probe")
"""What is no answer to anybody (SPEC B9)."""


class AdviceView(Frozen):
    """What was advised before the decision, and by whom; ``outcome`` says why there is none, if there is none."""

    order_id: str
    kind: AdviceKind
    adviser: str
    outcome: Literal["given", "unreadable", "failed"]
    task_type: str | None = None
    complexity: Literal["simple", "medium", "complex", "critical"] | None = None
    model: str | None = None


class EmbeddingView(Frozen):
    """What came of the embedding that the clusters of this request needed (SPEC R6)."""

    model: str
    """The one that was asked, or would have been."""
    outcome: Literal["given", "unreadable", "failed", "no_time", "not_allowed"]
    """``no_time``: the request could not wait for it. ``not_allowed``: budget, policy or health barred the model."""
    order_id: str | None = None
    clusters: ClusterReading | None = None
    """The scores of the vector that was given."""


class View(Frozen):
    """Every value outside request and config that a decision read; stored in it, so that it can be recomputed."""

    windows: tuple[WindowLine, ...] = ()
    per_request_cap: Money | None = None
    preference: PreferenceView | None = None
    statistics: dict[str, StatisticsView] = Field(default_factory=dict)
    health: dict[str, Health] = Field(default_factory=dict)
    conversation_model: str | None = None
    override: OverrideView | None = None
    settings: UserSettings | None = None
    """What the user has set; none for a user who never did."""
    shares: dict[str, float] = Field(default_factory=dict)
    """Model -> share of the tenant's latest decisions, where the router steers toward target shares."""
    warm_tokens: int = 0
    """Input tokens of this conversation that the provider of ``conversation_model`` still has in its prompt cache."""
    advice: AdviceView | None = None
    embedding: EmbeddingView | None = None
    """None: the clusters needed none, or its vector was known already and its scores stand in the classification."""
    cached: CachedChoice | None = None
    """The kept decision about an alike task that this one repeats, as far as nothing bars it now."""
    above_quality: float | None = None
    """An escalation: only models of which more good answers than this share are predicted may follow."""
    excluded: tuple[str, ...] = ()
    """Models already tried for this request by an earlier decision (billed failure or UNKNOWN)."""


class Candidate(Frozen):
    """A model that passed all vetoes: its terms (each 0..1, nine decimals), score, estimates and propensity."""

    model: str
    score: float
    capability: float
    cost: float
    quality: float
    latency: float
    history: float
    boost: float = 0.0
    extra: dict[str, float] | None = None
    """Terms of the tenant's own dimensions, each 0..1."""
    predicted_quality: float | None = None
    """Predicted share of good answers, 0..1."""
    estimated_cost: Money
    estimated_latency_ms: int
    propensity: float


class Veto(Frozen):
    """A model that was barred, by which rule, from which document (``name@version``)."""

    model: str
    rule: str
    source: str
    detail: str | None = None


class AttemptPlan(Frozen):
    """One model of the fallback chain: where it is served and what one attempt may cost at most."""

    model: str
    provider: str
    provider_model: str
    max_output_tokens: int
    timeout_ms: int
    bound: Money
    """No bill of one attempt can pass this: tokens bounded by bytes, output by ``max_output_tokens``."""
    estimated_cost: Money
    estimated_latency_ms: int
    prices: str | None = None
    """``tenant/name@version`` where the price is the tenant's own, not of the decision's price book."""
    adaptation: AppliedAdaptation | None = None
    """How the prompt is changed for the model (SPEC R14); estimates and bound count what it adds."""


class SignalsView(Frozen):
    """Fast signals found in the prompt (SPEC R5); the text itself is not kept."""

    has_code_blocks: bool = False
    has_file_extensions: bool = False
    has_syntax_keywords: bool = False
    is_greeting: bool = False
    is_short_question: bool = False
    is_follow_up: bool = False
    has_documents: bool = False
    has_images: bool = False
    long_conversation: bool = False
    mentions_plan: bool = False
    conversation_length: int = 0
    estimated_tokens: int = 0
    intent: Literal["create", "fix", "explain", "analyze", "review"] | None = None
    language: str | None = None
    sensitive: tuple[str, ...] = ()
    """Kinds of sensitive data that the tenant has looked for and that were found (``schemas.sensitivity``)."""


class Choice(Frozen):
    """What the pure core chose: everything of a decision but its identity, position and hold."""

    model: str
    chain: tuple[AttemptPlan, ...]
    """First the chosen model, then the fallbacks in order; never empty."""
    tier: Literal[1, 2, 3, 4]
    signals: SignalsView
    task_type: str
    complexity: str
    cluster: str | None = None
    cluster_score: float | None = None
    confidence: float
    """How sure: see ``routing.confidence``; 1 where a person or a rule decided."""
    reason: str
    """One line for people; it completes the sentence "because ..."."""
    reason_codes: tuple[str, ...]
    badge: str
    display: Literal["badge", "box", "off"] = "badge"
    """How to show it: the user's setting, else the plan's."""
    candidates: tuple[Candidate, ...]
    """The best by score, the chosen and its fallbacks, and every model that could have been drawn; best first."""
    others: dict[str, float] = Field(default_factory=dict)
    """All other models that passed the vetoes, with their score; best first."""
    vetoes: tuple[Veto, ...] = ()
    forced_by: str | None = None
    from_model: str | None = None
    profile: str | None = None
    """The capability profile whose weights counted."""
    weights: dict[str, float] | None = None
    """Weights of all terms, where a profile or dimensions of the tenant's own change the router's."""
    input_tokens: int
    output_tokens: int
    cost_low: Money = 0
    """Below it lies one call in ten like this by the chosen model, above ``cost_high`` one in ten."""
    cost_high: Money = 0
    latency_low_ms: int = 0
    latency_high_ms: int = 0
    policy: str
    catalog: str
    price_book: str
    experiment: str | None = None
    arm: str | None = None
    rule: str | None = None
    """The rule that decided, where one did: of the router, or a route of the tenant's own."""
    rule_source: str | None = None
    """The document that states it, ``kind/name@version``."""
    cascade: bool = False
    """Whether the answer is checked, and a better model follows where it is not good enough (SPEC R13)."""

    @property
    def bound(self) -> int:
        """The largest bound of one attempt in the chain: the hold."""
        return max(plan.bound for plan in self.chain)


class RefusalCode(StrEnum):
    """Why nothing was chosen; closed set."""

    BUDGET_DAY = "budget_day"
    BUDGET_MONTH = "budget_month"
    BUDGET_REQUEST = "budget_request"
    BUDGET_BLOCKED = "budget_blocked"
    CONSTRAINT_COST = "constraint_cost"
    NO_CANDIDATE = "no_candidate"
    UNKNOWN_MODEL = "unknown_model"
    UNKNOWN_TENANT = "unknown_tenant"
    UNPRICED = "unpriced"
    DEADLINE = "deadline"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    AREA_LOCK = "area_lock"
    AUTO_OFF = "auto_off"


class Denial(Frozen):
    """What the pure core refused, why, and when it would fit."""

    code: RefusalCode
    reason: str
    fits_at: AwareDatetime | None = None
    """When the cheapest barred candidate would fit its budget windows, at the earliest; None: never by waiting."""
    needed: Money | None = None
    """The hold the cheapest barred candidate would need."""
    signals: SignalsView
    task_type: str
    complexity: str
    vetoes: tuple[Veto, ...] = ()
    policy: str
    catalog: str
    price_book: str


class HoldTerms(Frozen):
    """The hold of a decision as the ledger books it."""

    hold_id: str
    amount: Money


class Position(Frozen):
    """A place in the log."""

    topic: str
    partition: int
    offset: int


class CallOrder(Event, Choice):
    """What an executor calls providers for: a decision, or the advice that comes before one."""

    request_id: str
    number: int
    """1 for the first decision of a request, then 2, 3, ...; before it -1 for an embedding, 0 for advice."""
    supersedes: str | None = None
    """The decision that this one replaces while it may still run (an override)."""
    space: str | None = None
    """As the request names it; call events repeat it."""
    execute: bool = True
    stream: bool = False
    deadline: AwareDatetime
    request_at: Position
    """Where the request lies: executors read the content there, decisions never repeat a prompt."""
    calls_from: int
    """The router's next ``provider-calls`` offset of this partition: no call record of this decision lies before it."""
    hold: HoldTerms | None = None
    view: View
    config_offset: int
    engine: str

    @property
    def purpose(self) -> Purpose:
        """What the call is for."""
        return "answer"


class DecisionMade(CallOrder):
    """A decision on ``decisions``: readable before the provider is called (SPEC F4, R17)."""

    TYPE: ClassVar[str] = "pointsman.decision.made.v1"

    type: Literal["pointsman.decision.made.v1"] = "pointsman.decision.made.v1"
    cause: Literal["request", "override", "billed_failure", "unknown", "escalation"] = "request"
    probe: bool = False
    """Whether a named model is probed: its calls say nothing about what people get."""

    @property
    def purpose(self) -> Purpose:
        """What the call is for."""
        return "probe" if self.probe else "answer"


class AdviceOrdered(CallOrder):
    """A model is asked about the request before it is decided.

    What kind of work it is, who should do it (SPEC R22), or which vector its text has (SPEC R6). The order has
    a hold of its own, is called like a decision and ends like one; its end is the event that the decision reads.
    """

    TYPE: ClassVar[str] = "pointsman.advice.ordered.v1"

    type: Literal["pointsman.advice.ordered.v1"] = "pointsman.advice.ordered.v1"
    kind: OrderKind
    options: tuple[str, ...] = ()
    """Of ``route``: the models it may name, best by score first."""
    dimensions: int | None = None
    """Of ``embed``: the length of the vector."""

    @property
    def purpose(self) -> Purpose:
        """What the call is for."""
        return "advice"


class RequestRefused(Event, Denial):
    """A refusal on ``decisions``; the final ``refused`` result goes with it."""

    TYPE: ClassVar[str] = "pointsman.request.refused.v1"

    type: Literal["pointsman.request.refused.v1"] = "pointsman.request.refused.v1"
    request_id: str
    number: int = 1
    cause: Literal["request", "override", "billed_failure", "unknown", "escalation"] = "request"
    request_at: Position
    view: View
    config_offset: int
    engine: str


class DecisionCancelled(Event):
    """The client cancelled: executors drop or stop the decision; no next decision follows."""

    TYPE: ClassVar[str] = "pointsman.decision.cancelled.v1"

    type: Literal["pointsman.decision.cancelled.v1"] = "pointsman.decision.cancelled.v1"
    request_id: str
    decision_id: str
    detail: dict[str, Any] = Field(default_factory=dict)
