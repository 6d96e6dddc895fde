"""``python -m tests.faults --requests N --kills K --seed S --report FILE``: the long fault run (`make faults`)."""

import argparse
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.harness import Outcome, Plan, run, summary


def document(outcome: Outcome) -> str:
    """Return docs/reliability.md."""
    verdict = "every promise held" if outcome.holds else "**NOT every promise held**"
    kills = sum(count for name, count in outcome.faults.items() if name.startswith("kill"))
    bound = (
        f"With 0 violations in {kills} kills the rate of violations per kill is below {3 / max(kills, 1):.1%} (95 %)."
    )
    return f"""# Reliability

What this page says was measured by `make faults` (written by it; {datetime.now(UTC):%Y-%m-%d}, Python
{platform.python_version()}, {platform.system()}). `make test` runs the same at a smaller size.

A deployment of its own (one broker, two routers, two executors, feedback, recorder, simulated providers) takes traffic
of twelve tenants, with duplicates, conflicts, cancellations, overrides, ratings and poison, while its processes are
killed (kill -9, broker included) and frozen (SIGSTOP for longer than a session, then SIGCONT). Then an independent
checker (`tests/faults/checker`, which imports nothing of the product) reads all topics as committed and the provider's
bill; the rows of ClickHouse are compared with the events of the log, topic by topic.

Result: {verdict}. {bound if outcome.holds else ""}

{summary(outcome)}
"""


def main() -> int:
    """Run and write the report; status 0 when everything held, 6 when not."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--interval", type=float, default=6.0, help="seconds between two kills")
    parser.add_argument("--patience", type=float, default=600.0, help="seconds to wait until all is answered")
    parser.add_argument("--report", type=Path, default=Path("docs/reliability.md"))
    parser.add_argument("--folder", type=Path, help="keep the deployment's data here")
    arguments = parser.parse_args()
    plan = Plan(arguments.requests, arguments.kills, arguments.seed, arguments.interval, patience=arguments.patience)
    with tempfile.TemporaryDirectory(prefix="pointsman-faults-") as temporary:
        outcome = run(plan, arguments.folder or Path(temporary), _say)
    arguments.report.parent.mkdir(parents=True, exist_ok=True)
    arguments.report.write_text(document(outcome), encoding="utf-8")
    _say(summary(outcome))
    return 0 if outcome.holds else 6


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
