"""Traffic of many tenants through a plain Kafka client: what services send, with the mistakes that services make."""

import json
import random
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Producer

from schemas.control import ConfigDocument
from tests.documents import tenant

PROMPTS = (
    "Translate 'good morning' to French.",
    "Fix this: ```python\ndef add(a, b):\n    return a - b\n```",
    "Plan the launch of a small product in three weeks, step by step.",
    "Why does a ship float?",
    "Summarise in one line: the quick brown fox jumps over the lazy dog.",
    "Write a test for a function that parses dates, and explain the edge cases you chose. " * 4,
    "Compare two ways to store event logs and analyse their costs. " * 30,
)
ROOMY, TIGHT = 9, 3
_WAIT_SECONDS = 300.0


def tenants(version: int = 1) -> list[ConfigDocument]:
    """Return the tenants of the traffic: most with room, some whose day is soon spent; later versions have more."""
    more = 1 + (version - 1) / 4
    roomy = [
        tenant(f"roomy-{number}", version, budget={"daily": 1000 * more, "monthly": 10000}) for number in range(ROOMY)
    ]
    tight = [
        tenant(f"tight-{number}", version, budget={"daily": 0.02 * 4**number * more, "per_request": 0.05})
        for number in range(TIGHT)
    ]
    return [*roomy, *tight]


@dataclass(slots=True)
class Traffic:
    """Publishes ``count`` requests at ``rate`` per second in a thread, and beside them what else clients write.

    ``sent`` holds (tenant, request id) of every request that the broker acknowledged.
    """

    bootstrap: str
    prefix: str
    count: int
    rate: float
    seed: int
    sent: list[tuple[str, str]] = field(default_factory=list)
    written: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def probe(self) -> None:
        """Publish one more request, to see when all stages work."""
        client = self._client()
        body = {"request_id": f"probe-{len(self.sent)}", "prompt": PROMPTS[0]}
        self._publish(client, "requests", "roomy-0", body, ("roomy-0", body["request_id"]))
        client.flush(_WAIT_SECONDS)

    def start(self) -> None:
        """Start publishing."""
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop early and wait."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_WAIT_SECONDS)

    def _client(self) -> Producer:
        return Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "linger.ms": 5,
                "delivery.timeout.ms": int(_WAIT_SECONDS * 1000),
                "log_level": 2,
            }
        )

    def _run(self) -> None:
        client = self._client()
        draw = random.Random(self.seed)
        begin = time.monotonic()
        for number in range(self.count):
            if self._stop.is_set():
                break
            ahead = number / self.rate - (time.monotonic() - begin)
            while ahead > 0:
                client.poll(min(ahead, 0.05))
                ahead = number / self.rate - (time.monotonic() - begin)
            self._one(client, draw, number)
            client.poll(0)
        left = client.flush(_WAIT_SECONDS)
        if left:
            self.failures.append(f"{left} records were not acknowledged")
        self.done.set()

    def _one(self, client: Producer, draw: random.Random, number: int) -> None:
        """Publish one request, now and then with something else that clients do."""
        name = f"roomy-{draw.randrange(ROOMY)}" if draw.random() < 0.85 else f"tight-{draw.randrange(TIGHT)}"
        user = f"user-{draw.randrange(20)}"
        body: dict[str, Any] = {
            "request_id": f"r-{number}",
            "prompt": draw.choice(PROMPTS),
            "user": user,
            "conversation_id": f"c-{user}-{number // 500}",
            "stream": draw.random() < 0.15,
            "execute": draw.random() >= 0.02,
        }
        chance = draw.random()
        self._publish(client, "requests", name, body, (name, body["request_id"]))
        if chance < 0.01:
            self._publish(client, "requests", name, body)
        elif chance < 0.015:
            self._publish(client, "requests", name, {**body, "prompt": "Something else altogether."})
        elif chance < 0.025:
            cancel = {"type": "pointsman.request.cancelled.v1", "request_id": body["request_id"], "id": _id(draw)}
            self._publish(client, "requests", name, cancel)
        elif chance < 0.035:
            self._publish(client, "overrides", name, self._override(draw, body))
        elif chance < 0.065:
            self._publish(client, "outcomes", name, self._rating(draw, body))
        elif chance < 0.07:
            self._poison(client, draw, name)

    def _override(self, draw: random.Random, body: dict[str, Any]) -> dict[str, Any]:
        model = draw.choice(["gpt-4.1-mini", "claude-haiku-4.5", "no-such-model"])
        scope = draw.choice(["request", "conversation", "always"])
        return {
            "id": _id(draw),
            "type": "pointsman.override.requested.v1",
            "occurred_at": datetime.now(UTC).isoformat(),
            "scope": scope,
            "model": model,
            "request_id": body["request_id"],
            "user": body["user"],
            "conversation_id": body["conversation_id"],
        }

    def _rating(self, draw: random.Random, body: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": _id(draw),
            "type": "pointsman.outcome.rated.v1",
            "request_id": body["request_id"],
            "user": body["user"],
            "model": "gpt-4.1-mini",
            "rating": round(draw.random(), 2),
        }

    def _poison(self, client: Producer, draw: random.Random, name: str) -> None:
        topic = draw.choice(["requests", "overrides", "outcomes"])
        values = [b"{not json", b"", b"[1]", b"\xff", b'{"prompt": NaN}', b'{"type": "pointsman.nothing.v1"}']
        self._produce(client, topic, name, draw.choice(values), None)

    def _publish(
        self, client: Producer, topic: str, key: str, body: dict[str, Any], sent: tuple[str, str] | None = None
    ) -> None:
        self._produce(client, topic, key, json.dumps(body).encode(), sent)

    def _produce(self, client: Producer, topic: str, key: str, value: bytes, sent: tuple[str, str] | None) -> None:
        def delivered(error: object, _message: object) -> None:
            if error is not None:
                self.failures.append(str(error))
            elif sent is not None:
                self.sent.append(sent)

        self.written[topic] += 1
        client.produce(f"{self.prefix}{topic}", value, key.encode(), on_delivery=delivered)


def _id(draw: random.Random) -> str:
    return str(uuid.UUID(int=draw.getrandbits(128), version=4))
