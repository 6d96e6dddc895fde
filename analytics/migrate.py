"""Tables by numbered migrations, views by their text: applied in order, recorded, the same twice.

A migration holds data and never changes once it is applied; a view holds none and is replaced whenever its text does.
Statements of a file end with a semicolon at the end of a line; each can run again, so a start that was interrupted
halfway is repeated.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

from clickhouse_connect.driver.client import Client

MIGRATIONS: Final = Path(__file__).parent / "migrations"
VIEWS: Final = Path(__file__).parent / "views"
_STATEMENT_END: Final = re.compile(r";[ \t]*(?:\n|\Z)")

_RECORD_TABLE: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    kind LowCardinality(String) COMMENT 'migration or view',
    name String COMMENT 'File name without its ending',
    sha256 String COMMENT 'SHA-256 of the text that was applied',
    applied_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When it was applied'
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY (kind, name)
COMMENT 'Grain: one row per migration and view, with the text that was applied last.'
"""


class MigrationChangedError(RuntimeError):
    """A migration was applied with another text; the message names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Script:
    """One SQL file."""

    kind: Literal["migration", "view"]
    name: str
    text: str

    @property
    def sha256(self) -> str:
        """Hash of the text, as recorded."""
        return sha256(self.text.encode()).hexdigest()

    def statements(self) -> Iterator[str]:
        """Yield the statements without their semicolons."""
        for part in _STATEMENT_END.split(self.text):
            if part.strip():
                yield part.strip()


def scripts() -> list[Script]:
    """Return all migrations, then all views, each in the order of their numbers."""
    return [
        *(Script("migration", path.stem, path.read_text()) for path in sorted(MIGRATIONS.glob("[0-9]*.sql"))),
        *(Script("view", path.stem, path.read_text()) for path in sorted(VIEWS.glob("[0-9]*.sql"))),
    ]


def migrate(client: Client) -> list[str]:
    """Apply what is new and return its names; raise `MigrationChangedError` when an applied migration differs."""
    client.command(_RECORD_TABLE)
    rows = client.query("SELECT kind, name, sha256 FROM schema_migrations FINAL").result_rows
    applied = {(str(kind), str(name)): str(digest) for kind, name, digest in rows}
    done: list[str] = []
    for script in scripts():
        known = applied.get((script.kind, script.name))
        if known == script.sha256:
            continue
        if known is not None and script.kind == "migration":
            raise MigrationChangedError(
                f"migration {script.name} was applied here with another text: the database is of another version. "
                "Use that version, or begin anew: pointsman down, then pointsman clean (the topics fill it again)"
            )
        for statement in script.statements():
            client.command(statement)
        client.insert("schema_migrations", [[script.kind, script.name, script.sha256]], ["kind", "name", "sha256"])
        done.append(script.name)
    return done
