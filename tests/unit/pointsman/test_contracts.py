import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import BaseModel
from referencing import Registry, Resource

from pointsman.contracts import ASYNCAPI_FILE, REPOSITORY, ROWS, SCHEMA_FOLDER, json_schemas, rendered, type_name, write
from schemas.control import ConfigPublished
from schemas.dead_letter import DeadLetter
from schemas.topics import DEAD_LETTER_SOURCES, EVENT_TYPES, TOPICS
from tests.unit.schemas.samples import sample

OFFICIAL = REPOSITORY / "tests" / "data" / "asyncapi" / "asyncapi-3.1.0.schema.json"
SCHEMAS = json_schemas()
MODELS: list[type[BaseModel]] = [*EVENT_TYPES.values(), *ROWS.values(), ConfigPublished]
DOCUMENT: dict[str, Any] = yaml.safe_load((REPOSITORY / ASYNCAPI_FILE).read_text())


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def test_committed_contracts_are_those_of_the_code() -> None:
    """The JSON Schemas and the AsyncAPI document in the repository are what the code says today (D1)."""
    for path, text in rendered().items():
        assert (REPOSITORY / path).read_text() == text, f"{path} drifted: run python -m pointsman.contracts"
    names = {path.name for path in (REPOSITORY / SCHEMA_FOLDER).glob("*.json")}
    assert names == set(SCHEMAS)


def test_every_event_has_a_schema() -> None:
    """Each event type of each topic, and each row of a compacted topic, has one schema file (F6, D1)."""
    assert set(SCHEMAS) == {f"{type_name(model)}.json" for model in MODELS}


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_schemas_are_valid_json_schema(name: str) -> None:
    """Every generated schema is valid under JSON Schema 2020-12."""
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_written_values_fit_their_schema(model: Any) -> None:
    """What the product writes validates under the published schema of its type (D1)."""
    value = json.loads(sample(model).model_dump_json(exclude_none=True))
    jsonschema.validate(value, SCHEMAS[f"{type_name(model)}.json"], cls=jsonschema.Draft202012Validator)


def test_schema_refuses_what_the_code_refuses() -> None:
    """A service that validates by the published schema learns of an unknown field before it publishes (D1)."""
    validator = jsonschema.Draft202012Validator(SCHEMAS["pointsman.request.received.v1.json"])
    request = json.loads(sample(EVENT_TYPES["pointsman.request.received.v1"]).to_json())
    assert validator.is_valid(request)
    assert not validator.is_valid({**request, "callback_url": "x"})
    assert not validator.is_valid({**request, "priority": 6})


def test_asyncapi_document_is_valid() -> None:
    """The AsyncAPI document passes the official schema of AsyncAPI 3.1 (D1)."""
    official = json.loads(OFFICIAL.read_text())
    registry: Registry[Any] = Registry().with_resource("", Resource.from_contents(official))
    errors = list(jsonschema.Draft7Validator(official, registry=registry).iter_errors(DOCUMENT))
    assert [error.message for error in errors] == []


def test_official_schema_does_refuse() -> None:
    """The judge is awake: a channel without its address type or an unknown action fails."""
    validator = jsonschema.Draft7Validator(json.loads(OFFICIAL.read_text()))
    broken = {**DOCUMENT, "operations": {"requests": {**DOCUMENT["operations"]["requests"], "action": "shout"}}}
    assert not validator.is_valid(broken)


def test_asyncapi_names_every_topic() -> None:
    """Every topic and dead-letter topic is a channel with its messages, and has an operation (D1)."""
    channels = DOCUMENT["channels"]
    assert set(channels) == {topic.name for topic in TOPICS} | {topic.dead_letters for topic in DEAD_LETTER_SOURCES}
    for topic in TOPICS:
        assert {event.TYPE for event in topic.events} <= set(channels[topic.name]["messages"])
    for topic in DEAD_LETTER_SOURCES:
        assert set(channels[topic.dead_letters]["messages"]) == {DeadLetter.TYPE}
    assert len(DOCUMENT["operations"]) == len(TOPICS)


def test_every_reference_leads_somewhere() -> None:
    """Each $ref of the AsyncAPI document names a part of it or a schema file."""
    for reference in references(DOCUMENT):
        if reference.startswith("#/"):
            node: Any = DOCUMENT
            for part in reference[2:].split("/"):
                node = node[part]
        else:
            assert (REPOSITORY / ASYNCAPI_FILE.parent / reference).resolve().is_file(), reference


def test_headers_described_are_those_written() -> None:
    """The headers of the AsyncAPI document are exactly those events carry (D1)."""
    described = DOCUMENT["components"]["messageTraits"]["cloudEvent"]["headers"]
    request = sample(
        EVENT_TYPES["pointsman.request.received.v1"],
        user="ann",
        conversation_id="c",
        causation_id="k",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    assert {name for name, _ in request.headers()} == set(described["properties"])
    bare = sample(EVENT_TYPES["pointsman.executor.started.v1"])
    assert set(described["required"]) <= {name for name, _ in bare.headers()}


def test_write_is_idempotent_and_removes_what_is_gone(tmp_path: Path) -> None:
    """Writing twice changes nothing; the schema of a type that is gone is removed."""
    stale = tmp_path / SCHEMA_FOLDER / "pointsman.gone.v1.json"
    stale.parent.mkdir(parents=True)
    stale.write_text("{}")
    assert SCHEMA_FOLDER / stale.name in write(tmp_path)
    assert not stale.exists()
    assert write(tmp_path) == []
