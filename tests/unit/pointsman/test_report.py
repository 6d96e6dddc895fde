import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import analytics.reports.summary
from analytics.answer import Answer
from analytics.door_client import DoorClosedError
from pointsman.cli import build_app, report
from pointsman.cli.errors import CliError, ExitCode

ANSWER = Answer(
    ("customer", "person", "cost", "share", "rating", "target"),
    ("String", "String", "Decimal(38, 12)", "Float64", "Float64", "Nullable(Float64)"),
    [("acme", "", Decimal("0.012345678901"), 0.4321, 0.75, None)],
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Mapping[str, Any]]]:
    """What reports were asked, each answered with one row."""
    found: list[tuple[str, Mapping[str, Any]]] = []

    def answer(_settings: object, name: str, params: Mapping[str, Any]) -> Answer:
        found.append((name, params))
        return ANSWER

    def connected(run_dir: Path) -> Path:
        return run_dir

    monkeypatch.setattr(report, "connect", connected)
    monkeypatch.setattr(analytics.reports.summary, "report", answer)
    return found


def test_a_table_is_for_people(asked: list[tuple[str, Mapping[str, Any]]]) -> None:
    """Shares in percent, money to the hundredth of a cent, ratings as they are, no empty columns (A3)."""
    done = CliRunner().invoke(build_app(), ["report", "spend", "--tenant", "acme", "--month", "2026-11"])
    assert (done.exit_code, asked) == (0, [("spend", {"tenant": "acme", "month": "2026-11", "by": "tenant"})])
    assert "person" not in done.stdout
    assert [cell for cell in ("43.2 %", "0.0123", "0.75", "-") if cell not in done.stdout] == []


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_json_has_everything_exactly(asked: list[tuple[str, Mapping[str, Any]]], form: str) -> None:
    """Money stays exact and no column is left out (A3)."""
    done = CliRunner().invoke(build_app(), ["report", "shares", "--task-type", "each", "--output", form])
    rows = json.loads(done.stdout)
    row = rows[0] if form == "json" else rows
    assert asked == [("shares", {"tenant": "", "task_type": ""})]
    assert row == {**ANSWER.dicts()[0], "cost": "0.012345678901"}


def test_a_closed_door_says_what_to_do(
    asked: list[tuple[str, Mapping[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a recorder the command ends with status 5."""

    def closed(*_: object) -> Answer:
        raise DoorClosedError("no SQL door")

    monkeypatch.setattr(analytics.reports.summary, "report", closed)
    done = CliRunner().invoke(build_app(), ["report", "effectiveness"])
    assert isinstance(done.exception, CliError)
    assert (done.exception.code, asked) == (ExitCode.UNREACHABLE, [])
