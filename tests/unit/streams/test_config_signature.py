"""Signed configuration: whose tenants and endpoints count, and who owns an endpoint (X4, D5)."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from deploy.shipped_config import config_event
from schemas import topics
from schemas.control import DOCUMENT
from schemas.dead_letter import RejectionCode
from schemas.record import Record
from streams.config_log import ConfigLog
from streams.config_signature import HEADER, Signer, SigningKeyError, Trust, canonical, needs_signature, new_key_file

NOW = datetime(2026, 11, 20, tzinfo=UTC)
OURS, THEIRS = Signer(SigningKey(b"o" * 32)), Signer(SigningKey(b"t" * 32))
TENANT = {"kind": "tenant", "name": "acme", "budget": {"daily": 5}}
ENDPOINT = {"kind": "provider", "name": "gpu", "base_url": "https://gpu.example/v1"}
PLAIN = {"kind": "flags", "name": "switches", "flags": {"fast": True}}


def record(value: dict[str, Any], signer: Signer | None = None, offset: int = 0) -> Record:
    event = config_event(DOCUMENT.validate_python(value), NOW)
    headers = () if signer is None else (signer.header(event.to_json()),)
    output = event.to_output(topics.CONFIG, *headers, key=event.key)
    return Record(topics.CONFIG, 0, offset, 0, output.key.encode(), output.value, output.headers)


def reasons(log: ConfigLog) -> list[tuple[RejectionCode, str]]:
    return [(rejection.code, rejection.reason) for _, rejection in log.rejected]


@pytest.mark.parametrize(
    ("value", "needed"),
    [
        (TENANT, True),
        (ENDPOINT, True),
        ({"kind": "provider", "name": "sim"}, False),
        ({"kind": "provider", "name": "sim", "tenant": "acme"}, True),
        (PLAIN, False),
        ({"kind": "plan", "name": "p"}, False),
    ],
)
def test_what_needs_a_signature(value: dict[str, Any], needed: bool) -> None:
    """Tenants, and endpoints with an address or an owner."""
    assert needs_signature(DOCUMENT.validate_python(value)) is needed


@pytest.mark.parametrize("value", [TENANT, ENDPOINT])
def test_with_keys_only_what_they_signed_counts(value: dict[str, Any]) -> None:
    """Unsigned, signed by a stranger, or changed after it was signed: refused with the reason; ours is taken."""
    log = ConfigLog(Trust(f"{OURS.public}, "))
    signed = record(value, OURS)
    tampered = json.loads(signed.value or b"")
    tampered["document"]["description"] = "changed"
    log.add(
        [
            record(value, None, 0),
            record(value, THEIRS, 1),
            Record(topics.CONFIG, 0, 2, 0, signed.key, json.dumps(tampered).encode(), signed.headers),
            Record(topics.CONFIG, 0, 3, 0, signed.key, signed.value, ((HEADER, b"rsa x y"),)),
        ]
    )
    assert log.documents == {}
    assert [code for code, _ in reasons(log)] == [RejectionCode.UNSIGNED] * 4
    words = " | ".join(reason for _, reason in reasons(log))
    for expected in ("unsigned:", "not configured", "not that of this document", "no form that is known"):
        assert expected in words
    log.add([record(value, OURS, 4)])
    assert list(log.documents) == [f"{value['kind']}/{value['name']}@1"]


def test_other_documents_and_no_keys() -> None:
    """What names nobody's address or budget needs no signature; without keys nothing does."""
    strict, open_ = ConfigLog(Trust(OURS.public)), ConfigLog(Trust(""))
    strict.add([record(PLAIN)])
    open_.add([record(TENANT), record(ENDPOINT, THEIRS, 1)])
    assert (len(strict.documents), len(open_.documents)) == (1, 2)
    assert not Trust("").required


def test_a_signature_holds_however_the_json_is_spaced() -> None:
    """What is signed is the JSON with sorted keys: other spacing and order of the same document passes."""
    signed = record(TENANT, OURS)
    value = json.loads(signed.value or b"")
    value["document"] = dict(reversed(value["document"].items()))
    spaced = Record(topics.CONFIG, 0, 0, 0, signed.key, json.dumps(value, indent=2).encode(), signed.headers)
    log = ConfigLog(Trust(OURS.public))
    log.add([spaced])
    assert len(log.documents) == 1


@given(
    st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False))
)
def test_canonical_bytes_are_those_of_the_value(value: dict[str, Any]) -> None:
    """Writing and reading a document changes nothing of what is signed."""
    assert canonical(json.loads(json.dumps(value))) == canonical(value)


def test_an_endpoint_never_changes_hands() -> None:
    """No later version gives a shared endpoint to a tenant, or a tenant's to another or to all (X4)."""
    log = ConfigLog()
    log.add(
        [
            record({"kind": "provider", "name": "openai"}, offset=0),
            record({"kind": "provider", "name": "openai", "tenant": "thief", "version": 2}, offset=1),
            record({"kind": "provider", "name": "gpu", "tenant": "acme"}, offset=2),
            record({"kind": "provider", "name": "gpu", "tenant": "thief", "version": 2}, offset=3),
            record({"kind": "provider", "name": "gpu", "version": 3}, offset=4),
            record({"kind": "provider", "name": "gpu", "tenant": "acme", "version": 4}, offset=5),
        ]
    )
    assert sorted(log.documents) == ["provider/gpu@1", "provider/gpu@4", "provider/openai@1"]
    assert [reason for _, reason in reasons(log)] == [
        "provider/openai@2: the endpoint belongs to no tenant, and stays so",
        "provider/gpu@2: the endpoint belongs to tenant acme, and stays so",
        "provider/gpu@3: the endpoint belongs to tenant acme, and stays so",
    ]


def test_key_files(tmp_path: Path) -> None:
    """A new key is its owner's alone to read, never written over, and signs what its public key checks."""
    path = tmp_path / "signing.key"
    made = new_key_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Signer.of_file(path).public == made.public
    with pytest.raises(SigningKeyError, match="not written over"):
        new_key_file(path)
    log = ConfigLog(Trust(made.public))
    log.add([record(TENANT, Signer.of_file(path))])
    assert len(log.documents) == 1
    path.chmod(0o644)
    with pytest.raises(SigningKeyError, match="chmod 600"):
        Signer.of_file(path)


@pytest.mark.parametrize(
    "text", ["", "sesame", "pointsman-signing-key ed25519 !!!", "pointsman-signing-key ed25519 YQ=="]
)
def test_what_is_no_key(tmp_path: Path, text: str) -> None:
    """Anything else is named without being repeated."""
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SigningKeyError) as caught:
        Signer.of_file(path)
    assert "sesame" not in str(caught.value).replace(str(path), "")
    with pytest.raises(SigningKeyError):
        Signer.of_file(tmp_path / "absent")
    with pytest.raises(SigningKeyError, match="key 2 of config_keys"):
        Trust(f"{OURS.public},{base64.b64encode(b'short').decode()}")
