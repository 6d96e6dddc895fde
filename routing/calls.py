"""How the call records of one decision read, in log order: whose attempt it is, how the decision ended (DESIGN 8.1).

Router and executors fold the same records with this one function, so they always agree:

- ``call.started`` and ``call.failed(not_sent)`` are claims; the first claim of the current attempt wins, others lose.
- ``call.failed(not_sent)`` counts as the first claim or from the claim's owner: nothing was sent, the decision closes.
- Another failure of the owner that was not billed opens the next attempt, unless it is ``terminal``; a billed one
  closes.
- ``call.finished`` of the owner closes. Where the provider runs the attempt as a job whose reference is in the log,
  anybody may report its end.
- ``call.unknown`` of the current claimed attempt closes, whoever wrote it. A ``call.finished`` of that attempt that
  comes later is ``late_finished``, once.
- After the close nothing counts; a second, different settlement is a ``conflict``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, Literal

from schemas import ids
from schemas.envelope import to_ms
from schemas.provider_call import NOT_SENT, CallEvent, CallFailed, CallFinished, CallJob, CallStarted, CallUnknown

Kind = Literal[
    "claimed",
    "job",
    "next_attempt",
    "finished",
    "failed_unbilled",
    "failed_billed",
    "not_sent",
    "unknown",
    "late_finished",
    "conflict",
    "ignored",
]
Ending = Literal["finished", "failed_unbilled", "failed_billed", "not_sent", "unknown", "late_finished"]
IgnoreReason = Literal["repeated", "lost_claim", "other_attempt", "unclaimed", "not_owner", "closed"]


@dataclass(frozen=True, slots=True)
class Claim:
    """Who owns the current attempt, and until when it may run (Unix milliseconds; None: no call was to be made)."""

    instance: str
    incarnation: int
    expires_ms: int

    def owns(self, event: CallEvent) -> bool:
        """Return whether the claim's owner wrote ``event``: same instance and same incarnation."""
        return self.instance == event.instance and self.incarnation == event.incarnation


@dataclass(frozen=True, slots=True)
class Transition:
    """What a record did: ``kind``, the attempt it spoke of, and why it was ignored."""

    kind: Kind
    attempt_id: str
    reason: IgnoreReason | None = None

    @property
    def closes(self) -> bool:
        """True when this record closed the decision."""
        return self.kind in _CLOSING


_CLOSING: Final[frozenset[str]] = frozenset({"finished", "failed_unbilled", "failed_billed", "not_sent", "unknown"})


@dataclass(frozen=True, slots=True)
class Calls:
    """The state of one decision's calls: current attempt (from 1), its claim and job, and how it all ended."""

    decision_id: str
    attempt: int = 1
    claim: Claim | None = None
    job: Mapping[str, str] | None = None
    ending: Ending | None = None
    ended_by: str | None = None
    """Id of the record that closed the decision."""

    @property
    def attempt_id(self) -> str:
        """Id of the current (after the close: the last) attempt."""
        return _attempt_id(self.decision_id, self.attempt)

    @property
    def closed(self) -> bool:
        """True once a terminal record was folded: no attempt follows."""
        return self.ending is not None

    @property
    def unknown(self) -> bool:
        """True while the decision stands closed by ``call.unknown``, its true cost not known."""
        return self.ending == "unknown"

    def to_dict(self) -> dict[str, Any]:
        """Return this state as plain JSON values."""
        claim = self.claim
        return {
            "id": self.decision_id,
            "attempt": self.attempt,
            "claim": None if claim is None else [claim.instance, claim.incarnation, claim.expires_ms],
            "job": None if self.job is None else dict(self.job),
            "ending": self.ending,
            "ended_by": self.ended_by,
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "Calls":
        """Return the state that ``to_dict`` wrote."""
        claim = None if row["claim"] is None else Claim(*row["claim"])
        return cls(row["id"], row["attempt"], claim, row["job"], row["ending"], row["ended_by"])


def fold(calls: Calls, event: CallEvent) -> tuple[Calls, Transition]:  # noqa: PLR0911 - a table of rules reads best flat
    """Return the state after ``event``, a record of this decision, and what it did. Ids count, not attempt numbers."""
    if calls.closed:
        return _after_the_end(calls, event)
    if event.attempt_id != calls.attempt_id:
        return _ignored(calls, event, "other_attempt")
    if isinstance(event, CallStarted):
        return _started(calls, event)
    if isinstance(event, CallFailed) and event.category == NOT_SENT:
        if calls.claim is None or calls.claim.owns(event):
            return _ended(calls, event, "not_sent")
        return _ignored(calls, event, "lost_claim")
    if calls.claim is None:
        return _ignored(calls, event, "unclaimed")
    return _reported(calls, calls.claim, event)


def _started(calls: Calls, event: CallStarted) -> tuple[Calls, Transition]:
    if calls.claim is None:
        claim = Claim(event.instance, event.incarnation, to_ms(event.expires_at))
        return replace(calls, claim=claim), Transition("claimed", event.attempt_id)
    return _ignored(calls, event, "repeated" if calls.claim.owns(event) else "lost_claim")


def _reported(calls: Calls, claim: Claim, event: CallEvent) -> tuple[Calls, Transition]:
    """Fold a report on the current, claimed attempt: unknown from anybody, else from the owner or about a job."""
    if isinstance(event, CallUnknown):
        return _ended(calls, event, "unknown")
    if not claim.owns(event) and calls.job is None:
        return _ignored(calls, event, "not_owner")
    if isinstance(event, CallFinished):
        return _ended(calls, event, "finished")
    if isinstance(event, CallFailed):
        return _failed(calls, event)
    if isinstance(event, CallJob) and calls.job is None:
        return replace(calls, job=event.job), Transition("job", event.attempt_id)
    return _ignored(calls, event, "repeated")


def _failed(calls: Calls, event: CallFailed) -> tuple[Calls, Transition]:
    if event.billed == "yes":
        return _ended(calls, event, "failed_billed")
    if event.terminal:
        return _ended(calls, event, "failed_unbilled")
    return Calls(calls.decision_id, calls.attempt + 1), Transition("next_attempt", event.attempt_id)


def _after_the_end(calls: Calls, event: CallEvent) -> tuple[Calls, Transition]:
    if event.id == calls.ended_by:
        return _ignored(calls, event, "repeated")
    finished = isinstance(event, CallFinished)
    if not finished and not (isinstance(event, CallFailed) and event.billed == "yes"):
        return _ignored(calls, event, "closed")
    if event.attempt_id != calls.attempt_id:
        return _ignored(calls, event, "other_attempt")
    if calls.claim is None or not (calls.claim.owns(event) or calls.job is not None):
        return _ignored(calls, event, "not_owner")
    if finished and calls.ending == "unknown":
        late = replace(calls, ending="late_finished", ended_by=event.id)
        return late, Transition("late_finished", event.attempt_id)
    return calls, Transition("conflict", event.attempt_id)


def _ended(calls: Calls, event: CallEvent, ending: Ending) -> tuple[Calls, Transition]:
    kind: Kind = ending
    return replace(calls, ending=ending, ended_by=event.id), Transition(kind, event.attempt_id)


def _ignored(calls: Calls, event: CallEvent, reason: IgnoreReason) -> tuple[Calls, Transition]:
    return calls, Transition("ignored", event.attempt_id, reason)


_attempt_id = lru_cache(maxsize=65536)(ids.attempt_id)
