"""What the parts of a simulated world share."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Protocol

from schemas.record import Record
from tests.simulation.config import ConfigHistory
from tests.simulation.log import Log
from tests.simulation.mutations import Mutation
from tests.simulation.provider import Provider
from tests.simulation.scheduler import Process, Scheduler


class Surroundings(Protocol):
    """The world as its processes see it."""

    random: Random
    log: Log
    scheduler: Scheduler
    config: ConfigHistory
    provider: Provider
    mutation: Mutation | None
    dedupe_ms: int

    def clock(self, process: Process) -> int:
        """Return what the process's clock shows."""
        ...

    def note(self, text: str) -> None:
        """Write a line into the trace of the run."""
        ...

    def note_poll(self, partition: int, taken: Mapping[str, Sequence[Record]]) -> None:
        """Say what a router is about to apply."""
        ...

    def poison(self, value: bytes) -> bytes:
        """Return a record's value, sometimes spoiled."""
        ...
