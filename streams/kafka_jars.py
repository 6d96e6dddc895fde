"""The 46 jars of Apache Kafka, named by coordinate and SHA-256 in `jars/kafka-4.1.2.lock` and kept in a cache."""

from collections.abc import Callable
from pathlib import Path

from streams import maven_jars
from streams.maven_jars import LOCKS, ChecksumMismatchError, Jar, JarSet, JarsUnavailableError, jar_cache

__all__ = [
    "KAFKA_VERSION",
    "LOCK",
    "ChecksumMismatchError",
    "Jar",
    "JarsUnavailableError",
    "jar_cache",
    "kafka_jars",
    "missing_jars",
    "read_lock",
]

KAFKA_VERSION = "4.1.2"
LOCK = LOCKS / f"kafka-{KAFKA_VERSION}.lock"
_OWN_CLUSTER = "or use your own cluster: pointsman up --bootstrap HOST:PORT [--kafka-conf sasl.mechanism=... ]"


def read_lock(lock: Path = LOCK) -> list[Jar]:
    """Return what a lock pins."""
    return maven_jars.read_lock(lock)


def missing_jars(cache: Path | None = None) -> list[Jar]:
    """Return the jars that are absent from the cache or wrong in it."""
    return maven_jars.missing_jars(LOCK, cache)


def kafka_jars(
    cache: Path | None = None, on_progress: Callable[[str], None] | None = None, lock: Path = LOCK
) -> list[Path]:
    """Return the paths of all jars, fetching those that are absent or wrong; raise `JarsUnavailableError`."""
    return maven_jars.fetched_jars(JarSet(f"Apache Kafka {KAFKA_VERSION}", lock, _OWN_CLUSTER), cache, on_progress)
