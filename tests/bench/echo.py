"""Claims and finishes every decision at once; the other side of the router in benchmarks. Not a provider, not counted.

Run as a process: ``python -m tests.bench.echo BOOTSTRAP PREFIX COUNT``.
"""

import sys
from typing import Any

import orjson
from confluent_kafka import TopicPartition

from schemas.ids import attempt_id, call_event_id
from schemas.provider_call import CallFinished, CallStarted
from streams.kafka_clients import consumer, producer
from streams.settings import Settings

INSTANCE = "echo"
Json = dict[str, Any]
_USAGE = {"input_tokens": 100, "output_tokens": 100}


def _fields(decision: Json, type_: str) -> Json:
    attempt = attempt_id(decision["id"], 1)
    return {
        "id": call_event_id(decision["tenant"], type_, attempt, INSTANCE, 1),
        "type": type_,
        "source": "pointsman",
        "occurred_at": decision["occurred_at"],
        "tenant": decision["tenant"],
        "request_id": decision["request_id"],
        "user": decision.get("user"),
        "decision_id": decision["id"],
        "attempt": 1,
        "attempt_id": attempt,
        "instance": INSTANCE,
        "incarnation": 1,
        "model": decision["model"],
        "provider": decision["chain"][0]["provider"],
        "task_type": decision["task_type"],
        "tier": decision["tier"],
    }


def run(settings: Settings, count: int) -> None:
    """Answer ``count`` decisions, then wait to be ended."""
    reader = consumer(settings, "echo")
    writer = producer(settings, **{"linger.ms": 2})
    reader.assign([TopicPartition(settings.topic("decisions"), p, 0) for p in range(settings.partitions)])
    topic = settings.topic("provider-calls")
    done = 0
    while True:
        for message in reader.consume(500, 0.01):
            if message.error() is not None:
                continue
            decision = orjson.loads(message.value() or b"{}")
            if "chain" not in decision:
                continue
            cost = decision["chain"][0]["estimated_cost"]
            events = (
                (CallStarted.TYPE, {"expires_at": decision["deadline"]}),
                (
                    CallFinished.TYPE,
                    {"content": "[echo]", "usage": _USAGE, "cost": cost, "latency_ms": 5, "simulated": True},
                ),
            )
            for type_, more in events:
                value = orjson.dumps(_fields(decision, type_) | more)
                headers: list[tuple[str, str | bytes | None]] = [("ce_type", type_.encode())]
                writer.produce(topic, value, message.key(), message.partition() or 0, headers=headers)
            done += 1
        writer.poll(0)
        if done >= count:
            writer.flush(10)


if __name__ == "__main__":
    run(Settings(bootstrap=sys.argv[1], prefix=sys.argv[2]), int(sys.argv[3]))
