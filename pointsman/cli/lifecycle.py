import time
from typing import Annotated

import typer

from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.output import Output, OutputOption, emit_object, emit_rows, note, progress


def register(app: typer.Typer) -> None:
    """Add `up` and `down`."""
    app.command("up")(up)
    app.command("down")(down)


def up(
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    bootstrap: Annotated[
        str, typer.Option(help="Use this Kafka (HOST:PORT) instead of starting one.", show_default="a local broker")
    ] = "",
    kafka_conf: Annotated[
        list[str] | None,
        typer.Option(help="A librdkafka property for --bootstrap, e.g. sasl.username=me; may be repeated."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Port of the local broker.", show_default="that of the last run, else a free one"
        ),
    ] = None,
    routers: Annotated[int, typer.Option(min=0, max=64, help="Router processes.")] = 1,
    executors: Annotated[int, typer.Option(min=0, max=64, help="Executor processes.")] = 1,
    feedback: Annotated[int, typer.Option(min=0, max=64, help="Feedback processes.")] = 1,
    recorders: Annotated[int, typer.Option(min=0, max=1, help="Recorder processes.")] = 1,
    simulated: Annotated[bool, typer.Option(help="Run the simulated providers.")] = True,
    catalog: Annotated[
        bool | None,
        typer.Option(help="Publish the catalog that comes with pointsman.", show_default="yes, but not to --bootstrap"),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Start Kafka and all stages in the background."""
    from deploy.control import up as start
    from deploy.run_dir import RunDir, StageCounts, UpOptions

    if kafka_conf and not bootstrap:
        raise CliError("--kafka-conf is for --bootstrap", "name your cluster: --bootstrap HOST:PORT", ExitCode.USAGE)
    options = UpOptions(
        counts=StageCounts(
            simulated=int(simulated), router=routers, executor=executors, feedback=feedback, recorder=recorders
        ),
        bootstrap=bootstrap,
        kafka=_properties(kafka_conf or []),
        port=port,
        catalog=catalog if catalog is not None else not bootstrap,
    )
    begun = time.monotonic()
    with progress("starting") as tell:
        state = start(RunDir(run_dir), options, tell)
    note(f"pointsman runs ({time.monotonic() - begun:.1f} s). Next: pointsman status | pointsman down")
    emit_object(
        {
            "bootstrap": state.bootstrap,
            "cluster_id": state.cluster_id,
            "processes": len(state.processes),
            "run_dir": str(RunDir(run_dir).path),
        },
        output,
    )


def down(run_dir: RunDirOption = DEFAULT_RUN_DIR, output: OutputOption = Output.TABLE) -> None:
    """End everything that `up` started here; data is kept."""
    from deploy.control import down as end
    from deploy.run_dir import RunDir

    with progress("stopping"):
        ended = end(RunDir(run_dir))
    if not ended:
        note(f"nothing runs in {RunDir(run_dir).path}")
    if ended or output is not Output.TABLE:
        emit_rows(({"process": row.name, "slot": row.slot, "pid": row.pid} for row in ended), output, title="stopped")


def _properties(pairs: list[str]) -> dict[str, str]:
    properties: dict[str, str] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name.strip():
            raise CliError(f"--kafka-conf wants NAME=VALUE, not {name!r}", code=ExitCode.USAGE)
        properties[name.strip()] = value
    return properties
