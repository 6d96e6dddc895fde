"""Payment cards by brand and Luhn check, bank accounts by country, length and MOD 97-10."""

import re
from collections.abc import Mapping
from typing import Final

from routing.checksums import digits_of, luhn, mod97

_MAX_LOOKED_AT: Final = 200
_CARD: Final = re.compile(
    r"(?<!\w)(?<![0-9][-.])([3-6][0-9]{3}([ -]?)(?:[0-9]{4}\2[0-9]{4}\2[0-9]{4}(?:\2[0-9]{3})?|[0-9]{6}\2[0-9]{4,5})"
    r"|2[2-7][0-9]{2}([ -]?)[0-9]{4}\3[0-9]{4}\3[0-9]{4})(?![\w]|[-.][0-9])"
)
_BRANDS: Final = re.compile(
    r"4(?:[0-9]{15}|[0-9]{18})$"
    r"|5[1-5][0-9]{14}$|(?:222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}$"
    r"|3[47][0-9]{13}$|3(?:0[0-5]|[68][0-9])[0-9]{11}$|35(?:2[89]|[3-8][0-9])[0-9]{12}$"
    r"|6(?:011|5[0-9]{2}|4[4-9][0-9])[0-9]{12}$|62[0-9]{14,17}$"
)
"""Issuer prefixes and lengths of Visa, Mastercard, American Express, Diners, JCB, Discover and UnionPay."""
_IBAN_HEAD: Final = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]{2})[0-9]{2}(?=[ -]?[A-Za-z0-9])")
_IBAN_LENGTH: Final[Mapping[str, int]] = {
    country: length
    for length, countries in (
        (15, "NO"),
        (16, "BE"),
        (18, "DK FI FO GL NL"),
        (19, "MK SI"),
        (20, "AT BA EE KZ LT LU XK"),
        (21, "CH HR LI LV"),
        (22, "BG BH CR DE GB GE IE ME RS VA"),
        (23, "AE GI IL IQ TL"),
        (24, "AD CZ ES MD PK RO SA SE SK TN VG"),
        (25, "LY PT"),
        (26, "IS TR"),
        (27, "BI DJ FR GR IT MC MR SM"),
        (28, "AL AZ BY CY DO GT HU LB NI PL SV"),
        (29, "BR EG PS QA UA"),
        (30, "JO KW MU"),
        (31, "MT SC"),
        (32, "LC"),
        (33, "RU"),
    )
    for country in countries.split()
}


def has_card(text: str) -> bool:
    """Return whether a text holds a card number: written in one piece or in groups, brand, length and Luhn right."""
    for count, found in enumerate(_CARD.finditer(text)):
        digits = digits_of(found[1])
        if len(set(digits)) > 1 and _BRANDS.match("".join(map(str, digits))) is not None and luhn(digits):
            return True
        if count >= _MAX_LOOKED_AT:
            break
    return False


def has_iban(text: str) -> bool:
    """Return whether a text holds an IBAN: country and length of the registry, check right."""
    for count, found in enumerate(_IBAN_HEAD.finditer(text)):
        length = _IBAN_LENGTH.get(found[1].upper())
        account = _gather(text, found.start(), length) if length is not None else None
        if account is not None and mod97(account.upper()):
            return True
        if count >= _MAX_LOOKED_AT:
            break
    return False


def _gather(text: str, start: int, length: int) -> str | None:
    """Return ``length`` letters and digits from ``start`` on, over single spaces and dashes; None if they run on."""
    kept: list[str] = []
    at = start
    while len(kept) < length and at < len(text):
        char = text[at]
        if char.isascii() and char.isalnum():
            kept.append(char)
        elif char not in " -" or text[at - 1] in " -":
            return None
        at += 1
    if len(kept) < length or text[at : at + 1].isalnum():
        return None
    return "".join(kept)
