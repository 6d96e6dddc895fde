"""Decisions written by hand for a real executor: its config, models that behave as told, what it left behind."""

import sys
import threading
from collections import defaultdict
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
from confluent_kafka import Consumer, TopicPartition

from deploy.shipped_config import publish_missing
from providers.simulated import BILL_FILE, SimulatorConfig, running
from providers.simulated.behaviour import BehaviourFile, Behaviours
from providers.simulated.server import serve
from routing.calls import Calls, fold
from schemas import topics as t
from schemas.control import DOCUMENT, ConfigDocument
from schemas.decision import AttemptPlan, DecisionCancelled, DecisionMade, HoldTerms, Position, SignalsView, View
from schemas.envelope import Event
from schemas.inbound import parse
from schemas.money import parse_usd
from schemas.partition import partition_for
from schemas.provider_call import CallEvent, CallFailed, CallFinished, CallUnknown, ProviderHealth, ResultChunk
from schemas.request import RequestReceived
from streams import executor
from streams.executor_readers import GROUP
from streams.kafka_clients import consumer, producer
from streams.log_reader import read_range
from streams.settings import Settings
from tests.stage import prepared
from tests.waiting import eventually

BOOK = "test-prices@1"
_MODELS: dict[str, dict[str, Any]] = {
    "quick": {},
    "slow": {"latency": {"ttft_ms": 1_500, "sigma": 0, "tokens_per_second": 400}},
    "chatty": {"latency": {"ttft_ms": 50, "sigma": 0, "tokens_per_second": 300}, "output": {"median_tokens": 150}},
    "limited": {"failures": {"rate_limited": 1, "retry_after_s": 30}},
    "impatient": {"failures": {"rate_limited": 1, "retry_after_s": 0.05}},
    "broken": {"failures": {"server_error": 1}},
    "refused": {"failures": {"reset_before": 1}},
    "lost": {"failures": {"reset_after": 1}},
    "cut": {"failures": {"truncated": 1}, "latency": {"ttft_ms": 10, "sigma": 0, "tokens_per_second": 2000}},
}


def behaviours() -> Behaviours:
    """Models named after what they do; prices as in ``documents``."""
    return Behaviours(
        BehaviourFile.model_validate(
            {
                "seed": 7,
                "defaults": {
                    "price": {"input": 1_000_000, "output": 4_000_000},
                    "latency": {"ttft_ms": 5, "sigma": 0, "tokens_per_second": 20_000},
                    "output": {"median_tokens": 40, "sigma": 0.1},
                    "quality": {"default": 80},
                },
                "models": _MODELS,
            }
        )
    )


def documents() -> list[ConfigDocument]:
    """Endpoints ``sim`` and ``sim2`` (simulated) and ``gone`` (nobody listens), and the price book."""
    prices = {"since": "2020-01-01", "source": "test", "input": "1", "output": "4"}
    rows: list[dict[str, Any]] = [
        {"kind": "provider", "name": "sim", "simulated": True, "concurrency": 400, "concurrency_per_tenant": 200},
        {"kind": "provider", "name": "sim2", "simulated": True, "dialect": "anthropic"},
        {"kind": "provider", "name": "narrow", "simulated": True, "concurrency": 1, "concurrency_per_tenant": 1},
        {"kind": "provider", "name": "gone", "base_url": "http://127.0.0.1:9"},
        {
            "kind": "prices",
            "name": "test-prices",
            "sources": {"test": {"title": "invented", "date": "2026-01-01"}},
            "prices": {model: [prices] for model in _MODELS},
        },
    ]
    return [DOCUMENT.validate_python(row) for row in rows]


def plan(model: str, provider: str = "sim", timeout_ms: int = 20_000) -> AttemptPlan:
    return AttemptPlan(
        model=model,
        provider=provider,
        provider_model=model,
        max_output_tokens=500,
        timeout_ms=timeout_ms,
        bound=parse_usd("0.01"),
        estimated_cost=parse_usd("0.001"),
        estimated_latency_ms=100,
    )


