from typing import Annotated, Any

import typer

from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.events import completion, emit_json, jsonable
from pointsman.cli.output import Output, OutputOption, note, print_labelled
from pointsman.cli.stories import past_of
from pointsman.cli.submit import DEFAULT_TENANT


def register(app: typer.Typer) -> None:
    """Add `rules` with its commands."""
    rules = typer.Typer(help="The explicit rules: areas, jobs, modes, planning, spaces, signals.", no_args_is_help=True)
    rules.command("trace")(trace)
    app.add_typer(rules, name="rules")


def trace(
    id_: Annotated[str | None, typer.Argument(metavar="ID", help="A request id or a decision id of the log.")] = None,
    prompt: Annotated[str | None, typer.Option(help="Instead of an id: a prompt nobody sent.")] = None,
    tenant: Annotated[
        str | None, typer.Option("--tenant", "-t", help="Tenant.", show_default=f"that of the id, or {DEFAULT_TENANT}")
    ] = None,
    model: Annotated[str, typer.Option(help="auto, a model, an alias, or a pool such as maker/*:floor.")] = "auto",
    mode: Annotated[str | None, typer.Option(help="Copilot mode.", autocompletion=completion("CopilotMode"))] = None,
    job_type: Annotated[str | None, typer.Option(help="Job type.", autocompletion=completion("JobType"))] = None,
    space: Annotated[str | None, typer.Option(help="Space.")] = None,
    space_type: Annotated[
        str | None, typer.Option(help="Instead of the space's own type.", autocompletion=completion("SpaceType"))
    ] = None,
    area: Annotated[str | None, typer.Option(help="Area of the space.")] = None,
    area_task_type: Annotated[str | None, typer.Option(help="Instead of the area's own type of work.")] = None,
    plan: Annotated[str | None, typer.Option(help="Plan.")] = None,
    use_case: Annotated[str | None, typer.Option(help="Use case.")] = None,
    planning: Annotated[bool, typer.Option("--planning", help="Planning mode.")] = False,
    assist: Annotated[bool, typer.Option("--assist", help="Assist mode.")] = False,
    sensitive: Annotated[bool, typer.Option("--sensitive", help="Sensitive data.")] = False,
    automated: Annotated[bool, typer.Option("--automated", help="No person looks.")] = False,
    background: Annotated[bool, typer.Option("--background", help="Nobody waits.")] = False,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show how the rules look at a request: each layer in order, each rule with what fails, what is inherited."""
    from routing.rules_trace import lines, rules_trace

    if (id_ is None) == (prompt is None):
        raise CliError(
            "trace one of: an ID of the log, --prompt TEXT", 'pointsman rules trace --prompt "..."', ExitCode.USAGE
        )
    if id_ is not None:
        past = past_of(run_dir, id_, tenant)
        case, notes = past.case, past.notes
    else:
        from pointsman.cli.hypothetical import hypothetical

        fields: dict[str, Any] = {
            "prompt": prompt,
            "model": model,
            "mode": mode,
            "job_type": job_type,
            "space": space,
            "space_type": space_type,
            "area": area,
            "area_task_type": area_task_type,
            "plan": plan,
            "use_case": use_case,
            "planning": planning,
            "assist": assist,
            "sensitive": sensitive,
            "automation": "automated" if automated else "human_in_loop",
            "latency_class": "background" if background else "interactive",
        }
        case, notes = hypothetical(run_dir, tenant or DEFAULT_TENANT, fields), ()
    for line in notes:
        note(line)
    found = rules_trace(case)
    if output is Output.TABLE:
        print_labelled(lines(found))
    else:
        emit_json({**jsonable(found), "request_id": case.facts.request_id, "notes": list(notes)}, output)
