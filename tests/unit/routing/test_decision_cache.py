"""The decision cache: alike tasks alike, never across tenants or a change of config, never past a limit (R15)."""

from typing import Any

import pytest

from routing.decide import decide, ruling_of
from routing.decision_cache import cache_key, kept_choice
from routing.request_facts import facts_of
from schemas.control import DOCUMENT, ConfigDocument
from schemas.control_policy import PolicyDocument
from schemas.decision import Choice, PreferenceView, View
from schemas.user_settings import UserSettings
from tests.brain import NOW, chosen, day, policy, request, task, with_documents
from tests.desk_world import DeskWorld, Json
from tests.documents import tenant

HOUR_MS = 3_600_000
PROMPT = "Fix the crash in the importer"


def documents(*tenants: str, **fields: Any) -> list[ConfigDocument]:
    values: Json = {"kind": "policy", "name": "kept", "cache": {}, **fields}
    return [DOCUMENT.validate_python(values), *(tenant(name, policy="kept") for name in tenants)]


def world(**fields: Any) -> DeskWorld:
    return DeskWorld("acme", *documents("acme", **fields), restore_each_batch=True)


def ask(w: DeskWorld, request_id: str, later_ms: int = 10, **fields: Any) -> Json:
    w.ask(request_id, execute=False, **{"prompt": PROMPT, **fields})
    w.run(later_ms)
    return w.decisions()[-1]


def is_cached(decision: Json) -> bool:
    return "cached" in decision["reason_codes"]


def key(config: Any, event: Any, view: View | None = None) -> str | None:
    found = config.tenant(event.tenant)
    described = task(event, config)
    ruling = ruling_of(facts_of(event), described, found)
    return cache_key(facts_of(event), described, view or View(), found, ruling)


def test_an_alike_task_is_decided_alike() -> None:
    """The second alike task takes the models of the first, also by another user and after a restart (R15)."""
    w = world()
    first = ask(w, "r1", user="ann")
    second = ask(w, "r2", user="ben")
    assert not is_cached(first)
    assert is_cached(second)
    assert [plan["model"] for plan in second["chain"]] == [plan["model"] for plan in first["chain"]]
    assert second["view"]["cached"]["models"] == [plan["model"] for plan in first["chain"]]


def test_entries_end_after_their_time() -> None:
    """An entry counts for its time to live and is then forgotten, in state and change log (R15)."""
    w = world()
    ask(w, "r1")
    assert is_cached(ask(w, "r2", HOUR_MS - 20))
    assert any(name.startswith("choice/acme/") for name in w.state)
    assert not is_cached(ask(w, "r3", 30))
    ask(w, "r4", 2 * HOUR_MS, model="auto:floor")
    assert not any(name.startswith("choice/acme/") for name in w.state)


def test_a_change_of_config_ends_every_entry() -> None:
    """A decision kept under one config is never repeated under another (R15)."""
    w = world()
    ask(w, "r1")
    assert is_cached(ask(w, "r2"))
    w.configure(*documents("acme", version=2))
    assert not is_cached(ask(w, "r3"))
    assert is_cached(ask(w, "r4"))


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "Write a poem about the sea"},
        {"latency_class": "background"},
        {"automation": "automated"},
        {"space": "press"},
        {"tools": ["search"]},
        {"prompt": PROMPT + " word" * 4000},
        {"model": "auto:floor"},
        {"sensitive": True},
        {"constraints": {"max_cost": 0.5}},
        {"max_output_tokens": 50},
    ],
)
def test_another_task_is_decided_afresh(fields: Json) -> None:
    """What an ordinary decision depends on is part of the key; what is special is never kept (R15)."""
    w = world()
    ask(w, "r1")
    assert not is_cached(ask(w, "r2", **fields))


def test_no_key_is_shared_by_two_tenants() -> None:
    """Alike requests of two tenants on one router have different keys, and the state keeps them apart (R15)."""
    config = policy(cache={})
    one = request(PROMPT)
    assert key(config, one) is not None
    names = [f"t{index}" for index in range(50)]
    shared = with_documents(*documents(*names))
    keys = {key(shared, request(PROMPT, tenant=name)) for name in names}
    assert len(keys) == len(names)


def test_a_limit_that_bars_the_kept_model_decides_afresh() -> None:
    """Budgets, health and vetoes are read anew: a kept model that is barred now is not chosen (R15, promise 2)."""
    config = policy(cache={})
    first = chosen(config, request(PROMPT))
    kept = View(cached=kept_choice(first))
    assert chosen(config, request(PROMPT), kept).model == first.model
    tight = kept.model_copy(update={"windows": (day(float(first.chain[0].bound - 1) / 10**12),)})
    afresh = chosen(config, request(PROMPT), tight)
    assert afresh.model != first.model
    assert "cached" not in afresh.reason_codes
    health = {f"{first.chain[0].provider}|{first.model}": "open"}
    failing = chosen(config, request(PROMPT), kept.model_copy(update={"health": health}))
    assert failing.chain[0].provider != first.chain[0].provider or failing.model != first.model


