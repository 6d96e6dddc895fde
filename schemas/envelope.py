"""The envelope every event wears: CloudEvents 1.0 attributes in Kafka headers, the same fields in the JSON value.

| JSON field | Kafka header | CloudEvents |
|---|---|---|
| id | ce_id | id |
| type | ce_type | type, for example ``pointsman.decision.made.v1`` |
| source | ce_source | source |
| occurred_at | ce_time | time |
| request_id | ce_subject | subject |
| tenant | ce_tenant | extension |
| user | ce_user | extension |
| conversation_id | ce_conversationid | extension |
| causation_id | ce_causationid | extension |
| traceparent | traceparent | W3C Trace Context, plain header |
"""

from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Annotated, ClassVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from schemas.record import Headers, Output

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_10000_MS = 253_402_300_800_000

TenantId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}(#[0-9]{1,3})?$")]
"""Tenant, or ``tenant#shard`` for a tenant too hot for one partition (DESIGN 7)."""
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,127}$")]
"""Identifiers chosen by clients: users, conversations, spaces, areas, request ids."""
Traceparent = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")]

_STATIC_HEADERS: Headers = (("ce_specversion", b"1.0"), ("content-type", b"application/json"))
_OPTIONAL_HEADERS = (
    ("ce_subject", "request_id"),
    ("ce_user", "user"),
    ("ce_conversationid", "conversation_id"),
    ("ce_causationid", "causation_id"),
    ("traceparent", "traceparent"),
)


def at_ms(unix_ms: int) -> datetime:
    """Return the UTC instant of a Unix time in milliseconds, exactly."""
    return EPOCH + timedelta(milliseconds=unix_ms)


def append_instant(timestamp_ms: int) -> datetime:
    """Return the instant of a record's timestamp; the epoch where a producer set one that no calendar has."""
    return at_ms(timestamp_ms) if 0 <= timestamp_ms < _YEAR_10000_MS else EPOCH


def to_ms(instant: datetime) -> int:
    """Return the Unix time in milliseconds (floored) of an aware instant."""
    return (instant - EPOCH) // timedelta(milliseconds=1)


class Frozen(BaseModel):
    """Base of every value inside events: immutable, unknown fields ignored, inputs never echoed in errors."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, allow_inf_nan=False, protected_namespaces=()
    )


class Event(Frozen):
    """Base of every event. Subclasses set ``TYPE``, the versioned type name, and the default of ``type``."""

    TYPE: ClassVar[str] = ""

    id: str
    type: str
    source: str = "pointsman"
    occurred_at: AwareDatetime
    tenant: TenantId
    request_id: str | None = None
    user: str | None = None
    conversation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None

    def headers(self, *extra: tuple[str, bytes]) -> Headers:
        """Return the binary-mode CloudEvents headers of this event, then ``extra``."""
        own = (("ce_id", self.id.encode()), ("ce_type", self.type.encode()))
        return (*own, *_shared_headers(self), *self.extension_headers(), *extra)

    def extension_headers(self) -> Headers:
        """Return further ``ce_*`` headers of this type of event; none by default."""
        return ()

    def to_json(self) -> bytes:
        """Return the JSON value: compact, keys in field order, so equal events give equal bytes."""
        return self.__pydantic_serializer__.to_json(self, exclude_none=True)

    def to_output(
        self, topic: str, *extra: tuple[str, bytes], key: str | None = None, partition: int | None = None
    ) -> Output:
        """Return this event as a record to write to ``topic``; the key is the tenant unless given."""
        return Output(topic, self.tenant if key is None else key, self.to_json(), self.headers(*extra), partition)


_SHARED = ("source", "occurred_at", "tenant", *(field for _, field in _OPTIONAL_HEADERS))
_shared_of = attrgetter(*_SHARED)
_last_shared: tuple[tuple[object, ...], Headers] = ((), ())


def _shared_headers(event: Event) -> Headers:
    """Return the headers that all events which follow from one input share.

    They are written one after the other, so the last answer is kept: a third of the time of encoding them anew.
    Instants count by identity: equal ones may be written in different zones.
    """
    global _last_shared  # noqa: PLW0603 - a memo of one entry, replaced as a whole; it never changes an answer
    values = _shared_of(event)
    known, headers = _last_shared
    if known == values and known[1] is event.occurred_at:
        return headers
    pairs = [
        *_STATIC_HEADERS,
        ("ce_source", event.source.encode()),
        ("ce_time", event.occurred_at.isoformat().encode()),
        ("ce_tenant", event.tenant.encode()),
    ]
    for name, field in _OPTIONAL_HEADERS:
        text = getattr(event, field)
        if text is not None:
            pairs.append((name, text.encode()))
    headers = tuple(pairs)
    _last_shared = (values, headers)
    return headers
