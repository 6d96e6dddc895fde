"""What `pointsman doctor` looks at on this machine; each check says what was found and, if need be, what to do."""

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deploy.run_dir import RunDir
from streams import encoders
from streams.config_signature import SigningKeyError, Trust
from streams.java_runtime import JavaNotFoundError, find_java
from streams.kafka_jars import KAFKA_VERSION, JarsUnavailableError, jar_cache, kafka_jars, missing_jars
from streams.ports import is_free
from streams.settings import Settings

PACKAGES = ("analytics", "deploy", "pointsman", "providers", "routing", "schemas", "streams")
_NEEDED_GIB = 2.0
_OWN_CLUSTER = (
    "pointsman up --bootstrap HOST:PORT --kafka-conf security.protocol=SASL_SSL --kafka-conf sasl.mechanism=PLAIN "
    "--kafka-conf sasl.username=NAME --kafka-conf sasl.password=SECRET"
)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor: `warn` works but deserves a look, `fail` does not work."""

    name: str
    state: Literal["ok", "warn", "fail"]
    found: str
    next: str = ""


def machine_checks(run_dir: RunDir, on_progress: Callable[[str], None]) -> list[Check]:
    """Look at everything that needs no running pointsman; jars that are missing are fetched, as `up` would do."""
    return [
        python_check(),
        packages_check(),
        folder_check(run_dir),
        disk_check(run_dir),
        java_check(),
        jars_check(on_progress),
        encoders_check(),
        port_check(),
        signing_check(Settings().config_keys),
    ]


def python_check() -> Check:
    """The Python that runs pointsman."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Check("python", "ok", f"{version} ({sys.executable})")


def packages_check() -> Check:
    """All packages come from one place: their names are common words that other distributions use too."""
    places: dict[str, list[str]] = {}
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        origin = str(Path(spec.origin).parent.parent) if spec and spec.origin else "nowhere"
        places.setdefault(origin, []).append(name)
    version = importlib.metadata.version("pointsman")
    if len(places) == 1:
        return Check("packages", "ok", f"pointsman {version} from {next(iter(places))}")
    found = "; ".join(f"{', '.join(names)} from {place}" for place, names in places.items())
    return Check("packages", "fail", found, "install pointsman into an environment of its own")


def folder_check(run_dir: RunDir) -> Check:
    """The run folder can be written."""
    existing = next(path for path in (run_dir.path, *run_dir.path.parents) if path.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        return Check("run folder", "fail", f"no permission to write {existing}", "name another folder: --run-dir")
    return Check("run folder", "ok", str(run_dir.path))


def disk_check(run_dir: RunDir) -> Check:
    """Room for events, ClickHouse data and jars."""
    existing = next(path for path in (run_dir.path, *run_dir.path.parents) if path.exists())
    free = shutil.disk_usage(existing).free / 1024**3
    found = f"{free:.1f} GiB free at {existing}"
    if free < _NEEDED_GIB:
        return Check("disk", "warn", found, f"have {_NEEDED_GIB:.0f} GiB free, or name another folder: --run-dir")
    return Check("disk", "ok", found)


def java_check() -> Check:
    """A Java runtime for the local broker."""
    try:
        java = find_java()
    except JavaNotFoundError as error:
        return Check("java", "fail", str(error), _OWN_CLUSTER)
    return Check("java", "ok", f"version {java.version} from {java.source} ({java.path})")


def jars_check(on_progress: Callable[[str], None]) -> Check:
    """The jars of Apache Kafka, right by SHA-256."""
    missing = len(missing_jars())
    try:
        jars = kafka_jars(on_progress=on_progress)
    except JarsUnavailableError as error:
        return Check("kafka jars", "fail", str(error), _OWN_CLUSTER)
    fetched = f", {missing} fetched now" if missing else ""
    return Check("kafka jars", "ok", f"Kafka {KAFKA_VERSION}: {len(jars)} jars right in {jar_cache()}{fetched}")


def signing_check(keys: str) -> Check:
    """Whose tenants and endpoints count, by the keys in the environment of this command."""
    try:
        required = Trust(keys).required
    except SigningKeyError as error:
        return Check("config keys", "fail", str(error), "pointsman config keygen FILE")
    if required:
        return Check("config keys", "ok", "tenants and endpoints count only when a configured key has signed them")
    return Check("config keys", "ok", "none: every valid document on the config topic counts, signed or not")


def encoders_check() -> Check:
    """An encoder that can be loaded here; what the configuration asks for is looked at where pointsman runs."""
    found = encoders.at_hand()
    if not found:
        none = "none: policies that compare prompts with clusters route without them"
        return Check("encoders", "warn", none, "pip install 'pointsman[encoder]'")
    return Check("encoders", "ok", ", ".join(found))


def port_check() -> Check:
    """The default Kafka port may be taken: the local broker chooses free ones."""
    taken = not is_free(9092)
    return Check(
        "ports", "ok", "9092 is taken by another server, which does not matter" if taken else "free ports exist"
    )
