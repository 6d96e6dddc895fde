"""The folder of one running pointsman: who runs, on which ports, with which options, and what it logged.

options.json     what `up` was asked for (may hold SASL secrets: 0600)
state.json       what the supervisor started: pids, ports, phase (0600)
supervisor.lock  held by the supervisor as long as it lives
kafka/           the local broker: data, settings, log
logs/            one file per process
ready/           one empty file per process that announced itself ready
"""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal, TypeVar

import psutil
from pydantic import BaseModel, ConfigDict, Field, ValidationError

DEFAULT_RUN_DIR = Path(".pointsman")
_START_TOLERANCE = 2.0
ModelT = TypeVar("ModelT", bound=BaseModel)

Phase = Literal["starting", "running", "stopping", "stopped", "failed", "unreachable"]
ChildState = Literal["waiting", "running", "ready", "restarting", "stopped"]


class RunDirError(RuntimeError):
    """The run folder cannot be used; the message says why and what to do."""


class AlreadyRunningError(RunDirError):
    """A supervisor owns this run folder."""


class StageCounts(BaseModel):
    """How many processes of each stage to run; each gets the slots 0 to n-1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    simulated: int = Field(default=1, ge=0, le=1)
    router: int = Field(default=1, ge=0, le=64)
    executor: int = Field(default=1, ge=0, le=64)
    feedback: int = Field(default=1, ge=0, le=64)
    recorder: int = Field(default=1, ge=0, le=1)


class UpOptions(BaseModel):
    """What `pointsman up` was asked for; `bootstrap` empty means a local broker."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    counts: StageCounts = StageCounts()
    bootstrap: str = ""
    kafka: dict[str, str] = {}
    port: int | None = None
    catalog: bool = True
    """Publish the configuration that comes with pointsman, where it is not in the log yet."""
    heap_mb: int = Field(default=384, ge=128)


class ProcessState(BaseModel):
    """One process as the supervisor sees it; `started` in seconds since the epoch, as the system reports it."""

    model_config = ConfigDict(frozen=True)

    name: str
    slot: int
    state: ChildState
    pid: int | None = None
    started: float | None = None
    restarts: int = 0
    last_exit: int | None = None
    log: str


class SupervisorState(BaseModel):
    """What `status`, `down` and all other commands read."""

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    pid: int
    started: float
    phase: Phase
    message: str = ""
    bootstrap: str = ""
    cluster_id: str = ""
    simulated_port: int = 0
    processes: tuple[ProcessState, ...] = ()


class RunDir:
    """Paths and files of one run folder."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self.options_path = self.path / "options.json"
        self.state_path = self.path / "state.json"
        self.lock_path = self.path / "supervisor.lock"
        self.kafka = self.path / "kafka"
        self.logs = self.path / "logs"
        self.ready = self.path / "ready"

    def create(self) -> None:
        """Create the folder, readable for its owner alone; raise `RunDirError` where that is not possible."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            for folder in (self.logs, self.ready):
                folder.mkdir(exist_ok=True, mode=0o700)
            ignore = self.path / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n")
        except OSError as error:
            raise RunDirError(
                f"cannot use the run folder {self.path}: {error.strerror}. Name another one: --run-dir"
            ) from error

    def log(self, name: str, slot: int) -> Path:
        """Where a process logs."""
        return self.logs / f"{name}-{slot}.log"

    def read_state(self) -> SupervisorState | None:
        """Return what the last supervisor wrote, or None when none ever ran here."""
        return self._read(self.state_path, SupervisorState)

    def read_options(self) -> UpOptions:
        """Return what the last `up` was asked for."""
        return self._read(self.options_path, UpOptions) or UpOptions()

    def write_state(self, state: SupervisorState) -> None:
        """Replace the state in one step."""
        self._write(self.state_path, state)

    def write_options(self, options: UpOptions) -> None:
        """Replace the options in one step."""
        self._write(self.options_path, options)

    def owner(self) -> SupervisorState | None:
        """Return the state of the living supervisor that owns this folder, or None."""
        try:
            with self.lock_path.open("rb") as handle:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return self.read_state()
        except FileNotFoundError:
            return None
        return None

    @contextmanager
    def hold(self, *, patience: float = 1.0) -> Generator[None]:
        """Own the folder as long as the context lasts; raise `AlreadyRunningError` when somebody else does.

        `patience` seconds pass over those who only look whether there is an owner. The system gives the lock back
        when its owner ends in whatever way.
        """
        deadline = time.monotonic() + patience
        with self.lock_path.open("ab") as handle:
            while not _lock(handle):
                if time.monotonic() > deadline:
                    state = self.read_state()
                    who = f"supervisor pid {state.pid}, Kafka {state.bootstrap or 'starting'}" if state else "unknown"
                    raise AlreadyRunningError(
                        f"pointsman already runs in {self.path} ({who}). "
                        "See it: pointsman status; end it: pointsman down"
                    )
                time.sleep(0.02)
            yield

    @staticmethod
    def _read(path: Path, model: type[ModelT]) -> ModelT | None:
        try:
            return model.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise RunDirError(
                f"{path} is damaged or of another version: pointsman down, then pointsman clean"
            ) from error

    @staticmethod
    def _write(path: Path, model: BaseModel) -> None:
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
            handle.write(model.model_dump_json(indent=2))
        temporary.replace(path)


def _lock(handle: IO[bytes]) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def start_time(pid: int) -> float | None:
    """Return when this process started, or None when there is none (or only its remains)."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return None


def same_process(pid: int | None, started: float | None) -> psutil.Process | None:
    """Return the living process with this pid, only if it is the one that started then."""
    if pid is None or started is None:
        return None
    now = start_time(pid)
    if now is None or abs(now - started) > _START_TOLERANCE:
        return None
    return psutil.Process(pid)
