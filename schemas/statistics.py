"""Rows of the feedback tables: per-user preference scores and additive model statistics (DESIGN 9)."""

from pydantic import AwareDatetime, Field

from schemas.envelope import Frozen


class ModelPreference(Frozen):
    """What one user's behaviour says about one model: counts behind the score, and the score in 0..1."""

    score: float = 0.5
    answers: int = 0
    overrides_to: int = 0
    overrides_from: int = 0
    ratings: int = 0
    rating_sum: float = 0.0
    regenerations: int = 0
    conversations: int = 0
    conversation_length_sum: float = 0.0


class PreferenceRow(Frozen):
    """Value of ``preferences`` (key ``tenant|user``): readers ignore a version not above theirs."""

    version: int
    tenant: str
    user: str
    observations: int
    models: dict[str, ModelPreference]
    updated_at: AwareDatetime


class ModelStatisticsRow(Frozen):
    """Value of ``model-stats`` (key ``partition|model|task_type``): sums of one partition; readers add partitions up.

    ``latency_buckets``: log2-quarter-octave histogram, bucket -> count; bucket b holds latencies up to 2**(b/4) ms.
    """

    version: int
    partition: int
    model: str
    task_type: str
    calls: int = 0
    successes: int = 0
    failures: int = 0
    unknowns: int = 0
    ratings: int = 0
    rating_sum: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_pico: int = 0
    latency_buckets: dict[int, int] = Field(default_factory=dict)
    output_buckets: dict[int, int] = Field(default_factory=dict)
    """The same of the tokens of whole answers: bucket b holds lengths up to 2**(b/4) tokens."""
    ttft_buckets: dict[int, int] = Field(default_factory=dict)
    updated_at: AwareDatetime
