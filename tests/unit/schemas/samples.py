"""One small valid value of any event type, made from its annotations: for tests that must hold for every type."""

import types
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel

from schemas.envelope import Event

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
SIMPLE: dict[Any, Any] = {str: "x", int: 1, float: 0.5, bool: True, datetime: NOON, AwareDatetime: NOON}
SPECIAL: dict[str, dict[str, Any]] = {
    "pointsman.request.received.v1": {"prompt": "Say hello"},
    "pointsman.override.requested.v1": {"scope": "request", "request_id": "r-1"},
    "pointsman.settings.changed.v1": {"auto": "on"},
    "pointsman.config.published.v1": {
        "kind": "flags",
        "name": "switches",
        "version": 1,
        "document": {"kind": "flags", "name": "switches", "flags": {"fast": True}},
    },
}


def sample(model: type[BaseModel], /, **given: Any) -> Any:
    """Return an instance with every required field filled, and those given."""
    special = SPECIAL.get(model.TYPE, {}) if issubclass(model, Event) else {}
    required = {
        name: field for name, field in model.model_fields.items() if field.is_required() and name not in special
    }
    values = {name: value(field.annotation) for name, field in required.items()}
    if issubclass(model, Event):
        values |= {"id": "e-1", "tenant": "acme", "occurred_at": NOON, **special}
    return model.model_validate({**values, **given})


def value(annotation: Any) -> Any:
    """Return a value of the annotated type."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return arguments[0]
    if origin in (Annotated, Union, types.UnionType):
        return value(arguments[0])
    if origin in (dict, tuple):
        return {} if origin is dict else _tuple(arguments)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return sample(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return next(iter(annotation))
    return SIMPLE[annotation]


def _tuple(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    return () if arguments[-1:] == (Ellipsis,) else tuple(value(argument) for argument in arguments)
