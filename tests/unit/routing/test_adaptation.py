"""Prompts changed for their model: counted in every bound, recorded with the decision, applied as recorded."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from providers.base import ChatRequest
from routing.catalog import CompiledConfig
from routing.classify import classify, input_bound
from routing.config_check import check_documents
from routing.decide import decide
from routing.pricing import bound
from routing.request_facts import facts_of
from routing.rescore import rescore
from routing.rescore_table import Past, PastTable
from schemas.control_adaptation import Adaptation
from schemas.control_policy import PolicyDocument
from schemas.decision import AttemptPlan, Choice, View
from schemas.request import Message, RequestReceived
from streams.executor_prompt import chat_request, request_of
from tests.brain import NOW, chosen, day, documents, policy, request

POOL = ["gpt-4.1", "gpt-4.1-mini"]
LONG = "Answer in one table, with a header. " * 40
RULE = {"instructions": LONG, "stop": ["END"], "effort": {"complex": "high", "simple": "low"}}
_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
_messages = st.lists(
    st.builds(Message, role=st.sampled_from(["system", "developer", "user", "assistant"]), content=_text),
    min_size=1,
    max_size=6,
).map(tuple)


def _config(rule: dict[str, Any] | None = None, model: str = "gpt-4.1", pool: list[str] = POOL) -> CompiledConfig:
    return policy(pool=pool, adaptations={} if rule is None else {model: rule})


def _plan(choice: Choice, model: str) -> AttemptPlan:
    return next(plan for plan in choice.chain if plan.model == model)


def test_estimate_and_bound_count_what_is_added() -> None:
    """An adapted model's bound grows by all bytes of the instructions, its estimate by their tokens; others' stay."""
    event = request("Sort these numbers")
    before, after = chosen(_config(), event), chosen(_config(RULE), event)
    found = _config(RULE).tenant("t")
    assert found is not None
    entry = found.models["gpt-4.1"]
    row = found.row(entry, NOW)
    assert row.added_bound >= len(LONG.encode())
    plan = _plan(after, "gpt-4.1")
    assert plan.bound > _plan(before, "gpt-4.1").bound
    assert plan.estimated_cost > _plan(before, "gpt-4.1").estimated_cost
    task = classify(event, _config(RULE))
    assert plan.bound == bound(row.priced, task.input_token_bound + row.added_bound, plan.max_output_tokens)
    assert _plan(after, "gpt-4.1-mini") == _plan(before, "gpt-4.1-mini")
    assert after.bound == max(one.bound for one in after.chain)


def test_the_decision_records_what_is_applied() -> None:
    """The plan names the document, the instructions and the effort for this complexity (R14)."""
    choice = chosen(_config(RULE), request("Sort these numbers"))
    applied = _plan(choice, "gpt-4.1").adaptation
    assert applied is not None
    assert (applied.source, applied.instructions, applied.stop) == ("policy/own@1", LONG, ("END",))
    assert applied.effort == RULE["effort"].get(choice.complexity)  # type: ignore[attr-defined]
    assert _plan(choice, "gpt-4.1-mini").adaptation is None


def test_a_cap_that_the_prompt_alone_fits_bars_the_adapted_model() -> None:
    """A budget that holds the plain prompt and not the adapted one bars the adapted model alone (B2, R14)."""
    event = request("Sort these numbers")
    plain = _plan(chosen(_config(), event), "gpt-4.1").bound
    view = View(windows=(day(plain / 10**12),))
    kept = chosen(_config(), event, view)
    barred = chosen(_config(RULE), event, view)
    assert "gpt-4.1" in {plan.model for plan in kept.chain}
    assert "gpt-4.1" not in {plan.model for plan in barred.chain}
    assert ("gpt-4.1", "budget_day") in {(veto.model, veto.rule) for veto in barred.vetoes}


@given(_messages, st.text(max_size=60), st.sampled_from(["system", "user"]))
def test_no_adapted_prompt_passes_its_bound(messages: tuple[Message, ...], text: str, place: str) -> None:
    """Whatever the conversation, the adapted one has no more bytes and messages than the bound counts (R14)."""
    rule = {"instructions": text, "place": place, "stop": ["x"]}
    compiled = _config(rule)
    event = request(None, messages=messages)
    choice = chosen(compiled, event)
    plan = _plan(choice, "gpt-4.1")
    found = compiled.tenant("t")
    assert found is not None
    before = input_bound(event, _bytes(chat_request(event, plan, stream=False).messages))
    call = request_of(_order(choice), event, plan)
    assert isinstance(call, ChatRequest)
    sent = call.messages
    after = before + _bytes(sent) - _bytes(chat_request(event, plan, stream=False).messages)
    after += 8 * (len(sent) - len(event.conversation()))
    assert after <= before + found.row(found.models["gpt-4.1"], NOW).added_bound
    told = [message.text() for message in sent]
    assert all(any(message.content in one for one in told) for message in event.conversation())
    assert place == "system" or not {"system", "developer"} & {message.role for message in sent}


def _bytes(messages: Any) -> int:
    return sum(len(message.text().encode()) for message in messages)


def _order(choice: Choice) -> Any:
    from schemas.decision import DecisionMade  # noqa: PLC0415 - only the shape of an order is needed

    return DecisionMade.model_construct(**choice.__dict__, stream=False)


def _sent(event: RequestReceived, rule: dict[str, Any]) -> Any:
    choice = chosen(_config(rule), event)
    return request_of(_order(choice), event, _plan(choice, "gpt-4.1"))


def test_instructions_come_before_the_requests_own() -> None:
    """They stand before the caller's system text, or alone where there is none; stops are added behind (R14)."""
    own = request(None, messages=(Message(role="system", content="Be brief."), Message(content="Hi")), stop=("a",))
    sent = _sent(own, {"instructions": "Use metres.", "stop": ["a", "b"]})
    assert [(each.role, each.content) for each in sent.messages] == [
        ("system", "Use metres.\n\nBe brief."),
        ("user", "Hi"),
    ]
    assert sent.stop == ("a", "b")
    alone = _sent(request("Hi"), {"instructions": "Use metres."})
    assert [(each.role, each.content) for each in alone.messages] == [("system", "Use metres."), ("user", "Hi")]


