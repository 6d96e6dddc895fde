"""Builds frozen models from values that are valid by construction, several times faster than validation."""

from typing import Any, Final, TypeVar

from pydantic import BaseModel

_T = TypeVar("_T", bound=BaseModel)
_slots: Final = BaseModel.__dict__
_set_values = _slots["__dict__"].__set__
_set_names = _slots["__pydantic_fields_set__"].__set__
_set_extra = _slots["__pydantic_extra__"].__set__
_set_private = _slots["__pydantic_private__"].__set__
_new = object.__new__
_names: Final[dict[type[BaseModel], set[str]]] = {}
_defaults: Final[dict[type[BaseModel], tuple[frozenset[str], dict[str, Any]]]] = {}


def build(model: type[_T], values: dict[str, Any]) -> _T:
    """Return an instance that holds exactly ``values``: every field must be there, of its declared type.

    Measured for 11 fields: 0.25 us, against 2.6 us of ``model_construct`` and 1.4 us of validation. The set of field
    names is shared by all instances: pydantic copies it before it changes it.
    """
    made = _new(model)
    names = _names.get(model)
    if names is None:
        names = _names[model] = set(model.model_fields)
    _set_values(made, values)
    _set_names(made, names)
    _set_extra(made, None)
    _set_private(made, None)
    return made


def fresh(model: type[_T], values: dict[str, Any]) -> _T:
    """Return an instance that holds ``values`` and the defaults of the other fields, in the order of the fields.

    Every field without a default must be there, of its declared type; values keep their identity. Raises ``TypeError``
    for a name that is no field or a field that is missing.
    """
    known = _defaults.get(model)
    if known is None:
        fields = model.model_fields.items()
        required = frozenset(name for name, field in fields if field.is_required())
        defaults = {name: field.get_default(call_default_factory=True) for name, field in fields}
        known = _defaults[model] = (required, defaults)
    required, defaults = known
    made = {**defaults, **values}
    if len(made) != len(defaults) or not required.issubset(values):
        wrong = sorted((values.keys() - defaults.keys()) | (required - values.keys()))
        message = f"{model.__name__} is not made of the values given: {', '.join(wrong)}"
        raise TypeError(message)
    return build(model, made)
