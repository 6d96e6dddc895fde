"""A desk with a hand-fed log: publish inputs, apply batches, read what it wrote; restored after each if wished."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from routing.catalog import CompiledConfig, compile_config
from routing.desk import INPUTS, Desk
from routing.desk_batch import Batch, GlobalReading
from routing.desk_state import DeskState
from schemas import topics as t
from schemas.cluster_reading import ClusterReading
from schemas.control import ConfigDocument
from schemas.inbound import Rejection
from schemas.partition import partition_for
from schemas.provider_call import CallEvent
from schemas.record import Output, Record
from tests.documents import documents

NOW = 1_763_664_000_000
PARTITIONS = 8
Json = dict[str, Any]


class FixedGlobals:
    """Global inputs that never change unless the test says so."""

    def __init__(self, config: CompiledConfig, offset: int) -> None:
        self.config = config
        self.positions: Mapping[str, tuple[int, ...]] = {t.CONFIG: (offset,)}
        self.rejected_config: tuple[tuple[Record, Rejection], ...] = ()

    def read(self, *_: object) -> GlobalReading:
        return GlobalReading()

    def clusters(self, *_: object) -> ClusterReading | None:
        return None


class DeskWorld:
    """One partition: inputs are numbered per topic, ``run`` applies all that was published since the last time."""

    def __init__(self, tenant_name: str, *tenants: ConfigDocument, restore_each_batch: bool = False) -> None:
        self.tenant = tenant_name
        self.partition = partition_for(tenant_name, PARTITIONS)
        self._documents = {document.document_key: document for document in documents(*tenants)}
        self.globals = FixedGlobals(compile_config(self._documents), len(self._documents))
        self.now = NOW
        self.outputs: list[Output] = []
        self.state: dict[str, bytes] = {}
        self._restore = restore_each_batch
        self._ends = dict.fromkeys(INPUTS, 0)
        self._waiting: dict[str, list[Record]] = {name: [] for name in INPUTS}
        self.desk = self._desk()

    def _desk(self, **more: Any) -> Desk:
        return Desk(self.partition, PARTITIONS, engine="test", content_key=b"key", **more)

    def publish(self, topic: str, value: bytes | Json, headers: Iterable[tuple[str, bytes]] = ()) -> int:
        """Append a record to an input topic and return its offset."""
        offset = self._ends[topic]
        self._ends[topic] += 1
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self._waiting[topic].append(
            Record(topic, self.partition, offset, self.now, self.tenant.encode(), body, tuple(headers))
        )
        return offset

    def ask(self, request_id: str, **values: Any) -> int:
        """Publish a request."""
        return self.publish(t.REQUESTS, {"request_id": request_id, "prompt": "Fix this bug, please.", **values})

    def report(self, *events: CallEvent) -> None:
        """Publish call events."""
        for event in events:
            output = event.to_output(t.PROVIDER_CALLS)
            self.publish(t.PROVIDER_CALLS, output.value or b"", output.headers)

    def run(self, later_ms: int = 10) -> list[Output]:
        """Apply one batch of everything published, and return what it wrote."""
        self.now += later_ms
        batch = Batch(
            self.now,
            self.globals,
            provider_calls=self._waiting[t.PROVIDER_CALLS],
            overrides=self._waiting[t.OVERRIDES],
            requests=self._waiting[t.REQUESTS],
            next_offsets=dict(self._ends),
        )
        self._waiting = {name: [] for name in INPUTS}
        written = self.desk.apply(batch).outputs
        for output in written:
            if output.topic == t.ROUTER_STATE:
                if output.value is None:
                    self.state.pop(output.key, None)
                else:
                    self.state[output.key] = output.value
        self.outputs += written
        if self._restore:
            self.restore()
        return written

    def configure(self, *published: ConfigDocument) -> None:
        """Publish further documents; the next batch reads them."""
        self._documents |= {document.document_key: document for document in published}
        (offset,) = self.globals.positions[t.CONFIG]
        self.globals = FixedGlobals(compile_config(self._documents), offset + len(published))

    def restore(self) -> None:
        """Replace the desk by one restored from change log and journal, as after a crash."""
        old = self.desk
        self.desk = self._desk(
            state=DeskState.load(dict(self.state)),
            batch=old.batch,
            now_ms=old.now_ms,
            offsets=dict(old.offsets),
            last_writes=dict(old.last_writes),
            config_offset=old.config_offset,
        )

    def values(self, topic: str, type_: str = "") -> list[Json]:
        """Return the events written to a topic whose type holds ``type_``."""
        found = [orjson.loads(o.value) for o in self.outputs if o.topic == topic and o.value]
        return [value for value in found if type_ in value["type"]]

    def decisions(self) -> list[Json]:
        """Return all decisions made."""
        return self.values(t.DECISIONS, "decision.made")

    def finals(self) -> list[Json]:
        """Return all final results."""
        return self.values(t.RESULTS, "result.final")

    def ledger(self) -> list[tuple[str, str]]:
        """Return (kind, amount or reason) of every ledger event, in order."""
        return [
            (value["type"].split(".")[2], str(value.get("difference") or value.get("amount") or value.get("reason")))
            for value in self.values(t.LEDGER)
        ]
