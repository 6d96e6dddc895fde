"""Whether a consumer group moves: a process that is up but commits nothing, while records wait, is as good as dead."""

from collections.abc import Sequence
from time import monotonic

from confluent_kafka import KafkaException, TopicPartition

from streams.kafka_clients import consumer
from streams.settings import Settings

_TIMEOUT_S = 5.0


class ProgressWatch:
    """Compares what a group has committed with the ends of its topics, from outside its members."""

    def __init__(self, settings: Settings, group: str, topics: Sequence[str]) -> None:
        """Open a client of the group that never joins it."""
        self._reader = consumer(settings, group, log_level=2)
        self._places = [TopicPartition(settings.topic(t), p) for t in topics for p in range(settings.partitions)]
        self._committed = -1
        self._moved_at = monotonic()

    def stuck_seconds(self) -> float:
        """Look, and return for how long records have waited without any commit; 0 when none wait or nobody can tell."""
        try:
            committed = self._reader.committed(self._places, timeout=_TIMEOUT_S)
            ends = [self._reader.get_watermark_offsets(place, timeout=_TIMEOUT_S)[1] for place in self._places]
        except KafkaException:
            self._moved_at = monotonic()  # the broker is away: that is no fault of the group
            return 0.0
        total = sum(max(place.offset, 0) for place in committed)
        if total != self._committed or total >= sum(ends):
            self._committed = total
            self._moved_at = monotonic()
        return monotonic() - self._moved_at

    def close(self) -> None:
        """Close the client."""
        self._reader.close()
