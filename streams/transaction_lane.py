"""One transactional producer and the transaction it has under way; a router has several, so that partitions overlap."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future
from typing import Any, Final

from confluent_kafka import KafkaError, TopicPartition

from schemas.record import Output
from streams.kafka_clients import producer as new_producer
from streams.settings import Settings

_BY_KEY: Final = -1
_INIT_S: Final = 30.0
_STEP_S: Final = 10.0


class Lane:
    """Writes one partition's batch at a time; the commit runs on a thread of ``pool`` while others are applied."""

    def __init__(
        self, settings: Settings, identity: str, pool: Executor, on_error: Callable[[KafkaError], None]
    ) -> None:
        """Open the producer of this transactional id; ``start`` fences its earlier owners."""
        self._settings = settings
        self._pool = pool
        self._producer = new_producer(
            settings, **{"transactional.id": identity, "transaction.timeout.ms": 10_000, "error_cb": on_error}
        )
        self._commit: Future[None] | None = None
        self.partition: int | None = None
        """The partition of the transaction under way; None: the lane is free."""

    def start(self) -> None:
        """Fence earlier owners of the transactional id and abort what they left open; raises KafkaException."""
        self._producer.init_transactions(_INIT_S)

    def begin(self, partition: int, outputs: Iterable[Output], offsets: Sequence[TopicPartition], group: Any) -> None:
        """Produce a batch of ``partition`` and have it committed with its input offsets.

        ``group``: metadata of the consumer's membership, so that the broker refuses an owner of an earlier generation.
        """
        self.partition = partition
        self._producer.begin_transaction()
        for output in outputs:
            self._produce(output)
        self._commit = self._pool.submit(self._finish, list(offsets), group)

    def settle(self, *, wait: bool) -> None:
        """Take note of a commit that ended, or wait for it; raises what committing raised."""
        if self._commit is not None and (wait or self._commit.done()):
            ended, self._commit = self._commit, None
            ended.result()
            self.partition = None

    def _finish(self, offsets: list[TopicPartition], group: Any) -> None:
        self._producer.send_offsets_to_transaction(offsets, group, _STEP_S)
        self._producer.commit_transaction(_STEP_S)

    def _produce(self, output: Output) -> None:
        topic = self._settings.topic(output.topic)
        partition = _BY_KEY if output.partition is None else output.partition
        while True:
            try:
                self._producer.produce(topic, output.value, output.key, partition, headers=list(output.headers))
            except BufferError:
                self._producer.poll(0.01)
            else:
                return
