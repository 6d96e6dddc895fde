"""Needs: a model that meets them passes, each need that is not met is named, the worst model never matches."""

from dataclasses import replace

import pytest

from routing.tenant_policy import TenantPolicy
from schemas.control_policy import PolicyDocument
from tests.success import match
from tests.success.match import REQUIRED, Need, jobs, labelled, need_of, planted, unmet
from tests.success.population import held_out, sample
from tests.success.world import policy_document, routers_of, shipped_router

PROMPTS = sample(held_out(), 2)


def policy() -> TenantPolicy:
    return shipped_router("default").policy


def of_text() -> list[str]:
    return [model for model in policy().models if policy().competes(model, "text")]


def only(model: str) -> PolicyDocument:
    return policy_document("default").model_copy(update={"name": "only", "pool": (model,), "default_model": None})


def test_each_need_that_is_not_met_is_named() -> None:
    """What a model lacks is named, and nothing else."""
    able = max(of_text(), key=lambda model: planted(policy().models[model], Need(("math",), "simple")))
    entry = policy().models[able]
    need = Need(("math",), "simple")

    assert unmet(entry, need) == []
    assert unmet(replace(entry, vision=False), replace(need, vision=True)) == ["vision"]
    assert unmet(replace(entry, tools=False), replace(need, tools=True)) == ["tools"]
    assert unmet(replace(entry, context_window=10), replace(need, tokens=11)) == ["context window"]
    assert unmet(entry, replace(need, modality="audio", job="voice.speech")) == ["modality"]


def test_the_worst_model_never_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A router that may only choose the least able model meets the need of no prompt that asks for more."""
    worst = min(of_text(), key=lambda model: sum(planted(policy().models[model], need_of(p, {})) for p in PROMPTS))
    most = max(planted(policy().models[worst], need_of(prompt, {})) for prompt in PROMPTS)
    monkeypatch.setattr(match, "REQUIRED", dict.fromkeys(REQUIRED, most + 0.1))
    (router,) = routers_of([only(worst)])

    found = labelled(router, PROMPTS, "the prompt alone")

    assert found.whole.value == 0
    assert found.without_ability.value == 1
    assert found.missing == {"ability": len(PROMPTS)}


def test_a_yardstick_that_all_pass_is_always_met(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no ability is asked for, plain prompts are always matched."""
    monkeypatch.setattr(match, "REQUIRED", dict.fromkeys(REQUIRED, 0.0))

    found = labelled(shipped_router("default"), PROMPTS, "the prompt alone")

    assert found.whole.value == 1
    assert (found.missing, found.impossible) == ({}, 0)


def test_jobs_of_every_kind_are_asked_for() -> None:
    """Every type of job is one request; the default router serves them all with a model that does the job."""
    found = jobs(shipped_router("default"))

    assert found.without_ability.value == 1
    assert found.count == 21


def test_what_is_planted_beside_the_prompt_is_needed() -> None:
    """A picture needs vision, tools need tools, a document needs its tokens."""
    prompt = PROMPTS[0]

    assert need_of(prompt, match.WITH["with a picture"]).vision
    assert need_of(prompt, match.WITH["with tools"]).tools
    assert need_of(prompt, match.WITH["with a document of 150,000 tokens"]).tokens >= 150_000
