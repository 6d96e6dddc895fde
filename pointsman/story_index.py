"""Where a decision lies, asked of ClickHouse: so that a long log need not be searched."""

from analytics.door_client import DoorClosedError, QueryError, query
from schemas.decision import Position
from streams.settings import Settings

_SQL = """
SELECT src_topic, src_partition, src_offset FROM routing_decisions
WHERE request_id = {id:String} OR event_id = {id:String}
ORDER BY event_ts, src_offset LIMIT 1"""


def locate(settings: Settings, wanted: str) -> Position | None:
    """Return the first decision of a request or decision id; None where ClickHouse does not answer or know it yet."""
    try:
        rows = query(settings, _SQL, {"id": wanted}).rows
    except (DoorClosedError, QueryError):
        return None
    if not rows:
        return None
    topic, partition, offset = rows[0]
    return Position(topic=str(topic), partition=int(partition), offset=int(offset))
