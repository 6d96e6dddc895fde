"""The written contracts, generated: a JSON Schema per event type, one AsyncAPI 3.1 document, the command line.

``python -m pointsman.contracts`` writes them below the repository (or the folder named); a test compares them.

    schemas/json/<type>.json          what the value of each event holds
    docs/reference/asyncapi.yaml      all topics, messages, headers, keys and who writes what
    docs/reference/cli.md             all commands
    docs/reference/taxonomy.md        types of work, and the classes of other schemes that mean them
"""

import ast
import inspect
import json
import sys
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from pointsman import taxonomy_reference
from pointsman.cli_reference import markdown
from schemas import topics
from schemas.control import ConfigPublished
from schemas.dead_letter import DeadLetter
from schemas.envelope import Event
from schemas.feedback import PreferenceState, StatisticsState
from schemas.provider_call import ProviderHealth
from schemas.topics import DEAD_LETTER_SOURCES, TOPICS, Topic
from streams.topology import topic_config

ASYNCAPI_VERSION: Final = "3.1.0"
KAFKA_BINDING: Final = "0.5.0"
SCHEMA_FORMAT: Final = "application/schema+json;version=2020-12"
SCHEMA_FOLDER: Final = Path("schemas/json")
ASYNCAPI_FILE: Final = Path("docs/reference/asyncapi.yaml")
CLI_FILE: Final = Path("docs/reference/cli.md")
TAXONOMY_FILE: Final = Path("docs/reference/taxonomy.md")
REPOSITORY: Final = Path(__file__).resolve().parent.parent

ROWS: Final[dict[str, type[BaseModel]]] = {
    topics.PREFERENCES: PreferenceState,
    topics.MODEL_STATS: StatisticsState,
    topics.PROVIDER_HEALTH: ProviderHealth,
}
"""Compacted topics whose values are rows of a table: no envelope, the newest value of a key counts."""

_HEADERS: Final[tuple[tuple[str, str, bool], ...]] = (
    ("ce_specversion", "CloudEvents version, always 1.0", True),
    ("content-type", "application/json", True),
    ("ce_id", "id of the event; the first event of an id counts", True),
    ("ce_type", "versioned type name", True),
    ("ce_source", "who wrote it", True),
    ("ce_time", "when it happened, RFC 3339 (the value's occurred_at)", True),
    ("ce_tenant", "tenant", True),
    ("ce_subject", "request id", False),
    ("ce_user", "user", False),
    ("ce_conversationid", "conversation", False),
    ("ce_causationid", "id of the log position or event that caused it", False),
    ("traceparent", "W3C Trace Context", False),
)
_WRITERS: Final = {
    "clients": "Services and the gateway publish here.",
    "router": "Written by the router, in one transaction with the offsets it read.",
    "executor": "Written by the executor.",
    "feedback": "Written by the feedback stage.",
    "config": "Written by `pointsman config apply` and `pointsman budget set`.",
    "all": "Written by every stage.",
}


def event_types(topic: Topic) -> tuple[type[BaseModel], ...]:
    """Return the models of a topic's values: events, or the row of a table."""
    row = ConfigPublished if topic.name == topics.CONFIG else ROWS.get(topic.name)
    return (row,) if row is not None else topic.events


def type_name(model: type[BaseModel]) -> str:
    """Return the versioned type name of an event, or the class name of a row."""
    return model.TYPE if issubclass(model, Event) else model.__name__


def json_schemas() -> dict[str, dict[str, Any]]:
    """Return file name -> JSON Schema (2020-12) of every value on every topic."""
    models = {type_name(model): model for topic in TOPICS for model in event_types(topic)}
    models[DeadLetter.TYPE] = DeadLetter
    return {f"{name}.json": _schema(name, model) for name, model in sorted(models.items())}


