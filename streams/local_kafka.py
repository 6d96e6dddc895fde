"""A real Apache Kafka for one machine: KRaft, one node, loopback only, no Docker.

Data, settings and log of a broker lie in one folder and survive stop, kill and restart: same cluster id, same port.
"""

import base64
import fcntl
import json
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from streams.java_runtime import find_java
from streams.kafka_jars import kafka_jars
from streams.kafka_ready import cluster_id, listens, wait_for_coordinators
from streams.ports import free_ports, is_free

START_TIMEOUT = 90.0
STOP_TIMEOUT = 20.0
_LOG_LIMIT = 16 * 1024 * 1024

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
num.partitions=8
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=5
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=3
group.initial.rebalance.delay.ms=0
# after a kill the controller lets the same node back in only when its old session has ended (default 9 s)
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
# readers wait for an abandoned transaction: look every second, not every ten
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
# committed offsets outlive a long holiday: without them a restarted stage would not know where it was
offsets.retention.minutes=525600
message.max.bytes=8388608
replica.fetch.max.bytes=8388608
log.segment.bytes=16777216
log.index.size.max.bytes=1048576
log.cleaner.dedupe.buffer.size=33554432
"""

_LOG4J = """\
Configuration:
  Appenders:
    Console: {name: O, PatternLayout: {pattern: "%d{ISO8601} %p %m (%c)%n"}}
  Loggers:
    Root: {level: WARN, AppenderRef: [{ref: O}]}
    Logger: [{name: kafka.server, level: INFO}]
