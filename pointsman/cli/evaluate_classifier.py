from array import array
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.evaluate_router import ReportForm
from pointsman.cli.output import Output, emit_object, emit_rows, progress, remember

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analytics.evaluation.judging import Judge
    from analytics.evaluation.labels import Labels

_TEXTS = ("text", "prompt", "query", "question")
_LABELS = ("label", "task", "task_name", "type")
_EVERY = 2_000


def _remember(value: ReportForm) -> ReportForm:
    remember(Output.JSON if value is ReportForm.JSON else Output.TABLE)
    return value


def classifier(
    file: Annotated[
        list[Path], typer.Argument(help="JSONL, CSV, JSON or Parquet: a text and its label; several add up.")
    ],
    labels: Annotated[
        Path | None, typer.Option(help="YAML: `their label: our type`, a list of types, or null to leave it out.")
    ] = None,
    text_column: Annotated[
        str | None, typer.Option(help="Column of the texts, where it is not called text, prompt, query or question.")
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(help="Column of the labels, where it is not called label, task, task_name or type.")
    ] = None,
    taxonomy: Annotated[
        Path | None, typer.Option(help="Judge the taxonomy of this file, instead of the one that comes with pointsman.")
    ] = None,
    output: Annotated[
        ReportForm, typer.Option("--output", "-o", help="Form of the report.", callback=_remember)
    ] = ReportForm.TABLE,
) -> None:
    """Say how well prompts are classified: accuracy, macro F1, calibration, coverage, by label and language."""
    from analytics.evaluation.labels import LabelsError, read_labels
    from analytics.evaluation.rows import MatrixError

    judge = _judge(taxonomy)
    for path in (*file, *([] if labels is None else [labels])):
        if not path.is_file():
            raise CliError(f"{path}: there is no such file", code=ExitCode.NOT_FOUND)
    try:
        meanings = read_labels(labels, judge.taxonomy)
        with progress("classifying") as tell:
            found = _evaluate(_texts(file, text_column, label_column), judge, meanings, tell)
    except (MatrixError, LabelsError) as error:
        raise CliError(str(error), "pointsman evaluate classifier --help", ExitCode.USAGE) from None
    if not found["examples"]:
        unknown = ", ".join(found["left_out"]) or "none"
        raise CliError(f"no label means a type of work (labels: {unknown})", "--labels map.yaml", ExitCode.USAGE)
    _show(found, output)


def _judge(path: Path | None) -> "Judge":
    from analytics.evaluation.judging import Judge
    from deploy.shipped_config import shipped_documents
    from pointsman.config_files import load
    from routing.catalog import compile_config
    from schemas.control_taxonomy import TaxonomyDocument

    documents = {document.document_key: document for document in shipped_documents()}
    if path is not None:
        loaded = load([path])
        listed = [item.document for item in loaded.documents if isinstance(item.document, TaxonomyDocument)]
        if loaded.faults or len(listed) != 1:
            faults = "; ".join(str(fault) for fault in loaded.faults)
            raise CliError(faults or f"{path.name}: expected one document of kind taxonomy", code=ExitCode.USAGE)
        documents["taxonomy/default@1"] = listed[0].model_copy(update={"name": "default", "version": 1})
    return Judge(compile_config(documents))


def _texts(files: list[Path], text: str | None, label: str | None) -> "Iterator[tuple[str, str, str | None]]":
    """Yield (text, label, language or None) of each row, one at a time; raise `MatrixError` where one is missing."""
    from analytics.evaluation.rows import MatrixError, read_rows

    for path in files:
        for row in read_rows(path):
            values = row.values
            texts = [values[name] for name in ([text] if text else _TEXTS) if values.get(name) is not None]
            named = [values[name] for name in ([label] if label else _LABELS) if values.get(name) is not None]
            if not texts or not named:
                raise MatrixError("a text and a label are needed (--text-column, --label-column)", path, row.line)
            language = values.get("language")
            yield str(texts[0]), str(named[0]), None if language is None else str(language)


def _evaluate(
    rows: "Iterator[tuple[str, str, str | None]]", judge: "Judge", labels: "Labels", tell: Any
) -> dict[str, Any]:
    """Return the report; only counts and one duration a prompt are kept."""
    from time import process_time_ns

    from analytics.evaluation.classification import Judged, Tally, report

    tally = Tally()
    left_out: Counter[str] = Counter()
    times = array("I")
    for number, (text, label, language) in enumerate(rows, 1):
        if not labels.meaning(label):
            left_out[label] += 1
            continue
        request = judge.request(text)
        start = process_time_ns()
        said, confidence, detected = judge.answer(request)
        times.append(min(process_time_ns() - start, 0xFFFFFFFF))
        compared = labels.compared(label, said)
        if compared is not None:
            tally.add(Judged(*compared, confidence, language or detected))
        if number % _EVERY == 0:
            tell(f"classifying: {number} prompts")
    speed = sorted(times)
    return {
        **report(tally),
        "examples": tally.count,
        "left_out": dict(sorted(left_out.items())),
        "speed": {
            "p50_us": speed[len(speed) // 2] / 1000 if speed else None,
            "p99_us": speed[len(speed) * 99 // 100] / 1000 if speed else None,
        },
    }


def _show(found: dict[str, Any], output: ReportForm) -> None:
    from analytics.evaluation.classification_report import as_html, as_rows, remarks

    if output is ReportForm.JSON:
        emit_object(found, Output.JSON)
    elif output is ReportForm.HTML:
        print(as_html(found), end="")
    else:
        emit_rows(as_rows(found), Output.TABLE)
        for remark in remarks(found):
            print(remark)
