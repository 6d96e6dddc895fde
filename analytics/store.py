"""The ClickHouse of this installation: chDB in the run folder, or a server by URL; one way to talk to both.

chDB hosts one data folder per process and lets no second process open it, not even to read: the recorder owns it and
answers others through the SQL door.
"""

from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit, urlunsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from analytics.blocks import arrow_table
from analytics.migrate import migrate
from analytics.place import StoreSettings, chdb_path

INSERT_SETTINGS: Final[dict[str, Any]] = {
    # An acknowledged insert is written: offsets are committed on the strength of it.
    "async_insert": 0,
    # Records read again after months belong to many months at once.
    "max_partitions_per_insert_block": 0,
}
READ_SETTINGS: Final[dict[str, Any]] = {
    # Replacing tables are exact only when merged on read; this covers queries that forget FINAL.
    "final": 1,
    "max_threads": 1,
    "max_execution_time": 30,
    "max_memory_usage": 1_000_000_000,
    "max_result_rows": 100_000,
    "max_result_bytes": 100_000_000,
    "result_overflow_mode": "throw",
    "max_rows_to_group_by": 5_000_000,
    # Of queries that run at once those with a lower number go first; inserts have none and never wait.
    "priority": 10,
}
"""Limits of a reader: seconds, bytes, rows."""


def connect(settings: StoreSettings, client_settings: dict[str, Any] | None = None) -> Client:
    """Return a client of its own: of the server, or of chDB in this process."""
    if settings.clickhouse:
        return clickhouse_connect.get_client(dsn=settings.clickhouse, settings=client_settings)
    return clickhouse_connect.get_client(
        interface="chdb", path=str(chdb_path(settings).resolve()), settings=client_settings
    )


def connect_reader(settings: StoreSettings, extra: dict[str, Any] | None = None) -> Client:
    """Return a client that can only read, within `READ_SETTINGS`; ``extra`` settings say how it answers."""
    # Last: from then on no setting can be changed.
    return connect(settings, {**READ_SETTINGS, **(extra or {}), "readonly": 1})


def _create_database(url: str) -> None:
    """Create the database that the URL names; a server does not do so by itself."""
    parts = urlsplit(url)
    database = parts.path.strip("/")
    if not database:
        return
    with clickhouse_connect.get_client(dsn=urlunsplit(parts._replace(path=""))) as client:
        client.command("CREATE DATABASE IF NOT EXISTS {name:Identifier}", parameters={"name": database})


class Store:
    """The recorder's side: migrates on opening, inserts rows table by table."""

    def __init__(self, settings: StoreSettings) -> None:
        if settings.clickhouse:
            _create_database(settings.clickhouse)
        else:
            chdb_path(settings).mkdir(parents=True, exist_ok=True, mode=0o700)
        self.client = connect(settings)
        self.migrated = migrate(self.client)

    def insert(self, table: str, rows: list[list[Any]]) -> None:
        """Insert rows of one table; returns when they are written. Raise ``ClickHouseError`` otherwise."""
        self.client.insert_arrow(table, arrow_table(table, rows), settings=INSERT_SETTINGS)

    def close(self) -> None:
        """Close the client."""
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
