"""Promises 1 and 5: each accepted request has exactly one final result, each bad record exactly one dead letter."""

from collections import Counter, defaultdict

from tests.faults.checker.facts import Decision, Facts, Place
from tests.faults.checker.finding import Finding


def one_final(facts: Facts) -> Finding:
    """Every record on ``requests`` is answered once: a final result, a notice, or a dead letter with a rejection."""
    finding = Finding("one final result", "accepted means answered")
    finals: Counter[Place] = Counter(final.request_at for final in facts.finals)
    noticed: Counter[Place] = Counter(notice.request_at for notice in facts.notices)
    dead = {letter.about for letter in facts.letters}
    for place, (tenant, request_id) in facts.requests.items():
        if place in facts.cancels:
            finding.expect(finals[place] == 0, f"a cancellation at {place} has a final result")
            continue
        who = f"request {tenant}/{request_id} at {place}"
        finding.expect(finals[place] <= 1, f"{who} has {finals[place]} final results")
        finding.expect(noticed[place] <= 1, f"{who} has {noticed[place]} notices")
        finding.expect(
            finals[place] + noticed[place] > 0 or place in dead,
            f"{who} has no answer, no notice, no dead letter",
        )
        finding.expect(finals[place] == 0 or noticed[place] == 0, f"{who} has a final result and a notice")
    for place in finals:
        finding.expect(place in facts.requests, f"a final result is about {place}, where no request lies")
    finding.figures = {"requests": len(facts.requests), "finals": len(facts.finals), "notices": len(facts.notices)}
    finding.figures |= {f"final {name}": n for name, n in sorted(Counter(f.status for f in facts.finals).items())}
    return finding


def nothing_lost(facts: Facts) -> Finding:
    """Every request whose publication was acknowledged is in the log and has one final result under its id."""
    finding = Finding("nothing lost", "accepted means answered")
    there = set(facts.requests.values())
    finals: Counter[tuple[str, str]] = Counter((final.tenant, final.request_id) for final in facts.finals)
    for tenant, request_id in facts.sent:
        finding.expect((tenant, request_id) in there, f"{tenant}/{request_id} was acknowledged and is gone")
        count = finals[tenant, request_id]
        finding.expect(count == 1, f"{tenant}/{request_id} was acknowledged and has {count} final results")
    finding.figures = {"acknowledged": len(facts.sent)}
    return finding


def one_technical_outcome(facts: Facts) -> Finding:
    """Every final result that ends an accepted request has one technical outcome."""
    finding = Finding("one technical outcome", "accepted means answered")
    outcomes = Counter(facts.technical)
    ended = Counter((final.tenant, final.request_id) for final in facts.finals if final.status != "rejected")
    for key in ended | outcomes:
        finding.expect(
            outcomes[key] == ended[key], f"{key} has {outcomes[key]} technical outcomes, {ended[key]} finals"
        )
    return finding


def decisions_in_order(facts: Facts) -> Finding:
    """Decision ids are unique; a request's are numbered 1..n, what is asked before them -1 and 0, on its partition."""
    finding = Finding("decisions in order", "same log, same decisions")
    seen: dict[str, Place] = {}
    numbered: dict[Place, list[Decision]] = defaultdict(list)
    for decision in sorted(facts.decisions, key=lambda decision: decision.place):
        before = seen.setdefault(decision.id, decision.place)
        finding.expect(before == decision.place, f"decision {decision.id} is at {before} and {decision.place}")
        numbered[decision.request_at].append(decision)
        finding.expect(
            decision.request_at in facts.requests,
            f"decision {decision.id} is about a request that is not there",
        )
        finding.expect(decision.request_at[1] == decision.place[1], f"decision {decision.id} lies on another partition")
    for place, decisions in numbered.items():
        numbers = [decision.number for decision in decisions]
        asked = sorted({number for number in numbers if -1 <= number < 1})
        expected = [*asked, *range(1, len(numbers) - len(asked) + 1)]
        finding.expect(numbers == expected, f"request at {place} has decisions {numbers}")
    final_decisions = {final.decision_id for final in facts.finals if final.decision_id is not None}
    for decision_id in final_decisions:
        finding.expect(decision_id in seen, f"a final result names decision {decision_id}, which is not there")
    finding.figures = {
        "decisions": sum(not decision.refused for decision in facts.decisions),
        "refusals": sum(decision.refused for decision in facts.decisions),
        "requests decided anew": sum(len(decisions) > 1 for decisions in numbered.values()),
    }
    return finding


def dead_letters_once(facts: Facts) -> Finding:
    """Each bad record lies once in the dead letters, with its reason; the at-least-once stage may repeat one id."""
    finding = Finding("dead letters once", "no bad message stops the line")
    by_position: dict[Place, list[str]] = defaultdict(list)
    repeated = 0
    for letter in facts.letters:
        by_position[letter.about].append(letter.id)
        finding.expect(bool(letter.reason), f"the dead letter at {letter.place} gives no reason")
        finding.expect(
            letter.place[0] == f"{letter.about[0]}.dlq",
            f"the dead letter at {letter.place} is in the wrong topic",
        )
        end = facts.ends.get(letter.about[:2], 0)
        finding.expect(letter.about[2] < end, f"the dead letter at {letter.place} is about a record not there")
    for place, ids in by_position.items():
        exact = place[0] != "outcomes"
        repeated += len(ids) - 1
        finding.expect(len(ids) == 1 or (not exact and len(set(ids)) == 1), f"{place} has {len(ids)} dead letters")
    finding.figures = {"dead letters": len(by_position), "written again": repeated}
    return finding


def readable(facts: Facts) -> Finding:
    """Everything the stages wrote can be read back with the documented fields."""
    finding = Finding("readable", "every decision explains itself")
    finding.checked = len(facts.finals) + len(facts.decisions) + len(facts.entries) + len(facts.calls)
    finding.wrong = [f"the record at {place} lacks documented fields" for place in facts.unreadable]
    return finding
