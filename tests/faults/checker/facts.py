"""What the checker remembers of a log: small facts, so that a hundred thousand requests fit into memory."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

Place = tuple[str, int, int]
"""Topic, partition, offset."""

ROUTER_TOPICS = ("classifications", "decisions", "ledger", "results", "outcomes.technical", "router-journal")
"""Topics that the router alone writes, on the partition of their source, each record with its batch number."""
INPUT_TOPICS = ("provider-calls", "overrides", "requests")


class Record(NamedTuple):
    """A record as read; ``topic`` without the deployment's prefix."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, str]


class BillLine(NamedTuple):
    """One line of the simulated provider's bill."""

    attempt: str | None
    cost: int
    outcome: str


@dataclass(frozen=True, slots=True)
class Final:
    """A final or rejected result."""

    place: Place
    tenant: str
    request_id: str
    request_at: Place
    status: str
    decision_id: str | None
    cost: int


@dataclass(frozen=True, slots=True)
class Notice:
    """A non-final notice."""

    kind: str
    request_at: Place


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision or a refusal."""

    place: Place
    id: str
    tenant: str
    request_at: Place
    number: int
    refused: bool
    execute: bool
    hold_id: str | None
    hold: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A ledger event. ``amount`` of an adjustment is the true cost, ``difference`` what it moved."""

    place: Place
    kind: str
    tenant: str
    hold_id: str
    decision_id: str
    amount: int
    attempt_id: str | None
    difference: int
    overrun: int
    windows: tuple[tuple[str, str, int | None], ...]
    per_request_cap: int | None


