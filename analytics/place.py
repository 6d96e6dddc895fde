"""Where a store and its SQL door are; imports nothing heavy, for commands that only ask."""

from pathlib import Path
from typing import Protocol


class StoreSettings(Protocol):
    """What a store needs to know of the process settings."""

    @property
    def clickhouse(self) -> str:
        """URL of a server; empty: chDB."""
        ...

    @property
    def run_dir(self) -> Path:
        """The run folder."""
        ...


def chdb_path(settings: StoreSettings) -> Path:
    """Return the folder of chDB's data."""
    return settings.run_dir / "clickhouse"


def door_path(settings: StoreSettings) -> Path:
    """Return the file that names the SQL door; readable by the owner alone."""
    return settings.run_dir / "sql.json"
