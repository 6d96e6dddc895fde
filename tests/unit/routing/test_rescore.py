"""Re-scoring history: the vectorised form chooses the same model as the decision itself, and agrees on scores (A5)."""

import json
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from routing.catalog import CompiledConfig
from routing.classify import classify
from routing.decide import decide
from routing.request_facts import facts_of
from routing.rescore import rescore
from routing.rescore_table import Past, PastTable
from schemas.decision import Choice, PreferenceView, StatisticsView, View
from schemas.request import Attachment
from tests.brain import NOW, day, month, policy, request, tenant

EXAMPLES = Path(__file__).parents[3] / "deploy" / "training" / "examples" / "test"
TEXTS = [
    json.loads(line)["text"] for path in sorted(EXAMPLES.glob("*.jsonl")) for line in path.read_text().splitlines()
]
ROUTERS = ("default", "cost-first", "quality-first", "latency-first", "learned", "checked", "s0", "s2", "s3", "s4")
PICTURE = Attachment(kind="image", reference="i1", media_type="image/png", length=200_000)


def statistics(random: Random, models: list[str]) -> dict[str, StatisticsView]:
    found = {}
    for model in random.sample(models, random.randrange(len(models))):
        calls = random.choice((0, 1, 7, 400))
        rated = random.random() < 0.5
        found[model] = StatisticsView(
            calls=calls,
            success_rate=round(random.random(), 9) if calls and random.random() < 0.9 else None,
            rating=round(random.random(), 9) if rated else None,
            ratings=random.choice((1, 5, 300)) if rated else 0,
            latency_p50_ms=round(random.uniform(100, 40_000), 3) if random.random() < 0.7 else None,
            output_p50=round(random.uniform(5, 3000), 3) if random.random() < 0.7 else None,
        )
    return found


def pasts(config: CompiledConfig, count: int, seed: int) -> list[Past]:
    """Return requests of all kinds with views of all kinds, of which most are ordinary."""
    random = Random(seed)
    found = config.tenant("t")
    assert found is not None
    models = list(found.models)
    providers = [served.provider for entry in found.models.values() for served in entry.served_by]
    histories = [statistics(random, models) for _ in range(4)]
    made = []
    for _ in range(count):
        chances: tuple[tuple[str, float, Any], ...] = (
            ("latency_class", 0.2, "background"),
            ("automation", 0.2, "automated"),
            ("tools", 0.1, ("search",)),
            ("attachments", 0.05, (PICTURE,)),
            ("max_output_tokens", 0.1, random.choice((20, 900, 100_000))),
            ("stickiness", 0.1, "conversation"),
            ("planning", 0.05, True),
            ("space_type", 0.1, random.choice(("coding", "writing"))),
            ("sensitive", 0.03, True),
            ("model", 0.03, "gpt-4.1"),
            (
                "constraints",
                0.1,
                random.choice(
                    (
                        {"max_cost": 0.004},
                        {"max_latency_ms": 9000},
                        {"min_quality": 75},
                        {"deadline": NOW + timedelta(1)},
                    )
                ),
            ),
        )
        fields = {name: value for name, share, value in chances if random.random() < share}
        event = request(random.choice(TEXTS) * random.choice((1, 1, 1, 40)), **fields)
        scores = {model: round(random.random(), 9) for model in random.sample(models, 3)}
        view = View(
            windows=random.choice(((), (day(1, spent=0.9),), (day(0.02), month(5)), (day(0.0001),))),
            per_request_cap=random.choice((None, None, 10**10)),
            statistics=random.choice(({}, *histories)),
            preference=PreferenceView(version=1, scores=scores) if random.random() < 0.3 else None,
            health={f"{random.choice(providers)}|{random.choice(models)}": "degraded", random.choice(providers): "open"}
            if random.random() < 0.2
            else {},
            conversation_model=random.choice((None, None, random.choice(models))),
        )
        made.append(Past(facts_of(event), classify(event, config), view, NOW, random.random()))
    return made


@pytest.mark.parametrize("router", ROUTERS)
def test_the_same_model_is_chosen_and_scores_agree(router: str) -> None:
    """Over requests, limits, history, health and rules of all kinds every choice is the same, scores to 1e-9 (A5)."""
    config = tenant(router)
    found = config.tenant("t")
    assert found is not None
    history = pasts(config, 300, seed=ROUTERS.index(router))
    result = rescore(PastTable(history), found)
    index = {model: at for at, model in enumerate(result.models)}
    compared = 0
    for at, past in enumerate(history):
        outcome = decide(past.facts, past.task, past.view, found, past.now, past.number)
        assert result.chosen[at] == (outcome.model if isinstance(outcome, Choice) else None)
        if isinstance(outcome, Choice) and not result.one_by_one[at]:
            scores = {item.model: item.score for item in outcome.candidates} | outcome.others
            for model, score in scores.items():
                if model in index:
                    assert result.scores[at, index[model]] == pytest.approx(score, abs=1.5e-9)
                    compared += 1
            barred = {veto.model for veto in outcome.vetoes} & set(index)
            assert all(np.isnan(result.scores[at, index[model]]) for model in barred)
    if router != "checked":
        assert result.one_by_one.mean() < 0.7
        assert compared > 300


def test_another_router_is_scored_on_the_same_table() -> None:
    """One table serves any number of routers; each chooses as if it had decided (A5)."""
    config = tenant("default")
    history = pasts(config, 120, seed=99)
    table = PastTable(history)
    others: tuple[dict[str, Any], ...] = (
        {"weights": {"capability": 0.2, "cost": 0.5, "quality": 0.1, "latency": 0.1, "history": 0.1}},
        {"exploration": {"new_models": 0.1, "new_calls": 8, "probation": True}},
        {},
    )
    for fields in others:
        other = policy(**fields).tenant("t")
        assert other is not None
        chosen = rescore(table, other).chosen
        for past, model in zip(history, chosen, strict=True):
            outcome = decide(past.facts, past.task, past.view, other, past.now, past.number)
            assert model == (outcome.model if isinstance(outcome, Choice) else None)


def test_no_history_is_no_decision() -> None:
    """An empty table gives nothing, for any router (A5)."""
    found = tenant().tenant("t")
    assert found is not None
    assert rescore(PastTable([]), found).chosen == []
