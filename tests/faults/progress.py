"""Follows the log from outside: which requests are answered, which holds are open."""

import json
import threading
from dataclasses import dataclass, field

from confluent_kafka import Consumer, TopicPartition

from streams.settings import Settings


def lag(settings: Settings, group: str, topics: tuple[str, ...]) -> int:
    """Return how many records of the topics the group has not committed yet."""
    reader = Consumer(
        {"bootstrap.servers": settings.bootstrap, "group.id": f"{settings.prefix}{group}", "log_level": 2}
    )
    try:
        places = [TopicPartition(settings.topic(t), p) for t in topics for p in range(settings.partitions)]
        committed = reader.committed(places, timeout=30)
        return sum(reader.get_watermark_offsets(at, timeout=30)[1] - max(at.offset, 0) for at in committed)
    finally:
        reader.close()


@dataclass(slots=True)
class Progress:
    """Reads ``results`` and ``ledger`` committed, in a thread, from the beginning."""

    settings: Settings
    answered: set[tuple[str, str]] = field(default_factory=set)
    open_holds: set[str] = field(default_factory=set)
    held: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Start following."""
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop and wait."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(30)

    def _run(self) -> None:
        reader = Consumer(
            {
                "bootstrap.servers": self.settings.bootstrap,
                "group.id": "progress",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "log_level": 2,
            }
        )
        reader.assign(
            [
                TopicPartition(self.settings.topic(name), partition, 0)
                for name in ("results", "ledger")
                for partition in range(self.settings.partitions)
            ]
        )
        while not self._stop.is_set():
            for message in reader.consume(1000, 0.2):
                if message.error() is None:
                    self._take(json.loads(message.value() or b"{}"))
        reader.close()

    def _take(self, value: dict[str, str]) -> None:
        type_ = value.get("type", "")
        if ".result." in type_ and value.get("final"):
            self.answered.add((value["tenant"], value.get("request_id", "")))
        elif type_.endswith("ledger.held.v1"):
            self.open_holds.add(value["hold_id"])
            self.held += 1
        elif type_.endswith(("settled.v1", "released.v1", "forfeited.v1")):
            self.open_holds.discard(value["hold_id"])
