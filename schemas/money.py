"""Money: integer pico-dollars in memory, decimal strings of US dollars in JSON (DESIGN: money is never a float).

One dollar is 10**12 pico-dollars: the cheapest published token prices (3.75e-8 dollars) are whole numbers here.
"""

from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, ValidationInfo, WithJsonSchema

PICO = 10**12
PLACES = 12
_MAX_PICO = 10**9 * PICO


class MoneyError(ValueError):
    """An amount that is not a finite, representable number of dollars."""


def parse_usd(text: str) -> int:
    """Return the pico-dollars of a decimal string of dollars; exact, refuses more than 12 places."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        message = "not a decimal number of dollars"
        raise MoneyError(message) from None
    return usd_to_pico(amount)


def usd_to_pico(amount: Decimal, *, round_up: bool = False) -> int:
    """Return pico-dollars of a decimal amount; refuses NaN, infinities, magnitudes above a billion and lost digits."""
    if not amount.is_finite():
        message = "an amount of money is finite"
        raise MoneyError(message)
    if abs(amount) > 10**9:
        message = "an amount of money is at most a billion dollars"
        raise MoneyError(message)
    scaled = amount.scaleb(PLACES)
    whole = int(scaled.to_integral_value(rounding=ROUND_CEILING))
    if not round_up and whole != scaled:
        message = "an amount of money has at most 12 decimal places"
        raise MoneyError(message)
    return whole


def format_usd(pico: int) -> str:
    """Return the decimal string of dollars, always with 12 places: ``1.500000000000``."""
    if pico < 0:
        return "-" + format_usd(-pico)
    return f"{pico // PICO}.{pico % PICO:012d}"


def _validate_money(value: Any, info: ValidationInfo) -> int:
    if isinstance(value, str):
        return parse_usd(value)
    if info.mode == "python" and isinstance(value, int) and not isinstance(value, bool):
        if abs(value) > _MAX_PICO:
            message = "an amount of money is at most a billion dollars"
            raise MoneyError(message)
        return value
    message = "money is written as a decimal string of dollars"
    raise MoneyError(message)


def _validate_usd(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        message = 'write an amount in dollars, for example 0.10 or "0.10"'
        raise MoneyError(message)
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        message = "not a number of dollars"
        raise MoneyError(message) from None
    return usd_to_pico(amount)


_JSON_STRING = WithJsonSchema({"type": "string", "pattern": r"^-?\d+\.\d{12}$", "description": "US dollars"})

Money = Annotated[
    int,
    BeforeValidator(_validate_money),
    PlainSerializer(format_usd, return_type=str, when_used="json"),
    _JSON_STRING,
]
"""Pico-dollars of events written by pointsman: an integer in Python, a decimal string in JSON."""

Usd = Annotated[
    int,
    BeforeValidator(_validate_usd),
    PlainSerializer(format_usd, return_type=str, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}], "description": "US dollars"}),
]
"""An amount people write (requests, config): always read as **dollars** (string or number), kept as pico-dollars."""
