"""How each simulated model behaves: price, latency, failures, length and quality of answers. All of it is data.

The file has ``defaults``, ``families`` (patterns over the model's name, later ones win) and ``models`` (exact names);
each layer repeats only what differs. A name that matches nothing behaves as the defaults say.
"""

from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[float, Field(ge=0, le=100)]
PicoDollars = Annotated[int, Field(ge=0)]

_MAX_REMEMBERED = 10_000
ANY_TASK = "default"
"""Key of ``quality`` for task types without an entry of their own."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Tier(_Data):
    """Prices of the whole call once its input passes ``above`` tokens."""

    above: Annotated[int, Field(gt=0)]
    input: PicoDollars
    output: PicoDollars
    cached_input: PicoDollars | None = None


class Price(_Data):
    """Pico-dollars per token; a dollar per million tokens is 1,000,000."""

    input: PicoDollars = 0
    output: PicoDollars = 0
    cached_input: PicoDollars | None = None
    """None: cached tokens cost as much as any."""
    per_request: PicoDollars = 0
    tiers: tuple[Tier, ...] = ()
    since: date | None = None
    """The day (UTC) from which the price holds; None: always."""
    next: "Price | None" = None
    """The price that follows, from its own ``since`` on."""

    def on(self, day: date) -> "Price":
        """Return the price in force on a day."""
        following = self.next
        if following is None or following.since is None or day < following.since:
            return self
        return following.on(day)

    def cost(self, input_tokens: int, cached: int, output_tokens: int) -> int:
        """Return the price of one call, ``cached`` of its input tokens read from the cache; exact."""
        rates: Price | Tier = self
        for tier in self.tiers:
            if input_tokens > tier.above:
                rates = tier
        of_cached = rates.input if rates.cached_input is None else rates.cached_input
        tokens = (input_tokens - cached) * rates.input + cached * of_cached + output_tokens * rates.output
        return tokens + self.per_request


class Latency(_Data):
    """Time to first token, reasoning included: lognormal around ``ttft_ms``, its median; then a steady rate."""

    ttft_ms: Annotated[float, Field(ge=0)]
    sigma: Annotated[float, Field(ge=0, le=3)] = 0.3
    tokens_per_second: Annotated[float, Field(gt=0)]


class Failures(_Data):
    """Shares of attempts that go wrong; at most one thing goes wrong with an attempt."""

    rate_limited: Probability = 0
    """429 with Retry-After, not billed."""
    server_error: Probability = 0
    """500 before any work, not billed."""
    overloaded: Probability = 0
    """529 before any work, not billed."""
    reset_before: Probability = 0
    """The connection is reset before any work, not billed."""
    reset_after: Probability = 0
    """The connection is reset after all the work: billed, and the caller cannot know."""
    truncated: Probability = 0
    """A stream ends early: what was produced is billed. Whole answers are not affected."""
    slow: Probability = 0
    """All times are ``slow_factor`` times longer."""
    slow_factor: Annotated[float, Field(ge=1)] = 8
    retry_after_s: Annotated[float, Field(ge=0)] = 1


class Output(_Data):
    """Length of answers: lognormal around ``median_tokens``; ``reasoning_share`` of it is hidden reasoning."""

    median_tokens: Annotated[float, Field(gt=0)] = 160
    by_task: dict[str, Annotated[float, Field(gt=0)]] = {}
    """Medians of task types whose answers are longer or shorter."""
    sigma: Annotated[float, Field(ge=0, le=3)] = 0.5
    reasoning_share: Annotated[float, Field(ge=0, lt=1)] = 0
    tool_call_rate: Probability = 0.5
    """How often a tool is called when it may be but need not."""


class Cache(_Data):
    """The prompt cache: all messages but the last are cached, if long enough, in ``hit_rate`` of the calls."""

    min_tokens: Annotated[int, Field(ge=0)] = 1024
    hit_rate: Probability = 0


class Target(_Data):
    """What the model is expected to reach, and how it is measured; planted so that breaches can be told."""

    latency_ms: Annotated[float, Field(gt=0)]
    statistic: Literal["p95 ttft"]
    task_type: str
    quality: Percent
    source: str


class Behaviour(_Data):
    """One model. ``quality`` is the known truth: the percentage of good answers by task type."""

    price: Price
    latency: Latency
    failures: Failures = Failures()
    output: Output = Output()
    cache: Cache = Cache()
    quality: dict[str, Percent]
    quality_spread: Annotated[float, Field(ge=0, le=50)] = 6
    """Standard deviation of one answer's score around the truth."""
    context_window: Annotated[int, Field(gt=0)] = 200_000
    max_concurrency: Annotated[int, Field(gt=0)] | None = None
    """Calls at a time; one more is answered 429."""
    report_cost: bool = False
    """OpenAI format: tell the cost in dollars in ``usage.cost``."""
    target: Target | None = None

    def on(self, day: date) -> "Behaviour":
        """Return the behaviour with the price in force on a day (UTC)."""
        price = self.price.on(day)
        return self if price is self.price else self.model_copy(update={"price": price})

    def quality_for(self, task_type: str | None) -> float:
        """Return the percentage of good answers to a task type."""
        return self.quality.get(task_type or ANY_TASK, self.quality.get(ANY_TASK, 50.0))


class Family(_Data):
    """What all models matching one of the patterns (``*`` and ``?``) have in common."""

    match: Annotated[tuple[str, ...], Field(min_length=1)]
    behaviour: dict[str, Any]


class BehaviourFile(_Data):
    """The whole file."""

    seed: int = 0
    rejected_keys: tuple[str, ...] = ()
    """Keys that are answered 401."""
    defaults: dict[str, Any]
    families: tuple[Family, ...] = ()
    models: dict[str, dict[str, Any]] = {}


class Behaviours:
    """Looks up the behaviour of any model name."""

    def __init__(self, file: BehaviourFile) -> None:
        self.file = file
        self._default = Behaviour.model_validate(file.defaults)
        self._known: dict[str, Behaviour] = {}
        for name in self.models:
            self._known[name] = self._build(name)

    @property
    def models(self) -> tuple[str, ...]:
        """Names that the file spells out."""
        literal = {name for family in self.file.families for name in family.match if not set(name) & set("*?[")}
        return tuple(sorted(literal | set(self.file.models)))

    def of(self, model: str) -> Behaviour:
        """Return how ``model`` behaves."""
        known = self._known.get(model)
        if known is None:
            known = self._build(model) if any(_matches(model, f) for f in self.file.families) else self._default
            if len(self._known) < _MAX_REMEMBERED:
                self._known[model] = known
        return known

    def _build(self, model: str) -> Behaviour:
        merged = self.file.defaults
        for family in self.file.families:
            if _matches(model, family):
                merged = _merged(merged, family.behaviour)
        return Behaviour.model_validate(_merged(merged, self.file.models.get(model, {})))


def load_behaviours(path: Path) -> Behaviours:
    """Read a behaviour file; raises ``OSError``, ``yaml.YAMLError`` or ``pydantic.ValidationError``."""
    return Behaviours(BehaviourFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))))


def _matches(model: str, family: Family) -> bool:
    return any(fnmatchcase(model, pattern) for pattern in family.match)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    out = dict(below)
    for key, value in above.items():
        old = out.get(key)
        out[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return out
