import os
import signal
import threading

import structlog

from deploy.child import restart_delay
from deploy.run_dir import ChildState, ProcessState, start_time
from streams.java_runtime import JavaNotFoundError
from streams.kafka_jars import JarsUnavailableError
from streams.local_kafka import LocalKafka, LocalKafkaError

log = structlog.get_logger()


class BrokerKeeper(threading.Thread):
    """Keeps the local broker running; a thread of its own, because a start takes seconds."""

    def __init__(self, broker: LocalKafka) -> None:
        super().__init__(name="broker-keeper")
        self.broker = broker
        self.serving = threading.Event()
        self.starts = 0
        self.first_error: Exception | None = None
        self._ending = threading.Event()

    def run(self) -> None:
        """Start, watch and restart until `end`; give up only when the very first start fails."""
        failures = 0
        while not self._ending.is_set():
            try:
                self.broker.start()
            except (JavaNotFoundError, JarsUnavailableError, LocalKafkaError) as error:
                if self.starts == 0:
                    self.first_error = error
                    return
                failures += 1
                log.warning("broker did not start", error=str(error), failures=failures)
                self._ending.wait(restart_delay(failures))
                continue
            failures = 0
            self.starts += 1
            log.info("broker serves", bootstrap=self.broker.bootstrap, cluster_id=self.broker.cluster_id)
            self.serving.set()
            while self.broker.pid is not None and not self._ending.wait(0.1):
                pass
            self.serving.clear()
            if not self._ending.is_set():
                log.warning("broker ended", starts=self.starts)
        self.broker.stop()

    def end(self) -> None:
        """Stop the broker in order and end the thread; an unfinished start is given up."""
        self._ending.set()
        if not self.serving.is_set() and (pid := self.broker.pid) is not None:
            os.kill(pid, signal.SIGTERM)
        if self.is_alive():
            self.join()

    def snapshot(self) -> ProcessState:
        """Return what the state file says about the broker."""
        pid = self.broker.pid
        state: ChildState = "ready" if self.serving.is_set() else "restarting" if self.starts else "waiting"
        return ProcessState(
            name="kafka",
            slot=0,
            state=state,
            pid=pid,
            started=start_time(pid) if pid else None,
            restarts=max(self.starts - 1, 0),
            log=str(self.broker.log_path),
        )
