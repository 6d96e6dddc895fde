import pytest

from pointsman.explanation import lines
from pointsman.story import TOLD, Entry, Story
from schemas.adaptation import AppliedAdaptation
from schemas.decision import Candidate, DecisionMade, LevelSaid, PreferenceView, RequestRefused, Veto, View
from schemas.envelope import Event
from schemas.record import Record
from schemas.result import FinalResult
from schemas.topics import BY_NAME
from tests.unit.pointsman.test_lines import PLAN
from tests.unit.schemas.samples import sample

TYPES = [event for topic in TOLD for event in BY_NAME[topic].events]


def story(*events: Event) -> Story:
    record = Record("decisions", 2, 0, 0, b"acme", b"{}")
    return Story("r-1", "acme", 2, [Entry(record, event) for event in events])


def made(**fields: object) -> DecisionMade:
    event: DecisionMade = sample(DecisionMade, model="alpha-1", chain=(PLAN,), number=1, reason="it fits", **fields)
    return event


@pytest.mark.parametrize("type_", TYPES, ids=lambda event: event.TYPE)
def test_every_event_can_be_told(type_: type[Event]) -> None:
    """Whatever event a request has, its story can be told, alone or beside a decision (R17)."""
    event = made() if type_ is DecisionMade else sample(type_)
    assert list(lines(story(event)))
    assert list(lines(story(made(), event), content=True))


def test_a_request_without_a_result_is_pending() -> None:
    """A story without a result says pending and where to look next (promise 1)."""
    assert any("pending" in line and "pointsman status" in line for line in lines(story(made())))


def test_vetoes_name_rule_and_document() -> None:
    """Each barred model is listed with its rule and the document it stands in (R10)."""
    veto = Veto(model="beta-2", rule="context_window", source="catalog/models@1", detail="needs 9000 tokens")
    told = "\n".join(lines(story(made(vetoes=(veto,)))))
    for word in ("beta-2", "context_window", "catalog/models@1", "needs 9000 tokens"):
        assert word in told


def test_which_level_said_what_of_a_candidate_is_shown() -> None:
    """The preferences a decision read are told with the levels they came from and their shares (R7, R17)."""
    said = {"user": LevelSaid(says=1.0, share=0.38), "organisation": LevelSaid(says=0.42, share=0.12)}
    preference = PreferenceView(version=3, scores={"alpha-1": 0.71, "gone": 0.2}, levels={"alpha-1": said})
    terms = dict.fromkeys(("score", "capability", "cost", "quality", "latency", "history", "propensity"), 0.5)
    candidate = Candidate(model="alpha-1", estimated_cost=0, estimated_latency_ms=1, **terms)
    told = "\n".join(lines(story(made(view=View(preference=preference), candidates=(candidate,)))))
    assert "preference alpha-1  0.71  user 1.00 (38%), organisation 0.42 (12%)" in told
    assert "gone" not in told


def test_a_refusal_tells_what_it_needed() -> None:
    """A refused request shows why, and the hold it would have needed (B2)."""
    refused = sample(RequestRefused, code="budget_day", reason="the day is spent", needed=10**12)
    told = "\n".join(lines(story(refused)))
    assert "because the day is spent" in told
    assert "$1.00" in told


def test_the_answer_is_shown_only_when_asked_for() -> None:
    """Prompt and answer stay out of the story unless --content is given (D5)."""
    result = sample(FinalResult, status="completed", content="the secret answer")
    assert "secret" not in "\n".join(lines(story(made(), result)))
    assert "secret" in "\n".join(lines(story(made(), result), content=True))


def test_an_event_that_cannot_be_read_is_no_obstacle() -> None:
    """A record of another version does not stop the story."""
    told = story(made())
    told.entries.append(Entry(Record("results", 2, 1, 0, b"acme", b"?"), None))
    assert list(lines(told))


def test_how_a_prompt_is_changed_for_its_model_is_shown() -> None:
    """The story says what is added for a model of the chain and by which document, not the text itself (R14)."""
    applied = AppliedAdaptation(source="policy/own@2", instructions="Be brief.", effort="high", added_tokens=3)
    event = made().model_copy(update={"chain": (PLAN.model_copy(update={"adaptation": applied}),)})
    [line] = [line for line in lines(story(event)) if line.startswith("adapted")]
    assert line.endswith(f"{PLAN.model}: 9 characters of instructions (about 3 tokens); effort high, by policy/own@2")
