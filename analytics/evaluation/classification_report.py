"""The report of a classifier's evaluation as rows for a table and as a page of HTML."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final

_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem .8rem;text-align:left}"
    "td,th{border-bottom:1px solid #ddd}"
    "td:nth-child(n+2){font-variant-numeric:tabular-nums}"
)


def shown(figure: Mapping[str, Any]) -> str:
    """Return a figure with its interval, for example ``0.712 (0.684 to 0.739)``."""
    if figure.get("value") is None:
        return "-"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def as_rows(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the report line by line: what, figure with interval, number of prompts, remark."""
    rows = [
        _row("accuracy", found["accuracy"], ""),
        _row("macro F1", found["macro_f1"], ""),
        _row("calibration error", found["ece"], "mean distance of confidence and accuracy"),
    ]
    for threshold, part in found["coverage"].items():
        rows.append(_row(f"confidence >= {threshold}", part, f"accuracy there {shown(part['accuracy'])}"))
    for label, part in found["per_label"].items():
        precision = "-" if part["precision"] is None else f"{part['precision']:.3f}"
        rows.append(_row(f"label {label}", part, f"precision {precision}, F1 {part['f1']:.3f}"))
    for language, part in found["per_language"].items():
        rows.append(_row(f"language {language}", part, ""))
    for pair in found["confusion"][:12]:
        what = f"{pair['truth']} taken for {pair['said']}"
        rows.append({"what": what, "figure": "", "n": str(pair["count"]), "remark": ""})
    return rows


def _row(what: str, figure: Mapping[str, Any], remark: str) -> dict[str, str]:
    return {"what": what, "figure": shown(figure), "n": str(figure.get("n", "")), "remark": remark}


def remarks(found: Mapping[str, Any]) -> list[str]:
    """Return what a reader has to know beside the figures."""
    speed = found["speed"]
    lines = [f"{found['examples']} prompts, 95 % intervals."]
    if found["left_out"]:
        names = ", ".join(f"{name} ({count})" for name, count in found["left_out"].items())
        lines.append(f"Left out, because their labels mean no type of work: {names}.")
    if speed["p50_us"] is not None:
        lines.append(
            f"Classification took {speed['p50_us']:.0f} us (p50), {speed['p99_us']:.0f} us (p99) of CPU a prompt."
        )
    return lines


def as_html(found: Mapping[str, Any], title: str = "Classifier evaluation") -> str:
    """Return the report as one self-contained page."""
    head = f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title><style>{_STYLE}</style>"
    body = [f"<h1>{escape(title)}</h1>", *(f"<p>{escape(line)}</p>" for line in remarks(found))]
    body.append(_table(("what", "figure", "n", "remark"), (row.values() for row in as_rows(found))))
    body.append("<h2>Calibration</h2>")
    bins = found["ece"]["bins"]
    body.append(
        _table(("confidence from", "n", "mean confidence", "accuracy"), ([str(v) for v in b.values()] for b in bins))
    )
    body.append("<h2>Confusion</h2>")
    pairs = ((pair["truth"], pair["said"], str(pair["count"])) for pair in found["confusion"])
    body.append(_table(("truth", "answer", "prompts"), pairs))
    return head + "".join(body) + "</html>\n"


def _table(names: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    lines = ("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"
