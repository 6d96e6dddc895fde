"""Ask ClickHouse from any process: through the recorder's SQL door, or a configured server directly."""

import os
from dataclasses import dataclass
from typing import Any, Final, Literal

import httpx
import orjson

from analytics.answer import ANSWER_SETTINGS, Answer, decode
from analytics.place import StoreSettings, door_path

TIMEOUT_S: Final = 60.0
OutputFormat = Literal["json", "csv", "arrow"]
FORMATS: Final[dict[OutputFormat, str]] = {"json": "JSONCompact", "csv": "CSVWithNames", "arrow": "ArrowStream"}
"""What a reader may ask for, and ClickHouse's name for it."""


class QueryError(RuntimeError):
    """The query was refused or failed; the message is for the person who wrote it."""


class DoorClosedError(RuntimeError):
    """No recorder answers; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where the SQL door is, as the recorder wrote it into ``sql.json``."""

    url: str
    token: str


def read_door(settings: StoreSettings) -> Door:
    """Return the door of this run folder; raise `DoorClosedError`."""
    try:
        named = orjson.loads(door_path(settings).read_bytes())
        return Door(str(named["url"]), str(named["token"]))
    except FileNotFoundError:
        raise DoorClosedError(
            f"no SQL door in {settings.run_dir}: the recorder is not running. Start it: pointsman up"
        ) from None
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise DoorClosedError(
            f"{door_path(settings)} is damaged. Restart: pointsman down, then pointsman up"
        ) from error


def write_door(settings: StoreSettings, door: Door) -> None:
    """Write ``sql.json`` in one step, readable by the owner alone."""
    path = door_path(settings)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
        handle.write(orjson.dumps({"url": door.url, "token": door.token}))
    temporary.replace(path)


def query(settings: StoreSettings, sql: str, params: dict[str, Any] | None = None) -> Answer:
    """Return the answer to one reading statement; ``params`` fill ``{name:Type}``.

    Raise `QueryError` (refused, wrong, beyond the limits) or `DoorClosedError` (nobody answers).
    """
    return decode(query_bytes(settings, sql, params, "json"))


def query_bytes(
    settings: StoreSettings, sql: str, params: dict[str, Any] | None = None, output: OutputFormat = "csv"
) -> bytes:
    """Return the answer as bytes: ``json`` (JSONCompact), ``csv`` (with a header line) or ``arrow`` (IPC stream)."""
    if settings.clickhouse:
        return _ask_server(settings, sql, params or {}, output)
    door = read_door(settings)
    try:
        response = httpx.post(
            f"{door.url}/query",
            content=orjson.dumps({"sql": sql, "params": params or {}, "output": output}),
            headers={"authorization": f"Bearer {door.token}", "content-type": "application/json"},
            timeout=TIMEOUT_S,
            trust_env=False,
        )
    except httpx.TransportError as error:
        raise DoorClosedError(
            f"the SQL door at {door.url} does not answer: the recorder is starting or not running. "
            "See: pointsman status, pointsman logs recorder"
        ) from error
    if not response.is_success:
        raise QueryError(_message(response))
    return response.content


def _message(response: httpx.Response) -> str:
    try:
        return str(orjson.loads(response.content)["error"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return f"the SQL door answered with status {response.status_code}"


def _ask_server(settings: StoreSettings, sql: str, params: dict[str, Any], output: OutputFormat) -> bytes:
    """Ask the server itself: its users and grants decide what may be read; ours is a read-only session."""
    # A second of imports that the SQL door spares its clients.
    from clickhouse_connect.driver.exceptions import ClickHouseError  # noqa: PLC0415

    from analytics.sql_guard import first_line  # noqa: PLC0415
    from analytics.store import connect_reader  # noqa: PLC0415

    try:
        with connect_reader(settings, ANSWER_SETTINGS) as client:
            return client.raw_query(sql, parameters=params or None, fmt=FORMATS[output])
    except ClickHouseError as error:
        raise QueryError(first_line(error)) from error
