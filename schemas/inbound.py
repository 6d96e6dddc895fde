"""From a record to a valid event, or to the reason why not: the same for every stage that reads a topic.

Pure. A rejection is a value: the stage that validates the topic writes it to the dead letters, the others skip it.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from pydantic import TypeAdapter, ValidationError

from schemas.dead_letter import RejectionCode
from schemas.envelope import Event, TenantId, append_instant
from schemas.ids import position_id
from schemas.partition import partition_for
from schemas.provider_call import CallFailed, CallFinished, CallUnknown, ExecutorStarted
from schemas.record import Record
from schemas.topics import PROVIDER_CALLS, Topic
from schemas.upcasting import UPCASTERS, upcast

MAX_VALUE_BYTES: Final = 1024 * 1024
MAX_DEPTH: Final = 32
MAX_HEADERS: Final = 64

_TENANT: Final = TypeAdapter(TenantId)
_HEADER_FIELDS: Final = (
    ("ce_id", "id"),
    ("ce_type", "type"),
    ("ce_source", "source"),
    ("ce_time", "occurred_at"),
    ("ce_subject", "request_id"),
    ("ce_tenant", "tenant"),
    ("ce_user", "user"),
    ("ce_conversationid", "conversation_id"),
    ("ce_causationid", "causation_id"),
    ("traceparent", "traceparent"),
)
_STRUCTURED_FIELDS: Final = {
    "time": "occurred_at",
    "subject": "request_id",
    "conversationid": "conversation_id",
    "causationid": "causation_id",
}
_STRUCTURED_IGNORED: Final = frozenset({"specversion", "datacontenttype", "dataschema", "tracestate", "data"})
_VERSION: Final = re.compile(r"\.v\d{1,4}$")
_TERMINAL: Final = frozenset({CallFailed.TYPE, CallFinished.TYPE, CallUnknown.TYPE})


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a record is no valid event. ``reason`` never repeats content; ``tenant`` is set where the key names one."""

    code: RejectionCode
    reason: str
    tenant: str | None = None
    request_id: str | None = None


