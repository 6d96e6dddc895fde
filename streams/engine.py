"""Which code decided: the package's version and a hash of the pure core's sources, stored in every decision."""

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files


@cache
def engine_version() -> str:
    """Return ``version+hash``; the hash covers ``routing`` with its artefacts and ``schemas``.

    Equal engines give equal decisions.
    """
    digest = hashlib.blake2b(digest_size=6)
    for package in ("routing", "schemas"):
        sources = sorted((path.name, path) for path in files(package).iterdir() if path.name.endswith(".py"))
        for name, path in sources:
            digest.update(f"{package}/{name}\n".encode())
            digest.update(path.read_bytes())
    for path in sorted(files("routing").joinpath("artefacts").iterdir(), key=lambda entry: entry.name):
        digest.update(f"routing/artefacts/{path.name}\n".encode())
        digest.update(path.read_bytes())
    try:
        release = version("pointsman")
    except PackageNotFoundError:
        release = "0"
    return f"{release}+{digest.hexdigest()}"
