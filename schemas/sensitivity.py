"""Kinds of sensitive data that pointsman recognises by itself, and how a tenant switches that on (SPEC U4)."""

from typing import Annotated, Final, Literal, Self, get_args

from pydantic import Field, StringConstraints, model_validator

from schemas.control_base import Strict

WordKind = Literal["health", "legal", "salary"]
"""Kinds recognised by words that the document lists; nothing is guessed without them."""
SensitiveKind = Literal[
    "payment_card",
    "iban",
    "email",
    "phone",
    "national_id",
    "secret_key",
    "private_key",
    "health",
    "legal",
    "salary",
]
KINDS: Final[tuple[SensitiveKind, ...]] = get_args(SensitiveKind)
WORD_KINDS: Final[tuple[WordKind, ...]] = get_args(WordKind)
Word = Annotated[str, StringConstraints(min_length=2, max_length=60, strip_whitespace=True)]
"""A word or phrase, without regard to case; ``stem*`` stands for every word that begins so."""


class SensitiveDetection(Strict):
    """What makes a request count as sensitive, as if its caller had flagged it. No kinds: nothing is looked for."""

    kinds: Annotated[tuple[SensitiveKind, ...], Field(max_length=len(KINDS))] = ()
    words: dict[WordKind, Annotated[tuple[Word, ...], Field(min_length=1, max_length=500)]] = {}

    @model_validator(mode="after")
    def _words_for_word_kinds(self) -> Self:
        without = [kind for kind in WORD_KINDS if kind in self.kinds and kind not in self.words]
        unasked = [kind for kind in self.words if kind not in self.kinds]
        if without or unasked:
            message = (
                f"health, legal and salary are recognised by words: listed without words: {without}, "
                f"words of kinds that are not listed: {unasked}"
            )
            raise ValueError(message)
        return self
