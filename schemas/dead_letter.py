"""Bad input as a value: where it lay, why it was refused, and its bytes (DESIGN 2, promise 5)."""

from enum import StrEnum
from typing import ClassVar, Literal

from schemas.decision import Position
from schemas.envelope import Event

MAX_DEAD_LETTER_BYTES = 256 * 1024


class RejectionCode(StrEnum):
    """Why a record was refused; closed set, documented here."""

    TOMBSTONE = "tombstone"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_FINITE = "not_finite"
    TOO_DEEP = "too_deep"
    DUPLICATE_KEYS = "duplicate_keys"
    NOT_AN_OBJECT = "not_an_object"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_VERSION = "unknown_version"
    INVALID = "invalid"
    WRONG_TENANT = "wrong_tenant"
    WRONG_PARTITION = "wrong_partition"
    UNSIGNED = "unsigned"
    BAD_HEADERS = "bad_headers"
    INTERNAL = "internal"


class DeadLetter(Event):
    """A refused record on ``<topic>.dlq``; over 256 KiB only its hash, length and position are kept."""

    TYPE: ClassVar[str] = "pointsman.dead_letter.v1"
    type: Literal["pointsman.dead_letter.v1"] = "pointsman.dead_letter.v1"
    stage: str
    code: RejectionCode
    reason: str
    position: Position
    append_time_ms: int
    key_base64: str | None = None
    value_base64: str | None = None
    value_sha256: str | None = None
    value_length: int
    original_headers: dict[str, str] = {}
    engine: str = ""
