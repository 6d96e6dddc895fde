"""Claims wait a moment for company; nothing else does."""

import pytest

from schemas.provider_call import CallFinished, CallStarted
from schemas.record import Record
from schemas.topics import OVERRIDES, PROVIDER_CALLS, REQUESTS
from streams.patience import MOST_RECORDS, MOST_S, may_wait


def record(topic: str, type_: str | None = None) -> Record:
    return Record(topic, 0, 0, 0, b"acme", b"{}", () if type_ is None else (("ce_type", type_.encode()),))


CLAIM = record(PROVIDER_CALLS, CallStarted.TYPE)


def test_claims_alone_wait() -> None:
    """A batch that would hold claims alone waits, until they have waited long or are many."""
    assert may_wait({PROVIDER_CALLS: [CLAIM]}, 0)
    assert not may_wait({PROVIDER_CALLS: [CLAIM]}, MOST_S)
    assert not may_wait({PROVIDER_CALLS: [CLAIM] * MOST_RECORDS}, 0)


@pytest.mark.parametrize(
    "other",
    [
        record(PROVIDER_CALLS, CallFinished.TYPE),
        record(PROVIDER_CALLS),
        record(REQUESTS),
        record(OVERRIDES),
    ],
    ids=["finished", "untyped", "request", "override"],
)
def test_anything_else_takes_the_claims_with_it(other: Record) -> None:
    """As soon as somebody waits for an answer, the batch is applied."""
    records = {PROVIDER_CALLS: [CLAIM]}
    records[other.topic] = [*records.get(other.topic, []), other]
    assert not may_wait(records, 0)
