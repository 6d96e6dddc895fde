"""From the log to a desk: the newest journal record is the fence, the change log is the state (DESIGN 6.2, 6.3)."""

from collections.abc import Mapping, Sequence

import structlog

from routing.desk import INPUTS, WRITES, Desk
from routing.desk_state import DeskState
from schemas import topics as t
from schemas.ids import event_id
from schemas.journal import BatchJournaled
from schemas.ledger import AlertRaised
from schemas.record import Record
from streams.log_reader import Place, await_decided, last_records, read_range
from streams.settings import Settings
from streams.transactional import Doubt

log = structlog.get_logger()


def newest_journals(settings: Settings, partitions: Sequence[int]) -> dict[int, BatchJournaled]:
    """Return the newest journal record of each partition that has one, once every transaction of a desk is decided.

    A commit reaches partitions one by one, and a batch for a new config moves no offset that would tell.
    """
    await_decided(settings, [(name, partition) for partition in partitions for name in WRITES])
    found = last_records(settings, [(t.ROUTER_JOURNAL, partition) for partition in partitions])
    return {
        partition: BatchJournaled.model_validate_json(record.value or b"")
        for (_, partition), record in found.items()
        if record.header("ce_type") == BatchJournaled.TYPE
    }


def check_fence(
    partition: int, committed: Mapping[str, int], journal: BatchJournaled | None, partitions: int
) -> dict[str, int]:
    """Return the offsets to go on from; raises Doubt where committed offsets lie beyond the journal.

    Equal: go on. Journal ahead of the offsets: the journal is the truth, go on from it. Behind: the state is older
    than what was acknowledged, starting would lose money.
    """
    if journal is None:
        fence: dict[str, int] = {name: 0 for name in INPUTS}  # noqa: C420 - fromkeys would narrow the key type
    else:
        fence = {name: journal.inputs[name][1] for name in INPUTS}
        if journal.partitions != partitions:
            message = (
                f"the log was written with {journal.partitions} partitions, the settings say {partitions}; "
                "a tenant would get two ledgers: start with the partition count of the log"
            )
            raise Doubt(message)
    for name in INPUTS:
        at = committed.get(name, 0)
        if at > fence[name]:
            message = (
                f"the committed offset {at} of {name}[{partition}] lies beyond the journal's {fence[name]}; "
                "the state would be older than what was acknowledged: stop the routers, then pointsman doctor --rebuild"
            )
            raise Doubt(message)
    return fence


def fence_alert(partition: int, journal: BatchJournaled) -> AlertRaised:
    """Return the alert that committed offsets lay behind the journal: a commit was lost, its transaction was not."""
    return AlertRaised(
        id=event_id("system", AlertRaised.TYPE, journal.id, 0),
        occurred_at=journal.occurred_at,
        tenant="system",
        kind="fence_ahead",
        message=f"partition {partition}: committed offsets lay behind the journal; went on from the journal",
        details={"partition": str(partition), "batch": str(journal.batch)},
    )


def check_torn(partition: int, journal: BatchJournaled | None, last: Mapping[Place, Record]) -> None:
    """Raise Doubt when the newest record of an output is not of the batch that the journal says wrote it last."""
    for name in WRITES:
        record = last.get((name, partition))
        wrote = (record.header("ce_batch") if record is not None else None) or "0"
        expected = str(journal.last_writes.get(name, 0)) if journal is not None else "0"
        if wrote != expected and not (record is None and t.BY_NAME[name].retention is not None):
            message = (
                f"torn transaction on {name}[{partition}]: its newest record is of batch {wrote}, "
                f"the journal says {expected}; refusing to start: run pointsman doctor"
            )
            raise Doubt(message)


def restore_desks(settings: Settings, engine: str, committed: Mapping[int, Mapping[str, int]]) -> dict[int, Desk]:
    """Return a desk for each partition, restored from change log and journal, checked against the committed offsets."""
    partitions = sorted(committed)
    journals = newest_journals(settings, partitions)
    last = last_records(settings, [(name, partition) for partition in partitions for name in WRITES])
    entries: dict[int, dict[str, bytes]] = {partition: {} for partition in partitions}
    told = 0

    def progress(count: int) -> None:
        nonlocal told
        if count - told >= 200_000:
            told = count
            log.info("restoring", records=count)

    for record in read_range(settings, {(t.ROUTER_STATE, partition): 0 for partition in partitions}, progress):
        key = (record.key or b"").decode()
        if record.value is None:
            entries[record.partition].pop(key, None)
        else:
            entries[record.partition][key] = record.value
    desks: dict[int, Desk] = {}
    for partition in partitions:
        journal = journals.get(partition)
        fence = check_fence(partition, committed[partition], journal, settings.partitions)
        check_torn(partition, journal, last)
        desk = desks[partition] = new_desk(settings, engine, partition, journal, fence, entries[partition])
        if journal is not None and any(0 < committed[partition].get(name, 0) < fence[name] for name in INPUTS):
            desk.alerts.append(fence_alert(partition, journal))
        log.info("restored", partition=partition, keys=len(entries[partition]), batch=desks[partition].batch)
    return desks


def new_desk(
    settings: Settings,
    engine: str,
    partition: int,
    journal: BatchJournaled | None,
    fence: Mapping[str, int],
    entries: dict[str, bytes],
) -> Desk:
    """Return the desk that journal and change log describe."""
    return Desk(
        partition,
        settings.partitions,
        engine=engine,
        content_key=settings.content_key.get_secret_value().encode(),
        dedupe_window_ms=settings.dedupe_window_s * 1000,
        state=DeskState.load(entries),
        batch=journal.batch if journal is not None else 0,
        now_ms=journal.now_ms if journal is not None else 0,
        offsets=dict(fence),
        last_writes=dict(journal.last_writes) if journal is not None else {},
        config_offset=journal.globals[t.CONFIG][0] if journal is not None else 0,
    )
