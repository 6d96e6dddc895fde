"""National identity and social security numbers: by form, by checksum where there is one, else by the name before them.

Forms and checks are those the issuing authorities publish. A number whose check any tenth number passes counts only in
its written form (groups, separators) or after its name.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from routing.checksums import digits_of, has_digits, luhn, mod11_10, verhoeff, weighted

_MONTH_DAYS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_LETTERS_ES: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_ODD_IT: Final = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21] * 2 + [2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23],
        strict=True,
    )
)
_PREFIXES_NOT_GB: Final = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})
_MAX_LOOKED_AT: Final = 200
_FEWEST_DIGITS: Final = 6


class _Form(NamedTuple):
    pattern: re.Pattern[str]
    valid: Callable[[str], bool]


def _day(month: int, day: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= _MONTH_DAYS[month - 1]


def _us(text: str) -> bool:
    """SSN: area not 000, 666 or 9xx, group not 00, serial not 0000 (no check digit)."""
    area, group, serial = (int(part) for part in re.split("[- ]", text))
    return area not in (0, 666) and area < 900 and group > 0 and serial > 0


def _gb(text: str) -> bool:
    """NINO: two letters, six digits, A to D (no check digit)."""
    return text[:2].upper() not in _PREFIXES_NOT_GB


def _de(text: str) -> bool:
    """Steuer-ID: no leading 0, of the first ten digits exactly one comes twice or thrice, ISO 7064 MOD 11,10."""
    digits = digits_of(text)
    counts = sorted((digits[:10].count(digit) for digit in set(digits[:10])), reverse=True)
    return digits[0] != 0 and counts[0] in (2, 3) and (len(counts) == 1 or counts[1] == 1) and mod11_10(digits)


def _es(text: str) -> bool:
    """DNI and NIE: the letter is the number modulo 23."""
    plain = re.sub(r"[ .\-]", "", text).upper()
    number = plain[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2")
    return _LETTERS_ES[int(number) % 23] == plain[-1]


def _it(text: str) -> bool:
    """Codice fiscale: the last letter is the sum of odd and even places modulo 26."""
    plain = text.upper()
    total = sum(
        _ODD_IT[char] if index % 2 == 0 else int(char) if char.isdigit() else ord(char) - 65
        for index, char in enumerate(plain[:15])
    )
    return chr(65 + total % 26) == plain[15]


def _fr(text: str) -> bool:
    """NIR: thirteen digits (Corsica 2A, 2B as 19, 18) and the key 97 - number modulo 97."""
    plain = re.sub("[^0-9A-B]", "", text.upper()).replace("2A", "19").replace("2B", "18")
    return len(plain) == 15 and plain.isdigit() and int(plain[13:]) == 97 - int(plain[:13]) % 97


def _nl(text: str) -> bool:
    """BSN: the eleven test."""
    digits = digits_of(text)
    return len(digits) == 9 and weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def _be(text: str) -> bool:
    """Rijksregisternummer: 97 - number modulo 97, from 2000 on with a 2 before it."""
    plain = "".join(str(digit) for digit in digits_of(text))
    key = int(plain[9:])
    return key in (97 - int(plain[:9]) % 97, 97 - int("2" + plain[:9]) % 97)


def _pl(text: str) -> bool:
    """PESEL: a date of birth (century in the month) and a weighted check digit."""
    digits = digits_of(text)
    month, day = (digits[2] * 10 + digits[3]) % 20, digits[4] * 10 + digits[5]
    return _day(month, day) and weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def _br(text: str) -> bool:
    """CPF: two check digits modulo 11; one digit repeated is none."""
    digits = digits_of(text)
    if len(set(digits)) == 1:
        return False
    first = weighted(digits[:9], range(10, 1, -1)) * 10 % 11 % 10
    second = weighted(digits[:10], range(11, 1, -1)) * 10 % 11 % 10
    return (first, second) == digits[9:]


def _in(text: str) -> bool:
    """Aadhaar: twelve digits, the first from 2 to 9, Verhoeff."""
    digits = digits_of(text)
    return digits[0] >= 2 and verhoeff(digits)


def _cn(text: str) -> bool:
    """Resident identity number: a date of birth, ISO 7064 MOD 11-2."""
    plain = text.upper()
    if not _day(int(plain[10:12]), int(plain[12:14])):
        return False
    total = sum(int(char) * (2 ** (17 - index) % 11) for index, char in enumerate(plain[:17]))
    return "10X98765432"[total % 11] == plain[17]


def _se(text: str) -> bool:
    """Personnummer: a date of birth (coordination numbers add 60 to the day), Luhn over the last ten digits."""
    digits = digits_of(text)[-10:]
    month, day = digits[2] * 10 + digits[3], digits[4] * 10 + digits[5]
    return _day(month, day - 60 if day > 60 else day) and luhn(digits)


def _ch(text: str) -> bool:
    """AHV number: EAN-13."""
    digits = digits_of(text)
    return (weighted(digits, (1, 3) * 6) + digits[12]) % 10 == 0


def _ca(text: str) -> bool:
    """SIN: Luhn; 0 and 8 are not given out."""
    digits = digits_of(text)
    return digits[0] not in (0, 8) and luhn(digits)


def _kr(text: str) -> bool:
    """Resident registration number: a date of birth and a weighted check digit."""
    digits = digits_of(text)
    check = (11 - weighted(digits[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10
    return _day(digits[2] * 10 + digits[3], digits[4] * 10 + digits[5]) and check == digits[12]


def _form(pattern: str, valid: Callable[[str], bool]) -> _Form:
    """Return a form that stands alone: no letter, digit or further group before or behind it."""
    return _Form(re.compile(rf"(?<![\w])(?<![0-9][-./])({pattern})(?![\w]|[-./][0-9])", re.IGNORECASE), valid)


def _named(names: str, pattern: str, valid: Callable[[str], bool]) -> _Form:
    """Return a form that counts after its name only."""
    return _Form(re.compile(rf"(?<!\w)(?:{names})[^0-9\n]{{0,24}}({pattern})(?![\w])", re.IGNORECASE), valid)


_FORMS: Final = (
    _form(r"[0-9]{3}-[0-9]{2}-[0-9]{4}", _us),
    _named(r"ssn|social security(?: number)?", r"[0-9]{3}[- ][0-9]{2}[- ][0-9]{4}", _us),
    _form(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]", _gb),
    _form(r"[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}", _de),
    _form(r"[0-9]{2}\.?[0-9]{3}\.?[0-9]{3}[- ]?[A-HJ-NP-TV-Z]", _es),
    _form(r"[XYZ][- ]?[0-9]{7}[- ]?[A-HJ-NP-TV-Z]", _es),
    _form(r"[A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]", _it),
    _form(r"[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}", _fr),
    _named(r"bsn|burgerservicenummer|sofinummer", r"[0-9]{9}|[0-9]{4}\.[0-9]{2}\.[0-9]{3}", _nl),
    _form(r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}", _be),
    _form(r"[0-9]{11}", _pl),
    _form(r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", _br),
    _named(r"cpf", r"[0-9]{11}", _br),
    _form(r"[2-9][0-9]{3} [0-9]{4} [0-9]{4}", _in),
    _named(r"aadhaar|aadhar", r"[2-9][0-9]{11}|[2-9][0-9]{3}-[0-9]{4}-[0-9]{4}", _in),
    _form(r"[1-9][0-9]{5}(?:19|20)[0-9]{2}[01][0-9][0-3][0-9][0-9]{3}[0-9X]", _cn),
    _form(r"(?:19)?[0-9]{6}[-+][0-9]{4}", _se),
    _named(r"personnummer", r"(?:19|20)?[0-9]{6}[-+]?[0-9]{4}", _se),
    _form(r"756\.?[0-9]{4}\.?[0-9]{4}\.?[0-9]{2}", _ch),
    _named(r"sin:|sin number|social insurance(?: number)?", r"[0-9]{3}[- ]?[0-9]{3}[- ]?[0-9]{3}", _ca),
    _form(r"[0-9]{6}-[1-8][0-9]{6}", _kr),
)


def has_national_id(text: str) -> bool:
    """Return whether a text holds such a number; at most 200 look-alikes of each form are looked at."""
    if not has_digits(text, _FEWEST_DIGITS):
        return False
    for form in _FORMS:
        for count, found in enumerate(form.pattern.finditer(text)):
            if form.valid(found[1]):
                return True
            if count >= _MAX_LOOKED_AT:
                break
    return False
