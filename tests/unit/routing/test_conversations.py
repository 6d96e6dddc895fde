"""Conversation lengths are read from the answers in the log, with the events' own time."""

from datetime import UTC, datetime, timedelta
from typing import Any

from routing.conversations import ConversationPolicy, follow, length_outcome
from schemas.feedback import OpenConversation
from schemas.provider_call import CallFinished
from schemas.usage import Usage

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
POLICY = ConversationPolicy(idle=timedelta(minutes=30), most=2)
Conversations = tuple[OpenConversation, ...]


def answer(minute: float, conversation: str | None = "c", model: str = "m1", **changes: Any) -> CallFinished:
    facts: dict[str, Any] = {
        "id": f"call-{minute}",
        "occurred_at": NOON + timedelta(minutes=minute),
        "tenant": "acme",
        "user": "ana",
        "conversation_id": conversation,
        "request_id": f"r-{minute}",
        "decision_id": f"d-{minute}",
        "attempt": 1,
        "attempt_id": f"a-{minute}",
        "instance": "x",
        "incarnation": 1,
        "model": model,
        "provider": "p",
        "task_type": "general",
        "tier": 2,
        "usage": Usage(),
        "cost": 0,
        "latency_ms": 1,
        **changes,
    }
    return CallFinished(**facts)


def followed(*events: CallFinished) -> tuple[Conversations, Conversations]:
    running: Conversations = ()
    ended: Conversations = ()
    for event in events:
        running, now_ended = follow(running, event, POLICY)
        ended += now_ended
    return running, ended


def lengths(conversations: Conversations) -> list[tuple[str, str, int]]:
    return [(one.conversation_id, one.model, one.answers) for one in conversations]


def test_answers_of_one_conversation_are_counted_per_model() -> None:
    """Each model is credited with its own answers of a conversation (R7)."""
    running, ended = followed(answer(0), answer(1), answer(2, model="m2"), answer(3))
    assert sorted(lengths(running)) == [("c", "m1", 3), ("c", "m2", 1)]
    assert ended == ()


def test_a_conversation_ends_when_nothing_comes_for_a_while() -> None:
    """After half an hour without an answer the conversation has its length; what comes later is a new one (U2)."""
    running, ended = followed(answer(0), answer(30), answer(61))
    assert lengths(ended) == [("c", "m1", 2)]
    assert lengths(running) == [("c", "m1", 1)]


def test_running_conversations_are_bounded() -> None:
    """With more conversations beside each other than are remembered the one idle longest ends."""
    running, ended = followed(answer(0, "a"), answer(1, "b"), answer(2, "a"), answer(3, "c"))
    assert lengths(ended) == [("b", "m1", 1)]
    assert lengths(running) == [("a", "m1", 2), ("c", "m1", 1)]


def test_what_is_no_answer_in_a_conversation_changes_nothing() -> None:
    """Answers without a conversation and cancelled ones are not followed."""
    running, ended = followed(answer(0), answer(1, None), answer(2, cancelled=True))
    assert lengths(running) == [("c", "m1", 1)]
    assert ended == ()


def test_the_outcome_is_the_same_whoever_infers_it() -> None:
    """Inferring an end again after a crash gives the same id, so that it counts once."""
    _, (ended,) = followed(answer(0), answer(5), answer(90, "other"))
    one, other = length_outcome(ended, answer(90, "other")), length_outcome(ended, answer(91, "other"))
    assert one.id == other.id
    assert (one.signal, one.value, one.request_id, one.user, one.model) == (
        "conversation_length",
        2,
        "r-5",
        "ana",
        "m1",
    )
