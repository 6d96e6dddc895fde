"""Parts of a router document that steer beyond one score: target shares, exploration, cascades, the decision cache."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.classification import TaskType
from schemas.control_base import Milliseconds, ModelReference, Share, Strict
from schemas.money import Usd

Complexity = Literal["simple", "medium", "complex", "critical"]
COMPLEXITIES: tuple[Complexity, ...] = ("simple", "medium", "complex", "critical")
AnswerCheck = Literal["empty", "refusal", "truncated", "not_json", "broken_code"]
"""What makes an answer not good enough to be given as it is; see ``routing/answer_check.py``."""
ANSWER_CHECKS: tuple[AnswerCheck, ...] = ("empty", "refusal", "truncated", "not_json", "broken_code")


class Shares(Strict):
    """Target traffic shares (SPEC R12): targets with a tolerance, and upper limits; see ``routing/shares.py``."""

    targets: dict[ModelReference, Share] = {}
    upper_limits: dict[ModelReference, Share] = {}
    tolerance: Share = 0.05
    control: Annotated[float, Field(ge=0, le=10)] = 0
    """Gain of the soft controller: boost per unit of share that is missing; 0: targets are data for reports only."""
    window: Annotated[int, Field(ge=10, le=100_000)] = 200
    """Decisions of the tenant over which shares are counted, older ones fading."""


class Exploration(Strict):
    """How often another than the best model is tried, and which (``routing/explore.py``); propensities are logged."""

    share: Annotated[float, Field(ge=0, le=0.5)] = 0
    """Of requests that go to another model within reach, at most."""
    within: Share = 0.1
    """How far below the best score a model may be."""
    sharpness: Annotated[float, Field(ge=0, le=1e6)] = 100
    """How fast the probability falls with the gap of scores."""
    new_models: Annotated[float, Field(ge=0, le=0.2)] = 0
    """Share of requests that go to models with few calls, whatever their score."""
    new_calls: Annotated[int, Field(ge=1, le=1_000_000)] = 50
    """A model with fewer calls for a type of task is new to it; calls of probes do not count."""
    new_among: Literal["all", "preview"] = "all"
    """Which models can be new: all, or those that the catalog calls a preview."""
    probation: bool = False
    """A new model gets its part of ``new_models`` and no more, however well it scores, while another one may serve."""
    automation: tuple[Literal["human_in_loop", "automated"], ...] = ("human_in_loop",)
    complexity: tuple[Complexity, ...] = ("simple", "medium", "complex")


class Cascade(Strict):
    """Start with a cheap model, check its answer, escalate where it is not good enough (SPEC R13).

    Not for streams: their first words are shown before anything could be checked.
    """

    start_quality: Share = 0.6
    """Predicted share of good answers from which on a model may start."""
    cost_share: Share = 0.5
    """Of the best model's estimated cost: what a start may cost at most, or the best model answers at once."""
    task_types: tuple[TaskType, ...] = ()
    """Empty: all."""
    complexity: tuple[Complexity, ...] = ("simple", "medium")
    checks: tuple[AnswerCheck, ...] = ANSWER_CHECKS
    refusals: tuple[Annotated[str, StringConstraints(min_length=3, max_length=80)], ...] = (
        "i can't help",
        "i cannot help",
        "i can't assist",
        "i cannot assist",
        "i'm unable to",
        "i am unable to",
        "as an ai language model",
        "ich kann dir dabei nicht helfen",
        "ich kann ihnen dabei nicht helfen",
        "je ne peux pas vous aider",
        "no puedo ayudarte",
        "no puedo ayudarle",
    )
    """Beginnings of answers that refuse, without regard to case."""
    min_gain: Share = 0.02
    """How much better the next model's predicted quality must be."""
    max_escalations: Annotated[int, Field(ge=1, le=2)] = 1


class ConfidencePoint(Strict):
    """A point of the line from the lead of the chosen model's score to the confidence of a decision."""

    lead: Annotated[float, Field(ge=-2, le=2)]
    """Its score minus the mean score of the best five others."""
    near: Share
    """How often no other model is worth more than two points (0.02 of score) more, where the lead is this."""


class Advice(Strict):
    """Ask a model before deciding (SPEC R22): off unless written down, for high stakes only; its spend is held too."""

    kind: Literal["classify", "route"]
    """``classify``: what kind of work it is. ``route``: which of the best models should do it."""
    model: ModelReference
    """The adviser: one model."""
    complexity: tuple[Complexity, ...] = ("complex", "critical")
    below_confidence: Share = 1.0
    """Only where the classification is less sure than this."""
    min_priority: Annotated[int, Field(ge=1, le=5)] = 1
    timeout_ms: Milliseconds = 1_500
    """Longest wait; then the local tiers decide."""
    max_cost: Annotated[Usd, Field(gt=0)] = 10_000_000_000
    """Dollars that one advice may cost at most."""
    max_output_tokens: Annotated[int, Field(ge=16, le=4096)] = 128
    options: Annotated[int, Field(ge=2, le=20)] = 6
    """How many models ``route`` may choose from."""
    boost: Annotated[float, Field(ge=0, le=1)] = 0.2
    """For the model that ``route`` names."""


class DecisionCache(Strict):
    """Decide alike for alike tasks of one tenant within ``ttl_ms``; never past a change of config (SPEC R15)."""

    ttl_ms: Milliseconds = 3_600_000
