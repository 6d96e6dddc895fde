"""One real broker for all tests, a name space per test, and no way out of this machine."""

import ipaddress
import os
import signal
import sys
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from confluent_kafka.admin import AdminClient

from streams import minilm
from streams.kafka_jars import kafka_jars
from streams.local_kafka import LocalKafka
from streams.settings import Settings

hypothesis.settings.register_profile("pointsman", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("pointsman")

_outside = {"allowed": False}


class OutsideReachedError(AssertionError):
    """A test tried to leave the machine."""


def _is_local(host: str) -> bool:
    if host in {"localhost", ""}:
        return True
    try:
        return ipaddress.ip_address(host.split("%", maxsplit=1)[0]).is_loopback
    except ValueError:
        return False


def _watch(event: str, args: tuple[Any, ...]) -> None:
    """Refuse every connection of this process that is not to loopback (clients written in C are not seen)."""
    if event in {"socket.connect", "socket.sendto"} and not _outside["allowed"]:
        address = args[1]
        if isinstance(address, tuple) and address and not _is_local(str(address[0])):
            raise OutsideReachedError(f"a test tried to reach {address[0]}: tests talk to this machine only")


@contextmanager
def _outside_allowed() -> Generator[None]:
    _outside["allowed"] = True
    try:
        yield
    finally:
        _outside["allowed"] = False


def pytest_configure() -> None:
    """Take away keys and settings of the person who runs the tests, and close the way out."""
    kept = {"POINTSMAN_CACHE", "POINTSMAN_MAVEN_REPOSITORY"}
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_DSN")) or (name.startswith("POINTSMAN_") and name not in kept):
            del os.environ[name]
    sys.addaudithook(_watch)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Started in the background, a shell has this ignored, and so would every process that a test interrupts.
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def jars() -> list[Path]:
    """The jars of Apache Kafka; fetched on the very first run."""
    with _outside_allowed():
        return kafka_jars()


@pytest.fixture(scope="session")
def encoder_jar() -> Callable[[], None]:
    """Fetches the jar of the ONNX encoder, on the very first run."""

    def fetch() -> None:
        with _outside_allowed():
            minilm.fetch()

    return fetch


@pytest.fixture(scope="session")
def kafka(jars: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Generator[LocalKafka]:
    """One broker for the whole session; tests share it by their `prefix`. Do not stop it: start your own instead."""
    broker = LocalKafka(tmp_path_factory.mktemp("kafka"), heap_mb=512, guard=True)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> Generator[str]:
    """A name of one test, put before its topics, groups and transactional ids; its topics are deleted after it."""
    name = f"t{uuid.uuid4().hex[:10]}-"
    yield name
    if "kafka" in request.fixturenames:
        admin = AdminClient({"bootstrap.servers": request.getfixturevalue("kafka").bootstrap})
        mine = [topic for topic in admin.list_topics(timeout=10).topics if topic.startswith(name)]
        if mine:
            for deletion in admin.delete_topics(mine, operation_timeout=30).values():
                deletion.result()


@pytest.fixture
def settings(kafka: LocalKafka, prefix: str, tmp_path: Path) -> Settings:
    """Settings of a deployment of its own on the shared broker; its topics are not created yet."""
    return Settings(bootstrap=kafka.bootstrap, prefix=prefix, run_dir=tmp_path)
