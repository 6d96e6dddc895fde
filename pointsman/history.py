"""A tenant's history from the log: its decisions, with what they read and what became of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from routing.past_decisions import HistoryFold, PastDecision
from schemas import topics
from schemas.envelope import Event
from schemas.inbound import Rejection, parse
from schemas.partition import partition_for
from schemas.record import Record
from streams.log_reader import read_range
from streams.settings import Settings

_READ: Final = (topics.REQUESTS, topics.CLASSIFICATIONS, topics.DECISIONS, topics.OVERRIDES, topics.OUTCOMES)
_FROM_CLIENTS: Final = frozenset({topics.REQUESTS, topics.OVERRIDES, topics.OUTCOMES})
_EVERY: Final = 10_000


@dataclass(frozen=True, slots=True)
class History:
    """The decisions, oldest first, and how many the log has whose text is gone."""

    decisions: tuple[PastDecision, ...]
    without_text: int


def read_history(
    settings: Settings, tenant: str, since: datetime | None = None, tell: Callable[[str], None] = lambda _: None
) -> History:
    """Return the history of a tenant; ``since``: only decisions made from then on."""
    partition = partition_for(tenant, settings.partitions)
    fold = HistoryFold(tenant)
    places = {(topic, partition): 0 for topic in _READ}
    for count, record in enumerate(read_range(settings, places)):
        if count % _EVERY == 0:
            tell(f"reading the log: {count:,} records")
        for event in _event(record, settings.partitions):
            fold.add(event, record.offset)
    found = fold.decisions()
    kept = [past for past in found if since is None or past.decision.occurred_at >= since]
    return History(tuple(kept), fold.without_text)


def _event(record: Record, partitions: int) -> Iterator[Event]:
    """Yield the event of a record; nothing for one that no stage took either."""
    if record.topic in _FROM_CLIENTS:
        event = parse(record, topics.BY_NAME[record.topic], partitions)
        if not isinstance(event, Rejection):
            yield event
        return
    model = topics.EVENT_TYPES.get(record.header("ce_type") or "")
    if model is None:
        return
    try:
        yield model.model_validate_json(record.value or b"")
    except ValidationError:
        return
