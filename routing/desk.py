"""The router's core for one partition: inputs of a batch -> records of its transaction (DESIGN 6, 7).

Pure: time, positions and config are in the batch; the state changes only by what the batch writes. The shell in
``streams.router`` runs it live, ``streams.replay`` over history, the simulation in virtual time.
"""

from typing import Final

from routing.dead_letters import dead_letter
from routing.desk_advice import AdviceDesk
from routing.desk_batch import Applied, Batch, StageStopped
from routing.desk_calls import CallDesk
from routing.desk_context import Context
from routing.desk_overrides import OverrideDesk
from routing.desk_requests import RequestDesk
from routing.desk_settings import SettingsDesk
from routing.desk_state import DeskState
from schemas import topics as t
from schemas.dead_letter import DeadLetter, RejectionCode
from schemas.decision import Position
from schemas.envelope import at_ms
from schemas.ids import event_id
from schemas.inbound import Rejection, key_tenant, parse, unknown_of
from schemas.journal import BatchJournaled, ConfigApplied
from schemas.ledger import AlertRaised
from schemas.override import OverrideRequested
from schemas.provider_call import CallEvent, ExecutorStarted
from schemas.record import Output, Record
from schemas.request import RequestCancelled, RequestReceived
from schemas.result import RejectedNotice
from schemas.user_settings import SettingsChanged

SYSTEM: Final = "system"
_STREAK: Final = 5
_RATIO_WINDOW: Final = 1000
INPUTS: Final = (t.PROVIDER_CALLS, t.OVERRIDES, t.REQUESTS)
"""In the order in which a batch applies them."""
WRITES: Final = (
    t.CLASSIFICATIONS,
    t.DECISIONS,
    t.LEDGER,
    t.RESULTS,
    t.TECHNICAL_OUTCOMES,
    t.ROUTER_STATE,
    t.ROUTER_JOURNAL,
)
"""Topics of which a desk writes exactly its own partition, nobody else does."""


