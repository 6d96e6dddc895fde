"""Signed configuration (SPEC X4): Ed25519 over a document's canonical JSON, in the header ``ce_signature``.

With keys configured (``config_keys``), tenants and endpoints that name an address or a tenant count only when one of
the keys signed them; what anybody else publishes goes to the dead letters. Without keys every valid document counts.
What is signed is the JSON as published, keys sorted, so later versions of the schema check it alike.

    ce_signature: ed25519 <first 16 hex digits of SHA-256 of the public key> <signature, base64>
    key file:     pointsman-signing-key ed25519 <seed, base64>         readable by its owner alone
    config_keys:  public keys, base64, separated by commas
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from schemas.control import ConfigDocument
from schemas.control_provider import SIMULATED_ADDRESS, ProviderDocument
from schemas.control_tenant import TenantDocument
from schemas.record import Record

HEADER: Final = "ce_signature"
_ALGORITHM: Final = "ed25519"
_FILE_HEAD: Final = "pointsman-signing-key"
_CONTEXT: Final = b"pointsman-config-v1\n"
"""Before the document's bytes, so that a signature means nothing elsewhere."""


class SigningKeyError(ValueError):
    """A key that is none; the message says which and what to do, never the key."""


def needs_signature(document: ConfigDocument) -> bool:
    """Return whether a document counts only when signed: a tenant, an endpoint with an address or an owner."""
    if isinstance(document, ProviderDocument):
        return document.tenant is not None or document.base_url != SIMULATED_ADDRESS
    return isinstance(document, TenantDocument)


def canonical(document: Mapping[str, Any]) -> bytes:
    """Return the bytes that are signed: the document's JSON object with sorted keys and no spaces."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return _CONTEXT + text.encode()


class Signer:
    """Signs config events with the key of a file."""

    def __init__(self, key: SigningKey) -> None:
        """Keep the key."""
        self._key = key

    @classmethod
    def of_file(cls, path: Path) -> "Signer":
        """Read a key file; raise `SigningKeyError` where it is none, or others may read it."""
        try:
            if path.stat().st_mode & 0o077:
                raise SigningKeyError(f"others may read {path}: chmod 600 {path}")
            words = path.read_text(encoding="utf-8").split()
        except OSError as error:
            raise SigningKeyError(f"{path} cannot be read: {error.strerror}") from None
        if len(words) != 3 or words[:2] != [_FILE_HEAD, _ALGORITHM]:
            raise SigningKeyError(f"{path} is no signing key; make one: pointsman config keygen FILE")
        return cls(SigningKey(_decoded(words[2], f"the key of {path}")))

    @property
    def public(self) -> str:
        """The public key, base64: what ``config_keys`` takes."""
        return base64.b64encode(bytes(self._key.verify_key)).decode()

    def header(self, value: bytes) -> tuple[str, bytes]:
        """Return the header that signs the document of a config event's JSON value."""
        signature = self._key.sign(canonical(json.loads(value)["document"])).signature
        text = f"{_ALGORITHM} {_key_id(self._key.verify_key)} {base64.b64encode(signature).decode()}"
        return (HEADER, text.encode())


class Trust:
    """The keys whose signatures count; without any, everything does."""

    def __init__(self, keys: str) -> None:
        """Read public keys, base64, separated by commas; raise `SigningKeyError` where one is none."""
        parts = [part.strip() for part in keys.split(",") if part.strip()]
        made = [VerifyKey(_decoded(part, f"key {number} of config_keys")) for number, part in enumerate(parts, 1)]
        self._keys = {_key_id(key): key for key in made}

    @property
    def required(self) -> bool:
        """Whether any key is configured."""
        return bool(self._keys)

    def objection(self, record: Record, value: Mapping[str, Any], document: ConfigDocument) -> str | None:
        """Return why a valid document of ``record`` does not count, or None. ``value``: the record's JSON object."""
        if not self._keys or not needs_signature(document):
            return None
        header = record.header(HEADER)
        if header is None:
            return "unsigned: tenants and endpoints count only when a configured key has signed them"
        words = header.split(" ")
        if len(words) != 3 or words[0] != _ALGORITHM:
            return "the signature has no form that is known here"
        key = self._keys.get(words[1])
        if key is None:
            return "signed by a key that is not configured"
        try:
            key.verify(canonical(value["document"]), base64.b64decode(words[2], validate=True))
        except (BadSignatureError, binascii.Error, ValueError):
            return "the signature is not that of this document"
        return None


def new_key_file(path: Path) -> Signer:
    """Write a new key to a new file, readable by its owner alone; raise `SigningKeyError` if the file exists."""
    key = SigningKey.generate()
    text = f"{_FILE_HEAD} {_ALGORITHM} {base64.b64encode(bytes(key)).decode()}\n"
    try:
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(text, encoding="utf-8")
    except FileExistsError:
        raise SigningKeyError(f"{path} exists; keys are not written over") from None
    except OSError as error:
        raise SigningKeyError(f"{path} cannot be written: {error.strerror}") from None
    return Signer(key)


def _decoded(text: str, what: str) -> bytes:
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SigningKeyError(f"{what} is not base64") from None
    if len(value) != 32:
        raise SigningKeyError(f"{what} is not 32 bytes long")
    return value


def _key_id(key: VerifyKey) -> str:
    return hashlib.sha256(bytes(key)).hexdigest()[:16]
