"""Faust under our settings: credentials as librdkafka names them, rows restored by version."""

import asyncio
import ssl
from types import SimpleNamespace
from typing import Any, NoReturn

import orjson
import pytest
from confluent_kafka import TopicPartition
from faust.auth import SASLCredentials, SSLCredentials

from streams.faust_app import HighestVersionTable, create_app, credentials, guard_positions
from streams.settings import Settings


def test_a_plain_connection_needs_no_credentials() -> None:
    """Without a security protocol Faust connects as everybody else does."""
    assert credentials({}) is None


def test_sasl_settings_are_carried_over() -> None:
    """User, password and mechanism of librdkafka's properties reach aiokafka; TLS where the protocol says so."""
    found = credentials(
        {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": "feedback",
            "sasl.password": "invented",
        }
    )
    assert isinstance(found, SASLCredentials)
    assert (found.username, found.password, found.mechanism.value) == ("feedback", "invented", "SCRAM-SHA-512")
    assert found.protocol.value == "SASL_PLAINTEXT"
    secure = credentials({"security.protocol": "SASL_SSL", "sasl.username": "u", "sasl.password": "p"})
    assert isinstance(secure, SASLCredentials)
    assert secure.protocol.value == "SASL_SSL"
    assert "invented" not in repr(found)


def test_tls_verifies_unless_told_otherwise() -> None:
    """Certificates and host names are checked; librdkafka's two switches turn that off."""
    strict = credentials({"security.protocol": "SSL"})
    assert isinstance(strict, SSLCredentials)
    assert (strict.context.verify_mode, strict.context.check_hostname) == (ssl.CERT_REQUIRED, True)
    no_name = credentials({"security.protocol": "SSL", "ssl.endpoint.identification.algorithm": "none"})
    assert isinstance(no_name, SSLCredentials)
    assert (no_name.context.verify_mode, no_name.context.check_hostname) == (ssl.CERT_REQUIRED, False)
    loose = credentials({"security.protocol": "SSL", "enable.ssl.certificate.verification": "false"})
    assert isinstance(loose, SSLCredentials)
    assert loose.context.verify_mode == ssl.CERT_NONE


def test_an_unknown_protocol_is_refused() -> None:
    """A protocol Kafka does not have is named in the error."""
    with pytest.raises(ValueError, match=r"security\.protocol QUIC is not known"):
        credentials({"security.protocol": "quic"})


def changelog(key: bytes, version: int) -> Any:
    value = orjson.dumps({"version": version})
    return SimpleNamespace(key=key, value=value, message=SimpleNamespace(partition=0, value=value))


def test_rows_are_restored_by_version_not_by_position() -> None:
    """A stale row written late by a frozen worker does not replace a newer one, in one batch or over several."""
    app = create_app(Settings(prefix="t-"), "feedback", 0)
    table = app.Table("rows", key_type=bytes, value_type=bytes, partitions=8)
    assert isinstance(table, HighestVersionTable)
    table.apply_changelog_batch([changelog(b"a", 1), changelog(b"a", 3), changelog(b"a", 2), changelog(b"b", 5)])
    table.apply_changelog_batch([changelog(b"b", 4), changelog(b"c", 1)])
    restored = {key: orjson.loads(value)["version"] for key, value in table.data.items()}
    assert restored == {b"a": 3, b"b": 5, b"c": 1}


class _Consumer:
    """The part of Faust's consumer that the guard touches."""

    def __init__(self) -> None:
        self.accepted: list[str] = []

    async def _add_gap(self, tp: Any, _first: int, _following: int) -> None:
        self.accepted.append(tp.topic)

    async def earliest_offsets(self, tp: Any) -> dict[Any, int]:
        return {tp: 0}

    def stop_flow(self) -> None:
        """Nothing flows here."""


def test_gaps_are_accepted_only_where_the_broker_compacts() -> None:
    """A gap in a compacted table topic is the broker's doing; a gap in any other topic ends the process."""
    consumer = _Consumer()
    app = SimpleNamespace(consumer=consumer, on_rebalance_complete=SimpleNamespace(connect=lambda *_, **__: None))

    def on_gap(topic: str, _first: int, _following: int) -> NoReturn:
        raise RuntimeError(topic)

    guard_positions(app, on_gap, {"preferences"})
    asyncio.run(consumer._add_gap(SimpleNamespace(topic="preferences", partition=0), 5, 9))
    with pytest.raises(RuntimeError, match="overrides"):
        asyncio.run(consumer._add_gap(TopicPartition("overrides", 0), 5, 9))
    assert consumer.accepted == ["preferences"]
