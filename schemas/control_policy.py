"""A router document: weights, rules of tiers 1 to 3, limits, defaults; how requests are routed (SPEC R4-R10, R21)."""

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.classification import TaskType
from schemas.control_adaptation import Adaptation
from schemas.control_base import DocumentBase, DocumentReference, Milliseconds, ModelReference, Share, Strict
from schemas.control_preferences import Preferences
from schemas.control_steering import Advice, Cascade, Complexity, ConfidencePoint, DecisionCache, Exploration, Shares
from schemas.control_taxonomy import CapabilityName
from schemas.envelope import Name
from schemas.money import Usd
from schemas.request import CopilotMode, JobType, SpaceType
from schemas.sensitivity import SensitiveDetection

Layer = Literal["area", "job", "mode", "planning", "space", "signal", "cluster", "specialisation"]
LAYERS: tuple[Layer, ...] = ("area", "job", "mode", "planning", "space", "signal", "cluster", "specialisation")
"""Most specific first: the default precedence of rules."""
LifecycleState = Literal["active", "preview", "deprecated", "retired"]
TokenCount = Annotated[int, Field(ge=1, le=10_000_000)]


class Weights(Strict):
    """Weights of the five terms of the score; they sum to 1 (SPEC R9)."""

    capability: Share = 0.35
    cost: Share = 0.20
    quality: Share = 0.20
    latency: Share = 0.15
    history: Share = 0.10

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        total = self.capability + self.cost + self.quality + self.latency + self.history
        if abs(total - 1) > 1e-9:
            message = f"weights sum to 1, these to {total:.6g}"
            raise ValueError(message)
        return self


class When(Strict):
    """Conditions of a rule: all that are given must hold; a list holds when it contains the request's value."""

    space_type: tuple[SpaceType, ...] = ()
    space: tuple[Name, ...] = ()
    area: tuple[Name, ...] = ()
    area_task_type: tuple[TaskType, ...] = ()
    mode: tuple[CopilotMode, ...] = ()
    job_type: tuple[JobType, ...] = ()
    task_type: tuple[TaskType, ...] = ()
    complexity: tuple[Complexity, ...] = ()
    cluster: tuple[str, ...] = ()
    intent: tuple[Literal["create", "fix", "explain", "analyze", "review"], ...] = ()
    language: tuple[str, ...] = ()
    plan: tuple[Name, ...] = ()
    team: tuple[Name, ...] = ()
    use_case: tuple[Name, ...] = ()
    automation: tuple[Literal["human_in_loop", "automated"], ...] = ()
    latency_class: tuple[Literal["interactive", "background"], ...] = ()
    planning: bool | None = None
    assist: bool | None = None
    sensitive: bool | None = None
    tools: bool | None = None
    code_blocks: bool | None = None
    documents: bool | None = None
    images: bool | None = None
    greeting: bool | None = None
    short_question: bool | None = None
    follow_up: bool | None = None
    long_conversation: bool | None = None
    mentions_plan: bool | None = None
    involves_code: bool | None = None
    min_tokens: Annotated[int, Field(ge=1)] | None = None
    """Estimated input tokens."""
    min_confidence: Share | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("a rule has at least one condition")
        return self


