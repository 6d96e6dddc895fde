from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.events import emit_json
from pointsman.cli.output import Output, OutputOption, emit_rows, progress
from pointsman.cli.space import AvoidOption, PreferOption, ProfileOption
from pointsman.cli.submit import DEFAULT_TENANT, TenantOption

if TYPE_CHECKING:
    from schemas.user_settings import UserSettings

NONE = "none"
AutoOption = Annotated[
    Literal["on", "off", "fixed"] | None,
    typer.Option(help="Where a request names no model: route it, refuse it, or always take --model."),
]
DisplayOption = Annotated[
    Literal["badge", "box", "off", "none"] | None,
    typer.Option(help="How answers show their model; none: as the plan says."),
]


def register(app: typer.Typer) -> None:
    """Add `settings` with its commands."""
    settings = typer.Typer(help="Settings of a user: Auto, display, preferred models, a profile.", no_args_is_help=True)
    settings.command("show")(show)
    settings.command("set")(set_)
    app.add_typer(settings, name="settings")


def show(
    user: Annotated[str | None, typer.Argument(help="One user.", show_default="all who have set any")] = None,
    tenant: TenantOption = DEFAULT_TENANT,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what users have set."""
    from pointsman.user_settings import read_user_settings
    from schemas.user_settings import UserSettings

    found = read_user_settings(connect(run_dir), tenant)
    chosen = found if user is None else {user: found.get(user, UserSettings())}
    emit_rows((_row(tenant, name, one) for name, one in chosen.items()), output, _COLUMNS)


def set_(
    user: Annotated[str, typer.Argument(help="The user.")],
    auto: AutoOption = None,
    model: Annotated[str | None, typer.Option(help="The model to fix Auto to.")] = None,
    display: DisplayOption = None,
    prefer: PreferOption = None,
    avoid: AvoidOption = None,
    profile: ProfileOption = None,
    tenant: TenantOption = DEFAULT_TENANT,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for the router's answer.")] = 30.0,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Change a user's settings; what is not given stays. Exit status 1 when the router refuses the change."""
    from pointsman.client import Client
    from schemas.user_settings import SettingsApplied

    asked = {
        "auto": auto or ("fixed" if model is not None else None),
        "model": model,
        "display": display,
        "preferred_models": prefer or None,
        "avoided_models": avoid or None,
        "profile": profile,
    }
    fields = _fields({name: value for name, value in asked.items() if value is not None})
    if not fields:
        raise CliError("nothing to change", f"pointsman settings set {user} --auto off", ExitCode.USAGE)
    with Client(connect(run_dir)) as client, progress("waiting for the router's answer"):
        answer = client.settings_answer(client.change_settings(tenant=tenant, user=user, **fields), timeout)
    if output is not Output.TABLE:
        emit_json(answer, output)
    elif isinstance(answer, SettingsApplied):
        emit_rows([_row(tenant, user, answer.settings)], output, _COLUMNS)
    else:
        print(f"rejected: {answer.reason}")
    if not isinstance(answer, SettingsApplied):
        raise typer.Exit(ExitCode.ERROR)


_COLUMNS = ("user", "auto", "model", "display", "prefer", "avoid", "profile")


def _fields(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of the change; `none` resets a setting."""
    reset = [name for name, value in asked.items() if value in (NONE, [NONE])]
    kept: dict[str, Any] = {name: value for name, value in asked.items() if name not in reset}
    return {**kept, "reset": reset} if reset else kept


def _row(tenant: str, user: str, settings: "UserSettings") -> dict[str, Any]:
    return {
        "tenant": tenant,
        "user": user,
        "auto": settings.auto,
        "model": settings.model,
        "display": settings.display,
        "prefer": list(settings.preferred_models),
        "avoid": list(settings.avoided_models),
        "profile": settings.profile,
    }
