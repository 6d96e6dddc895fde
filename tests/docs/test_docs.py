"""Every `sh` and `python` block of the documentation is run against a real broker and all stages."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from pointsman.diagram import FLOW
from streams.local_kafka import LocalKafka
from tests.installation import Installation, installed

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
RUN = {"sh", "python"}
SHOWN = {"text"}
FOLDERS = ("schemas", "routing", "providers", "analytics", "streams", "deploy", "pointsman", "tests", "docs")


def blocks(page: Path) -> list[tuple[str, str]]:
    return [(match[1], match[2]) for match in BLOCK.finditer(page.read_text())]


RUNNING = [page for page in PAGES if any(kind in RUN for kind, _ in blocks(page))]
LINKING = [*PAGES, *(ROOT / folder / "README.md" for folder in FOLDERS if folder != "docs")]


@pytest.fixture(scope="module")
def here(kafka: LocalKafka, tmp_path_factory: pytest.TempPathFactory) -> Generator[Installation]:
    """All stages on the shared broker."""
    with installed(kafka, tmp_path_factory.mktemp("docs")) as installation:
        yield installation


@pytest.fixture
def environment(here: Installation, tmp_path: Path) -> dict[str, str]:
    """A shell in which `pointsman` is the command and the installation is found."""
    commands = tmp_path / "bin"
    commands.mkdir()
    pointsman = commands / "pointsman"
    pointsman.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m pointsman "$@"\n')
    pointsman.chmod(0o755)
    path = f"{commands}:{os.environ['PATH']}"
    return {**os.environ, **here.environment, "PATH": path, "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize("page", RUNNING, ids=lambda page: page.name)
def test_every_block_runs(page: Path, here: Installation, environment: dict[str, str], tmp_path: Path) -> None:
    """The commands and programs of a page run in their order, as they stand there (D1, D3)."""
    for kind, text in blocks(page):
        if kind in RUN:
            done = subprocess.run(
                command(kind, text, here),
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=180,
                check=False,
            )
            assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
            assert kind != "python" or "[simulated]" in done.stdout


def command(kind: str, text: str, here: Installation) -> list[str]:
    """Return how a block is run; a program finds broker and topics of this installation under their names here."""
    if kind == "sh":
        return ["bash", "-euo", "pipefail", "-c", text]
    for topic in ("requests", "results"):
        text = text.replace(f'"{topic}"', f'"{here.settings.prefix}{topic}"')
    return [sys.executable, "-c", text.replace("127.0.0.1:9092", here.settings.bootstrap)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_say_what_they_are(page: Path) -> None:
    """A code block is either run by the tests or marked as text."""
    assert {kind for kind, _ in blocks(page)} <= RUN | SHOWN
    assert page.read_text().count("```") == 2 * len(blocks(page))


@pytest.mark.parametrize("page", LINKING, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Each link of a page leads to a file or folder of the repository."""
    for target in LINK.findall(page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_readme_is_short_and_shows_the_flow() -> None:
    """The README has at most 150 lines and the diagram of `pointsman topology`."""
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 150
    assert FLOW in text


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_folder_has_a_short_readme(folder: str) -> None:
    """Each folder explains itself in at most 40 lines."""
    assert len((ROOT / folder / "README.md").read_text().splitlines()) <= 40


def test_bash_is_there() -> None:
    """The blocks are run by bash, as a reader would."""
    assert shutil.which("bash")
