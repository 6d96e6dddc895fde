from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.config import APPLY_SECONDS, TimeoutOption
from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.events import completion
from pointsman.cli.output import Output, OutputOption, emit_rows, note
from pointsman.cli.submit import DEFAULT_TENANT, TenantOption
from pointsman.cli.tenant_edit import TenantEdit, given, merged

if TYPE_CHECKING:
    from schemas.control_tenant import Space, TenantDocument

SpaceArgument = Annotated[str, typer.Argument(help="The space.")]
TypeOption = Annotated[
    str | None,
    typer.Option("--type", help="coding, writing, research or general.", autocompletion=completion("SpaceType")),
]
ProfileOption = Annotated[str | None, typer.Option(help="Capability profile of the router; none takes it away.")]
PreferOption = Annotated[list[str] | None, typer.Option(help="Preferred model; repeat it. none: no model.")]
AvoidOption = Annotated[list[str] | None, typer.Option(help="Avoided model; repeat it. none: no model.")]


def register(app: typer.Typer) -> None:
    """Add `space` with its commands."""
    space = typer.Typer(help="Spaces of a tenant: their type, profile, preferred models.", no_args_is_help=True)
    space.command("list")(list_)
    space.command("show")(show)
    space.command("create")(create)
    space.command("set")(set_)
    space.command("remove")(remove)
    app.add_typer(space, name="space")


def list_(
    tenant: TenantOption = DEFAULT_TENANT, run_dir: RunDirOption = DEFAULT_RUN_DIR, output: OutputOption = Output.TABLE
) -> None:
    """List the spaces of a tenant."""
    document = TenantEdit(connect(run_dir), tenant).document
    emit_rows((row(name, space) for name, space in document.spaces.items()), output, _COLUMNS)


def show(
    space: SpaceArgument,
    tenant: TenantOption = DEFAULT_TENANT,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what holds in a space and in its areas, and where each value comes from; the most specific stands first."""
    document = TenantEdit(connect(run_dir), tenant).document
    found = named_space(document, space)
    rows = [{"place": place, **setting} for place, settings in _places(space, found) for setting in settings]
    emit_rows(rows, output, ("place", "setting", "value", "from"))


def create(
    space: SpaceArgument,
    type_: TypeOption = None,
    profile: ProfileOption = None,
    prefer: PreferOption = None,
    avoid: AvoidOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    timeout: TimeoutOption = APPLY_SECONDS,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Create a space; its type is asked for unless it is given."""
    edit = TenantEdit(connect(run_dir), tenant)
    if space in edit.document.spaces:
        raise CliError(f"there is a space {space}", f"pointsman space set {space} ...", ExitCode.USAGE)
    values = merged({"type": type_ or _ask_type()}, given({"profile": profile, "prefer": prefer, "avoid": avoid}))
    _publish(edit, space, values, f"space create {space}", timeout, output)


def set_(
    space: SpaceArgument,
    type_: TypeOption = None,
    profile: ProfileOption = None,
    prefer: PreferOption = None,
    avoid: AvoidOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    timeout: TimeoutOption = APPLY_SECONDS,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Change a space; what is not given stays."""
    edit = TenantEdit(connect(run_dir), tenant)
    before = named_space(edit.document, space).model_dump(mode="json", exclude_unset=True)
    changes = given({"type": type_, "profile": profile, "prefer": prefer, "avoid": avoid})
    if not changes:
        raise CliError("nothing to change", f"pointsman space set {space} --profile fast", ExitCode.USAGE)
    _publish(edit, space, merged(before, changes), f"space set {space}", timeout, output)


def remove(
    space: SpaceArgument,
    tenant: TenantOption = DEFAULT_TENANT,
    force: Annotated[bool, typer.Option("--force", help="Its areas, too.")] = False,
    timeout: TimeoutOption = APPLY_SECONDS,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
) -> None:
    """Remove a space."""
    edit = TenantEdit(connect(run_dir), tenant)
    areas = named_space(edit.document, space).areas
    if areas and not force:
        raise CliError(f"space {space} has areas: {', '.join(areas)}", "remove them, or add --force", ExitCode.USAGE)
    spaces = spaces_of(edit.document)
    del spaces[space]
    edit.publish({"spaces": spaces}, f"space remove {space}", timeout)
    note(f"removed {space}")


def spaces_of(document: "TenantDocument") -> dict[str, Any]:
    """Return the spaces of a tenant as a file would have them."""
    return {name: space.model_dump(mode="json", exclude_unset=True) for name, space in document.spaces.items()}


def named_space(document: "TenantDocument", name: str) -> "Space":
    """Return a space of the tenant; raise `CliError` (status 3) when there is none."""
    found = document.spaces.get(name)
    if found is None:
        raise CliError(
            f"tenant {document.name} has no space {name}",
            f"pointsman space list --tenant {document.name}",
            ExitCode.NOT_FOUND,
        )
    return found


_COLUMNS = ("space", "type", "profile", "prefer", "avoid", "areas")


def row(name: str, space: "Space") -> dict[str, Any]:
    """Return a space as a row."""
    return {
        "space": name,
        "type": space.type.value,
        "profile": space.profile,
        "prefer": list(space.prefer),
        "avoid": list(space.avoid),
        "areas": list(space.areas),
    }


def _places(name: str, space: "Space") -> "list[tuple[str, list[dict[str, Any]]]]":
    """Return (place, what holds there) of a space and its areas."""
    own: list[dict[str, Any]] = [
        {"setting": "type", "value": space.type.value, "from": "space"},
        {"setting": "profile", "value": space.profile, "from": "space" if space.profile else "user, else the router"},
        {"setting": "prefer", "value": list(space.prefer), "from": "space"},
        {"setting": "avoid", "value": list(space.avoid), "from": "space"},
    ]
    places = [(name, own)]
    for area_name, area in space.areas.items():
        profile, source = (area.profile, "area") if area.profile else (space.profile, "space")
        inherited: list[dict[str, Any]] = [
            {"setting": "lock", "value": area.lock, "from": "area"},
            {"setting": "task_type", "value": area.task_type and area.task_type.value, "from": "area"},
            {"setting": "type", "value": space.type.value, "from": "space"},
            {"setting": "profile", "value": profile, "from": source if profile else "user, else the router"},
            {"setting": "prefer", "value": [*area.prefer, *space.prefer], "from": "area and space"},
            {"setting": "avoid", "value": [*area.avoid, *space.avoid], "from": "area and space"},
        ]
        places.append((f"{name}/{area_name}", inherited))
    return places


def _ask_type() -> str:
    import sys

    from schemas.request import SpaceType

    if not sys.stdin.isatty():
        raise CliError("which type of space is it?", "--type coding, writing, research or general", ExitCode.USAGE)
    question = f"What is the space for? ({', '.join(kind.value for kind in SpaceType)})"
    answer: str = typer.prompt(question, default=SpaceType.GENERAL.value, err=True)
    return answer


def _publish(edit: TenantEdit, name: str, values: dict[str, Any], comment: str, timeout: float, output: Output) -> None:
    from schemas.control_tenant import Space

    spaces = {**spaces_of(edit.document), name: values}
    made = Space.model_validate(values)
    key = edit.publish({"spaces": spaces}, comment, timeout)
    emit_rows([{"document": key, **row(name, made)}], output, ("document", *_COLUMNS))
