import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from deploy.run_dir import ChildState, ProcessState, RunDir, start_time

_LOG_LIMIT = 32 * 1024 * 1024
_STABLE_AFTER = 60.0
_DELAYS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
log = structlog.get_logger()


def restart_delay(failures: int) -> float:
    """Return the seconds to wait before the restart after this many failures in a row; the first restart is at once."""
    return _DELAYS[min(max(failures, 1), len(_DELAYS)) - 1]


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One row of the process table: what to start, under which fixed slot."""

    name: str
    slot: int
    command: tuple[str, ...]


@dataclass
class Child:
    """One supervised process: started, watched, restarted with growing pauses, stopped."""

    spec: ProcessSpec
    run_dir: RunDir
    environment: Mapping[str, str]
    restarts: int = 0
    last_exit: int | None = None
    _process: subprocess.Popen[bytes] | None = None
    _started: float | None = None
    _started_at: float = 0.0
    _failures: int = 0
    _due: float = 0.0
    _stopping: bool = False

    @property
    def ready_file(self) -> Path:
        """Exists once the process announced itself ready."""
        return self.run_dir.ready / f"{self.spec.name}-{self.spec.slot}"

    def watch(self, now: float, *, may_start: bool) -> bool:
        """Notice an end, start when it is time (`now` is monotonic seconds); return whether something changed."""
        changed = self._notice_end(now)
        if self._process is None and may_start and not self._stopping and now >= self._due:
            self._start(now)
            changed = True
        return changed

    def forgive(self) -> None:
        """Restart at once: the cause of the failures (a broker that was away) is gone."""
        self._failures = 0
        self._due = 0.0

    def terminate(self) -> None:
        """Ask the process to end and do not start it again."""
        self._stopping = True
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process at once and do not start it again."""
        self._stopping = True
        self._signal(signal.SIGKILL)

    def wait(self, deadline: float) -> bool:
        """Wait until the process has ended or monotonic `deadline` has passed; return whether it has ended."""
        if self._process is None:
            return True
        try:
            self._process.wait(max(deadline - time.monotonic(), 0.01))
        except subprocess.TimeoutExpired:
            return False
        self._notice_end(time.monotonic())
        return True

    def snapshot(self) -> ProcessState:
        """Return what the state file says about this process."""
        return ProcessState(
            name=self.spec.name,
            slot=self.spec.slot,
            state=self._state(),
            pid=self._process.pid if self._process else None,
            started=self._started if self._process else None,
            restarts=self.restarts,
            last_exit=self.last_exit,
            log=str(self.run_dir.log(self.spec.name, self.spec.slot)),
        )

    def _state(self) -> ChildState:
        if self._process is not None:
            return "ready" if self.ready_file.exists() else "running"
        if self._stopping:
            return "stopped"
        return "restarting" if self.restarts else "waiting"

    def _notice_end(self, now: float) -> bool:
        if self._process is None or (code := self._process.poll()) is None:
            return False
        self.last_exit = code
        self._process = None
        if self._stopping:
            return True
        self._failures = 1 if now - self._started_at >= _STABLE_AFTER else self._failures + 1
        self.restarts += 1
        self._due = now + restart_delay(self._failures)
        log.warning("process ended", process=self.spec.name, slot=self.spec.slot, exit=code, restart_in=self._due - now)
        return True

    def _start(self, now: float) -> None:
        path = self.run_dir.log(self.spec.name, self.spec.slot)
        if path.exists() and path.stat().st_size > _LOG_LIMIT:
            path.replace(path.with_suffix(".log.1"))
        self.ready_file.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own commands
                self.spec.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**self.environment, "POINTSMAN_READY_FILE": str(self.ready_file)},
                start_new_session=True,
            )
        self._started = start_time(self._process.pid)
        self._started_at = now
        log.info("process started", process=self.spec.name, slot=self.spec.slot, pid=self._process.pid)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
