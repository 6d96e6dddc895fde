from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from routing.admission import Admission, Limits


def _admission(total: int, per_tenant: int) -> Admission:
    return Admission(lambda _provider: Limits(total, per_tenant))


def test_a_place_is_granted_at_once_while_both_limits_allow_it() -> None:
    """A call waits only when its provider or its tenant there is full (P9)."""
    admission = _admission(3, 2)
    assert admission.enter("a1", "p", "a")
    assert admission.enter("a2", "p", "a")
    assert not admission.enter("a3", "p", "a")
    assert admission.enter("b1", "p", "b")
    assert not admission.enter("b2", "p", "b")
    assert admission.enter("a4", "q", "a")


def test_a_freed_place_goes_to_the_next_tenant_in_turn() -> None:
    """A tenant with many waiting calls delays another tenant by one turn only (P9)."""
    admission = _admission(1, 1)
    assert admission.enter("a1", "p", "a")
    for number in range(2, 6):
        admission.enter(f"a{number}", "p", "a")
    admission.enter("b1", "p", "b")
    assert admission.leave("a1") == ["a2"]
    assert admission.leave("a2") == ["b1"]
    assert admission.leave("b1") == ["a3"]


def test_leaving_a_queue_frees_nothing_and_leaving_twice_is_harmless() -> None:
    """A waiting call that is dropped gives no place back, and a second leave does nothing."""
    admission = _admission(1, 1)
    admission.enter("a1", "p", "a")
    admission.enter("a2", "p", "a")
    assert admission.leave("a2") == []
    assert admission.leave("a2") == []
    assert admission.leave("a1") == []
    assert (admission.running, admission.waiting) == (0, 0)


def test_a_newcomer_does_not_pass_those_who_wait_in_its_own_queue() -> None:
    """Calls of one tenant to one provider are granted in the order they came."""
    admission = _admission(2, 1)
    admission.enter("a1", "p", "a")
    admission.enter("a2", "p", "a")
    assert not admission.enter("a3", "p", "a")
    assert admission.leave("a1") == ["a2"]
    assert admission.leave("a2") == ["a3"]


@given(
    st.integers(1, 4),
    st.integers(1, 3),
    st.lists(st.tuples(st.booleans(), st.integers(0, 11)), max_size=80),
)
def test_limits_hold_and_nobody_waits_without_need(total: int, per_tenant: int, steps: list[tuple[bool, int]]) -> None:
    """After every step both limits hold, and whoever waits could not be granted (P9)."""
    admission = _admission(total, per_tenant)
    running: set[str] = set()
    waiting: set[str] = set()
    for entering, number in steps:
        key, provider, tenant = f"k{number}", f"p{number % 2}", f"t{number % 3}"
        if entering and key not in running | waiting:
            (running if admission.enter(key, provider, tenant) else waiting).add(key)
        elif not entering:
            running.discard(key)
            waiting.discard(key)
            granted = set(admission.leave(key))
            assert granted <= waiting
            waiting -= granted
            running |= granted
        providers = Counter(f"p{int(key[1:]) % 2}" for key in running)
        pairs = Counter((f"p{int(key[1:]) % 2}", f"t{int(key[1:]) % 3}") for key in running)
        assert all(count <= total for count in providers.values())
        assert all(count <= per_tenant for count in pairs.values())
        for key in waiting:
            provider, tenant = f"p{int(key[1:]) % 2}", f"t{int(key[1:]) % 3}"
            assert providers[provider] >= total or pairs[provider, tenant] >= per_tenant
        assert (admission.running, admission.waiting) == (len(running), len(waiting))
