"""Folding each event once: an offset fence per source topic, and a bounded memory of identities (DESIGN 9)."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from schemas.feedback import Fenced

RECENT: Final = 32
"""Identities remembered per value: an event that is written again comes soon after the first time."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where an event was read (its partition is the table value's), and what makes it one event."""

    topic: str
    offset: int
    identity: str


def _short(identity: str) -> str:
    """Return 48 bits of an identity: clients' ids may be long, and 32 of them never meet by chance."""
    return blake2b(identity.encode(), digest_size=6).hexdigest()


def is_new(state: Fenced, mark: Mark) -> bool:
    """Return whether the event at ``mark`` was never folded into ``state``."""
    return mark.offset > state.fence.get(mark.topic, -1) and _short(mark.identity) not in state.recent


def marked(state: Fenced, mark: Mark) -> dict[str, Any]:
    """Return the fields of ``state`` that remember the event."""
    return {
        "fence": {**state.fence, mark.topic: mark.offset},
        "recent": (*state.recent, _short(mark.identity))[-RECENT:],
    }
