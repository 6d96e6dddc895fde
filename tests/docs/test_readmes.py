"""READMEs name the files of their folders, all and no others; the index of the documentation lists its pages."""

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [
    "schemas",
    "routing",
    "providers",
    "analytics",
    "streams",
    "deploy",
    "pointsman",
    "tests",
    "tests/faults",
    "tests/simulation",
]
QUOTED = re.compile(r"`([\w*./-]+)`")


def named(folder: str) -> set[str]:
    """Return the modules, or patterns of some, in the first column of the README's tables; routing leaves out `.py`."""
    rows = [line for line in (ROOT / folder / "README.md").read_text("utf-8").splitlines() if line.startswith("|")]
    names = {name for row in rows for name in QUOTED.findall(row.split("|")[1])}
    if folder == "routing":
        return {name for name in names if not name.endswith("/")}
    return {name.removesuffix(".py") for name in names if name.endswith(".py")}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_is_named_and_no_other(folder: str) -> None:
    """Each module of a folder stands in its README, by name or by a pattern such as `control_*.py`; all named exist."""
    modules = {path.stem for path in (ROOT / folder).glob("*.py")} - {"__init__", "conftest"}
    names = named(folder)
    listed = sorted(modules - {"__main__"})
    assert [module for module in listed if not any(fnmatch(module, name) for name in names)] == []
    assert [name for name in sorted(names) if not any(fnmatch(module, name) for module in modules)] == []


def test_the_index_lists_every_page() -> None:
    """Every page of the documentation is linked from its index, decisions by their folder."""
    docs = ROOT / "docs"
    linked = set(re.findall(r"\]\(([^)#]+)\)", (docs / "README.md").read_text(encoding="utf-8")))
    pages = {path.relative_to(docs).as_posix() for path in [*docs.rglob("*.md"), *docs.rglob("*.yaml")]}
    pages = {page for page in pages if not page.startswith("decisions/")}
    assert sorted(pages - linked - {"README.md"}) == []
    assert "decisions" in linked
