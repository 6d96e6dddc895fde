"""Events built without validation are the events that validation would give."""

from datetime import UTC, datetime

import pytest

from routing.build import fresh
from schemas.ledger import Settled

VALUES = {
    "id": "e1",
    "occurred_at": datetime(2026, 11, 20, tzinfo=UTC),
    "tenant": "acme",
    "request_id": "r1",
    "hold_id": "h1",
    "decision_id": "d1",
    "amount": 5,
    "attempt_id": "a1",
}


def test_fresh_gives_the_bytes_of_a_validated_event() -> None:
    """Defaults are filled in and fields stand in their order: the bytes are those of a validated event."""
    built, validated = fresh(Settled, VALUES), Settled(**VALUES)
    assert built == validated
    assert built.to_json() == validated.to_json()
    assert fresh(Settled, dict(reversed(VALUES.items()))).to_json() == validated.to_json()


@pytest.mark.parametrize(("more", "less"), [({"colour": "red"}, ()), ({}, ("amount",))])
def test_fresh_names_what_does_not_fit(more: dict[str, str], less: tuple[str, ...]) -> None:
    """A name that is no field, and a field that is missing, are told by name."""
    values = {name: value for name, value in {**VALUES, **more}.items() if name not in less}
    with pytest.raises(TypeError, match=(*more, *less)[0]):
        fresh(Settled, values)