"""


class LocalKafkaError(RuntimeError):
    """The local broker cannot do what was asked; the message says why and what to do."""


class PortTakenError(LocalKafkaError):
    """Another process listens on the port that was asked for."""


class DataInUseError(LocalKafkaError):
    """Another broker runs over the same data folder."""


class BrokerFailedError(LocalKafkaError):
    """The broker ended or did not answer in time; the message carries the end of its log."""


@dataclass(frozen=True, slots=True)
class BrokerIdentity:
    """What stays the same over restarts; kept in `broker.json` beside the data."""

    cluster_id: str
    port: int
    controller_port: int


class LocalKafka:
    """One broker on loopback over one data folder.

    Units: `heap_mb` in MiB. `port=None` takes the port of the last run, else a free one. With `guard=True` the broker
    is killed when this process ends in whatever way (for tests; a supervisor wants it to live on).
    Errors: `JavaNotFoundError`, `JarsUnavailableError`, `PortTakenError`, `DataInUseError`,
    `BrokerFailedError`.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        heap_mb: int = 256,
        on_progress: Callable[[str], None] | None = None,
        guard: bool = False,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.log_path = self.data_dir / "kafka.log"
        self._wanted_port = port
        self._heap_mb = heap_mb
        self._on_progress = on_progress or _silent
        self._with_guard = guard
        self._guard: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._identity: BrokerIdentity | None = None

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients."""
        return f"127.0.0.1:{self.identity.port}"

    @property
    def cluster_id(self) -> str:
        """The id that this broker, and no other, answers with."""
        return self.identity.cluster_id

    @property
    def identity(self) -> BrokerIdentity:
        """Cluster id and ports; known once `start` was called."""
        if self._identity is None:
            raise LocalKafkaError("the local broker was not started yet: call start() first")
        return self._identity

    @property
    def pid(self) -> int | None:
        """Process id of the broker while it runs, else None."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start the broker and return when clients can use it."""
        if self.pid is not None:
            return
        self.kill()  # what a crash left over
        self.data_dir.mkdir(parents=True, exist_ok=True)
        java = find_java()
        class_path = os.pathsep.join(str(path) for path in kafka_jars(on_progress=self._on_progress))
        with (self.data_dir / "broker.lock").open("ab") as lock:
            self._own_data(lock)
            self._start_locked(java.path, class_path, lock)
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def _own_data(self, lock: IO[bytes]) -> None:
        """Let one broker at a time use the data; the lock goes over to the broker and ends with it.

        Kafka's own lock comes too late: a second broker has written to the metadata log before it asks for it.
        """
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataInUseError(
                f"another broker uses the same data folder, {self.data_dir}: pointsman down, or name another folder"
            ) from error

    def _start_locked(self, java: Path, class_path: str, lock: IO[bytes]) -> None:
        self._identity = self._prepare_identity()
        properties = self._write_settings(self._identity)
        if not (self.data_dir / "data" / "meta.properties").exists():
            self._on_progress("formatting the log folder")
            self._format(java, class_path, properties)
        self._on_progress(f"starting Apache Kafka on port {self._identity.port}")
        self._process = self._launch(java, class_path, properties, lock)

    def stop(self) -> None:
        """End the broker in order (SIGTERM; SIGKILL after 20 s); data is kept."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._end_guard()

    def kill(self) -> None:
        """End the broker at once (SIGKILL), as a crash would; data is kept."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
        self._end_guard()

    def pause(self) -> None:
        """Freeze the broker (SIGSTOP)."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen broker go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            raise LocalKafkaError("the local broker does not run")
        self._process.send_signal(number)

    def _prepare_identity(self) -> BrokerIdentity:
        """Keep cluster id and ports of the last run; take other ports only when those are occupied."""
        kept = self._kept_identity()
        if self._wanted_port is not None and not is_free(self._wanted_port):
            raise PortTakenError(
                f"port {self._wanted_port} is taken by another process: "
                "name another one, or none to have a free one chosen"
            )
        free = iter(free_ports(2))
        old_port = kept.port if kept and is_free(kept.port) else None
        old_controller = kept.controller_port if kept and is_free(kept.controller_port) else None
        identity = BrokerIdentity(
            cluster_id=kept.cluster_id if kept else _new_cluster_id(),
            port=self._wanted_port or old_port or next(free),
            controller_port=old_controller or next(free),
        )
        if kept and self._wanted_port is None and identity.port != kept.port:
            self._on_progress(f"port {kept.port} of the last run is taken by another process, using {identity.port}")
        _write_atomically(self.data_dir / "broker.json", json.dumps(asdict(identity)))
        return identity

    def _kept_identity(self) -> BrokerIdentity | None:
        path = self.data_dir / "broker.json"
        try:
            return BrokerIdentity(**json.loads(path.read_text()))
        except FileNotFoundError:
            if (self.data_dir / "data").exists():
                raise LocalKafkaError(
                    f"{self.data_dir} holds broker data but no broker.json: move the folder away (pointsman clean)"
                ) from None
            return None
        except (ValueError, TypeError) as error:
            raise LocalKafkaError(
                f"{path} is damaged ({error}): move {self.data_dir} away (pointsman clean)"
            ) from error

    def _write_settings(self, identity: BrokerIdentity) -> Path:
        data = str(self.data_dir / "data").replace("\\", "\\\\")
        settings = _PROPERTIES.format(port=identity.port, controller=identity.controller_port, data=data)
        properties = self.data_dir / "server.properties"
        _write_atomically(properties, settings)
        _write_atomically(self.data_dir / "log4j2.yaml", _LOG4J)
        return properties

    def _format(self, java: Path, class_path: str, properties: Path) -> None:
        command = [str(java), "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", class_path]
        command += [f"-Dlog4j2.configurationFile={self.data_dir / 'log4j2.yaml'}"]
        command += ["kafka.tools.StorageTool", "format", "-t", self.cluster_id, "-c", str(properties)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=_java_environment())  # noqa: S603 - our own command
        if done.returncode != 0:
            raise BrokerFailedError(f"formatting {self.data_dir} failed: {(done.stdout + done.stderr)[-2000:]}")

    def _launch(self, java: Path, class_path: str, properties: Path, lock: IO[bytes]) -> subprocess.Popen[bytes]:
        if self.log_path.exists() and self.log_path.stat().st_size > _LOG_LIMIT:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))
        command = [str(java), f"-Xmx{self._heap_mb}m", f"-Xms{min(128, self._heap_mb)}m", "-XX:+UseSerialGC"]
        command += ["-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:+ExitOnOutOfMemoryError"]
        command += [f"-Dlog4j2.configurationFile={self.data_dir / 'log4j2.yaml'}", "-cp", class_path]
        command += ["kafka.Kafka", str(properties)]
        with self.log_path.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own command
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.data_dir,
                env=_java_environment(),
                start_new_session=True,
                pass_fds=(lock.fileno(),),
            )
        if self._with_guard:
            # Reads until our end of the pipe closes, which happens in whatever way this process ends.
            self._guard = subprocess.Popen(  # noqa: S603 - our own command
                ["/bin/sh", "-c", f"read _; kill -9 {process.pid}"], stdin=subprocess.PIPE, start_new_session=True
            )
        return process

    def _end_guard(self) -> None:
        if self._guard is not None:
            self._guard.kill()
            if self._guard.stdin is not None:
                self._guard.stdin.close()
            self._guard.wait()
            self._guard = None

    def _wait_until_ready(self) -> None:
        """Wait for metadata with our cluster id (another broker may answer on this port), then for the coordinators."""
        deadline = time.monotonic() + START_TIMEOUT
        while not listens("127.0.0.1", self.identity.port):
            self._check_alive(deadline)
            time.sleep(0.05)
        while not self._answers_with_our_id():
            self._check_alive(deadline)
        self._on_progress("waiting for the group and transaction coordinators")
        wait_for_coordinators(self.bootstrap, lambda: self._check_alive(deadline))

    def _answers_with_our_id(self) -> bool:
        answered = cluster_id(self.bootstrap)
        if answered is not None and answered != self.cluster_id:
            raise PortTakenError(
                f"another Kafka (cluster {answered}) answers on {self.bootstrap}: start again, or name a free port"
            )
        return answered is not None

    def _check_alive(self, deadline: float) -> None:
        if self._process is None or self._process.poll() is not None:
            code = self._process.returncode if self._process else None
            log = self._log_end()
            raise BrokerFailedError(f"Kafka ended with status {code}; the end of {self.log_path}:\n{log}")
        if time.monotonic() > deadline:
            raise BrokerFailedError(
                f"Kafka did not answer within {START_TIMEOUT:.0f} s; the end of {self.log_path}:\n{self._log_end()}"
            )

    def _log_end(self, size: int = 3000) -> str:
        try:
            return self.log_path.read_bytes()[-size:].decode(errors="replace")
        except FileNotFoundError:
            return "(no log)"


def _silent(_message: str) -> None:
    """Progress nobody asked for."""


def _new_cluster_id() -> str:
    """Return 16 random bytes as Kafka writes them; an id that starts with a dash would read as an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


def _java_environment() -> dict[str, str]:
    """Without the variables that change a Java program behind our back (JAVA_TOOL_OPTIONS and its kin)."""
    return {
        name: value for name, value in os.environ.items() if name in {"HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "TZ"}
    }


def _write_atomically(path: Path, text: str) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text)
    temporary.replace(path)
