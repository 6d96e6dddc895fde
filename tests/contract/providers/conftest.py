"""A running simulator whose models each fail in one way, and adapters of both dialects against it."""

import json
import time
from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from providers.adapter import HttpAdapter
from providers.base import CallContext, ChatRequest, Message
from providers.endpoint import EndpointConfig
from providers.registry import build_adapter
from providers.simulated import BILL_FILE, SimulatorConfig, running
from providers.simulated.behaviour import BehaviourFile, Behaviours

SLOW = {"latency": {"ttft_ms": 30_000, "sigma": 0, "tokens_per_second": 1}}
STEADY = {"latency": {"ttft_ms": 0, "sigma": 0, "tokens_per_second": 50}, "output": {"median_tokens": 2000, "sigma": 0}}
BEHAVIOURS = Behaviours(
    BehaviourFile(
        seed=3,
        rejected_keys=("sk-revoked",),
        defaults={
            "price": {"input": 3_000_000, "output": 15_000_000, "cached_input": 300_000},
            "latency": {"ttft_ms": 1, "tokens_per_second": 10_000},
            "quality": {"default": 70},
        },
        models={
            "calm": {},
            "costly": {"report_cost": True},
            "thoughtful": {"output": {"reasoning_share": 0.5}},
            "throttled": {"failures": {"rate_limited": 1, "retry_after_s": 1.5}},
            "failing": {"failures": {"server_error": 1}},
            "overloaded": {"failures": {"overloaded": 1}},
            "resetting": {"failures": {"reset_before": 1}},
            "billed-reset": {"failures": {"reset_after": 1}},
            "cut": {"failures": {"truncated": 1}},
            "slow": SLOW,
            "steady": STEADY,
            "small": {"context_window": 105},
            "narrow-openai": {"max_concurrency": 1, **SLOW},
            "narrow-anthropic": {"max_concurrency": 1, **SLOW},
        },
    )
)


class Simulator:
    """The running simulator and its bill."""

    def __init__(self, url: str, run_dir: Path) -> None:
        self.url = url
        self.run_dir = run_dir

    def bill(self, attempt: str) -> list[dict[str, Any]]:
        """Return the lines of one attempt."""
        lines = (self.run_dir / BILL_FILE).read_text(encoding="utf-8").splitlines()
        return [line for line in map(json.loads, lines) if line["attempt"] == attempt]


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Generator[Simulator]:
    run_dir = tmp_path_factory.mktemp("simulated")
    with running(SimulatorConfig(run_dir=run_dir), BEHAVIOURS) as url:
        yield Simulator(url, run_dir)


@pytest.fixture(params=["openai", "anthropic"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


AdapterFactory = Callable[..., HttpAdapter]


@pytest.fixture
async def adapter_of(dialect: str, simulator: Simulator) -> AsyncGenerator[AdapterFactory, None]:
    made: list[HttpAdapter] = []

    def make(**fields: Any) -> HttpAdapter:
        base_url = simulator.url + ("/v1" if dialect == "openai" else "")
        config = {"name": "sim", "dialect": dialect, "base_url": base_url, "simulated": True, **fields}
        adapter = build_adapter(EndpointConfig.model_validate(config), {"KEY": "sk-good", "REVOKED": "sk-revoked"})
        made.append(adapter)
        return adapter

    yield make
    for adapter in made:
        await adapter.aclose()


@pytest.fixture
def adapter(adapter_of: AdapterFactory) -> HttpAdapter:
    return adapter_of()


def asked(model: str = "calm", **fields: Any) -> ChatRequest:
    base: dict[str, Any] = {
        "provider_model": model,
        "messages": (Message(role="system", content="Be brief."), Message(role="user", content="How do trains turn?")),
        "max_output_tokens": 100,
    }
    return ChatRequest(**{**base, **fields})


def context(attempt: str, seconds: float = 20.0, **fields: Any) -> CallContext:
    return CallContext(attempt_id=attempt, deadline=time.monotonic() + seconds, **fields)
