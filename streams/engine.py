"""Which code decided, and with which encoders at hand: stored in every decision."""

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files

from streams.encoders import at_hand


@cache
def engine_version() -> str:
    """Return ``version+hash``, then ``+encoder`` for each encoder at hand.

    The hash covers ``routing`` with its artefacts and ``schemas``. Equal engines give equal decisions.
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
    return "+".join((release, digest.hexdigest(), *at_hand()))
