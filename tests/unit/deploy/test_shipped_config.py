from pathlib import Path

import pytest

from deploy.shipped_config import ShippedConfigError, shipped_documents


def test_everything_shipped_is_valid_and_named_once() -> None:
    """The catalog that comes with pointsman is valid, and no two documents have the same key."""
    keys = [document.document_key for document in shipped_documents()]
    assert len(keys) == len(set(keys))
    assert {key.split("/", maxsplit=1)[0] for key in keys} >= {"catalog", "prices", "provider", "tenant"}


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """Every fault of every file is in one message, with file and field."""
    (tmp_path / "a.yaml").write_text("kind: flags\nname: one\nflags: {x: 7}\n---\nkind: nonsense\n")
    (tmp_path / "b.yaml").write_text("kind: flags\nname: UPPER\n")
    (tmp_path / "behaviour.yaml").write_text("defaults: {}\n")
    with pytest.raises(ShippedConfigError) as caught:
        shipped_documents(tmp_path)
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["a.yaml", "a.yaml", "b.yaml"]


def test_a_file_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    """Broken YAML names its file and line."""
    (tmp_path / "broken.yaml").write_text("kind: flags\nname: }\n")
    with pytest.raises(ShippedConfigError, match=r"(?s)broken\.yaml.*line 2"):
        shipped_documents(tmp_path)
