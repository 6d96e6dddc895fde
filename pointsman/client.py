"""The Python client: publish requests, cancels, overrides, ratings and resets; wait for decisions and results.

    with Client(Settings()) as client:
        receipt = client.submit(tenant="acme", prompt="Say hello")
        print(client.result(receipt).content)

It reads `decisions`, `results` and `outcomes.technical` from their end without a group, and is assigned before it
publishes: no answer is missed. It keeps only what belongs to its own open requests and commands. One thread.

    ClientError
      PublishError    nothing was acknowledged: publish again with the same ids (the router drops the repetition)
      NoAnswerError   not within the time: the request is pending and visible, look again later
      NotAcceptedError  the router says that this is no new request (repeated, other content, too old)
"""

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from pointsman.log_reader import LogReader
from pointsman.publisher import ClientError, Publisher
from schemas import topics
from schemas.decision import DecisionMade, RequestRefused
from schemas.envelope import Event
from schemas.ids import uuid7
from schemas.outcome import OutcomeRated
from schemas.override import OverrideAnswered, OverrideRequested
from schemas.preference import PreferenceReset
from schemas.record import Record
from schemas.request import RequestCancelled, RequestReceived
from schemas.result import ConflictNotice, DuplicateNotice, FinalResult, RejectedNotice, StaleNotice
from schemas.user_settings import SettingsAnswered, SettingsChanged
from streams.settings import Settings

Decided = DecisionMade | RequestRefused
Answer = FinalResult | RejectedNotice
Notice = DuplicateNotice | ConflictNotice | StaleNotice
SOURCE = "pointsman-client"
_POLL = 0.2
_GRACE = 2.0


class NoAnswerError(ClientError):
    """No answer came within the time given."""


class NotAcceptedError(ClientError):
    """The router answered that this is no new request; ``notice`` says why."""

    def __init__(self, message: str, notice: Notice) -> None:
        super().__init__(message)
        self.notice = notice


@dataclass(frozen=True, slots=True)
class Receipt:
    """An acknowledged request: from here on it ends in exactly one final result."""

    tenant: str
    request_id: str
    partition: int
    offset: int


@dataclass(slots=True)
class _Open:
    """What has arrived for one own request."""

    decision: Decided | None = None
    answer: Answer | None = None
    notice: Notice | None = None


