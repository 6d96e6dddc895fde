"""What tenants and their people set, over the command line and the real router: spaces, areas, plans, settings."""

from collections.abc import Generator
from pathlib import Path

import pytest

from streams.local_kafka import LocalKafka
from streams.replay import verify
from tests.installation import Installation, installed


@pytest.fixture(scope="module")
def here(kafka: LocalKafka, tmp_path_factory: pytest.TempPathFactory) -> Generator[Installation]:
    """All stages on the shared broker."""
    with installed(kafka, tmp_path_factory.mktemp("people")) as installation:
        yield installation


def test_a_space_asks_its_type(here: Installation) -> None:
    """Creating a space needs its type, by option where nobody can be asked; set changes what is given (U5)."""
    assert "--type" in here.run("space", "create", "lab", status=2).stderr
    made = here.json("space", "create", "lab", "--type", "coding", "--profile", "fast", "--prefer", "sonnet")
    assert (made[0]["type"], made[0]["profile"], made[0]["prefer"]) == ("coding", "fast", ["sonnet"])
    here.run("space", "create", "lab", "--type", "coding", status=2)
    changed = here.json("space", "set", "lab", "--profile", "none", "--prefer", "none", "--avoid", "haiku")
    assert (changed[0]["type"], changed[0]["profile"], changed[0]["prefer"]) == ("coding", None, [])
    listed = {row["space"]: row for row in here.json("space", "list")}
    assert listed["lab"]["avoid"] == ["haiku"]
    assert listed["backend"]["areas"] == ["api-design", "bug-fixes", "release-notes"]


def test_faults_are_found_before_anything_is_published(here: Installation) -> None:
    """A model or profile nobody knows is refused with the place; unknown spaces and areas are not found."""
    assert "means no model" in here.run("space", "set", "press", "--prefer", "gpt-9000", status=2).stderr
    assert "no profile" in here.run("space", "set", "press", "--profile", "dreamy", status=2).stderr
    here.run("space", "show", "nowhere", status=3)
    here.run("area", "lock", "nowhere", "opus", "--space", "press", status=3)
    here.run("space", "list", "--tenant", "nobody", status=3)


def test_areas_inherit_lock_and_prefer(here: Installation) -> None:
    """An area inherits its space's profile, prefers models of its own, can be locked; requests follow (U5)."""
    here.run("space", "create", "studio", "--type", "writing", "--profile", "writing")
    area = here.json("area", "create", "letters", "--space", "studio", "--prefer", "haiku")[0]
    assert (area["profile"], area["type"], area["prefer"]) == ("writing", "writing", ["haiku"])
    asked = ("submit", "Write a letter", "--space", "studio", "--area", "letters", "--route-only")
    decision = here.json(*asked)["decision"]
    assert decision["profile"] == "writing"
    here.run("area", "set", "letters", "--space", "studio", "--profile", "fast")
    assert here.json(*asked)["decision"]["profile"] == "fast"
    here.run("area", "lock", "letters", "claude-haiku-4.5", "--space", "studio")
    locked = here.json(*asked)["decision"]
    assert (locked["model"], locked["reason_codes"][0]) == ("claude-haiku-4.5", "area_lock")
    shown = here.json("space", "show", "studio")
    assert {"place": "studio/letters", "setting": "profile", "value": "fast", "from": "area"} in shown
    assert {"place": "studio/letters", "setting": "lock", "value": "claude-haiku-4.5", "from": "area"} in shown
    here.run("area", "unlock", "letters", "--space", "studio")
    assert here.json(*asked)["decision"]["reason_codes"][0] != "area_lock"
    assert "has areas" in here.run("space", "remove", "studio", status=2).stderr
    here.run("area", "remove", "letters", "--space", "studio")
    assert here.json("area", "list", "--space", "studio") == []
    here.run("space", "remove", "studio")
    assert "studio" not in {row["space"] for row in here.json("space", "list")}


