from routing.breaker import Breaker, BreakerPolicy, State

POLICY = BreakerPolicy(
    window_ms=10_000,
    minimum_calls=4,
    failure_rate=0.5,
    consecutive_failures=3,
    cool_down_ms=1_000,
    cool_down_max_ms=3_000,
)


def _state(breaker: Breaker) -> State:
    """The state at this moment: a type checker takes an attribute for what it was at the last comparison."""
    return breaker.state


def _opened(now_ms: int = 0) -> Breaker:
    breaker = Breaker(POLICY)
    for _ in range(3):
        breaker.failed(now_ms)
    return breaker


def test_consecutive_failures_open_it() -> None:
    """Three failures in a row open the breaker, two with a success between them do not (P9)."""
    breaker = Breaker(POLICY)
    breaker.failed(0)
    breaker.failed(0)
    assert not breaker.blocked(0)
    breaker.failed(0)
    assert _state(breaker) == "open"
    assert breaker.blocked(999)


def test_a_failure_rate_opens_it() -> None:
    """Half of the calls of the window failing opens the breaker, once there are enough of them (P9)."""
    breaker = Breaker(POLICY)
    breaker.succeeded(0)
    breaker.failed(0)
    breaker.succeeded(0)
    assert _state(breaker) == "closed"
    breaker.failed(0)
    assert _state(breaker) == "open"
    assert breaker.error_rate() == 0.5


def test_old_outcomes_leave_the_window() -> None:
    """Failures older than the window do not count (P9)."""
    breaker = Breaker(POLICY)
    breaker.failed(0)
    breaker.succeeded(0)
    breaker.failed(0)
    breaker.succeeded(30_000)
    breaker.succeeded(30_000)
    breaker.failed(30_000)
    assert _state(breaker) == "closed"
    assert breaker.error_rate() == round(1 / 3, 9)


def test_one_probe_after_the_cool_down() -> None:
    """After the cool-down one call may go as a probe; while it runs others go elsewhere (P9)."""
    breaker = _opened()
    assert breaker.blocked(999)
    assert not breaker.blocked(1_000)
    breaker.started(1_000)
    assert _state(breaker) == "half_open"
    assert breaker.blocked(1_001)


def test_a_good_probe_closes_it_and_a_bad_one_doubles_the_cool_down() -> None:
    """The probe decides: closed and forgotten, or open for twice as long, up to the bound (P9)."""
    good = _opened()
    good.started(1_000)
    good.succeeded(1_100)
    assert (good.state, good.blocked(1_100)) == ("closed", False)
    bad = _opened()
    now = 0
    for cool_down in (1_000, 2_000, 3_000, 3_000):
        assert bad.blocked(now + cool_down - 1)
        now += cool_down
        assert not bad.blocked(now)
        bad.started(now)
        bad.failed(now)
        assert bad.state == "open"


def test_an_abandoned_probe_may_be_repeated() -> None:
    """A probe that was cancelled or not sent tells nothing: the next call is the probe."""
    breaker = _opened()
    breaker.started(1_000)
    breaker.abandoned()
    assert not breaker.blocked(1_001)


def test_the_end_of_the_cool_down_shows_without_a_call() -> None:
    """Routers that avoid an open model learn from ``half_open`` that it may be tried again (P5)."""
    breaker = _opened()
    breaker.refresh(999)
    assert _state(breaker) == "open"
    breaker.refresh(1_000)
    assert _state(breaker) == "half_open"
    assert not breaker.blocked(1_000)


def test_a_rate_limit_blocks_until_the_instant_the_provider_named() -> None:
    """Retry-After is a minimum for every call to the model, and no failure of it (P5)."""
    breaker = Breaker(POLICY)
    breaker.rate_limited(5_000)
    breaker.rate_limited(4_000)
    assert breaker.blocked(4_999)
    assert not breaker.blocked(5_000)
    assert _state(breaker) == "closed"