def _schema(name: str, model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(mode="validation")
    _describe(schema, model)
    for definition, body in schema.get("$defs", {}).items():
        owner = _model_named(definition, model)
        if owner is not None:
            _describe(body, owner)
    return {"$schema": GenerateJsonSchema.schema_dialect, "$id": f"{name}.json", **schema}


def _describe(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Add the docstrings that stand below fields as descriptions; they are not kept at run time."""
    for owner in reversed(model.__mro__):
        if not issubclass(owner, BaseModel) or owner is BaseModel:
            continue
        for field, text in _field_docstrings(owner):
            if field in schema.get("properties", {}):
                schema["properties"][field]["description"] = text


def _field_docstrings(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(model)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    for field, after in pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            yield field.target.id, " ".join(after.value.value.split())


def _model_named(name: str, root: type[BaseModel]) -> type[BaseModel] | None:
    """Return the model class ``name`` that ``root``'s fields lead to."""
    waiting: list[Any] = [root]
    seen: set[int] = set()
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, type) and issubclass(item, BaseModel):
            if item.__name__ == name:
                return item
            waiting += [field.annotation for field in item.model_fields.values()]
        else:
            waiting += list(getattr(item, "__args__", ()))
    return None


def asyncapi_document(version: str) -> dict[str, Any]:
    """Return the AsyncAPI 3.1 document; payloads refer to the files in ``schemas/json``."""
    names = sorted({type_name(model) for topic in TOPICS for model in event_types(topic)} | {DeadLetter.TYPE})
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "info": {
            "title": "pointsman",
            "version": version,
            "description": (
                "Routes every AI call of a company to the model that should serve it, over an event log on Kafka. "
                "Publish to `requests`, read the one final result on `results`. Keys are tenants, placed by murmur2 "
                "(`partitioner=murmur2_random` in librdkafka clients; the default of Java clients). "
                "Read with `isolation.level=read_committed`."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "variables": {
                    "bootstrap": {"default": "127.0.0.1:9092", "description": "`pointsman status` prints it"}
                },
            }
        },
        "channels": _channels(),
        "operations": {_camel(topic.name): _operation(topic) for topic in TOPICS},
        "components": {
            "messages": {name: _message(name) for name in names},
            "messageTraits": {"cloudEvent": {"headers": _header_schema()}},
        },
    }


def _channels() -> dict[str, Any]:
    channels = {topic.name: _channel(topic) for topic in TOPICS}
    for topic in DEAD_LETTER_SOURCES:
        channels[topic.dead_letters] = {
            "address": topic.dead_letters,
            "description": f"Refused records of `{topic.name}`, once each, with reason and position.",
            "messages": {DeadLetter.TYPE: {"$ref": f"#/components/messages/{DeadLetter.TYPE}"}},
            "bindings": {"kafka": {"partitions": 1, "bindingVersion": KAFKA_BINDING}},
        }
    return channels


def _channel(topic: Topic) -> dict[str, Any]:
    config = topic_config(topic)
    return {
        "address": topic.name,
        "description": f"Key: {topic.key}. {_WRITERS[topic.writer]}",
        "messages": {
            type_name(model): {"$ref": f"#/components/messages/{type_name(model)}"} for model in event_types(topic)
        },
        "bindings": {
            "kafka": {
                "partitions": topic.partitions or topics.TENANT_PARTITIONS,
                "topicConfiguration": {
                    "cleanup.policy": [config["cleanup.policy"]],
                    "retention.ms": int(config["retention.ms"]),
                    "max.message.bytes": int(config["max.message.bytes"]),
                },
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def _operation(topic: Topic) -> dict[str, Any]:
    """Return the operation from pointsman's side: it receives what clients write and sends the rest."""
    return {
        "action": "receive" if topic.writer in {"clients", "config"} else "send",
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": _WRITERS[topic.writer],
    }


def _message(name: str) -> dict[str, Any]:
    message: dict[str, Any] = {
        "name": name,
        "contentType": "application/json",
        "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": {"$ref": f"../../{SCHEMA_FOLDER}/{name}.json"}},
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": KAFKA_BINDING}},
    }
    if name.startswith("pointsman."):
        message["traits"] = [{"$ref": "#/components/messageTraits/cloudEvent"}]
    return message


def _header_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": "string", "description": text} for name, text, _ in _HEADERS},
        "required": [name for name, _, required in _HEADERS if required],
    }


def _camel(name: str) -> str:
    first, *rest = name.replace(".", "-").split("-")
    return first + "".join(part.capitalize() for part in rest)


def rendered() -> dict[Path, str]:
    """Return relative path -> text of every generated file."""
    files = {
        SCHEMA_FOLDER / name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for name, schema in json_schemas().items()
    }
    # the version of the words, not of the package: it changes when an event type does
    text = yaml.safe_dump(asyncapi_document("1"), sort_keys=False, width=120, allow_unicode=True)
    files[CLI_FILE] = markdown()
    files[TAXONOMY_FILE] = taxonomy_reference.markdown()
    files[ASYNCAPI_FILE] = f"# Generated by: python -m pointsman.contracts\n{text}"
    return files


def write(root: Path) -> list[Path]:
    """Write all generated files below ``root``, remove schemas of types that are gone, return what changed."""
    files = rendered()
    changed: list[Path] = []
    for path, text in files.items():
        target = root / path
        if not target.exists() or target.read_text() != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
            changed.append(path)
    for stale in sorted((root / SCHEMA_FOLDER).glob("*.json")):
        if SCHEMA_FOLDER / stale.name not in files:
            stale.unlink()
            changed.append(SCHEMA_FOLDER / stale.name)
    return changed


def main() -> None:
    """Write the contracts into the folder named, else into this repository."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY
    for path in write(root):
        sys.stderr.write(f"wrote {path}\n")


if __name__ == "__main__":
    main()
