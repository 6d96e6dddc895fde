"""The behaviours that ship agree with the catalog that ships."""

import statistics
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from providers.simulated import BEHAVIOUR_PATH, load_behaviours
from providers.simulated.behaviour import Price
from providers.simulated.draws import Draws
from providers.simulated.plan import plan_call
from routing.pricing import Rates, cost, rates_at
from schemas.classification import TaskType
from schemas.control_catalog import CatalogDocument
from schemas.control_prices import PricesDocument
from schemas.usage import Usage
from tests.unit.providers.simulated_samples import call

CATALOG = BEHAVIOUR_PATH.parent
BEHAVIOURS = load_behaviours(BEHAVIOUR_PATH)


def document(path: Path) -> object:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


MODELS = CatalogDocument.model_validate(document(CATALOG / "models.yaml"))
PRICES = PricesDocument.model_validate(document(CATALOG / "prices-current.yaml"))
FIRST_DAY = datetime(2026, 11, 20, tzinfo=UTC)
"""The simulator bills no calls before its own time."""
SERVED = [(model.id, served.provider_model) for model in MODELS.models for served in model.served_by]


@pytest.mark.parametrize(("model", "provider_model"), SERVED)
def test_the_simulators_bill_equals_the_price_book(model: str, provider_model: str) -> None:
    """Every model of the catalog is billed by the simulator at exactly the price the ledger settles at (B8)."""
    history = [(entry.since_instant, Rates.of(entry)) for entry in PRICES.prices.get(model, ())]
    for now in (FIRST_DAY, *(since for since, _ in history), datetime(2030, 1, 1, tzinfo=UTC)):
        rates = rates_at(history, now)
        if rates is not None and now >= FIRST_DAY:
            check(BEHAVIOURS.of(provider_model).on(now.date()).price, rates)


def check(price: Price, rates: Rates) -> None:
    for tokens, cached, output in ((0, 0, 0), (1, 0, 1), (1000, 400, 333), (99_999, 0, 7), (300_000, 1024, 64_000)):
        usage = Usage(input_tokens=tokens, cached_input_tokens=cached, output_tokens=output)
        assert price.cost(tokens, cached, output) == cost(rates, usage)


def test_every_model_of_the_catalog_has_a_behaviour_of_its_own() -> None:
    """No catalog model falls back to the defaults; quality is known for every type of task, where it does tasks."""
    assert {name for _, name in SERVED} <= set(BEHAVIOURS.models)
    for model in MODELS.models:
        behaviour = BEHAVIOURS.of(model.served_by[0].provider_model)
        assert behaviour.context_window >= model.context_window
        tasks = set() if model.modalities == ("embedding",) else set(TaskType) - {TaskType.GENERAL}
        assert {task.value for task in tasks} <= set(behaviour.quality)


TARGETS = [name for name in BEHAVIOURS.models if BEHAVIOURS.of(name).target is not None]


def test_the_targets_of_a10_are_in_the_data() -> None:
    """Five families have the targets of S4: 3 s, 2 s, 1 s, 500 ms and 5 s (A10)."""
    found = {target.latency_ms for name in TARGETS if (target := BEHAVIOURS.of(name).target) is not None}
    assert found == {3000, 2000, 1000, 500, 5000}


@pytest.mark.parametrize("name", TARGETS)
def test_planted_behaviour_meets_its_target(name: str) -> None:
    """p95 of the time to first token and the share of good answers of each such model meet its target (A10, N14)."""
    behaviour = BEHAVIOURS.of(name)
    target = behaviour.target
    assert target is not None
    calm = behaviour.model_copy(update={"failures": type(behaviour.failures)()})
    asked = call(task_type=target.task_type)
    plans = [plan_call(asked, calm, Draws(n, b"{}", "")) for n in range(4000)]
    p95 = statistics.quantiles((plan.ttft_s * 1000 for plan in plans), n=20)[-1]
    assert p95 < target.latency_ms
    assert 100 * statistics.fmean(plan.good for plan in plans) > target.quality
