"""What the demo's traffic came to, asked of ClickHouse: spending, savings, fallbacks, refusals, what was learned."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from analytics.door_client import DoorClosedError, query
from analytics.reports.summary import report
from pointsman.demo.script import Script
from pointsman.lines import columns, dollars
from schemas.money import usd_to_pico
from streams.settings import Settings

_ENDED = "SELECT count() AS ended FROM v_requests"
_FORFEITED = "SELECT count() AS calls, sum(toDecimal128(cost, 12)) AS cost FROM cost_tracking WHERE kind = 'forfeited'"
_TENANTS = """
SELECT tenant, count() AS requests, countIf(status = 'refused') AS refused,
       countIf(status NOT IN ('completed', 'routed', 'refused')) AS failed, sum(toDecimal128(cost, 12)) AS cost
FROM v_requests GROUP BY tenant ORDER BY refused DESC, cost DESC, tenant"""
_OWN_CHOICES = """
SELECT model, tier FROM routing_decisions FINAL
WHERE kind = 'made' AND forced_by = '' AND user = {user:String} AND tenant = {tenant:String}
  AND startsWith(conversation_id, 'captions-')
ORDER BY event_ts, src_offset"""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the summary: as lines for people, as rows for programs."""

    title: str
    lines: tuple[str, ...]
    rows: tuple[Row, ...]

    def as_dict(self) -> Row:
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


def sections(settings: Settings, script: Script, *, simulated: bool) -> list[Section]:
    """Return the summary, in the order it is shown."""
    person = {"user": str(script.learning.fields["user"]), "tenant": str(script.learning.fields["tenant"])}
    choices = query(settings, _OWN_CHOICES, dict(person)).dicts()
    forfeited = query(settings, _FORFEITED).dicts()[0]
    learned = [row for row in report(settings, "learned").dicts() if row["user"] == person["user"]]
    return [
        _spending(report(settings, "spend_by_model").dicts(), forfeited, simulated=simulated),
        _savings(report(settings, "savings", {"baseline": script.baseline}).dicts(), script.baseline),
        _fallbacks(report(settings, "fallbacks").dicts()[0]),
        _tenants(query(settings, _TENANTS).dicts()),
        _learned(choices, learned, script),
    ]


def _money(value: Decimal | None) -> str:
    return "-" if value is None else dollars(usd_to_pico(value, round_up=True))


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _table(head: Sequence[str], rows: list[Row], cells: Callable[[Row], Sequence[str]]) -> tuple[str, ...]:
    return tuple(columns([tuple(head), *(tuple(cells(row)) for row in rows)]))


def _spending(rows: list[Row], forfeited: Row, *, simulated: bool) -> Section:
    total = sum((row["cost"] for row in rows), Decimal(0))
    lines = _table(
        ("model", "calls", "tokens in", "tokens out", "share", "spent"),
        rows,
        lambda row: (
            row["model"],
            str(row["calls"]),
            f"{row['input_tokens']:,}",
            f"{row['output_tokens']:,}",
            _share(row["share"]),
            _money(row["cost"]),
        ),
    )
    if forfeited["calls"]:
        what = f"{forfeited['calls']} calls ended without anybody knowing whether they are billed, so"
        lines = (*lines, f"of it {_money(forfeited['cost'])}: {what} their whole hold counts as spent")
    answers = "simulated answers at the prices of the price book" if simulated else "as billed"
    return Section(f"Spend by model: {_money(total)} ({answers})", lines, tuple(rows))


def _savings(rows: list[Row], baseline: str) -> Section:
    title = f"Savings against one premium model ({baseline})"
    if not rows:
        return Section(title, ("no answered calls",), ())
    row = rows[0]
    line = (
        f"{row['answers']} answers cost {_money(row['actual_cost'])}; the same tokens with {baseline} alone cost "
        f"{_money(row['baseline_cost'])}: {_share(row['saved_share'])} saved (same tokens; quality not compared)"
    )
    return Section(title, (line,), tuple(rows))


def _fallbacks(row: Row) -> Section:
    rate = row["failed"] / row["attempts"] if row["attempts"] else 0.0
    line = (
        f"{row['failed']} of {row['attempts']} attempts failed ({rate:.1%}); {row['fallbacks']} went on to the next in "
        f"the chain, {row['recovered']} of them were answered; {row['rate_limits']} rate limits met"
    )
    return Section("Fallbacks", (line,), (row,))


def _tenants(rows: list[Row]) -> Section:
    lines = _table(
        ("tenant", "requests", "refused", "failed", "spent"),
        rows,
        lambda row: (row["tenant"], str(row["requests"]), str(row["refused"]), str(row["failed"]), _money(row["cost"])),
    )
    return Section("Tenants: what does not fit a budget is refused before it costs anything", lines, tuple(rows))


def _learned(choices: list[Row], scores: list[Row], script: Script) -> Section:
    user, wish = script.learning.fields["user"], script.learning.wish
    runs = [(model, len(list(run))) for model, run in groupby(row["model"] for row in choices)]
    sequence = ", then ".join(f"{count} x {model}" for model, count in runs) or "nothing"
    lines = [f"Auto's own choices for {user}'s captions, in order: {sequence}"]
    lines += [
        f"{row['model']}: preference {row['score']:.2f} (0.5 knows nothing); {row['overrides_to']} overrides to it, "
        f"{row['overrides_from']} away from it, {row['ratings']} ratings"
        for row in scores[:4]
    ]
    title = f"Learned from overrides: {user} switched to {wish} whenever Auto chose another model"
    return Section(title, tuple(lines), ({"choices": choices, "preferences": scores},))
