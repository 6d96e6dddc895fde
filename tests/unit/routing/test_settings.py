"""Users' settings: what changes them, how the router keeps and answers them, and what they do to decisions (U5)."""

from typing import Any

import pytest
from pydantic import ValidationError

from routing.desk_state import DeskState
from schemas import topics as t
from schemas.control_policy import Profile
from schemas.control_tenant import Area, Space
from schemas.decision import OverrideView, RefusalCode, View
from schemas.user_settings import SettingsChanged, UserSettings
from tests.brain import NOW, chosen, denied, policy, request, tenant
from tests.desk_world import DeskWorld
from tests.documents import tenant as tenant_document

POOL = ["gpt-4.1", "gpt-4.1-mini", "claude-opus-4.5", "claude-sonnet-4", "claude-haiku-4.5", "gpt-4o"]
ASK = request("Summarize this text.", user="ann")
FIXED = UserSettings(auto="fixed", model="gpt-4o")


def seen(**settings: Any) -> View:
    return View(settings=UserSettings(**settings))


# Decisions -------------------------------------------------------------------------------------------------------


def test_fixed_model_is_used_and_says_so() -> None:
    """Auto fixed to a model: it is used where a request names none, labelled as a setting, not as an override."""
    choice = chosen(policy(pool=POOL), ASK, View(settings=FIXED))
    assert (choice.model, choice.forced_by, choice.tier) == ("gpt-4o", "settings", 1)
    assert choice.reason_codes[0] == "forced_settings"
    assert choice.reason == "your settings fix it for all your requests"


def test_what_stands_above_a_fixed_model() -> None:
    """A model the request names, an override and a lock of the area each stand above the setting (precedence)."""
    named = chosen(policy(pool=POOL), request("x", model="opus"), View(settings=FIXED))
    assert (named.model, named.forced_by) == ("claude-opus-4.5", "request")
    override = OverrideView(scope="conversation", model="claude-haiku-4.5", override_id="o")
    assert chosen(policy(pool=POOL), ASK, View(settings=FIXED, override=override)).model == "claude-haiku-4.5"
    spaces = {"s": Space(areas={"a": Area(lock="claude-sonnet-4")})}
    locked = chosen(policy({"spaces": spaces}, pool=POOL), request("x", space="s", area="a"), View(settings=FIXED))
    assert (locked.model, locked.reason_codes[0]) == ("claude-sonnet-4", "area_lock")


def test_a_fixed_model_that_failed_gives_way() -> None:
    """The next decision of a request whose fixed model failed is Auto's."""
    assert chosen(policy(pool=POOL), ASK, View(settings=FIXED, excluded=("gpt-4o",))).forced_by is None


def test_auto_off_refuses_what_names_no_model() -> None:
    """Auto off: a request without a model is refused and told what to do; a named model, a pool and a lock pass."""
    off = seen(auto="off")
    refused = denied(policy(pool=POOL), ASK, off)
    assert refused.code is RefusalCode.AUTO_OFF
    assert "--auto on" in refused.reason
    assert denied(policy(pool=POOL), request("x", model="auto:floor"), off).code is RefusalCode.AUTO_OFF
    assert chosen(policy(pool=POOL), request("x", model="opus"), off).model == "claude-opus-4.5"
    assert chosen(policy(pool=POOL), request("x", model="openai/*"), off).reason_codes[0] == "pool"
    spaces = {"s": Space(areas={"a": Area(lock="claude-sonnet-4")})}
    assert chosen(policy({"spaces": spaces}, pool=POOL), request("x", area="a"), off).model == "claude-sonnet-4"


def test_preferred_and_avoided_models_move_the_score() -> None:
    """Preferred models gain, avoided ones lose, by the router's constants; the chosen one says that it is preferred."""
    config = policy(pool=POOL, logged_candidates=50)
    plain = {item.model: item.boost for item in chosen(config, ASK).candidates}
    moved = chosen(config, ASK, seen(preferred_models=["gpt-4o"], avoided_models=["anthropic/*"]))
    boosts = {item.model: item.boost - plain[item.model] for item in moved.candidates}
    assert boosts["gpt-4o"] == pytest.approx(0.05)
    assert boosts["claude-opus-4.5"] == pytest.approx(-0.10)
    assert boosts["gpt-4.1"] == 0
    every = chosen(config, ASK, seen(preferred_models=["*"]))
    assert "settings_preference" in every.reason_codes


