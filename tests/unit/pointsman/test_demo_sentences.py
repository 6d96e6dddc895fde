"""Every decision of the demo in one sentence for people; closed codes; vetoes with rule and version (R17, R10)."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from deploy.training.examples import word_runs
from pointsman.demo.script import load
from routing import explain
from routing.catalog import CompiledConfig
from routing.models import ModelEntry
from routing.reason_codes import ReasonCode, VetoRule
from schemas.control_policy import PolicyDocument
from schemas.decision import Choice, Denial, Health, PreferenceView, RefusalCode, View
from schemas.request import RequestReceived
from tests.brain import day, documents, month, request, route, shipped, tenant

REQUESTS = load().requests
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "reason-codes.md"


def catalog() -> Mapping[str, ModelEntry]:
    policy = shipped().tenant("atelier")
    assert policy is not None
    return policy.models


LISTED = set(re.findall(r"^\| `([a-z0-9_]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
DOCUMENT = re.compile(r" \((?:[a-z-]+/[\w.-]+@\d+|request|view)\)")
IDENTIFIER = re.compile(r"[A-Za-z0-9]_[A-Za-z0-9]|[a-z][A-Z][a-z]|\w\(\)|[{}\[\]<>`]")
LONGEST = 200
NAME = re.compile("|".join(sorted((re.escape(entry.name) for entry in catalog().values()), key=len, reverse=True)))
ROUTERS = sorted(document.name for document in documents().values() if isinstance(document, PolicyDocument))


VIEWS = {
    "fresh": View(),
    "a day with a tenth of a cent left": View(windows=(day(1, 0.999), month(100))),
    "a day with nothing left": View(windows=(day(1, 1), month(100))),
    "a conversation": View(conversation_model="claude-sonnet-5.5"),
    "tastes": View(preference=PreferenceView(version=1, scores={"kimi-k3.1-pro": 1.0, "gpt-5": 0.0, "o3": 1.0})),
}


def decided(config: CompiledConfig, view: View, **more: Any) -> Iterator[tuple[RequestReceived, Choice | Denial]]:
    for number, fields in enumerate(REQUESTS):
        event = request(**{"id": f"d{number}", "request_id": f"d{number}", **fields, **more})
        yield event, route(config, event, view)


def sentence(made: Choice | Denial) -> str:
    """The first line of the explanation: model and how it was selected, because of what."""
    return explain.lines(made)[0]


def check_sentence(event: RequestReceived, made: Choice | Denial) -> None:
    text = sentence(made)
    assert len(made.reason) <= LONGEST, text
    assert text.count(" because ") == 1, text
    assert not re.search(r"[.!?](\s|$)|\n|\s\s", text), text
    said = NAME.sub("M", DOCUMENT.sub("", made.reason))
    assert not IDENTIFIER.search(said), text
    assert said == said.strip(" ,;:")
    prompt = (event.prompt or "").lower()
    assert not any(len(run) == 5 and " ".join(run) in prompt for run in word_runs(text)), text
    if isinstance(made, Choice):
        name = catalog()[made.model].name
        assert text.startswith(f"{name} ("), text
        assert made.reason[0].islower() or NAME.match(made.reason), text


def places(model: str) -> list[str]:
    """Every ``provider|model`` that serves a model."""
    return [f"{endpoint.provider}|{endpoint.provider_model}" for endpoint in catalog()[model].served_by]


def check_codes(made: Choice | Denial) -> None:
    if isinstance(made, Choice):
        assert made.reason_codes
        assert set(made.reason_codes) <= {code.value for code in ReasonCode} & LISTED
    else:
        assert made.code.value in {code.value for code in RefusalCode} & LISTED
    for veto in made.vetoes:
        assert veto.rule in {rule.value for rule in VetoRule} & LISTED
        assert veto.source in documents() or veto.source in {"request", "view"} or veto.source.startswith("tenant/t@")


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_every_decision_of_the_demo_is_one_sentence_for_people(view: View) -> None:
    """Model and reason of every decision are one short sentence without identifiers or the prompt; codes are closed."""
    for event, made in decided(shipped(), view):
        check_sentence(event, made)
        check_codes(made)


@pytest.mark.parametrize("router", ROUTERS)
def test_every_shipped_router_explains_itself_so(router: str) -> None:
    """The same holds under every shipped router, also where only sensitive models may serve."""
    config = tenant(router, sensitive_models=["claude-sonnet-5.5", "claude-haiku-5.5"])
    for sensitive in (False, True):
        for event, made in decided(config, View(), tenant="t", plan=None, space=None, area=None, sensitive=sensitive):
            check_sentence(event, made)
            check_codes(made)


def test_vetoes_by_state_name_what_they_saw() -> None:
    """A provider that fails right now bars its models by rule `provider_open`, seen in the state of that moment."""
    models = ("claude-sonnet-5.5", "gpt-5", "claude-haiku-5.5")
    down: dict[str, Health] = {where: "open" for model in models for where in places(model)}
    found = [made for _, made in decided(shipped(), View(health=down))]
    for made in found:
        check_codes(made)
    assert any(veto.rule == "provider_open" and veto.source == "view" for made in found for veto in made.vetoes)
