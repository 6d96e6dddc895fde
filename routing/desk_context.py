"""What the parts of the desk share within a batch: time, globals, state, and the list of outputs."""

from datetime import datetime
from typing import Any

from routing.catalog import CompiledConfig
from routing.desk_batch import Globals
from routing.desk_state import DeskState, OpenRequest, Seen
from schemas import topics as t
from schemas.envelope import EPOCH, Event, at_ms
from schemas.record import Output, Record


class Context:
    """Batch-wide values; ``emit`` writes to this partition of a topic with the batch number as a header."""

    def __init__(
        self, partition: int, engine: str, content_key: bytes, dedupe_window_ms: int, state: DeskState
    ) -> None:
        """Bind the desk's fixed values."""
        self.partition = partition
        self.engine = engine
        self.content_key = content_key
        self.dedupe_window_ms = dedupe_window_ms
        self.state = state
        self.now: datetime = EPOCH
        self.now_ms = 0
        self.globals: Globals
        self.calls_from = 0
        self.batch_header: tuple[str, bytes] = ("ce_batch", b"0")
        self._outputs: list[Output] = []

    @property
    def config(self) -> CompiledConfig:
        """The config of this batch."""
        return self.globals.config

    @property
    def config_offset(self) -> int:
        """Position of the config of this batch."""
        return self.globals.positions[t.CONFIG][0]

    def begin(self, number: int, now_ms: int, frozen: Globals, calls_from: int) -> None:
        """Start a batch."""
        self.now_ms = now_ms
        self.now = at_ms(now_ms)
        self.globals = frozen
        self.calls_from = calls_from
        self.batch_header = ("ce_batch", str(number).encode())
        self._outputs = []

    def end(self) -> list[Output]:
        """Return the outputs of the batch."""
        return self._outputs

    def mark(self) -> int:
        """Return a mark to which ``reset`` goes back."""
        return len(self._outputs)

    def reset(self, mark: int) -> None:
        """Drop the outputs since ``mark``."""
        del self._outputs[mark:]

    def raw(self, output: Output) -> None:
        """Add a ready record."""
        self._outputs.append(output)

    def emit(self, topic: str, event: Event) -> bytes:
        """Add an event and return its JSON; alerts have one partition, everything else goes to this one."""
        partition = 0 if topic == t.ALERTS else self.partition
        value = event.to_json()
        self._outputs.append(Output(topic, event.tenant, value, event.headers(self.batch_header), partition))
        return value

    def first_time(self, record: Record, tenant: str, kind: str, identity: str) -> bool:
        """Return whether this id of a command is new within the dedupe window, and remember it."""
        name = f"{kind}:{identity}"
        appended = min(record.timestamp_ms, self.now_ms)  # a topic made elsewhere may carry producers' times
        seen = self.state.seen.get((tenant, name))
        if seen is not None and appended <= seen.expires_ms:
            return False
        self.state.see(tenant, name, Seen("", record.offset, appended + self.dedupe_window_ms))
        return True

    def common(self, request: OpenRequest) -> dict[str, Any]:
        """Return the envelope fields of events that follow from ``request``."""
        facts = request.facts
        return {
            "occurred_at": self.now,
            "tenant": facts.tenant,
            "request_id": facts.request_id,
            "user": facts.user,
            "conversation_id": facts.conversation_id,
            "causation_id": request.causation_id,
            "traceparent": request.traceparent,
        }
