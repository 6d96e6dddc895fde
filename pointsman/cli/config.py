from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.events import emit_json, jsonable
from pointsman.cli.output import Output, OutputOption, emit_rows, note, progress

if TYPE_CHECKING:
    from pointsman.config_files import Fault, Loaded
    from pointsman.config_store import Change, Store
    from schemas.control import ConfigDocument
    from streams.settings import Settings

FilesArgument = Annotated[
    list[Path] | None,
    typer.Argument(help="Files or folders of documents.", show_default="the configuration that comes with pointsman"),
]
BumpOption = Annotated[bool, typer.Option("--bump", help="Give changed documents their next version.")]
TimeoutOption = Annotated[float, typer.Option(min=0.1, help="Seconds to wait for the router.")]
APPLY_SECONDS = 10.0


def register(app: typer.Typer) -> None:
    """Add `config` with its commands."""
    from pointsman.cli.weights import set_weight
    from pointsman.cli.weights_fit import fit_weights

    config = typer.Typer(help="Configuration: versioned documents, published as events.", no_args_is_help=True)
    config.command("apply")(apply)
    config.command("validate")(validate)
    config.command("show")(show)
    config.command("diff")(diff)
    config.command("set-weight")(set_weight)
    config.command("fit-weights")(fit_weights)
    config.command("keygen")(keygen)
    app.add_typer(config, name="config")


def validate(files: FilesArgument = None, output: OutputOption = Output.TABLE) -> None:
    """Check documents; all faults at once, with file and line. Exit status 6 with faults. Needs no Kafka."""
    from deploy.shipped_config import shipped_documents
    from pointsman.config_files import cross_faults

    loaded = _load(files)
    faults = [*loaded.faults, *cross_faults(loaded.documents, shipped_documents())]
    emit_rows(_fault_rows(faults), output) if output is not Output.TABLE else None
    for fault in faults if output is Output.TABLE else ():
        print(fault)
    wrong = [fault for fault in faults if not fault.warning]
    note(f"{len(loaded.documents)} documents, {len(wrong)} faults, {len(faults) - len(wrong)} warnings")
    if wrong:
        raise typer.Exit(ExitCode.FINDINGS)


