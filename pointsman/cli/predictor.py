from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.config import APPLY_SECONDS, TimeoutOption, publish_and_wait
from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.output import Output, OutputOption, emit_object, emit_rows, note, progress

if TYPE_CHECKING:
    from pointsman.config_store import Store
    from pointsman.predictor_documents import Naming
    from routing.quality_model import QualityModel
    from schemas.control_predictor import PredictorDocument


def register(app: typer.Typer) -> None:
    """Add `predictor` with its commands."""
    from pointsman.cli.predictor_train import train

    predictor = typer.Typer(help="Trained predictors of quality, published as configuration.", no_args_is_help=True)
    predictor.command("publish")(publish)
    predictor.command("train")(train)
    predictor.command("show")(show)
    app.add_typer(predictor, name="predictor")


def publish(
    file: Annotated[Path, typer.Argument(help="What `pointsman evaluate router --save` wrote.")],
    name: Annotated[str, typer.Option(help="Of the predictor; policies name it.")],
    models: Annotated[
        Path | None,
        typer.Option(help="YAML: `their name: our model` for names that the catalog does not know; null leaves out."),
    ] = None,
    catalog: Annotated[str, typer.Option(help="Name of the catalog document.")] = "models",
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Leave models out that the catalog does not know.")
    ] = False,
    low: Annotated[float | None, typer.Option(help="Score that means a quality of 0.")] = None,
    high: Annotated[float | None, typer.Option(help="Score that means a quality of 1.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be published.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait until the router uses it on every partition.")] = True,
    timeout: TimeoutOption = APPLY_SECONDS,
    comment: Annotated[str | None, typer.Option(help="Why; kept with the event.")] = None,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Publish a trained predictor: a router whose policy says `predictor: {name: NAME}` then asks it."""
    from pointsman.config_store import read_store
    from pointsman.predictor_documents import bounds_of, predictor_documents, to_publish

    model = read_model(file)
    bounds = bounds_of(model.facts, low, high)
    settings = connect(run_dir)
    with progress("reading the configuration of the log"):
        store = read_store(settings)
    naming = _naming(model, models, store, catalog)
    if (naming.unknown and not skip_unknown) or not naming.models:
        raise CliError(
            f"catalog {catalog} does not know {', '.join(naming.unknown)}",
            "say what they are with --models FILE, or leave them out with --skip-unknown",
            ExitCode.USAGE,
        )
    for left, why in ((naming.left_out, "as the file says"), (naming.unknown, "the catalog does not know them")):
        if left:
            note(f"left out, {why}: {', '.join(left)}")
    wanted = to_publish(predictor_documents(model, name, naming, *bounds), store)
    if not wanted:
        note("nothing to publish: the log has all of it")
    elif not dry_run:
        publish_and_wait(settings, wanted, comment, timeout if wait else 0.0)
    sizes = ({"document": one.document_key, "characters": len(one.model_dump_json())} for one in wanted)
    emit_rows(sizes, output, ("document", "characters"))


def show(
    name: Annotated[str | None, typer.Argument(help="NAME or NAME@VERSION; all without it.")] = None,
    prompt: Annotated[str | None, typer.Option(help="Show what it expects of each model for this prompt.")] = None,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the predictors of the log, or show one: its models, its training and whether all of it is there."""
    from pointsman.config_store import read_store
    from pointsman.predictor_documents import summary
    from schemas.control_predictor import PredictorDocument

    store = read_store(connect(run_dir))
    if name is None:
        listed = [event.document for event in store.current.values() if isinstance(event.document, PredictorDocument)]
        rows = [{**summary(one), "state": _state(one, store), "used_by": _users(one.name, store)} for one in listed]
        emit_rows(rows, output, ("predictor", "models", "columns", "trained_on", "lift", "parts", "used_by", "state"))
        return
    document = _document(store, name)
    if prompt is not None:
        _show_predictions(document, store, prompt, output)
        return
    emit_object(
        {
            **summary(document),
            "state": _state(document, store),
            "used_by": _users(document.name, store),
            **{f"model {column}": model for column, model in document.models.items()},
            "left_out": [column for column in document.artefact.columns if column not in document.models],
            **{f"facts_{key}": value for key, value in document.facts.items()},
        },
        output,
    )


def read_model(path: Path) -> "QualityModel":
    """Return the quality model of a file; raise `CliError`."""
    import orjson

    from routing.quality_artefact import ArtefactError, from_json

    try:
        document: Any = orjson.loads(path.read_bytes())
        if not isinstance(document, dict):
            raise CliError(f"{path.name}: no quality model", code=ExitCode.USAGE)
        return from_json(document)
    except FileNotFoundError:
        raise CliError(f"{path}: there is no such file", code=ExitCode.NOT_FOUND) from None
    except (orjson.JSONDecodeError, ArtefactError) as error:
        raise CliError(f"{path.name}: {error}", code=ExitCode.USAGE) from None


def _naming(model: "QualityModel", path: Path | None, store: "Store", catalog: str) -> "Naming":
    from analytics.evaluation.names import NamesError, read_names
    from pointsman.predictor_documents import named
    from routing.references import NameTable
    from schemas.control_catalog import CatalogDocument

    listed = store.document("catalog", catalog)
    if not isinstance(listed, CatalogDocument):
        raise CliError(f"no catalog {catalog}", "pointsman config show catalog", ExitCode.NOT_FOUND)
    try:
        return named(model.models, read_names(path), NameTable(listed))
    except NamesError as error:
        raise CliError(str(error), "pointsman models", ExitCode.USAGE) from None


def _document(store: "Store", name: str) -> "PredictorDocument":
    from schemas.control_predictor import PredictorDocument

    event = (store.published if "@" in name else store.current).get(f"predictor/{name}")
    if event is None or not isinstance(event.document, PredictorDocument):
        raise CliError(f"no predictor {name}", "pointsman predictor show", ExitCode.NOT_FOUND)
    return event.document


def _state(document: "PredictorDocument", store: "Store") -> str:
    from routing.predictor import PredictorFaultError, assembled

    try:
        assembled(document, lambda part: store.document("predictor-part", part))
    except PredictorFaultError as error:
        return f"predicts nothing: {error}"
    return "ok"


def _users(name: str, store: "Store") -> list[str]:
    """Return the policies that name a predictor."""
    from schemas.control_policy import PolicyDocument

    policies = [event.document for event in store.current.values() if isinstance(event.document, PolicyDocument)]
    return sorted(
        policy.name
        for policy in policies
        if policy.predictor is not None and policy.predictor.name.partition("@")[0] == name
    )


def _show_predictions(document: "PredictorDocument", store: "Store", prompt: str, output: Output) -> None:
    from routing.predictor import PredictorFaultError, assembled

    try:
        found = assembled(document, lambda part: store.document("predictor-part", part)).predictions(prompt)
    except PredictorFaultError as error:
        raise CliError(f"{document.document_key}: {error}", "pointsman predictor publish", ExitCode.FINDINGS) from None
    rows = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    emit_rows(({"model": model, "expected_quality": f"{quality:.3f}"} for model, quality in rows), output)
