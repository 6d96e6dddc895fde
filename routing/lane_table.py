"""Models prepared for a kind of task: the terms of the score that need no request, computed once and kept."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from routing.pricing import Quantity, pieces
from routing.row import Row
from routing.score import Terms, static_terms
from routing.type_shares import Shares, in_parts
from routing.words import TYPES
from schemas.classification import TaskDescriptor
from schemas.control_policy import Profile, Scoring
from schemas.control_steering import COMPLEXITIES
from schemas.control_taxonomy import PARTS

_ONE_OF_EACH: Final = Quantity(seconds=1, characters=1, images=1)
_MOST_KEPT: Final = 512
"""Kinds of task with their lanes; mixtures of unclear texts are many, and some 30 us are soon spent again."""
_SCALE: Final = 1_000_000_000
"""Terms have nine decimals."""
_WHOLE: Final = PARTS * PARTS
_HALF: Final = _WHOLE // 2
_TERMS: Final = len(Terms._fields)
_TYPE_AT: Final = {kind: index * len(COMPLEXITIES) for index, kind in enumerate(TYPES)}
_DEGREE_AT: Final[dict[str, int]] = {degree: index for index, degree in enumerate(COMPLEXITIES)}
_AFTER_TERMS: Final = 6
"""Where a lane goes on behind row, model and terms."""
_Key = tuple[int, str, str, str, Shares, Shares, str | None]


class Lane(NamedTuple):
    """One row prepared for a type and complexity: what the scoring loop reads, in the order it unpacks."""

    row: Row
    model: str
    capability: float
    quality: float
    prior: float
    """Share of good answers that the catalog's ability for the type stands for."""
    boost: float
    context_window: int
    """Less what the adaptation of prompts adds."""
    ability: float
    ttft_ms: int
    ms_per_token: float
    max_output: int
    thinking: bool
    tool_skill: float
    free: bool
    """Whether nothing in the documents bars it."""
    preferred: bool
    flat: bool
    """Whether nothing but tokens is charged, at one rate whatever the length, and the prompt is sent as it is."""
    price_in: int
    price_out: int
    bound_in: int


