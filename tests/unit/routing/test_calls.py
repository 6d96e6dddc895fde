"""The fold of a decision's call records: first claim wins, the owner reports, one end."""

import json
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.calls import Calls, Claim, fold
from schemas.envelope import EPOCH, at_ms
from schemas.ids import attempt_id, uuid5_of
from schemas.provider_call import CallEvent, CallFailed, CallFinished, CallJob, CallStarted, CallUnknown
from schemas.usage import Usage

DECISION = "d1"
EXPIRES_MS = 60_000
Verb = Literal["started", "not_sent", "unbilled", "terminal", "billed", "finished", "unknown", "job"]
VERBS: tuple[Verb, ...] = ("started", "not_sent", "unbilled", "terminal", "billed", "finished", "unknown", "job")


@dataclass(frozen=True)
class Said:
    """One record in short: who says what of which attempt; ``copy`` tells records of the same words apart."""

    verb: Verb
    attempt: int = 1
    who: tuple[str, int] = ("x", 1)
    copy: int = 0

    def event(self) -> CallEvent:  # noqa: PLR0911 - one event per verb
        fields: dict[str, Any] = {
            "id": uuid5_of((self.verb, self.attempt, *self.who, self.copy)),
            "occurred_at": EPOCH,
            "tenant": "acme",
            "request_id": "r1",
            "decision_id": DECISION,
            "attempt": self.attempt,
            "attempt_id": attempt_id(DECISION, self.attempt),
            "instance": self.who[0],
            "incarnation": self.who[1],
            "model": "m",
            "provider": "p",
            "task_type": "code",
            "tier": 1,
        }
        match self.verb:
            case "started":
                return CallStarted(**fields, expires_at=at_ms(EXPIRES_MS))
            case "not_sent":
                return CallFailed(**fields, category="not_sent", billed="no", terminal=True)
            case "unbilled" | "terminal":
                return CallFailed(**fields, category="overloaded", billed="no", terminal=self.verb == "terminal")
            case "billed":
                return CallFailed(**fields, category="content", billed="yes", terminal=True, cost=5)
            case "finished":
                return CallFinished(**fields, usage=Usage(), cost=7, latency_ms=1)
            case "unknown":
                return CallUnknown(**fields, reason="expired")
            case "job":
                return CallJob(**fields, job={"id": "j1"})


def run(*said: Said) -> tuple[Calls, list[str]]:
    calls = Calls(DECISION)
    kinds: list[str] = []
    for each in said:
        calls, transition = fold(calls, each.event())
        kinds.append(transition.reason or transition.kind)
        assert transition.closes == (calls.closed and transition.kind not in {"late_finished", "conflict", "ignored"})
    return calls, kinds


X, X2, Y = ("x", 1), ("x", 2), ("y", 1)


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        ([Said("started"), Said("finished")], ["claimed", "finished"]),
        ([Said("started"), Said("started", who=Y), Said("finished", who=Y)], ["claimed", "lost_claim", "not_owner"]),
        ([Said("started"), Said("started", who=X2)], ["claimed", "lost_claim"]),
        ([Said("started"), Said("started")], ["claimed", "repeated"]),
        ([Said("not_sent"), Said("started", who=Y)], ["not_sent", "closed"]),
        ([Said("started"), Said("not_sent", who=Y)], ["claimed", "lost_claim"]),
        ([Said("started"), Said("not_sent")], ["claimed", "not_sent"]),
        ([Said("started"), Said("unbilled"), Said("started", 2, Y)], ["claimed", "next_attempt", "claimed"]),
        ([Said("started"), Said("unbilled"), Said("started", 1, Y)], ["claimed", "next_attempt", "other_attempt"]),
        ([Said("started"), Said("unbilled", who=Y)], ["claimed", "not_owner"]),
        ([Said("started"), Said("terminal"), Said("started", 2)], ["claimed", "failed_unbilled", "closed"]),
        ([Said("started"), Said("billed"), Said("started", 2)], ["claimed", "failed_billed", "closed"]),
        ([Said("unknown")], ["unclaimed"]),
        ([Said("finished")], ["unclaimed"]),
        ([Said("started"), Said("unknown", who=Y)], ["claimed", "unknown"]),
        ([Said("started"), Said("unknown", 2)], ["claimed", "other_attempt"]),
        (
            [Said("started"), Said("unknown", who=Y), Said("finished"), Said("finished"), Said("finished", copy=1)],
            ["claimed", "unknown", "late_finished", "repeated", "conflict"],
        ),
        ([Said("started"), Said("unknown"), Said("finished", who=Y)], ["claimed", "unknown", "not_owner"]),
        ([Said("started"), Said("unknown"), Said("billed")], ["claimed", "unknown", "conflict"]),
        ([Said("started"), Said("unknown"), Said("unbilled")], ["claimed", "unknown", "closed"]),
        ([Said("started"), Said("finished"), Said("finished", copy=1)], ["claimed", "finished", "conflict"]),
        ([Said("started"), Said("job"), Said("finished", who=Y)], ["claimed", "job", "finished"]),
        ([Said("started"), Said("job", who=Y), Said("finished", who=Y)], ["claimed", "not_owner", "not_owner"]),
        ([Said("started"), Said("job"), Said("job")], ["claimed", "job", "repeated"]),
        (
            [Said("started"), Said("job"), Said("unknown"), Said("finished", who=Y)],
            ["claimed", "job", "unknown", "late_finished"],
        ),
    ],
)
def test_each_rule_of_claims_and_ends(said: list[Said], kinds: list[str]) -> None:
    """Claims, reports, ends and what comes after them read as DESIGN 8.1 says, one rule per row."""
    assert run(*said)[1] == kinds


