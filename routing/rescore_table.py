"""Past decisions as columns, built once and scored by any number of routers (SPEC A5): the vectorised form."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from routing.score import pace_of
from routing.words import TYPES
from schemas.classification import TaskDescriptor
from schemas.control_steering import COMPLEXITIES
from schemas.control_taxonomy import PARTS
from schemas.decision import View
from schemas.request import RequestFacts

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
NO_LIMIT: Final = 1 << 62
KINDS: Final = len(TYPES) * len(COMPLEXITIES)
_TYPE_AT: Final = {kind: index * len(COMPLEXITIES) for index, kind in enumerate(TYPES)}
_DEGREE_AT: Final[dict[str, int]] = {degree: index for index, degree in enumerate(COMPLEXITIES)}


@dataclass(frozen=True, slots=True)
class Past:
    """What one decision read: the arguments of ``routing.decide`` but the policy."""

    facts: RequestFacts
    task: TaskDescriptor
    view: View
    now: datetime
    number: float = 0.0


class Snapshots:
    """The distinct values of a part of the views; few, since all decisions of a moment read the same."""

    def __init__(self) -> None:
        """Start empty."""
        self.values: list[Mapping[str, object]] = []
        self._known: dict[Hashable, int] = {}
        self._by_id: dict[int, int] = {}

    def add(self, value: Mapping[str, object]) -> int:
        """Return the number of a value."""
        at = self._by_id.get(id(value))
        if at is not None and self.values[at] is value:
            return at
        key = repr(sorted(value.items()))
        at = self._known.setdefault(key, len(self.values))
        if at == len(self.values):
            self.values.append(value)
            self._by_id[id(value)] = at
        return at


class PastTable:
    """Columns over past decisions, one row each."""

    def __init__(self, pasts: Sequence[Past]) -> None:
        """Read the columns: money in pico-dollars, times in ms, limits as ``NO_LIMIT`` where there are none."""
        self.pasts = tuple(pasts)
        count = len(self.pasts)
        self.statistics, self.preferences, self.health = Snapshots(), Snapshots(), Snapshots()
        self.mixture: Floats = np.zeros((count, KINDS))
        """Weights of all kinds of task in 256ths: whole numbers, so that sums in doubles are exact."""
        columns: dict[str, list[int]] = {name: [0] * count for name in _COLUMNS}
        min_quality = [0.0] * count
        ordinary = [False] * count
        for at, past in enumerate(self.pasts):
            facts, task, view = past.facts, past.task, past.view
            self._mix(at, task)
            ordinary[at] = is_ordinary(past)
            min_quality[at] = facts.constraints.min_quality or 0.0
            for name, value in (
                ("input", task.estimated_input_tokens),
                ("output", task.estimated_output_tokens),
                ("bound", task.input_token_bound),
                ("max_output", facts.max_output_tokens or 0),
                ("type", _TYPE_AT[task.type] // len(COMPLEXITIES)),
                ("degree", _DEGREE_AT[task.complexity]),
                ("thinks", task.requires_extended_thinking),
                ("tools", task.needs_tools),
                ("vision", task.needs_vision),
                ("background", facts.latency_class == "background"),
                ("automated", facts.automation == "automated"),
                ("per_conversation", facts.stickiness == "conversation"),
                ("per_message", facts.stickiness == "message"),
                ("max_latency", facts.constraints.max_latency_ms or NO_LIMIT),
                ("max_cost", NO_LIMIT if facts.constraints.max_cost is None else facts.constraints.max_cost),
                ("per_request", NO_LIMIT if view.per_request_cap is None else view.per_request_cap),
                ("headroom", min([line.cap - line.spent - line.held for line in view.windows], default=NO_LIMIT)),
                ("statistics", self.statistics.add(view.statistics)),
                ("preference", self.preferences.add({} if view.preference is None else view.preference.scores)),
                ("health", self.health.add(view.health)),
            ):
                columns[name][at] = value
        self.columns: dict[str, Ints] = {name: np.array(values, dtype=np.int64) for name, values in columns.items()}
        self.min_quality: Floats = np.array(min_quality)
        self.ordinary: Bools = np.array(ordinary, dtype=np.bool_)
        self.pace: Floats = np.array([pace_of(past.view.windows, past.now) for past in self.pasts])
        self.confidence: Floats = np.array([past.task.confidence for past in self.pasts])
        self.numbers: Floats = np.array([past.number for past in self.pasts])
        self.warm = [past.view.conversation_model for past in self.pasts]

    def _mix(self, at: int, task: TaskDescriptor) -> None:
        kinds = task.type_shares or {str(task.type): 1.0}
        degrees = task.complexity_shares or {task.complexity: 1.0}
        for kind, of_kind in kinds.items():
            for degree, of_degree in degrees.items():
                self.mixture[at, _TYPE_AT[kind] + _DEGREE_AT[degree]] = of_kind * of_degree * PARTS * PARTS

    def __len__(self) -> int:
        return len(self.pasts)


_COLUMNS: Final = (
    "input",
    "output",
    "bound",
    "max_output",
    "type",
    "degree",
    "thinks",
    "tools",
    "vision",
    "background",
    "automated",
    "per_conversation",
    "per_message",
    "max_latency",
    "max_cost",
    "per_request",
    "headroom",
    "statistics",
    "preference",
    "health",
)


def is_ordinary(past: Past) -> bool:
    """Return whether the columns hold all that this decision depends on; others are decided one by one."""
    facts, task, view = past.facts, past.task, past.view
    return (
        facts.model == "auto"
        and task.modality == "text"
        and not task.predictions
        and facts.job_type is None
        and facts.mode is None
        and facts.constraints.deadline is None
        and not facts.sensitive
        and not task.signals.sensitive
        and facts.plan is None
        and view.override is None
        and view.settings is None
        and view.advice is None
        and view.embedding is None
        and view.cached is None
        and view.above_quality is None
        and not view.excluded
        and not view.shares
        and not view.warm_tokens
    )
