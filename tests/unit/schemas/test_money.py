import json
from decimal import ROUND_CEILING, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from schemas.money import PICO, Money, MoneyError, Usd, format_usd, parse_usd, usd_to_pico

PICOS = st.integers(min_value=-(10**9) * PICO, max_value=10**9 * PICO)


class Bill(BaseModel):
    amount: Money


class Wish(BaseModel):
    amount: Usd


@given(PICOS)
def test_text_and_back_is_exact(pico: int) -> None:
    """Writing an amount with 12 places and reading it again loses nothing (B2)."""
    assert parse_usd(format_usd(pico)) == pico


@given(PICOS)
def test_text_is_the_decimal_amount(pico: int) -> None:
    """The text of an amount, read as a decimal number, is the amount in dollars."""
    text = format_usd(pico)
    assert Decimal(text) == Decimal(pico).scaleb(-12)
    assert len(text.split(".")[1]) == 12


@given(PICOS)
def test_json_of_money_is_a_string(pico: int) -> None:
    """Amounts leave as decimal strings, never as floats, and come back equal."""
    written = Bill(amount=pico).model_dump_json()
    assert isinstance(json.loads(written)["amount"], str)
    assert Bill.model_validate_json(written).amount == pico


@given(st.decimals(min_value=0, max_value=10**6, allow_nan=False, allow_infinity=False, places=20))
def test_rounding_is_up_and_only_when_asked(amount: Decimal) -> None:
    """A bill finer than a pico-dollar rounds up when asked for, and is refused otherwise."""
    expected = int(amount.scaleb(12).to_integral_value(rounding=ROUND_CEILING))
    assert usd_to_pico(amount, round_up=True) == expected
    if amount.scaleb(12) != expected:
        with pytest.raises(MoneyError):
            usd_to_pico(amount)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-inf", "1e999", "1000000000.01", "0.0000000000001", "one", ""])
def test_what_is_no_amount(text: str) -> None:
    """NaN, infinities, magnitudes above a billion, lost digits and words are not money."""
    with pytest.raises(MoneyError):
        parse_usd(text)


@pytest.mark.parametrize("value", [1, 1.5, True, None, [], "NaN", "1e400"])
def test_events_accept_money_only_as_text(value: object) -> None:
    """In JSON an amount of an event is a decimal string; a number is refused rather than guessed at."""
    with pytest.raises(ValidationError):
        Bill.model_validate_json(json.dumps({"amount": value}))


@pytest.mark.parametrize("value", [True, 1.5, 10**9 * PICO + 1])
def test_python_money_is_a_bounded_integer(value: object) -> None:
    """In Python an amount is an integer of pico-dollars within a billion dollars, nothing else."""
    with pytest.raises(ValidationError):
        Bill(amount=value)


@pytest.mark.parametrize(
    ("value", "pico"), [("0.10", 10**11), (0.1, 10**11), (3, 3 * PICO), (Decimal("2.5"), 25 * 10**11)]
)
def test_people_write_dollars(value: object, pico: int) -> None:
    """What people write in requests and config is dollars, as text or number, and kept exactly (R10)."""
    assert Wish.model_validate({"amount": value}).amount == pico


@pytest.mark.parametrize("value", [True, None, "much", float("nan"), float("inf"), []])
def test_people_write_only_amounts(value: object) -> None:
    """Anything but a finite number of dollars is refused."""
    with pytest.raises(ValidationError):
        Wish.model_validate({"amount": value})
