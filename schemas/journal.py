"""The router's journal on ``router-journal``: one record per partition and transaction."""

from typing import ClassVar, Literal

from schemas.envelope import Event


class BatchJournaled(Event):
    """What one batch read and wrote on one partition. ``tenant`` is ``system``.

    ``inputs``: topic -> [first, next) offsets applied, in the order provider-calls, overrides, requests.
    ``globals``: frozen positions (next offset per partition) of the global topics at batch start.
    ``last_writes``: output topic -> number of the last batch that wrote to this partition of it.
    """

    TYPE: ClassVar[str] = "pointsman.router.batch.v1"
    type: Literal["pointsman.router.batch.v1"] = "pointsman.router.batch.v1"
    partition: int
    partitions: int
    batch: int
    inputs: dict[str, tuple[int, int]]
    globals: dict[str, tuple[int, ...]]
    now_ms: int
    engine: str
    last_writes: dict[str, int]


class ConfigApplied(Event):
    """All batches of ``partition`` from now on use the config up to ``config_offset``."""

    TYPE: ClassVar[str] = "pointsman.config.applied.v1"
    type: Literal["pointsman.config.applied.v1"] = "pointsman.config.applied.v1"
    partition: int
    config_offset: int
