"""``python -m tests.success.probe_report FILE``: how all shipped routers decide on probes of others, docs/probes.md."""

import argparse
import sys
from pathlib import Path
from typing import Final

from schemas.control_policy import PolicyDocument
from tests.documents import shipped
from tests.success.page_probes import document, judgements, open_questions
from tests.success.probe_file import read
from tests.success.probes import measure
from tests.success.world import routers_of

REPORT: Final = Path(__file__).parents[2] / "docs" / "probes.md"


def main() -> None:
    """Decide and write the page; say which disagreements nobody has judged."""
    options = argparse.ArgumentParser(prog="python -m tests.success.probe_report", description=__doc__)
    options.add_argument("probes", type=Path, help="probes of vLLM semantic-router, JSON lines")
    options.add_argument("--report", type=Path, default=REPORT)
    given = options.parse_args()
    routers = routers_of([each for each in shipped() if isinstance(each, PolicyDocument)])
    judged = measure(routers, read(given.probes))
    said = judgements()
    given.report.write_text(document(judged, said), encoding="utf-8")
    print(f"written to {given.report}")
    for question in open_questions(judged, said):
        print(question, file=sys.stderr)


if __name__ == "__main__":
    main()
