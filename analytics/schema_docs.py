"""The reference of all tables and views, written from the comments in their SQL: ``docs/reference/clickhouse.md``."""

import re
from pathlib import Path
from typing import Final, NamedTuple

from analytics.migrate import Script, scripts

PAGE: Final = Path(__file__).parent.parent / "docs" / "reference" / "clickhouse.md"
_OBJECT: Final = re.compile(r"CREATE (?:TABLE IF NOT EXISTS|OR REPLACE VIEW) (\w+)\n\(\n(.*?)\n\)\n", re.DOTALL)
_COLUMN: Final = re.compile(r"^    (\w+) (.+?)(?: DEFAULT .+?)? COMMENT '((?:[^']|'')*)'", re.MULTILINE)
_ADDITION: Final = re.compile(r"ALTER TABLE (\w+)\n")
_ADDED: Final = re.compile(
    r"^    ADD COLUMN IF NOT EXISTS (\w+) (.+?)(?: DEFAULT .+?)? COMMENT '((?:[^']|'')*)'", re.MULTILINE
)
_COMMENTED: Final = re.compile(r"^    COMMENT COLUMN (\w+) '((?:[^']|'')*)'", re.MULTILINE)
_NEW_KEY: Final = re.compile(r"^    MODIFY ORDER BY \((.*)\)$", re.MULTILINE)
_GRAIN: Final = re.compile(r"^COMMENT '((?:[^']|'')*)'", re.MULTILINE)
_KEY: Final = re.compile(r"^ORDER BY \((.*)\)$", re.MULTILINE)

_HEAD: Final = """# ClickHouse tables and views

Generated from the comments in `analytics/migrations` and `analytics/views` (`python -m analytics.schema_docs`).
Ask with `pointsman sql "SELECT ..."`. Times are UTC, money is US dollars with 12 decimal places.
Tables hold a row for each time a record was written until ClickHouse merges it away: `pointsman sql` and all views read
them merged; on a server of your own write `FROM table FINAL`.
"""


class Described(NamedTuple):
    """A table or view as its SQL describes it; ``key`` is empty for views."""

    name: str
    grain: str
    key: str
    columns: tuple[tuple[str, str, str], ...]
    """Name, type, meaning; of an addition, a column without a type is one that means something else now."""


def described(script: Script) -> list[Described]:
    """Return the tables and views that a script creates; what it adds to a table is one without a grain."""
    found: list[Described] = []
    for statement in script.statements():
        addition = _ADDITION.match(statement)
        if addition is not None:
            found.append(_addition(addition.group(1), statement))
            continue
        match = _OBJECT.match(statement)
        grain = _GRAIN.search(statement)
        if match is None or grain is None:
            raise ValueError(f"{script.name}: a statement without columns or without its grain")
        key = _KEY.search(statement) if script.kind == "migration" else None
        columns = _columns(_COLUMN, match.group(2))
        found.append(Described(match.group(1), _text(grain.group(1)), key.group(1) if key else "", columns))
    return found


def _addition(table: str, statement: str) -> Described:
    key = _NEW_KEY.search(statement)
    changed = tuple((name, "", _text(meaning)) for name, meaning in _COMMENTED.findall(statement))
    return Described(table, "", key.group(1) if key else "", (*_columns(_ADDED, statement), *changed))


def _columns(pattern: re.Pattern[str], text: str) -> tuple[tuple[str, str, str], ...]:
    return tuple((name, type_, _text(meaning)) for name, type_, meaning in pattern.findall(text))


def objects(kind: str) -> list[Described]:
    """Return all tables (of migrations) or views, with what later scripts add to them."""
    found: dict[str, Described] = {}
    for item in (item for script in scripts() if script.kind == kind for item in described(script)):
        known = found.get(item.name)
        if known is None:
            found[item.name] = item
        else:
            found[item.name] = known._replace(key=item.key or known.key, columns=_together(known, item))
    return list(found.values())


def _together(known: Described, addition: Described) -> tuple[tuple[str, str, str], ...]:
    meanings = {name: meaning for name, type_, meaning in addition.columns if not type_}
    kept = tuple((name, type_, meanings.get(name, meaning)) for name, type_, meaning in known.columns)
    return (*kept, *(column for column in addition.columns if column[1]))


def page() -> str:
    """Return the whole reference page."""
    parts = [_HEAD]
    for title, kind in (("Tables", "migration"), ("Views", "view")):
        parts += [f"## {title}\n", *(_section(item) for item in objects(kind))]
    return "\n".join(parts)


def _section(item: Described) -> str:
    lines = [f"### {item.name}", "", item.grain, ""]
    if item.key:
        lines += [f"Key: `{item.key}`.", ""]
    lines += ["| column | type | meaning |", "|---|---|---|"]
    lines += [f"| {name} | `{type_}` | {meaning} |" for name, type_, meaning in item.columns]
    return "\n".join([*lines, ""])


def _text(quoted: str) -> str:
    return quoted.replace("''", "'").replace("|", "\\|")


def main() -> None:
    """Write the page."""
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
