"""What one provider call used: the numbers a bill is computed from, normalised over all providers.

Providers disagree on what contains what (does the prompt count include cached tokens, does the output count include
reasoning tokens?). Here totals always **include** their parts::

    input_tokens  = uncached + cached_input_tokens + cache_write_tokens
    output_tokens = visible text and tool calls + reasoning_tokens
"""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from schemas.envelope import Frozen
from schemas.money import Money

MAX_COUNT = 10**12
"""A larger count is no measurement: adapters report such usage as missing."""

Count = Annotated[int, Field(ge=0, le=MAX_COUNT, strict=True)]


class Usage(Frozen):
    """Usage of one attempt. Whole numbers; ``provider_cost`` in pico-dollars; flat, so that each field is a column."""

    model_config = ConfigDict(extra="forbid")

    input_tokens: Count = 0
    """Tokens of the prompt, cached ones included."""
    cached_input_tokens: Count = 0
    """Of the input: read from the provider's prompt cache."""
    cache_write_tokens: Count = 0
    """Of the input: written to the provider's prompt cache, whatever their time to live."""
    cache_write_1h_tokens: Count = 0
    """Of the cache writes: those kept for an hour; the others are kept for five minutes."""
    output_tokens: Count = 0
    """Tokens generated, reasoning included."""
    reasoning_tokens: Count = 0
    """Of the output: tokens of reasoning, billed as output."""
    audio_seconds: Count = 0
    """Length of audio read or made, rounded up."""
    characters: Count = 0
    """Characters spoken by a voice model."""
    images: Count = 0
    """Pictures made."""
    requests: Count = 0
    """Calls charged by the piece (searches)."""
    provider_cost: Money | None = None
    """The cost the provider itself reported; it takes precedence over the price book."""
    estimated: bool = False
    """True when the provider reported no usage and the counts are our estimate."""

    @model_validator(mode="after")
    def _parts_within_totals(self) -> Self:
        if self.cached_input_tokens + self.cache_write_tokens > self.input_tokens:
            raise ValueError("cached and cache-write tokens are parts of input_tokens")
        if self.cache_write_1h_tokens > self.cache_write_tokens:
            raise ValueError("cache_write_1h_tokens is a part of cache_write_tokens")
        if self.reasoning_tokens > self.output_tokens:
            raise ValueError("reasoning_tokens is a part of output_tokens")
        return self

    @property
    def uncached_input_tokens(self) -> int:
        """Input tokens billed at the plain price: neither read from nor written to a cache."""
        return self.input_tokens - self.cached_input_tokens - self.cache_write_tokens