def test_a_repeated_decision_has_the_estimates_of_now() -> None:
    """A repeated decision is priced and estimated for its own request (R15)."""
    config = policy(cache={})
    short = chosen(config, request(PROMPT))
    longer = request(PROMPT + ", it crashes with an exception whenever a file is empty")
    again = chosen(config, longer, View(cached=kept_choice(short)))
    fresh = chosen(config, longer)
    assert again.chain[0] == fresh.chain[0]
    assert again.candidates[0].score == fresh.candidates[0].score


def test_a_repeated_decision_is_as_sure_as_the_one_that_is_kept() -> None:
    """The kept decision looked at all models, the repeated one only at those kept: its confidence is kept too (F4)."""
    points = ({"lead": -1, "near": 0}, {"lead": 1, "near": 1})
    config = policy(cache={}, confidence=points)
    first = chosen(config, request(PROMPT))
    again = chosen(config, request(PROMPT), View(cached=kept_choice(first)))
    assert "cached" in again.reason_codes
    assert again.confidence == first.confidence != task(request(PROMPT), config).confidence


def test_preferences_are_part_of_the_key() -> None:
    """A user whose preferences differ is not served the decision of another (R7, R15)."""
    config = policy(cache={})
    plain = key(config, request(PROMPT))
    liking = View(preference=PreferenceView(version=3, scores={"gpt-4o": 0.9}))
    assert key(config, request(PROMPT), liking) != plain


def test_settings_are_part_of_the_key() -> None:
    """Users with other settings do not share decisions; a fixed model or Auto off is no case for it (U5)."""
    config = policy(cache={}, profiles={"fast": {"weights": PolicyDocument(name="p").weights.model_dump()}})
    keys = {
        key(config, request(PROMPT), View(settings=settings))
        for settings in (
            None,
            UserSettings(profile="fast"),
            UserSettings(preferred_models=("gpt-4o",)),
            UserSettings(avoided_models=("gpt-4o",)),
        )
    }
    assert len(keys) == 4
    assert key(config, request(PROMPT), View(settings=UserSettings(auto="off"))) is None
    assert key(config, request(PROMPT), View(settings=UserSettings(auto="fixed", model="gpt-4o"))) is None


def test_what_a_detector_found_is_decided_afresh() -> None:
    """A request found to be sensitive is not served a decision about others, nor they its (U4)."""
    config = policy({"sensitive_detection": {"kinds": ["email"]}, "sensitive_models": ["claude-haiku-4.5"]}, cache={})
    assert key(config, request("Write to ann@example.com")) is None
    assert key(config, request("Write to ann")) is not None


def test_a_profile_holds_for_a_repeated_decision() -> None:
    """A repeated decision of a space with a profile is scored with the profile's weights, as the first was (U5)."""
    profiles = {"deep": {"weights": {"capability": 1, "cost": 0, "quality": 0, "latency": 0, "history": 0}}}
    listed = [
        DOCUMENT.validate_python({"kind": "policy", "name": "kept", "cache": {}, "profiles": profiles}),
        tenant("acme", policy="kept", spaces={"lab": {"profile": "deep"}}),
    ]
    w = DeskWorld("acme", *listed, restore_each_batch=True)
    first, again = ask(w, "r1", space="lab"), ask(w, "r2", space="lab")
    assert is_cached(again)
    assert (first["model"], first["weights"]) == (again["model"], again["weights"])
    assert first["candidates"][0]["score"] == again["candidates"][0]["score"]


def test_routers_that_draw_or_check_keep_nothing() -> None:
    """Exploration, cascades and share control need every decision made afresh (R12, R13, R15)."""
    drawing: list[Json] = [
        {"exploration": {"share": 0.1}},
        {"cascade": {}},
        {"shares": {"control": 1}},
        {"cache": None},
    ]
    for fields in drawing:
        assert key(policy(**{"cache": {}, **fields}), request(PROMPT)) is None


def test_rules_are_looked_at_before_anything_is_repeated() -> None:
    """A kept choice of a rule is repeated only while that rule decides (R4, R15)."""
    config = policy(cache={})
    found = config.tenant("t")
    assert found is not None
    event = request(PROMPT)
    kept = kept_choice(chosen(config, event)).model_copy(update={"rule": "gone"})
    choice = decide(facts_of(event), task(event, config), View(cached=kept), found, NOW)
    assert isinstance(choice, Choice)
    assert "cached" not in choice.reason_codes
