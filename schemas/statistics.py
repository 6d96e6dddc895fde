"""Rows of the feedback tables: preferences of users, spaces and organisations; additive model statistics (DESIGN 9)."""

from typing import Final, Literal

from pydantic import AwareDatetime, Field

from schemas.envelope import Frozen

PreferenceLevel = Literal["user", "space", "organisation"]
Signal = Literal[
    "overrides_to",
    "overrides_from",
    "kept",
    "ratings",
    "rating_sum",
    "regenerated",
    "edited",
    "edited_sum",
    "abandoned",
    "tool_success",
    "tool_success_sum",
    "conversations",
    "conversation_length_sum",
    "long_conversations",
]
"""What is counted. ``kept``: answers of a model that nobody had forced; ``*_sum``: sums of values, the rest counts."""
Counts = dict[Signal, float]
"""Only what is not zero; on a grid of 1e-6."""
Weeks = dict[int, Counts]
"""By week: whole weeks since Monday, 1 January of the year 1, UTC (``routing.weeks``)."""
NOWHERE: Final = ""
"""The place of evidence without a space; in the rows of a space or an organisation, the only place."""


class ModelPreference(Frozen):
    """What one user's behaviour ever said about one model; rows of other levels have ``score`` and ``evidence`` only.

    ``score``: 0..1, by the default policy, from this row alone, as of its newest week. A decision reads the policy of
    its tenant and all levels; what it read stands in its view. ``evidence``: observations behind the score, decayed.
    """

    score: float = 0.5
    evidence: float = 0.0
    answers: int = 0
    overrides_to: int = 0
    overrides_from: int = 0
    ratings: int = 0
    rating_sum: float = 0.0
    regenerations: int = 0
    conversations: int = 0
    conversation_length_sum: float = 0.0


class PreferenceRow(Frozen):
    """Value of ``preferences`` (key: ``preference_key``): readers ignore a version not above theirs.

    A row of a space or an organisation is the sum over users of their evidence, each user's week scaled to at most one
    choice and one opinion (``routing.preference_sharing``).
    """

    version: int
    tenant: str
    level: PreferenceLevel = "user"
    user: str = ""
    """Of level ``user``; empty for ratings that name nobody."""
    space: str = ""
    """Of level ``space``."""
    observations: int
    """Choices of the user since the last reset: overrides, and answers that nobody had forced."""
    models: dict[str, ModelPreference]
    week: int = 0
    """The newest week of which evidence was seen; older than 26 weeks before it, none is kept."""
    evidence: dict[str, dict[str, Weeks]] = Field(default_factory=dict)
    """Space -> model -> week -> counts."""
    updated_at: AwareDatetime


def preference_key(tenant: str, level: PreferenceLevel, name: str | None = None) -> str:
    """Return the key of a row; ``name`` is the user or space. No user's id begins with a bar, so no two keys meet."""
    if level == "user":
        return f"{tenant}|{name or ''}"
    return f"{tenant}||space|{name}" if level == "space" else f"{tenant}||organisation"


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
