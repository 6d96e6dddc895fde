"""The traffic of one run: requests, repeated, contradicted and stale ones, cancels, overrides, poison, new budgets."""

from collections.abc import Callable
from random import Random
from typing import Any

from schemas import topics as t
from schemas.envelope import at_ms, to_ms
from schemas.override import OverrideRequested
from schemas.record import Output, Record
from schemas.request import RequestCancelled, RequestReceived
from tests.simulation.checker import Checker
from tests.simulation.config import HEALTH, MODELS, TENANTS, ConfigHistory
from tests.simulation.log import PARTITIONS, Log
from tests.simulation.scheduler import Scheduler

HOUR_MS = 3_600_000


class Clients:
    """Publishes at random times; tells the checker what each request record has to lead to."""

    def __init__(
        self,
        random: Random,
        scheduler: Scheduler,
        config: ConfigHistory,
        checker: Checker,
        changes: int,
        dedupe_ms: int,
    ) -> None:
        self._random = random
        self._changes = changes
        self._dedupe_ms = dedupe_ms
        self._seen: dict[tuple[str, str], tuple[str, int]] = {}
        self._log: Log = scheduler.log
        self._config = config
        self._checker = checker
        self._sent: list[dict[str, Any]] = []
        self._overrides: list[OverrideRequested] = []
        self._count = 0
        self.done_ms = 0
        for delay, action in self._plan():
            scheduler.later(delay, action)
            self.done_ms = max(self.done_ms, delay)

    def _plan(self) -> list[tuple[int, Callable[[], None]]]:
        random = self._random
        bursts = [random.randrange(20_000) for _ in range(random.choice((1, 2, 4)))]
        others = [self._again, self._again, self._contradict, self._stale, self._cancel, self._override, self._override]
        others += [self._poison, self._change]
        counts = random.choice((4, 8, 14)), random.choice((2, 5, 9)), self._changes
        return [
            *((random.choice(bursts) + random.randrange(200), self._request) for _ in range(counts[0])),
            *((random.choice(bursts) + random.randrange(4_000), random.choice(others)) for _ in range(counts[1])),
            *((random.randrange(60_000), self._change) for _ in range(counts[2])),
        ]

    def _request(self, **changed: Any) -> None:
        random = self._random
        self._count += 1
        values: dict[str, Any] = {
            "id": f"event-{self._count}",
            "occurred_at": at_ms(self._log.now_ms),
            "tenant": random.choice(TENANTS),
            "request_id": f"request-{self._count}",
            "user": random.choice(("ann", "bob")),
            "prompt": "hello",
            "max_output_tokens": random.choice((100, 300, 1_000)),
            "execute": random.random() < 0.95,
            "stream": random.random() < 0.2,
        }
        if random.random() < 0.1:
            values["constraints"] = {"deadline": at_ms(self._log.now_ms + random.choice((50, 3_000, 20_000)))}
        values |= changed
        self._publish(values)
        if "occurred_at" not in changed:
            self._sent.append(values)

    def _publish(self, values: dict[str, Any]) -> None:
        event = RequestReceived.model_validate(values)
        self._expect(self._log.append(event.to_output(t.REQUESTS)), self._kind(values))

    def _kind(self, values: dict[str, Any]) -> str:
        """Return what a request has to lead to, by the rules of acceptance (DESIGN 6.6)."""
        now_ms, occurred_ms = self._log.now_ms, to_ms(values["occurred_at"])
        identity = (values["tenant"], values["request_id"])
        if occurred_ms < now_ms - self._dedupe_ms:
            return "stale"
        if identity not in self._seen:
            self._seen[identity] = (values["prompt"], max(now_ms, occurred_ms) + self._dedupe_ms)
            return "accept"
        content, expires_ms = self._seen[identity]
        if now_ms > expires_ms:
            return "returning"
        return "duplicate" if values["prompt"] == content else "conflict"

    def _expect(self, record: Record, kind: str) -> None:
        self._checker.expected[record.partition, record.offset] = kind

    def _again(self) -> None:
        if self._sent:
            self._publish(self._random.choice(self._sent) | self._fresh())

    def _contradict(self) -> None:
        if self._sent:
            self._publish(self._random.choice(self._sent) | self._fresh() | {"prompt": "something else"})

    def _fresh(self) -> dict[str, Any]:
        """Return the fields of a repetition that a client makes anew, or none of those that a network repeats."""
        if self._random.random() < 0.5:
            return {}
        self._count += 1
        return {"id": f"event-{self._count}", "occurred_at": at_ms(self._log.now_ms)}

    def _stale(self) -> None:
        self._request(occurred_at=at_ms(self._log.now_ms - HOUR_MS - 1))

    def _cancel(self) -> None:
        if not self._sent:
            return
        sent = self._random.choice(self._sent)
        self._count += 1
        event = RequestCancelled(
            id=f"cancel-{self._count}",
            occurred_at=at_ms(self._log.now_ms),
            tenant=sent["tenant"],
            request_id=sent["request_id"],
        )
        self._expect(self._log.append(event.to_output(t.REQUESTS)), "other")

    def _override(self) -> None:
        if self._overrides and self._dedupe_ms == HOUR_MS and self._random.random() < 0.2:
            self._log.append(self._random.choice(self._overrides).to_output(t.OVERRIDES))
            return
        if not self._sent:
            return
        sent = self._random.choice(self._sent)
        self._count += 1
        one = self._random.random() < 0.7
        event = OverrideRequested(
            id=f"override-{self._count}",
            occurred_at=at_ms(self._log.now_ms),
            tenant=sent["tenant"],
            scope="request" if one else "always",
            model=self._random.choice((*MODELS, "nothing-known")),
            request_id=sent["request_id"] if one else None,
            user=sent["user"],
        )
        self._overrides.append(event)
        self._log.append(event.to_output(t.OVERRIDES))

    def _poison(self) -> None:
        random = self._random
        tenant = random.choice(TENANTS)
        topic = random.choice((t.REQUESTS, t.REQUESTS, t.OVERRIDES, t.PROVIDER_CALLS))
        value = random.choice((b"", b"{", b'{"tenant": NaN}', b"[]", b"\xff", None))
        partition = random.choice((None, None, random.randrange(PARTITIONS)))
        record = self._log.append(Output(topic, tenant, value, (), partition))
        self._checker.poisoned.add((topic, record.partition, record.offset))
        if topic == t.REQUESTS:
            self._expect(record, "poison")

    def _change(self) -> None:
        if self._random.random() < 0.5:
            self._config.change_budget()
        else:
            self._config.health = self._random.randrange(len(HEALTH))
        self._log.version += 1
