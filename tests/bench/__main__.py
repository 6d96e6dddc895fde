"""``python -m tests.bench [--quick]``: run all benchmarks on one broker and write docs/benchmarks.md."""

import argparse
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from streams.local_kafka import LocalKafka
from tests.bench.again import again
from tests.bench.core import pure
from tests.bench.encoders import tier_3
from tests.bench.executor import calls
from tests.bench.figures import Section, machine
from tests.bench.first_byte import first_byte
from tests.bench.prediction import predicted
from tests.bench.recorder import recorder
from tests.bench.restore import restore
from tests.bench.router import latency, throughput

REPORT = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def main() -> None:
    """Run, print as they come, and write the report."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="a tenth of the work; figures are rough")
    options.add_argument("--report", type=Path, default=REPORT)
    chosen = options.parse_args()
    scale = 10 if chosen.quick else 1
    sections: list[Section] = []
    with tempfile.TemporaryDirectory() as folder:
        broker = LocalKafka(Path(folder) / "kafka", heap_mb=512)
        broker.start()
        try:
            at = broker.bootstrap
            steps: list[Callable[[], Section]] = [
                lambda: pure(4_000 // scale),
                lambda: again(20_000 // scale),
                lambda: tier_3(400 // scale),
                predicted,
                lambda: latency(at, 200, 30 // scale + 2),
                lambda: first_byte(at, 100, 20 // scale + 2),
                lambda: throughput(at, 20_000 // scale),
                lambda: calls(at, 6_000 // scale, 200, 20 // scale + 2),
                lambda: recorder(at, "bench-throughput-"),
                lambda: restore(at, 400_000 // scale),
            ]
            for step in steps:
                sections.append(step())
                show(sections[-1])
        finally:
            broker.stop()
    chosen.report.parent.mkdir(exist_ok=True)
    chosen.report.write_text(document(sections), encoding="utf-8")
    print(f"written to {chosen.report}")


def show(section: Section) -> None:
    """Print one section."""
    print(f"\n{section.title}")
    for row in section.rows:
        print(
            f"  {row.what}: {row.figure}"
            + (f"  (goal {row.goal})" if row.goal else "")
            + (f"  {row.ratio}" if row.ratio else "")
        )


def document(sections: list[Section]) -> str:
    """Return the report as Markdown."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Absolute figures depend on the machine and its load; ratios compare with a",
        "bare confluent-kafka loop, or a bare read, in the same run.",
        "",
        f"Machine: {machine()}. Real Apache Kafka on the same cores. {datetime.now(UTC):%Y-%m-%d}.",
    ]
    for section in sections:
        lines += [
            "",
            f"## {section.title}",
            "",
            section.method,
            "",
            "| what | measured | goal | beside the baseline |",
            "|---|---|---|---|",
        ]
        lines += [f"| {row.what} | {row.figure} | {row.goal} | {row.ratio} |" for row in section.rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
