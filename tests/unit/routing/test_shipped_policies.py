"""The routers that ship beside the seeds': each does what its name promises (R9, R12, R13, R15, R16)."""

from collections import Counter
from statistics import mean

import pytest

from schemas.decision import Choice, View
from tests.brain import NOW, chosen, request, tenant
from tests.desk_world import DeskWorld
from tests.documents import tenant as tenant_document

PROMPTS = (
    "hello",
    "What is the capital of Australia?",
    "Fix the crash in the importer",
    "Design a scalable system for invoices",
    "Translate to German: the lighthouse is closed.",
    "Write a function that merges two sorted lists",
    "Solve x^2 - 5x + 6 = 0",
    "Summarize the notes of the meeting",
    "Plan the move of an office of thirty people",
    "Compare three ways to store sensor readings",
)


def choices(policy: str) -> list[Choice]:
    config = tenant(policy)
    return [chosen(config, request(prompt), View(), NOW) for prompt in PROMPTS]


def test_cost_latency_and_quality_come_first_where_they_are_named() -> None:
    """Over varied prompts cost-first is cheapest, quality-first ablest, latency-first faster than those two (R9)."""
    names = ("default", "cost-first", "quality-first", "latency-first")
    found = {name: choices(name) for name in names}
    cost = {name: mean(choice.chain[0].estimated_cost for choice in each) for name, each in found.items()}
    latency = {name: mean(choice.chain[0].estimated_latency_ms for choice in each) for name, each in found.items()}
    quality = {
        name: mean(item.predicted_quality or 0 for choice in each for item in choice.candidates if item.propensity == 1)
        for name, each in found.items()
    }
    assert min(cost, key=lambda name: cost[name]) == "cost-first"
    assert latency["latency-first"] < min(latency["default"], latency["quality-first"])
    assert max(quality, key=lambda name: quality[name]) == "quality-first"


def test_the_checked_router_starts_cheap() -> None:
    """On simple and medium work the checked router starts a cascade at a part of the cost of quality-first (R13)."""
    checked, best = choices("checked"), choices("quality-first")
    started = [(one, other) for one, other in zip(checked, best, strict=True) if one.cascade]
    assert len(started) >= 3
    for one, other in started:
        assert one.chain[0].estimated_cost < other.chain[0].estimated_cost


def test_the_learned_router_logs_propensities() -> None:
    """The learned router explores: several models could be drawn, and each one's probability is recorded (R16, A5)."""
    for choice in choices("learned"):
        found = [item.propensity for item in choice.candidates if item.propensity > 0]
        assert len(found) > 1
        assert sum(found) == pytest.approx(1, abs=1e-6)


def test_s4s_shares_are_reached_by_traffic() -> None:
    """Over mixed traffic the shares of S4 come within its tolerance of 5 points, o3 below its limit (R12, S4)."""
    world = DeskWorld("acme", tenant_document("acme", policy="s4-shares"))
    for index in range(600):
        world.ask(f"r{index}", prompt=PROMPTS[index * 7 % len(PROMPTS)], execute=False)
        world.run()
    counts = Counter(decision["model"] for decision in world.decisions()[200:])
    shares = {model: count / counts.total() for model, count in counts.items()}
    for model, target in (("grok-4", 0.4), ("claude-sonnet-4", 0.3), ("kimi-k2", 0.2), ("gemini-2.5-flash", 0.1)):
        assert shares[model] == pytest.approx(target, abs=0.05), shares
    assert shares.get("o3", 0) <= 0.06


@pytest.mark.parametrize("policy", ["cost-first", "latency-first"])
def test_alike_tasks_are_kept(policy: str) -> None:
    """The routers that say so decide alike tasks alike (R15)."""
    world = DeskWorld("acme", tenant_document("acme", policy=policy))
    for name in ("r1", "r2"):
        world.ask(name, execute=False)
        world.run()
    assert "cached" in world.decisions()[1]["reason_codes"]
