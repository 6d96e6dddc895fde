from pathlib import Path

from deploy.shipped_config import CATALOG, shipped_documents
from pointsman.config_files import cross_faults, load, load_text

GOOD = """\
kind: tenant
name: acme
budget: {daily: 5}
---
kind: flags
name: switches
flags: {fast: true}
"""
BAD = """\
kind: tenant
name: Acme
budget:
  daily: -5
  timezone: Moon/Sea
---
kind: tenant
name: acme
nonsense: 3
name: acme
---
kind: policy
name: p
rules:
  - name: first
    layer: space
    when: {}
    effect: lock
    models: [x]
    because: "why not"
---
kind: unheard-of
name: x
---
- a list
"""


def test_all_faults_at_once_with_file_and_line() -> None:
    """Every fault of a file is named at once, each with its line and field (X1)."""
    documents, faults = load_text(BAD, "bad.yaml")
    assert documents == []
    found = {(fault.line, fault.where) for fault in faults}
    assert {(2, "name"), (4, "budget.daily"), (5, "budget.timezone"), (9, "nonsense"), (17, "rules.0.when")} <= found
    assert (10, "name") in {(fault.line, fault.where) for fault in faults if "twice" in fault.message}
    assert any(fault.line == 22 and "unheard-of" in fault.message for fault in faults)
    assert any(fault.line == 25 for fault in faults)
    assert all(str(fault).startswith(f"bad.yaml:{fault.line}: ") for fault in faults)


def test_broken_yaml_is_a_fault_with_its_line() -> None:
    """A file that is not YAML is one fault at the line where reading ended (X1)."""
    _, faults = load_text("kind: tenant\nname: [a\n", "x.yaml")
    assert [fault.line for fault in faults] == [3]
    assert "not YAML" in faults[0].message


def test_yaml_cannot_run_anything() -> None:
    """A document can hold data only; a tag that would build an object is a fault (D5)."""
    documents, faults = load_text("kind: !!python/object/apply:os.getcwd []\nname: x\n", "x.yaml")
    assert documents == []
    assert len(faults) == 1


def test_documents_know_where_they_stand() -> None:
    """Each valid document carries file and line."""
    documents, faults = load_text(GOOD, "good.yaml")
    assert faults == []
    assert [(located.document.document_key, located.line) for located in documents] == [
        ("tenant/acme@1", 1),
        ("flags/switches@1", 5),
    ]


def test_one_version_stands_once(tmp_path: Path) -> None:
    """Two documents of one kind, name and version are a fault that names the other place (X1)."""
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text("kind: tenant\nname: acme\n")
    faults = load([tmp_path]).faults
    assert len(faults) == 1
    assert "a.yaml:1" in faults[0].message


def test_json_is_read_too(tmp_path: Path) -> None:
    """A document may be JSON (X1)."""
    (tmp_path / "a.json").write_text('{"kind": "tenant", "name": "acme", "budget": {"daily": "0.10"}}')
    loaded = load([tmp_path / "a.json"])
    assert not loaded.faults
    assert loaded.documents[0].document.name == "acme"


def test_folders_pass_over_what_is_no_configuration(tmp_path: Path) -> None:
    """In a folder, YAML without a kind is not configuration; a file that is named must be."""
    other = tmp_path / "other.yaml"
    other.write_text("models: []\n")
    assert load([tmp_path]).faults == ()
    assert len(load([other]).faults) == 1


def test_real_endpoints_are_only_read_when_named(tmp_path: Path) -> None:
    """A folder named real is left out unless it is named itself: nothing calls a real provider by accident."""
    folder = tmp_path / "real"
    folder.mkdir()
    (folder / "p.yaml").write_text("kind: provider\nname: alpha\nbase_url: https://alpha.example\n")
    assert load([tmp_path]).documents == ()
    assert len(load([folder]).documents) == 1


def test_what_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    """A file that is missing or no text is a fault, not a crash."""
    binary = tmp_path / "b.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    assert [fault.line for fault in load([tmp_path / "none.yaml", binary]).faults] == [1, 1]


def test_the_shipped_configuration_is_valid() -> None:
    """Everything in deploy/catalog validates (R21)."""
    loaded = load([CATALOG])
    assert [str(fault) for fault in loaded.faults] == []
    assert {located.document.kind for located in loaded.documents} >= {"catalog", "prices", "tenant", "provider"}


def test_faults_between_documents_have_file_and_line(tmp_path: Path) -> None:
    """A name that means nothing in the other documents is a fault where it is written (X1)."""
    file = tmp_path / "t.yaml"
    file.write_text("kind: tenant\nname: acme\npolicy: nowhere\navoid_models:\n  - gpt-4o\n  - no-such-model\n")
    loaded = load([file])
    assert loaded.faults == ()
    found = {(fault.line, fault.where) for fault in cross_faults(loaded.documents, shipped_documents())}
    assert found == {(3, "policy"), (6, "avoid_models.1")}


def test_the_shipped_configuration_fits_together() -> None:
    """The shipped documents name only what is there (R20)."""
    assert [str(fault) for fault in cross_faults(load([CATALOG]).documents, [])] == []


def test_aliases_are_refused() -> None:
    """An alias is a fault with its line: a short file cannot stand for a huge document (X1)."""
    documents, faults = load_text("kind: policy\nname: p\npool: &a ['*']\nsensitive_models: *a\n", "x.yaml")
    assert documents == []
    assert [(fault.line, "aliases are refused" in fault.message) for fault in faults] == [(4, True)]
