"""The fence: what a router may start from, and what it must refuse."""

import pytest

from routing.desk import INPUTS, WRITES
from schemas import topics as t
from schemas.envelope import at_ms
from schemas.journal import BatchJournaled
from schemas.record import Record
from streams.router_restore import check_fence, check_torn
from streams.transactional import Doubt


def journal(batch: int = 7, **ends: int) -> BatchJournaled:
    inputs = {name: (0, ends.get(name.replace("-", "_"), 10)) for name in INPUTS}
    return BatchJournaled(
        id="j",
        occurred_at=at_ms(0),
        tenant="system",
        partition=3,
        partitions=8,
        batch=batch,
        inputs=inputs,
        globals={t.CONFIG: (5,)},
        now_ms=0,
        engine="e",
        last_writes=dict.fromkeys(WRITES, batch),
    )


def newest(batch: int, **others: int) -> dict[tuple[str, int], Record]:
    return {
        (name, 3): Record(name, 3, 1, 0, b"k", b"v", (("ce_batch", str(others.get(name, batch)).encode()),))
        for name in WRITES
    }


def test_equal_offsets_go_on_at_the_journal() -> None:
    """Committed offsets equal to the journal's are the start."""
    assert check_fence(3, dict.fromkeys(INPUTS, 10), journal(), 8) == dict.fromkeys(INPUTS, 10)


def test_offsets_behind_the_journal_go_on_at_the_journal() -> None:
    """Where a commit of offsets was lost, the journal is the truth."""
    assert check_fence(3, dict.fromkeys(INPUTS, 4), journal(), 8)[t.REQUESTS] == 10


@pytest.mark.parametrize("name", INPUTS)
def test_offsets_beyond_the_journal_refuse_to_start(name: str) -> None:
    """Offsets beyond the journal mean a state older than what was acknowledged: no start."""
    with pytest.raises(Doubt, match="beyond the journal"):
        check_fence(3, dict.fromkeys(INPUTS, 10) | {name: 11}, journal(), 8)


def test_no_journal_counts_as_offset_zero() -> None:
    """Without a journal record any committed offset is too far."""
    assert check_fence(3, {}, None, 8) == dict.fromkeys(INPUTS, 0)
    with pytest.raises(Doubt):
        check_fence(3, {t.REQUESTS: 1}, None, 8)


def test_another_partition_count_refuses_to_start() -> None:
    """A log of 8 partitions is not continued with 4: a tenant would get two ledgers."""
    with pytest.raises(Doubt, match="two ledgers"):
        check_fence(3, {}, journal(), 4)


def test_whole_transactions_are_not_torn() -> None:
    """Newest records of the journal's last batch are as they must be."""
    check_torn(3, journal(), newest(7))


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("batch", [6, 8])
def test_a_record_the_journal_does_not_know_is_a_torn_transaction(name: str, batch: int) -> None:
    """An output whose newest record is of another batch than journaled refuses to start."""
    with pytest.raises(Doubt, match="torn"):
        check_torn(3, journal(), newest(7, **{name: batch}))


def test_a_lost_ledger_is_a_torn_transaction() -> None:
    """A ledger partition without the records that the journal says it has refuses to start."""
    last = newest(7)
    del last[t.LEDGER, 3]
    with pytest.raises(Doubt, match="torn"):
        check_torn(3, journal(), last)
