"""Models prepared for a kind of task: the terms of the score that need no request, computed once and kept."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from routing.pricing import Quantity, pieces
from routing.row import Row
from routing.score import DECIMALS, Terms, static_terms
from routing.type_shares import Shares, in_parts
from schemas.classification import TaskDescriptor
from schemas.control_policy import Profile, Scoring
from schemas.control_taxonomy import PARTS

_ONE_OF_EACH: Final = Quantity(seconds=1, characters=1, images=1)
_MOST_KEPT: Final = 20_000
"""Kinds of task with their lanes; mixtures of unclear texts are many."""
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
    """Whether nothing but tokens is charged, at one rate whatever the length."""
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
        self._index: dict[_Key, dict[str, Lane]] = {}

    def of(self, task: TaskDescriptor, now: datetime, profile: str | None = None) -> tuple[Lane, ...]:
        """Return the models of the task's modality, prepared for it and a capability profile."""
        key = self._key(task, now, profile)
        found = self._lanes.get(key)
        if found is None:
            if len(self._lanes) >= _MOST_KEPT:
                self._lanes.clear()
                self._index.clear()
            rows = self._rows(task.modality, now)
            found = self._lanes[key] = tuple(self.lane(row, task, profile) for row in rows)
        return found

    def by_model(self, task: TaskDescriptor, now: datetime, profile: str | None = None) -> Mapping[str, Lane]:
        """Return the same by model."""
        key = self._key(task, now, profile)
        found = self._index.get(key)
        if found is None:
            lanes = self.of(task, now, profile)
            found = self._index[key] = {lane.model: lane for lane in lanes}
        return found

    def _key(self, task: TaskDescriptor, now: datetime, profile: str | None) -> _Key:
        kinds = in_parts(task.type_shares) if task.type_shares else ()
        degrees = in_parts(task.complexity_shares) if task.complexity_shares else ()
        return (self._period(now), task.modality, task.type, task.complexity, kinds, degrees, profile)

    def lane(self, row: Row, task: TaskDescriptor, profile: str | None = None) -> Lane:
        """Return one row prepared for a task and a capability profile."""
        entry, rates = row.entry, row.rates
        terms = self._terms(row, task, profile)
        return Lane(
            row=row,
            model=entry.id,
            capability=terms.capability,
            quality=terms.quality,
            prior=terms.prior,
            boost=terms.boost,
            context_window=entry.context_window,
            ability=entry.quality,
            ttft_ms=entry.ttft_ms,
            ms_per_token=entry.ms_per_token,
            max_output=entry.max_output_tokens,
            thinking=entry.thinking,
            tool_skill=entry.tool_skill,
            free=row.veto is None,
            preferred=row.preferred,
            flat=rates is not None and not rates.tiers and pieces(rates, _ONE_OF_EACH) == 0,
            price_in=rates.input if rates is not None else 0,
            price_out=rates.output if rates is not None else 0,
            bound_in=rates.bound_input if rates is not None else 0,
        )

    def _terms(self, row: Row, task: TaskDescriptor, profile: str | None) -> Terms:
        """Return the terms for the task; of an unclear one their expectation over all that it may be."""
        abilities = None if profile is None else self._profiles[profile]
        kinds = in_parts(task.type_shares) or ((str(task.type), PARTS),)
        degrees = in_parts(task.complexity_shares) or ((task.complexity, PARTS),)
        each = [
            (static_terms(row.entry, kind, degree, self._scoring, abilities), of_kind * of_degree)
            for kind, of_kind in kinds
            for degree, of_degree in degrees
        ]
        if len(each) == 1:
            return each[0][0]
        capability, quality, prior, boost = (
            round(sum(terms[index] * parts for terms, parts in each) / (PARTS * PARTS), DECIMALS) for index in range(4)
        )
        return Terms(capability, quality, prior, boost)
