"""What routing may read of a request: all its facts, none of its text."""

from typing import Final

from routing.build import build
from schemas.request import RequestFacts, RequestReceived

_NAMES: Final = tuple(RequestFacts.model_fields)


def facts_of(event: RequestReceived) -> RequestFacts:
    """Return the facts of a request; its values are validated already, so they are taken over as they are."""
    values = event.__dict__
    return build(RequestFacts, {name: values[name] for name in _NAMES})
