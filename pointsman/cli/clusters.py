from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.config import APPLY_SECONDS, TimeoutOption, publish_and_wait
from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.output import Output, OutputOption, emit_rows, note, progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routing.encoder import Encoder
    from schemas.control_clusters import ClustersDocument

FileOption = Annotated[
    Path | None, typer.Option("--file", help="A file of documents.", show_default="the documents of the log")
]
NameOption = Annotated[
    str | None, typer.Option("--document", help="Name of the clusters document.", show_default="the only one")
]


def register(app: typer.Typer) -> None:
    """Add `clusters` with its commands."""
    clusters = typer.Typer(help="Task clusters: prompts compared with examples (tier 3).", no_args_is_help=True)
    clusters.command("list")(list_)
    clusters.command("test")(score)
    clusters.command("add")(add)
    clusters.command("rebuild")(rebuild)
    clusters.command("fetch")(fetch)
    app.add_typer(clusters, name="clusters")


def list_(
    file: FileOption = None,
    document: NameOption = None,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the clusters with their examples, types of work and preferred models; those shipped where nothing runs."""
    from routing.clusters import ClusterTable

    rows: list[dict[str, Any]] = []
    for found in _documents(file, run_dir):
        if document not in (None, found.name):
            continue
        fault = ClusterTable(found).fault
        if fault is not None:
            note(f"{found.document_key} is not used: {fault}. next: pointsman clusters rebuild")
        rows += [
            {
                "document": found.document_key,
                "cluster": name,
                "examples": len(cluster.examples),
                "keywords": len(cluster.keywords),
                "patterns": len(cluster.patterns),
                "types": list(cluster.types),
                "models": list(cluster.models),
                "tier": cluster.cost_tier,
                "encoder": found.encoder,
                "usable": fault is None,
                "description": cluster.description,
            }
            for name, cluster in found.clusters.items()
        ]
    if not rows:
        raise CliError(_none(document), "pointsman config show clusters", ExitCode.NOT_FOUND)
    emit_rows(rows, output, ("document", "cluster", "examples", "types", "models", "tier", "encoder"))


def score(
    text: Annotated[str, typer.Argument(help="A prompt.")],
    file: FileOption = None,
    document: NameOption = None,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show how close a prompt is to each cluster, and which one counts."""
    from routing.centroids import sampled
    from routing.clusters import ClusterTable

    table = ClusterTable(_one(_documents(file, run_dir), document))
    if table.fault is not None:
        raise CliError(f"{table.reference} cannot be used: {table.fault}", "pointsman clusters rebuild")
    reading = table.read(sampled(text), _encoder(table.document, run_dir, [sampled(text)]))
    if reading is None:
        raise CliError(f"{table.encoder} does not fit the centroids of {table.reference}", "pointsman clusters rebuild")
    match = table.match(reading)
    ranked = sorted(reading.scores.items(), key=lambda item: -item[1])
    shown = str if output is Output.TABLE else float
    emit_rows(
        [{"cluster": name, "score": shown(value), "counts": name == match.cluster} for name, value in ranked], output
    )
    if match.cluster is None:
        needed = table.document.threshold
        note(f"none counts: the first needs {needed.score:g} and {needed.margin:g} more than the second")


def add(
    cluster: Annotated[str, typer.Argument(help="The cluster.")],
    example: Annotated[str, typer.Argument(help="A prompt that belongs to it.")],
    file: FileOption = None,
    document: NameOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    timeout: TimeoutOption = APPLY_SECONDS,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Add an example and compute the centroids again: in a file, or as the next version of the log's document."""
    from pointsman.cluster_files import write_centroids, write_example
    from routing.centroids import rebuilt, with_example

    found = _one(_documents(file, run_dir, change=True), document)
    if cluster not in found.clusters:
        known = ", ".join(found.clusters)
        raise CliError(f"no cluster {cluster} in {found.document_key}", f"one of: {known}", ExitCode.NOT_FOUND)
    if example in found.clusters[cluster].examples:
        raise CliError(f"{cluster} has this example already", code=ExitCode.USAGE)
    longer = with_example(found, cluster, example)
    changed = rebuilt(longer, _encoder(longer, run_dir))
    if file is not None and not dry_run:
        write_example(file, found, cluster, example)
        write_centroids(file, changed)
    elif not dry_run:
        changed = _publish(changed, run_dir, "clusters add", timeout)
    emit_rows([_row(found, changed)], output)


def rebuild(
    file: FileOption = None,
    document: NameOption = None,
    encoder: Annotated[
        str | None, typer.Option(help="Centroids of this encoder too.", show_default="the document's own")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    timeout: TimeoutOption = APPLY_SECONDS,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Compute the centroids from the examples: in a file, or as the next version of the log's document."""
    from pointsman.cluster_files import write_centroids
    from routing.centroids import rebuilt

    found = _one(_documents(file, run_dir, change=True), document)
    changed = rebuilt(found, _encoder(found, run_dir, name=encoder))
    if changed.centroids == found.centroids:
        note("nothing to change: the centroids are those of the examples")
    elif dry_run:
        note("not written")
    elif file is not None:
        write_centroids(file, changed)
    else:
        changed = _publish(changed, run_dir, "clusters rebuild", timeout)
    emit_rows([_row(found, changed)], output)


def fetch(
    encoder: Annotated[str, typer.Argument(help="The encoder.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Fetch the weights of an encoder that do not come in a wheel, pinned by SHA-256; nothing where they are there."""
    from streams import encoders

    try:
        with progress(f"fetching {encoder}") as tell:
            encoders.fetch(encoder, tell)
        found = encoders.load(encoder)
    except encoders.EncoderUnavailableError as error:
        raise CliError(str(error), error.next) from error
    emit_rows([{"encoder": found.id, "dimension": found.dimension, "exact": found.exact}], output)


def _documents(file: Path | None, run_dir: Path, *, change: bool = False) -> "Sequence[ClustersDocument]":
    """Return the clusters of a file, else of the log, else (only to be looked at) those that come with pointsman."""
    from deploy.shipped_config import shipped_documents
    from pointsman.cluster_files import clusters_in
    from pointsman.config_store import read_store
    from schemas.control_clusters import ClustersDocument

    if file is not None:
        if not file.exists():
            raise CliError(f"no such file: {file}", code=ExitCode.NOT_FOUND)
        return clusters_in(file)
    try:
        settings = connect(run_dir)
    except CliError as error:
        if change:
            raise CliError(error.message, f"{error.hint}, or name a file: --file FILE", error.code) from error
        return [found for found in shipped_documents() if isinstance(found, ClustersDocument)]
    published = (event.document for event in read_store(settings).current.values())
    return [found for found in published if isinstance(found, ClustersDocument)]


def _one(documents: "Sequence[ClustersDocument]", name: str | None) -> "ClustersDocument":
    named = [found for found in documents if name in (None, found.name)]
    if len(named) == 1:
        return named[0]
    if not named:
        raise CliError(_none(name), "pointsman config show clusters", ExitCode.NOT_FOUND)
    names = ", ".join(found.name for found in named)
    raise CliError(f"there are several clusters documents: {names}", "name one: --document NAME", ExitCode.USAGE)


def _none(name: str | None) -> str:
    return "no clusters document" if name is None else f"no clusters document {name}"


def _encoder(
    document: "ClustersDocument", run_dir: Path, texts: "Sequence[str] | None" = None, name: str | None = None
) -> "Encoder":
    """Return the document's encoder, or the one named; an embedding model is asked for ``texts``, else the examples."""
    from pointsman.cluster_embeddings import encoder_of
    from routing.centroids import sampled
    from streams import encoders

    wanted = [sampled(one) for cluster in document.clusters.values() for one in cluster.examples]
    try:
        if document.embedding is None or name not in (None, document.encoder):
            return encoders.load(name or document.encoder)
        fetched, cost = encoder_of(document.embedding, wanted if texts is None else texts, run_dir)
    except encoders.EncoderUnavailableError as error:
        raise CliError(str(error), error.next) from error
    note(f"{document.embedding.model} read {fetched.input_tokens} tokens for about {cost} dollars")
    return fetched


def _publish(document: "ClustersDocument", run_dir: Path, comment: str, timeout: float) -> "ClustersDocument":
    from pointsman.config_store import read_store

    settings = connect(run_dir)
    version = read_store(settings).next_version("clusters", document.name)
    changed = document.model_copy(update={"version": version})
    publish_and_wait(settings, [changed], comment, timeout)
    return changed


def _row(before: "ClustersDocument", after: "ClustersDocument") -> dict[str, Any]:
    return {
        "document": after.document_key,
        "examples": sum(len(cluster.examples) for cluster in after.clusters.values()),
        "centroids": list(after.centroids),
        "changed": before.centroids != after.centroids,
    }
