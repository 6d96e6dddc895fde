"""The rows as readers hold them: the highest version counts, and all levels merge into one reading."""

from datetime import timedelta
from typing import Any

from routing.preference_book import PreferenceBook
from routing.preferences import merge_levels, read_row
from schemas.control_preferences import Preferences
from schemas.feedback import PreferenceState
from schemas.statistics import PreferenceLevel
from tests.unit.routing.preference_events import MONDAY, WEEK, folded, override, rated

POLICY = Preferences()


def row(level: PreferenceLevel, version: int = 1, space: str = "", model: str = "m1") -> PreferenceState:
    """Return a row that likes a model; shared rows say so with a hundred votes."""
    liked = folded([override(model)] * 5)
    update: dict[str, Any] = {
        "level": level,
        "version": version,
        "space": space,
        "user": "ana" if level == "user" else "",
    }
    if level != "user":
        update |= {"evidence": {"": {model: {WEEK: {"overrides_to": 100.0}}}}}
    return liked.model_copy(update=update)


def book(*rows: PreferenceState) -> PreferenceBook:
    found = PreferenceBook()
    for one in rows:
        found.add(one.model_dump_json().encode())
    return found


def levels(found: PreferenceBook, user: str | None, space: str | None, policy: Preferences = POLICY) -> list[str]:
    view = found.view("acme", user, space, policy, MONDAY)
    return [] if view is None or view.levels is None else sorted(view.levels.get("m1", {}))


def test_a_decision_reads_the_levels_it_belongs_to() -> None:
    """User, space and organisation merge into one reading; what the request does not name is not read (R7)."""
    found = book(row("user"), row("space", space="press"), row("organisation"))
    assert levels(found, "ana", "press") == ["organisation", "space", "user"]
    assert levels(found, "ben", "lab") == ["organisation"]
    assert levels(found, None, "press") == ["organisation", "space"]
    assert levels(found, "ana", "press", Preferences(levels=("space",))) == ["space"]
    assert found.view("other", "ana", "press", POLICY, MONDAY) is None


def test_versions_of_all_levels_are_in_the_view() -> None:
    """A decision can say which versions of which rows it read."""
    found = book(row("user", 7), row("organisation", 9)).view("acme", "ana", None, POLICY, MONDAY)
    assert found is not None
    assert (found.version, found.versions) == (7, {"user": 7, "organisation": 9})


def test_only_a_higher_version_replaces_a_row() -> None:
    """A row of a lower or the same version is passed over, whenever it comes (DESIGN 4)."""
    found = book(row("user", 2), row("user", 1, model="m2"), row("user", 2, model="m3"))
    view = found.view("acme", "ana", None, POLICY, MONDAY)
    assert view is not None
    assert list(view.scores) == ["m1"]
    found.add(row("user", 3, model="m2").model_dump_json().encode())
    view = found.view("acme", "ana", None, POLICY, MONDAY)
    assert view is not None
    assert list(view.scores) == ["m2"]


def test_a_reading_is_of_its_week_and_policy() -> None:
    """What is remembered of a row is read again when the week or the policy changes."""
    found = book(folded([rated(1.0)] * 8))
    for policy in (POLICY, Preferences(half_life_days=7), Preferences(method="s2")):
        for weeks in (0, 1, 2, 0):
            expected = merge_levels({"user": read_row(folded([rated(1.0)] * 8), policy, WEEK + weeks)}, policy)
            got = found.view("acme", "ana", None, policy, MONDAY + timedelta(weeks=weeks))
            assert got is not None
            assert expected is not None
            assert got.scores == expected.scores