class Desk:
    """One partition's router. ``engine``: version of the code; ``content_key``: key of the dedupe content hash."""

    def __init__(  # noqa: PLR0913 - what a restored desk is made of
        self,
        partition: int,
        partitions: int,
        *,
        engine: str,
        content_key: bytes,
        dedupe_window_ms: int = 3_600_000,
        state: DeskState | None = None,
        batch: int = 0,
        now_ms: int = 0,
        offsets: dict[str, int] | None = None,
        last_writes: dict[str, int] | None = None,
        config_offset: int = 0,
    ) -> None:
        """Start empty, or from restored ``state`` and the values of the newest journal record."""
        self.partition = partition
        self.partitions = partitions
        self.state = DeskState() if state is None else state
        self.batch = batch
        self.now_ms = now_ms
        self.offsets = dict.fromkeys(INPUTS, 0) | (offsets or {})
        self.last_writes = dict(last_writes or {})
        self.config_offset = config_offset
        self.alerts: list[AlertRaised] = []
        """Found at restore; written with the next batch."""
        self._context = Context(partition, engine, content_key, dedupe_window_ms, self.state)
        self._requests = RequestDesk(self._context)
        self._overrides = OverrideDesk(self._context, self._requests)
        self._settings = SettingsDesk(self._context)
        self._advice = AdviceDesk(self._context, self._requests)
        self._calls = CallDesk(self._context, self._requests, self._advice)
        self._internal_streak = 0
        self._seen_events = 0
        self._internal = 0

    @property
    def engine(self) -> str:
        """Version of the code, as every decision states it; replay states the one of the time."""
        return self._context.engine

    @engine.setter
    def engine(self, engine: str) -> None:
        self._context.engine = engine

    def apply(self, batch: Batch) -> Applied:
        """Apply one batch and return all it writes; raises StageStopped when the core fails on too many inputs."""
        number = self.batch + 1
        now_ms = max(self.now_ms, batch.now_ms)
        context = self._context
        context.begin(
            number, now_ms, batch.globals, batch.next_offsets.get(t.PROVIDER_CALLS, self.offsets[t.PROVIDER_CALLS])
        )
        for record in batch.provider_calls:
            self._one(record, t.BY_NAME[t.PROVIDER_CALLS])
        for record in batch.overrides:
            self._one(record, t.BY_NAME[t.OVERRIDES])
        for record in batch.requests:
            self._one(record, t.BY_NAME[t.REQUESTS])
        if batch.requests:
            # By this batch's own append times: a restored desk forgets in the same batch as one that never stopped.
            self.state.prune_seen(max(record.timestamp_ms for record in batch.requests))
        self.state.prune(now_ms)
        for key, value in self.state.drain().items():
            context.raw(Output(t.ROUTER_STATE, key, value, (context.batch_header,), self.partition))
        for alert in self.alerts:
            context.emit(t.ALERTS, alert)
        self.alerts.clear()
        outputs = context.end()
        outputs.extend(self._journal(batch, number, now_ms, outputs))
        self.batch, self.now_ms = number, now_ms
        return Applied(outputs, number, now_ms)

    def _one(self, record: Record, topic: t.Topic) -> None:
        mark = self._context.mark()
        self._seen_events += 1
        if self._seen_events >= _RATIO_WINDOW:
            self._seen_events //= 2
            self._internal //= 2
        try:
            self._dispatch(record, topic)
        except Exception as error:  # noqa: BLE001 - boundary of the pure core: one bad event must not stop its neighbours
            self._context.reset(mark)
            self._failed(record, topic, error)
        else:
            self._internal_streak = 0

    def _dispatch(self, record: Record, topic: t.Topic) -> None:
        event = parse(record, topic, self.partitions)
        if isinstance(event, Rejection):
            self._reject(record, topic, event)
        elif isinstance(event, RequestReceived):
            accepted = self._requests.receive(record, event)
            if accepted is not None and not self._advice.order(*accepted):
                self._requests.decide_next(accepted.request, "request")
        elif isinstance(event, RequestCancelled):
            self._overrides.cancel(record, event)
        elif isinstance(event, OverrideRequested):
            self._overrides.override(record, event)
        elif isinstance(event, SettingsChanged):
            self._settings.change(record, event)
        elif isinstance(event, CallEvent):
            orphan = self._calls.apply(event)
            if orphan is not None:
                self._dead_letter(
                    record, topic, Rejection(RejectionCode.INVALID, orphan, event.tenant, event.request_id)
                )
        elif not isinstance(event, ExecutorStarted):
            message = f"no handler for {event.type}"
            raise TypeError(message)

    def _reject(self, record: Record, topic: t.Topic, rejection: Rejection) -> None:
        letter = self._dead_letter(record, topic, rejection)
        if topic.name == t.PROVIDER_CALLS:
            unknown = unknown_of(record, rejection, self.partitions)
            if unknown is not None:
                self._calls.apply(unknown)
        elif topic.name == t.REQUESTS and rejection.tenant is not None:
            self._context.emit(
                t.RESULTS,
                RejectedNotice(
                    id=event_id(rejection.tenant, RejectedNotice.TYPE, letter.id, 0),
                    occurred_at=self._context.now,
                    tenant=rejection.tenant,
                    request_id=rejection.request_id,
                    causation_id=letter.id,
                    reason=rejection.reason,
                    code=rejection.code.value,
                    dead_letter_id=letter.id,
                    request_at=Position(topic=topic.name, partition=record.partition, offset=record.offset),
                ),
            )

    def _failed(self, record: Record, topic: t.Topic, error: Exception) -> None:
        self._internal += 1
        self._internal_streak += 1
        ratio = self._seen_events >= _RATIO_WINDOW // 2 and self._internal * 100 > self._seen_events
        if self._internal_streak > _STREAK or ratio:
            message = (
                f"{self._internal} inputs failed inside the router, the last with {type(error).__name__} at "
                f"{topic.name}[{record.partition}]@{record.offset}; stopped before they are lost to the dead letters"
            )
            raise StageStopped(message) from error
        rejection = Rejection(RejectionCode.INTERNAL, f"{type(error).__name__} inside the router", key_tenant(record))
        self._dead_letter(record, topic, rejection)
        event = parse(record, topic, self.partitions)
        if isinstance(event, RequestReceived):
            self._requests.fail_internal(record, event)
        elif topic.name == t.PROVIDER_CALLS:
            unknown = unknown_of(record, rejection, self.partitions)
            if unknown is not None:
                self._calls.apply(unknown)

    def _dead_letter(self, record: Record, topic: t.Topic, rejection: Rejection) -> DeadLetter:
        letter = dead_letter(record, rejection, "router", self._context.now, self.engine)
        self._context.raw(letter.to_output(topic.dead_letters, self._context.batch_header, partition=0))
        return letter

    def _journal(self, batch: Batch, number: int, now_ms: int, outputs: list[Output]) -> list[Output]:
        inputs: dict[str, tuple[int, int]] = {}
        for name in INPUTS:
            following = batch.next_offsets.get(name, self.offsets[name])
            inputs[name] = (self.offsets[name], following)
            self.offsets[name] = following
        for output in outputs:
            if output.topic in WRITES:
                self.last_writes[output.topic] = number
        self.last_writes[t.ROUTER_JOURNAL] = number
        records: list[Output] = []
        positions = dict(batch.globals.positions)
        config_offset = positions[t.CONFIG][0]
        header = self._context.batch_header
        if self.partition == 0:
            records.extend(
                dead_letter(record, rejection, "router", self._context.now, self.engine).to_output(
                    t.BY_NAME[t.CONFIG].dead_letters, header, partition=0
                )
                for record, rejection in batch.globals.rejected_config
                if record.offset >= self.config_offset
            )
        if config_offset != self.config_offset:
            self.config_offset = config_offset
            applied = ConfigApplied(
                id=event_id(SYSTEM, ConfigApplied.TYPE, f"partition/{self.partition}", config_offset),
                occurred_at=at_ms(now_ms),
                tenant=SYSTEM,
                partition=self.partition,
                config_offset=config_offset,
            )
            records.append(applied.to_output(t.ROUTER_JOURNAL, header, partition=self.partition))
        journal = BatchJournaled(
            id=event_id(SYSTEM, BatchJournaled.TYPE, f"partition/{self.partition}", number),
            occurred_at=at_ms(now_ms),
            tenant=SYSTEM,
            partition=self.partition,
            partitions=self.partitions,
            batch=number,
            inputs=inputs,
            globals=positions,
            now_ms=now_ms,
            engine=self.engine,
            last_writes=self.last_writes,
        )
        records.append(journal.to_output(t.ROUTER_JOURNAL, header, partition=self.partition))
        return records
