"""An executor that calls nobody: it answers every decision at once, as told. For router tests and benchmarks only."""

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import orjson
from confluent_kafka import TopicPartition

from schemas import topics as t
from schemas.decision import DecisionMade
from schemas.ids import attempt_id, call_event_id
from schemas.money import parse_usd
from schemas.provider_call import CallEvent, CallFinished, CallStarted
from schemas.record import Output
from schemas.usage import Usage
from streams.kafka_clients import consumer, producer, to_record
from streams.settings import Settings

Decision = dict[str, Any]
Script = Callable[[Decision], Sequence[CallEvent]]
INSTANCE = "scripted"


def fields(decision: Decision, attempt: int, type_: str) -> dict[str, Any]:
    """Return the fields all call events of an attempt share."""
    attempted = attempt_id(decision["id"], attempt)
    return {
        "id": call_event_id(decision["tenant"], type_, attempted, INSTANCE, 1),
        "occurred_at": decision["occurred_at"],
        "tenant": decision["tenant"],
        "request_id": decision["request_id"],
        "user": decision.get("user"),
        "causation_id": decision.get("causation_id"),
        "decision_id": decision["id"],
        "attempt": attempt,
        "attempt_id": attempted,
        "instance": INSTANCE,
        "incarnation": 1,
        "model": decision["model"],
        "provider": decision["chain"][0]["provider"],
        "task_type": decision["task_type"],
        "tier": decision["tier"],
    }


def started(decision: Decision, attempt: int = 1) -> CallStarted:
    """Return the claim of an attempt."""
    values = fields(decision, attempt, CallStarted.TYPE)
    return CallStarted(**values, expires_at=decision["deadline"])


def finished(decision: Decision, attempt: int = 1, cost: int | None = None) -> CallFinished:
    """Return an answer; its cost is the estimate unless given."""
    values = fields(decision, attempt, CallFinished.TYPE)
    if cost is None:
        cost = parse_usd(decision["chain"][0]["estimated_cost"])
    usage = Usage(input_tokens=10, output_tokens=10)
    return CallFinished(**values, content="[scripted] done", usage=usage, cost=cost, latency_ms=5, simulated=True)


def answer(decision: Decision) -> Sequence[CallEvent]:
    """The default script: claim, then finish."""
    return started(decision), finished(decision)


class ScriptedExecutor:
    """Follows ``decisions`` from the beginning in a thread and writes what the script says for each decision."""

    def __init__(self, settings: Settings, script: Script = answer) -> None:
        """Start following."""
        self._settings = settings
        self._script = script
        self._stop = threading.Event()
        self.decisions: list[Decision] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop and wait."""
        self._stop.set()
        self._thread.join(20)

    def _run(self) -> None:
        reader = consumer(self._settings, "scripted")
        writer = producer(self._settings, **{"linger.ms": 2})
        reader.assign(
            [
                TopicPartition(self._settings.topic(t.DECISIONS), partition, 0)
                for partition in range(self._settings.partitions)
            ]
        )
        while not self._stop.is_set():
            for message in reader.consume(500, 0.02):
                if message.error() is not None:
                    continue
                record = to_record(message, self._settings)
                if record.header("ce_type") != DecisionMade.TYPE:
                    continue
                decision: Decision = orjson.loads(record.value or b"{}")
                self.decisions.append(decision)
                if decision["execute"]:
                    for event in self._script(decision):
                        self._write(writer, event.to_output(t.PROVIDER_CALLS, partition=record.partition))
            writer.poll(0)
        writer.flush(10)
        reader.close()

    def _write(self, writer: Any, output: Output) -> None:
        writer.produce(
            self._settings.topic(output.topic), output.value, output.key, output.partition, headers=list(output.headers)
        )


SECOND = timedelta(seconds=1)
