import re

import pytest

from analytics import migrate as migrations
from analytics.migrate import MigrationChangedError, Script, migrate, scripts
from analytics.schema_docs import PAGE, objects, page
from analytics.tables import TABLES
from analytics.tables.position import POSITION
from tests.unit.analytics.conftest import Engine

SEVEN = {
    "routing_decisions",
    "routing_outcomes",
    "model_performance",
    "cost_tracking",
    "budget_tracking",
    "fallback_events",
    "rate_limit_events",
}
VIEWS = {
    "v_daily_costs",
    "v_model_summary",
    "v_budget_status",
    "v_fallback_rates",
    "v_overhead",
    "v_override_rates",
    "v_savings",
    "v_completion",
    "v_satisfaction",
    "v_share_vs_target",
    "v_model_targets",
    "v_auto_vs_manual",
    "v_escalations",
    "v_effectiveness",
}
ARROW_TYPES = {
    "string": r"(LowCardinality\()?String\)?",
    "binary": "String",
    "bool": "Bool",
    "uint8": "UInt8",
    "uint16": "UInt16",
    "uint32": r"(Nullable\()?UInt32\)?",
    "uint64": "UInt64",
    "int64": "Int64",
    "double": r"(Nullable\()?Float64\)?",
    "timestamp[us, tz=UTC]": r"(Nullable\()?DateTime64\(6, 'UTC'\)\)?",
    "decimal128(18, 12)": r"(Nullable\()?Decimal\(18, 12\)\)?",
    "decimal128(38, 12)": r"(Nullable\()?Decimal\(38, 12\)\)?",
    "list<item: string>": r"Array\((LowCardinality\()?String\)?\)",
    "list<item: double>": r"Array\((Nullable\()?Float64\)?\)",
    "list<item: timestamp[us, tz=UTC]>": r"Array\(DateTime64\(6, 'UTC'\)\)",
    "list<item: decimal128(38, 12)>": r"Array\(Nullable\(Decimal\(38, 12\)\)\)",
}


def test_all_names_exist(engine: Engine) -> None:
    """The seven tables and the views of the specification exist by name, and each answers (A1)."""
    names = {str(name) for (name,) in engine.ask("SELECT name FROM system.tables WHERE database = 'default'")}
    assert names >= SEVEN | VIEWS
    for name in names:
        engine.ask(f"SELECT * FROM {name} LIMIT 1")


def test_a_second_start_changes_nothing(engine: Engine) -> None:
    """What was applied is recorded and not applied again."""
    assert migrate(engine.store.client) == []
    recorded = engine.ask("SELECT count(), uniqExact(name) FROM schema_migrations")
    assert recorded == [(len(scripts()), len(scripts()))]


def test_an_interrupted_start_is_repeated(engine: Engine) -> None:
    """A migration whose statements ran, but which was not recorded, runs again without harm."""
    name = scripts()[0].name
    engine.store.client.command(f"DELETE FROM schema_migrations WHERE name = '{name}'")
    assert migrate(engine.store.client) == [name]


def test_a_changed_migration_is_refused_and_a_changed_view_replaced(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables hold data, so their migrations never change; views hold none and follow their text."""
    migration = Script("migration", scripts()[0].name, "SELECT 1")
    monkeypatch.setattr(migrations, "scripts", lambda: [migration])
    with pytest.raises(MigrationChangedError, match=r"0001_events.*pointsman clean"):
        migrate(engine.store.client)
    view = next(script for script in scripts() if script.kind == "view")
    changed = Script("view", view.name, view.text.replace("'Tenant'", "'The tenant'", 1))
    monkeypatch.setattr(migrations, "scripts", lambda: [changed])
    assert migrate(engine.store.client) == [view.name]
    monkeypatch.setattr(migrations, "scripts", lambda: [view])
    assert migrate(engine.store.client) == [view.name]


def test_everything_states_its_grain_and_means_something(engine: Engine) -> None:
    """Every table and view says what one row is, and every column what it means."""
    silent = engine.ask(
        "SELECT name FROM system.tables WHERE database = 'default' AND NOT startsWith(comment, 'Grain: one row per')"
    )
    assert silent == []
    assert engine.ask("SELECT table, name FROM system.columns WHERE database = 'default' AND comment = ''") == []


def test_columns_of_the_code_are_those_of_the_database(engine: Engine) -> None:
    """Each column rows are made for exists with a type that holds it; the others have defaults."""
    for table in TABLES.values():
        types = {
            str(name): (str(type_), str(default))
            for name, type_, default in engine.ask(
                "SELECT name, type, default_expression FROM system.columns"
                f" WHERE database = 'default' AND table = '{table.name}'"
            )
        }
        made = [*POSITION, *table.columns]
        for column in made:
            assert re.fullmatch(ARROW_TYPES[str(column.kind.arrow)], types[column.name][0]), (table.name, column.name)
        others = set(types) - {column.name for column in made}
        assert others == {"first_wins", "ingested_at"}
        assert all(types[name][1] for name in others)


def test_keys_never_change_and_the_first_wins(engine: Engine) -> None:
    """Every table is a ReplacingMergeTree on first_wins, partitioned by month, with no insert time in its key."""
    for name, full, key in engine.ask(
        "SELECT name, engine_full, sorting_key FROM system.tables WHERE database = 'default' AND engine != 'View'"
        " AND name != 'schema_migrations'"
    ):
        assert "ReplacingMergeTree(first_wins) PARTITION BY toYYYYMM(event_ts)" in str(full), name
        assert "ingested" not in str(key), name


def test_views_read_merged_rows() -> None:
    """Every table a view reads carries FINAL."""
    views = {script.name[5:] for script in scripts() if script.kind == "view"}
    for script in scripts():
        if script.kind == "view":
            for source, rest in re.findall(r"(?:FROM|(?<!ARRAY )JOIN) (\w+)((?: AS \w+)?(?: FINAL)?)", script.text):
                assert source in views or rest.endswith(" FINAL"), (script.name, source)


def test_statements_split_at_line_ends_only() -> None:
    """A semicolon inside a text does not end a statement."""
    script = Script("migration", "x", "SELECT 'a;b';\n\nSELECT 2 ;\n")
    assert list(script.statements()) == ["SELECT 'a;b'", "SELECT 2"]


def test_the_reference_page_is_up_to_date() -> None:
    """docs/reference/clickhouse.md is what the comments in the SQL say; run python -m analytics.schema_docs."""
    assert PAGE.read_text() == page()


def test_the_reference_page_has_every_column(engine: Engine) -> None:
    """The page, which is read from the SQL text, describes what the database describes."""
    for kind in ("migration", "view"):
        for item in objects(kind):
            found = engine.ask(
                f"SELECT name, comment FROM system.columns WHERE database = 'default'"
                f" AND table = '{item.name}' ORDER BY position"
            )
            assert [(name, text.replace("\\|", "|")) for name, _, text in item.columns] == found, item.name
