"""What a call costs, will probably cost, and cannot pass: integer pico-dollars, rounded up once (DESIGN 7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from schemas.control_prices import Price
from schemas.usage import Usage

MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class TierRates:
    """Rates of requests whose input passes ``above`` tokens."""

    above: int
    input: int
    output: int
    cached_input: int
    cache_write: int


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates of one model in force: pico-dollars per million tokens, and per piece.

    ``bound_input`` is the highest rate an input token can be billed at: plain, read from or written to a cache (kept
    5 minutes; adapters never ask for an hour).
    """

    input: int
    output: int
    cached_input: int
    cache_write: int
    cache_write_1h: int
    per_request: int
    per_second: int
    per_character: int
    per_image: int
    tiers: tuple[TierRates, ...]
    bound_input: int

    @classmethod
    def of(cls, price: Price) -> "Rates":
        """Return the rates of a price: absent cache prices are the plain input price."""
        write = price.input if price.cache_write is None else price.cache_write
        return cls(
            input=price.input,
            output=price.output,
            cached_input=price.input if price.cached_input is None else price.cached_input,
            cache_write=write,
            cache_write_1h=write if price.cache_write_1h is None else price.cache_write_1h,
            per_request=price.per_request,
            per_second=price.per_second,
            per_character=price.per_character,
            per_image=price.per_image,
            tiers=tuple(
                TierRates(
                    above=tier.above,
                    input=tier.input,
                    output=tier.output,
                    cached_input=tier.input if tier.cached_input is None else tier.cached_input,
                    cache_write=tier.input if tier.cache_write is None else tier.cache_write,
                )
                for tier in price.tiers
            ),
            bound_input=max(price.input, write, price.cached_input or 0),
        )


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a call consumes besides tokens."""

    seconds: int = 0
    characters: int = 0
    images: int = 0


NOTHING_ELSE: Final = Quantity()


def rates_at(history: Sequence[tuple[datetime, Rates]], now: datetime) -> Rates | None:
    """Return the rates in force at ``now`` of a history ordered by date; None before the first."""
    found = None
    for since, rates in history:
        if since > now:
            break
        found = rates
    return found


def ceil_million(amount: int) -> int:
    """Return ``amount`` / 1,000,000, rounded up."""
    return -(-amount // MILLION)


def pieces(rates: Rates, quantity: Quantity) -> int:
    """Return the part of a cost that is not tokens, for one request."""
    return (
        rates.per_request
        + rates.per_second * quantity.seconds
        + rates.per_character * quantity.characters
        + rates.per_image * quantity.images
    )


def estimate(
    rates: Rates, input_tokens: int, output_tokens: int, quantity: Quantity = NOTHING_ELSE, cached: int = 0
) -> int:
    """Return the expected cost of one call, ``cached`` of its input tokens read from the provider's prompt cache."""
    price_in, price_out, price_cached = rates.input, rates.output, rates.cached_input
    for tier in rates.tiers:
        if input_tokens > tier.above:
            price_in, price_out, price_cached = tier.input, tier.output, tier.cached_input
    tokens = (input_tokens - cached) * price_in + cached * price_cached + output_tokens * price_out
    return ceil_million(tokens) + pieces(rates, quantity)


def bound(rates: Rates, input_tokens: int, output_tokens: int, quantity: Quantity = NOTHING_ELSE) -> int:
    """Return what no bill of one call can pass, given bounds on its tokens and pieces.

    Input is priced at the highest rate that can apply at any input up to ``input_tokens``, output likewise.
    """
    price_in, price_out = rates.bound_input, rates.output
    for tier in rates.tiers:
        if input_tokens > tier.above:
            price_in = max(price_in, tier.input, tier.cache_write, tier.cached_input)
            price_out = max(price_out, tier.output)
    return ceil_million(input_tokens * price_in + output_tokens * price_out) + pieces(rates, quantity)


def cost(rates: Rates, usage: Usage) -> int:
    """Return the cost of what a call used; a cost reported by the provider itself takes precedence.

    cost = plain input x input + cached x cached + writes x write (each time to live its own) + output x output
    + requests x request fee + pieces; a tier is chosen by the whole input. Pico-dollars, rounded up once.
    """
    if usage.provider_cost is not None:
        return usage.provider_cost
    price_in, price_out, cached, write = rates.input, rates.output, rates.cached_input, rates.cache_write
    write_1h = rates.cache_write_1h
    for tier in rates.tiers:
        if usage.input_tokens > tier.above:
            price_in, price_out, cached, write = tier.input, tier.output, tier.cached_input, tier.cache_write
            write_1h = max(write_1h, write)
    tokens = (
        usage.uncached_input_tokens * price_in
        + usage.cached_input_tokens * cached
        + (usage.cache_write_tokens - usage.cache_write_1h_tokens) * write
        + usage.cache_write_1h_tokens * write_1h
        + usage.output_tokens * price_out
    )
    quantity = Quantity(seconds=usage.audio_seconds, characters=usage.characters, images=usage.images)
    return ceil_million(tokens) + pieces(rates, quantity) + rates.per_request * max(0, usage.requests - 1)
