"""The independent checker: after every append and every commit it asks whether promises 1 and 2 still hold.

It reads raw JSON and headers; from the product it takes only names of topics and types.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from schemas import topics as t
from schemas.record import Record
from tests.simulation.account import Account, pico, require
from tests.simulation.log import PARTITIONS, Transaction

_ENDS = frozenset({"finished", "failed", "unknown"})
NOTICES = {"duplicate": "duplicate", "conflict": "conflict", "stale": "stale", "rejected": "poison"}
Json = dict[str, Any]


def kind_of(record: Record) -> str:
    """Return the last word of an event's type before its version."""
    return (record.header("ce_type") or "none.v0").split(".")[-2]


@dataclass(slots=True)
class Committed:
    """What one transaction said that has to be judged as a whole; ``sums``: every state its accounts were in."""

    refusals: dict[int, list[Json]] = field(default_factory=lambda: defaultdict(list))
    closed: dict[int, list[Json]] = field(default_factory=lambda: defaultdict(list))
    sums: dict[tuple[str, str, str], set[tuple[int, int]]] = field(default_factory=lambda: defaultdict(set))
    journals: dict[int, Json] = field(default_factory=dict)


class Checker:
    """Follows the log; every method raises Violation when a promise is broken."""

    def __init__(self) -> None:
        self.expected: dict[tuple[int, int], str] = {}
        """(partition, offset) of ``requests`` -> accept, duplicate, conflict, stale, poison, other.

        ``returning``: its id was used before its dedupe window; a final result or a notice, depending on the first."""
        self.poisoned: set[tuple[str, int, int]] = set()
        self.accounts: dict[str, Account] = {}
        self.finals: dict[tuple[int, int], Json] = {}
        self.notices: Counter[tuple[int, int]] = Counter()
        self.dead: Counter[tuple[str, int, int]] = Counter()
        self.ids: set[str] = set()
        self.decisions: dict[str, Json] = {}
        self.claims: dict[str, tuple[str, int]] = {}
        self.override_answers: Counter[str] = Counter()
        self.called: dict[str, tuple[str, int]] = {}
        self.refused = 0
        self._next: dict[int, dict[str, int]] = {p: {} for p in range(PARTITIONS)}
        self._batch: dict[int, int] = dict.fromkeys(range(PARTITIONS), 0)
        self._sequence: dict[tuple[str, int], list[int]] = defaultdict(list)
        self._ended: dict[tuple[int, str], list[tuple[int, int]]] = defaultdict(list)

    # What is appended outside transactions

    def on_append(self, record: Record, sequence: int) -> None:
        """Note inputs: when each came, who claimed first, what ended a decision."""
        places = self._sequence[record.topic, record.partition]
        places.extend([sequence] * (record.offset + 1 - len(places)))
        if record.topic != t.PROVIDER_CALLS:
            return
        kind = kind_of(record)
        decision, attempt = record.header("ce_decisionid"), record.header("ce_attemptid")
        if decision is None or attempt is None:
            return
        if kind in _ENDS:
            self._ended[record.partition, decision].append((record.offset, sequence))
        try:
            event: Json = orjson.loads(record.value or b"")
        except orjson.JSONDecodeError:
            self.poisoned.add((record.topic, record.partition, record.offset))
            return
        if kind == "started" or event.get("category") == "not_sent":
            self.claims.setdefault(attempt, (event["instance"], event["incarnation"]))

    def on_call(self, attempt_id: str, decision_id: str, tenant: str, caller: tuple[str, int]) -> None:
        """A provider is called: the hold is in the log, the first claim is the caller's, nobody called before."""
        require(attempt_id not in self.called, f"{attempt_id} is called twice: {self.called.get(attempt_id)}, {caller}")
        self.called[attempt_id] = caller
        require(decision_id in self.decisions, f"{decision_id} is called before its decision is committed")
        hold = self.accounts[tenant].holds.get(decision_id) if tenant in self.accounts else None
        require(hold is not None, f"{decision_id} is called without a hold")
        first = self.claims.get(attempt_id)
        require(first == caller, f"{attempt_id} is called by {caller}, its first claim is {first}")

    # What transactions commit

    def on_commit(self, transaction: Transaction) -> None:
        """A router's transaction: read its records in order, then its batches as wholes."""
        before = {tenant: account.sums() for tenant, account in self.accounts.items()}
        batch = Committed()
        for record in transaction.records:
            if record.topic == t.ROUTER_STATE or record.value is None:
                continue
            event: Json = orjson.loads(record.value)
            require(event["id"] not in self.ids, f"written twice: {event}")
            self.ids.add(event["id"])
            self._read(record, event, batch)
        for partition, journal in batch.journals.items():
            ranges = self._journal(partition, journal)
            for refusal in batch.refusals[partition]:
                self._refusal(partition, refusal, before, batch.sums)
                self._not_false(partition, refusal, ranges, batch.closed[partition])

    def _read(self, record: Record, event: Json, batch: Committed) -> None:
        if record.topic == t.LEDGER:
            self._money(event, batch.sums, batch.closed[record.partition])
        elif record.topic == t.DECISIONS:
            self._decided(event, batch.refusals[record.partition])
        elif record.topic == t.RESULTS:
            self._result(record.partition, event)
        elif record.topic.endswith(".dlq"):
            at = event["position"]
            self.dead[at["topic"], at["partition"], at["offset"]] += 1
        elif record.topic == t.TECHNICAL_OUTCOMES and "override_id" in event:
            self.override_answers[event["override_id"]] += 1
        elif record.topic == t.ROUTER_JOURNAL and "inputs" in event:
            batch.journals[record.partition] = event

    def _money(self, event: Json, seen: dict[tuple[str, str, str], set[tuple[int, int]]], closed: list[Json]) -> None:
        account = self.accounts.setdefault(event["tenant"], Account(event["tenant"]))
        account.add(event)
        if "windows" not in event:
            closed.append(event)
        for (kind, start), sums in account.sums().items():
            seen[event["tenant"], kind, start].add(sums)

    def _decided(self, event: Json, refusals: list[Json]) -> None:
        if "chain" in event:
            self.decisions[event["id"]] = event
        elif "needed" in event or event.get("code", "").startswith("budget"):
            refusals.append(event)
            self.refused += 1

    def _result(self, partition: int, event: Json) -> None:
        at = (partition, event["request_at"]["offset"])
        kind = event["type"].split(".")[-2]
        expected = self.expected.get(at)
        if kind == "final":
            require(expected in {"accept", "returning"}, f"a final result for what was {expected}: {event}")
            require(
                at not in self.finals and not self.notices[at], f"two final results: {self.finals.get(at)} and {event}"
            )
            self.finals[at] = event
        else:
            allowed = {"duplicate", "conflict"} if expected == "returning" else {expected}
            require(
                NOTICES[kind] in allowed and at not in self.finals, f"a {kind} notice for what was {expected}: {event}"
            )
            require(self.notices[at] == 0, f"two notices: {event}")
            self.notices[at] += 1

    def _journal(self, partition: int, journal: Json) -> Mapping[str, tuple[int, int]]:
        require(journal["batch"] == self._batch[partition] + 1, f"batch after {self._batch[partition]}: {journal}")
        self._batch[partition] = journal["batch"]
        ranges = {name: (first, following) for name, (first, following) in journal["inputs"].items()}
        following = self._next[partition]
        for name, (first, after) in ranges.items():
            require(following.get(name, 0) == first, f"{name} goes on at {first}, expected {following.get(name, 0)}")
            following[name] = after
        return ranges

    def _refusal(
        self,
        partition: int,
        refusal: Json,
        before: Mapping[str, Mapping[tuple[str, str], tuple[int, int]]],
        seen: Mapping[tuple[str, str, str], set[tuple[int, int]]],
    ) -> None:
        """What was refused did not fit the account that it read, and that account was true within its batch."""
        tenant, needed = refusal["tenant"], refusal.get("needed")
        room = []
        for line in refusal["view"].get("windows", ()):
            window = (line["window"], line["start"])
            read = (pico(line["spent"]), pico(line["held"]))
            states = {before.get(tenant, {}).get(window, (0, 0)), *seen[tenant, *window]}
            require(read in states, f"partition {partition} read {read} of {window}, true were {states}: {refusal}")
            room.append(pico(line["cap"]) - sum(read))
        if "per_request_cap" in refusal["view"]:
            room.append(pico(refusal["view"]["per_request_cap"]))
        if needed is not None and refusal["code"].startswith("budget"):
            require(bool(room) and min(room) < pico(needed), f"refused although {needed} fits into {room}: {refusal}")

    def _not_false(
        self, partition: int, refusal: Json, ranges: Mapping[str, tuple[int, int]], closed: list[Json]
    ) -> None:
        """No call record that lay before the request in the log was left out when it was refused for its budget."""
        if refusal["cause"] != "request" or refusal.get("needed") is None:
            return
        asked = self._sequence[t.REQUESTS, partition][refusal["request_at"]["offset"]]
        calls = self._sequence[t.PROVIDER_CALLS, partition]
        first, following = ranges[t.PROVIDER_CALLS]
        missed = [offset for offset in range(following, len(calls)) if calls[offset] < asked]
        require(not missed, f"refused with {len(missed)} call records unread that lie before it: {refusal}")
        windows = {(line["window"], line["start"]): line for line in refusal["view"].get("windows", ())}
        freed = dict.fromkeys(windows, 0)
        for event in closed:
            if event["tenant"] != refusal["tenant"]:
                continue
            ends = [s for o, s in self._ended[partition, event["decision_id"]] if first <= o < following]
            if not ends or max(ends) >= asked:
                continue
            hold = self.accounts[event["tenant"]].holds[event["decision_id"]]
            for window in hold.windows:
                if window in freed:
                    freed[window] += hold.amount - hold.charged
        account = self.accounts.get(refusal["tenant"])
        fits = all(
            account is not None
            and account.spent.get(window, 0) + account.held.get(window, 0) + pico(refusal["needed"])
            <= pico(line["cap"])
            for window, line in windows.items()
        )
        require(not (fits and any(freed.values())), f"refused before the money given back was counted: {refusal}")

    # The end

    def finish(self, bill: Mapping[str, int]) -> None:
        """After everything came to rest: everything answered once, every hold closed, every bill covered."""
        for at, kind in self.expected.items():
            if kind == "accept":
                require(at in self.finals, f"no final result for the request at {at}")
            elif kind == "returning":
                require((at in self.finals) != (self.notices[at] == 1), f"not one answer for the request at {at}")
            elif kind not in {"other", "poison"}:
                require(self.notices[at] == 1, f"no notice for the {kind} request at {at}")
        for place in self.poisoned:
            require(self.dead[place] == 1, f"{self.dead[place]} dead letters for {place}")
        for place, count in self.dead.items():
            # A router whose clock ran ahead may have forgotten the request of a late call record: an orphan.
            expected = place in self.poisoned or place[0] == t.PROVIDER_CALLS
            require(count == 1 and expected, f"{count} dead letters for {place}")
        for override, count in self.override_answers.items():
            require(count == 1, f"{count} answers to override {override}")
        self._bills(bill)

    def _bills(self, bill: Mapping[str, int]) -> None:
        holds = {decision: hold for account in self.accounts.values() for decision, hold in account.holds.items()}
        for decision, hold in holds.items():
            billed = bill.get(decision, 0)
            require(hold.state != "held", f"the hold of {decision} is still open")
            if hold.state in {"settled", "adjusted"}:
                require(hold.charged == billed, f"{decision} was charged {hold.charged}, billed {billed}")
            elif hold.state == "forfeited":
                require(hold.charged >= billed, f"{decision} was charged {hold.charged}, billed {billed}")
            else:
                require(billed == 0, f"{decision} was released, but billed {billed}")
        unheld = set(bill) - set(holds)
        require(not unheld, f"billed without a hold: {unheld}")
