from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from analytics.sql_guard import MAX_SQL_CHARACTERS, RefusedQueryError, check
from tests.unit.analytics.conftest import Engine

ALLOWED = (
    "SELECT 1",
    "select * from events limit 3;",
    "SELECT count() FROM v_daily_costs -- a comment",
    "WITH x AS (SELECT 1 AS a) SELECT a FROM x",
    "FROM events SELECT count()",
    "(SELECT 1) UNION ALL (SELECT 2)",
    "SELECT number FROM numbers(3)",
    "SELECT name FROM system.tables",
    "SELECT 'into outfile; settings', `settings` FROM (SELECT 1 AS `settings`)",
    "SELECT $$ ; INTO OUTFILE 'x' $$",
    "SELECT format('{} {}', 'a', 'b')",
    "SELECT file FROM (SELECT 1 AS file)",
    "SHOW TABLES",
    "SHOW COLUMNS FROM events",
    "SHOW CREATE TABLE events",
    "DESCRIBE events",
    "EXISTS TABLE events",
    "EXPLAIN SELECT 1",
    "EXPLAIN AST SELECT 1",
)
WRITES_A_FILE = (
    "SELECT 1 INTO OUTFILE '{}'",
    "SELECT 1 INTO/* x */OUTFILE '{}'",
    "SELECT 1 INTO OUTFILE '{}' APPEND FORMAT CSV",
    "SELECT * FROM (SELECT 1) INTO OUTFILE '{}' -- )",
    "SELECT 1) INTO OUTFILE '{}' -- ",
    "SHOW TABLES INTO OUTFILE '{}'",
    "DESCRIBE TABLE events INTO OUTFILE '{}'",
    "EXPLAIN SELECT 1 INTO OUTFILE '{}'",
    "EXPLAIN AST SELECT 1 INTO OUTFILE '{}'",
    "SELECT * FROM sqlite('{}', 't')",
    "INSERT INTO FUNCTION file('{}') SELECT 1",
    "BACKUP TABLE events TO File('{}')",
)
READS_A_FILE = (
    "SELECT file('{}')",
    "SELECT FiLe('{}')",
    "SELECT arrayMap(name -> file(name), ['{}'])",
    "WITH (SELECT file('{}')) AS x SELECT x",
    "SELECT * FROM file('{}')",
    "SELECT * FROM view(SELECT * FROM file('{}'))",
    "SELECT 1 WHERE 1 IN (SELECT * FROM file('{}'))",
    "SELECT * FROM '{}'",
    "SELECT * FROM `{}`",
    "DESCRIBE file('{}')",
    "EXPLAIN SELECT * FROM file('{}')",
    "SELECT * FROM fileCluster('x', '{}')",
    "SELECT * FROM filesystem('{}')",
)
REACHES_OUT = (
    "SELECT * FROM url('http://127.0.0.1:1/')",
    "SELECT * FROM s3('http://127.0.0.1:1/x')",
    "SELECT * FROM remote('127.0.0.1', system.one)",
    "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
    "SELECT * FROM executable('ls', TSV, 'a String')",
    "SELECT * FROM Python(secret)",
    "SELECT aiGenerate('x')",
    "SELECT * FROM eval('SELECT 1')",
    "SELECT * FROM input('a Int8')",
    "SELECT hostName()",
    "SELECT sleep(3)",
)
CHANGES_SOMETHING = (
    "SELECT 1; SELECT 2",
    "SELECT 1; ; SELECT 2",
    "SELECT 1;\nDROP TABLE events",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT * FROM (SELECT 1 SETTINGS max_threads = 9)",
    "EXPLAIN PLAN SELECT 1 SETTINGS max_threads = 1",
    "EXPLAIN indexes = 1 SELECT 1",
    "SELECT 1 FORMAT JSON",
    "SELECT 1 /* */ FORMAT/**/JSON",
    "SHOW TABLES FORMAT JSON",
    "SET readonly = 0",
    "USE system",
    "KILL QUERY WHERE 1",
    "SYSTEM FLUSH LOGS",
    "INSERT INTO events SELECT * FROM events",
    "WITH 1 AS x INSERT INTO events SELECT 1",
    "EXPLAIN AST INSERT INTO events SELECT 1",
    "DROP TABLE events",
    "TRUNCATE events",
    "DETACH TABLE events",
    "OPTIMIZE TABLE events",
    "ALTER TABLE events DELETE WHERE 1",
    "CREATE TABLE x (a Int8) ENGINE = Memory",
    "GRANT ALL ON *.* TO x",
    "EXECUTE AS x SELECT 1",
    "SELECT 1 PARALLEL WITH SELECT 2",
    "BEGIN TRANSACTION",
)
LOOKS_AROUND = (
    "SELECT * FROM system.processes",
    "SELECT * FROM SYSTEM.processes",
    "SELECT * FROM `system`.`processes`",
    "SELECT 1 IN (system.users)",
    "SELECT * FROM merge('.*')",
    "SELECT * FROM merge('system', '.*')",
    "SHOW PROCESSLIST",
    "SHOW CREATE USER default",
    "SHOW GRANTS",
    "SELECT getServerSetting('max_connections')",
)
NONSENSE = (
    "",
    "   ",
    "-- only a comment",
    "SELECT",
    "SELECT 1\\x3b SELECT 2",
    "SELECT {x:Identifier}",
    "SELECT {x:String",
)


