"""How long a user's conversations with a model are, inferred from the answers in the log (SPEC U2, R7)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from schemas.feedback import OpenConversation
from schemas.ids import event_id
from schemas.outcome import OutcomeInferred
from schemas.provider_call import CallFinished

SOURCE: Final = "pointsman/feedback"


@dataclass(frozen=True, slots=True)
class ConversationPolicy:
    """A conversation has ended when nothing came for ``idle``, or when more than ``most`` run beside each other."""

    idle: timedelta = timedelta(minutes=30)
    most: int = 8


DEFAULT_POLICY: Final = ConversationPolicy()


def follow(
    conversations: tuple[OpenConversation, ...], event: CallFinished, policy: ConversationPolicy = DEFAULT_POLICY
) -> tuple[tuple[OpenConversation, ...], tuple[OpenConversation, ...]]:
    """Return the user's running conversations after an answer, and those that have ended.

    Time is that of the events: an end is noticed with the user's next answer, so replaying the log gives the same ends.
    """
    if event.conversation_id is None or event.cancelled:
        return conversations, ()
    since = event.occurred_at - policy.idle
    ended = [conversation for conversation in conversations if conversation.last_at < since]
    running = [conversation for conversation in conversations if conversation.last_at >= since]
    answers, last_at = 1, event.occurred_at
    for conversation in running:
        if (conversation.conversation_id, conversation.model) == (event.conversation_id, event.model):
            running.remove(conversation)
            answers, last_at = conversation.answers + 1, max(conversation.last_at, last_at)
            break
    running.append(
        OpenConversation(
            conversation_id=event.conversation_id,
            model=event.model,
            task_type=event.task_type,
            space=event.space,
            answers=answers,
            request_id=event.request_id,
            decision_id=event.decision_id,
            last_at=last_at,
        )
    )
    while len(running) > policy.most:
        oldest = min(running, key=lambda conversation: conversation.last_at)
        running.remove(oldest)
        ended.append(oldest)
    return tuple(running), tuple(ended)


def length_outcome(conversation: OpenConversation, noticed: CallFinished) -> OutcomeInferred:
    """Return the outcome of an ended conversation; ``value`` is its answers, the id follows from its last answer."""
    return OutcomeInferred(
        id=event_id(noticed.tenant, OutcomeInferred.TYPE, conversation.decision_id, conversation.answers),
        source=SOURCE,
        occurred_at=noticed.occurred_at,
        tenant=noticed.tenant,
        request_id=conversation.request_id,
        user=noticed.user,
        conversation_id=conversation.conversation_id,
        causation_id=noticed.id,
        decision_id=conversation.decision_id,
        model=conversation.model,
        task_type=conversation.task_type,
        space=conversation.space,
        signal="conversation_length",
        value=conversation.answers,
    )
