"""Builds frozen models from values that are valid by construction, several times faster than validation."""

from typing import Any, TypeVar

from pydantic import BaseModel

_T = TypeVar("_T", bound=BaseModel)
_set = object.__setattr__
_fields: dict[type[BaseModel], set[str]] = {}


def build(model: type[_T], values: dict[str, Any]) -> _T:
    """Return an instance that holds exactly ``values``: every field must be there, of its declared type.

    The set of field names is shared by all instances: pydantic copies it before it changes it.
    """
    made = model.__new__(model)
    _set(made, "__dict__", values)
    names = _fields.get(model)
    if names is None:
        names = _fields[model] = set(model.model_fields)
    _set(made, "__pydantic_fields_set__", names)
    _set(made, "__pydantic_extra__", None)
    _set(made, "__pydantic_private__", None)
    return made
