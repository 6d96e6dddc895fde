"""Outages switched on and off while the simulator runs."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from providers.simulated.plan import Fate, Plan

Mode = Literal["down", "overloaded", "rate_limited", "error", "reset", "hang", "slow"]
_FATES: dict[Mode, Fate] = {
    "down": "unavailable",
    "overloaded": "overloaded",
    "rate_limited": "rate_limited",
    "error": "server_error",
    "reset": "reset_before",
    "hang": "hang",
}


class OutageOrder(BaseModel):
    """What ``POST /admin/outage`` takes: a pattern over model names, what happens, and for how many seconds."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    model: Annotated[str, Field(min_length=1, max_length=128)]
    mode: Mode = "down"
    for_s: Annotated[float, Field(gt=0, le=86_400)] | None = None
    """None: until it is cleared."""
    factor: Annotated[float, Field(ge=1, le=1000)] = 10
    """Mode ``slow``: how much longer everything takes."""


@dataclass(frozen=True, slots=True)
class _Outage:
    order: OutageOrder
    ends_at: float


class Outages:
    """The outages in force; ``clock`` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._by_model: dict[str, _Outage] = {}

    def start(self, order: OutageOrder) -> None:
        """Begin an outage; one for the same pattern replaces the earlier."""
        ends_at = float("inf") if order.for_s is None else self._clock() + order.for_s
        self._by_model[order.model] = _Outage(order, ends_at)

    def clear(self, model: str | None) -> None:
        """End the outage of one pattern, or all."""
        if model is None:
            self._by_model.clear()
        else:
            self._by_model.pop(model, None)

    def listed(self) -> list[dict[str, object]]:
        """Return the outages in force, for people."""
        now = self._clock()
        return [
            {
                "model": outage.order.model,
                "mode": outage.order.mode,
                "left_s": None if outage.ends_at == float("inf") else round(outage.ends_at - now, 3),
            }
            for outage in self._by_model.values()
            if outage.ends_at > now
        ]

    def apply(self, model: str, plan: Plan) -> Plan:
        """Return the plan as the outages in force change it."""
        order = self._order(model)
        if order is None:
            return plan
        if order.mode == "slow":
            return replace(
                plan, ttft_s=plan.ttft_s * order.factor, seconds_per_token=plan.seconds_per_token * order.factor
            )
        return Plan(fate=_FATES[order.mode], ttft_s=plan.ttft_s, retry_after_s=plan.retry_after_s)

    def _order(self, model: str) -> OutageOrder | None:
        if not self._by_model:
            return None
        now = self._clock()
        for pattern, outage in list(self._by_model.items()):
            if outage.ends_at <= now:
                del self._by_model[pattern]
            elif fnmatchcase(model, pattern):
                return outage.order
        return None