def test_a_model_without_instructions_hears_them_from_the_user() -> None:
    """With place ``user`` all instructions are the head of the user's first message (R14)."""
    own = request(None, messages=(Message(role="system", content="Be brief."), Message(content="Hi")))
    sent = _sent(own, {"instructions": "Use metres.", "place": "user"})
    assert [(each.role, each.content) for each in sent.messages] == [("user", "Use metres.\n\nBe brief.\n\nHi")]


def test_effort_is_asked_for_by_complexity() -> None:
    """The effort of the task's complexity goes with the call (R14)."""
    event = request("Sort these numbers")
    complexity = classify(event, _config()).complexity
    assert _sent(event, {"effort": {complexity: "high"}}).reasoning_effort == "high"


@pytest.mark.parametrize(("most", "budget"), [(9000, 4000), (1500, 750)])
def test_thinking_is_bounded_within_the_answer_that_is_held(most: int, budget: int) -> None:
    """A task for extended thinking gets the budget of its complexity, within the tokens that are paid for (R14)."""
    event = request("Design the architecture of a distributed message queue", max_output_tokens=most)
    every = {"simple": 4000, "medium": 4000, "complex": 4000, "critical": 4000}
    config = policy(pool=["gpt-4.1", "claude-opus-4.5"], adaptations={"claude-opus-4.5": {"thinking": every}})
    assert classify(event, config).requires_extended_thinking
    choice = chosen(config, event)
    plan = _plan(choice, "claude-opus-4.5")
    assert plan.adaptation is not None
    assert plan.adaptation.thinking_tokens == budget
    call = request_of(_order(choice), event, plan)
    assert isinstance(call, ChatRequest)
    assert call.thinking_budget_tokens == budget <= call.max_output_tokens == most


def test_what_needs_no_thinking_gets_no_budget_of_it() -> None:
    """A model that does not think, and a task that asks for none, are called without a budget (R14)."""
    every = {"simple": 4000, "medium": 4000, "complex": 4000, "critical": 4000}
    rules = {"claude-opus-4.5": {"thinking": every}, "gpt-4.1": {"thinking": every}}
    config = policy(pool=["gpt-4.1", "claude-opus-4.5"], adaptations=rules)
    plain = chosen(config, request("Translate 'good morning' to French"))
    assert {plan.adaptation.thinking_tokens for plan in plain.chain if plan.adaptation} == {None}
    hard = chosen(config, request("Design the architecture of a distributed message queue"))
    applied = _plan(hard, "gpt-4.1").adaptation
    assert applied is not None
    assert applied.thinking_tokens is None


def test_rescoring_counts_it_as_the_decision_does() -> None:
    """The vectorised form bars the adapted model where the decision does (A5, R14)."""
    compiled = _config(RULE)
    found = compiled.tenant("t")
    assert found is not None
    event = request("Sort these numbers")
    pasts = [
        Past(facts_of(event), classify(event, compiled), View(windows=(day(cap),)), NOW)
        for cap in (0.001, 0.005, 0.01, 0.0164, 0.0166, 0.017, 0.0175, 0.018, 0.02, 1)
    ]
    again = [decide(past.facts, past.task, past.view, found, NOW) for past in pasts]
    result = rescore(PastTable(pasts), found)
    assert result.chosen == [each.model if isinstance(each, Choice) else None for each in again]
    for past_scores, each in zip(result.scores, again, strict=True):
        if isinstance(each, Choice):
            scores = {item.model: item.score for item in each.candidates}
            for model, score in zip(result.models, past_scores.tolist(), strict=True):
                assert score != score or scores[model] == pytest.approx(score, abs=1.5e-9)  # noqa: PLR0124 - NaN


def test_an_adaptation_changes_something_and_names_a_model() -> None:
    """An empty adaptation is refused; one of a model that no catalog knows is a fault with its place (R14)."""
    with pytest.raises(ValidationError, match="changes something"):
        Adaptation()
    wrong = PolicyDocument.model_validate({"name": "own", "adaptations": {"no-such": {"instructions": "x"}}})
    faults = check_documents({**documents(), wrong.document_key: wrong})
    assert any(fault.place == ("adaptations", "no-such") for fault in faults)
    assert json.loads(wrong.model_dump_json())["adaptations"]["no-such"]["place"] == "system"
