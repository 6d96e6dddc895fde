from pathlib import Path

import pytest

from tests import __main__ as all_tests
from tests.__main__ import PARTS, ROOT, Part, main

TESTS = {
    "good": "def test_holds(): pass\n",
    "bad": "def test_breaks(): assert False\n",
    "left_out": "import pytest\n\n@pytest.mark.skip\ndef test_skipped(): pass\n\ndef test_holds(): pass\n",
    "empty": "",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of a few tests, each in a file of its own."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    for name, text in TESTS.items():
        (tmp_path / f"test_{name}.py").write_text(text)
    monkeypatch.setattr(all_tests, "ROOT", tmp_path)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return tmp_path


def ends(monkeypatch: pytest.MonkeyPatch, *names: str) -> int:
    monkeypatch.setattr(all_tests, "PARTS", [Part(name, (f"test_{name}.py",)) for name in names])
    return main(["-q"])


def test_a_part_that_runs_no_test_is_a_failure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part whose tests all pass ends with 0; a file without tests, or none at all, with 1."""
    assert ends(monkeypatch, "good") == 0
    for name in ("empty", "missing"):
        assert ends(monkeypatch, name) == 1, name


def test_failed_and_skipped_tests_are_failures_and_named_at_the_end(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """One test that failed or was skipped in whatever part makes it 1; later parts run all the same."""
    assert ends(monkeypatch, "bad", "left_out", "good") == 1
    bad, failure, left_out, skipped, good = capfd.readouterr().out.splitlines()[-5:]
    assert "0 passed" in bad
    assert "FAILED" in bad
    assert failure == "  failure: test_bad::test_breaks"
    assert "1 passed" in left_out
    assert skipped == "  skipped: test_left_out::test_skipped"
    assert good.endswith("passed")


def test_every_test_belongs_to_a_part() -> None:
    """The first part takes every folder that the others do not name, and each folder that they name exists."""
    first, *others = PARTS
    left_out = {option.removeprefix("--ignore=") for option in first.options if option.startswith("--ignore=")}
    named = {option for part in others for option in part.options if option.startswith("tests/")}
    assert left_out == named
    assert all((ROOT / folder).is_dir() for folder in named)
