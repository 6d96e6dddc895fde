"""What ``provider-calls`` says about each decision: the shared fold, and beside it what the executor's retries need."""

from collections import OrderedDict
from dataclasses import dataclass

from routing.calls import Calls, Claim, fold
from routing.retry import Tried
from schemas.envelope import to_ms
from schemas.provider_call import CallEvent, CallFailed, CallStarted


@dataclass(slots=True)
class Trail:
    """The call records of one decision so far; ``model`` is the current claim's, ``tried`` what was closed unbilled."""

    calls: Calls
    first_offset: int | None = None
    tried: tuple[Tried, ...] = ()
    model: str = ""

    @property
    def closed(self) -> bool:
        """Return whether a terminal record was read."""
        return self.calls.closed

    @property
    def attempt(self) -> int:
        """Return the number of the current attempt."""
        return self.calls.attempt

    @property
    def attempt_id(self) -> str:
        """Return the id of the current attempt."""
        return self.calls.attempt_id

    @property
    def claim(self) -> Claim | None:
        """Return the claim that owns the current attempt."""
        return self.calls.claim

    def add(self, offset: int, event: CallEvent) -> None:
        """Fold the next record; a record read once more changes nothing."""
        if self.first_offset is None:
            self.first_offset = offset
        self.calls, did = fold(self.calls, event)
        if did.kind == "claimed" and isinstance(event, CallStarted):
            self.model = event.model
        elif did.kind == "next_attempt" and isinstance(event, CallFailed):
            ended = to_ms(event.occurred_at)
            again = ended + event.retry_after_ms if event.retry_after_ms is not None else 0
            self.tried += (Tried(event.model, event.provider, event.category, ended, again),)


class Trails:
    """The trails of decisions in hand, and of those not in hand: done already, or their decision not read yet."""

    def __init__(self) -> None:
        self._all: dict[str, Trail] = {}
        self._loose: OrderedDict[str, int] = OrderedDict()
        self.forgotten_below = 0
        """Trails of decisions not in hand are complete only from this offset of ``provider-calls`` on."""

    def __len__(self) -> int:
        """Return the number of trails in memory."""
        return len(self._all)

    def __getitem__(self, decision_id: str) -> Trail:
        """Return the trail of a decision in hand."""
        return self._all[decision_id]

    def take(self, decision_id: str) -> None:
        """Keep the trail of a decision while it is in hand."""
        self._loose.pop(decision_id, None)
        if decision_id not in self._all:
            self._all[decision_id] = Trail(Calls(decision_id))

    def release(self, decision_id: str) -> None:
        """Keep the trail of a decision no longer in hand until ``forget_below`` passes it: it may come again."""
        first = self._all[decision_id].first_offset
        if first is None:
            del self._all[decision_id]
        else:
            self._loose[decision_id] = first

    def add(self, offset: int, event: CallEvent) -> None:
        """Fold a record into its decision's trail."""
        trail = self._all.get(event.decision_id)
        if trail is None:
            trail = self._all[event.decision_id] = Trail(Calls(event.decision_id))
            self._loose[event.decision_id] = offset
        trail.add(offset, event)

    def forget_below(self, calls_from: int) -> None:
        """Forget trails of decisions not in hand that began before: decisions still to come have no record there."""
        self.forgotten_below = max(self.forgotten_below, calls_from)
        while self._loose:
            decision_id, first = next(iter(self._loose.items()))
            if first >= calls_from:
                return
            del self._loose[decision_id]
            del self._all[decision_id]
