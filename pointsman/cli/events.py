"""Events on stdout as JSON, and the completion of names that live in event schemas."""

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from pointsman.cli.output import Output

if TYPE_CHECKING:
    from enum import StrEnum


def jsonable(value: Any) -> Any:
    """Return events (anywhere inside dicts, lists and dataclasses) as the JSON they have in the log."""
    from pydantic import BaseModel

    if isinstance(value, BaseModel):
        return json.loads(value.model_dump_json(exclude_none=True))
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: jsonable(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {name: jsonable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return value


def emit_json(value: Any, output: Output) -> None:
    """Print one JSON document, or one line of JSON."""
    indent = 2 if output is Output.JSON else None
    print(json.dumps(jsonable(value), default=str, ensure_ascii=False, indent=indent), flush=True)


def completion(enum_name: str) -> Callable[[str], list[str]]:
    """Return a completer over an enumeration of `schemas.request`, imported only when the shell asks."""

    def complete(incomplete: str) -> list[str]:
        import schemas.request

        members: type[StrEnum] = getattr(schemas.request, enum_name)
        return [member.value for member in members if member.value.startswith(incomplete)]

    return complete
