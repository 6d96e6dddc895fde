"""Small behaviours for tests of the simulator."""

from typing import Any

from providers.simulated.behaviour import BehaviourFile, Behaviours
from providers.simulated.plan import SimulatedCall

DEFAULTS: dict[str, Any] = {
    "price": {"input": 3, "output": 15, "cached_input": 1},
    "latency": {"ttft_ms": 100, "sigma": 0.3, "tokens_per_second": 100},
    "quality": {"default": 60, "math": 90},
}


def behaviours(**models: dict[str, Any]) -> Behaviours:
    return Behaviours(BehaviourFile(seed=1, rejected_keys=("sk-revoked",), defaults=DEFAULTS, models=models))


def call(**fields: Any) -> SimulatedCall:
    base: dict[str, Any] = {"model": "m", "input_tokens": 100, "earlier_tokens": 0, "max_output_tokens": 1000}
    return SimulatedCall(**{**base, **fields})
