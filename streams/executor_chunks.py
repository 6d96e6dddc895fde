"""Live tokens of one attempt on ``result-chunks``: the first at once, then at most one per 25 ms or 1 KiB (P7)."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from routing.dispatch_actions import Identity
from schemas.decision import CallOrder
from schemas.envelope import at_ms
from schemas.ids import call_event_id
from schemas.provider_call import ResultChunk

_PACE_S: Final = 0.025
_FULL: Final = 1024


class ChunkStream:
    """Gathers text and publishes it; ``seq`` counts from 0 within the attempt."""

    def __init__(
        self,
        decision: CallOrder,
        attempt_id: str,
        identity: Identity,
        publish: Callable[[ResultChunk], None],
        now_ms: Callable[[], int],
    ) -> None:
        self._decision = decision
        self._attempt_id = attempt_id
        self._identity = identity
        self._publish = publish
        self._now_ms = now_ms
        self._loop = asyncio.get_running_loop()
        self._parts: list[str] = []
        self._size = 0
        self._last = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._muted = False
        self.published = 0
        """Number of chunks published."""

    def text(self, text: str) -> None:
        """Take more text."""
        if self._muted or not text:
            return
        self._parts.append(text)
        self._size += len(text)
        due = self._last + _PACE_S
        if self._loop.time() >= due or self._size >= _FULL:
            self._flush()
        elif self._timer is None:
            self._timer = self._loop.call_at(due, self._flush)

    def tool(self, delta: dict[str, Any]) -> None:
        """Publish a fragment of a tool call, after the text before it."""
        if not self._muted:
            self._flush()
            self._send(tool_delta=delta)

    def mute(self) -> None:
        """Publish nothing more: nobody wants the answer."""
        self._flush()
        self._muted = True

    def close(self) -> None:
        """Publish what is left and mark the end, if anything was published at all."""
        self._flush()
        if self.published and not self._muted:
            self._send(last=True)
        self._muted = True

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._parts:
            text = "".join(self._parts)
            self._parts.clear()
            self._size = 0
            self._send(text=text)

    def _send(self, **what: Any) -> None:
        decision = self._decision
        chunk = ResultChunk(
            id=call_event_id(
                decision.tenant,
                ResultChunk.TYPE,
                self._attempt_id,
                self._identity.instance,
                self._identity.incarnation,
                self.published,
            ),
            occurred_at=at_ms(self._now_ms()),
            tenant=decision.tenant,
            request_id=decision.request_id,
            user=decision.user,
            conversation_id=decision.conversation_id,
            causation_id=decision.id,
            traceparent=decision.traceparent,
            decision_id=decision.id,
            attempt_id=self._attempt_id,
            seq=self.published,
            **what,
        )
        self.published += 1
        self._last = self._loop.time()
        self._publish(chunk)
