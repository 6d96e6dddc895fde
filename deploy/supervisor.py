"""The one background process of `pointsman up`: owns the broker and all stages, restarts what ends, stops in order."""

import json
import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from types import FrameType

import structlog
from confluent_kafka import KafkaException

from deploy.broker_keeper import BrokerKeeper
from deploy.child import Child, ProcessSpec
from deploy.leftovers import STAGE_STOP_SECONDS, end_leftovers
from deploy.run_dir import Phase, ProcessState, RunDir, StageCounts, SupervisorState, UpOptions, start_time
from deploy.shipped_config import ShippedConfigError, publish_missing, shipped_documents
from streams.kafka_ready import cluster_id
from streams.local_kafka import LocalKafka
from streams.ports import free_ports, is_free
from streams.settings import Settings
from streams.topology import create_topics

_TICK = 0.1
_OWN_CLUSTER_SECONDS = 30.0
log = structlog.get_logger()


class StartFailedError(RuntimeError):
    """pointsman cannot start; the message says why and what to do. `unreachable`: the user's own cluster is."""

    def __init__(self, message: str, *, unreachable: bool = False) -> None:
        super().__init__(message)
        self.unreachable = unreachable


def process_table(counts: StageCounts) -> list[ProcessSpec]:
    """Return every process beside the broker, in the order of starting; a slot is a fixed number per stage."""
    return [
        ProcessSpec(name, slot, (sys.executable, "-P", "-m", "pointsman", "run", name, "--slot", str(slot)))
        for name in ("simulated", "router", "executor", "feedback", "recorder")
        for slot in range(getattr(counts, name))
    ]


