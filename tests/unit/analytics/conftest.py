"""A chDB of its own for each test file: one folder per process at a time is the engine's rule."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from analytics.answer import ANSWER_SETTINGS
from analytics.blocks import group
from analytics.rows import rows_for
from analytics.store import Store, connect_reader
from schemas.record import Record


@dataclass(frozen=True)
class Place:
    """Settings of a store in a folder."""

    run_dir: Path
    clickhouse: str = ""


@dataclass(frozen=True)
class Engine:
    """An open store and a reader as the SQL door has it."""

    place: Place
    store: Store
    reader: Client

    def record(self, records: list[Record]) -> None:
        """Insert the rows of the records, as the recorder does."""
        rows = [row for record in records for row in rows_for(record)]
        for table, values in group(rows).items():
            self.store.insert(table, values)

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        """Return the rows of a query."""
        return [tuple(row) for row in self.reader.query(sql).result_rows]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Generator[Engine]:
    """A migrated, empty store; tests of one file tell their rows apart by tenant."""
    place = Place(tmp_path_factory.mktemp("analytics"))
    with Store(place) as store:
        reader = connect_reader(place, ANSWER_SETTINGS)
        yield Engine(place, store, reader)
        reader.close()
