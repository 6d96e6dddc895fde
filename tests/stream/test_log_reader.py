"""Reading whole partitions for a restore: nothing is missed that a transaction is still writing."""

from threading import Thread

import pytest

from schemas import topics as t
from streams.kafka_clients import producer
from streams.log_reader import await_decided, last_records
from streams.settings import Settings
from streams.topology import create_topics

PLACE = (t.LEDGER, 0)


def test_a_restore_waits_for_undecided_transactions(settings: Settings) -> None:
    """While a transaction is open on a partition a restore waits; once it commits, its records are seen."""
    create_topics(settings)
    client = producer(settings, **{"transactional.id": f"{settings.prefix}writer", "transaction.timeout.ms": 10_000})
    client.init_transactions(30.0)
    for value in (b"first", b"second"):
        client.begin_transaction()
        client.produce(settings.topic(t.LEDGER), value, b"key", 0)
        client.flush(10.0)
        if value == b"first":
            client.commit_transaction(10.0)
    with pytest.raises(TimeoutError):
        await_decided(settings, [PLACE], limit_s=0.3)
    assert last_records(settings, [PLACE])[PLACE].value == b"first"
    waiting = Thread(target=await_decided, args=(settings, [PLACE]))
    waiting.start()
    client.commit_transaction(10.0)
    waiting.join(30.0)
    assert not waiting.is_alive()
    await_decided(settings, [PLACE])
    assert last_records(settings, [PLACE])[PLACE].value == b"second"
