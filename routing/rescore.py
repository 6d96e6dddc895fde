"""History under another router, many decisions at once: the same choices as ``routing.decide``, far faster (SPEC A5).

The score's formulas are those of ``routing.score``, in the same order of operations, over arrays (decisions x models).
Whatever the columns do not hold, and every row where the two best models are so close that a last digit could tip the
choice, is decided by ``routing.decide`` itself. Greedy but for rows that an exploring router may draw in: those too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from routing.candidates import endpoint_of
from routing.decide import decide, ruling_of
from routing.explore import is_new
from routing.lane_table import Lane
from routing.pricing import MILLION
from routing.rescore_table import Bools, Floats, Ints, Past, PastTable
from routing.rules import CompiledRule
from routing.tenant_policy import TenantPolicy
from routing.words import TYPES
from schemas.control_steering import COMPLEXITIES
from schemas.decision import Choice, StatisticsView

REFUSED: Final = None
_CLOSE: Final = 5e-9
_SCALE: Final = 1e9
_WHOLE: Final = 256
_LARGEST: Final = 9e18
_HALF_WAY: Final = 1e-4


@dataclass(frozen=True, eq=False)
class Rescored:
    """What a router chooses: a model per decision (None: refused), the scores, and which rows were decided one by one.

    ``scores``: shape (decisions, models), NaN where a model is barred; rows decided one by one are NaN throughout.
    """

    models: tuple[str, ...]
    chosen: list[str | None]
    scores: Floats
    one_by_one: Bools


def rescore(table: PastTable, policy: TenantPolicy) -> Rescored:
    """Return what ``policy`` chooses for all decisions of the table."""
    count = len(table)
    if not count:
        return Rescored((), [], np.zeros((0, 0)), np.zeros(0, dtype=np.bool_))
    now = table.pasts[0].now
    every = policy.lanes.every_kind("text", now)
    lanes = every.lanes
    models = tuple(lane.model for lane in lanes)
    alone = ~table.ordinary | _special(table, policy)
    if not lanes or not _vectorised(policy):
        alone[:] = True
    scores: Floats = np.full((count, len(models)), np.nan)
    chosen: list[str | None] = [None] * count
    rows = np.flatnonzero(~alone)
    if len(rows):
        part = _Part(table, policy, lanes, every.terms.astype(np.float64), rows)
        scores[rows] = part.scores
        for row, pick in zip(rows.tolist(), part.picks(alone), strict=True):
            chosen[row] = None if pick < 0 else models[pick]
    scores[alone] = np.nan
    for row in np.flatnonzero(alone).tolist():
        chosen[row] = _one(table.pasts[row], policy)
    return Rescored(models, chosen, scores, alone)


def _one(past: Past, policy: TenantPolicy) -> str | None:
    outcome = decide(past.facts, past.task, past.view, policy, past.now, past.number)
    return outcome.model if isinstance(outcome, Choice) else REFUSED


def _vectorised(policy: TenantPolicy) -> bool:
    """Return whether the router itself has no part that only ``decide`` knows."""
    settings = policy.settings
    return (
        policy.dimensions is None
        and policy.share_control is None
        and settings.cascade is None
        and policy.max_interactive_latency_ms is None
    )


def _special(table: PastTable, policy: TenantPolicy) -> Bools:
    """Return the rows that need places, prices of another day, or a draw."""
    period = policy.period(table.pasts[0].now)
    exploration = policy.exploration
    certain = 1 - exploration.share - exploration.new_models
    found = [
        policy.period(past.now) != period
        or policy.space(past.facts.space) is not None
        or policy.area(past.facts.space, past.facts.area) is not None
        for past in table.pasts
    ]
    return np.array(found, dtype=np.bool_) | (table.numbers >= certain if certain < 1 else False)


class _Part:
    """The ordinary rows: arrays of shape (rows, models)."""

    def __init__(
        self, table: PastTable, policy: TenantPolicy, lanes: Sequence[Lane], terms: Floats, rows: Ints
    ) -> None:
        self._policy = policy
        self._lanes = lanes
        self._rows = rows
        self._column = {name: values[rows] for name, values in table.columns.items()}
        self._table = table
        self._rulings = [ruling_of(table.pasts[row].facts, table.pasts[row].task, policy) for row in rows.tolist()]
        self.barred: Bools = np.zeros((len(rows), len(lanes)), dtype=np.bool_)
        self.scores = self._scored(self._terms(terms))
        self.scores[self.barred] = np.nan

    # Terms -------------------------------------------------------------------------------------------------------

    def _lane(self, name: str) -> Floats:
        return np.array([getattr(lane, name) for lane in self._lanes], dtype=np.float64)

    def _terms(self, terms: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Return capability, quality, prior and boost: exact sums of whole numbers, rounded as ``LaneTable`` does."""
        kinds, models, width = terms.shape
        mixed = (self._table.mixture[self._rows] @ terms.reshape(kinds, models * width)).reshape(-1, models, width)
        each: Floats = np.floor((mixed + _WHOLE // 2) / _WHOLE) / _SCALE
        return each[..., 0], each[..., 1], each[..., 2], each[..., 3]

    def _scored(self, terms: tuple[Floats, Floats, Floats, Floats]) -> Floats:
        policy, column = self._policy, self._column
        scoring = policy.scoring
        weights = self._weights()
        known = _Known(self._table, self._lanes, column["statistics"], scoring.history_strength)
        output, most = self._output(known)
        capability, quality, prior, boost = terms
        able = self._able(capability, prior, known)
        latency = self._latency(known, output)
        needed, cost = self._money(output, most)
        self._bar(needed, latency, most)
        half_cost = np.array([scoring.cost_half[degree] for degree in COMPLEXITIES])[column["degree"]][:, None]
        half_latency = np.where(
            column["background"] == 1, scoring.latency_half_ms["background"], scoring.latency_half_ms["interactive"]
        )[:, None]
        linear = np.maximum(0.0, 1 - cost / (2 * half_cost))
        cost_term = linear if scoring.cost_form == "linear" else half_cost / (half_cost + cost)
        latency_term = half_latency / (half_latency + latency)
        boosts = np.clip(boost + self._boosts(), -scoring.boost_cap, scoring.boost_cap)
        score = weights[0] * able + weights[2] * quality + weights[1] * cost_term + weights[3] * latency_term
        score = score + (weights[4] * known.history(scoring.history_prior) + boosts)
        found: Floats = np.floor(np.clip(score, 0.0, 1.0) * _SCALE + 0.5) / _SCALE
        return found

    def _weights(self) -> list[Floats]:
        """Return the weights of the five terms, each of shape (rows, 1), as ``routing.score.paced`` changes them."""
        capability, cost, quality, latency, history = self._policy.weight_list
        pace = self._table.pace[self._rows][:, None]
        more = cost * self._policy.scoring.pacing * (pace - 1)
        scale = 1 / (1 + more)
        return [capability * scale, (cost + more) * scale, quality * scale, latency * scale, history * scale]

    def _output(self, known: "_Known") -> tuple[Floats, Floats]:
        """Return the likely and the largest answer in tokens."""
        column = self._column
        limits = np.array([self._policy.max_output_tokens(kind) for kind in TYPES])[column["type"]]
        limit = np.where(column["max_output"] > 0, column["max_output"], limits)[:, None]
        most = np.minimum(limit, self._lane("max_output"))
        usual = known.usual(column["output"].astype(np.float64))
        self._usual, self._limit = usual, limit[:, 0]
        thinking = (column["thinks"] == 1)[:, None] & (self._lane("thinking") == 1)
        output = np.where(thinking, np.floor(usual[:, None] * 3 / 2), usual[:, None])
        return np.minimum(known.drawn(output, known.output), most), most

    def _able(self, capability: Floats, prior: Floats, known: "_Known") -> Floats:
        """Return the capability term after ratings."""
        scoring = self._policy.scoring
        rated = known.ratings > 0
        if not rated.any():
            return capability
        required = np.array([scoring.required[degree] for degree in COMPLEXITIES])[self._column["degree"]][:, None]
        total = scoring.rating_strength + known.ratings
        good = rounded((scoring.rating_strength * prior + known.ratings * known.rating) / total)
        moved = _sufficiency(100 * good, required, scoring.sharpness) - _sufficiency(
            100 * prior, required, scoring.sharpness
        )
        return np.where(rated, rounded(np.clip(capability + moved, 0.0, 1.0)), capability)

    def _latency(self, known: "_Known", output: Floats) -> Floats:
        return np.floor(known.drawn(self._lane("ttft_ms") + self._lane("ms_per_token") * output, known.latency))

    def _money(self, output: Floats, most: Floats) -> tuple[Ints, Ints]:
        """Return (bound, estimate) in pico-dollars, whole numbers; rows that pass 64 bits are decided one by one."""
        added = np.array([lane.row.added_bound for lane in self._lanes], dtype=np.int64)
        bound_in = self._column["bound"][:, None] + added
        tokens_in = self._column["input"][:, None] + np.array([lane.row.added_tokens for lane in self._lanes])
        shape = self.barred.shape
        most_in, most_out = self._prices("bound_in", shape), self._prices("price_out", shape)
        likely_in, likely_out = self._prices("price_in", shape), self._prices("price_out", shape)
        fee = np.zeros(len(self._lanes), dtype=np.int64)
        for at, lane in enumerate(self._lanes):
            rates = lane.row.rates
            if rates is None:
                continue
            fee[at] = rates.per_request
            for tier in rates.tiers:
                over = bound_in[:, at] > tier.above
                most_in[over, at] = np.maximum(most_in[over, at], max(tier.input, tier.cache_write, tier.cached_input))
                most_out[over, at] = np.maximum(most_out[over, at], tier.output)
                over = tokens_in[:, at] > tier.above
                likely_in[over, at], likely_out[over, at] = tier.input, tier.output
        rough = bound_in * most_in.astype(np.float64) + most * most_out
        np.maximum(rough, tokens_in * likely_in.astype(np.float64) + output * likely_out, out=rough)
        self.inexact: Bools = np.any(rough > _LARGEST, axis=1)
        dearest = bound_in * most_in + most.astype(np.int64) * most_out
        likely = tokens_in * likely_in + output.astype(np.int64) * likely_out
        return -(-dearest // MILLION) + fee, -(-likely // MILLION) + fee

    def _prices(self, name: str, shape: tuple[int, ...]) -> Ints:
        return np.tile(np.array([getattr(lane, name) for lane in self._lanes], dtype=np.int64), (shape[0], 1))

    # Vetoes and boosts -------------------------------------------------------------------------------------------

    def _bar(self, needed: Ints, latency: Floats, most: Floats) -> None:
        column, entries = self._column, [lane.row.entry for lane in self._lanes]
        floors = self._policy.settings.min_quality
        floor = np.where(column["automated"] == 1, floors.get("automated", 0.0), floors.get("human_in_loop", 0.0))
        floor = np.maximum(self._table.min_quality[self._rows], floor)[:, None]
        money = np.minimum(np.minimum(column["max_cost"], column["per_request"]), column["headroom"])[:, None]
        window = column["input"][:, None] + np.minimum(self._usual[:, None], most)
        blind = np.array([not entry.vision for entry in entries])
        toolless = np.array([not entry.tools for entry in entries])
        for veto in (
            np.broadcast_to(self._lane("free") == 0, self.barred.shape),
            window > self._lane("context_window"),
            self._lane("ability") < floor,
            (column["vision"] == 1)[:, None] & blind,
            (column["tools"] == 1)[:, None] & toolless,
            latency > column["max_latency"][:, None],
            needed > money,
            self._health()[0],
        ):
            np.logical_or(self.barred, veto, out=self.barred)

    def _health(self) -> tuple[Bools, Bools]:
        """Return (no endpoint is open, the endpoint is degraded)."""
        closed, degraded = [], []
        for health in self._table.health.values:
            found = [endpoint_of(lane.row, health) if health else (True, False) for lane in self._lanes]  # type: ignore[arg-type]
            closed.append([endpoint is None for endpoint, _ in found])
            degraded.append([weak for _, weak in found])
        at = self._column["health"]
        return np.array(closed, dtype=np.bool_)[at], np.array(degraded, dtype=np.bool_)[at]

    def _boosts(self) -> Floats:
        policy, scoring, column = self._policy, self._policy.scoring, self._column
        index = {lane.model: at for at, lane in enumerate(self._lanes)}
        total = np.zeros(self.barred.shape)
        liked = np.zeros((len(self._table.preferences.values), len(self._lanes)))
        for at, scores in enumerate(self._table.preferences.values):
            for model, score in scores.items():
                if model in index:
                    liked[at, index[model]] = scoring.preference * (float(score) - 0.5)  # type: ignore[arg-type]
        total += liked[column["preference"]]
        low = self._table.confidence[self._rows] < policy.settings.confidence_floor
        if policy.default_model in index:
            total[low, index[policy.default_model]] += scoring.default_model
        for row, ruling in enumerate(self._rulings):
            for model, boost in ruling.boosts.items():
                if model in index:
                    total[row, index[model]] += boost
        total += self._lane("preferred") * scoring.preferred
        total += (column["tools"] == 1)[:, None] * (scoring.tools * self._lane("tool_skill"))
        always = policy.settings.stickiness == "conversation"
        for row, model in enumerate(self._table.warm[row] for row in self._rows.tolist()):
            if model is not None and model in index:
                kept = column["per_conversation"][row] or (always and not column["per_message"][row])
                total[row, index[model]] += scoring.sticky_conversation if kept else scoring.sticky
        return total - self._health()[1] * scoring.degraded

    # Choosing ----------------------------------------------------------------------------------------------------

    def picks(self, alone: Bools) -> list[int]:
        """Return the number of the chosen model per row, -1 where all are barred; marks rows in ``alone`` as unsure."""
        filled = np.where(self.barred, -1.0, self.scores)
        best = filled.argmax(axis=1)
        top = filled[np.arange(len(filled)), best]
        close = ((top[:, None] - filled) < _CLOSE).sum(axis=1) > 1
        picks = np.where(top < 0, -1, best)
        unsure: Bools = np.logical_or(close | (top < 0), self.inexact)
        if self._policy.exploration.probation:
            unsure |= self._is_new(best)
        by_rule: dict[int, tuple[CompiledRule, list[int]]] = {}
        for row, ruling in enumerate(self._rulings):
            if ruling.choice is not None:
                by_rule.setdefault(id(ruling.choice), (ruling.choice, []))[1].append(row)
        for rule, members in by_rule.values():
            self._follow(rule, np.array(members), filled, picks, unsure)
        alone[self._rows[unsure]] = True
        found: list[int] = picks.tolist()
        return found

    def _is_new(self, best: Ints) -> Bools:
        """Return the rows whose best model is too new to be chosen for its score."""
        exploration, snapshots = self._policy.exploration, self._table.statistics.values
        at, entries = self._column["statistics"].tolist(), [lane.row.entry for lane in self._lanes]
        known = [snapshots[number].get(entries[place].id) for place, number in zip(best.tolist(), at, strict=True)]
        found = [
            is_new(entries[place], exploration, view if isinstance(view, StatisticsView) else None)
            for place, view in zip(best.tolist(), known, strict=True)
        ]
        return np.array(found, dtype=np.bool_)

    def _follow(self, rule: CompiledRule, members: Ints, filled: Floats, picks: Ints, unsure: Bools) -> None:
        """Let a lock or a restriction choose for its rows; what it cannot say here is decided one by one."""
        index = {lane.model: at for at, lane in enumerate(self._lanes)}
        listed = [index.get(model) for model in rule.models]
        if rule.suffix is not None or rule.effect != "lock" or rule.min_quality is not None or None in listed:
            unsure[members] = True
            return
        open_ones = filled[members][:, [at for at in listed if at is not None]] >= 0
        first = open_ones.argmax(axis=1)
        some = open_ones.any(axis=1)
        picks[members[some]] = np.array(listed, dtype=np.int64)[first[some]]
        unsure[members[some]] = self.inexact[members[some]]
        unsure[members[~some]] = True


class _Known:
    """What history says, per row and model."""

    def __init__(self, table: PastTable, lanes: Sequence[Lane], at: Ints, strength: float) -> None:
        self._strength = strength
        snapshots = table.statistics.values
        names = ("calls", "success_rate", "rating", "ratings", "latency_p50_ms", "output_p50")
        cube = np.full((len(snapshots), len(lanes), len(names)), np.nan)
        pooled = np.zeros((len(snapshots), 2))
        for number, snapshot in enumerate(snapshots):
            for place, lane in enumerate(lanes):
                found = snapshot.get(lane.model)
                if isinstance(found, StatisticsView):
                    cube[number, place] = [getattr(found, name) for name in names]
            for found in snapshot.values():
                if isinstance(found, StatisticsView) and found.output_p50 is not None:
                    pooled[number] += (found.calls, found.calls * found.output_p50)
        here = cube[at]
        self.calls: Floats = np.nan_to_num(here[..., 0])
        self.success, self.rating = here[..., 1], np.nan_to_num(here[..., 2])
        self._rated = ~np.isnan(here[..., 2])
        self.ratings: Floats = np.where(self._rated, np.nan_to_num(here[..., 3]), 0.0)
        self.latency, self.output = here[..., 4], here[..., 5]
        self._pooled = pooled[at]
        self._any = np.array([bool(snapshot) for snapshot in snapshots])[at]

    def usual(self, estimated: Floats) -> Floats:
        """Return the likely length of answers, drawn to what all models' answers show."""
        total, weighted = self._pooled[:, 0], self._pooled[:, 1]
        pooled = np.floor((self._strength * estimated + weighted) / (self._strength + total))
        return np.where(self._any, pooled, estimated)

    def drawn(self, prior: Floats, measured: Floats) -> Floats:
        """Return ``prior`` drawn to ``measured`` as calls come in; whole numbers where something was measured."""
        known = ~np.isnan(measured) & (self.calls > 0)
        moved = (self._strength * prior + self.calls * np.nan_to_num(measured)) / (self._strength + self.calls)
        return np.where(known, np.floor(moved), prior)

    def history(self, prior: float) -> Floats:
        """Return the history term."""
        rated, succeeded = self._rated, ~np.isnan(self.success)
        seen = rated.astype(np.float64) + succeeded
        observed = (np.nan_to_num(self.success) + np.where(rated, self.rating, 0.0)) / np.maximum(seen, 1)
        term = rounded((self._strength * prior + self.calls * observed) / (self._strength + self.calls))
        found: Floats = np.where((self.calls > 0) & (seen > 0), term, round(prior, 9))
        return found


def rounded(values: Floats) -> Floats:
    """Return ``values`` at nine decimals as ``round`` gives them: numpy's own differs where a value lies half way."""
    found: Floats = np.round(values, 9)
    rest = np.abs(values) * _SCALE
    for at in np.flatnonzero(np.abs(rest - np.floor(rest) - 0.5) < _HALF_WAY).tolist():
        found.flat[at] = round(float(values.flat[at]), 9)
    return found


def _sufficiency(ability: Floats, required: Floats, sharpness: int) -> Floats:
    share = ability / required
    worth = np.ones_like(share)
    for _ in range(sharpness):
        worth = worth * share
    found: Floats = np.where(ability >= required, 1.0, rounded(worth))
    return found
