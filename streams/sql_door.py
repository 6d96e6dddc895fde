"""The SQL door: the recorder, which alone can open chDB's data, answers read-only SQL on loopback (DESIGN 9).

``POST /query`` with ``{"sql": ..., "params": {...}, "output": "json|csv|arrow"}`` and the bearer token of ``sql.json``.
Answers 200 with the data, or ``{"error": ...}``: 400 refused or wrong, 401 token, 413 too long, 503 busy.
"""

import hmac
import queue
import secrets
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self, cast

import orjson
import structlog
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from analytics.answer import ANSWER_SETTINGS
from analytics.door_client import FORMATS, Door, write_door
from analytics.place import StoreSettings, door_path
from analytics.sql_guard import RefusedQueryError, check, first_line
from analytics.store import connect_reader

_READERS: Final = 2
_WAIT_S: Final = 10.0
_CLOSE_S: Final = 5.0
_MAX_BODY: Final = 262_144
_CONTENT_TYPES: Final = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "arrow": "application/vnd.apache.arrow.stream",
}
log = structlog.get_logger()


class _RejectedError(Exception):
    """The request is not answered with data: HTTP status and message."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class SqlDoor:
    """Serves queries from a few threads with their own read-only clients; inserts go first in the engine."""

    def __init__(self, settings: StoreSettings) -> None:
        self._settings = settings
        self._token = secrets.token_urlsafe(32)
        self._clients: queue.Queue[Client] = queue.Queue()
        for _ in range(_READERS):
            self._clients.put(connect_reader(settings, ANSWER_SETTINGS))
        handler = type("Handler", (_Handler,), {"door": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="sql-door", daemon=True)

    @property
    def url(self) -> str:
        """Where the door is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        write_door(self._settings, Door(self.url, self._token))
        log.info("the SQL door is open", url=self.url)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        door_path(self._settings).unlink(missing_ok=True)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        for _ in range(_READERS):
            try:
                # A client that is still answering is left to its query's time limit.
                self._clients.get(timeout=_CLOSE_S).close()
            except queue.Empty:
                log.warning("a query was still running when the SQL door closed")

    def answer(self, authorization: str, body: bytes) -> tuple[str, bytes]:
        """Return content type and data; raise `_RejectedError`."""
        if not hmac.compare_digest(authorization.encode(), f"Bearer {self._token}".encode()):
            raise _RejectedError(HTTPStatus.UNAUTHORIZED, "the token is missing or wrong: it is in sql.json")
        sql, params, output = _parsed(body)
        try:
            client = self._clients.get(timeout=_WAIT_S)
        except queue.Empty:
            raise _RejectedError(HTTPStatus.SERVICE_UNAVAILABLE, "other queries are running: try again") from None
        try:
            data = client.raw_query(check(client, sql, params), parameters=params or None, fmt=FORMATS[output])
        except (RefusedQueryError, ClickHouseError) as error:
            client = self._replaced(client)
            raise _RejectedError(HTTPStatus.BAD_REQUEST, first_line(error)) from error
        finally:
            self._clients.put(client)
        return _CONTENT_TYPES[output], data

    def _replaced(self, client: Client) -> Client:
        """Return a new client for one whose query failed.

        What chDB had formatted of the failed answer stays in its connection and would begin the next answer there.
        """
        fresh = connect_reader(self._settings, ANSWER_SETTINGS)
        client.close()
        return fresh


def _parsed(body: bytes) -> tuple[str, dict[str, Any], Any]:
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _RejectedError(HTTPStatus.BAD_REQUEST, "the body is not JSON") from None
    if not isinstance(asked, dict):
        raise _RejectedError(HTTPStatus.BAD_REQUEST, "the body is not a JSON object")
    fields = cast("dict[str, Any]", asked)
    sql, params, output = fields.get("sql"), fields.get("params") or {}, fields.get("output", "json")
    if not isinstance(sql, str) or not isinstance(params, dict):
        raise _RejectedError(HTTPStatus.BAD_REQUEST, "the body has sql (text), params (object), output")
    if output not in FORMATS:
        raise _RejectedError(HTTPStatus.BAD_REQUEST, f"output is one of {', '.join(FORMATS)}")
    values = cast("dict[str, Any]", params)
    if not all(value is None or isinstance(value, str | int | float | bool) for value in values.values()):
        raise _RejectedError(HTTPStatus.BAD_REQUEST, "a parameter is text, a number, true, false or null")
    return sql, values, output


class _Server(ThreadingHTTPServer):
    """Loopback only; a connection that breaks is nobody's concern."""

    daemon_threads = True
    request_queue_size = 64
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - given by the base class
        """Log that a connection broke, not what it asked."""
        log.debug("a connection to the SQL door broke", client=str(client_address))


class _Handler(BaseHTTPRequestHandler):
    """One connection. Never logs what was asked: queries may name people."""

    door: SqlDoor
    protocol_version = "HTTP/1.1"
    timeout = 65

    def do_POST(self) -> None:
        """Answer ``/query``."""
        try:
            content_type, data = self._ask()
        except _RejectedError as rejected:
            self.close_connection = True
            self._send(rejected.status, "application/json", orjson.dumps({"error": str(rejected)}))
        else:
            self._send(HTTPStatus.OK, content_type, data)

    def _ask(self) -> tuple[str, bytes]:
        if self.path != "/query":
            raise _RejectedError(HTTPStatus.NOT_FOUND, "ask POST /query")
        length = self.headers.get("content-length") or ""
        if not length.isascii() or not length.isdigit() or int(length) > _MAX_BODY:
            raise _RejectedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {_MAX_BODY} bytes, with their length")
        return self.door.answer(self.headers.get("authorization") or "", self.rfile.read(int(length)))

    def _send(self, status: HTTPStatus, content_type: str, data: bytes) -> None:
        """Write head and body at once: in two packets the second waits for an acknowledgement."""
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: {content_type}\r\n"
            f"content-length: {len(data)}\r\ncache-control: no-store\r\n"
            f"connection: {'close' if self.close_connection else 'keep-alive'}\r\n\r\n"
        )
        self.wfile.write(head.encode() + data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is given by the base class
        """Stay silent."""
