"""Secrets by their shape: tokens with the prefix their issuer gives them, private keys, passwords that are written out.

Prefixes and lengths are those the issuers document for secret scanning. Every pattern begins with a literal that is
looked for first, so a text without secrets costs a few substring searches.
"""

import re
from typing import Final

_TOKENS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = tuple(
    (literal, re.compile(rf"(?<![A-Za-z0-9_]){pattern}(?![A-Za-z0-9_])"))
    for literal, pattern in (
        ("AKIA", r"AKIA[A-Z2-7]{16}"),
        ("ASIA", r"ASIA[A-Z2-7]{16}"),
        ("ghp_", r"ghp_[A-Za-z0-9]{36,251}"),
        ("gho_", r"gho_[A-Za-z0-9]{36,251}"),
        ("ghu_", r"ghu_[A-Za-z0-9]{36,251}"),
        ("ghs_", r"ghs_[A-Za-z0-9]{36,251}"),
        ("ghr_", r"ghr_[A-Za-z0-9]{36,251}"),
        ("github_pat_", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
        ("glpat-", r"glpat-[A-Za-z0-9_-]{20,64}"),
        ("xox", r"xox[abeoprs]-[A-Za-z0-9-]{10,250}"),
        ("sk_live_", r"sk_live_[A-Za-z0-9]{16,247}"),
        ("rk_live_", r"rk_live_[A-Za-z0-9]{16,247}"),
        ("sk-", r"sk-(?:proj-|svcacct-|ant-[a-z0-9]+-)?(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{20,250}"),
        ("AIza", r"AIza[A-Za-z0-9_-]{35}"),
        ("ya29.", r"ya29\.[A-Za-z0-9_-]{20,250}"),
        ("npm_", r"npm_[A-Za-z0-9]{36}"),
        ("pypi-", r"pypi-AgE[A-Za-z0-9_-]{50,250}"),
        ("hf_", r"hf_[A-Za-z]{34}"),
        ("SG.", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
        ("shpat_", r"shpat_[a-f0-9]{32}"),
        ("dop_v1_", r"dop_v1_[a-f0-9]{64}"),
        ("eyJ", r"eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{20,1000}"),
        ("AccountKey=", r"AccountKey=[A-Za-z0-9+/]{86}=="),
        ("://", r"[a-z][a-z0-9+.-]{1,20}://[^\s:/@'\"]{1,64}:(?![$<{*])[^\s:/@'\"]{3,128}@[A-Za-z0-9.-]{1,253}"),
    )
)
_NAMES: Final = (
    "passw",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "api key",
    "access_key",
)
_WRITTEN: Final = re.compile(
    r"(?:passw(?:or)?d|passwort|passphrase|pwd|secret(?:[_ -]?(?:access)?[_ -]?key)?|token|api[_ -]?key|access_key)"
    r"[\"']?(?:\s{0,3}(?:=>|:=|[:=])\s{0,3}|\s(?:is|ist|lautet)\s)[\"'`]?([^\s\"'`,;]{8,200})",
    re.IGNORECASE,
)
_CODE_OR_BLANK: Final = re.compile(
    r"[(){}\[\]<>$%]|\*{2}|\.{3}|x{4}|X{4}|^(?:os|process|env|self|config|settings|this)\."
)
_BEGIN: Final = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_BODY: Final = re.compile(r"[A-Za-z0-9+/=]{32}")
_BODY_LENGTH: Final = 600
_BREAKS: Final = re.compile(r"\s+|\\[nr]")
_MAX_LOOKED_AT: Final = 200


def has_private_key(text: str) -> bool:
    """Return whether a text holds the head of a private key with some of its body."""
    if "PRIVATE KEY" not in text:
        return False
    for count, found in enumerate(_BEGIN.finditer(text)):
        body = _BREAKS.sub("", text[found.end() : found.end() + _BODY_LENGTH])
        if _BODY.search(body) is not None:
            return True
        if count >= _MAX_LOOKED_AT:
            break
    return False


def has_secret(text: str) -> bool:
    """Return whether a text holds a token of a known shape, or a password or key that is written out after its name."""
    if any(literal in text and pattern.search(text) is not None for literal, pattern in _TOKENS):
        return True
    lower = text.lower()
    if not any(name in lower for name in _NAMES):
        return False
    for count, found in enumerate(_WRITTEN.finditer(text)):
        if _is_value(found[1]):
            return True
        if count >= _MAX_LOOKED_AT:
            break
    return False


def _is_value(text: str) -> bool:
    """Return whether what follows the name is a value: letters and digits mixed, no code, no placeholder."""
    plain = text.rstrip(".!?:")
    if len(plain) < 8 or _CODE_OR_BLANK.search(plain) is not None:
        return False
    return any(char.isdigit() for char in plain) and any(char.isalpha() for char in plain)
