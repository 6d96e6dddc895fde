import json
import os
import signal
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.events import emit_json
from pointsman.cli.output import Output, OutputOption, note

if TYPE_CHECKING:
    from deploy.run_dir import RunDir
    from pointsman.demo.script import Script
    from pointsman.demo.traffic import Played
    from schemas.control_provider import ProviderDocument
    from schemas.envelope import Event
    from streams.settings import Settings

DEMO_DIR = Path(".pointsman-demo")
MARKER = "DEMO"
_READY_SECONDS = 90.0
_APPLIED_SECONDS = 60.0
_RECORDED_SECONDS = 60.0
_SCALE = "POINTSMAN_SIMULATED_SCALE"


def register(app: typer.Typer) -> None:
    """Add `demo`."""
    app.command("demo")(demo)


def demo(
    real: Annotated[
        bool, typer.Option("--real", help="Use real providers: OPENAI_API_KEY, ANTHROPIC_API_KEY; a few requests.")
    ] = False,
    requests: Annotated[int | None, typer.Option(min=1, help="Play only the first N requests.")] = None,
    pace: Annotated[float | None, typer.Option(min=0.1, help="Requests per second.")] = None,
    stay: Annotated[
        bool | None, typer.Option(help="Stay up after the summary until Ctrl-C.", show_default="on a terminal")
    ] = None,
    run_dir: Annotated[
        Path, typer.Option(help="Folder of the demo; emptied at each start.", file_okay=False)
    ] = DEMO_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Start Kafka and all stages, route varied traffic to simulated providers, explain it, sum it up, stop."""
    from deploy.control import down
    from deploy.run_dir import RunDir
    from pointsman.demo.script import load

    script = load()
    if pace is not None:
        script = script.model_copy(update={"pace_per_s": pace})
    folder = RunDir(run_dir)
    _empty(folder)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        settings = _start(folder, script, real=real)
        played = _play(settings, script, requests, output, real=real)
        _sum_up(settings, script, played, output, real=real)
        _next_steps(folder, played)
        if stay if stay is not None else sys.stdout.isatty():
            _stay()
    finally:
        with _step("stopping everything"):
            down(folder)
    if played.unanswered or played.unpublished:
        raise CliError(
            f"nothing moved for a minute: {len(played.unanswered)} requests have no result, "
            f"{played.unpublished} were held back",
            f"pointsman logs --run-dir {folder.path}",
        )


@contextmanager
def _step(what: str) -> Generator[None]:
    """Say what is done, with its time when it is."""
    begun = time.monotonic()
    yield
    note(f"{time.monotonic() - begun:6.1f} s  {what}")


def _empty(folder: "RunDir") -> None:
    """Begin anew; only a folder that an earlier demo made is emptied."""
    import shutil

    from deploy.control import down
    from deploy.run_dir import start_time

    if folder.path.exists():
        if any(folder.path.iterdir()) and not (folder.path / MARKER).exists():
            raise CliError(
                f"{folder.path} is not a folder of the demo: nothing is deleted there", "name another one: --run-dir"
            )
        _refuse_second(folder)
        if folder.owner() is not None:
            note("ending what a demo left running here")
        down(folder)
        shutil.rmtree(folder.path)
    folder.create()
    mine = {"pid": os.getpid(), "started": start_time(os.getpid()), "note": "pointsman demo empties this folder"}
    (folder.path / MARKER).write_text(json.dumps(mine))


def _refuse_second(folder: "RunDir") -> None:
    """A demo that runs here is left alone; what a killed one left is not."""
    from deploy.run_dir import same_process

    try:
        other = json.loads((folder.path / MARKER).read_text())
    except (FileNotFoundError, ValueError):
        return
    if same_process(other.get("pid"), other.get("started")) is not None:
        raise CliError(f"a demo runs in {folder.path} (pid {other['pid']})", "pointsman demo --run-dir another-folder")


def _start(folder: "RunDir", script: "Script", *, real: bool) -> "Settings":
    from deploy.control import up
    from deploy.run_dir import UpOptions
    from pointsman.cli.context import connect
    from pointsman.config_store import applied_everywhere

    providers = _real_providers() if real else []
    os.environ.setdefault(_SCALE, "0.25")  # read by the processes that are started next
    os.environ.pop("POINTSMAN_BOOTSTRAP", None)
    note("pointsman demo: everything runs on this machine" + ("" if real else "; all providers are simulated"))
    last: list[Any] = ["", time.monotonic()]

    def tell(message: str) -> None:
        kind = message.partition(":")[0]
        if last[0] and kind != last[0].partition(":")[0]:
            note(f"{time.monotonic() - last[1]:6.1f} s  {last[0]}")
            last[1] = time.monotonic()
        last[0] = message

    up(folder, UpOptions(), tell)
    tell("done")
    settings = connect(folder.path)
    if providers:
        with _step(f"switching to real providers: {', '.join(one.name for one in providers)}"):
            _publish_real(settings, script, providers)
    with _step("the catalog in use on every partition of the router"):
        missing = applied_everywhere(settings, _APPLIED_SECONDS)
    if missing:
        raise CliError("the router did not start", f"pointsman logs router --run-dir {folder.path}")
    with _step("all stages ready"):
        _await_ready(folder)
    return settings


def _await_ready(folder: "RunDir") -> None:
    deadline = time.monotonic() + _READY_SECONDS
    waiting: list[str] = []
    while time.monotonic() < deadline:
        state = folder.read_state()
        waiting = [one.name for one in state.processes if one.state != "ready"] if state else ["supervisor"]
        if set(waiting) <= {"kafka", "simulated"}:  # these two announce nothing: they answer
            return
        time.sleep(0.1)
    raise CliError(
        f"not ready after {_READY_SECONDS:.0f} s: {', '.join(waiting)}",
        f"pointsman logs {waiting[0]} --run-dir {folder.path}",
    )


def _real_providers() -> "list[ProviderDocument]":
    """Return the real endpoints whose key is in the environment."""
    from deploy.shipped_config import CATALOG
    from pointsman.config_files import load
    from pointsman.demo.real import switched_on

    documents = [located.document for located in load([CATALOG / "real"]).documents]
    found = [one for one in switched_on(documents, os.environ) if one.name in {"openai", "anthropic"}]
    if not found:
        raise CliError(
            "--real needs a key of a provider in the environment",
            "OPENAI_API_KEY=... pointsman demo --real (or ANTHROPIC_API_KEY)",
            ExitCode.PERMISSION,
        )
    return found


def _publish_real(settings: "Settings", script: "Script", providers: "list[ProviderDocument]") -> None:
    from datetime import UTC, datetime

    from deploy.shipped_config import shipped_documents
    from pointsman.config_store import publish
    from pointsman.demo.real import bounded_tenants

    tenants = bounded_tenants(providers, shipped_documents(), script.real.tenants)
    publish(settings, [*providers, *tenants], datetime.now(UTC), "demo --real")


def _play(settings: "Settings", script: "Script", limit: int | None, output: Output, *, real: bool) -> "Played":
    from pointsman.client import Client
    from pointsman.demo.simulator import OutageSwitch, PlantedQuality
    from pointsman.demo.traffic import Simulator, Traffic

    chosen = [dict(fields) for fields in script.requests]
    if real:
        mine = [one for one in chosen if one["tenant"] in script.real.tenants][: script.real.requests]
        chosen = [{**one, "max_output_tokens": script.real.max_output_tokens} for one in mine]
    chosen = chosen[:limit]

    def show(event: "Event", line: str) -> None:
        if output is Output.TABLE:
            print(line, flush=True)
        elif output is Output.JSONL:
            emit_json(event, output)

    note(f"\n{len(chosen)} requests; each line is a decision, made before its provider is called\n")
    begun = time.monotonic()
    with Client(settings) as client:
        simulator = Simulator(OutageSwitch(settings.simulated_port), PlantedQuality(settings.run_dir))
        played = Traffic(client, script, show, note, None if real else simulator).run(chosen)
    note(f"\n{played.published} requests in {time.monotonic() - begun:.0f} s: {_counts(played)}")
    return played


def _counts(played: "Played") -> str:
    parts = [f"{count} {status}" for status, count in sorted(played.statuses.items())]
    parts += [
        f"{played.fallbacks} answered by a fallback",
        f"{played.overrides} overrides",
        f"{played.ratings} ratings",
    ]
    return ", ".join(parts)


def _sum_up(settings: "Settings", script: "Script", played: "Played", output: Output, *, real: bool) -> None:
    from pointsman.demo.summary import await_recorded, sections

    with _step("ClickHouse has all of it"):
        await_recorded(settings, sum(played.statuses.values()), _RECORDED_SECONDS)
    found = sections(settings, script, simulated=not real)
    if output is not Output.TABLE:
        emit_json({"summary": [section.as_dict() for section in found]}, output)
        return
    for section in found:
        print(f"\n{section.title}")
        for line in section.lines:
            print(f"  {line}")


def _next_steps(folder: "RunDir", played: "Played") -> None:
    command = _command()
    where = f"--run-dir {os.path.relpath(folder.path)}"
    running = sys.stdout.isatty()
    note("\nTry next" + (" in another terminal:" if running else f", after {command} up {where}:"))
    note(f"  {command} explain {played.example or 'ID'} {where}")
    note(f'  {command} submit "Plan a harbour festival for 3000 guests" {where}')
    note(f'  {command} sql "select * from v_model_summary order by cost desc" {where}')  # noqa: S608 - shown, not run


def _command() -> str:
    """Return how this program was called, as the user can call it again."""
    path = Path(sys.argv[0])
    return "pointsman" if path.name != "pointsman" else os.path.relpath(path) if path.is_absolute() else str(path)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """End as with Ctrl-C: stop everything that was started."""
    raise KeyboardInterrupt


def _stay() -> None:
    try:
        note("\nCtrl-C ends it.")
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        note("")