def test_display_level() -> None:
    """The user's display level counts, else the plan's, else a badge."""
    assert chosen(policy(pool=POOL), ASK).display == "badge"
    assert chosen(policy(pool=POOL), ASK, seen(display="off")).display == "off"
    studio = tenant(plan="studio")
    assert chosen(studio, ASK).display == "box"
    assert chosen(studio, ASK, seen(display="badge")).display == "badge"


# Profiles --------------------------------------------------------------------------------------------------------

SPACES = {
    "plain": {"areas": {"quick": {"profile": "fast"}, "other": {}}},
    "press": {"profile": "writing", "areas": {"quick": {"profile": "fast"}, "essays": {}}},
}


@pytest.mark.parametrize(
    ("space", "area", "profile"),
    [
        (None, None, "reasoning"),
        ("plain", None, "reasoning"),
        ("plain", "quick", "fast"),
        ("plain", "other", "reasoning"),
        ("press", None, "writing"),
        ("press", "essays", "writing"),
        ("press", "quick", "fast"),
    ],
)
def test_profile_of_area_before_space_before_user(space: str | None, area: str | None, profile: str) -> None:
    """The area's profile counts, else the one it inherits from its space, else the user's own."""
    choice = chosen(
        tenant(spaces=SPACES), request("Summarize this.", space=space, area=area), seen(profile="reasoning")
    )
    assert choice.profile == profile


def test_profiles_change_what_is_chosen() -> None:
    """Fast favours the quick models, thorough the able ones; without a profile the tenant's weights count."""
    config = tenant()
    hard = request("Design a fault-tolerant payment architecture with event sourcing across regions.")
    plain = chosen(config, hard)
    fast, thorough = chosen(config, hard, seen(profile="fast")), chosen(config, hard, seen(profile="thorough"))
    assert plain.profile is None
    assert fast.chain[0].estimated_latency_ms < thorough.chain[0].estimated_latency_ms
    assert "profile" in fast.reason_codes


def test_profile_abilities_are_blended() -> None:
    """With full emphasis only the profile's abilities count; with none, only the work's."""
    weights = {"capability": 1, "cost": 0, "quality": 0, "latency": 0, "history": 0}
    profiles = {
        name: {"weights": weights, "abilities": {"creative": 1}, "emphasis": emphasis}
        for name, emphasis in (("all", 1), ("none", 0))
    }
    scoring = {"required": dict.fromkeys(("simple", "medium", "complex", "critical"), 100), "sharpness": 1}
    config = policy(pool=POOL, weights=weights, profiles=profiles, logged_candidates=50, scoring=scoring)
    found = config.tenant("t")
    assert found is not None

    def capability(profile: str | None) -> dict[str, float]:
        view = View() if profile is None else seen(profile=profile)
        return {item.model: item.capability for item in chosen(config, request("Prove 1+1=2."), view).candidates}

    assert capability("none") == capability(None)
    assert capability("all") != capability(None)
    creative = {model: found.models[model].capabilities.creative / 100 for model in capability("all")}
    assert capability("all") == pytest.approx(creative)


def test_a_profile_the_router_does_not_have_counts_for_nothing() -> None:
    """A setting made under another router does no harm."""
    assert chosen(policy(pool=POOL), ASK, seen(profile="fast")).profile is None


def test_a_profile_is_well_formed() -> None:
    """Abilities of a profile sum to 1."""
    weights = {"capability": 1, "cost": 0, "quality": 0, "latency": 0, "history": 0}
    with pytest.raises(ValidationError, match="abilities sum to 1"):
        Profile.model_validate({"weights": weights, "abilities": {"coding": 0.5}})


# Events ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{}, {"auto": "maybe"}, {"auto": "on", "reset": ["auto"]}, {"colour": "blue"}])
def test_changes_that_are_none(fields: dict[str, Any]) -> None:
    """A change names at least one known setting, and does not give and reset it at once."""
    with pytest.raises(ValidationError):
        SettingsChanged.model_validate({"id": "s", "occurred_at": NOW, "tenant": "t", "user": "ann", **fields})


def world(**fields: Any) -> DeskWorld:
    return DeskWorld("t", tenant_document("t", **fields), restore_each_batch=True)


