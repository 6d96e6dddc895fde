"""Replay: run the desks over history again, along the journal, and compare every byte they write (DESIGN promise 3).

Config and time come from the journal; feedback and health values from the decisions and cluster scores from the
classifications, which store what they read. Each
partition is folded from its first batch, in lockstep over its inputs and outputs, so memory does not grow with history.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from routing.catalog import CompiledConfig
from routing.desk import INPUTS, WRITES, Desk
from routing.desk_batch import Batch, GlobalReading, Question
from schemas import topics as t
from schemas.cluster_reading import ClusterReading
from schemas.decision import AdviceOrdered, DecisionMade, RequestRefused, View
from schemas.inbound import Rejection
from schemas.journal import BatchJournaled
from schemas.override import OverrideRejected
from schemas.record import Output, Record
from streams.config_log import ConfigLog
from streams.config_signature import Trust
from streams.engine import engine_version
from streams.log_reader import read_range
from streams.settings import Settings

COMPARED: Final = tuple(name for name in WRITES if name != t.ROUTER_STATE)
_VIEWS: Final = frozenset({DecisionMade.TYPE, AdviceOrdered.TYPE, RequestRefused.TYPE, OverrideRejected.TYPE})
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A record that a second run did not write in the same bytes."""

    topic: str
    partition: int
    offset: int | None
    batch: int
    what: str


@dataclass(slots=True)
class Report:
    """What ``verify`` found; ``mismatches`` holds the first twenty of ``different``."""

    engine: str
    partitions: int = 0
    batches: int = 0
    requests: int = 0
    decisions: int = 0
    compared: int = 0
    different: int = 0
    other_engine_batches: int = 0
    engines: dict[str, int] = field(default_factory=dict[str, int])
    mismatches: list[Mismatch] = field(default_factory=list[Mismatch])
    truncated: list[str] = field(default_factory=list[str])

    @property
    def equal(self) -> bool:
        """Return whether everything that could be compared was the same, byte for byte."""
        return self.different == 0 and not self.truncated and self.compared > 0

    def add(self, mismatch: Mismatch) -> None:
        """Count a difference."""
        self.different += 1
        if len(self.mismatches) < _SHOWN:
            self.mismatches.append(mismatch)


class Cursor:
    """The records of one place, taken in order by offset or by batch number."""

    def __init__(self, records: Iterator[Record]) -> None:
        """Wrap an iterator in offset order."""
        self._records = records
        self._next: Record | None = None

    def peek(self) -> Record | None:
        """Return the next record without taking it."""
        if self._next is None:
            self._next = next(self._records, None)
        return self._next

    def until(self, offset: int) -> list[Record]:
        """Take all records below ``offset``."""
        taken: list[Record] = []
        while (record := self.peek()) is not None and record.offset < offset:
            taken.append(record)
            self._next = None
        return taken

    def of_batch(self, number: int) -> list[Record]:
        """Take the records of batch ``number``."""
        wanted = str(number)
        taken: list[Record] = []
        while (record := self.peek()) is not None and record.header("ce_batch") == wanted:
            taken.append(record)
            self._next = None
        return taken


class HistoricGlobals:
    """Global inputs as a batch of the past read them."""

    def __init__(
        self,
        config: CompiledConfig,
        journal: BatchJournaled,
        views: Mapping[tuple[str, int], View],
        scores: Mapping[str, ClusterReading],
    ) -> None:
        """Bind the config at the journaled position, and what the batch's decisions and classifications stored."""
        self.config = config
        self.positions: Mapping[str, tuple[int, ...]] = journal.globals
        self._views = views
        self._scores = scores
        self.rejected_config: Sequence[tuple[Record, Rejection]] = ()

    def read(self, question: Question, /) -> GlobalReading:
        """Return the values stored with the decision that this cause led to; nothing where none is stored.

        A question before a decision that nobody was asked left no view of its own: the decision of that moment did.
        """
        numbers = range(question.number, max(question.number, 1) + 1)
        stored = (self._views.get((question.causation_id, number)) for number in numbers)
        view = next((found for found in stored if found is not None), None)
        if view is None:
            return GlobalReading()
        return GlobalReading(view.preference, view.statistics, view.health)

    def clusters(self, _clusters: str, _text: str, causation_id: str, /) -> ClusterReading | None:
        """Return the scores stored with the classification: an encoder may be another one today, or none."""
        return self._scores.get(causation_id)


def stored_views(records: Sequence[Record]) -> dict[tuple[str, int], View]:
    """Return (causation id, number) -> view of the decisions, refusals and refused overrides among ``records``."""
    views: dict[tuple[str, int], View] = {}
    for record in records:
        if record.header("ce_type") not in _VIEWS:
            continue
        value: dict[str, Any] = orjson.loads(record.value or b"{}")
        if value.get("view") is None:
            continue
        view = View.model_validate_json(orjson.dumps(value["view"]))
        if value["type"] == OverrideRejected.TYPE:
            views[value["override_id"], 0] = view
        elif value.get("cause") == "override" and view.override is not None:
            views[view.override.override_id, 0] = view
        else:
            views[value["causation_id"], value["number"]] = view
    return views


