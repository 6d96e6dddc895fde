"""Writing single records and knowing that they are in the log."""

import time

from confluent_kafka import KafkaError, KafkaException, Message

from schemas.record import Output
from streams.kafka_clients import producer
from streams.settings import Settings

_POLL = 0.2


class ClientError(RuntimeError):
    """What a client could not do; the message says why and what to do."""


class PublishError(ClientError):
    """Kafka did not acknowledge the record: publish it again with the same ids, a repetition is harmless."""


class Publisher:
    """Writes one record at a time, acknowledged by the broker before it returns."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer = producer(settings)

    def close(self) -> None:
        """Close the connection."""
        self._producer.flush(5)
        self._producer.close()

    def publish(self, output: Output, timeout: float = 30.0) -> tuple[int, int]:
        """Write one record and return its partition and offset; raise `PublishError`."""
        delivered: list[tuple[KafkaError | None, Message]] = []
        try:
            self._producer.produce(
                self._settings.topic(output.topic),
                key=output.key.encode(),
                value=output.value,
                headers=list(output.headers),
                partition=-1 if output.partition is None else output.partition,
                on_delivery=lambda error, message: delivered.append((error, message)),
            )
        except KafkaException as error:
            raise self._failed(output, error.args[0].str()) from error
        deadline = time.monotonic() + timeout
        while not delivered and time.monotonic() < deadline:
            self._producer.poll(_POLL)
        if not delivered:
            raise self._failed(output, f"no acknowledgement within {timeout:.0f} s")
        fault, message = delivered[0]
        if fault is not None:
            raise self._failed(output, fault.str())
        return message.partition() or 0, message.offset() or 0

    def _failed(self, output: Output, why: str) -> PublishError:
        return PublishError(
            f"not published to {self._settings.topic(output.topic)}: {why}. Is Kafka up at {self._settings.bootstrap}? "
            "pointsman status"
        )
