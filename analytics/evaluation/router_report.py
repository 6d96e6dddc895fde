"""The report of a router evaluation: JSON, rows of a table, and one HTML page that needs nothing else."""

from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from typing import Any, Final

from analytics.evaluation.chart import cost_quality_chart
from analytics.evaluation.comparison import Comparison, Report
from analytics.evaluation.intervals import Estimate
from analytics.evaluation.reliability import Reliability
from analytics.evaluation.reliability_chart import reliability_chart

BASELINES: Final = ("random", "best_single", "length_only", "task_label", "knn", "oracle")
TITLES: Final[Mapping[str, str]] = {
    "router": "the router",
    "knn": "nearest neighbours",
    "task_label": "task label known",
    "length_only": "prompt length only",
    "best_single": "best single model",
    "random": "any model at random",
    "oracle": "best model of each question",
}
COLUMNS: Final[Mapping[str, str]] = {
    "accuracy": "quality",
    "lift": "lift",
    "cost": "cost",
    "saving": "saving",
    "equal_lift": "lift there",
    "apgr": "APGR",
    "cpt50": "CPT50",
    "cpt80": "CPT80",
}
_NO_TASK: Final = Estimate(None, None, None)
_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;"
    "color:#1c2733;background:#fff}"
    "h1{font-size:1.5rem}table{border-collapse:collapse;margin:1rem 0;display:block;overflow-x:auto}"
    "th,td{padding:.35rem .7rem;border-bottom:1px solid #d5dce3;text-align:right;white-space:nowrap}"
    "th:first-child,td:first-child{text-align:left}small{color:#5a6b7b}svg{max-width:100%;height:auto}"
)


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as an object; figures of the router first, then the accuracy of each baseline."""
    router = report.policies["router"]
    return {
        "accuracy": router.accuracy.as_json(),
        "cost": router.cost.as_json(),
        "apgr": router.apgr.as_json(),
        "cpt50": router.cpt50.as_json(),
        "cpt80": router.cpt80.as_json(),
        "saving_at_equal_quality": router.saving.as_json(),
        "baselines": {
            name: (report.policies[name].accuracy if name in report.policies else _NO_TASK).as_json()
            for name in BASELINES
        },
        "lift_over_best_single": router.lift.as_json(),
        "lift_at_equal_quality": router.equal_lift.as_json(),
        "policies": {
            name: {figure: getattr(found, figure).as_json() for figure in COLUMNS}
            for name, found in report.policies.items()
        },
        "models": [
            {"model": name, "cost": round(cost, 6), "accuracy": round(quality, 6)}
            for name, cost, quality in report.singles
        ],
        "curves": {
            name: [[round(cost, 6), round(quality, 6)] for cost, quality in points] for name, points in report.curve
        },
        "calibration": {name: _reliability_json(found) for name, found in report.reliability.items()},
        "correction": report.line._asdict(),
        **report.facts,
    }


def _reliability_json(found: Reliability) -> dict[str, Any]:
    return {
        "ece": found.error.as_json(),
        "bins": [{name: round(value, 6) for name, value in asdict(each).items()} for each in found.bins],
    }


def metrics(report: Report) -> dict[str, Any]:
    """Return the router's own figures, for the artefact."""
    found = report.policies["router"]
    return {figure: getattr(found, figure).as_json() for figure in COLUMNS}


def as_rows(report: Report) -> list[dict[str, str]]:
    """Return one row per policy, the best first after the router."""
    return [{"policy": TITLES[name], **_row(found)} for name, found in report.policies.items()]


def remarks(report: Report) -> list[str]:
    """Return what a reader must know beside the table, in sentences."""
    facts = report.facts
    noise = facts["label_noise"]
    parted = (
        f"trained and fixed on {facts['questions'] - facts['held_out_questions']} questions, "
        f"judged on {facts['held_out_questions']} others"
        if facts["held_out_questions"]
        else f"{facts['splits']} splits into train, validation and test (60/20/20)"
    )
    found = [
        (
            f"{facts['questions']} different questions of {facts['rows']} rows, {len(facts['models'])} models; "
            f"{parted}; figures of test, 95 % intervals over {facts['resamples']} resamples of the questions."
        ),
        (
            f"Best single model: {facts['best_single']}; cheap anchor of APGR and CPT: {facts['cheapest']}. "
            f"Cost: {facts['cost_unit']}."
        ),
        (
            "Lift: quality above the best single model's. Saving: cost below its cost at equal quality, the trade-off "
            "being the greatest that on validation is half a standard error above its quality; lift there: what "
            "the quality turned out to be. APGR, CPT50, CPT80: share of the quality gap between cheap anchor and best "
            "single model that is recovered; share of the way to its cost needed for 50 and 80 % of it."
        ),
    ]
    believed = report.reliability
    found.append(
        "Calibration of the router's predictions (mean distance of expected and observed quality in ten bins): "
        f"{shown(believed['all'].error)} over all models; corrected by a line fitted on validation "
        f"{shown(believed['corrected'].error)}, so of the model chosen {shown(believed['chosen'].error)}."
    )
    if noise["questions_scored_again"]:
        found.append(
            f"Label noise: {noise['questions_scored_again']} questions stand more than once, "
            f"{noise['of_them_scored_differently']} of them with other scores; the scores of one model on one question "
            f"differ by {noise['mean_difference']:.3f} in the mean."
        )
    if facts["incomplete_rows"]:
        found.append(f"{facts['incomplete_rows']} rows lack a score of some model and were left out.")
    return found


def as_html(report: Report, title: str = "Router evaluation") -> str:
    """Return a page with table, chart and remarks."""
    head = "".join(f"<th>{escape(text)}</th>" for text in ("", *COLUMNS.values()))
    body = "".join(
        f"<tr><td>{escape(TITLES[name])}</td>{''.join(_cell(found, figure) for figure in COLUMNS)}</tr>"
        for name, found in report.policies.items()
    )
    said = "".join(f"<p>{escape(text)}</p>" for text in remarks(report))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{escape(title)}</h1><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f"{cost_quality_chart(report)}{reliability_chart(report.reliability)}{said}</body></html>\n"
    )


def _row(found: Comparison) -> dict[str, str]:
    return {COLUMNS[figure]: shown(getattr(found, figure)) for figure in COLUMNS}


def shown(estimate: Estimate) -> str:
    """Return ``value [low, high]``, or a dash."""
    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _cell(found: Comparison, figure: str) -> str:
    estimate: Estimate = getattr(found, figure)
    if estimate.value is None:
        return "<td>-</td>"
    interval = f"<br><small>{estimate.low:.3f} to {estimate.high:.3f}</small>" if estimate.low is not None else ""
    spread = f" <small>&plusmn;{estimate.sd:.3f}</small>" if estimate.sd else ""
    return f"<td>{estimate.value:.3f}{spread}{interval}</td>"
