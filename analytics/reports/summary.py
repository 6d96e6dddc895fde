"""The summary of what ran: spending, savings, fallbacks, completion, overrides and what was learned from them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from analytics.answer import Answer
from analytics.door_client import query
from analytics.place import StoreSettings

SUMMARY: Final = ("overview", "spend_by_model", "savings", "fallbacks", "overrides", "learned", "budgets")
"""The reports of a summary, in the order of reading."""
_FOLDER: Final = Path(__file__).parent
_DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    "savings": {"baseline": ""},
    "shares": {"tenant": "", "task_type": "all"},
    "spend": {"tenant": "", "month": "", "by": "tenant"},
    "effectiveness": {"tenant": ""},
}


class UnknownReportError(ValueError):
    """There is no report of that name; the message lists those there are."""


def report_names() -> tuple[str, ...]:
    """Return the names of all reports."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.sql")))


def report_sql(name: str) -> str:
    """Return the SQL of a report; raise `UnknownReportError`."""
    if name not in report_names():
        raise UnknownReportError(f"there is no report {name!r} (there are: {', '.join(report_names())})")
    return (_FOLDER / f"{name}.sql").read_text()


def report(settings: StoreSettings, name: str, params: Mapping[str, Any] | None = None) -> Answer:
    """Return a report's rows; raise `UnknownReportError`, `QueryError` or `DoorClosedError`.

    ``savings`` takes ``baseline``: the premium model to compare with; without it, the dearest that could have served.
    ``shares``, ``spend`` and ``effectiveness`` take ``tenant``, and what their SQL names besides.
    """
    return query(settings, report_sql(name), {**_DEFAULTS.get(name, {}), **(params or {})})


def summary(settings: StoreSettings) -> dict[str, Answer]:
    """Return all reports of the summary by name: money is `decimal.Decimal`, rates are 0 to 1 or None."""
    return {name: report(settings, name) for name in SUMMARY}
