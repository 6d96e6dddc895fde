import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "coverage.md").read_text()
ROW = re.compile(r"^\| ([FRPBUXADN]\d+) \| ([^|]+) \| (done|partly|not yet) \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)
ROWS = {match[1]: match for match in ROW.finditer(PAGE)}
COUNTS = {"F": 6, "R": 23, "P": 11, "B": 9, "U": 6, "X": 4, "A": 12, "D": 7, "N": 19}
NAMED = re.compile(r"`([\w/.]+\.py)::([\w*]+)`")


def test_every_requirement_has_one_row() -> None:
    """The page lists each requirement exactly once, with its state."""
    assert set(ROWS) == {f"{letter}{number}" for letter, count in COUNTS.items() for number in range(1, count + 1)}
    assert len(ROW.findall(PAGE)) == sum(COUNTS.values())


@pytest.mark.parametrize("row", sorted(ROWS))
def test_tests_named_exist(row: str) -> None:
    """What is done, even in part, names tests that exist; what is not yet done names none."""
    state, tests = ROWS[row][3], NAMED.findall(ROWS[row][5])
    assert bool(tests) == (state != "not yet")
    for file, name in tests:
        source = (ROOT / "tests" / file).read_text()
        assert name == "*" or re.search(rf"^(async )?def {name}\(", source, re.MULTILINE), f"{file}::{name}"


def test_what_is_partly_done_says_what_is_missing() -> None:
    """A row that is done in part says which part is not."""
    assert all(match[4].strip() for match in ROWS.values() if match[3] == "partly")


def test_the_sum_is_right() -> None:
    """The counts at the top are those of the rows."""
    states = [match[3] for match in ROWS.values()]
    told = f"Of {len(states)} rows {states.count('done')} are done, {states.count('partly')} partly, "
    assert told + f"{states.count('not yet')} not yet." in PAGE