class Log:
    """Writes requests and decisions as the router would, and reads what executors wrote."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._producer = producer(settings)
        self._reader: Consumer = consumer(settings, "test-watermarks")
        self.decisions: list[DecisionMade] = []
        self._places: dict[str, tuple[int, int]] = {}

    def close(self) -> None:
        self._producer.flush(10)
        self._reader.close()

    def end_of(self, topic: str, partition: int) -> int:
        _, high = self._reader.get_watermark_offsets(TopicPartition(self.settings.topic(topic), partition), timeout=10)
        return high

    def write(self, topic: str, event: Event) -> tuple[int, int]:
        """Write and return (partition, offset)."""
        return self.write_all(topic, [event])[0]

    def write_all(self, topic: str, events: Sequence[Event]) -> list[tuple[int, int]]:
        places: list[tuple[int, int]] = [(-1, -1)] * len(events)

        def delivered(index: int) -> Any:
            def note(error: Any, message: Any) -> None:
                assert error is None
                places[index] = (message.partition(), message.offset())

            return note

        for index, event in enumerate(events):
            output = event.to_output(topic)
            self._producer.produce(
                self.settings.topic(topic),
                output.value,
                output.key,
                headers=list(output.headers),
                on_delivery=delivered(index),
            )
            self._producer.poll(0)
        assert self._producer.flush(20) == 0
        return places

    def requests(self, count: int, tenants: Sequence[str], prompt: str) -> list[tuple[RequestReceived, Position]]:
        now = datetime.now(UTC)
        events = [
            RequestReceived(
                id=str(uuid4()),
                occurred_at=now,
                tenant=tenants[number % len(tenants)],
                request_id=f"r-{uuid4().hex[:12]}",
                prompt=f"{prompt} ({number})",
            )
            for number in range(count)
        ]
        places = self.write_all(t.REQUESTS, events)
        return [
            (event, Position(topic=t.REQUESTS, partition=partition, offset=offset))
            for event, (partition, offset) in zip(events, places, strict=True)
        ]

    def submit(
        self,
        *chain: AttemptPlan,
        count: int = 1,
        tenants: Sequence[str] = ("acme",),
        prompt: str = "Say something about the weather",
        seconds: float = 60.0,
        **given: Any,
    ) -> list[DecisionMade]:
        """Write requests, then decisions on them; return the decisions."""
        decisions = [
            self.decision(request, at, chain, seconds=seconds, **given)
            for request, at in self.requests(count, tenants, prompt)
        ]
        self.decide(decisions)
        return decisions

    def decision(
        self,
        request: RequestReceived,
        at: Position,
        chain: Sequence[AttemptPlan],
        *,
        seconds: float = 60.0,
        **given: Any,
    ) -> DecisionMade:
        values: dict[str, Any] = {
            "id": str(uuid4()),
            "occurred_at": datetime.now(UTC),
            "tenant": request.tenant,
            "request_id": request.request_id,
            "causation_id": request.id,
            "model": chain[0].model,
            "chain": tuple(chain),
            "tier": 3,
            "signals": SignalsView(),
            "task_type": "general",
            "complexity": "simple",
            "confidence": 1.0,
            "reason": "the test wants it",
            "reason_codes": ("test",),
            "badge": "Auto",
            "candidates": (),
            "input_tokens": 10,
            "output_tokens": 50,
            "policy": "default@1",
            "catalog": "models@1",
            "price_book": BOOK,
            "number": 1,
            "deadline": datetime.now(UTC) + timedelta(seconds=seconds),
            "request_at": at,
            "calls_from": self.end_of(t.PROVIDER_CALLS, at.partition),
            "hold": HoldTerms(hold_id="h", amount=parse_usd("0.01")),
            "view": View(),
            "config_offset": 0,
            "engine": "0",
        }
        return DecisionMade(**values | given)

    def decide(self, decisions: Sequence[DecisionMade]) -> None:
        for decision, place in zip(decisions, self.write_all(t.DECISIONS, decisions), strict=True):
            self._places[decision.id] = place
        self.decisions += decisions

    def cancel(self, decision: DecisionMade) -> None:
        self.write(
            t.DECISIONS,
            DecisionCancelled(
                id=str(uuid4()),
                occurred_at=datetime.now(UTC),
                tenant=decision.tenant,
                request_id=decision.request_id,
                decision_id=decision.id,
            ),
        )

    # What came of it -----------------------------------------------------------------------------------------------

    def calls(self, *decisions: DecisionMade) -> list[Any]:
        """All call events of these decisions (of all, without any named), in log order per partition."""
        wanted = {decision.id for decision in decisions or self.decisions}
        partitions = sorted({partition_for(d.tenant, self.settings.partitions) for d in decisions or self.decisions})
        found: list[Any] = []
        for record in read_range(self.settings, {(t.PROVIDER_CALLS, partition): 0 for partition in partitions}):
            event = parse(record, t.BY_NAME[t.PROVIDER_CALLS], self.settings.partitions)
            assert not hasattr(event, "code"), event
            if isinstance(event, CallEvent) and event.decision_id in wanted:
                found.append(event)
        return found

    def ended(self, *decisions: DecisionMade, seconds: float = 60.0) -> list[Any]:
        """Wait until each of these decisions is closed by the fold; return all their call events."""
        wanted = decisions or tuple(self.decisions)

        def all_closed() -> list[Any]:
            events = self.calls(*wanted)
            states = folded(events)
            return events if all(d.id in states and states[d.id].closed for d in wanted) else []

        return eventually(all_closed, f"{len(wanted)} decisions end", seconds)

    def chunks(self, decision: DecisionMade) -> list[ResultChunk]:
        partition = partition_for(decision.tenant, self.settings.partitions)
        found: list[ResultChunk] = []
        for record in read_range(self.settings, {(t.RESULT_CHUNKS, partition): 0}):
            chunk = ResultChunk.model_validate_json(record.value or b"")
            if chunk.decision_id == decision.id:
                found.append(chunk)
        return found

    def health(self) -> list[ProviderHealth]:
        """All rows of ``provider-health``, in log order."""
        records = read_range(self.settings, {(t.PROVIDER_HEALTH, 0): 0})
        return [ProviderHealth.model_validate_json(record.value) for record in records if record.value is not None]

    def publish_provider(self, name: str) -> None:
        """Publish one more simulated endpoint."""
        document = DOCUMENT.validate_python({"kind": "provider", "name": name, "simulated": True})
        publish_missing(self.settings, [document], datetime.now(UTC))

    def committed(self, partition: int) -> int:
        """The group's committed offset of ``decisions``."""
        reader = consumer(self.settings, GROUP)
        try:
            place = TopicPartition(self.settings.topic(t.DECISIONS), partition)
            return reader.committed([place], timeout=10)[0].offset
        finally:
            reader.close()

    def all_committed(self, *decisions: DecisionMade) -> bool:
        last: dict[int, int] = defaultdict(int)
        for decision in decisions or self.decisions:
            partition, offset = self._places[decision.id]
            last[partition] = max(last[partition], offset + 1)
        return all(self.committed(partition) >= offset for partition, offset in last.items())


