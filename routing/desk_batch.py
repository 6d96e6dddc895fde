"""What one batch of the router is made of: inputs in order, frozen globals, and the outputs it leads to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from routing.catalog import CompiledConfig
from schemas.cluster_reading import ClusterReading
from schemas.control_preferences import Preferences
from schemas.decision import Health, PreferenceView, StatisticsView
from schemas.inbound import Rejection
from schemas.record import Output, Record


@dataclass(frozen=True, slots=True)
class Question:
    """What one decision asks for: about whom and what, read by which policy and when; and which decision it is."""

    tenant: str
    user: str | None
    space: str | None
    task_type: str
    preferences: Preferences
    now: datetime
    causation_id: str
    number: int


@dataclass(frozen=True, slots=True)
class GlobalReading:
    """The values of feedback and health that one decision reads."""

    preference: PreferenceView | None = None
    statistics: Mapping[str, StatisticsView] = field(default_factory=dict[str, StatisticsView])
    health: Mapping[str, Health] = field(default_factory=dict[str, Health])


class Globals(Protocol):
    """Global inputs, frozen at batch start.

    Live, they come from the compacted topics and an encoder; in replay, ``read`` answers from the values stored in the
    decision that has the question's causation id and number, ``clusters`` from those stored in the classification.
    """

    @property
    def config(self) -> CompiledConfig:
        """The compiled config at ``positions["config"]``."""
        ...

    @property
    def positions(self) -> Mapping[str, tuple[int, ...]]:
        """Topic -> next offset of each of its partitions."""
        ...

    @property
    def rejected_config(self) -> Sequence[tuple[Record, Rejection]]:
        """Config records that are no valid documents; the owner of partition 0 dead-letters each once."""
        ...

    def read(self, question: Question, /) -> GlobalReading:
        """Return what the decision reads."""
        ...

    def clusters(self, clusters: str, text: str, causation_id: str, /) -> ClusterReading | None:
        """Return how close the text of the request with ``causation_id`` is to each cluster of a document.

        ``text`` is what ``routing.centroids.sampled`` makes of the prompt. None: nothing at hand can tell.
        """
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Inputs of one partition for one transaction, each list by offset."""

    now_ms: int
    globals: Globals
    provider_calls: Sequence[Record] = ()
    overrides: Sequence[Record] = ()
    requests: Sequence[Record] = ()
    next_offsets: Mapping[str, int] = field(default_factory=dict[str, int])
    """Topic -> next offset after this batch, for all three inputs."""


@dataclass(frozen=True, slots=True)
class Applied:
    """Result of a batch: records to write in its transaction, in order."""

    outputs: list[Output]
    batch: int
    now_ms: int


class StageStopped(Exception):  # noqa: N818 - not an error of the caller: the stage must end
    """The pure core failed on too many inputs: a bad release must not empty the topic into the dead letters."""