def now() -> datetime:
    """Return this moment in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return a fresh id that sorts by time."""
    return uuid7(time.time_ns() // 1_000_000, secrets.randbits(80))


class Client:
    """A connection to one deployment of pointsman; use it as a context manager."""

    def __init__(self, settings: Settings) -> None:
        self._publisher = Publisher(settings)
        self._reader = LogReader(settings)
        self._open: dict[str, _Open] = {}
        self._commands: dict[str, OverrideAnswered | SettingsAnswered | None] = {}
        places = self._reader.places(topics.DECISIONS, topics.RESULTS, topics.TECHNICAL_OUTCOMES)
        self._reader.assign(self._reader.ends(places))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; open requests go on without us."""
        self._reader.close()
        self._publisher.close()

    def submit(self, *, tenant: str, **fields: Any) -> Receipt:
        """Publish a request; ``fields`` are those of `RequestReceived`: prompt, messages, user, model, ..."""
        id_ = new_id()
        return self.send(
            RequestReceived.model_validate(
                {"id": id_, "request_id": id_, "tenant": tenant, "occurred_at": now(), "source": SOURCE, **fields}
            )
        )

    def send(self, request: RequestReceived, timeout: float = 30.0) -> Receipt:
        """Publish a request that was built before; sending it again is harmless."""
        self._open.setdefault(request.request_id, _Open())
        partition, offset = self._publisher.publish(request.to_output(topics.REQUESTS), timeout)
        return Receipt(request.tenant, request.request_id, partition, offset)

    def cancel(self, receipt: Receipt, reason: str | None = None) -> None:
        """Say that the answer is no longer wanted."""
        cancelled = RequestCancelled(
            id=new_id(),
            tenant=receipt.tenant,
            request_id=receipt.request_id,
            occurred_at=now(),
            source=SOURCE,
            reason=reason,
        )
        self._publisher.publish(cancelled.to_output(topics.REQUESTS))

    def override(self, *, tenant: str, **fields: Any) -> str:
        """Publish an override (fields of `OverrideRequested`); `override_answer` waits for the answer to its id."""
        command = OverrideRequested.model_validate(
            {"id": new_id(), "tenant": tenant, "occurred_at": now(), "source": SOURCE, **fields}
        )
        self._commands[command.id] = None
        self._publisher.publish(command.to_output(topics.OVERRIDES))
        return command.id

    def change_settings(self, *, tenant: str, user: str, **fields: Any) -> str:
        """Publish a change of settings (fields of `SettingsChanged`); `settings_answer` waits for the answer."""
        command = SettingsChanged.model_validate(
            {"id": new_id(), "tenant": tenant, "user": user, "occurred_at": now(), "source": SOURCE, **fields}
        )
        self._commands[command.id] = None
        self._publisher.publish(command.to_output(topics.OVERRIDES))
        return command.id

    def rate(self, *, tenant: str, rating: float, **fields: Any) -> str:
        """Publish a rating in 0..1 (fields of `OutcomeRated`) and return its id."""
        rated = OutcomeRated.model_validate(
            {"id": new_id(), "tenant": tenant, "occurred_at": now(), "source": SOURCE, "rating": rating, **fields}
        )
        self._publisher.publish(rated.to_output(topics.OUTCOMES))
        return rated.id

    def reset_preferences(self, *, tenant: str, user: str, model: str | None = None) -> str:
        """Publish that what a user's behaviour said about a model (None: all) is to be forgotten; return the id."""
        event = PreferenceReset(id=new_id(), tenant=tenant, occurred_at=now(), source=SOURCE, user=user, model=model)
        self._publisher.publish(event.to_output(topics.OUTCOMES))
        return event.id

    def poll(self, timeout: float) -> list[Event]:
        """Return new decisions, results, notices and answers to this client's own requests and commands."""
        return [event for record in self._reader.poll(timeout) if (event := self._own(record)) is not None]

    def decision(self, receipt: Receipt, timeout: float = 30.0) -> Decided | Answer:
        """Wait for the first decision or refusal; a request that never had one gives its result."""
        state, deadline = self._state(receipt), time.monotonic() + timeout
        while state.decision is None and state.answer is None:
            self._wait(state, deadline, f"no decision for request {receipt.request_id} within {timeout:.0f} s")
        # A result may be read before its decision, which lies in another topic: the decision is there already.
        grace = time.monotonic() + _GRACE
        while state.decision is None and time.monotonic() < grace and not isinstance(state.answer, RejectedNotice):
            self.poll(_POLL)
        event = state.decision or state.answer
        if event is None:
            raise NoAnswerError(f"request {receipt.request_id} was forgotten while it was waited for")
        return event

    def result(self, receipt: Receipt, timeout: float = 120.0) -> Answer:
        """Wait for the one final result; the request is closed for this client then."""
        state, deadline = self._state(receipt), time.monotonic() + timeout
        while (answer := state.answer) is None:
            self._wait(state, deadline, f"no result for request {receipt.request_id} within {timeout:.0f} s")
        self._open.pop(receipt.request_id, None)
        return answer

    def forget(self, request_id: str) -> None:
        """Stop following a request of our own, for those who read by `poll`."""
        self._open.pop(request_id, None)

    def override_answer(self, override_id: str, timeout: float = 30.0) -> OverrideAnswered:
        """Wait for the router's answer to an override: applied, too late or rejected."""
        answer = self._answer(override_id, timeout)
        if not isinstance(answer, OverrideAnswered):
            raise TypeError("not the id of an override")
        return answer

    def settings_answer(self, change_id: str, timeout: float = 30.0) -> SettingsAnswered:
        """Wait for the router's answer to a change of settings: applied or rejected."""
        answer = self._answer(change_id, timeout)
        if not isinstance(answer, SettingsAnswered):
            raise TypeError("not the id of a change of settings")
        return answer

    def _answer(self, command_id: str, timeout: float) -> OverrideAnswered | SettingsAnswered:
        deadline = time.monotonic() + timeout
        while (answer := self._commands[command_id]) is None:
            if time.monotonic() > deadline:
                raise NoAnswerError(
                    f"no answer to {command_id} within {timeout:.0f} s. Is the router up? pointsman status"
                )
            self.poll(_POLL)
        del self._commands[command_id]
        return answer

    def _state(self, receipt: Receipt) -> _Open:
        """Return the state of an own request; a receipt of another client counts from now on."""
        return self._open.setdefault(receipt.request_id, _Open())

    def _wait(self, state: _Open, deadline: float, what: str) -> None:
        """Read on; raise when the request was not accepted or the time is over."""
        if state.notice is not None:
            raise NotAcceptedError(_explained(state.notice), state.notice)
        if time.monotonic() > deadline:
            raise NoAnswerError(f"{what}: it is pending, and will be answered. Are all stages up? pointsman status")
        self.poll(_POLL)

    def _own(self, record: Record) -> Event | None:
        """Return the event of a record when it answers something of ours, and remember it."""
        model = topics.EVENT_TYPES.get(record.header("ce_type") or "")
        if model is None or record.value is None:
            return None
        if issubclass(model, OverrideAnswered | SettingsAnswered):
            answer = model.model_validate_json(record.value)
            command = answer.override_id if isinstance(answer, OverrideAnswered) else answer.change_id
            if command not in self._commands:
                return None
            self._commands[command] = answer
            return answer
        state = self._open.get(record.header("ce_subject") or "")
        if state is None or record.topic == topics.TECHNICAL_OUTCOMES:
            return None
        event = model.model_validate_json(record.value)
        if isinstance(event, DecisionMade | RequestRefused):
            state.decision = state.decision or event
        elif isinstance(event, FinalResult | RejectedNotice):
            state.answer = state.answer or event
        elif isinstance(event, DuplicateNotice | ConflictNotice | StaleNotice):
            state.notice = event
        return event


def _explained(notice: Notice) -> str:
    look = f"See the first one: pointsman explain {notice.request_id}"
    if isinstance(notice, DuplicateNotice):
        return f"request {notice.request_id} was accepted before; nothing runs twice. {look}"
    if isinstance(notice, ConflictNotice):
        return f"request id {notice.request_id} was used before with other content. Choose a new id. {look}"
    return f"request {notice.request_id} is too old (occurred_at). Send it again with the time of now"
