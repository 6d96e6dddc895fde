"""Which inputs may wait a moment for others, so that they share a transaction."""

from collections.abc import Mapping, Sequence
from typing import Final

from schemas.provider_call import CallStarted
from schemas.record import Record
from schemas.topics import PROVIDER_CALLS

MOST_S: Final = 0.2
"""Longest wait. Nothing follows from a claim but a note in the router's state, and half of all inputs are claims."""
MOST_RECORDS: Final = 500


def may_wait(records: Mapping[str, Sequence[Record]], waited_s: float) -> bool:
    """Return whether the records of one partition, by topic, may wait on: claims alone, not for long, not too many."""
    if waited_s >= MOST_S or any(found and name != PROVIDER_CALLS for name, found in records.items()):
        return False
    calls = records.get(PROVIDER_CALLS, ())
    return len(calls) < MOST_RECORDS and all(record.header("ce_type") == CallStarted.TYPE for record in calls)
