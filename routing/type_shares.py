"""What kinds of work a text may be, where that is unclear: shares in sixteenths, so that few mixtures exist.

A decision for an unclear text weighs each model by all the kinds that it may be (the expectation over the classifier's
calibrated probabilities), instead of betting on the likeliest. Measured: docs/success.md, N4 and N5.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from routing.words import TYPES
from schemas.control_taxonomy import PARTS

MOST_KINDS: Final = 8
_SURE: Final = 15
"""Sixteenths from which on one kind counts as all."""

Shares = tuple[tuple[str, int], ...]
"""(kind of work, sixteenths), the likeliest first; together sixteen. Empty: one kind, for sure."""


def type_shares(billionths: Sequence[int]) -> dict[str, float]:
    """Return the shares of the likeliest kinds, each at least a sixteenth, in the order of likelihood; {} when sure.

    ``billionths``: probabilities in the order of ``TYPES``. What is cut off goes to the kinds kept, by largest
    remainder, so that the shares sum to 1 exactly (sixteenths are exact in binary).
    """
    ranked = sorted(range(len(billionths)), key=lambda index: (-billionths[index], index))[:MOST_KINDS]
    kept = [index for index in ranked if billionths[index] * 2 * PARTS >= 1_000_000_000]
    if not kept or billionths[kept[0]] * PARTS >= _SURE * 1_000_000_000:
        return {}
    total = sum(billionths[index] for index in kept)
    parts = {index: billionths[index] * PARTS // total for index in kept}
    left = PARTS - sum(parts.values())
    by_rest = sorted(kept, key=lambda index: (-(billionths[index] * PARTS % total), index))
    for index in by_rest[:left]:
        parts[index] += 1
    found = {TYPES[index]: parts[index] / PARTS for index in kept if parts[index]}
    return found if len(found) > 1 else {}


def in_parts(shares: Mapping[str, float]) -> Shares:
    """Return shares in sixteenths, as mixtures are remembered by."""
    return tuple((kind, round(share * PARTS)) for kind, share in shares.items())
