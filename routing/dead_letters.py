"""A refused record as a value for the dead letters: position, reason, bytes while they are small (promise 5)."""

import base64
import hashlib
from datetime import datetime
from typing import Final

from schemas.dead_letter import MAX_DEAD_LETTER_BYTES, DeadLetter
from schemas.decision import Position
from schemas.ids import position_id
from schemas.inbound import Rejection
from schemas.record import Record

_KEY_BYTES: Final = 1024
_HEADERS: Final = 64
_NAME: Final = 64
_HEADER_BYTES: Final = 256


def dead_letter(record: Record, rejection: Rejection, stage: str, now: datetime, engine: str = "") -> DeadLetter:
    """Return the dead letter of ``record``; its id is that of the position, so writing it again adds nothing new."""
    value = record.value or b""
    small = len(value) <= MAX_DEAD_LETTER_BYTES
    headers = record.headers[:_HEADERS] if small else ()
    return DeadLetter(
        id=position_id(record.topic, record.partition, record.offset),
        occurred_at=now,
        tenant=rejection.tenant or "system",
        request_id=rejection.request_id,
        stage=stage,
        code=rejection.code,
        reason=rejection.reason,
        position=Position(topic=record.topic, partition=record.partition, offset=record.offset),
        append_time_ms=record.timestamp_ms,
        key_base64=None if record.key is None else base64.b64encode(record.key[:_KEY_BYTES]).decode(),
        value_base64=base64.b64encode(value).decode() if small else None,
        value_sha256=hashlib.sha256(value).hexdigest(),
        value_length=len(value),
        original_headers={name[:_NAME]: raw[:_HEADER_BYTES].decode(errors="replace") for name, raw in headers},
        engine=engine,
    )