class _Refused(Exception):  # noqa: N818 - control flow inside this module, never raised out of it
    def __init__(self, code: RejectionCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def _refuse(code: RejectionCode, reason: str) -> NoReturn:
    raise _Refused(code, reason)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        _refuse(RejectionCode.DUPLICATE_KEYS, "a JSON object names one key twice")
    return result


def _no_constant(_: str) -> NoReturn:
    _refuse(RejectionCode.NOT_FINITE, "NaN and infinities are not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        _refuse(RejectionCode.NOT_FINITE, "a number is too large")
    return value


def _depth(value: object, limit: int) -> bool:
    """Return whether ``value`` nests deeper than ``limit``."""
    level: list[object] = [value]
    while level:
        if limit < 0:
            return True
        limit -= 1
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        level = below
    return False


def decode(value: bytes | None) -> dict[str, Any]:
    """Return the JSON object of a client's value, strictly: size, UTF-8, depth, finite numbers, unique keys."""
    if value is None:
        _refuse(RejectionCode.TOMBSTONE, "a tombstone carries no event")
    if not value.strip():
        _refuse(RejectionCode.EMPTY, "the value is empty")
    if len(value) > MAX_VALUE_BYTES:
        _refuse(
            RejectionCode.TOO_LARGE, f"the value is larger than {MAX_VALUE_BYTES} bytes; pass large parts by reference"
        )
    try:
        text = value.decode()
    except UnicodeDecodeError:
        _refuse(RejectionCode.NOT_UTF8, "the value is not UTF-8")
    try:
        parsed = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError:
        _refuse(RejectionCode.TOO_DEEP, f"the value nests deeper than {MAX_DEPTH}")
    except ValueError as error:
        place = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        _refuse(RejectionCode.NOT_JSON, f"the value is not JSON{place}")
    if value.count(b"[") + value.count(b"{") > MAX_DEPTH and _depth(parsed, MAX_DEPTH):
        _refuse(RejectionCode.TOO_DEEP, f"the value nests deeper than {MAX_DEPTH}")
    if not isinstance(parsed, dict):
        _refuse(RejectionCode.NOT_AN_OBJECT, "the value is JSON but not an object")
    return parsed


def decode_strictly(value: bytes | None) -> dict[str, Any] | Rejection:
    """Return the JSON object of a value, or why it is none; ``decode`` for those who do not handle exceptions."""
    try:
        return decode(value)
    except _Refused as refused:
        return Rejection(refused.code, refused.reason)


def flatten(record: Record, value: dict[str, Any]) -> dict[str, Any]:
    """Return the flat event of a structured CloudEvent, of a binary one, or of bare JSON."""
    if (record.header("content-type") or "").startswith("application/cloudevents") or (
        "specversion" in value and isinstance(value.get("data"), dict)
    ):
        data = value.get("data")
        flat = dict(data) if isinstance(data, dict) else {}
        for name, item in value.items():
            if name not in _STRUCTURED_IGNORED:
                flat.setdefault(_STRUCTURED_FIELDS.get(name, name), item)
        return flat
    if record.headers:
        for header, field in _HEADER_FIELDS:
            if field not in value:
                text = record.header(header)
                if text is not None:
                    value[field] = text
    return value


def complete(record: Record, topic: Topic, value: dict[str, Any]) -> dict[str, Any]:
    """Fill what the position implies: id, time, tenant, type, and the request id of a request."""
    value.setdefault("type", topic.events[0].TYPE)
    if value.get("id") is None:
        value["id"] = position_id(record.topic, record.partition, record.offset)
    if value.get("occurred_at") is None:
        value["occurred_at"] = append_instant(record.timestamp_ms)
    if value.get("tenant") is None and record.key:
        value["tenant"] = record.key.decode(errors="replace")
    if topic.name == "requests" and value.get("request_id") is None:
        value["request_id"] = value["id"]
    return value


def _model_of(topic: Topic, type_: object) -> type[Event]:
    for model in topic.events:
        if type_ == model.TYPE:
            return model
    if not isinstance(type_, str):
        _refuse(RejectionCode.INVALID, "type is not text")
    base = _VERSION.sub("", type_)
    if any(_VERSION.sub("", model.TYPE) == base for model in topic.events):
        _refuse(RejectionCode.UNKNOWN_VERSION, "this version of the event type is not known here")
    _refuse(RejectionCode.UNKNOWN_TYPE, f"this event type does not belong to topic {topic.name}")


def describe(error: ValidationError) -> str:
    """Return where and why a value is invalid, without repeating the value."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    parts = [
        f"{'.'.join(str(part)[:40] for part in fault['loc']) or 'event'}: {fault['msg'][:120]}" for fault in faults[:5]
    ]
    more = f" (and {len(faults) - 5} more)" if len(faults) > 5 else ""
    return "; ".join(parts) + more


def _check_place(record: Record, event: Event, partitions: int) -> None:
    if isinstance(event, ExecutorStarted):
        return
    key = (record.key or b"").decode(errors="replace")
    if key != event.tenant:
        _refuse(RejectionCode.WRONG_TENANT, "the record's key is not the event's tenant")
    if partition_for(key, partitions) != record.partition:
        _refuse(
            RejectionCode.WRONG_PARTITION,
            f"the key belongs to partition {partition_for(key, partitions)}; set partitioner=murmur2_random",
        )


def key_tenant(record: Record) -> str | None:
    """Return the tenant that the record's key names, if it is a well-formed one."""
    try:
        return _TENANT.validate_python((record.key or b"").decode())
    except (ValidationError, UnicodeDecodeError):
        return None


def parse(record: Record, topic: Topic, partitions: int) -> Event | Rejection:
    """Return the valid event of a record, or why it is none.

    ``partitions`` is the partition count of tenant-keyed topics: the key must be the event's tenant and lie where
    murmur2 puts it, or one tenant would get two ledgers.
    """
    request_id: str | None = None
    try:
        if len(record.headers) > MAX_HEADERS:
            _refuse(RejectionCode.BAD_HEADERS, f"more than {MAX_HEADERS} headers")
        if topic.name == PROVIDER_CALLS:
            event = _parse_internal(record, topic)
        else:
            value = complete(record, topic, flatten(record, decode(record.value)))
            named = value.get("request_id")
            request_id = named if isinstance(named, str) and len(named) <= 128 else None
            if isinstance(value["type"], str) and value["type"] in UPCASTERS:
                value = upcast(value)
            event = _model_of(topic, value["type"]).model_validate(value)
        _check_place(record, event, partitions)
    except _Refused as refused:
        return Rejection(refused.code, refused.reason, key_tenant(record), request_id)
    except ValidationError as error:
        return Rejection(RejectionCode.INVALID, describe(error), key_tenant(record), request_id)
    return event


def _parse_internal(record: Record, topic: Topic) -> Event:
    """Our own stages write canonical JSON: one pass in pydantic, type from the header."""
    if record.value is None:
        _refuse(RejectionCode.TOMBSTONE, "a tombstone carries no event")
    if len(record.value) > MAX_VALUE_BYTES:
        _refuse(RejectionCode.TOO_LARGE, f"the value is larger than {MAX_VALUE_BYTES} bytes")
    type_ = record.header("ce_type")
    if type_ is None:
        type_ = decode(record.value).get("type")
    return _model_of(topic, type_).model_validate_json(record.value)


def unknown_of(record: Record, rejection: Rejection, partitions: int) -> CallUnknown | None:
    """Return the ``call.unknown`` that an invalid **terminal** call record stands for, by its headers; else None.

    A provider may have been paid for the attempt; router and executors alike must see it end. Records of another
    tenant's key or on the wrong partition, and invalid ``call.started``, stand for nothing.
    """
    tenant = rejection.tenant
    if tenant is None or rejection.code in (RejectionCode.WRONG_TENANT, RejectionCode.WRONG_PARTITION):
        return None
    if record.header("ce_type") not in _TERMINAL or partition_for(tenant, partitions) != record.partition:
        return None
    decision, attempt = record.header("ce_decisionid"), record.header("ce_attemptid")
    if decision is None or attempt is None:
        return None
    return CallUnknown.model_construct(
        id=position_id(record.topic, record.partition, record.offset),
        source="pointsman",
        occurred_at=append_instant(record.timestamp_ms),
        tenant=tenant,
        request_id=record.header("ce_subject") or "",
        decision_id=decision,
        attempt=0,
        attempt_id=attempt,
        instance="",
        incarnation=0,
        model="",
        provider="",
        task_type="",
        tier=0,
        reason="invalid_record",
        partial=False,
    )
