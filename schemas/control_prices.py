"""Price books: what each model costs from which day on (SPEC B8). A model without a price is never called."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schemas.control_base import DocumentBase, ModelId, Source, Strict
from schemas.money import Usd

Dollars = Annotated[Usd, Field(ge=0, le=10**18)]
"""Dollars in the file, pico-dollars in memory; at most a million dollars."""


class Tier(Strict):
    """Prices that hold for the whole request once its input passes ``above`` tokens."""

    above: Annotated[int, Field(gt=0)]
    input: Dollars
    output: Dollars
    cached_input: Dollars | None = None
    cache_write: Dollars | None = None


class Price(Strict):
    """The price of one model from ``since`` (midnight UTC) on.

    Dollars per **million** tokens: ``input``, ``output``, ``cached_input``, ``cache_write`` (kept 5 minutes),
    ``cache_write_1h``; per piece: ``per_request``, ``per_second`` (of audio), ``per_character``, ``per_image``.
    """

    since: date
    source: str
    input: Dollars = 0
    output: Dollars = 0
    cached_input: Dollars | None = None
    """None: cached tokens cost as much as any."""
    cache_write: Dollars | None = None
    cache_write_1h: Dollars | None = None
    tiers: tuple[Tier, ...] = ()
    per_request: Dollars = 0
    per_second: Dollars = 0
    per_character: Dollars = 0
    per_image: Dollars = 0

    @property
    def since_instant(self) -> datetime:
        """The instant from which the price holds."""
        return datetime.combine(self.since, time.min, UTC)

    @model_validator(mode="after")
    def _tiers_rise(self) -> Self:
        starts = [tier.above for tier in self.tiers]
        if starts != sorted(set(starts)):
            raise ValueError("tiers are listed by rising, different `above`")
        return self


class PricesDocument(DocumentBase):
    """A price book: model id -> its prices, oldest first."""

    kind: Literal["prices"] = "prices"
    sources: dict[str, Source] = {}
    prices: Annotated[dict[ModelId, Annotated[tuple[Price, ...], Field(min_length=1)]], Field(max_length=5000)]

    @model_validator(mode="after")
    def _dates_rise_sources_known(self) -> Self:
        for model, prices in self.prices.items():
            dates = [price.since for price in prices]
            if dates != sorted(set(dates)):
                message = f"prices of {model} are listed oldest first, one a day"
                raise ValueError(message)
            unknown = [price.source for price in prices if price.source not in self.sources]
            if unknown:
                message = f"prices of {model} cite sources that are not listed: {unknown}"
                raise ValueError(message)
        return self
