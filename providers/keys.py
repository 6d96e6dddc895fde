"""Provider keys: read from where the configuration points, kept out of every text.

``env:NAME`` names an environment variable, ``file:/path`` a file that others may not read. The value goes into one
request header and nowhere else.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

_MAX_BYTES = 8192


class KeyReferenceError(ValueError):
    """A key cannot be read; the message names the reference, never the value. Fix the configuration."""


def read_key(reference: str, environ: Mapping[str, str]) -> SecretStr:
    """Return the key that ``reference`` points to.

    Raises ``KeyReferenceError`` when it is missing, empty, not printable ASCII, or a file that anybody may read.
    """
    scheme, _, place = reference.partition(":")
    if scheme == "env":
        value = environ.get(place)
        if value is None:
            raise KeyReferenceError(f"environment variable {place} is not set")
    elif scheme == "file":
        value = _read_private_file(Path(place))
    else:
        raise KeyReferenceError("a key is referred to as env:NAME or file:/path")
    value = value.strip()
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise KeyReferenceError(f"{reference} does not hold a key: printable ASCII without spaces is expected")
    return SecretStr(value)


def _read_private_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise KeyReferenceError(f"{path} is not a regular file")
            if status.st_mode & stat.S_IRWXO:
                raise KeyReferenceError(f"{path} is open to every user; run: chmod o-rwx {path}")
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise KeyReferenceError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > _MAX_BYTES:
        raise KeyReferenceError(f"{path} is too large for a key")
    return content.decode("utf-8", errors="replace")