@dataclass(frozen=True, slots=True)
class Call:
    """A call event about an attempt."""

    place: Place
    kind: str
    id: str
    decision_id: str
    attempt_id: str
    owner: tuple[str, int]
    category: str
    billed: str
    cost: int
    cancelled: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """A journal record."""

    place: Place
    batch: int
    inputs: dict[str, tuple[int, int]]
    now_ms: int
    last_writes: dict[str, int]


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter: where it lies, and what it is about."""

    place: Place
    id: str
    about: Place
    reason: str


@dataclass(slots=True)
class Facts:
    """Everything the rules look at. ``sent``: acknowledged publications of requests, as (tenant, request id)."""

    sent: set[tuple[str, str]] = field(default_factory=set)
    bill: list[BillLine] = field(default_factory=list)
    ends: dict[tuple[str, int], int] = field(default_factory=dict)
    requests: dict[Place, tuple[str, str]] = field(default_factory=dict)
    """Place of every record on ``requests`` -> (tenant, request id) as far as they can be read, else empty."""
    cancels: set[Place] = field(default_factory=set)
    finals: list[Final] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    technical: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[tuple[str, int], list[tuple[int, int | None]]] = field(default_factory=lambda: defaultdict(list))
    """Topic and partition -> (offset, batch number in the header) of each router record."""
    successes: int | None = None
    """Successful calls by the newest rows of ``model-stats``; None if there is no such row."""
    rows: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    unreadable: list[Place] = field(default_factory=list)

    def take(self, records: Iterable[Record]) -> "Facts":
        """Add what the records say."""
        for record in records:
            place = (record.topic, record.partition, record.offset)
            self.ends[place[:2]] = max(self.ends.get(place[:2], 0), record.offset + 1)
            if record.topic in ROUTER_TOPICS:
                self._note_batch(record)
            if record.topic == "requests":
                self._take_request(record, place)
            elif record.topic.endswith(".dlq"):
                self._take_letter(record, place)
            elif record.topic == "model-stats":
                self._take_row(record)
            elif record.topic in _TAKERS:
                self._take_event(record, place)
        return self

    def _note_batch(self, record: Record) -> None:
        text = record.headers.get("ce_batch", "")
        number = int(text) if text.isdigit() else None
        self.headers[record.topic, record.partition].append((record.offset, number))

    def _take_request(self, record: Record, place: Place) -> None:
        value = _object(record.value)
        tenant = value.get("tenant") or (record.key or b"").decode(errors="replace")
        type_ = value.get("type") or record.headers.get("ce_type", "")
        if "request.cancelled" in str(type_):
            self.cancels.add(place)
        self.requests[place] = (str(tenant), str(value.get("request_id", "")))

    def _take_letter(self, record: Record, place: Place) -> None:
        value = _object(record.value)
        self.letters.append(Letter(place, value.get("id", ""), _place(value["position"]), value.get("reason", "")))

    def _take_row(self, record: Record) -> None:
        value = _object(record.value)
        if record.key is not None and value.get("version", -1) > self.rows.get(record.key, (-1, 0))[0]:
            self.rows[record.key] = (value["version"], value.get("successes", 0))
            self.successes = sum(successes for _, successes in self.rows.values())

    def _take_event(self, record: Record, place: Place) -> None:
        value = _object(record.value)
        try:
            _TAKERS[record.topic](self, place, value)
        except (KeyError, TypeError, ValueError, ArithmeticError):
            self.unreadable.append(place)

    def _take_result(self, place: Place, value: dict[str, Any]) -> None:
        if value["final"]:
            self.finals.append(
                Final(
                    place,
                    value["tenant"],
                    value.get("request_id", ""),
                    _place(value["request_at"]),
                    value["status"],
                    value.get("decision_id"),
                    pico(value.get("cost", "0")),
                )
            )
        else:
            self.notices.append(Notice(value["type"], _place(value["request_at"])))

    def _take_decision(self, place: Place, value: dict[str, Any]) -> None:
        if "decision.cancelled" in value["type"]:
            return
        hold = value.get("hold")
        self.decisions.append(
            Decision(
                place,
                value["id"],
                value["tenant"],
                _place(value["request_at"]),
                value["number"],
                "refused" in value["type"],
                value.get("execute", False),
                hold["hold_id"] if hold else None,
                pico(hold["amount"]) if hold else 0,
            )
        )

    def _take_entry(self, place: Place, value: dict[str, Any]) -> None:
        cap = value.get("per_request_cap")
        self.entries.append(
            Entry(
                place,
                value["type"].split(".")[2],
                value["tenant"],
                value["hold_id"],
                value["decision_id"],
                pico(value.get("amount", "0")),
                value.get("attempt_id"),
                pico(value.get("difference", "0")),
                pico(value.get("overrun", "0")),
                tuple(
                    (line["window"], line["start"], None if line.get("cap") is None else pico(line["cap"]))
                    for line in value.get("windows", ())
                ),
                None if cap is None else pico(cap),
            )
        )

    def _take_call(self, place: Place, value: dict[str, Any]) -> None:
        kind = ".".join(value["type"].split(".")[1:3])
        if not kind.startswith("call.") or kind == "call.job":
            return
        self.calls.append(
            Call(
                place,
                kind.removeprefix("call."),
                value["id"],
                value["decision_id"],
                value["attempt_id"],
                (value["instance"], value["incarnation"]),
                value.get("category", ""),
                value.get("billed", ""),
                pico(value.get("cost", "0")),
                value.get("cancelled", False),
            )
        )

    def _take_batch(self, place: Place, value: dict[str, Any]) -> None:
        if "router.batch" not in value["type"]:
            return
        self.batches.append(
            Batch(
                place,
                value["batch"],
                {topic: (first, following) for topic, (first, following) in value["inputs"].items()},
                value["now_ms"],
                value["last_writes"],
            )
        )

    def _take_technical(self, _place_: Place, value: dict[str, Any]) -> None:
        if "outcome.technical" in value["type"]:
            self.technical.append((value["tenant"], value["request_id"]))


_TAKERS = {
    "results": Facts._take_result,
    "decisions": Facts._take_decision,
    "ledger": Facts._take_entry,
    "provider-calls": Facts._take_call,
    "router-journal": Facts._take_batch,
    "outcomes.technical": Facts._take_technical,
}


def pico(text: str) -> int:
    """Return an amount, written in dollars, in units of 1e-12 dollars."""
    scaled = Decimal(text).scaleb(12)
    whole = int(scaled)
    if whole != scaled:
        raise ValueError("more than 12 decimal places")
    return whole


def _place(value: dict[str, Any]) -> Place:
    return value["topic"], value["partition"], value["offset"]


def _object(value: bytes | None) -> dict[str, Any]:
    try:
        parsed = json.loads(value or b"{}")
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}
