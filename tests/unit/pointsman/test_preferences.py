"""Preferences as people see them."""

from pointsman.preferences import Asked, moved_words, shown
from routing.preference_book import PreferenceBook
from schemas.control_preferences import Preferences
from schemas.envelope import Event
from tests.unit.routing.preference_events import MONDAY, finished, folded, inferred, override, rated

POLICY = Preferences()


def book(*events: Event) -> PreferenceBook:
    found = PreferenceBook()
    found.add(folded(events).model_dump_json().encode())
    return found


def test_each_model_is_shown_with_what_moved_it() -> None:
    """Score, evidence, levels and counts of each model about which anything was observed, the best liked first (R7)."""
    found = book(*[override("m1", "m2")] * 4, rated(0.5), inferred("regenerated", 1, "m2"), finished("m3"))
    rows = shown(found, Asked("acme", "ana", None), POLICY, MONDAY)
    assert [row["model"] for row in rows] == ["m1", "m2"]
    best = rows[0]
    assert best["score"] > 0.5 > rows[1]["score"]
    assert best["evidence"] == {"user": 5.0}
    assert best["levels"]["user"]["share"] == 0.5
    assert best["moved_by"] == {"level": "user", "overrides_to": 4, "ratings": 1, "rating_sum": 0.5}
    assert moved_words(best["moved_by"]) == "4 chosen by hand, 1 rated (mean 0.5)"
    assert moved_words(rows[1]["moved_by"]) == "4 replaced by hand, 1 asked again"


def test_too_little_evidence_is_shown_as_such() -> None:
    """A model with too little evidence stands there, neutral and without a level that speaks."""
    (row,) = shown(book(override()), Asked("acme", "ana", "press"), POLICY, MONDAY)
    assert (row["score"], row["levels"], row["evidence"]) == (0.5, {}, {"user": 1.0})


def test_of_nobody_known_nothing_is_shown() -> None:
    """A user without a row, in an organisation without one, has no preferences."""
    assert shown(book(override()), Asked("acme", "ben", None), POLICY, MONDAY) == []
