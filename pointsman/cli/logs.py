import time
from pathlib import Path
from typing import IO, Annotated

import typer

from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption
from pointsman.cli.errors import CliError, ExitCode


def register(app: typer.Typer) -> None:
    """Add `logs`."""
    app.command("logs")(logs)


def logs(
    process: Annotated[str, typer.Argument(help="Part of a process name: kafka, router, executor-1 ...")] = "",
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Lines from the end of each log.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
) -> None:
    """Show the logs of the processes."""
    from deploy.run_dir import RunDir

    folder = RunDir(run_dir)
    files = {path.stem: path for path in sorted(folder.logs.glob("*.log"))}
    if (folder.kafka / "kafka.log").exists():
        files["kafka"] = folder.kafka / "kafka.log"
    wanted = {name: path for name, path in files.items() if process in name}
    if not wanted:
        known = ", ".join(sorted(files)) or "none yet"
        raise CliError(f"no log named {process!r} in {folder.path} (there are: {known})", code=ExitCode.NOT_FOUND)
    width = max(len(name) for name in wanted)
    for name, path in wanted.items():
        with path.open("rb") as file:
            for line in _last_lines(file, lines):
                print(f"{name:<{width}} | {line}")
    if follow:
        _follow(wanted, width)


def _last_lines(file: IO[bytes], count: int, limit: int = 1 << 20) -> list[str]:
    """Return the last lines within the last MiB."""
    size = file.seek(0, 2)
    file.seek(max(size - limit, 0))
    return file.read().decode(errors="replace").splitlines()[-count:] if count else []


def _follow(files: dict[str, Path], width: int) -> None:
    positions = {name: path.stat().st_size for name, path in files.items()}
    while True:
        for name, path in files.items():
            size = path.stat().st_size if path.exists() else 0
            if size < positions[name]:
                positions[name] = 0
            if size > positions[name]:
                with path.open("rb") as file:
                    file.seek(positions[name])
                    text = file.read(size - positions[name])
                whole = text[: text.rfind(b"\n") + 1]
                positions[name] += len(whole)
                for line in whole.decode(errors="replace").splitlines():
                    print(f"{name:<{width}} | {line}", flush=True)
        time.sleep(0.2)