def change(place: DeskWorld, user: str = "ann", **fields: Any) -> dict[str, Any]:
    """Publish a change, run, and return the router's answer."""
    before = len(place.values(t.TECHNICAL_OUTCOMES, "settings."))
    place.publish(t.OVERRIDES, {"type": SettingsChanged.TYPE, "user": user, **fields})
    place.run()
    answers = place.values(t.TECHNICAL_OUTCOMES, "settings.")
    assert len(answers) == before + 1
    return answers[-1]


def test_changes_add_up_and_are_answered() -> None:
    """Each change answers with all settings; what it does not name stays, what it resets goes back."""
    place = world()
    first = change(place, auto="fixed", model="opus", display="box")
    assert first["type"] == "pointsman.settings.applied.v1"
    assert first["settings"]["model"] == "claude-opus-4.5"
    second = change(place, preferred_models=["haiku", "openai/*"], profile="fast")
    assert second["settings"] == {
        "auto": "fixed",
        "model": "claude-opus-4.5",
        "display": "box",
        "preferred_models": ["claude-haiku-4.5", "openai/*"],
        "avoided_models": [],
        "profile": "fast",
    }
    third = change(place, auto="on", reset=["display", "preferred_models", "profile"])
    assert third["settings"] == {"auto": "on", "preferred_models": [], "avoided_models": []}
    assert [key for key in place.state if key.startswith("settings/")] == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"auto": "fixed"}, "name one"),
        ({"auto": "fixed", "model": "gpt-9000"}, "no single model"),
        ({"auto": "fixed", "model": "anthropic/*"}, "no single model"),
        ({"preferred_models": ["gpt-9000"]}, "means nothing"),
        ({"avoided_models": ["auto"]}, "means nothing"),
        ({"profile": "dreamy"}, "reasoning, thorough, fast, writing"),
    ],
)
def test_a_change_that_cannot_be_followed_changes_nothing(fields: dict[str, Any], words: str) -> None:
    """It is answered with the reason, which repeats nothing of what was written."""
    place = world()
    change(place, display="off")
    answer = change(place, **fields)
    assert answer["type"] == "pointsman.settings.rejected.v1"
    assert words in answer["reason"]
    assert "9000" not in answer["reason"]
    assert list(DeskState.load(place.state).settings.values()) == [UserSettings(display="off")]


def test_an_unknown_tenant_and_a_repeated_change() -> None:
    """Without a tenant document a change is rejected; the same change twice is answered once."""
    nobody = DeskWorld("nobody")
    assert "no tenant document" in change(nobody, auto="off")["reason"]
    place = world()
    for _ in range(2):
        place.publish(t.OVERRIDES, {"type": SettingsChanged.TYPE, "id": "s-1", "user": "ann", "auto": "off"})
        place.run()
    assert len(place.values(t.TECHNICAL_OUTCOMES, "settings.")) == 1


def test_settings_decide_and_are_stored_with_the_decision() -> None:
    """Through the desk, restored after every batch: the user's requests follow the settings, others do not."""
    place = world()
    change(place, auto="fixed", model="gpt-4o")
    place.ask("r1", user="ann")
    place.ask("r2", user="ben")
    place.ask("r3")
    place.run()
    first, second, third = place.decisions()
    assert (first["model"], first["forced_by"]) == ("gpt-4o", "settings")
    assert first["view"]["settings"]["model"] == "gpt-4o"
    assert "settings" not in second["view"]
    assert "settings" not in third["view"]
    change(place, auto="off")
    place.ask("r4", user="ann")
    place.run()
    (refused,) = place.values(t.DECISIONS, "request.refused")
    assert refused["code"] == "auto_off"
    assert refused["view"]["settings"]["auto"] == "off"


def test_the_same_inputs_give_the_same_bytes() -> None:
    """A desk restored after every batch writes byte for byte what one that never stopped does (promise 3)."""
    written: list[list[bytes | None]] = []
    for restored in (True, False):
        place = DeskWorld("t", tenant_document("t"), restore_each_batch=restored)
        change(place, profile="thorough", preferred_models=["opus"])
        place.ask("r1", user="ann")
        place.run()
        written.append([output.value for output in place.outputs])
    assert written[0] == written[1]
