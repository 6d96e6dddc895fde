"""Global inputs of the router: config, preferences, model statistics, provider health, read whole and kept current.

Read without a group from the beginning; ``freeze`` gives the values and positions that one round of batches uses.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Final

from confluent_kafka import Consumer, KafkaError, TopicPartition
from pydantic import ValidationError

from routing.catalog import CompiledConfig
from routing.desk_batch import GlobalReading, Question
from routing.health_view import worst_health
from routing.preference_book import PreferenceBook
from routing.statistics_view import merge
from schemas import topics as t
from schemas.cluster_reading import ClusterReading
from schemas.decision import Health, StatisticsView
from schemas.inbound import Rejection
from schemas.provider_call import ProviderHealth
from schemas.record import Record
from schemas.statistics import ModelStatisticsRow
from streams.cluster_source import ClusterSource
from streams.config_log import ConfigLog
from streams.config_signature import Trust
from streams.kafka_clients import consumer, to_record
from streams.settings import Settings

GLOBAL_TOPICS: Final = (t.CONFIG, t.PREFERENCES, t.MODEL_STATS, t.PROVIDER_HEALTH)
_LOAD_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Frozen:
    """One round's view of the global inputs (see ``routing.desk_batch.Globals``).

    The mappings are the follower's own; nothing changes them until the next ``poll``, which is between rounds.
    """

    config: CompiledConfig
    positions: Mapping[str, tuple[int, ...]]
    rejected_config: tuple[tuple[Record, Rejection], ...]
    preferences: PreferenceBook
    statistics: Mapping[str, Mapping[str, StatisticsView]]
    health: Mapping[str, Health]
    source: ClusterSource

    def read(self, question: Question, /) -> GlobalReading:
        """Return what any decision of this round reads."""
        q = question
        preference = self.preferences.view(q.tenant, q.user, q.space, q.preferences, q.now)
        return GlobalReading(preference, self.statistics.get(q.task_type, {}), self.health)

    def clusters(self, clusters: str, text: str, _causation_id: str, /) -> ClusterReading | None:
        """Return how close a text is to each cluster of a document."""
        table = self.config.clusters(clusters)
        return None if table is None else self.source.read(table, text)


class GlobalInputs:
    """Follows the global topics; ``poll`` takes what has come, ``freeze`` returns an immutable view."""

    def __init__(self, settings: Settings) -> None:
        """Open a consumer on all partitions of the global topics, from their beginnings."""
        self._settings = settings
        self._source = ClusterSource()
        self._prepared: CompiledConfig | None = None
        self._config = ConfigLog(Trust(settings.config_keys))
        self._preferences = PreferenceBook()
        self._rows: dict[tuple[str, str], dict[int, ModelStatisticsRow]] = {}
        self._statistics: dict[str, dict[str, StatisticsView]] = {}
        self._changed_statistics: set[tuple[str, str]] = set()
        self._health: dict[str, ProviderHealth] = {}
        self.skipped = 0
        self._consumer: Consumer = consumer(settings, "router-globals", **{"enable.partition.eof": True})
        self._positions = {name: [0] * (t.BY_NAME[name].partitions or settings.partitions) for name in GLOBAL_TOPICS}
        self._frozen: Frozen | None = None
        self._consumer.assign(
            [
                TopicPartition(settings.topic(name), partition, 0)
                for name, offsets in self._positions.items()
                for partition in range(len(offsets))
            ]
        )

    def load(self) -> None:
        """Read all partitions to their ends; raises TimeoutError if the broker does not let us within a minute."""
        missing = {(name, partition) for name, offsets in self._positions.items() for partition in range(len(offsets))}
        deadline = monotonic() + _LOAD_TIMEOUT_S
        while missing:
            if monotonic() > deadline:
                message = f"the global topics could not be read to their ends; missing {sorted(missing)[:3]}"
                raise TimeoutError(message)
            missing -= self._take(0.2)

    def poll(self) -> bool:
        """Take what has come; return whether anything changed."""
        before = self._frozen
        self._take(0)
        return self._frozen is not before

    def close(self) -> None:
        """Leave."""
        self._consumer.close()

    def freeze(self) -> Frozen:
        """Return the current view; the same object until something changes."""
        if self._frozen is None:
            if self._prepared is not self._config.compiled:
                self._prepared = self._config.compiled
                self._source.prepare(self._prepared)
            for task_type, model in self._changed_statistics:
                by_model = dict(self._statistics.get(task_type, {}))
                by_model[model] = merge(self._rows[task_type, model].values())
                self._statistics[task_type] = dict(sorted(by_model.items()))
            self._changed_statistics.clear()
            self._frozen = Frozen(
                self._config.compiled,
                {name: tuple(offsets) for name, offsets in self._positions.items()},
                tuple(self._config.rejected),
                self._preferences,
                dict(self._statistics),
                worst_health(self._health.values()),
                self._source,
            )
        return self._frozen

    # Reading -----------------------------------------------------------------------------------------------------

    def _take(self, wait_s: float) -> set[tuple[str, int]]:
        ended: set[tuple[str, int]] = set()
        first = self._consumer.poll(wait_s)
        if first is None:
            return ended
        for message in (first, *self._consumer.consume(5000, 0)):
            error = message.error()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client's public constant
                    ended.add((self._settings.logical(message.topic() or ""), message.partition() or 0))
                continue
            self._add(to_record(message, self._settings))
        return ended

    def _add(self, record: Record) -> None:
        self._frozen = None
        self._positions[record.topic][record.partition] = record.offset + 1
        if record.topic == t.CONFIG:
            self._config.add([record])
        elif record.value is not None:
            try:
                self._fold(record.topic, record.value, (record.key or b"").decode())
            except (ValidationError, UnicodeDecodeError):
                self.skipped += 1

    def _fold(self, topic: str, value: bytes, key: str) -> None:
        if topic == t.PREFERENCES:
            self._preferences.add(value)
        elif topic == t.MODEL_STATS:
            stats = ModelStatisticsRow.model_validate_json(value)
            rows = self._rows.setdefault((stats.task_type, stats.model), {})
            known = rows.get(stats.partition)
            if known is None or stats.version > known.version:
                rows[stats.partition] = stats
                self._changed_statistics.add((stats.task_type, stats.model))
        elif topic == t.PROVIDER_HEALTH:
            health = ProviderHealth.model_validate_json(value)
            last = self._health.get(key)
            if last is None or health.version > last.version:
                self._health[key] = health
