"""Rows grouped by table, as Arrow tables: what ClickHouse takes in at a few microseconds a row."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from analytics.columns import Kind
from analytics.rows import Row
from analytics.tables import TABLES
from analytics.tables.position import POSITION


def group(rows: Iterable[Row]) -> dict[str, list[list[Any]]]:
    """Return the values of the rows by table, in order."""
    grouped: dict[str, list[list[Any]]] = {}
    for table, values in rows:
        found = grouped.get(table)
        if found is None:
            grouped[table] = [values]
        else:
            found.append(values)
    return grouped


def arrow_table(table: str, rows: list[list[Any]]) -> Any:
    """Return the rows of one table as a ``pyarrow.Table`` with the columns' exact types."""
    columns = (*POSITION, *TABLES[table].columns)
    arrays = [_array(values, column.kind) for column, values in zip(columns, zip(*rows, strict=True), strict=True)]
    return pa.Table.from_arrays(arrays, names=[column.name for column in columns])


def _array(values: tuple[Any, ...], kind: Kind) -> Any:
    if kind.wire is None:
        return pa.array(values, type=kind.arrow)
    return pa.array(values, type=kind.wire).cast(kind.arrow)
