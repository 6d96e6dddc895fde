"""Sensitive data in a prompt, named by kind and never repeated (SPEC U4): numbers by checksum, secrets by shape, words.

Work is bounded: 65,536 characters of the newest messages are read, and of each kind 200 look-alikes at most. Finding is
by form, so it can miss (a number written in words, a picture) and can be wrong (a number that only looks like one);
``tests/unit/routing/test_sensitive.py`` states both on examples.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from routing.sensitive_accounts import has_card, has_iban
from routing.sensitive_contacts import has_email, has_phone
from routing.sensitive_ids import has_national_id
from routing.sensitive_secrets import has_private_key, has_secret
from schemas.request import RequestReceived
from schemas.sensitivity import KINDS, SensitiveDetection, SensitiveKind

SAMPLE: Final = 65_536
"""Characters read of a request, the newest text first; of a text that does not fit, its head and its tail."""
WORDS: Final[Mapping[str, str]] = {
    "payment_card": "a payment card number",
    "iban": "a bank account number",
    "email": "an e-mail address",
    "phone": "a phone number",
    "national_id": "a national identity number",
    "secret_key": "a secret key or password",
    "private_key": "a private key",
    "health": "words about health",
    "legal": "words about legal matters",
    "salary": "words about pay",
}
_INVISIBLE: Final = dict.fromkeys((0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF))
_PLAIN: Final = {
    **_INVISIBLE,
    **dict.fromkeys((0xA0, 0x2007, 0x2009, 0x202F, 0x3000), 0x20),
    **dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2212), 0x2D),
    **{0xFF01 + index: 0x21 + index for index in range(94)},
    **{first + digit: 0x30 + digit for first in (0x660, 0x6F0, 0x966) for digit in range(10)},
}
"""Full-width, Arabic and Devanagari digits, typographic spaces and dashes as ASCII; invisible characters go."""
_FINDERS: Final[Mapping[SensitiveKind, Callable[[str], bool]]] = {
    "payment_card": has_card,
    "iban": has_iban,
    "email": has_email,
    "phone": has_phone,
    "national_id": has_national_id,
    "secret_key": has_secret,
    "private_key": has_private_key,
}


@dataclass(frozen=True, slots=True)
class Detector:
    """What one tenant looks for, compiled: finders by kind, in the order in which kinds are named."""

    finders: tuple[tuple[SensitiveKind, Callable[[str], bool]], ...]

    def detect(self, text: str) -> tuple[SensitiveKind, ...]:
        """Return the kinds found in a text of bounded length; the text goes nowhere."""
        plain = text if text.isascii() else text.translate(_PLAIN)
        return tuple(kind for kind, finds in self.finders if finds(plain))

    def detect_in(self, request: RequestReceived) -> tuple[SensitiveKind, ...]:
        """Return the kinds found in the texts of a request, within ``SAMPLE`` characters."""
        return self.detect(sample_of(request))


def compile_detector(document: SensitiveDetection | None) -> Detector | None:
    """Return the detector of a document; None where nothing is to be looked for, so that it costs nothing."""
    if document is None or not document.kinds:
        return None
    finders: dict[SensitiveKind, Callable[[str], bool]] = {
        **_FINDERS,
        **{kind: _word_finder(words) for kind, words in document.words.items()},
    }
    return Detector(tuple((kind, finders[kind]) for kind in KINDS if kind in document.kinds))


def sample_of(request: RequestReceived) -> str:
    """Return the texts of a request, newest first, up to ``SAMPLE`` characters: always the same ones."""
    texts = [message.content for message in request.messages]
    if request.prompt is not None:
        texts.append(request.prompt)
    parts: list[str] = []
    left = SAMPLE
    for text in reversed(texts):
        if len(text) > left:
            parts.extend((text[: left // 2], text[len(text) - left // 2 :]) if left > 1 else ())
            break
        parts.append(text)
        left -= len(text)
    return "\n".join(parts)


def named(kinds: Sequence[str]) -> str:
    """Return kinds for people: "a payment card number and an e-mail address"."""
    words = [WORDS[kind] for kind in kinds]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _word_finder(words: Sequence[str]) -> Callable[[str], bool]:
    """Return a finder of words and stems; scripts without spaces between words are searched as they are."""
    parts: list[str] = []
    for word in words:
        stem = word.endswith("*")
        text = re.escape(word.rstrip("*").lower()).replace(r"\ ", r"\s+")
        spaced = word[0].isascii() or word[0].lower() != word[0].upper()
        end = "" if stem else r"(?!\w)"
        parts.append(rf"(?<!\w){text}{end}" if spaced else text)
    pattern = re.compile("|".join(parts))
    return lambda text: pattern.search(text.lower()) is not None
