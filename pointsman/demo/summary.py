"""What the demo's traffic came to, asked of ClickHouse: spending, savings, fallbacks, refusals, what was learned."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from analytics.door_client import DoorClosedError, query
from pointsman.demo.script import Script
from pointsman.lines import columns, dollars, seconds
from schemas.money import usd_to_pico
from streams.settings import Settings

_ENDED = "SELECT count() AS ended FROM v_requests"
_MODELS = """
SELECT model, decisions, calls, successes, latency_p50_ms, rating, cost
FROM v_model_summary ORDER BY cost DESC, calls DESC, model"""
_SAVINGS = """
SELECT sum(answers) AS answers, sum(actual_cost) AS actual, sum(baseline_cost) AS baseline
FROM v_savings WHERE baseline_model = {baseline:String}"""
_FALLBACKS = """
SELECT model, attempts, failed, fallbacks, recovered
FROM v_fallback_rates WHERE failed > 0 ORDER BY failed DESC, model"""
_TENANTS = """
SELECT tenant, count() AS requests, countIf(status = 'refused') AS refused,
       countIf(status NOT IN ('completed', 'routed', 'refused')) AS failed, sum(toDecimal128(cost, 12)) AS cost
FROM v_requests GROUP BY tenant ORDER BY cost DESC, tenant"""
_LEARNED = """
SELECT if(startsWith(conversation_id, 'captions-before'), 'before', 'after') AS period,
       count() AS requests, countIf(model = {wish:String}) AS wished
FROM v_requests
WHERE user = {user:String} AND tenant = {tenant:String} AND startsWith(conversation_id, 'captions-')
  AND override_model = ''
GROUP BY period ORDER BY period DESC"""
_PREFERENCES = """
SELECT model, argMax(score, version) AS score, argMax(overrides_to, version) AS overrides_to,
       argMax(overrides_from, version) AS overrides_from, argMax(ratings, version) AS ratings
FROM preference_scores WHERE user = {user:String} AND tenant = {tenant:String}
GROUP BY model ORDER BY score DESC, model"""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the summary: as lines for people, as rows for programs."""

    title: str
    lines: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return title and rows."""
        return {"title": self.title, "rows": list(self.rows)}


class NotRecordedError(RuntimeError):
    """ClickHouse does not have all requests in time."""


def await_recorded(settings: Settings, ended: int, timeout: float) -> None:
    """Wait until ClickHouse has the outcome of every request that ended; raise `NotRecordedError`."""
    deadline = time.monotonic() + timeout
    found = 0
    while time.monotonic() < deadline:
        try:
            found = int(query(settings, _ENDED).rows[0][0])
        except DoorClosedError:
            found = 0
        if found >= ended:
            return
        time.sleep(0.2)
    raise NotRecordedError(f"ClickHouse has {found} of {ended} requests after {timeout:.0f} s: pointsman logs recorder")


def sections(settings: Settings, script: Script) -> list[Section]:
    """Return the summary, in the order it is shown."""

    def ask(sql: str, **parameters: str) -> list[dict[str, Any]]:
        return query(settings, sql, dict(parameters)).dicts()

    person = {"user": str(script.learning.fields["user"]), "tenant": str(script.learning.fields["tenant"])}
    return [
        _models(ask(_MODELS)),
        _savings(ask(_SAVINGS, baseline=script.baseline), script.baseline),
        _fallbacks(ask(_FALLBACKS)),
        _tenants(ask(_TENANTS)),
        _learned(ask(_LEARNED, wish=script.learning.wish, **person), ask(_PREFERENCES, **person), script),
    ]


def _money(value: Decimal | None) -> str:
    return "-" if value is None else dollars(usd_to_pico(value, round_up=True))


def _table(
    head: Sequence[str], rows: list[dict[str, Any]], cells: Callable[[dict[str, Any]], Sequence[str]]
) -> tuple[str, ...]:
    return tuple(columns([tuple(head), *(tuple(cells(row)) for row in rows)]))


def _models(rows: list[dict[str, Any]]) -> Section:
    lines = _table(
        ("model", "decisions", "answers", "median", "rating", "spent"),
        rows,
        lambda row: (
            row["model"],
            str(row["decisions"]),
            f"{row['successes']} of {row['calls']}",
            seconds(row["latency_p50_ms"]),
            "-" if row["rating"] is None else f"{row['rating']:.2f}",
            _money(row["cost"]),
        ),
    )
    return Section("Spend by model (simulated prices of the price book)", lines, tuple(rows))


def _savings(rows: list[dict[str, Any]], baseline: str) -> Section:
    row = rows[0]
    actual, alone = Decimal(row["actual"] or 0), Decimal(row["baseline"] or 0)
    share = float((alone - actual) / alone) if alone else 0.0
    line = (
        f"{row['answers']} answers cost {_money(actual)}; the same tokens with {baseline} alone: {_money(alone)}, "
        f"so {share:.0%} saved (equal tokens assumed; quality is not compared here)"
    )
    return Section(f"Savings against one premium model ({baseline})", (line,), ({**row, "saved_share": share},))


def _fallbacks(rows: list[dict[str, Any]]) -> Section:
    attempts = sum(int(row["attempts"]) for row in rows)
    failed = sum(int(row["failed"]) for row in rows)
    lines = _table(
        ("model", "attempts", "failed", "fell back", "recovered"),
        rows,
        lambda row: (row["model"], *(str(row[name]) for name in ("attempts", "failed", "fallbacks", "recovered"))),
    )
    title = (
        f"Fallbacks: {failed} of {attempts} attempts of these models failed" if rows else "Fallbacks: no attempt failed"
    )
    return Section(title, lines if rows else (), tuple(rows))


def _tenants(rows: list[dict[str, Any]]) -> Section:
    lines = _table(
        ("tenant", "requests", "refused", "failed", "spent"),
        rows,
        lambda row: (row["tenant"], str(row["requests"]), str(row["refused"]), str(row["failed"]), _money(row["cost"])),
    )
    return Section("Tenants: what does not fit a budget is refused before it costs anything", lines, tuple(rows))


def _learned(periods: list[dict[str, Any]], scores: list[dict[str, Any]], script: Script) -> Section:
    user, wish = script.learning.fields["user"], script.learning.wish
    lines = [
        f"{row['period']}: Auto chose {wish} for {row['wished']} of {row['requests']} captions of {user}"
        for row in periods
    ]
    lines += [
        f"{row['model']}: preference {row['score']:.2f} after {row['overrides_to']} overrides to it, "
        f"{row['overrides_from']} away from it, {row['ratings']} ratings"
        for row in scores[:4]
    ]
    title = f"Learned from overrides: {user} kept choosing {wish}"
    return Section(title, tuple(lines), ({"periods": periods, "preferences": scores},))
