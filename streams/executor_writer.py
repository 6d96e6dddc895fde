"""The executor's producer: idempotent, every delivery checked; a record that is not delivered ends the process."""

import threading
from collections.abc import Callable

from confluent_kafka import KafkaError, Message

from schemas.envelope import Event
from schemas.record import Output
from streams.kafka_clients import producer
from streams.settings import Settings

_BY_KEY = -1


class DeliveryError(Exception):
    """A record could not be delivered: what the log holds is no longer what this process believes."""


class Writer:
    """Writes records in the order of the calls; delivery reports are served by a thread."""

    def __init__(self, settings: Settings, on_failure: Callable[[BaseException], None]) -> None:
        """``on_failure`` is called from another thread."""
        self._settings = settings
        self._on_failure = on_failure
        self._producer = producer(settings, error_cb=self._on_error)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="deliveries", daemon=True)
        self._thread.start()

    def event(self, topic: str, event: Event, partition: int) -> None:
        """Write an event to a partition of a logical topic; its key is its tenant."""
        self.record(event.to_output(topic, partition=partition))

    def record(self, output: Output) -> None:
        """Write a record; without a partition the key decides."""
        self._producer.produce(
            self._settings.topic(output.topic),
            value=output.value,
            key=output.key.encode(),
            headers=list(output.headers),
            on_delivery=self._delivered,
            partition=_BY_KEY if output.partition is None else output.partition,
        )

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything written is delivered; return whether it is."""
        return self._producer.flush(timeout_s) == 0

    def close(self) -> None:
        """Stop serving delivery reports; call ``flush`` before."""
        self._stopping.set()
        self._thread.join(2.0)
        del self._producer

    def _serve(self) -> None:
        while not self._stopping.is_set():
            self._producer.poll(0.1)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._on_failure(DeliveryError(f"a record for {message.topic()} was not delivered: {error.str()}"))

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._on_failure(DeliveryError(f"the producer cannot go on: {error.str()}"))