class Rule(Strict):
    """One rule of tier 1 or 2, or, of layer ``cluster``, 3.

    ``lock``: the models in their order, the first that no constraint bars. ``restrict``: only these, the score decides.
    ``boost``: all compete, these gain ``boost``. Of the locks and restrictions that match, the one of the most specific
    layer holds (then the one listed first); boosts add up. A wildcard or a suffix ``:floor`` / ``:nitro`` in ``models``
    is replaced by the models it means, cheapest or fastest first with a suffix.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
    layer: Layer
    when: When
    effect: Literal["lock", "restrict", "boost"]
    models: Annotated[tuple[ModelReference, ...], Field(min_length=1)]
    boost: Annotated[float, Field(ge=-1, le=1)] = 0.1
    min_quality: Annotated[float, Field(ge=0, le=100)] | None = None
    """Models below it are not used by this rule (the cheapest that is good enough)."""
    otherwise: Literal["score", "deny"] = "score"
    """When every model listed is barred: let the score choose among all, or refuse."""
    because: Annotated[str, StringConstraints(min_length=3, max_length=200)]
    """Completes "because ..."; shown to people."""


class Scoring(Strict):
    """Constants of the five terms and the boosts; formulas in ``routing/score.py``."""

    required: dict[Complexity, Annotated[float, Field(gt=0, le=100)]] = {
        "simple": 60,
        "medium": 80,
        "complex": 88,
        "critical": 95,
    }
    """Ability that suffices at a complexity: more earns nothing."""
    sharpness: Annotated[int, Field(ge=1, le=8)] = 4
    """Power by which ability short of ``required`` loses worth."""
    cost_half: dict[Complexity, Annotated[Usd, Field(gt=0)]] = {
        "simple": 1_000_000_000,
        "medium": 5_000_000_000,
        "complex": 30_000_000_000,
        "critical": 100_000_000_000,
    }
    """Estimated dollars at which the cost term is one half."""
    cost_form: Literal["ratio", "linear"] = "ratio"
    """``ratio`` never reaches zero; ``linear`` is quality minus a price per dollar: the form of learned routers."""
    pacing: Annotated[float, Field(ge=0, le=1)] = 0
    """How much more cost counts while a budget is spent faster than its time passes; 0: not at all."""
    latency_half_ms: dict[Literal["interactive", "background"], Milliseconds] = {
        "interactive": 6_000,
        "background": 120_000,
    }
    history_prior: Share = 0.8
    history_strength: Annotated[float, Field(gt=0, le=1e6)] = 20
    """Weight of the prior, in calls."""
    rating_strength: Annotated[float, Field(gt=0, le=1e6)] = 60
    """Weight of what is expected of a model's answers before they are rated, in ratings."""
    best_for: Annotated[float, Field(ge=0, le=1)] = 0.05
    avoid_for: Annotated[float, Field(ge=0, le=1)] = 0.10
    preferred: Annotated[float, Field(ge=0, le=1)] = 0.05
    tools: Annotated[float, Field(ge=0, le=1)] = 0.05
    """For models that follow instructions and call tools best, when the request has tools (SPEC R18)."""
    sticky: Annotated[float, Field(ge=0, le=1)] = 0.03
    """For the conversation's model: its prompt cache is warm (SPEC R19)."""
    sticky_conversation: Annotated[float, Field(ge=0, le=1)] = 0.25
    """The same with stickiness per conversation."""
    prompt_cache_ms: Annotated[int, Field(ge=0, le=86_400_000)] = 300_000
    """How long a provider keeps the prompt of a conversation cached: so long its tokens are estimated at that price."""
    degraded: Annotated[float, Field(ge=0, le=1)] = 0.10
    """Taken from models whose provider is degraded."""
    preference: Annotated[float, Field(ge=0, le=2)] = 1.0
    """Factor on (preference score - 0.5)."""
    default_model: Annotated[float, Field(ge=0, le=1)] = 0.2
    """For the default model, when the classification is not sure."""
    boost_cap: Annotated[float, Field(ge=0, le=1)] = 0.4


class Profile(Strict):
    """A capability profile (SPEC U5): weights of its own, and abilities that count beside those the work needs."""

    weights: Weights
    abilities: dict[CapabilityName, Share] = {}
    """They sum to 1; none: only what the work needs counts."""
    emphasis: Share = 0.5
    """How much the profile's abilities count against the work's."""

    @model_validator(mode="after")
    def _abilities_sum_to_one(self) -> Self:
        if self.abilities and abs(sum(self.abilities.values()) - 1) > 1e-9:
            raise ValueError("abilities sum to 1")
        return self


class ClusterUse(Strict):
    """Which clusters prompts are compared with, when, and what follows (SPEC R6)."""

    document: DocumentReference
    when: Literal["always", "unsure"] = "unsure"
    """``unsure``: only where the classification is less sure than the document's ``unsure_below``."""
    effect: Literal["lock", "restrict", "boost", "none"] = "none"
    """Makes a rule of layer ``cluster`` of each cluster's models, named ``cluster-`` and the cluster's name."""
    boost: Annotated[float, Field(ge=-1, le=1)] = 0.1


class ModelTarget(Strict):
    """What a model is expected to reach (SPEC A10), with the statistic it is judged by."""

    latency_ms: Milliseconds
    latency_statistic: Literal["ttft_p50", "ttft_p95", "total_p50", "total_p95"] = "total_p50"
    quality: Share
    quality_measure: str


