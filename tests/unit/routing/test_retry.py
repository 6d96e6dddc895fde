from routing.retry import Backoff, ErrorRule, RetryPolicy, Tried, next_step
from schemas.decision import AttemptPlan
from tests.unit.routing.dispatch_world import plan

CHAIN = (plan("a", "p"), plan("b", "p"), plan("c", "q"))
DEADLINE = 60_000


def _tried(model: str, category: str, ended_ms: int = 1_000, again_ms: int = 0) -> Tried:
    provider = next(entry.provider for entry in CHAIN if entry.model == model)
    return Tried(model, provider, category, ended_ms, again_ms)


def _next(
    *tried: Tried,
    chain: tuple[AttemptPlan, ...] = CHAIN,
    blocked: frozenset[str] = frozenset(),
    policy: RetryPolicy | None = None,
    deadline_ms: int = DEADLINE,
) -> tuple[str, int] | None:
    step = next_step(
        policy or RetryPolicy(),
        chain,
        tried,
        deadline_ms,
        0.0,
        now_ms=1_000,
        blocked=lambda _provider, model, _now: model in blocked,
    )
    return None if step is None else (step.plan.model, step.not_before_ms)


def test_the_chosen_model_goes_first() -> None:
    """The first attempt is the chain's first model, at once (P4)."""
    assert _next() == ("a", 1_000)


def test_models_with_open_breakers_are_passed_over_unless_all_are() -> None:
    """An open breaker moves a call on in the chain; with all open they are ignored (P9)."""
    assert _next(blocked=frozenset("a")) == ("b", 1_000)
    assert _next(blocked=frozenset("abc")) == ("a", 1_000)
    assert _next(_tried("a", "overloaded"), blocked=frozenset("b")) == ("c", 1_000)


def test_reroute_first_goes_on_at_once() -> None:
    """A rate limit or overload sends the next attempt to the next model without waiting (P5)."""
    assert _next(_tried("a", "rate_limited", again_ms=30_000)) == ("b", 1_000)
    assert _next(_tried("a", "overloaded")) == ("b", 1_000)


def test_retry_first_repeats_the_model_after_its_backoff_then_goes_on() -> None:
    """A failed connection is tried once more after the backoff, then the next model (P4)."""
    assert _next(_tried("a", "connect")) == ("a", 1_100)
    assert _next(_tried("a", "connect"), _tried("a", "connect")) == ("b", 1_000)


def test_with_no_other_model_the_same_one_waits_as_long_as_asked() -> None:
    """Retry-After is a minimum; the last model of a chain is repeated within the deadline (P5)."""
    alone = CHAIN[:1]
    assert _next(_tried("a", "rate_limited", again_ms=9_000), chain=alone) == ("a", 9_000)
    assert _next(_tried("a", "rate_limited", again_ms=60_000), chain=alone) is None
    assert _next(_tried("a", "rate_limited"), _tried("a", "rate_limited"), chain=alone) is None


def test_a_refused_key_leaves_the_whole_provider() -> None:
    """No model of a provider is tried after its key or credit was refused (P4)."""
    assert _next(_tried("a", "authentication")) == ("c", 1_000)
    assert _next(_tried("a", "quota_exhausted")) == ("c", 1_000)
    assert _next(_tried("a", "authentication"), chain=CHAIN[:2]) is None


def test_a_request_refused_as_it_is_goes_to_other_models_only() -> None:
    """A prompt too long for one model may fit the next; the same one is never asked again."""
    assert _next(_tried("a", "context_window")) == ("b", 1_000)
    assert _next(_tried("a", "context_window"), chain=CHAIN[:1]) is None


def test_moderation_ends_the_decision() -> None:
    """A prompt refused by moderation is not offered around."""
    assert _next(_tried("a", "content_policy")) is None


def test_attempts_are_bounded_in_all() -> None:
    """Three attempts by default, whatever is left of the chain (P4)."""
    tried = (_tried("a", "overloaded"), _tried("b", "overloaded"), _tried("c", "overloaded"))
    assert _next(*tried) is None
    assert _next(*tried, policy=RetryPolicy(max_attempts=4)) == ("c", 1_100)


def test_order_per_error_class_is_data() -> None:
    """A policy may retry first where the default reroutes (S1, S3 against S4)."""
    policy = RetryPolicy(rules={"overloaded": ErrorRule("retry_first", 2)})
    assert _next(_tried("a", "overloaded"), policy=policy) == ("a", 1_100)


def test_backoff_grows_by_its_kind_up_to_its_bound() -> None:
    """Exponential doubles, linear adds; jitter lies in the upper half."""
    exponential, linear = Backoff("exponential", 100, 1_000), Backoff("linear", 100, 250)
    assert [exponential.delay_ms(number, 0.0) for number in (1, 2, 3, 9)] == [50, 100, 200, 500]
    assert [linear.delay_ms(number, 0.0) for number in (1, 2, 3, 9)] == [50, 100, 125, 125]
    assert exponential.delay_ms(1, 0.999) < 100
