"""Promise 3 rests on the journal: every input applied once, in order, and every output part of a journaled batch."""

from bisect import bisect_right
from collections import defaultdict

from tests.faults.checker.facts import INPUT_TOPICS, ROUTER_TOPICS, Batch, Facts
from tests.faults.checker.finding import Finding


def journal_is_contiguous(facts: Facts) -> Finding:
    """Batches are numbered one by one; the ranges of each input follow each other from the start to the end."""
    finding = Finding("journal is contiguous", "same log, same decisions")
    for partition, batches in _by_partition(facts).items():
        previous: Batch | None = None
        at = dict.fromkeys(INPUT_TOPICS, 0)
        for batch in batches:
            number = previous.batch + 1 if previous else 1
            finding.expect(batch.batch == number, f"partition {partition}: batch {batch.batch} where {number} was due")
            finding.expect(
                previous is None or batch.now_ms >= previous.now_ms,
                f"partition {partition}: batch {batch.batch} is earlier than the one before it",
            )
            for topic, (first, following) in batch.inputs.items():
                finding.expect(
                    first == at.get(topic, 0) and following >= first,
                    f"partition {partition}, batch {batch.batch}: {topic} from {first}, was at {at.get(topic)}",
                )
                at[topic] = following
            previous = batch
        for topic, position in at.items():
            end = facts.ends.get((topic, partition), 0)
            finding.expect(position == end, f"partition {partition}: {topic} applied up to {position} of {end}")
    finding.figures = {"batches": len(facts.batches), "partitions": len(_by_partition(facts))}
    return finding


def outputs_belong_to_batches(facts: Facts) -> Finding:
    """Every output carries the number of a journaled batch, in order; ``last_writes`` tells where each topic was."""
    finding = Finding("outputs belong to batches", "same log, same decisions")
    journaled = _by_partition(facts)
    numbers: dict[tuple[str, int], list[int]] = {}
    for (topic, partition), pairs in facts.headers.items():
        known = {batch.batch for batch in journaled.get(partition, [])}
        last = 0
        for offset, number in sorted(pairs):
            finding.expect(
                number is not None and number in known,
                f"{topic}[{partition}]@{offset} carries batch {number}, which is not in the journal",
            )
            finding.expect((number or 0) >= last, f"{topic}[{partition}]@{offset}: batch {number} after {last}")
            last = number or last
        numbers[topic, partition] = sorted({number for _, number in pairs if number is not None})
    for partition, batches in journaled.items():
        for batch in batches:
            for topic, claimed in batch.last_writes.items():
                if topic not in ROUTER_TOPICS:
                    continue
                wrote = numbers.get((topic, partition), [])
                place = bisect_right(wrote, batch.batch)
                actual = wrote[place - 1] if place else 0
                finding.expect(
                    claimed == actual,
                    (f"partition {partition}, batch {batch.batch}: {topic} last written in {actual}, not {claimed}"),
                )
    finding.figures = {"outputs": sum(len(pairs) for pairs in facts.headers.values())}
    return finding


def _by_partition(facts: Facts) -> dict[int, list[Batch]]:
    result: dict[int, list[Batch]] = defaultdict(list)
    for batch in sorted(facts.batches, key=lambda batch: batch.place):
        result[batch.place[1]].append(batch)
    return result


def statistics_are_sums(facts: Facts) -> Finding:
    """Successes in ``model-stats`` are the answered attempts of the log: none twice, none missing."""
    finding = Finding("statistics are sums", "accepted means answered")
    if facts.successes is None:
        return finding
    first: dict[str, bool] = {}
    finished: set[str] = set()
    for call in sorted(facts.calls, key=lambda call: call.place):
        if call.kind == "started" or call.category == "not_sent":
            continue
        answered = call.kind == "finished" and not call.cancelled
        first.setdefault(call.attempt_id, answered)
        if answered:
            finished.add(call.attempt_id)
    least, most = sum(first.values()), len(finished)
    counted = facts.successes
    finding.expect(least <= counted <= most, f"{counted} successes are counted, {least} to {most} are in the log")
    finding.figures = {"successes counted": counted, "answered first": least, "answered at all": most}
    return finding
