"""Jars by coordinate and SHA-256, fetched from a Maven repository into a cache: Kafka's, and those that hold encoders.

A jar is fetched alone, with nothing transitive, and every start compares every jar with its SHA-256: an interrupted
download leaves a file that looks complete.

Environment: POINTSMAN_CACHE (where the jars lie), POINTSMAN_MAVEN_REPOSITORY (address of your own Maven repository),
and what `requests` reads: HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE.
"""

import fcntl
import hashlib
import importlib.util
import os
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jgo.maven import MavenContext

LOCKS = Path(__file__).parent / "jars"
_FETCHERS = 8


class JarsUnavailableError(RuntimeError):
    """The jars cannot be had; the message says why and what to do."""


class ChecksumMismatchError(JarsUnavailableError):
    """A jar differs from its SHA-256 in the lock, twice in a row; the wrong file is deleted."""


@dataclass(frozen=True, slots=True)
class JarSet:
    """Jars that belong together: what they are, their lock, and what else a user without them can do."""

    what: str
    lock: Path
    otherwise: str = ""

    @property
    def hint(self) -> str:
        """What else can be done, as the end of a sentence."""
        return f", {self.otherwise}" if self.otherwise else ""


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the lock."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def coordinate(self) -> str:
        """`group:artifact:version`."""
        return f"{self.group}:{self.artifact}:{self.version}"

    def path(self, cache: Path) -> Path:
        """Where a Maven repository layout keeps this jar below `cache`."""
        return cache.joinpath(
            *self.group.split("."), self.artifact, self.version, f"{self.artifact}-{self.version}.jar"
        )

    def is_right(self, cache: Path) -> bool:
        """Whether the cached file exists and has the SHA-256 of the lock."""
        path = self.path(cache)
        return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == self.sha256


def jar_cache() -> Path:
    """Return the folder of the jars: $POINTSMAN_CACHE/jars, else the user's cache folder."""
    if own := os.environ.get("POINTSMAN_CACHE"):
        return Path(own) / "jars"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pointsman" / "jars"


def read_lock(lock: Path) -> list[Jar]:
    """Parse `group:artifact:version sha256` lines."""
    jars: list[Jar] = []
    for line in lock.read_text().splitlines():
        coordinate, sha256 = line.split()
        group, artifact, version = coordinate.split(":")
        jars.append(Jar(group, artifact, version, sha256))
    return jars


def missing_jars(lock: Path, cache: Path | None = None) -> list[Jar]:
    """Return the jars of a lock that are absent from the cache or wrong in it."""
    folder = cache or jar_cache()
    return [jar for jar in read_lock(lock) if not jar.is_right(folder)]


def fetched_jars(
    jars: JarSet, cache: Path | None = None, on_progress: Callable[[str], None] | None = None
) -> list[Path]:
    """Return the paths of all jars, fetching those that are absent or wrong; raise `JarsUnavailableError`."""
    folder = cache or jar_cache()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / ".lock"):
            return _complete(folder, jars, on_progress or _silent)
    except OSError as error:
        raise JarsUnavailableError(
            f"cannot use the jar cache {folder}: {error}. Name a writable folder in POINTSMAN_CACHE{jars.hint}"
        ) from error


def _silent(_message: str) -> None:
    """Progress nobody asked for."""


@contextmanager
def _locked(path: Path) -> Generator[None]:
    """Let one process at a time fill the cache."""
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _complete(folder: Path, jars: JarSet, on_progress: Callable[[str], None]) -> list[Path]:
    missing = missing_jars(jars.lock, folder)
    if missing:
        with _certificates_for_requests(), ThreadPoolExecutor(_FETCHERS) as pool:
            context = _maven(folder, jars)
            fetches = [pool.submit(_fetch, context, folder, jar, jars) for jar in missing]
            try:
                for done, fetch in enumerate(as_completed(fetches), start=1):
                    fetch.result()
                    on_progress(f"fetching {jars.what}: {done} of {len(missing)} jars")
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
    return [jar.path(folder) for jar in read_lock(jars.lock)]


def _maven(folder: Path, jars: JarSet) -> "MavenContext":
    if importlib.util.find_spec("jgo") is None:
        raise JarsUnavailableError(
            f"the jars of {jars.what} are not in {folder} and `jgo`, which fetches them, is not installed: "
            f"pip install 'pointsman[demo]'{jars.hint}"
        )
    from jgo.maven import MavenContext  # noqa: PLC0415 - comes with the extras `demo` and `onnx`, and takes 0.3 s

    own = os.environ.get("POINTSMAN_MAVEN_REPOSITORY")
    return MavenContext(repo_cache=folder, remote_repos={"own": own.rstrip("/")} if own else None, timeout=60)


def _fetch(context: "MavenContext", folder: Path, jar: Jar, jars: JarSet) -> None:
    """Fetch one jar; a wrong file is deleted and fetched once more."""
    for _attempt in (1, 2):
        jar.path(folder).unlink(missing_ok=True)
        try:
            context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
        except (RuntimeError, AssertionError, OSError) as error:
            reason = str(error).replace(str(context.remote_repos), "") or type(error).__name__
            raise JarsUnavailableError(
                f"cannot fetch {jar.coordinate}: {reason}. Behind a proxy set HTTPS_PROXY and REQUESTS_CA_BUNDLE; "
                f"with a company repository set POINTSMAN_MAVEN_REPOSITORY to its address{jars.hint}"
            ) from error
        if jar.is_right(folder):
            return
    jar.path(folder).unlink(missing_ok=True)
    raise ChecksumMismatchError(
        f"{jar.coordinate} was fetched twice and both times differs from its SHA-256 in {jars.lock.name}: the "
        "repository or a proxy on the way delivers another file. Nothing was kept. "
        f"Set POINTSMAN_MAVEN_REPOSITORY{jars.hint}"
    )


@contextmanager
def _certificates_for_requests() -> Generator[None]:
    """Give `requests` the certificate file that pip or OpenSSL were given: it does not read their variables."""
    given = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
    if not given or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE"):
        yield
        return
    os.environ["REQUESTS_CA_BUNDLE"] = given
    try:
        yield
    finally:
        del os.environ["REQUESTS_CA_BUNDLE"]
