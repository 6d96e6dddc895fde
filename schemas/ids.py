"""Deterministic identities: the same cause gives the same id, so that a redelivery is recognised (DESIGN 4)."""

import uuid
from collections.abc import Iterable
from hashlib import sha1

NAMESPACE = uuid.UUID("6f2f6a1e-58a1-5d0b-9d0e-6c1b0a3f7c11")
_NAMESPACE_BYTES = NAMESPACE.bytes


def uuid5_of(parts: Iterable[str | int]) -> str:
    """Return the version 5 UUID of the parts, joined by the unit separator; ``uuid.uuid5`` without its objects."""
    return _uuid5("\x1f".join(map(str, parts)))


def _uuid5(name: str) -> str:
    digest = sha1(_NAMESPACE_BYTES + name.encode(), usedforsecurity=False).digest()
    h = digest[:16].hex()
    variant = "89ab"[(digest[8] & 0x3F) >> 4]
    return f"{h[:8]}-{h[8:12]}-5{h[13:16]}-{variant}{h[17:20]}-{h[20:]}"


def event_id(tenant: str, type_: str, causation_id: str, ordinal: int) -> str:
    """Return the id of an event derived from ``causation_id``; ``ordinal`` tells several of one type apart."""
    return _uuid5(f"{tenant}\x1f{type_}\x1f{causation_id}\x1f{ordinal}")


def position_id(topic: str, partition: int, offset: int) -> str:
    """Return the id of a log position: causation id of a request, id of a dead letter, id of a bare request."""
    return uuid5_of((topic, partition, offset))


def attempt_id(decision_id: str, attempt: int) -> str:
    """Return the id of attempt ``attempt`` (1, 2, ...) of a decision."""
    return uuid5_of((decision_id, "attempt", attempt))


def call_event_id(tenant: str, type_: str, attempt: str, instance: str, incarnation: int, seq: int = 0) -> str:
    """Return the id of an executor's event about an attempt; ``seq`` where an attempt has several of a type."""
    return uuid5_of((tenant, type_, attempt, instance, incarnation, seq))


def uuid7(now_ms: int, random_bits: int) -> str:
    """Return a version 7 UUID from a Unix time in milliseconds and at least 74 random bits."""
    rand_a = (random_bits >> 62) & 0xFFF
    rand_b = random_bits & ((1 << 62) - 1)
    value = ((now_ms & ((1 << 48) - 1)) << 80) | (7 << 76) | (rand_a << 64) | (2 << 62) | rand_b
    return str(uuid.UUID(int=value))