@pytest.fixture(scope="module")
def files(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Path, Path]]:
    """A file with a secret, and a path where no file may appear."""
    folder = tmp_path_factory.mktemp("files")
    secret = folder / "secret.csv"
    secret.write_text("a\nsecret\n")
    yield secret, folder / "written"
    assert sorted(path.name for path in folder.iterdir()) == ["secret.csv"]


@pytest.mark.parametrize("sql", ALLOWED)
def test_reading_is_allowed(engine: Engine, sql: str) -> None:
    """A statement that reads is let through, and its canonical text answers."""
    assert engine.reader.raw_query(check(engine.reader, sql, {}), fmt="JSONCompact")


@pytest.mark.parametrize(
    "sql", [*WRITES_A_FILE, *READS_A_FILE, *REACHES_OUT, *CHANGES_SOMETHING, *LOOKS_AROUND, *NONSENSE]
)
def test_everything_else_is_refused(engine: Engine, files: tuple[Path, Path], sql: str) -> None:
    """No statement writes or reads a file, reaches another machine, changes anything or looks at other queries."""
    target = files[1] if sql in WRITES_A_FILE else files[0]
    with pytest.raises(RefusedQueryError) as refused:
        check(engine.reader, sql.replace("{}", str(target)), {})
    assert "\n" not in str(refused.value)
    assert not files[1].exists()


@pytest.mark.parametrize(
    ("sql", "params"),
    [
        ("SELECT * FROM {t:Identifier}", {"t": "/etc/passwd"}),
        ("SELECT * FROM {t:Identifier}", {"t": "system.processes"}),
        ("SELECT * FROM system.{t:Identifier}", {"t": "processes"}),
        ("SELECT * FROM {d:Identifier}.{t:Identifier}", {"d": "system", "t": "processes"}),
        ("SELECT 1 % 2", {"x": 1}),
        ("SELECT '%(x)s'", {"x": "'; DROP TABLE events"}),
        ("SELECT {a:String}", {"a": "x", "b": "y"}),
        ("SELECT {a:String}", {"a$": "x"}),
        ("SELECT {a:String}", {}),
    ],
)
def test_parameters_open_no_way_round(engine: Engine, sql: str, params: dict[str, Any]) -> None:
    """Parameters are values for the places that the query names, and pass the same checks."""
    with pytest.raises(RefusedQueryError):
        check(engine.reader, sql, params)


def test_a_parameter_is_only_a_value(engine: Engine) -> None:
    """Whatever text a parameter holds, it is that text."""
    hostile = "'; SELECT 2 INTO OUTFILE 'x' --"
    sql = check(engine.reader, "SELECT {a:String} AS a, {n:UInt8} + 1 AS b", {"a": hostile, "n": 3})
    answer = engine.reader.query(sql, parameters={"a": hostile, "n": 3}).result_rows
    assert [tuple(row) for row in answer] == [(hostile, 4)]


def test_a_very_long_query_is_refused(engine: Engine) -> None:
    """The length of a query is bounded before anything parses it."""
    with pytest.raises(RefusedQueryError, match="longer than"):
        check(engine.reader, "SELECT 1" + " " * MAX_SQL_CHARACTERS, {})


def test_deep_nesting_is_refused_not_crashed(engine: Engine) -> None:
    """A query that nests without end is refused by the parser."""
    with pytest.raises(RefusedQueryError):
        check(engine.reader, "SELECT " + "(" * 20_000 + "1" + ")" * 20_000, {})


def test_the_reader_itself_cannot_write(engine: Engine) -> None:
    """Behind the check stands the engine's own read-only mode."""
    for sql in ("DROP TABLE events", "SET readonly = 0", "SELECT * FROM file('/etc/passwd')"):
        with pytest.raises(ClickHouseError):
            engine.reader.raw_query(sql)
