import unicodedata
from collections import Counter
from datetime import UTC, datetime

import pytest

from deploy.shipped_config import shipped_documents
from pointsman.demo.script import load
from schemas.control_tenant import TenantDocument
from schemas.request import CopilotMode, RequestReceived
from tests.brain import NOW, shipped

SCRIPT = load()
REQUESTS = [
    RequestReceived.model_validate(
        {"id": f"d-{number}", "request_id": f"d-{number}", "occurred_at": datetime(2026, 1, 1, tzinfo=UTC), **fields}
    )
    for number, fields in enumerate(SCRIPT.requests)
]


def test_about_two_hundred_varied_requests() -> None:
    """The demo plays some two hundred different prompts of several tenants and users, all valid (F1)."""
    assert 190 <= len(REQUESTS) <= 230
    assert len({request.prompt for request in REQUESTS}) == len(REQUESTS)
    assert len({request.tenant for request in REQUESTS}) >= 8
    assert len({(request.tenant, request.user) for request in REQUESTS}) >= 20


@pytest.mark.parametrize("mode", CopilotMode)
def test_every_copilot_mode_is_played(mode: CopilotMode) -> None:
    """Each of the seven copilot modes occurs (R2)."""
    assert any(request.mode is mode for request in REQUESTS)


def test_many_languages_and_long_documents() -> None:
    """Prompts come in scripts of at least five alphabets, and some are long documents."""
    letters = {letter for request in REQUESTS for letter in request.prompt or "" if letter.isalpha()}
    scripts = {unicodedata.name(letter).split()[0] for letter in letters}
    assert {"LATIN", "CYRILLIC", "ARABIC", "CJK", "HIRAGANA", "DEVANAGARI"} <= scripts
    assert sum(len(request.prompt or "") > 3000 for request in REQUESTS) >= 6


def test_every_tenant_has_a_document() -> None:
    """Each tenant of the demo is configured by the documents that come with pointsman."""
    known = {document.name for document in shipped_documents() if isinstance(document, TenantDocument)}
    assert {request.tenant for request in REQUESTS} <= known


def test_the_person_who_disagrees_is_heard_before_and_after() -> None:
    """The learning person's overridden requests come before those that show what was learned (R7, U1)."""
    conversations = [request.conversation_id or "" for request in REQUESTS]
    before = [number for number, name in enumerate(conversations) if name.startswith("captions-before")]
    after = [number for number, name in enumerate(conversations) if name.startswith("captions-after")]
    assert before
    assert after
    assert max(before) < SCRIPT.outage.begin < min(after)


def test_what_people_override_to_may_serve_them() -> None:
    """Every standing override names a model that nothing bars for its tenant, or lifts one (U1)."""
    config = shipped()
    for override in SCRIPT.overrides:
        policy = config.tenant(override.fields["tenant"])
        assert policy is not None
        meant = policy.names.resolve(override.fields["model"])
        for model in meant.models:
            assert policy.row(policy.models[model], NOW).veto is None
        assert meant.models or override.fields["model"] == "auto"


def test_the_order_is_always_the_same() -> None:
    """The play does not change from one run to the next."""
    assert load().requests == SCRIPT.requests


def test_use_cases_are_mixed() -> None:
    """The order mixes the use cases: among any forty requests in a row at least four kinds occur."""
    kinds = [request.use_case for request in REQUESTS]
    for start in range(0, len(kinds) - 40, 10):
        assert len(Counter(kinds[start : start + 40])) >= 4
