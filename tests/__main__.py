"""``python -m tests`` (`make test`): every test, in three parts; status 1 when one failed, was skipped or did not run.

- Tests that only compute keep two processes busy; one that has nothing left takes tests over from the other.
- Tests with stages mostly wait for starts and rebalances: two processes, each with a broker of its own; the tests of a
  file stay together, for they share stages.
- The fault tests alone: their own processes keep two cores busy, and what else ran would be a fault nobody planned.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

ROOT: Final = Path(__file__).parents[1]
STAGES: Final = ("tests/docs", "tests/stream")
FAULTS: Final = ("tests/faults",)


@dataclass(frozen=True, slots=True)
class Part:
    """Tests that run together; ``options`` are pytest's."""

    name: str
    options: tuple[str, ...]


PARTS: Final = (
    Part("without a broker", ("-n", "2", "--dist", "worksteal", *(f"--ignore={name}" for name in (*STAGES, *FAULTS)))),
    Part("with stages", ("-n", "2", "--dist", "loadfile", *STAGES)),
    Part("under faults", FAULTS),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a part ended. ``status`` is pytest's; ``passed`` counts tests, ``wrong`` names those that did not pass."""

    part: str
    status: int
    seconds: float
    passed: int
    wrong: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether every test ran and passed."""
        return self.status == 0 and self.passed > 0 and not self.wrong


def main(options: list[str]) -> int:
    """Run all parts, whatever fails, and say what came out; ``options`` go to pytest in each part."""
    with tempfile.TemporaryDirectory(prefix="pointsman-tests-") as folder:
        outcomes = [run(part, options, Path(folder) / f"{number}.xml") for number, part in enumerate(PARTS)]
    sys.stdout.write("\n".join(summary(outcomes)) + "\n")
    return 0 if all(outcome.good for outcome in outcomes) else 1


def run(part: Part, options: Iterable[str], report: Path) -> Outcome:
    """Run the tests of a part in a pytest of its own, which shows its own output."""
    sys.stdout.write(f"tests {part.name}\n")
    sys.stdout.flush()
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", *part.options, *options, f"--junit-xml={report}"]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    passed, wrong = read(report)
    return Outcome(part.name, status, time.monotonic() - began, passed, wrong)


def read(report: Path) -> tuple[int, tuple[str, ...]]:
    """Return how many tests of a JUnit report passed and what the others are; nothing passed where there is none."""
    if not report.exists():
        return 0, ()
    cases = list(ET.parse(report).iter("testcase"))  # noqa: S314 - written a moment ago by our own pytest
    wrong = tuple(_wrong(cases))
    return len(cases) - len({name for _, name in wrong}), tuple(f"{kind}: {name}" for kind, name in wrong)


def _wrong(cases: Iterable[ET.Element]) -> Iterator[tuple[str, str]]:
    for case in cases:
        for kind in ("failure", "error", "skipped"):
            if case.find(kind) is not None:
                yield kind, f"{case.get('classname')}::{case.get('name')}"


def summary(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Yield a line for each part, and one for each test that did not pass."""
    yield ""
    for outcome in outcomes:
        verdict = "passed" if outcome.good else f"FAILED (pytest ended with status {outcome.status})"
        yield f"tests {outcome.part}: {outcome.passed} passed in {outcome.seconds:.0f} s: {verdict}"
        yield from (f"  {name}" for name in outcome.wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
