import hashlib
import importlib.util
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = {"analytics", "deploy", "pointsman", "providers", "routing", "schemas", "streams"}
REQUIREMENT = re.compile(r"^[a-z0-9][a-z0-9._-]*(\[[a-z0-9,-]+\])?==[^ ]+( ; .+)? \\$")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names of all files of the wheel, built from this tree without any download."""
    folder = tmp_path_factory.mktemp("wheel")
    build = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(folder)], cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return archive.namelist()


def locks() -> list[Path]:
    return [*sorted((ROOT / "requirements").glob("*.txt")), *sorted((ROOT / "streams" / "jars").glob("*.lock"))]


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=False, capture_output=True, text=True)
    if listed.returncode != 0:  # a source distribution
        return [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if ".venv" not in path.parts]
    return listed.stdout.splitlines()


def test_the_wheel_holds_our_packages_and_nothing_else(wheel: list[str]) -> None:
    """The wheel has exactly the seven packages at its top level: no tests, no stray files."""
    top = {name.split("/")[0] for name in wheel}
    assert {name for name in top if not name.endswith(".dist-info")} == PACKAGES
    assert len(top) == len(PACKAGES) + 1


def test_every_package_ships_its_types_and_its_data(wheel: list[str]) -> None:
    """Each package has its py.typed; the jar lock, the licence and the catalog travel with the code."""
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(wheel)
    assert "streams/jars/kafka-4.1.2.lock" in wheel
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel)
    assert any(name.startswith("deploy/catalog/") for name in wheel)


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_packages_come_from_this_tree(name: str) -> None:
    """Every package is imported from here: their names are common, another distribution could bring its own."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).parent == ROOT / name


@pytest.mark.parametrize("lock", locks(), ids=lambda path: path.name)
def test_locks_hold_hashes_and_no_addresses(lock: Path) -> None:
    """A lock pins versions and SHA-256, and leaves to its user where the files come from."""
    text = lock.read_text()
    assert "://" not in text
    assert "--index-url" not in text
    assert "--find-links" not in text
    if lock.suffix == ".txt":
        for line in text.splitlines():
            assert REQUIREMENT.match(line) or line.startswith("    --hash=sha256:"), line
    else:
        assert all(len(line.split()[1]) == hashlib.sha256().digest_size * 2 for line in text.splitlines())


def test_the_smaller_locks_agree_with_the_larger() -> None:
    """base is part of demo and demo is part of dev, with the same versions."""

    def pins(name: str) -> set[str]:
        lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
        return {line.removesuffix(" \\") for line in lines if "==" in line and not line.startswith(" ")}

    assert pins("base") < pins("demo") < pins("dev")


def test_no_lock_with_addresses_is_kept() -> None:
    """uv.lock and pylock.toml record the address of every file: neither is in the repository."""
    assert not [name for name in tracked() if Path(name).name in {"uv.lock", "pylock.toml"}]


def test_the_typed_marker_is_in_every_package() -> None:
    """PEP 561 is per package."""
    assert {path.parent.name for path in ROOT.glob("*/py.typed")} == PACKAGES