def folded(events: Sequence[CallEvent]) -> dict[str, Calls]:
    states: dict[str, Calls] = {}
    for event in events:
        states[event.decision_id], _ = fold(states.get(event.decision_id, Calls(event.decision_id)), event)
    return states


def terminal(events: Sequence[CallEvent]) -> list[CallEvent]:
    return [
        event
        for event in events
        if isinstance(event, CallFinished | CallUnknown) or (isinstance(event, CallFailed) and event.terminal)
    ]


def bill(run_dir: Path) -> dict[str, list[dict[str, Any]]]:
    """The simulator's bill by attempt id: what the provider says it did."""
    lines: dict[str, list[dict[str, Any]]] = defaultdict(list)
    path = run_dir / BILL_FILE
    for line in path.read_bytes().splitlines() if path.exists() else ():
        row = orjson.loads(line)
        lines[row["attempt"]].append(row)
    return lines


@contextmanager
def simulator(run_dir: Path) -> Generator[str]:
    with running(SimulatorConfig(run_dir=run_dir), behaviours()) as url:
        yield url


@contextmanager
def executing(settings: Settings, slot: int = 0) -> Generator[threading.Thread]:
    """Run an executor in a thread of this process; it must end in order."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            executor.run(settings, slot, stop)
        except BaseException as error:  # noqa: BLE001 - shown by the test below
            failures.append(error)

    thread = threading.Thread(target=work, name=f"executor-{slot}", daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive(), "the executor did not stop"
        assert not failures, failures


def ready(settings: Settings) -> Settings:
    """Create topics and publish the documents."""
    return prepared(settings, documents())


if __name__ == "__main__":
    serve(SimulatorConfig(run_dir=Path(sys.argv[1])), behaviours(), threading.Event())
