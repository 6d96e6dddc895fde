"""All rules over all facts: a report as JSON and as a table for people."""

from typing import Any

from tests.faults.checker import rules_journal, rules_money, rules_requests
from tests.faults.checker.facts import Facts
from tests.faults.checker.finding import Finding, Rule

RULES: tuple[Rule, ...] = (
    rules_requests.one_final,
    rules_requests.nothing_lost,
    rules_requests.one_technical_outcome,
    rules_requests.decisions_in_order,
    rules_requests.dead_letters_once,
    rules_requests.readable,
    rules_money.caps,
    rules_money.holds_end_once,
    rules_money.bill_is_covered,
    rules_money.every_call_is_in_the_log,
    rules_journal.journal_is_contiguous,
    rules_journal.outputs_belong_to_batches,
    rules_journal.statistics_are_sums,
)
LISTED = 20


def check(facts: Facts) -> list[Finding]:
    """Return the finding of every rule."""
    return [rule(facts) for rule in RULES]


def as_json(findings: list[Finding]) -> dict[str, Any]:
    """Return the findings as JSON values."""
    return {
        "holds": not any(finding.wrong for finding in findings),
        "rules": [
            {
                "rule": finding.rule,
                "promise": finding.promise,
                "checked": finding.checked,
                "violations": len(finding.wrong),
                "examples": finding.wrong[:LISTED],
                "figures": finding.figures,
            }
            for finding in findings
        ],
    }


def as_table(findings: list[Finding]) -> str:
    """Return the findings as a Markdown table, then what is wrong."""
    lines = ["| rule | promise | checks | violations | figures |", "|---|---|---:|---:|---|"]
    for finding in findings:
        figures = ", ".join(f"{name} {value}" for name, value in finding.figures.items() if not name.startswith("list"))
        row = (finding.rule, finding.promise, f"{finding.checked:,}", f"{len(finding.wrong):,}", figures)
        lines.append(f"| {' | '.join(row)} |")
    wrong = [f"- {finding.rule}: {what}" for finding in findings for what in finding.wrong[:LISTED]]
    return "\n".join([*lines, *([""] if wrong else []), *wrong])