class LaneTable:
    """Lanes by kind of task. ``rows`` and ``period`` are those of the tenant: who competes, and under which prices."""

    def __init__(
        self,
        scoring: Scoring,
        profiles: Mapping[str, Profile],
        rows: Callable[[str, datetime], tuple[Row, ...]],
        period: Callable[[datetime], int],
    ) -> None:
        """Start empty: lanes are made when first needed."""
        self._scoring = scoring
        self._profiles = profiles
        self._rows = rows
        self._period = period
        self._lanes: dict[_Key, tuple[Lane, ...]] = {}
        self._kinds: dict[tuple[int, str, str | None], EveryKind] = {}

    def of(self, task: TaskDescriptor, now: datetime, profile: str | None = None) -> tuple[Lane, ...]:
        """Return the models of the task's modality, prepared for it and a capability profile."""
        key = self._key(task, now, profile)
        found = self._lanes.get(key)
        if found is None:
            if len(self._lanes) >= _MOST_KEPT:
                self._lanes.clear()
            found = self._lanes[key] = self._made(task, now, profile)
        return found

    def _made(self, task: TaskDescriptor, now: datetime, profile: str | None) -> tuple[Lane, ...]:
        rows = self._rows(task.modality, now)
        if not task.type_shares and not task.complexity_shares:
            return tuple(self.lane(row, task, profile) for row in rows)
        every = self.every_kind(task.modality, now, profile)
        return tuple(_with_terms(every.lanes, _expectation(every.terms, task)))

    def every_kind(self, modality: str, now: datetime, profile: str | None = None) -> "EveryKind":
        """Return the lanes of a modality without terms, and the terms of every kind of task."""
        key = (self._period(now), modality, profile)
        found = self._kinds.get(key)
        if found is None:
            rows = self._rows(modality, now)
            abilities = None if profile is None else self._profiles[profile]
            terms = [
                [
                    [round(value * _SCALE) for value in static_terms(row.entry, kind, degree, self._scoring, abilities)]
                    for row in rows
                ]
                for kind in TYPES
                for degree in COMPLEXITIES
            ]
            shape = (len(TYPES) * len(COMPLEXITIES), len(rows), _TERMS)
            lanes = tuple(self._lane(row, Terms(0.0, 0.0, 0.0, 0.0)) for row in rows)
            places = {lane.model: place for place, lane in enumerate(lanes)}
            found = self._kinds[key] = EveryKind(lanes, np.array(terms, dtype=np.int64).reshape(shape), places)
        return found

    def few(self, models: Iterable[str], task: TaskDescriptor, now: datetime, profile: str | None = None) -> list[Lane]:
        """Return the lanes of those of ``models`` that compete, in their order, as ``of`` has them."""
        every = self.every_kind(task.modality, now, profile)
        places = [every.places[model] for model in models if model in every.places]
        return _with_terms([every.lanes[place] for place in places], _expectation(every.terms[:, places], task))

    def _key(self, task: TaskDescriptor, now: datetime, profile: str | None) -> _Key:
        kinds = in_parts(task.type_shares) if task.type_shares else ()
        degrees = in_parts(task.complexity_shares) if task.complexity_shares else ()
        return (self._period(now), task.modality, task.type, task.complexity, kinds, degrees, profile)

    def lane(self, row: Row, task: TaskDescriptor, profile: str | None = None) -> Lane:
        """Return one row prepared for a task and a capability profile."""
        abilities = None if profile is None else self._profiles[profile]
        kinds = task.type_shares or {str(task.type): 1.0}
        degrees = task.complexity_shares or {task.complexity: 1.0}
        each = [
            [round(value * _SCALE) for value in static_terms(row.entry, kind, degree, self._scoring, abilities)]
            for kind in kinds
            for degree in degrees
        ]
        parts = _parts(kinds, degrees)
        mixed = [
            sum(weight * terms[index] for weight, terms in zip(parts, each, strict=True)) for index in range(_TERMS)
        ]
        return self._lane(row, Terms(*[_share_of(total) for total in mixed]))

    @staticmethod
    def _lane(row: Row, terms: Terms) -> Lane:
        entry, rates = row.entry, row.rates
        return Lane(
            row=row,
            model=entry.id,
            capability=terms.capability,
            quality=terms.quality,
            prior=terms.prior,
            boost=terms.boost,
            context_window=entry.context_window - row.added_tokens,
            ability=entry.quality,
            ttft_ms=entry.ttft_ms,
            ms_per_token=entry.ms_per_token,
            max_output=entry.max_output_tokens,
            thinking=entry.thinking,
            tool_skill=entry.tool_skill,
            free=row.veto is None,
            preferred=row.preferred,
            flat=rates is not None and row.adaptation is None and not rates.tiers and pieces(rates, _ONE_OF_EACH) == 0,
            price_in=rates.input if rates is not None else 0,
            price_out=rates.output if rates is not None else 0,
            bound_in=rates.bound_input if rates is not None else 0,
        )


class EveryKind(NamedTuple):
    """The lanes of a modality without terms, and the terms of every kind of task in billionths."""

    lanes: tuple[Lane, ...]
    terms: npt.NDArray[np.int64]
    """Shape (types x complexities, models, terms)."""
    places: Mapping[str, int]
    """Where a model stands."""


def _with_terms(lanes: Sequence[Lane], terms: list[list[float]]) -> list[Lane]:
    return [
        Lane._make((lane.row, lane.model, *own, *lane[_AFTER_TERMS:])) for lane, own in zip(lanes, terms, strict=True)
    ]


def _expectation(terms: npt.NDArray[np.int64], task: TaskDescriptor) -> list[list[float]]:
    """Return each model's terms, weighed by all that the task may be: exact sums of whole numbers, rounded once."""
    kinds = task.type_shares or {str(task.type): 1.0}
    degrees = task.complexity_shares or {task.complexity: 1.0}
    rows = [_TYPE_AT[kind] + _DEGREE_AT[degree] for kind in kinds for degree in degrees]
    weights = np.array(_parts(kinds, degrees), dtype=np.int64)
    total = (terms.take(rows, axis=0) * weights[:, None, None]).sum(axis=0)
    return [[_share_of(value) for value in values] for values in total.tolist()]


def _parts(kinds: Mapping[str, float], degrees: Mapping[str, float]) -> list[int]:
    """Return the weights of all pairs, in 256ths."""
    return [round(kind * PARTS) * round(degree * PARTS) for kind in kinds.values() for degree in degrees.values()]


def _share_of(total: int) -> float:
    return (total + _HALF) // _WHOLE / _SCALE
