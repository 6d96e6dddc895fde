from pathlib import Path

import pytest

from providers.keys import KeyReferenceError, read_key


def test_a_key_from_the_environment() -> None:
    """env:NAME reads that variable; the value does not show in texts (D5)."""
    key = read_key("env:MY_KEY", {"MY_KEY": " sk-1 \n"})
    assert key.get_secret_value() == "sk-1"
    assert "sk-1" not in f"{key!r}{key}"


def test_a_key_from_a_private_file(tmp_path: Path) -> None:
    """file:/path reads a file that others may not read (D5)."""
    path = tmp_path / "key"
    path.write_text("sk-2\n")
    path.chmod(0o600)
    assert read_key(f"file:{path}", {}).get_secret_value() == "sk-2"


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o606, 0o602])
def test_a_file_open_to_everybody_is_refused(tmp_path: Path, mode: int) -> None:
    """A key that every user may read or change is refused, and the message says what to do."""
    path = tmp_path / "key"
    path.write_text("sk-canary")
    path.chmod(mode)
    with pytest.raises(KeyReferenceError, match="chmod o-rwx") as caught:
        read_key(f"file:{path}", {})
    assert "sk-canary" not in str(caught.value)


@pytest.mark.parametrize("value", ["", "  ", "two words", "sk-\x00", "schlüssel", "a\nheader: x"])
def test_what_cannot_be_a_header_is_refused(value: str) -> None:
    """Empty values, control characters and anything but ASCII are refused without being repeated."""
    with pytest.raises(KeyReferenceError) as caught:
        read_key("env:MY_KEY", {"MY_KEY": value})
    assert not value.strip() or value not in str(caught.value)


def test_missing_places_are_named(tmp_path: Path) -> None:
    """The error names the reference."""
    with pytest.raises(KeyReferenceError, match="NO_SUCH"):
        read_key("env:NO_SUCH", {})
    with pytest.raises(KeyReferenceError, match="absent"):
        read_key(f"file:{tmp_path}/absent", {})
    with pytest.raises(KeyReferenceError):
        read_key(f"file:{tmp_path}", {})
    with pytest.raises(KeyReferenceError):
        read_key("sk-the-key-itself", {})
