"""What the SQL door lets through: one statement that reads, from our own tables, with no side effect.

``readonly=1`` alone does not give that: with it ``INTO OUTFILE`` still writes files, two statements in one string both
run, the scalar function ``file()`` reads any file, ``sqlite()`` creates one, and ``KILL QUERY`` runs (all measured).
So the engine itself first rewrites the text to its canonical form, which has no comments and refuses a second
statement; then its syntax tree is checked node by node; and only the canonical text is run.
"""

import re
from typing import Any, Final

import orjson
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

MAX_SQL_CHARACTERS: Final = 65_536

_ROOTS: Final = re.compile(
    r"SelectWithUnionQuery \(children 1\)|ShowTables|ShowColumns|DescribeQuery \(children 1\)"
    r"|ExistsTableQuery +\S+ \(children 1\)|ShowCreateTableQuery +\S+ \(children 1\)"
    r"|Explain EXPLAIN(?: AST| SYNTAX| QUERY TREE| PIPELINE| ESTIMATE)? \(children 1\)"
)
"""First lines of the trees allowed; a FORMAT or INTO OUTFILE clause would be a further child."""
_QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.|``)*`|\"(?:[^\"\\]|\\.|\"\")*\"", re.DOTALL)
_CLAUSES: Final = re.compile(r";|\b(?:OUTFILE|INFILE)\b", re.IGNORECASE)
_TABLE_FUNCTIONS: Final = frozenset(
    {"numbers", "numbers_mt", "zeros", "zeros_mt", "generateseries", "generate_series", "values", "view", "null"}
)
_BARRED_FUNCTIONS: Final = re.compile(
    r"file|filesystem\w*|sleep\w*|dict\w+|joinget\w*|getserver\w+|getclienthttpheader|currentrequesturl|getmacro"
    r"|ai(?:redact|similarity|filter|classify|embed|extract|generate|translate)|catboost\w*|evalmlmethod"
    r"|hostname|fullhostname|fqdn|serveruuid|tcpport|showcertificate|addressto\w+|demangle"
    r"|url|s3|hdfs|remote\w*|python|executable\w*|eval|sqlite|mysql|postgresql|input"
)
_SYSTEM_TABLES: Final = frozenset({"one", "numbers", "tables", "columns", "databases", "functions", "parts"})
_PLAIN_NAME: Final = re.compile(r"\w+(?:\.\w+)?")
_NODE: Final = re.compile(r"( *)(\w+)(?: +(\S+))?")
_PREFIX: Final = re.compile(r"^(?:Code: \d+\. DB::Exception: (?:\w+: )?)+")
_PARAMETER: Final = re.compile(r"[A-Za-z_]\w{0,63}")


class RefusedQueryError(ValueError):
    """The text is not let through, or is no SQL; the message says why."""


def check(client: Client, sql: str, params: dict[str, Any]) -> str:
    """Return the canonical text of an allowed query; raise `RefusedQueryError`.

    ``client`` is a read-only one: it parses, nothing of ``sql`` runs. ``params`` are values for ``{name:Type}``.
    """
    if len(sql) > MAX_SQL_CHARACTERS:
        raise RefusedQueryError(f"the query is longer than {MAX_SQL_CHARACTERS} characters")
    for name in params:
        if not _PARAMETER.fullmatch(name):
            raise RefusedQueryError("a parameter's name is letters, digits and underscores")
    canonical = _canonical(client, sql)
    bare = _QUOTED.sub("''", canonical)
    if clause := _CLAUSES.search(bare):
        raise RefusedQueryError(f"{clause.group().upper()} is not allowed here: the door answers, it writes no files")
    for name in params:
        if not re.search(rf"\{{{name}:", bare):
            raise RefusedQueryError(f"the query has no place for the parameter {name}: write {{{name}:String}}")
    _check_tree(_tree(client, canonical, params))
    return canonical


def _canonical(client: Client, sql: str) -> str:
    try:
        answer = client.raw_query(
            "SELECT formatQuery({sql:String}) AS canonical", parameters={"sql": sql}, fmt="JSONCompactEachRow"
        )
    except ClickHouseError as error:
        raise RefusedQueryError(first_line(error)) from error
    return str(orjson.loads(answer)[0])


def _tree(client: Client, canonical: str, params: dict[str, Any]) -> list[str]:
    """Return the lines of the syntax tree.

    The default format escapes line breaks, so that no name can look like another line; a FORMAT of ours would become
    part of the query that is explained.
    """
    try:
        answer = client.raw_query(f"EXPLAIN AST {canonical}", parameters=params or None)
    except ClickHouseError as error:
        raise RefusedQueryError(first_line(error)) from error
    return [line for line in answer.decode(errors="replace").split("\n") if line]


def _check_tree(lines: list[str]) -> None:
    if not lines or not _ROOTS.fullmatch(lines[0]):
        raise RefusedQueryError("only SELECT, SHOW TABLES, SHOW COLUMNS, SHOW CREATE TABLE, DESCRIBE and EXPLAIN")
    if lines[0].startswith("Explain") and lines[1].strip() != "SelectWithUnionQuery (children 1)":
        raise RefusedQueryError("only a SELECT can be explained here")
    path: list[str] = []
    for line in lines:
        node = _NODE.match(line)
        if node is None:
            raise RefusedQueryError("a part of the query is not understood")
        depth, kind, name = len(node.group(1)), node.group(2), node.group(3) or ""
        del path[depth:]
        _check_node(kind, name, path[-1] if path else "")
        path.append(kind)


def _check_node(kind: str, name: str, parent: str) -> None:
    if kind == "Set":
        raise RefusedQueryError("SETTINGS is not allowed here: limits are fixed")
    if kind == "Function":
        lower = name.lower()
        if parent == "TableExpression" and lower not in _TABLE_FUNCTIONS:
            raise RefusedQueryError(f"the table function {name} is not allowed here")
        if _BARRED_FUNCTIONS.fullmatch(lower):
            raise RefusedQueryError(f"the function {name} is not allowed here")
    elif kind == "TableIdentifier" and not _PLAIN_NAME.fullmatch(name):
        raise RefusedQueryError("a table is named by letters, digits and underscores")
    if kind in ("TableIdentifier", "Identifier") and name.lower().startswith("system."):
        table = name.split(".")[1].lower()
        if table not in _SYSTEM_TABLES:
            raise RefusedQueryError(f"of the system tables only {', '.join(sorted(_SYSTEM_TABLES))}")


def first_line(error: Exception) -> str:
    """Return the engine's message without its code, version, scope and stack."""
    text = str(error).split(" (version ")[0].split(": In scope ")[0].splitlines()[0]
    return _PREFIX.sub("", text)[:500]
