"""The configuration that comes with pointsman: the documents of `deploy/catalog`, published as config events.

A document of the log is never changed: only those whose `kind/name@version` is not there yet are published.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import yaml
from confluent_kafka import KafkaError, KafkaException, Message
from pydantic import ValidationError

from schemas import topics
from schemas.control import DOCUMENT, ConfigDocument, ConfigPublished
from schemas.ids import event_id
from streams.config_signature import Signer
from streams.kafka_clients import producer
from streams.log_reader import read_range
from streams.settings import Settings

CATALOG = Path(__file__).parent / "catalog"
_TENANT = "system"
_PUBLISH_SECONDS = 30.0
_LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser in C takes a seventh of the time (0.07 s instead of 0.5 s); a PyYAML built without libyaml lacks it."""


class ShippedConfigError(ValueError):
    """A file of the catalog is no valid configuration; the message names every fault."""


def shipped_documents(folder: Path = CATALOG) -> list[ConfigDocument]:
    """Return the documents of `folder` and its `policies`, in the order of file names.

    YAML files without a `kind` (the behaviour of the simulated providers) are no configuration; what lies in other
    folders (real endpoints) is published by those who want it. Raise `ShippedConfigError` with all faults at once.
    """
    documents: list[ConfigDocument] = []
    faults: list[str] = []
    for path in [*sorted(folder.glob("*.yaml")), *sorted(folder.glob("policies/*.yaml"))]:
        for value in _values(path):
            try:
                documents.append(DOCUMENT.validate_python(value))
            except ValidationError as error:
                for fault in error.errors(include_url=False, include_input=False):
                    place = ".".join(str(part) for part in fault["loc"])
                    faults.append(f"{path.relative_to(folder)}: {place}: {fault['msg']}")
    if faults:
        raise ShippedConfigError("\n".join(faults))
    return documents


def publish_missing(settings: Settings, documents: Iterable[ConfigDocument], now: datetime) -> list[str]:
    """Publish the documents whose key is not in the log; return the keys published, in order.

    Raise `KafkaException` when the broker does not take one.
    """
    known = {record.key for record in read_range(settings, {(topics.CONFIG, 0): 0})}
    signer = None if settings.signing_key is None else Signer.of_file(settings.signing_key)
    client = producer(settings)
    published: list[str] = []
    errors: list[KafkaError] = []

    def delivered(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            errors.append(error)

    for document in documents:
        if document.document_key.encode() in known:
            continue
        event = config_event(document, now)
        headers = () if signer is None else (signer.header(event.to_json()),)
        output = event.to_output(topics.CONFIG, *headers, key=event.key, partition=0)
        client.produce(
            settings.topic(output.topic),
            key=output.key.encode(),
            value=output.value,
            partition=0,
            headers=list(output.headers),
            on_delivery=delivered,
        )
        published.append(event.key)
    if client.flush(_PUBLISH_SECONDS):
        raise KafkaException(KafkaError(KafkaError._MSG_TIMED_OUT))  # noqa: SLF001 - the client's public constant
    if errors:
        raise KafkaException(errors[0])
    return published


def config_event(document: ConfigDocument, now: datetime) -> ConfigPublished:
    """Return the event that publishes a document; publishing it again gives the same id."""
    return ConfigPublished(
        id=event_id(_TENANT, ConfigPublished.TYPE, document.document_key, 0),
        occurred_at=now,
        tenant=_TENANT,
        kind=document.kind,
        name=document.name,
        version=document.version,
        document=document,
    )


def _values(path: Path) -> list[dict[str, Any]]:
    """Return the YAML documents of a file that say of which kind they are."""
    try:
        values: list[object] = list(yaml.load_all(path.read_text(encoding="utf-8"), _LOADER))
    except yaml.YAMLError as error:
        raise ShippedConfigError(f"{path}: {error}") from error
    return [cast("dict[str, Any]", value) for value in values if isinstance(value, dict) and "kind" in value]
