"""Promise 3: the desk, run again along its journal, writes the same bytes."""

from collections import defaultdict

from routing.desk import INPUTS, WRITES, Desk
from routing.desk_batch import Batch
from schemas import topics as t
from schemas.journal import BatchJournaled
from schemas.record import Output, Record
from tests.simulation.account import require
from tests.simulation.config import ConfigHistory, SimulatedGlobals
from tests.simulation.log import Log
from tests.simulation.router_process import new_desk

Written = tuple[str, bytes | None, tuple[tuple[str, bytes], ...]]


def replay(log: Log, partition: int, config: ConfigHistory, dedupe_ms: int) -> int:
    """Run one partition's history again; return how many batches were compared."""
    batches: dict[int, dict[str, list[Written]]] = defaultdict(lambda: defaultdict(list))
    for topic in WRITES:
        for record in log.at(topic, partition).read(0)[0]:
            number = int(record.header("ce_batch") or 0)
            batches[number][topic].append(((record.key or b"").decode(), record.value, record.headers))
    inputs = {name: log.at(name, partition).read(0)[0] for name in INPUTS}
    desk = new_desk(partition, None, dedupe_ms)
    journals = [
        BatchJournaled.model_validate_json(record.value or b"")
        for record in log.at(t.ROUTER_JOURNAL, partition).read(0)[0]
        if record.header("ce_type") == BatchJournaled.TYPE
    ]
    for journal in journals:
        _compare(partition, journal, batches[journal.batch], _again(desk, journal, inputs, config))
    return len(journals)


def _again(desk: Desk, journal: BatchJournaled, inputs: dict[str, list[Record]], config: ConfigHistory) -> list[Output]:
    taken: dict[str, list[Record]] = {}
    for name in INPUTS:
        first, following = journal.inputs[name]
        taken[name] = [record for record in inputs[name] if first <= record.offset < following]
    position, health = journal.globals[t.CONFIG][0], journal.globals[t.PROVIDER_HEALTH][0]
    batch = Batch(
        journal.now_ms,
        SimulatedGlobals(config, position, health),
        provider_calls=taken[t.PROVIDER_CALLS],
        overrides=taken[t.OVERRIDES],
        requests=taken[t.REQUESTS],
        next_offsets={name: following for name, (_, following) in journal.inputs.items()},
    )
    return desk.apply(batch).outputs


def _compare(partition: int, journal: BatchJournaled, before: dict[str, list[Written]], outputs: list[Output]) -> None:
    again: dict[str, list[Written]] = defaultdict(list)
    for output in outputs:
        if output.topic in WRITES:
            again[output.topic].append((output.key, output.value, output.headers))
    for topic in WRITES:
        first, second = before.get(topic, []), again.get(topic, [])
        if topic == t.ROUTER_STATE:
            first, second = sorted(first, key=repr), sorted(second, key=repr)
        require(first == second, f"batch {journal.batch} of partition {partition} differs on {topic}: {first} {second}")