def stored_scores(records: Sequence[Record]) -> dict[str, ClusterReading]:
    """Return causation id -> cluster scores of the classifications that read some."""
    scores: dict[str, ClusterReading] = {}
    for record in records:
        value: dict[str, Any] = orjson.loads(record.value or b"{}")
        if value.get("clusters") is not None:
            scores[value["causation_id"]] = ClusterReading.model_validate(value["clusters"])
    return scores


class PartitionReplay:
    """One partition's history, run again."""

    def __init__(self, settings: Settings, partition: int, config: Sequence[Record], report: Report) -> None:
        """Open cursors at the beginning of the partition's inputs and outputs."""
        self._settings = settings
        self.partition = partition
        self.desk: Desk | None = None
        """The desk after the last batch replayed; None where there is no journal."""
        self.state: dict[str, bytes] = {}
        """What the change log must hold: newest value of each key."""
        self._report = report
        self._config_records = list(config)
        self._config = ConfigLog(Trust(settings.config_keys))
        self._inputs = {name: self._cursor(name) for name in INPUTS}
        self._outputs = {name: self._cursor(name) for name in COMPARED}

    def _cursor(self, name: str) -> Cursor:
        return Cursor(read_range(self._settings, {(name, self.partition): 0}))

    def run(self, on_batch: Callable[[], None]) -> None:
        """Replay every batch of the partition's journal."""
        journals = read_range(self._settings, {(t.ROUTER_JOURNAL, self.partition): 0})
        for record in journals:
            if record.header("ce_type") != BatchJournaled.TYPE:
                continue
            journal = BatchJournaled.model_validate_json(record.value or b"")
            if self.desk is None:
                if journal.batch != 1:
                    self._report.truncated.append(
                        f"partition {self.partition}: history begins at batch {journal.batch}"
                    )
                    return
                self.desk = self._new_desk(journal)
            self._batch(self.desk, journal)
            on_batch()

    def _new_desk(self, journal: BatchJournaled) -> Desk:
        return Desk(
            self.partition,
            journal.partitions,
            engine=journal.engine,
            content_key=self._settings.content_key.get_secret_value().encode(),
            dedupe_window_ms=self._settings.dedupe_window_s * 1000,
        )

    def _batch(self, desk: Desk, journal: BatchJournaled) -> None:
        report = self._report
        engine = engine_version()
        report.engines[journal.engine] = report.engines.get(journal.engine, 0) + 1
        if journal.engine != engine:
            report.other_engine_batches += 1
        actual = {name: cursor.of_batch(journal.batch) for name, cursor in self._outputs.items()}
        views = stored_views([*actual[t.DECISIONS], *actual[t.TECHNICAL_OUTCOMES]])
        while self._config_records and self._config_records[0].offset < journal.globals[t.CONFIG][0]:
            self._config.add([self._config_records.pop(0)])
        taken = {name: self._inputs[name].until(journal.inputs[name][1]) for name in INPUTS}
        report.requests += len(taken[t.REQUESTS])
        desk.engine = journal.engine
        batch = Batch(
            journal.now_ms,
            HistoricGlobals(self._config.compiled, journal, views, stored_scores(actual[t.CLASSIFICATIONS])),
            provider_calls=taken[t.PROVIDER_CALLS],
            overrides=taken[t.OVERRIDES],
            requests=taken[t.REQUESTS],
            next_offsets={name: following for name, (_, following) in journal.inputs.items()},
        )
        written: dict[str, list[Output]] = {name: [] for name in COMPARED}
        for output in desk.apply(batch).outputs:
            if output.topic in written:
                written[output.topic].append(output)
            elif output.topic == t.ROUTER_STATE and output.value is not None:
                self.state[output.key] = output.value
            elif output.topic == t.ROUTER_STATE:
                self.state.pop(output.key, None)
        for name in COMPARED:
            self._compare(name, journal.batch, actual[name], written[name])
        report.batches += 1

    def _compare(self, name: str, batch: int, actual: Sequence[Record], again: Sequence[Output]) -> None:
        report = self._report
        if name == t.DECISIONS:
            report.decisions += len(actual)
        for index in range(max(len(actual), len(again))):
            report.compared += 1
            if index >= len(again):
                report.add(Mismatch(name, self.partition, actual[index].offset, batch, "not written again"))
            elif index >= len(actual):
                report.add(Mismatch(name, self.partition, None, batch, "written only in the second run"))
            elif actual[index].value != again[index].value or actual[index].headers != again[index].headers:
                where = difference(actual[index].value or b"", again[index].value or b"")
                report.add(Mismatch(name, self.partition, actual[index].offset, batch, where))


def difference(before: bytes, after: bytes) -> str:
    """Return which top-level fields differ, without their values."""
    try:
        old, new = orjson.loads(before), orjson.loads(after)
    except orjson.JSONDecodeError:
        return "value is not JSON"
    names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    return f"fields differ: {', '.join(names)}" if names else "bytes or headers differ"


def verify(settings: Settings, on_progress: Callable[[Report], None] | None = None) -> Report:
    """Replay every partition and return what was compared and what differed."""
    report = Report(engine_version(), settings.partitions)
    config = list(read_range(settings, {(t.CONFIG, 0): 0}))

    def tick() -> None:
        if on_progress is not None:
            on_progress(report)

    for partition in range(settings.partitions):
        PartitionReplay(settings, partition, config, report).run(tick)
    return report