def test_the_claim_tells_owner_and_expiry() -> None:
    """A claimed attempt names its owner and when it may be called unknown."""
    calls, _ = run(Said("started"))
    assert calls.claim == Claim("x", 1, EXPIRES_MS)
    assert (calls.attempt, calls.closed, calls.unknown) == (1, False, False)


def test_a_late_cost_ends_the_unknown() -> None:
    """A decision stands unknown until its true cost comes."""
    assert run(Said("started"), Said("unknown"))[0].unknown
    late, _ = run(Said("started"), Said("unknown"), Said("finished"))
    assert late.closed
    assert not late.unknown


class Reference:
    """The rules again, as slowly as they are said: every question is answered from the whole list of records."""

    def __init__(self) -> None:
        self.read: list[Said] = []
        self.attempt = 1
        self.end: tuple[str, Said] | None = None

    def owner(self) -> tuple[str, int] | None:
        claims = [one for one in self.read if one.attempt == self.attempt and one.verb in {"started", "not_sent"}]
        return claims[0].who if claims else None

    def has_job(self) -> bool:
        mine = [one for one in self.read if one.attempt == self.attempt]
        first = next((at for at, one in enumerate(mine) if one.verb == "started"), len(mine))
        return any(one.verb == "job" and one.who == self.owner() for one in mine[first:])

    def read_next(self, said: Said) -> None:
        current = said.attempt == self.attempt
        if self.end is None and current:
            owner, job = self.owner(), self.has_job()
            entitled = owner is not None and (said.who == owner or job)
            if said.verb == "not_sent" and (owner is None or said.who == owner):
                self.end = ("not_sent", said)
            elif (said.verb == "unknown" and owner is not None) or (
                entitled and said.verb in {"finished", "billed", "terminal"}
            ):
                self.end = (said.verb, said)
            elif said.verb == "unbilled" and entitled:
                self.attempt += 1
        elif self.end is not None and self.end[0] == "unknown" and said.verb == "finished":
            if current and (said.who == self.owner() or self.has_job()):
                self.end = ("late", said)
            return
        if self.end is None and current:
            self.read.append(said)


_NAMES = {
    "not_sent": "not_sent",
    "unknown": "unknown",
    "finished": "finished",
    "billed": "failed_billed",
    "terminal": "failed_unbilled",
    "late": "late_finished",
}
_SAID = st.builds(
    Said, st.sampled_from(VERBS), st.sampled_from((1, 1, 1, 2, 2, 3)), st.sampled_from((X, X, Y, X2)), st.integers(0, 1)
)


@settings(max_examples=1500)
@given(st.lists(_SAID, max_size=12))
def test_any_order_of_records_reads_as_the_rules_say(records: list[Said]) -> None:
    """For any records in any order, attempt, owner and end equal those of a reference that rereads everything."""
    reference, calls = Reference(), Calls(DECISION)
    for said in records:
        before = calls
        reference.read_next(said)
        calls, transition = fold(calls, said.event())
        calls = Calls.from_dict(json.loads(json.dumps(calls.to_dict())))
        expected = None if reference.end is None else _NAMES[reference.end[0]]
        assert (calls.attempt, calls.ending) == (reference.attempt, expected)
        if calls.ending != "not_sent":
            claim = calls.claim
            assert (None if claim is None else (claim.instance, claim.incarnation)) == reference.owner()
        if transition.kind in {"ignored", "conflict"}:
            assert calls == before
        if before.closed:
            assert transition.kind in {"ignored", "conflict", "late_finished"}
