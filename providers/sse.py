"""Server-sent events from bytes, in whatever pieces they arrive (WHATWG HTML, section 9.2).

Pure: feed bytes, get complete events. The result never depends on how the bytes were cut.
"""

from dataclasses import dataclass

MAX_EVENT_BYTES = 1024 * 1024
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event: its name (``message`` when unnamed), data lines joined by newlines, last id."""

    event: str
    data: str
    id: str = ""


class SseParser:
    """Incremental parser. After ``overflow`` (an event above ``max_event_bytes``) it yields nothing more."""

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max = max_event_bytes
        self._line = bytearray()
        self._skip_newline = False
        self._start = True
        self._event = ""
        self._data: list[str] = []
        self._size = 0
        self._id = ""
        self.overflow = False

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Return the events completed by ``data``."""
        events: list[ServerSentEvent] = []
        position = 0
        while position < len(data) and not self.overflow:
            if self._skip_newline:
                self._skip_newline = False
                if data[position] == 0x0A:
                    position += 1
                    continue
            end = _line_end(data, position)
            self._line += data[position:end]
            if self._size + len(self._line) > self._max:
                self.overflow = True
                break
            if end == len(data):
                break
            self._skip_newline = data[end] == 0x0D
            position = end + 1
            self._take_line(events)
        return events

    def close(self) -> list[ServerSentEvent]:
        """Return the event whose closing blank line is missing at the end of input, if its last line is complete."""
        events: list[ServerSentEvent] = []
        if not self._line and not self.overflow:
            self._dispatch(events)
        return events

    def _take_line(self, events: list[ServerSentEvent]) -> None:
        raw = bytes(self._line)
        self._line.clear()
        if self._start:
            self._start = False
            raw = raw.removeprefix(_BOM)
        if not raw:
            self._dispatch(events)
            return
        if raw.startswith(b":"):
            return
        self._size += len(raw)
        name, _, value = raw.decode("utf-8", errors="replace").partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value

    def _dispatch(self, events: list[ServerSentEvent]) -> None:
        if self._data:
            events.append(ServerSentEvent(self._event or "message", "\n".join(self._data), self._id))
        self._event = ""
        self._data = []
        self._size = 0


def _line_end(data: bytes, start: int) -> int:
    """Return the position of the next CR or LF at or after ``start``, or the length of ``data``."""
    newline = data.find(b"\n", start)
    carriage = data.find(b"\r", start, len(data) if newline < 0 else newline)
    if carriage >= 0:
        return carriage
    return len(data) if newline < 0 else newline
