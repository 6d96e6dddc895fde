from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.config import APPLY_SECONDS, TimeoutOption
from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.output import Output, OutputOption, emit_rows, note
from pointsman.cli.space import AvoidOption, PreferOption, ProfileOption, named_space, spaces_of
from pointsman.cli.submit import DEFAULT_TENANT, TenantOption
from pointsman.cli.tenant_edit import TenantEdit, given, merged

if TYPE_CHECKING:
    from schemas.control_tenant import Area, Space, TenantDocument

AreaArgument = Annotated[str, typer.Argument(help="The area.")]
SpaceOption = Annotated[str, typer.Option("--space", "-s", help="The space it belongs to.")]
TaskTypeOption = Annotated[str | None, typer.Option(help="What the area is for, e.g. debugging; none takes it away.")]


def register(app: typer.Typer) -> None:
    """Add `area` with its commands."""
    area = typer.Typer(help="Areas of a space: they inherit, prefer, or lock one model.", no_args_is_help=True)
    area.command("list")(list_)
    area.command("create")(create)
    area.command("set")(set_)
    area.command("lock")(lock)
    area.command("unlock")(unlock)
    area.command("remove")(remove)
    app.add_typer(area, name="area")


def list_(
    space: Annotated[str | None, typer.Option("--space", "-s", help="Of this space.", show_default="all")] = None,
    tenant: TenantOption = DEFAULT_TENANT,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """List areas with what holds in them, inherited values included; `space show` says where each comes from."""
    document = TenantEdit(connect(run_dir), tenant).document
    if space is not None:
        named_space(document, space)
    emit_rows(_rows(document, space), output, _COLUMNS)


def create(
    area: AreaArgument,
    space: SpaceOption,
    task_type: TaskTypeOption = None,
    profile: ProfileOption = None,
    prefer: PreferOption = None,
    avoid: AvoidOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    timeout: TimeoutOption = APPLY_SECONDS,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Create an area; what is not given it inherits from its space."""
    edit = TenantEdit(connect(run_dir), tenant)
    if area in named_space(edit.document, space).areas:
        raise CliError(f"there is an area {area} in {space}", f"pointsman area set {area} ...", ExitCode.USAGE)
    values = given({"task_type": task_type, "profile": profile, "prefer": prefer, "avoid": avoid})
    _publish(edit, space, area, merged({}, values), f"area create {area}", timeout, output)


def set_(
    area: AreaArgument,
    space: SpaceOption,
    task_type: TaskTypeOption = None,
    profile: ProfileOption = None,
    prefer: PreferOption = None,
    avoid: AvoidOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    timeout: TimeoutOption = APPLY_SECONDS,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Change an area; what is not given stays."""
    changes = given({"task_type": task_type, "profile": profile, "prefer": prefer, "avoid": avoid})
    if not changes:
        raise CliError("nothing to change", f"pointsman area set {area} --space {space} --profile fast", ExitCode.USAGE)
    edit = TenantEdit(connect(run_dir), tenant)
    _publish(edit, space, area, merged(_before(edit, space, area), changes), f"area set {area}", timeout, output)


def lock(
    area: AreaArgument,
    model: Annotated[str, typer.Argument(help="The one model that answers there.")],
    space: SpaceOption,
    tenant: TenantOption = DEFAULT_TENANT,
    timeout: TimeoutOption = APPLY_SECONDS,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Lock an area to one model: nobody gets another one there, overrides are refused."""
    edit = TenantEdit(connect(run_dir), tenant)
    values = {**_before(edit, space, area), "lock": model}
    _publish(edit, space, area, values, f"area lock {area}", timeout, output)


def unlock(
    area: AreaArgument,
    space: SpaceOption,
    tenant: TenantOption = DEFAULT_TENANT,
    timeout: TimeoutOption = APPLY_SECONDS,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Let routing choose in an area again."""
    edit = TenantEdit(connect(run_dir), tenant)
    values = merged(_before(edit, space, area), {"lock": None})
    _publish(edit, space, area, values, f"area unlock {area}", timeout, output)


def remove(
    area: AreaArgument,
    space: SpaceOption,
    tenant: TenantOption = DEFAULT_TENANT,
    timeout: TimeoutOption = APPLY_SECONDS,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
) -> None:
    """Remove an area."""
    edit = TenantEdit(connect(run_dir), tenant)
    _before(edit, space, area)
    spaces = spaces_of(edit.document)
    del spaces[space]["areas"][area]
    edit.publish({"spaces": spaces}, f"area remove {area}", timeout)
    note(f"removed {area} of {space}")


_COLUMNS = ("area", "space", "type", "lock", "task_type", "profile", "prefer", "avoid")


def _rows(document: "TenantDocument", only: str | None) -> Iterator[dict[str, Any]]:
    for name, space in document.spaces.items():
        if only in (None, name):
            yield from (_row(area_name, area, name, space) for area_name, area in space.areas.items())


def _row(name: str, area: "Area", space_name: str, space: "Space") -> dict[str, Any]:
    return {
        "area": name,
        "space": space_name,
        "type": space.type.value,
        "lock": area.lock,
        "task_type": area.task_type.value if area.task_type else None,
        "profile": area.profile or space.profile,
        "prefer": [*area.prefer, *space.prefer],
        "avoid": [*area.avoid, *space.avoid],
        "own": area.model_dump(mode="json", exclude_unset=True),
    }


def _before(edit: TenantEdit, space: str, area: str) -> dict[str, Any]:
    found = named_space(edit.document, space).areas.get(area)
    if found is None:
        raise CliError(f"space {space} has no area {area}", f"pointsman area list --space {space}", ExitCode.NOT_FOUND)
    return found.model_dump(mode="json", exclude_unset=True)


def _publish(
    edit: TenantEdit, space: str, area: str, values: dict[str, Any], comment: str, timeout: float, output: Output
) -> None:
    from schemas.control_tenant import Area

    spaces = spaces_of(edit.document)
    spaces[space]["areas"] = {**spaces[space].get("areas", {}), area: values}
    made = Area.model_validate(values)
    key = edit.publish({"spaces": spaces}, comment, timeout)
    found = named_space(edit.document, space)
    emit_rows([{"document": key, **_row(area, made, space, found)}], output, ("document", *_COLUMNS))