def test_settings_of_a_user(here: Installation) -> None:
    """settings set is answered by the router and holds for the user's next request; show reads its state (U5)."""
    applied = here.json("settings", "set", "ann", "--model", "haiku", "--display", "box")
    assert applied["settings"] == {
        "auto": "fixed",
        "model": "claude-haiku-4.5",
        "display": "box",
        "preferred_models": [],
        "avoided_models": [],
    }
    decision = here.json("submit", "Hello", "--user", "ann")["decision"]
    assert (decision["model"], decision["forced_by"], decision["display"]) == ("claude-haiku-4.5", "settings", "box")
    assert here.json("submit", "Hello", "--user", "ben", "--route-only")["decision"].get("forced_by") is None
    here.run("settings", "set", "ann", "--auto", "off")
    refused = here.json("submit", "Hello again", "--user", "ann", status=1)["decision"]
    assert refused["code"] == "auto_off"
    shown = here.json("settings", "show", "ann")[0]
    assert (shown["auto"], shown["model"], shown["display"]) == ("off", None, "box")
    assert here.json("settings", "show", "nobody-yet")[0]["auto"] == "on"
    rejected = here.run("settings", "set", "ann", "--profile", "dreamy", status=1)
    assert rejected.stdout.startswith("rejected")
    here.run("settings", "set", "ann", status=2)
    here.run("settings", "set", "ann", "--auto", "on", "--display", "none")
    assert [row["user"] for row in here.json("settings", "show")] == []


def test_plans(here: Installation) -> None:
    """plan list and show say what plans include and who has them; a request may name a narrower one (U4)."""
    plans = {row["plan"]: row for row in here.json("plan", "list")}
    assert plans["studio@1"]["tenants"] == ["atelier"]
    assert plans["starter@1"]["by_request"] == ["atelier"]
    assert here.json("plan", "show", "starter")["tiers"] == [1, 2, 3]
    here.run("plan", "show", "nothing", status=3)
    decision = here.json("submit", "Hello", "--plan", "starter", "--route-only")["decision"]
    assert {veto["source"] for veto in decision["vetoes"] if veto["rule"] == "not_in_plan"} == {"plan/starter@1"}
    assert [line["cap"] for line in decision["view"]["windows"] if line["window"] == "day"] == ["1.000000000000"]


def test_set_weight_scales_the_rest_and_says_so(here: Installation) -> None:
    """config set-weight publishes a full set that sums to 1, names every change, and decides from then on (R9, D3)."""
    dry = here.run("config", "set-weight", "cost", "0.9", "--tenant", "harbor", "--dry-run")
    assert "the rest was scaled to sum to 1: capability 0.35 -> " in dry.stderr
    row = here.json("config", "set-weight", "cost", "0.9", "--tenant", "harbor")[0]
    assert row["cost"] == 0.9
    assert sum(value for name, value in row.items() if name != "document") == pytest.approx(1)
    asked = ("submit", "Design a payment platform", "--tenant", "harbor", "--route-only")
    cheap = here.json(*asked)["decision"]
    here.run("config", "set-weight", "cost", "0", "--tenant", "harbor")
    dear = here.json(*asked)["decision"]
    assert float(cheap["chain"][0]["estimated_cost"]) < float(dear["chain"][0]["estimated_cost"])
    assert "is one of" in here.run("config", "set-weight", "beauty", "0.5", "--tenant", "harbor", status=2).stderr


def test_a_dimension_of_ones_own(here: Installation, tmp_path: Path) -> None:
    """A tenant's residency counts in the score, shows in the explanation, and its weight can be set (R9)."""
    document = tmp_path / "residency.yaml"
    document.write_text(
        "kind: tenant\nname: quay\ndimensions:\n"
        "  residency: {values: {anthropic: 1, openai: 0.2}, otherwise: 0, weight: 0.1, veto_below: 0.1}\n"
    )
    here.run("config", "apply", str(document))
    row = here.json("config", "set-weight", "residency", "0.5", "--tenant", "quay")[0]
    assert (row["residency"], row["capability"]) == (0.5, 0.175)
    answer = here.json("submit", "Hello", "--tenant", "quay", "--route-only")
    assert answer["decision"]["chain"][0]["provider"] == "anthropic"
    told = here.run("explain", answer["result"]["request_id"]).stdout
    assert "residency 0.50" in told


def test_history_with_settings_is_computed_again_byte_for_byte(here: Installation) -> None:
    """Replay folds the changes of settings as the router did (promise 3)."""
    here.run("settings", "set", "cyd", "--profile", "thorough", "--prefer", "opus")
    here.run("submit", "Compare two heat pumps", "--user", "cyd", "--route-only")
    report = verify(here.settings)
    assert report.equal, report.mismatches
