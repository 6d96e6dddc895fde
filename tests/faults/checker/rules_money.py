"""Promise 2: a cap is a cap at every offset, every hold ends once, and what was charged is what was billed."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tests.faults.checker.facts import BillLine, Entry, Facts
from tests.faults.checker.finding import Finding

ENDINGS = ("settled", "released", "forfeited")


@dataclass(slots=True)
class _Window:
    spent: int = 0
    held: int = 0
    most: int = 0


@dataclass(slots=True)
class _Hold:
    held: Entry
    ended: list[Entry] = field(default_factory=list)
    adjusted: list[Entry] = field(default_factory=list)

    @property
    def charged(self) -> int:
        return sum(e.amount for e in self.ended if e.kind != "released") + sum(e.difference for e in self.adjusted)


def caps(facts: Facts) -> Finding:
    """Spent + held never passes the cap that each hold carries, in any of its windows, at any offset of the ledger."""
    finding = Finding("caps", "a cap is a cap")
    windows: dict[tuple[str, str, str], _Window] = defaultdict(_Window)
    holds: dict[str, Entry] = {}
    partitions: dict[str, int] = {}
    tightest = 0.0
    for entry in sorted(facts.entries, key=lambda entry: entry.place):
        home = partitions.setdefault(entry.tenant, entry.place[1])
        finding.expect(home == entry.place[1], f"{entry.tenant} has ledgers on partitions {home}, {entry.place[1]}")
        if entry.kind == "held":
            holds[entry.hold_id] = entry
        held = holds.get(entry.hold_id)
        if held is None:
            continue
        for name, start, _ in held.windows:
            _move(windows[entry.tenant, name, start], entry, held)
        if entry.kind == "held":
            for name, start, cap in entry.windows:
                window = windows[entry.tenant, name, start]
                total = window.spent + window.held
                finding.expect(
                    cap is None or total <= cap,
                    f"{entry.tenant} {name} {start}: {total} of {cap} with the hold at {entry.place}",
                )
                tightest = max(tightest, total / cap if cap else 0.0)
            finding.expect(
                entry.per_request_cap is None or entry.amount <= entry.per_request_cap,
                f"the hold at {entry.place} is above the cap per request",
            )
        finding.expect(entry.overrun == 0, f"the settlement at {entry.place} passes its hold: a bound was wrong")
    finding.figures = {"tenants": len(partitions), "windows": len(windows), "fullest window": f"{tightest:.4%}"}
    return finding


def _move(window: _Window, entry: Entry, held: Entry) -> None:
    match entry.kind:
        case "held":
            window.held += entry.amount
        case "settled" | "forfeited":
            window.held -= held.amount
            window.spent += entry.amount
        case "released":
            window.held -= held.amount
        case "adjusted":
            window.spent += entry.difference


def holds_end_once(facts: Facts) -> Finding:
    """Each hold belongs to one decision, ends exactly once, within its amount; a forfeit may be adjusted once."""
    finding = Finding("holds end once", "a cap is a cap")
    holds = _holds(facts, finding)
    wanted = {decision.id: decision for decision in facts.decisions if decision.execute and not decision.refused}
    per_decision = Counter(hold.held.decision_id for hold in holds.values())
    for decision_id, decision in wanted.items():
        count = per_decision[decision_id]
        finding.expect(count == 1, f"decision {decision_id} has {count} holds")
        hold = holds.get(decision.hold_id or "")
        finding.expect(
            hold is not None and hold.held.amount == decision.hold,
            f"decision {decision_id} names another hold than the ledger",
        )
    for decision_id in per_decision:
        finding.expect(decision_id in wanted, f"a hold is for decision {decision_id}, which is not to be executed")
    for hold_id, hold in holds.items():
        kinds = [entry.kind for entry in hold.ended]
        finding.expect(len(kinds) == 1, f"hold {hold_id} ({hold.held.tenant}) ended {len(kinds)} times: {kinds}")
        for entry in hold.ended:
            finding.expect(
                entry.amount == hold.held.amount if entry.kind == "forfeited" else entry.amount <= hold.held.amount,
                f"hold {hold_id}: {entry.kind} {entry.amount} of {hold.held.amount}",
            )
        finding.expect(
            not hold.adjusted or (len(hold.adjusted) == 1 and kinds == ["forfeited"]),
            f"hold {hold_id} was adjusted {len(hold.adjusted)} times after {kinds}",
        )
        for entry in hold.adjusted:
            finding.expect(
                entry.difference == entry.amount - hold.held.amount,
                f"hold {hold_id} was adjusted by a wrong sum",
            )
    for entry in facts.entries:
        finding.expect(entry.kind != "conflicted", f"two different settlements at {entry.place}")
    finding.figures = {f"holds {kind}": n for kind, n in sorted(Counter(e.kind for e in facts.entries).items())}
    return finding


def _holds(facts: Facts, finding: Finding) -> dict[str, _Hold]:
    holds: dict[str, _Hold] = {}
    for entry in sorted(facts.entries, key=lambda entry: entry.place):
        if entry.kind == "held":
            finding.expect(entry.hold_id not in holds, f"hold {entry.hold_id} is taken twice")
            holds.setdefault(entry.hold_id, _Hold(entry))
        elif finding.expect(entry.hold_id in holds, f"{entry.kind} at {entry.place} without a hold before it"):
            hold = holds[entry.hold_id]
            if entry.kind in ENDINGS:
                hold.ended.append(entry)
            elif entry.kind == "adjusted":
                hold.adjusted.append(entry)
    return holds


def bill_is_covered(facts: Facts) -> Finding:
    """What was settled is what the provider billed, attempt by attempt; a forfeit is at least that; none is missed."""
    finding = Finding("bill is covered", "a cap is a cap")
    holds = _holds(facts, Finding("", ""))
    billed: dict[str, int] = defaultdict(int)
    for line in facts.bill:
        billed[line.attempt or ""] += line.cost
    charged: dict[str, str] = {}
    forfeits, covered, settled_sum = [], 0, 0
    for hold in holds.values():
        for entry in hold.ended:
            if entry.attempt_id is None:
                continue
            charged[entry.attempt_id] = entry.kind
            due = billed.get(entry.attempt_id, 0)
            if entry.kind == "settled":
                settled_sum += entry.amount
                finding.expect(entry.amount == due, f"attempt {entry.attempt_id} settled {entry.amount}, billed {due}")
            else:
                forfeits.append(entry)
                covered += due
                finding.expect(
                    entry.amount >= due, f"attempt {entry.attempt_id} forfeited {entry.amount}, billed {due}"
                )
        for entry in hold.adjusted:
            due = billed.get(entry.attempt_id or "", 0)
            finding.expect(entry.amount == due, f"attempt {entry.attempt_id} adjusted to {entry.amount}, billed {due}")
    for attempt, cost in billed.items():
        finding.expect(attempt in charged, f"attempt {attempt or '(without id)'} was billed {cost}, never charged")
    total = sum(hold.charged for hold in holds.values())
    finding.expect(total >= sum(billed.values()), f"charged {total} in all, billed {sum(billed.values())}")
    finding.figures = {
        "bill": _usd(sum(billed.values())),
        "settled": _usd(settled_sum),
        "forfeited": _usd(sum(entry.amount for entry in forfeits)),
        "forfeits": len(forfeits),
        "bill of forfeits": _usd(covered),
        "list of forfeits": "; ".join(
            f"{e.tenant} {e.attempt_id} {_usd(e.amount)} (billed {_usd(billed.get(e.attempt_id or '', 0))})"
            for e in forfeits[:200]
        ),
    }
    return finding


def every_call_is_in_the_log(facts: Facts) -> Finding:
    """Each billed attempt was claimed by a ``call.started``, billed once, and reported by nobody but its owner."""
    finding = Finding("every call is in the log", "accepted means answered")
    claims: dict[str, tuple[str, tuple[str, int]]] = {}
    ends: dict[str, tuple[str, str]] = {}
    finishes: dict[str, set[str]] = defaultdict(set)
    lost = 0
    for call in sorted(facts.calls, key=lambda call: call.place):
        attempt = call.attempt_id
        not_sent = call.kind == "failed" and call.category == "not_sent"
        if call.kind == "started" or not_sent:
            first = claims.setdefault(attempt, (call.kind, call.owner))
            lost += first[1] != call.owner
        if call.kind in {"finished", "failed"} and not not_sent:
            owner = claims.get(attempt, ("", ("", 0)))
            finding.expect(
                owner[1] == call.owner, f"attempt {attempt} is reported by {call.owner}, claimed by {owner[1]}"
            )
            if call.kind == "finished":
                finishes[attempt].add(call.id)
            ends.setdefault(attempt, (call.kind, call.billed))
    bills: dict[str, list[BillLine]] = defaultdict(list)
    for line in facts.bill:
        bills[line.attempt or ""].append(line)
    for attempt, lines in bills.items():
        finding.expect(len(lines) == 1, f"attempt {attempt or '(without id)'} was billed {len(lines)} times")
        kind = claims.get(attempt, ("nobody", None))[0]
        finding.expect(kind == "started", f"attempt {attempt or '(without id)'} was billed but first claimed by {kind}")
        ended = ends.get(attempt)
        finding.expect(
            ended is None or ended != ("failed", "no"),
            f"attempt {attempt} was reported unbilled, but was billed",
        )
    for attempt, ids in finishes.items():
        finding.expect(len(ids) == 1, f"attempt {attempt} finished {len(ids)} times")
    kinds = Counter(f"call.{call.kind}" for call in facts.calls)
    finding.figures = {**dict(sorted(kinds.items())), "billed calls": len(facts.bill), "claims that lost": lost}
    return finding


def _usd(pico: int) -> str:
    sign, pico = ("-", -pico) if pico < 0 else ("", pico)
    return f"{sign}{pico // 10**12}.{pico % 10**12:012d}"
