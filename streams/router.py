"""The router stage: validate, dedupe, classify, decide, hold, settle, answer; one transaction per round (DESIGN 6)."""

import gc
from collections.abc import Iterable, Mapping, Sequence
from threading import Event
from time import monotonic, time_ns
from typing import Final

import structlog

from routing.desk import INPUTS, Desk
from routing.desk_batch import Batch
from schemas import topics as t
from schemas.record import Output, Record
from streams.decision_log import decisions_wanted, log_decisions
from streams.engine import engine_version
from streams.globals import Frozen, GlobalInputs
from streams.patience import may_wait
from streams.ready import announce_ready
from streams.router_restore import newest_journals, restore_desks
from streams.settings import Settings
from streams.transactional import TransactionalLoop

log = structlog.get_logger()
GROUP: Final = "router"
MOST_UNANSWERED: Final = 100_000
"""Unanswered requests of a partition; beyond it new ones wait in the log, visible as lag, until calls are reported."""
_REPORT_S: Final = 30.0


class Router:
    """The desks of the assigned partitions behind the transactional loop."""

    def __init__(self, settings: Settings, inputs: GlobalInputs) -> None:
        """Bind settings and the global inputs."""
        self._settings = settings
        self._inputs = inputs
        self._engine = engine_version()
        self._desks: dict[int, Desk] = {}
        self._parked: dict[int, Desk] = {}
        self._frozen: Frozen = inputs.freeze()
        self._now_ms = 0
        self._report_at = monotonic() + _REPORT_S

    def restore(self, committed: Mapping[int, Mapping[str, int]]) -> Mapping[int, Mapping[str, int]]:
        """Restore desks; one kept over a rebalance is used only if nobody else committed since.

        Offsets alone do not tell: a batch for a new config moves none of them. The journal's batch number does.
        """
        kept = {
            partition: desk
            for partition, desk in self._parked.items()
            if partition in committed
            and desk.batch
            and all(desk.offsets[n] == committed[partition].get(n) for n in INPUTS)
        }
        newest = newest_journals(self._settings, sorted(kept))
        kept = {
            partition: desk
            for partition, desk in kept.items()
            if partition in newest and newest[partition].batch == desk.batch
        }
        self._parked.clear()
        missing = {partition: offsets for partition, offsets in committed.items() if partition not in kept}
        self._desks = kept | (restore_desks(self._settings, self._engine, missing) if missing else {})
        announce_ready()
        return {partition: dict(desk.offsets) for partition, desk in self._desks.items()}

    def release(self, partition: int) -> None:
        """Park the desk: the next assignment may bring the partition back."""
        desk = self._desks.pop(partition, None)
        if desk is not None:
            self._parked[partition] = desk

    def refresh(self) -> bool:
        """Take new global records and freeze them for this round."""
        before = self._frozen.positions[t.CONFIG]
        self._inputs.poll()
        self._frozen = self._inputs.freeze()
        self._now_ms = max(self._now_ms, time_ns() // 1_000_000)
        return self._frozen.positions[t.CONFIG] != before or any(
            desk.config_offset != self._frozen.positions[t.CONFIG][0] for desk in self._desks.values()
        )

    def has_room(self, partition: int) -> bool:
        """Return whether fewer requests than the bound wait for their answer; else new ones stay in the log as lag."""
        return self._desks[partition].state.unanswered < MOST_UNANSWERED

    def report(self) -> None:
        """Log the size of the state and the age of the oldest hold, twice a minute."""
        now = monotonic()
        if now < self._report_at:
            return
        self._report_at = now + _REPORT_S
        for partition, desk in sorted(self._desks.items()):
            log.info("state", partition=partition, **desk.state.gauges(self._now_ms), batch=desk.batch)

    def may_wait(self, records: Mapping[str, Sequence[Record]], waited_s: float) -> bool:
        """Return whether records of one partition may wait for others."""
        return may_wait(records, waited_s)

    def wants_batch(self, partition: int) -> bool:
        """Return whether this partition has not yet journaled the config position."""
        return self._desks[partition].config_offset != self._frozen.positions[t.CONFIG][0]

    def apply(
        self, partition: int, records: Mapping[str, Sequence[Record]], next_offsets: Mapping[str, int]
    ) -> Iterable[Output]:
        """Apply one batch at the partition's desk."""
        batch = Batch(
            self._now_ms,
            self._frozen,
            provider_calls=records.get(t.PROVIDER_CALLS, ()),
            overrides=records.get(t.OVERRIDES, ()),
            requests=records.get(t.REQUESTS, ()),
            next_offsets=next_offsets,
        )
        outputs = self._desks[partition].apply(batch).outputs
        if decisions_wanted():
            log_decisions(outputs)
        return outputs


def run(settings: Settings, slot: int, stop: Event) -> None:
    """Run the router of this slot until ``stop``; any doubt raises, and the process must end."""
    gc.set_threshold(100_000, 20, 100)  # the state is large and long-lived: a full collection walks all of it
    inputs = GlobalInputs(settings)
    inputs.load()
    try:
        router = Router(settings, inputs)
        TransactionalLoop(settings, GROUP, slot, INPUTS, router).run(stop, router.report)
    finally:
        inputs.close()
