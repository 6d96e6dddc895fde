"""Everything the log knows of one request, found by its id (or a decision's) without any index.

The newest few thousand records are searched first, then all; from the request on, one partition of each topic is read.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from pydantic import ValidationError

from pointsman.log_reader import LogReader
from schemas import topics
from schemas.decision import Position
from schemas.envelope import Event, at_ms
from schemas.inbound import Rejection, parse
from schemas.partition import partition_for
from schemas.record import Record
from streams.log_reader import Place

SEARCHED = (topics.DECISIONS, topics.RESULTS, topics.REQUESTS)
TOLD = (
    topics.REQUESTS,
    topics.CLASSIFICATIONS,
    topics.DECISIONS,
    topics.LEDGER,
    topics.PROVIDER_CALLS,
    topics.RESULTS,
    topics.TECHNICAL_OUTCOMES,
    topics.OVERRIDES,
    topics.OUTCOMES,
)
RECENT = 2000
CLOCK_SLACK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """One event and where it lies; ``event`` None: not readable by this version."""

    record: Record
    event: Event | None


@dataclass(slots=True)
class Story:
    """The events of one request, each topic in log order, topics in the order of the flow."""

    request_id: str
    tenant: str
    partition: int
    entries: list[Entry] = field(default_factory=list)

    def events(self, *types: type[Event]) -> list[Event]:
        """Return the events of these types, first per id."""
        found: dict[str, Event] = {}
        for entry in self.entries:
            if isinstance(entry.event, types) and entry.event.id not in found:
                found[entry.event.id] = entry.event
        return list(found.values())


Tell = Callable[[str], None]


def find(reader: LogReader, wanted: str, tenant: str | None, tell: Tell, known: Position | None = None) -> Story | None:
    """Return the story of a request or decision id, or None.

    ``tenant`` narrows the search to its partition; ``known`` is where the decision lies, if an index told.
    """
    partitions = reader.partitions(topics.REQUESTS)
    if known is not None:
        record = reader.read_one(known.topic, known.partition, known.offset)
        if record is not None and wanted in (record.header("ce_subject"), record.header("ce_id")):
            return _told(reader, wanted, record, partitions, tell)
    numbers = range(partitions) if tenant is None else (partition_for(tenant, partitions),)
    places = [(topic, number) for topic in SEARCHED for number in numbers]
    lows, highs = reader.beginnings(places), reader.ends(places)
    recent = {place: max(lows[place], highs[place] - RECENT) for place in places}
    tell("searching the newest records")
    record = _search(reader, recent, wanted)
    if record is None and recent != lows:
        tell(f"searching {sum(highs.values()) - sum(lows.values()):,} records")
        record = _search(reader, lows, wanted)
    return None if record is None else _told(reader, wanted, record, partitions, tell)


def _told(reader: LogReader, wanted: str, record: Record, partitions: int, tell: Tell) -> Story:
    story = Story(record.header("ce_subject") or wanted, _tenant(record), record.partition)
    tell("collecting its events")
    _collect(reader, story, record, partitions)
    return story


def _search(reader: LogReader, starts: dict[Place, int], wanted: str) -> Record | None:
    """Return the first record whose subject or id it is; a bare request is recognised by its text."""
    raw = wanted.encode()
    reader.assign(starts)
    for record in reader.until_end():
        if wanted in (record.header("ce_subject"), record.header("ce_id")):
            return record
        if record.topic == topics.REQUESTS and not record.headers and raw in (record.value or b""):
            return record
    return None


def _tenant(record: Record) -> str:
    return record.header("ce_tenant") or (record.key or b"").decode(errors="replace")


def _collect(reader: LogReader, story: Story, found: Record, partitions: int) -> None:
    """Read the partition of every topic from the request's time on, and keep what is about it."""
    begin = at_ms(found.timestamp_ms) - CLOCK_SLACK
    request_at: tuple[int, int] | None = None
    if found.topic != topics.REQUESTS and (event := _event(found, partitions)) is not None:
        place = getattr(event, "request_at", None)
        if place is not None:
            request_at = (place.partition, place.offset)
            request = reader.read_one(topics.REQUESTS, *request_at)
            begin = at_ms(request.timestamp_ms) - CLOCK_SLACK if request is not None else begin
    places = [(topic, story.partition) for topic in TOLD]
    reader.assign(reader.offsets_at(places, begin))
    kept: dict[str, list[Record]] = {topic: [] for topic in TOLD}
    for record in reader.until_end():
        here = record.topic == topics.REQUESTS and (record.partition, record.offset) == request_at
        if here or record.header("ce_subject") == story.request_id:
            kept[record.topic].append(record)
    if found.topic == topics.REQUESTS and not kept[topics.REQUESTS]:
        kept[topics.REQUESTS].append(found)
    for topic in TOLD:
        records = sorted(kept[topic], key=lambda record: record.offset)
        story.entries += [Entry(record, _event(record, partitions)) for record in records]


def _event(record: Record, partitions: int) -> Event | None:
    """Return the event of a record, leniently; records that this version cannot read stay without one."""
    if record.topic in (topics.REQUESTS, topics.OVERRIDES, topics.OUTCOMES):
        event = parse(record, topics.BY_NAME[record.topic], partitions)
        return None if isinstance(event, Rejection) else event
    model = topics.EVENT_TYPES.get(record.header("ce_type") or "")
    try:
        return None if model is None else model.model_validate_json(record.value or b"")
    except ValidationError:
        return None
