"""Edits of what a decision read: each changes exactly what it names (R23)."""

import pytest

from routing.counterfactual import CLOCK, REQUEST, TASK, VIEW, Case, Edit
from schemas.control_policy import PolicyDocument, Rule
from schemas.control_tenant import Area, Budget, Space, TenantDocument
from schemas.decision import View
from schemas.money import PICO
from tests.brain import DAY_END, case, day, policy, request
from tests.unit.routing.cases import rule

TENANT, ROUTER = "tenant/t@1", "policy/own@1"


@pytest.fixture(name="made")
def a_case() -> Case:
    """A case with rules, a space and a budget."""
    fields = {"spaces": {"s": Space(areas={"a": Area(lock="haiku")})}, "budget": Budget(daily=1, per_request=1)}
    rules = [rule("one", "boost", ("gpt-4o",)), rule("two", "lock", ("gpt-4.1",))]
    view = View(windows=(day(1, 0.5),), per_request_cap=PICO)
    return case(policy(fields, rules=rules), request(), view)


def tenant_of(made: Case) -> TenantDocument:
    document = made.config.document("tenant", "t")
    assert isinstance(document, TenantDocument)
    return document


def rules_of(made: Case) -> dict[str, Rule]:
    document = made.config.document("policy", "own")
    assert isinstance(document, PolicyDocument)
    return {item.name: item for item in document.rules}


def test_request_task_view_and_clock(made: Case) -> None:
    """Edits reach facts, constraints, the task, the view and the time; the case they start from stays as it is."""
    other = made.edited(
        Edit(REQUEST, ("model",), "auto", "gpt-4o"),
        Edit(REQUEST, ("constraints", "max_cost"), None, 7),
        Edit(TASK, ("estimated_input_tokens",), 1, 99),
        Edit(VIEW, ("conversation_model",), None, "o3"),
        Edit(VIEW, ("health", "openai"), None, "open"),
        Edit(CLOCK, (), made.now, DAY_END),
    )
    assert (other.facts.model, other.facts.constraints.max_cost) == ("gpt-4o", 7)
    assert other.task.estimated_input_tokens == 99
    assert (other.view.conversation_model, other.view.health) == ("o3", {"openai": "open"})
    assert other.now == DAY_END
    assert made.facts.model == "auto"
    assert made.view.health == {}


def test_documents_are_replaced_in_their_version(made: Case) -> None:
    """An edit of a document changes the part it names and leaves all others (R23)."""
    other = made.edited(Edit(TENANT, ("spaces", "s", "areas", "a", "lock"), "haiku", None))
    assert tenant_of(other).spaces["s"].areas["a"].lock is None
    assert tenant_of(made).spaces["s"].areas["a"].lock == "haiku"
    assert tenant_of(other).budget == tenant_of(made).budget
    assert other.config.tenants == made.config.tenants


def test_rules_are_changed_added_and_taken_out_by_name(made: Case) -> None:
    """Items of lists are named: one can be changed, added at the end, or taken out."""
    one, three = rules_of(made)["one"], Rule.model_validate(rule("three", "boost", ("o3",)))
    other = made.edited(
        Edit(ROUTER, ("rules", "one", "boost"), one.boost, 0.3),
        Edit(ROUTER, ("rules", "two"), rules_of(made)["two"], None),
        Edit(ROUTER, ("rules", "three"), None, three),
    )
    assert list(rules_of(other)) == ["one", "three"]
    assert rules_of(other)["one"] == one.model_copy(update={"boost": 0.3})


def test_a_cap_that_is_raised_counts_in_the_view(made: Case) -> None:
    """A decision reads its caps from the view: raising one in the document raises it there, and spends nothing."""
    other = made.edited(
        Edit(TENANT, ("budget", "daily"), PICO, 2 * PICO), Edit(TENANT, ("budget", "per_request"), 1, 5)
    )
    assert (other.view.windows[0].cap, other.view.per_request_cap) == (2 * PICO, 5)
    assert other.view.windows[0].spent == made.view.windows[0].spent


def test_other_documents_are_not_edited(made: Case) -> None:
    """Only documents of tenants and routers are edited; a tenant without documents has no case."""
    with pytest.raises(TypeError, match="not catalog/models"):
        made.edited(Edit("catalog/models@1", ("models",), (), ()))
    with pytest.raises(LookupError, match="nobody"):
        made.edited(Edit(REQUEST, ("tenant",), "t", "nobody")).decide()
