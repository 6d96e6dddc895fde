"""One record of the log, free of any client library: what stages read and write."""

from dataclasses import dataclass
from typing import NamedTuple

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A record as read: position, broker append time in Unix milliseconds, key, value, headers.

    ``topic`` is the logical name (without the deployment's prefix).
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()

    def header(self, name: str) -> str | None:
        """Return the last header of that name as text, or None; undecodable bytes count as absent."""
        for key, value in reversed(self.headers):
            if key == name:
                try:
                    return value.decode()
                except UnicodeDecodeError:
                    return None
        return None


class Output(NamedTuple):
    """A record to write. ``partition`` None means: by key (murmur2)."""

    topic: str
    key: str
    value: bytes | None
    headers: Headers
    partition: int | None = None
