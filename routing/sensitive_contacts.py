"""E-mail addresses and phone numbers, by form."""

import re
from collections.abc import Callable
from typing import Final

from routing.checksums import digits_of, has_digits

_MAX_LOOKED_AT: Final = 200
_FEWEST_DIGITS: Final = 7
_LOCAL_PART: Final = re.compile(r"[\w.%+'-]*[\w]$")
_DOMAIN: Final = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,6}([a-z]{2,12})(?![a-z0-9@-])", re.IGNORECASE
)
_TOP_LEVEL: Final = frozenset(
    "com org net edu gov mil int info biz name pro coop aero museum jobs mobi travel online site shop store email "  # noqa: SIM905 - seventy words read better than seventy quoted ones
    "cloud tech app dev page blog world group agency company digital solutions services systems support health bank "
    "law legal studio design media news live life today xyz club team network center global example test".split()
)
"""Domains of two letters count as they are; longer ones are listed, so that `w@x.sum` is none."""
_NOT_PEOPLE: Final = frozenset({"git", "hg", "svn"})
_PLUS: Final = re.compile(
    r"(?<![\w+])(?<![0-9] )(?:\+|00(?=[1-9]))[ ]?\(?([1-9][0-9]{0,2}\)?(?:[ .\-/]?\(?[0-9]{1,12}\)?){1,7})(?!\w)"
)
_NANP: Final = re.compile(
    r"(?<![\w.\-])(?:1[-. ])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-.])[2-9][0-9]{2}[-. ][0-9]{4}(?![\w-])"
)
_TRUNK: Final = re.compile(
    r"(?<![\w.,/-])(?<![0-9] )(?:\(0[1-9][0-9]{0,4}\)|0[1-9][0-9]{0,4})(?:[ /-][0-9]{2,8}){1,5}(?![\w/-]|[.,][0-9])"
)
_NAMED: Final = re.compile(
    r"(?:\b(?:phone|tel|telephone|telefon|handy|mobile|mobil|cell|fax|whatsapp|call me (?:at|on)|ring me on|movil|móvil"
    r"|teléfono|telefono|téléphone|portable|celular|telefone)\b|电话|手机|電話)"
    r"[^0-9\n+(]{0,16}(\(?\+?[0-9][0-9 ()./-]{5,20}[0-9])(?!\w)",
    re.IGNORECASE,
)
_COUNTRY_CODES: Final = re.compile(
    r"1[2-9]|7[3-9]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
    r"|2[1-46-9][0-9]|3[578][0-9]|42[0-9]|50[0-9]|59[0-9]|6[7-9][0-9]|8[058][0-9]|96[0-8]|97[0-9]|99[2-8]"
)
_DATE: Final = re.compile(r"(?:19|20)[0-9]{2}[-./][01]?[0-9]|[0-3]?[0-9][-./][01]?[0-9][-./](?:19|20)?[0-9]{2}")


def has_email(text: str) -> bool:
    """Return whether a text holds an e-mail address; those inside URLs and of source repositories are none."""
    at = text.find("@")
    for _ in range(_MAX_LOOKED_AT):
        if at < 0:
            return False
        if _is_address(text, at):
            return True
        at = text.find("@", at + 1)
    return False


def _is_address(text: str, at: int) -> bool:
    before = text[max(0, at - 128) : at]
    local, domain = _LOCAL_PART.search(before[-64:]), _DOMAIN.match(text, at + 1)
    if local is None or domain is None:
        return False
    top = domain[1].lower()
    if len(top) > 2 and top not in _TOP_LEVEL:
        return False
    word = before.split()[-1]
    ahead = before[: len(before) - len(local[0])]
    return local[0].lower() not in _NOT_PEOPLE and ahead[-1:] not in {"@", "/"} and "://" not in word


def has_phone(text: str) -> bool:
    """Return whether a text holds a phone number: international, North American, with a trunk 0, or after its name."""
    if not has_digits(text, _FEWEST_DIGITS):
        return False
    for pattern, valid in _PHONES:
        for count, found in enumerate(pattern.finditer(text)):
            if valid(found):
                return True
            if count >= _MAX_LOOKED_AT:
                break
    return False


def _international(found: re.Match[str]) -> bool:
    """Country code of the ITU's list; with +1 and +7 eleven digits, else nine to fifteen."""
    digits = "".join(map(str, digits_of(found[1])))
    if _COUNTRY_CODES.match(digits) is None:
        return False
    return len(digits) == 11 if digits[0] in "17" else 9 <= len(digits) <= 15


def _trunk(found: re.Match[str]) -> bool:
    return 9 <= len(digits_of(found[0])) <= 12 and _DATE.search(found[0]) is None


def _after_name(found: re.Match[str]) -> bool:
    return 7 <= len(digits_of(found[1])) <= 15 and _DATE.search(found[1]) is None


def _as_it_is(_: re.Match[str]) -> bool:
    return True


_PHONES: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], bool]], ...]] = (
    (_PLUS, _international),
    (_NANP, _as_it_is),
    (_TRUNK, _trunk),
    (_NAMED, _after_name),
)
