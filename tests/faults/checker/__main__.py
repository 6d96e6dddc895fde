"""``python -m tests.faults.checker --bootstrap HOST:PORT --prefix P --bill FILE --sent FILE --json FILE``.

An independent reader of the raw topics: it imports nothing of the product. Exit status 0 when every promise holds,
6 when one does not.
"""

import argparse
import json
import sys
from pathlib import Path

from tests.faults.checker.facts import Facts
from tests.faults.checker.reading import read, read_bill, read_sent
from tests.faults.checker.report import as_json, as_table, check

VIOLATED = 6


def main() -> int:
    """Check and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.checker")
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--prefix", default="")
    parser.add_argument("--bill", type=Path)
    parser.add_argument("--sent", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    facts = Facts(
        sent=read_sent(arguments.sent) if arguments.sent else set(),
        bill=read_bill(arguments.bill) if arguments.bill else [],
    ).take(read(arguments.bootstrap, arguments.prefix))
    findings = check(facts)
    report = as_json(findings)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    sys.stdout.write(as_table(findings) + "\n")
    return 0 if report["holds"] else VIOLATED


if __name__ == "__main__":
    sys.exit(main())