class Supervisor:
    """Runs until it is told to end; all it knows is in the run folder's state file."""

    def __init__(self, run_dir: RunDir, options: UpOptions) -> None:
        self._run_dir = run_dir
        self._options = options
        self._ending = threading.Event()
        self._keeper: BrokerKeeper | None = None
        self._children: list[Child] = []
        self._written: SupervisorState | None = None
        self._phase: Phase = "starting"
        self._message = "starting"
        self._bootstrap = options.bootstrap
        self._cluster_id = ""
        self._broker_says = "starting Kafka"
        self._simulated_port = 0
        self._started = start_time(os.getpid()) or time.time()

    def run(self) -> int:
        """Own the run folder, serve, stop everything; return the exit status of the process."""
        with self._run_dir.hold():
            self._take_over()
            signal.signal(signal.SIGTERM, self._on_signal)
            signal.signal(signal.SIGINT, self._on_signal)
            failure: StartFailedError | None = None
            try:
                self._serve()
            except StartFailedError as error:
                log.error("start failed", error=str(error))  # noqa: TRY400 - the message says it all
                failure = error
            finally:
                self._stop_all()
            if failure is None:
                self._report("stopped", "")
                return 0
            self._report("unreachable" if failure.unreachable else "failed", str(failure))
            return 1

    def _take_over(self) -> None:
        """End what a supervisor left running that was killed."""
        before = self._run_dir.read_state()
        if before is not None:
            for process in end_leftovers(before):
                log.warning("ended a leftover of a killed supervisor", process=process.name, pid=process.pid)
            self._simulated_port = before.simulated_port
        self._report("starting", "starting")

    def _serve(self) -> None:
        self._start_kafka()
        if self._ending.is_set():
            return
        settings = self._settings()
        self._report("starting", "creating topics")
        try:
            created = create_topics(settings)
        except KafkaException as error:
            raise StartFailedError(
                f"cannot create the topics on {self._bootstrap}: {error.args[0].str()}. "
                "The user of --kafka-conf needs the right to create topics"
            ) from error
        log.info("topics exist", created=len(created))
        if self._options.catalog:
            self._publish_catalog(settings)
        self._children = [
            Child(spec, self._run_dir, self._environment(settings)) for spec in process_table(self._options.counts)
        ]
        starts = self._keeper.starts if self._keeper else 0
        while not self._ending.wait(_TICK):
            if self._keeper and self._keeper.starts != starts and self._keeper.serving.is_set():
                starts = self._keeper.starts
                for child in self._children:
                    child.forgive()
            self._watch_children()

    def _publish_catalog(self, settings: Settings) -> None:
        self._report("starting", "publishing the catalog")
        try:
            published = publish_missing(settings, shipped_documents(), datetime.now(UTC))
        except (ShippedConfigError, KafkaException, TimeoutError) as error:
            raise StartFailedError(f"cannot publish the catalog: {error}") from error
        log.info("catalog published", documents=len(published))

    def _watch_children(self) -> None:
        serving = self._keeper is None or self._keeper.serving.is_set()
        for child in self._children:
            if child.watch(time.monotonic(), may_start=serving):
                self._report(self._phase, self._message)
        started = all(child.snapshot().pid is not None or child.restarts for child in self._children)
        self._report("running" if started else self._phase, "" if started else "starting the stages")

    def _start_kafka(self) -> None:
        if self._options.bootstrap:
            self._find_own_cluster()
            return
        broker = LocalKafka(
            self._run_dir.kafka,
            port=self._options.port,
            heap_mb=self._options.heap_mb,
            on_progress=self._note,
        )
        self._keeper = BrokerKeeper(broker)
        self._keeper.start()
        while not self._keeper.serving.wait(_TICK):
            if self._keeper.first_error is not None:
                raise StartFailedError(str(self._keeper.first_error)) from self._keeper.first_error
            if self._ending.is_set():
                return
            self._report("starting", self._broker_says)
        self._bootstrap, self._cluster_id = broker.bootstrap, broker.cluster_id

    def _note(self, message: str) -> None:
        """Called in the thread of the broker: only remember."""
        self._broker_says = message

    def _find_own_cluster(self) -> None:
        self._report("starting", f"connecting to {self._bootstrap}")
        deadline = time.monotonic() + _OWN_CLUSTER_SECONDS
        while not self._ending.is_set():
            if found := cluster_id(self._bootstrap, conf=self._options.kafka):
                self._cluster_id = found
                return
            if time.monotonic() > deadline:
                raise StartFailedError(
                    f"no Kafka answers on {self._bootstrap} within {_OWN_CLUSTER_SECONDS:.0f} s. Check the address and "
                    "the settings (--kafka-conf security.protocol=SASL_SSL --kafka-conf sasl.mechanism=... "
                    "--kafka-conf sasl.username=... --kafka-conf sasl.password=...)",
                    unreachable=True,
                )

    def _settings(self) -> Settings:
        if not (self._simulated_port and is_free(self._simulated_port)):
            self._simulated_port = free_ports(1)[0]
        return Settings(
            bootstrap=self._bootstrap,
            kafka=self._options.kafka,
            run_dir=self._run_dir.path,
            simulated_port=self._simulated_port,
        )

    def _environment(self, settings: Settings) -> dict[str, str]:
        """Everything of ours, and what a stage needs to find the others."""
        return {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "POINTSMAN_BOOTSTRAP": settings.bootstrap,
            "POINTSMAN_KAFKA": json.dumps(settings.kafka),
            "POINTSMAN_RUN_DIR": str(settings.run_dir),
            "POINTSMAN_SIMULATED_PORT": str(settings.simulated_port),
        }

    def _stop_all(self) -> None:
        """Stages first, so that they can finish and commit; then what they talk to."""
        self._report("stopping", "stopping the stages")
        for child in self._children:
            if child.spec.name != "simulated":
                child.terminate()
        deadline = time.monotonic() + STAGE_STOP_SECONDS
        for child in self._children:
            if child.spec.name == "simulated":
                child.terminate()
            if not child.wait(deadline):
                log.warning("killed: did not end in time", process=child.spec.name, slot=child.spec.slot)
                child.kill()
                child.wait(time.monotonic() + 5)
        if self._keeper is not None:
            self._report("stopping", "stopping Kafka")
            self._keeper.end()

    def _report(self, phase: Phase, message: str) -> None:
        """Write the state file when something in it changed."""
        self._phase, self._message = phase, message
        processes: list[ProcessState] = [self._keeper.snapshot()] if self._keeper else []
        processes += [child.snapshot() for child in self._children]
        state = SupervisorState(
            pid=os.getpid(),
            started=self._started,
            phase=phase,
            message=message,
            bootstrap=self._bootstrap,
            cluster_id=self._cluster_id,
            simulated_port=self._simulated_port,
            processes=tuple(processes),
        )
        if state != self._written:
            self._run_dir.write_state(state)
            self._written = state

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """The first signal stops in order, the second one at once."""
        if self._ending.is_set():
            for child in self._children:
                child.kill()
            if self._keeper is not None and (pid := self._keeper.broker.pid) is not None:
                os.kill(pid, signal.SIGKILL)
            os._exit(130)
        self._ending.set()
