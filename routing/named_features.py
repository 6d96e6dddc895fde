"""Named features of a prompt (SPEC R8), which people can check beside the type: capped sums, none of them learned."""

from typing import Final

from routing.build import build
from routing.signals import Reading
from routing.words import TYPE_SLICE, TYPES, UNIT, slot
from schemas.classification import TaskFeatures

_TECHNICAL: Final = tuple(
    TYPES.index(kind)
    for kind in ("architecture", "code-generation", "code-review", "debugging", "refactoring", "testing")
)
_SIMPLE, _COMPLEX, _CRITICAL = (slot(f"level/{level}") for level in ("simple", "complex", "critical"))
_LONG_BITS: Final = 14
"""A text of 2^13 tokens or more is as long as it counts."""
_MANY_BULLETS: Final = 6


def features_of(reading: Reading) -> TaskFeatures:
    """Return keyword density, technical depth, scope and criticality of a prompt.

    technical depth = 0.4 code block + 0.2 syntax + 0.2 trace + 0.1 file name + 0.1 formula + 0.1 per unit of evidence
    for technical work (at most 0.4); scope = 0.5 of the token count's bits out of 14 + 0.3 of listed demands out of 6
    + 0.2 when words of large work outweigh words of small work; criticality = half the evidence of its words.
    """
    signals, evidence = reading.signals, reading.evidence
    depth = (
        400 * signals.has_code_blocks
        + 200 * signals.has_syntax_keywords
        + 200 * reading.has_trace
        + 100 * signals.has_file_extensions
        + 100 * reading.has_maths
        + min(400, _nearest(100 * sum([evidence[kind] for kind in _TECHNICAL]), UNIT))
    )
    scope = _nearest(
        500 * _MANY_BULLETS * min(_LONG_BITS, signals.estimated_tokens.bit_length())
        + 300 * _LONG_BITS * min(_MANY_BULLETS, reading.bullets),
        _LONG_BITS * _MANY_BULLETS,
    ) + 200 * (evidence[_COMPLEX] > evidence[_SIMPLE])
    density = _nearest(1000 * sum(evidence[TYPE_SLICE]), UNIT * max(1, reading.words))
    return build(
        TaskFeatures,
        {
            "keyword_density": min(1000, density) / 1000,
            "technical_depth": min(1000, depth) / 1000,
            "scope": scope / 1000,
            "criticality": min(1000, _nearest(500 * evidence[_CRITICAL], UNIT)) / 1000,
        },
    )


def _nearest(number: int, divisor: int) -> int:
    return (2 * number + divisor) // (2 * divisor)