def apply(
    files: FilesArgument = None,
    bump: BumpOption = False,
    from_env: Annotated[
        str | None,
        typer.Option(metavar="TENANT", help="Read the ROUTING_* variables once, for this tenant, instead of files."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait until the router uses it on every partition.")] = True,
    timeout: TimeoutOption = APPLY_SECONDS,
    comment: Annotated[str | None, typer.Option(help="Why; kept with the event.")] = None,
    sign_with: Annotated[
        Path | None, typer.Option(metavar="KEYFILE", help="Sign with this key; see config keygen.")
    ] = None,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Publish documents and wait until every partition of the router decides by them."""
    from pointsman.config_files import cross_faults
    from pointsman.config_store import plan, read_store
    from streams.config_signature import Signer

    settings = connect(run_dir)
    if sign_with is not None:
        Signer.of_file(sign_with)  # a wrong key is told even where there is nothing to publish
        settings = settings.model_copy(update={"signing_key": sign_with})
    with progress("reading the configuration of the log"):
        store = read_store(settings)
    if from_env is not None:
        changes = plan(store, _from_env(from_env, store), bump=True)
    else:
        loaded = _load(files)
        _refuse_faults(loaded.faults)
        _refuse_faults(cross_faults(loaded.documents, [event.document for event in store.current.values()]))
        changes = plan(store, (located.document for located in loaded.documents), bump=bump)
    _refuse_conflicts(changes)
    wanted = [change.document for change in changes if change.action != "unchanged"]
    if not dry_run and wanted:
        publish_and_wait(settings, wanted, comment, timeout if wait else 0.0)
    elif not wanted:
        note("nothing to publish: the log has all of it")
    emit_rows((_change_row(change) for change in changes), output, ("document", "action", "before"))


def publish_and_wait(
    settings: "Settings", documents: "list[ConfigDocument]", comment: str | None, timeout: float
) -> None:
    """Publish documents; with a timeout above 0 raise when not all partitions use them in time."""
    from pointsman.config_store import AppliedWatch, dead_letters_end, publish, refused_since

    letters = dead_letters_end(settings)
    watch = AppliedWatch(settings) if timeout else None
    with progress(f"publishing {len(documents)} documents") as tell:
        position = publish(settings, documents, datetime.now(UTC), comment)
        missing = watch.wait(position, timeout, tell) if watch else []
    if watch:
        watch.close()
    if missing:
        raise CliError(
            f"published, but the router does not use it yet on partitions {', '.join(map(str, missing))} "
            f"after {timeout:.0f} s. It will as soon as it runs",
            "pointsman status",
        )
    refused = refused_since(settings, letters) if watch else []
    if refused:
        raise CliError(f"published, but the router refused: {'; '.join(refused)}", "pointsman dlq list")
    note(f"published {len(documents)} documents" + ("; every partition decides by them" if watch else ""))


def keygen(
    file: Annotated[Path, typer.Argument(help="The new key file.")], output: OutputOption = Output.TABLE
) -> None:
    """Make a key that signs configuration, and show the public key that stages and commands have to know."""
    from pointsman.cli.output import emit_object
    from streams.config_signature import new_key_file

    signer = new_key_file(file)
    emit_object({"key_file": str(file), "public_key": signer.public}, output)
    note(f"for every stage and command: export POINTSMAN_CONFIG_KEYS={signer.public}")
    note(f"to sign: pointsman config apply --sign-with {file}, or export POINTSMAN_SIGNING_KEY={file}")


def show(
    name: Annotated[str | None, typer.Argument(help="KIND, KIND/NAME or KIND/NAME@VERSION.")] = None,
    history: Annotated[bool, typer.Option("--history", help="All versions, not only the newest.")] = False,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the documents in the log, or show one of them (as YAML, to be changed and applied again)."""
    from pointsman.config_store import content, read_store

    store = read_store(connect(run_dir))
    if name is not None and "/" in name:
        event = store.published.get(name) if "@" in name else store.current.get(name)
        if event is None:
            raise CliError(f"no document {name}", "pointsman config show --history", ExitCode.NOT_FOUND)
        if output is not Output.TABLE:
            emit_json(event, output)
            return
        import yaml

        head = {"kind": event.kind, "name": event.name, "version": event.version}
        print(
            yaml.safe_dump({**head, **content(event.document)}, sort_keys=False, allow_unicode=True, width=120), end=""
        )
        return
    events = (store.published if history else store.current).values()
    faults = _faults_of(store)
    rows = (
        {
            "document": event.key,
            "published": event.occurred_at.isoformat(timespec="seconds"),
            "description": event.document.description,
            "comment": event.comment,
            "faults": faults.get(event.key, []),
        }
        for event in sorted(events, key=lambda one: (one.kind, one.name, one.version))
        if name is None or event.kind == name
    )
    shown = ("document", "published", "description", "comment", *(("faults",) if faults else ()))
    emit_rows(rows, output, shown)


def diff(
    files: FilesArgument = None,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show field by field how documents differ from those in the log. Exit status 6 with differences."""
    from pointsman.config_store import content, differences

    loaded = _load(files)
    rows: list[dict[str, Any]] = [
        {"document": fault.file, "field": fault.where, "now": None, "then": str(fault)} for fault in loaded.faults
    ]
    for change in _plan(connect(run_dir), loaded, bump=True):
        before = {} if change.before is None else content(change.before)
        key = f"{change.document.kind}/{change.document.name}"
        if change.before is None:
            rows.append({"document": key, "field": None, "now": None, "then": "new"})
            continue
        rows += [
            {"document": key, "field": path, "now": old, "then": new}
            for path, old, new in differences(before, content(change.document))
        ]
    emit_rows(rows, output, ("document", "field", "now", "then"))
    if rows:
        raise typer.Exit(ExitCode.FINDINGS)


def _faults_of(store: "Store") -> dict[str, list[str]]:
    """Return what is wrong between the documents that hold now, by document."""
    from routing.config_check import check_documents

    found: dict[str, list[str]] = {}
    for fault in check_documents({event.key: event.document for event in store.current.values()}):
        found.setdefault(fault.document, []).append(fault.message)
    return found


def _from_env(name: str, store: "Store") -> "Sequence[ConfigDocument]":
    import os

    from pointsman.config_env import from_environment, made_from
    from schemas.control_policy import PolicyDocument
    from schemas.control_tenant import TenantDocument

    tenant = store.document("tenant", name)
    tenant = tenant if isinstance(tenant, TenantDocument) else TenantDocument(name=name)
    policy = store.document("policy", tenant.policy.partition("@")[0])
    if isinstance(policy, PolicyDocument) and (base := made_from(policy, name)) is not None:
        policy = store.document("policy", base)
    if not isinstance(policy, PolicyDocument):
        raise CliError(f"tenant {name} names no policy of the log", "pointsman config show policy", ExitCode.NOT_FOUND)
    found = from_environment(os.environ, tenant.model_copy(update={"policy": policy.name}), policy)
    for line in found.notes:
        note(line)
    return found.documents


def _load(files: list[Path] | None) -> "Loaded":
    from deploy.shipped_config import CATALOG
    from pointsman.config_files import load

    missing = [path for path in files or [] if not path.exists()]
    if missing:
        raise CliError(f"no such file: {', '.join(map(str, missing))}", code=ExitCode.NOT_FOUND)
    return load(files or [CATALOG])


def _plan(settings: "Settings", loaded: "Loaded", *, bump: bool) -> "list[Change]":
    from pointsman.config_store import plan, read_store

    with progress("reading the configuration of the log"):
        store = read_store(settings)
    return plan(store, (located.document for located in loaded.documents), bump=bump)


def _refuse_faults(faults: "Sequence[Fault]") -> None:
    for fault in faults:
        note(str(fault))
    wrong = [fault for fault in faults if not fault.warning]
    if wrong:
        raise CliError(f"nothing published: {len(wrong)} faults", "mend them; pointsman config validate FILE")


def _refuse_conflicts(changes: "list[Change]") -> None:
    for change in changes:
        if change.action == "conflict" and change.before is not None:
            raise CliError(
                f"nothing published: {change.document.document_key} would change {change.before.document_key}, "
                "and a change needs a higher version",
                "raise the version in the file, or let it be raised: pointsman config apply --bump",
            )


def _fault_rows(faults: "Sequence[Fault]") -> list[dict[str, Any]]:
    return [
        {
            "file": fault.file,
            "line": fault.line,
            "where": fault.where,
            "message": fault.message,
            "warning": fault.warning,
        }
        for fault in faults
    ]


def _change_row(change: "Change") -> dict[str, Any]:
    before = change.before
    return {
        "document": change.document.document_key,
        "action": change.action,
        "before": None if before is None else before.document_key,
        "content": jsonable(change.document),
    }
