"""Checksums of numbers that people and banks carry: what tells a real one from any row of digits. Pure."""

from collections.abc import Sequence
from typing import Final

_VERHOEFF_PRODUCT: Final = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
    (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
    (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
    (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)
_VERHOEFF_PERMUTATION: Final = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 5, 7, 6, 2, 8, 3, 0, 9, 4),
    (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7),
    (9, 4, 5, 3, 1, 2, 6, 8, 7, 0),
    (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5),
    (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)


def digits_of(text: str) -> tuple[int, ...]:
    """Return the ASCII digits of a text."""
    return tuple(ord(char) - 48 for char in text if "0" <= char <= "9")


def has_digits(text: str, fewest: int) -> bool:
    """Return whether a text holds that many ASCII digits, wherever they stand."""
    left = fewest
    for digit in "0123456789":
        left -= text.count(digit)
        if left <= 0:
            return True
    return False


def luhn(digits: Sequence[int]) -> bool:
    """Return whether digits pass the Luhn check (ISO/IEC 7812-1, annex B)."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        doubled = digit * 2 if index % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def mod97(text: str) -> bool:
    """Return whether an IBAN without spaces passes ISO 7064 MOD 97-10: moved by four, letters as 10 to 35."""
    number = "".join(str(int(char, 36)) for char in text[4:] + text[:4])
    return int(number) % 97 == 1


def mod11_10(digits: Sequence[int]) -> bool:
    """Return whether digits pass ISO 7064 MOD 11,10 (German tax id)."""
    product = 10
    for digit in digits[:-1]:
        total = (digit + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == digits[-1]


def verhoeff(digits: Sequence[int]) -> bool:
    """Return whether digits pass the Verhoeff check (Aadhaar)."""
    check = 0
    for index, digit in enumerate(reversed(digits)):
        check = _VERHOEFF_PRODUCT[check][_VERHOEFF_PERMUTATION[index % 8][digit]]
    return check == 0


def weighted(digits: Sequence[int], weights: Sequence[int]) -> int:
    """Return the sum of the products of digits and weights, pair by pair."""
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=False))
