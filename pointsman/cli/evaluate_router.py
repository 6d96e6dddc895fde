from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.output import Output, emit_object, emit_rows, note, progress, remember

if TYPE_CHECKING:
    from analytics.evaluation.comparison import Report
    from analytics.evaluation.matrix import Columns, FloatArray, Matrix
    from routing.quality_model import QualityModel


class ReportForm(StrEnum):
    """Forms of a report on stdout."""

    TABLE = "table"
    JSON = "json"
    HTML = "html"


def _remember(value: ReportForm) -> ReportForm:
    remember(Output.JSON if value is ReportForm.JSON else Output.TABLE)
    return value


def router(
    matrix: Annotated[
        list[Path], typer.Argument(help="CSV, Parquet, JSON or JSONL: a prompt and each model's score; several add up.")
    ],
    prices: Annotated[
        Path | None, typer.Option(help="JSON: input_price and output_price of each model, dollars per million tokens.")
    ] = None,
    prompt_column: Annotated[
        str | None, typer.Option(help="Column of the prompts, where it is not called prompt, question, query or text.")
    ] = None,
    task_column: Annotated[str | None, typer.Option(help="Column of the tasks.")] = None,
    tasks: Annotated[
        list[Path] | None,
        typer.Option(help="File with a question and its task, for a matrix without tasks; repeatable."),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="YAML: `their task: our name`, to rename or merge tasks; null: no task.")
    ] = None,
    holdout: Annotated[
        Path | None,
        typer.Option(help="Judge on the questions of this matrix that do not stand in MATRIX, instead of on splits."),
    ] = None,
    artefact: Annotated[
        Path | None, typer.Option(help="Judge this trained predictor, instead of training one on each split.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Train on all questions at the end and write the predictor to this file.")
    ] = None,
    chart: Annotated[Path | None, typer.Option(help="Write the cost-quality chart (SVG) to this file.")] = None,
    reliability_chart: Annotated[
        Path | None, typer.Option(help="Write the reliability diagram of the predictions (SVG) to this file.")
    ] = None,
    splits: Annotated[int, typer.Option(min=1, max=50, help="Times the questions are parted anew.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the splits and the intervals.")] = 0,
    output: Annotated[
        ReportForm, typer.Option("--output", "-o", help="Form of the report.", callback=_remember)
    ] = ReportForm.TABLE,
) -> None:
    """Say what a router is worth on an evaluation matrix: quality, cost and saving against simple rules."""
    from analytics.evaluation.matrix import Columns, read_matrix, read_tasks, renamed
    from analytics.evaluation.names import NamesError, read_names
    from analytics.evaluation.router import EvaluationError, evaluate
    from analytics.evaluation.rows import MatrixError
    from analytics.evaluation.splits import EvaluationSettings

    columns = Columns(prompt_column, task_column)
    try:
        named: dict[str, str] = {}
        for path in tasks or ():
            named = {**read_tasks(path), **named}
        with progress("reading the matrix") as tell:
            read = read_matrix(matrix, columns, named)
            count = 0
            if holdout is not None:
                read, count = _extended(read, holdout, columns, named)
            if labels is not None:
                read = renamed(read, read_names(labels))
            costs, unit = _costs(read, prices)
            model = None if artefact is None else _load(artefact, read)
            report = evaluate(read, costs, EvaluationSettings(splits=splits, seed=seed), model, count, tell)
            report = _with_facts(report, {"cost_unit": unit})
            if save is not None:
                tell("training on all questions")
                _save(save, read, report, seed)
    except (MatrixError, NamesError, EvaluationError) as error:
        raise CliError(str(error), "pointsman evaluate router --help", ExitCode.USAGE) from None
    _draw(report, chart, reliability_chart)
    _show(report, output)


def _draw(report: "Report", curve: Path | None, believed: Path | None) -> None:
    if curve is not None:
        from analytics.evaluation.chart import cost_quality_chart

        curve.write_text(cost_quality_chart(report))
    if believed is not None:
        from analytics.evaluation.reliability_chart import reliability_chart

        believed.write_text(reliability_chart(report.reliability))


def _extended(known: "Matrix", path: Path, columns: "Columns", tasks: dict[str, str]) -> "tuple[Matrix, int]":
    """Return the matrix with the new questions of ``path`` at its end, and their number."""
    from analytics.evaluation.matrix import read_matrix
    from analytics.evaluation.router import clean_of, joined

    other = read_matrix([path], columns, tasks)
    fresh = clean_of(other, known)
    if not len(fresh):
        raise CliError(f"{path.name}: every question stands in the matrix too", code=ExitCode.USAGE)
    return joined(known, other.take(fresh)), len(fresh)


def _costs(matrix: "Matrix", prices: Path | None) -> "tuple[FloatArray, str]":
    import numpy as np

    from analytics.evaluation.prices import list_costs, read_prices

    if prices is not None:
        costs = list_costs(matrix, read_prices(prices, matrix.models))
        return costs, "list price in dollars per million tokens, input and output in equal parts, every prompt alike"
    if matrix.costs is not None:
        return matrix.costs, "dollars per answer, as measured in the matrix"
    note("no prices: every model counts as equally dear, so that there is no saving to report (--prices FILE)")
    return np.ones_like(matrix.scores), "none given"


def _load(path: Path, matrix: "Matrix") -> "QualityModel":
    from pointsman.cli.predictor import read_model
    from routing.quality_training import data_hash

    model = read_model(path)
    if model.facts.get("data_sha256") == data_hash(matrix.prompts, matrix.scores, matrix.models):
        raise CliError(
            f"{path.name} was trained on these very questions: its figures would flatter",
            "judge it on others, or leave --artefact out",
            ExitCode.USAGE,
        )
    return model


def _save(path: Path, matrix: "Matrix", report: "Report", seed: int) -> None:
    """Train on everything and write the artefact: the same questions and scores give the same bytes."""
    import orjson

    from analytics.evaluation.router_report import metrics
    from routing.quality_artefact import as_json
    from routing.quality_features import features_of
    from routing.quality_training import data_hash, train

    facts = {
        "data_sha256": data_hash(matrix.prompts, matrix.scores, matrix.models),
        "metrics": metrics(report),
        "correction": report.line._asdict(),
        "score_range": [float(matrix.scores.min()), float(matrix.scores.max())],
        "command": f"pointsman evaluate router MATRIX --seed {seed} --save {path.name}",
    }
    features = [features_of(prompt) for prompt in matrix.prompts]
    model = train(features, matrix.scores, matrix.models, facts=facts, kinds=matrix.tasks)
    path.write_bytes(orjson.dumps(as_json(model)) + b"\n")


def _with_facts(report: "Report", more: dict[str, Any]) -> "Report":
    from dataclasses import replace

    return replace(report, facts={**report.facts, **more})


def _show(report: "Report", output: ReportForm) -> None:
    from analytics.evaluation.router_report import as_html, as_json, as_rows, remarks

    if output is ReportForm.JSON:
        emit_object(as_json(report), Output.JSON)
    elif output is ReportForm.HTML:
        print(as_html(report), end="")
    else:
        emit_rows(as_rows(report), Output.TABLE)
        for remark in remarks(report):
            print(remark)
