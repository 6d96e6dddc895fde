"""A model of the catalog in the form the decision reads: plain numbers, prices by date, ability by type of task."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from routing.pricing import Rates
from schemas.control_catalog import Capabilities, Model, ServedBy

ABILITIES: Final = ("coding", "reasoning", "creative", "speed", "context_handling", "instruction")
_QUALITY: Final = ("coding", "reasoning", "creative", "context_handling", "instruction")


@dataclass(frozen=True, slots=True, eq=False)
class ModelEntry:
    """One model. ``match`` maps a task type to the ability for it, ``quality`` is the mean ability; both 0..100."""

    id: str
    name: str
    maker: str
    modalities: frozenset[str]
    jobs: frozenset[str]
    served_by: tuple[ServedBy, ...]
    match: Mapping[str, float]
    quality: float
    capabilities: Capabilities
    ms_per_token: float
    ttft_ms: int
    context_window: int
    max_output_tokens: int
    vision: bool
    tools: bool
    thinking: bool
    tool_skill: float
    best_for: frozenset[str]
    avoid_for: frozenset[str]
    cost_tier: str
    state: str
    successor: str | None
    prices: tuple[tuple[datetime, Rates], ...]
    own: bool = False
    """Whether it is a model of the tenant's own, not of the catalog."""
    own_prices_since: datetime | None = None
    """From when on the prices are those of the tenant's document, not of the price book."""


def quality(capabilities: Capabilities) -> float:
    """Return the mean of the five abilities other than speed, 0..100: what ``min_quality`` is compared with."""
    return float(sum(getattr(capabilities, name) for name in _QUALITY)) / len(_QUALITY)


def match(capabilities: Capabilities, needs: Mapping[str, float]) -> float:
    """Return the ability for a task whose needs are weights of abilities that sum to 1; 0..100."""
    return float(sum(weight * getattr(capabilities, name) for name, weight in needs.items()))


def compile_model(
    model: Model, needs: Mapping[str, Mapping[str, float]], prices: tuple[tuple[datetime, Rates], ...]
) -> ModelEntry:
    """Return the entry of ``model``; ``needs`` maps each task type to its weights of abilities."""
    return ModelEntry(
        id=model.id,
        name=model.name,
        maker=model.maker,
        modalities=frozenset(model.modalities),
        jobs=frozenset(job.value for job in model.jobs),
        served_by=model.served_by,
        match={kind: round(match(model.capabilities, weights), 9) for kind, weights in needs.items()},
        quality=round(quality(model.capabilities), 9),
        capabilities=model.capabilities,
        ms_per_token=1000 / model.tokens_per_second,
        ttft_ms=model.ttft_ms,
        context_window=model.context_window,
        max_output_tokens=model.max_output_tokens,
        vision=model.vision,
        tools=model.tools,
        thinking=model.thinking,
        tool_skill=round(model.capabilities.instruction / 100, 9) if model.tools else 0.0,
        best_for=frozenset(kind.value for kind in model.best_for),
        avoid_for=frozenset(kind.value for kind in model.avoid_for),
        cost_tier=model.cost_tier,
        state=model.lifecycle.state,
        successor=model.lifecycle.successor,
        prices=prices,
    )