class PredictorChoice(Strict):
    """The trained predictor that says how well each model would answer a prompt (SPEC R16)."""

    name: DocumentReference


class PolicyDocument(DocumentBase):
    """A router. ``pool`` bounds which models compete; the references of ``rules`` may name others of the pool only."""

    kind: Literal["policy"] = "policy"
    pool: Annotated[tuple[ModelReference, ...], Field(min_length=1)] = ("*",)
    lifecycle: tuple[LifecycleState, ...] = ("active", "preview", "deprecated")
    """States of models that may be chosen."""
    weights: Weights = Weights()
    scoring: Scoring = Scoring()
    preferences: Preferences = Preferences()
    profiles: Annotated[dict[Name, Profile], Field(max_length=50)] = {}
    """By name: what spaces, areas and users may ask for instead of ``weights``."""
    default_model: ModelReference | None = None
    """Favoured when the classification is less sure than ``confidence_floor`` and no rule decides."""
    confidence_floor: Share = 0.35
    precedence: tuple[Layer, ...] = LAYERS
    rules: Annotated[tuple[Rule, ...], Field(max_length=1000)] = ()
    clusters: ClusterUse | None = None
    """Without it no prompt is compared with clusters."""
    fallbacks: dict[ModelReference, tuple[ModelReference, ...]] = {}
    """Fallback chain of a model, before the next best by score."""
    adaptations: Annotated[dict[ModelReference, Adaptation], Field(max_length=500)] = {}
    """How prompts are changed for a model; of several references that mean it, the first listed counts."""
    chain_length: Annotated[int, Field(ge=1, le=5)] = 3
    forced_fallback: bool = False
    """Whether a model that a person forced may be replaced by others when its provider fails."""
    sensitive_models: tuple[ModelReference, ...] = ()
    """The only models that may see requests flagged sensitive; empty: all of the pool."""
    sensitive_detection: SensitiveDetection | None = None
    """What makes a request count as sensitive beside its caller's flag; nothing is looked for unless it says so."""
    max_output_tokens: dict[TaskType | Literal["default"], TokenCount] = {"default": 2048}
    min_quality: dict[Literal["human_in_loop", "automated"], Annotated[float, Field(ge=0, le=100)]] = {}
    """Quality floor by automation (SPEC R1): automated work is held to a stricter one."""
    timeout_ms: dict[Literal["interactive", "background"], Milliseconds] = {
        "interactive": 60_000,
        "background": 600_000,
    }
    """Of one attempt."""
    deadline_ms: dict[Literal["interactive", "background"], Milliseconds] = {
        "interactive": 120_000,
        "background": 1_800_000,
    }
    """Of the request, when it sets none."""
    stickiness: Literal["message", "conversation"] = "message"
    predictor: PredictorChoice | None = None
    """Without one the prior of a model's quality is the catalog's ability for the type of task."""
    exploration: Exploration = Exploration()
    logged_candidates: Annotated[int, Field(ge=1, le=1000)] = 5
    """Models whose terms and estimates a decision records; of all others it records the score."""
    confidence: Annotated[tuple[ConfidencePoint, ...], Field(max_length=50)] = ()
    """How sure a decision is by its lead, rising (``routing/confidence.py``). None: that of the classification."""
    advice: Advice | None = None
    cascade: Cascade | None = None
    cache: DecisionCache | None = None
    shares: Shares | None = None
    targets: dict[ModelReference, ModelTarget] = {}

    @model_validator(mode="after")
    def _rules_once_precedence_whole(self) -> Self:
        names = [rule.name for rule in self.rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            message = f"rule names appear once; twice: {twice}"
            raise ValueError(message)
        if sorted(self.precedence) != sorted(LAYERS):
            message = f"precedence lists each layer once: {', '.join(LAYERS)}"
            raise ValueError(message)
        pairs = list(pairwise(self.confidence))
        if any(after.lead <= before.lead or after.near < before.near for before, after in pairs):
            raise ValueError("points of confidence rise in lead, and do not fall in near")
        if "default" not in self.max_output_tokens:
            raise ValueError("max_output_tokens has an entry `default`")
        return self
