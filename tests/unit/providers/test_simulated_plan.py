import json
import statistics
from collections import Counter

import pytest
from pydantic import ValidationError

from providers.simulated.answers import LABEL
from providers.simulated.behaviour import BehaviourFile, Behaviours, Family
from providers.simulated.draws import Draws
from providers.simulated.outages import OutageOrder, Outages
from providers.simulated.plan import UNBILLED, Plan, Tool, plan_call
from tests.unit.providers.simulated_samples import DEFAULTS, behaviours, call

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}


def draws(attempt: object = "a", body: bytes = b"{}") -> Draws:
    return Draws(7, body, str(attempt))


def test_the_same_attempt_meets_the_same_fate() -> None:
    """Seed, request and attempt decide everything; another attempt or request meets another fate."""
    behaviour = behaviours().of("m")
    first = plan_call(call(), behaviour, draws())
    assert first == plan_call(call(), behaviour, draws())
    assert first != plan_call(call(), behaviour, draws("b"))
    assert first != plan_call(call(), behaviour, draws(body=b"other"))


def test_draws_are_uniform_and_do_not_depend_on_each_other() -> None:
    """Draws of different names spread evenly and are not correlated."""
    pairs = [(draws(n).uniform("x"), draws(n).uniform("y")) for n in range(4000)]
    assert statistics.fmean(x for x, _ in pairs) == pytest.approx(0.5, abs=0.02)
    assert abs(statistics.correlation([x for x, _ in pairs], [y for _, y in pairs])) < 0.05


def test_failures_come_as_often_as_the_data_say() -> None:
    """Each kind of failure has its share, and one attempt fails in one way at most."""
    failures = {"rate_limited": 0.2, "server_error": 0.1, "reset_after": 0.1, "truncated": 0.1}
    behaviour = behaviours(m={"failures": failures}).of("m")
    fates = Counter(plan_call(call(stream=True), behaviour, draws(n)).fate for n in range(4000))
    for fate, share in failures.items():
        assert fates[fate] / 4000 == pytest.approx(share, abs=0.03)  # type: ignore[index]
    whole = Counter(plan_call(call(), behaviour, draws(n)).fate for n in range(500))
    assert "truncated" not in whole


def test_answers_are_labelled_bounded_and_do_not_tell_their_quality() -> None:
    """Every answer carries the label, stays within its bound, and is the same text for good and bad answers (A10)."""
    behaviour = behaviours(m={"output": {"median_tokens": 200}}).of("m")
    good = behaviours(m={"output": {"median_tokens": 200}, "quality": {"default": 100}}).of("m")
    for n in range(200):
        plan = plan_call(call(max_output_tokens=120), behaviour, draws(n))
        assert plan.text.startswith(LABEL)
        assert len(plan.text) <= 4 * plan.bill.output_tokens <= 4 * 120
        assert plan_call(call(max_output_tokens=120), good, draws(n)).text == plan.text


def test_the_bill_never_passes_what_was_asked_for() -> None:
    """Output, reasoning included, stays within the bound, whatever the length drawn (reliability invariant 4)."""
    behaviour = behaviours(m={"output": {"median_tokens": 500, "sigma": 1.5, "reasoning_share": 0.6}}).of("m")
    for n in range(500):
        bound = 1 + n % 50
        bill = plan_call(call(max_output_tokens=bound), behaviour, draws(n)).bill
        assert 1 <= bill.output_tokens <= bound
        assert bill.reasoning_tokens <= bill.output_tokens


def test_prices_are_exact() -> None:
    """Cost is tokens times price, cached tokens at theirs, tiers by the whole input, a fee per request."""
    price = {
        "input": 3,
        "output": 15,
        "cached_input": 1,
        "per_request": 1000,
        "tiers": [{"above": 500, "input": 6, "output": 30}],
    }
    found = behaviours(m={"price": price}).of("m").price
    assert found.cost(100, 40, 10) == 60 * 3 + 40 * 1 + 10 * 15 + 1000
    assert found.cost(501, 1, 10) == 501 * 6 + 10 * 30 + 1000


