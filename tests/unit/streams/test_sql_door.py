import io
import json
import stat
import threading
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pyarrow.ipc
import pytest

from analytics.door_client import (
    Door,
    DoorClosedError,
    OutputFormat,
    QueryError,
    query,
    query_bytes,
    read_door,
    write_door,
)
from analytics.place import door_path
from analytics.store import READ_SETTINGS, Store
from streams.sql_door import SqlDoor


@dataclass(frozen=True)
class Place:
    """Settings of a store in a folder."""

    run_dir: Path
    clickhouse: str = ""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Generator[Place]:
    """A run folder with an open door over an empty store."""
    settings = Place(tmp_path_factory.mktemp("door"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(READ_SETTINGS, "max_execution_time", 2)
        with Store(settings), SqlDoor(settings):
            yield settings


def post(place: Place, body: object, **headers: str) -> httpx.Response:
    """Ask as anybody on this machine could."""
    door = read_door(place)
    known = {"authorization": f"Bearer {door.token}", **headers}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(f"{door.url}/query", content=content, headers=known, trust_env=False, timeout=30)


def test_a_query_is_answered_with_types(place: Place) -> None:
    """Columns, types and plain rows come back; money is exact, 64-bit numbers are whole, NULL is None."""
    answer = query(
        place,
        "SELECT toDecimal128('0.000000000001', 12) AS money, 18446744073709551615 AS big, NULL AS nothing,"
        " nan AS odd, [1, 2] AS list, toDateTime64('2026-11-20 12:00:00.5', 6, 'UTC') AS at",
    )
    assert answer.columns == ("money", "big", "nothing", "odd", "list", "at")
    assert answer.types[0] == "Decimal(38, 12)"
    (row,) = answer.rows
    assert str(row[0]) == "1E-12"
    assert row[1:] == (18446744073709551615, None, None, [1, 2], "2026-11-20 12:00:00.500000")
    assert answer.dicts()[0]["big"] == 2**64 - 1


def test_parameters_are_values(place: Place) -> None:
    """Parameters fill their places as text, numbers and truth values, whatever is in them."""
    sql = "SELECT {a:String} AS a, {n:Int64} AS n"
    assert query(place, sql, {"a": "'; DROP TABLE events --", "n": -5}).rows == [("'; DROP TABLE events --", -5)]


def test_csv_and_arrow(place: Place) -> None:
    """The same answer is to be had as CSV with a header line and as an Arrow stream."""
    sql = "SELECT number AS n, 'a,b' AS t FROM numbers(2)"
    assert query_bytes(place, sql) == b'"n","t"\n0,"a,b"\n1,"a,b"\n'
    table = pyarrow.ipc.open_stream(io.BytesIO(query_bytes(place, sql, None, "arrow"))).read_all()
    assert table.column("n").to_pylist() == [0, 1]


def test_the_token_file_is_private(place: Place) -> None:
    """sql.json can be read by its owner alone, also where an older file lay open."""
    path = door_path(place)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    named = read_door(place)
    path.chmod(0o644)
    write_door(place, named)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_door(place) == named


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic abc", "bearer"])
def test_without_the_token_nothing_is_answered(place: Place, header: str) -> None:
    """A wrong or missing token is refused before the query is looked at."""
    response = post(place, {"sql": "SELECT 1"}, authorization=header)
    assert response.status_code == 401
    assert "sql.json" in response.json()["error"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[1]", 400),
        ({"sql": 1}, 400),
        ({"sql": "SELECT 1", "params": [1]}, 400),
        ({"sql": "SELECT {a:String}", "params": {"a": {"b": 1}}}, 400),
        ({"sql": "SELECT 1", "output": "xml"}, 400),
        ({"sql": "SELECT 1 INTO OUTFILE 'x'"}, 400),
        ({"sql": "SELECT 1; SELECT 2"}, 400),
        ({"sql": "SELECT nonsense"}, 400),
        (b"x" * 300_000, 413),
    ],
)
def test_bad_requests_are_refused(place: Place, body: Any, status: int) -> None:
    """What is not a well-formed question gets an error of one line."""
    response = post(place, body)
    assert response.status_code == status
    assert "\n" not in response.json()["error"]


def test_other_paths_and_methods_do_not_exist(place: Place) -> None:
    """The door has one path and one method."""
    door = read_door(place)
    headers = {"authorization": f"Bearer {door.token}"}
    assert httpx.post(f"{door.url}/", content=b"{}", headers=headers, trust_env=False).status_code == 404
    assert httpx.get(f"{door.url}/query", headers=headers, trust_env=False).status_code == 501


@pytest.mark.parametrize(
    ("sql", "limit"),
    [
        ("SELECT number FROM numbers(200000)", "max rows"),
        ("SELECT repeat('x', 100000) FROM numbers(5000)", "max bytes|memory limit|Timeout"),
        ("SELECT sum(sipHash64(number)) FROM numbers(1000000000000)", "Timeout exceeded"),
        ("SELECT groupArray(number) FROM numbers(500000000)", "memory limit|Timeout"),
        ("SELECT count() FROM (SELECT number FROM numbers(100000000) GROUP BY number)", "GROUP BY|Timeout"),
    ],
)
def test_a_query_has_limits(place: Place, sql: str, limit: str) -> None:
    """Rows and bytes of the answer, time, memory and groups are bounded, and the door answers on."""
    with pytest.raises(QueryError, match=limit):
        query(place, sql)
    assert query(place, "SELECT 1").rows == [(1,)]


@pytest.mark.parametrize("output", ["json", "csv", "arrow"])
def test_a_failed_answer_leaves_nothing_to_the_next(place: Place, output: OutputFormat) -> None:
    """What was written of an answer before its query failed is never part of another answer."""
    for _ in range(4):
        with pytest.raises(QueryError, match="my-secret"):
            query_bytes(place, "SELECT throwIf(number = 70000, 'my-secret') FROM numbers(90000)", None, output)
        assert query_bytes(place, "SELECT 'x' AS a") == b'"a"\n"x"\n'


def test_an_error_is_for_people(place: Place) -> None:
    """The engine's message comes without codes, versions and stacks."""
    with pytest.raises(QueryError, match=r"^Unknown expression identifier `nonsense`"):
        query(place, "SELECT nonsense")
    with pytest.raises(QueryError, match=r"^Syntax error \(Multi-statements are not allowed\)"):
        query(place, "SELECT 1; SELECT 2")


def test_many_ask_at_once(place: Place) -> None:
    """More readers than the door has clients are all answered, one after the other."""
    answers: list[object] = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(query(place, f"SELECT {n}").rows[0][0])) for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answers) == list(range(20))  # type: ignore[type-var]


def test_a_door_that_does_not_answer_says_what_to_do(tmp_path: Path) -> None:
    """No file, a damaged file and a file of a recorder that died each name the next step."""
    settings = Place(tmp_path)
    with pytest.raises(DoorClosedError, match="pointsman up"):
        query(settings, "SELECT 1")
    door_path(settings).write_text("{")
    with pytest.raises(DoorClosedError, match="damaged"):
        query(settings, "SELECT 1")
    write_door(settings, Door("http://127.0.0.1:1", "token"))
    with pytest.raises(DoorClosedError, match="pointsman status"):
        query(settings, "SELECT 1")
