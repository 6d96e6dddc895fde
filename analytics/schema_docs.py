"""The reference of all tables and views, written from the comments in their SQL: ``docs/reference/clickhouse.md``."""

import re
from pathlib import Path
from typing import Final, NamedTuple

from analytics.migrate import Script, scripts

PAGE: Final = Path(__file__).parent.parent / "docs" / "reference" / "clickhouse.md"
_OBJECT: Final = re.compile(r"CREATE (?:TABLE IF NOT EXISTS|OR REPLACE VIEW) (\w+)\n\(\n(.*?)\n\)\n", re.DOTALL)
_COLUMN: Final = re.compile(r"^    (\w+) (.+?)(?: DEFAULT .+?)? COMMENT '((?:[^']|'')*)'", re.MULTILINE)
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
    """Name, type, meaning."""


def described(script: Script) -> list[Described]:
    """Return the tables and views that a script creates."""
    found: list[Described] = []
    for statement in script.statements():
        match = _OBJECT.match(statement)
        grain = _GRAIN.search(statement)
        if match is None or grain is None:
            raise ValueError(f"{script.name}: a statement without columns or without its grain")
        key = _KEY.search(statement) if script.kind == "migration" else None
        columns = tuple((name, type_, _text(meaning)) for name, type_, meaning in _COLUMN.findall(match.group(2)))
        found.append(Described(match.group(1), _text(grain.group(1)), key.group(1) if key else "", columns))
    return found


def page() -> str:
    """Return the whole reference page."""
    parts = [_HEAD]
    for title, kind in (("Tables", "migration"), ("Views", "view")):
        parts.append(f"## {title}\n")
        for script in scripts():
            if script.kind == kind:
                parts += [_section(item) for item in described(script)]
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