def test_the_prompt_cache_needs_a_long_start() -> None:
    """Only earlier messages of enough length are read from the cache, as often as the data say."""
    behaviour = behaviours(m={"cache": {"min_tokens": 50, "hit_rate": 1}}).of("m")
    assert plan_call(call(earlier_tokens=60), behaviour, draws()).bill.cached_input_tokens == 60
    assert plan_call(call(earlier_tokens=49), behaviour, draws()).bill.cached_input_tokens == 0


def test_good_answers_come_as_often_as_the_truth_says() -> None:
    """Quality by task type is the share of good answers, and the centre of the scores (N8)."""
    behaviour = behaviours().of("m")
    plans = [plan_call(call(task_type="math"), behaviour, draws(n)) for n in range(3000)]
    assert statistics.fmean(plan.good for plan in plans) == pytest.approx(0.9, abs=0.02)
    assert statistics.fmean(plan.quality for plan in plans) == pytest.approx(90, abs=1.5)
    other = [plan_call(call(task_type="unheard-of"), behaviour, draws(n)).good for n in range(3000)]
    assert statistics.fmean(other) == pytest.approx(0.6, abs=0.03)


def test_tools_are_called_where_they_must_be() -> None:
    """A forced tool is called with arguments that fit its schema; a forbidden one is not."""
    tools = (Tool(name="f", parameters={}), Tool(name="g", parameters=SCHEMA))
    behaviour = behaviours(m={"output": {"tool_call_rate": 1}}).of("m")
    plan = plan_call(call(tools=tools, forced_tool="g"), behaviour, draws())
    assert plan.tool is not None
    assert plan.tool[0] == "g"
    assert json.loads(plan.tool[1]) == {"city": LABEL, "days": 1}
    assert plan_call(call(tools=tools, may_call_tool=True), behaviour, draws()).tool is not None
    assert plan_call(call(tools=tools, may_call_tool=False), behaviour, draws()).tool is None


def test_json_answers_fit_their_schema() -> None:
    """An answer asked for as JSON is JSON, by the schema where there is one."""
    behaviour = behaviours().of("m")
    text = plan_call(call(wants_json=True, schema=SCHEMA), behaviour, draws()).text
    assert json.loads(text) == {"city": LABEL, "days": 1}
    assert json.loads(plan_call(call(wants_json=True), behaviour, draws()).text)["simulated"] is True


def test_layers_of_behaviour_go_over_each_other() -> None:
    """Defaults, then families in order, then the model's own entry; a name that matches nothing is the default."""
    file = BehaviourFile(
        defaults=DEFAULTS,
        families=(
            Family(match=("*/*",), behaviour={"report_cost": True, "context_window": 10}),
            Family(match=("a/*", "b"), behaviour={"price": {"input": 5}}),
        ),
        models={"a/x": {"price": {"output": 7}}},
    )
    known = Behaviours(file)
    assert (known.of("a/x").price.input, known.of("a/x").price.output) == (5, 7)
    assert known.of("a/x").report_cost
    assert known.of("b").context_window == 200_000
    assert known.of("c") == known.of("d")
    assert known.models == ("a/x", "b")
    with pytest.raises(ValidationError):
        Behaviours(BehaviourFile(defaults={**DEFAULTS, "colour": "red"}))


def test_an_outage_changes_the_fate_until_it_ends() -> None:
    """An outage holds for the models it names, for its time, and can be cleared."""
    now = [0.0]
    outages = Outages(lambda: now[0])
    plan = Plan(fate="answered", text="x", ttft_s=1.0, seconds_per_token=0.1)
    outages.start(OutageOrder(model="gp*", mode="down", for_s=10))
    assert outages.apply("gpt", plan).fate == "unavailable"
    assert outages.apply("other", plan) == plan
    assert outages.listed() == [{"model": "gp*", "mode": "down", "left_s": 10.0}]
    now[0] = 10.0
    assert outages.apply("gpt", plan) == plan
    assert outages.listed() == []
    outages.start(OutageOrder(model="gpt", mode="slow", factor=3))
    assert outages.apply("gpt", plan).ttft_s == 3.0
    outages.clear(None)
    assert outages.apply("gpt", plan) == plan
    for mode in ("down", "overloaded", "rate_limited", "error", "reset", "hang"):
        outages.start(OutageOrder(model="gpt", mode=mode))
        assert outages.apply("gpt", plan).fate in UNBILLED
