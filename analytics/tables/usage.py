"""The columns of what a call used; the same in every table that has them."""

from typing import Final

from analytics.columns import BOOL, MAYBE_MONEY, U64, Column

USAGE: Final = (
    *(
        Column(name, U64, f"usage.{name}")
        for name in (
            "input_tokens",
            "cached_input_tokens",
            "cache_write_tokens",
            "cache_write_1h_tokens",
            "output_tokens",
            "reasoning_tokens",
            "audio_seconds",
            "characters",
            "images",
            "requests",
        )
    ),
    Column("provider_cost", MAYBE_MONEY, "usage.provider_cost"),
    Column("usage_estimated", BOOL, "usage.estimated"),
)
