"""Adapting a call to its model, as its decision recorded it (SPEC R14). Pure."""

from collections.abc import Sequence
from dataclasses import replace

from providers.base import ChatRequest, Message, TextPart
from routing.adaptation import SEPARATOR
from schemas.adaptation import MOST_STOPS, AppliedAdaptation

_INSTRUCTING = frozenset({"system", "developer"})


def adapted(call: ChatRequest, adaptation: AppliedAdaptation | None) -> ChatRequest:
    """Return the call with the instructions, stops, effort and thinking it is adapted by; the same without any."""
    if adaptation is None:
        return call
    stops = dict.fromkeys((*call.stop, *adaptation.stop))
    return replace(
        call,
        messages=_messages(call.messages, adaptation),
        stop=tuple(stops)[: max(MOST_STOPS, len(call.stop))],
        reasoning_effort=call.reasoning_effort or adaptation.effort,
        thinking_budget_tokens=call.thinking_budget_tokens or adaptation.thinking_tokens,
    )


def _messages(messages: Sequence[Message], adaptation: AppliedAdaptation) -> tuple[Message, ...]:
    if adaptation.place == "user":
        return _in_the_users_words(messages, adaptation.instructions)
    if not adaptation.instructions:
        return tuple(messages)
    first = next((at for at, message in enumerate(messages) if message.role in _INSTRUCTING), None)
    if first is None:
        return (Message(role="system", content=adaptation.instructions), *messages)
    return _before(messages, first, adaptation.instructions)


def _in_the_users_words(messages: Sequence[Message], instructions: str) -> tuple[Message, ...]:
    """Return the messages with all instructions at the head of the user's first, in their order."""
    told = [instructions, *(message.text() for message in messages if message.role in _INSTRUCTING)]
    text = SEPARATOR.join(part for part in told if part)
    rest = [message for message in messages if message.role not in _INSTRUCTING]
    first = next((at for at, message in enumerate(rest) if message.role == "user"), None)
    if not text:
        return tuple(rest)
    if first is None:
        return (Message(role="user", content=text), *rest)
    return _before(rest, first, text)


def _before(messages: Sequence[Message], at: int, text: str) -> tuple[Message, ...]:
    """Return the messages with ``text`` at the head of one of them."""
    old = messages[at]
    if isinstance(old.content, str):
        new = replace(old, content=SEPARATOR.join(part for part in (text, old.content) if part))
    else:
        new = replace(old, content=(TextPart(text + SEPARATOR), *old.content))
    return (*messages[:at], new, *messages[at + 1 :])
