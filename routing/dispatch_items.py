"""What the executor's core remembers of its own: decisions in hand, attempts it has claimed."""

from dataclasses import dataclass
from typing import Literal

from routing.retry import Step
from schemas.decision import AttemptPlan, CallOrder
from schemas.ids import attempt_id


@dataclass(slots=True)
class Item:
    """A decision in hand: read, not done."""

    decision: CallOrder
    offset: int
    deadline_ms: int
    drop: str | None = None
    """Why it is not to be called any more: superseded or cancelled."""
    step: Step | None = None
    """The attempt that waits for a place."""
    unknown_attempt: int = 0
    """The attempt this executor has called unknown."""

    @property
    def id(self) -> str:
        """Return the decision's id."""
        return self.decision.id


@dataclass(slots=True)
class Mine:
    """An attempt this process has claimed: the claim written, then the call running, then its end written."""

    decision: CallOrder
    plan: AttemptPlan
    attempt: int
    expires_at_ms: int
    state: Literal["claimed", "running", "reported"]
    cancelled: bool = False

    @property
    def key(self) -> str:
        """Return the attempt's id."""
        return attempt_id(self.decision.id, self.attempt)


def plan_of(decision: CallOrder, model: str) -> AttemptPlan:
    """Return the plan of a model in the decision's chain; the first plan when it is none of them."""
    return next((plan for plan in decision.chain if plan.model == model), decision.chain[0])
