"""Named features of a prompt (SPEC R8), which people can check beside the type: capped sums, none of them learned."""

from typing import Final

from routing.build import build
from routing.signals import Reading
from routing.words import TYPE_SLICE, TYPES, slot
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
        0.4 * signals.has_code_blocks
        + 0.2 * signals.has_syntax_keywords
        + 0.2 * reading.has_trace
        + 0.1 * signals.has_file_extensions
        + 0.1 * reading.has_maths
        + min(0.4, 0.1 * sum([evidence[kind] for kind in _TECHNICAL]))
    )
    scope = (
        0.5 * min(_LONG_BITS, signals.estimated_tokens.bit_length()) / _LONG_BITS
        + 0.3 * min(_MANY_BULLETS, reading.bullets) / _MANY_BULLETS
        + 0.2 * (evidence[_COMPLEX] > evidence[_SIMPLE])
    )
    return build(
        TaskFeatures,
        {
            "keyword_density": round(min(1.0, sum(evidence[TYPE_SLICE]) / max(1, reading.words)), 3),
            "technical_depth": round(min(1.0, depth), 3),
            "scope": round(min(1.0, scope), 3),
            "criticality": round(min(1.0, 0.5 * evidence[_CRITICAL]), 3),
        },
    )
