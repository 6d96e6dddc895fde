"""Explanations: closed sets of codes, a page that lists them all, lines that people can read (R17)."""

import re
from pathlib import Path

import pytest

from routing import explain
from routing.reason_codes import REFUSAL_OF, ReasonCode, VetoRule
from schemas.classification import TaskType
from schemas.decision import RefusalCode, View
from schemas.request import Constraints, CopilotMode, SpaceType
from tests.brain import chosen, day, denied, documents, request, shipped, task, tenant

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "reference" / "reason-codes.md"
PROMPTS = [
    ("hello", {}),
    ("What is the capital of Chile?", {}),
    ("Design a scalable architecture", {}),
    ("the blue one", {}),
    ("Fix the crash", {"planning": True}),
    ("x", {"model": "opus"}),
    ("x", {"model": "anthropic/*:floor"}),
    ("x", {"model": "auto:nitro"}),
    ("x", {"mode": CopilotMode.RESEARCH_ANALYST}),
    ("x", {"space_type": SpaceType.CODING}),
    ("Compare heat pumps", {"constraints": Constraints(min_quality=80)}),
]


def test_page_lists_every_code() -> None:
    """The reference page lists exactly the codes, veto rules and refusal codes of the product."""
    listed = set(re.findall(r"^\| `([a-z0-9_]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert listed == {code.value for kind in (ReasonCode, VetoRule, RefusalCode) for code in kind}


def test_every_veto_and_type_has_words() -> None:
    """Every veto rule and every type of work is said in plain words."""
    assert all(explain.veto_words(rule.value) for rule in VetoRule)
    assert all(explain.label(kind.value) != "" for kind in TaskType)
    assert set(explain.LABELS) == {kind.value for kind in TaskType}


def test_refusals_follow_vetoes() -> None:
    """Every veto that has a refusal code of its own maps to one of the closed set."""
    assert set(REFUSAL_OF) <= {rule.value for rule in VetoRule}


@pytest.mark.parametrize("policy", ["default", "s0", "s1", "s2", "s3", "s4"])
@pytest.mark.parametrize(("prompt", "fields"), PROMPTS)
def test_reason_completes_because(policy: str, prompt: str, fields: dict[str, object]) -> None:
    """Every reason completes "because ..." on one line, with codes of the closed set and no prompt text (R17)."""
    config = tenant(policy)
    if policy in {"s1", "s4"} and fields.get("model") not in {None, "auto:nitro"}:
        config = tenant("default")
    choice = chosen(config, request(prompt, **fields))
    assert "\n" not in choice.reason
    assert not choice.reason.endswith(".")
    assert not choice.reason.lower().startswith("because")
    assert {ReasonCode(code) for code in choice.reason_codes}
    assert choice.badge.endswith(")")
    assert "blue" not in choice.reason


def test_reason_of_a_score_says_what_the_work_looks_like_and_what_speaks_for_the_model() -> None:
    """A choice by score says what the work looks like and what speaks for the model (R17)."""
    choice = chosen(tenant(), request("Fix the authentication bug in the login endpoint"))
    assert re.fullmatch(
        r"this looks like debugging of medium difficulty, and .+ matches the work well.*", choice.reason
    )
    assert choice.badge.endswith("(auto-selected for debugging)")


def test_lines_for_people() -> None:
    """The explanation shows outcome, codes, estimate with its bound, fallbacks, alternatives and vetoes (R17)."""
    choice = chosen(tenant(avoid_models=["opus"]), request("Design a scalable architecture"))
    text = "\n".join(explain.lines(choice))
    for part in (
        "because",
        "tier 2",
        "at most $",
        "if it fails:",
        "alternatives:",
        "the tenant avoids it (tenant/t@1)",
    ):
        assert part in text


def test_lines_of_a_refusal() -> None:
    """A refusal says its code, why, and when it would fit (R17)."""
    text = "\n".join(explain.lines(denied(tenant(), request(), View(windows=(day(1, 1),)))))
    assert text.startswith("refused (budget_day) because the day's budget has too little left even for ")
    assert "it would fit from 2026-11-21 00:00 UTC" in text
    assert "more barred" in text


@pytest.mark.parametrize(
    ("pico", "text"),
    [
        (0, "$0.00"),
        (10**12, "$1.00"),
        (150_000_000_000, "$0.15"),
        (4_500_000_000, "$0.0045"),
        (31_000_000, "$0.000031"),
    ],
)
def test_dollars(pico: int, text: str) -> None:
    """Amounts show the digits that matter."""
    assert explain.dollars(pico) == text


def test_all_vetoes_of_the_shipped_tenants_name_rule_and_version() -> None:
    """Each veto carries its rule and the version of the document behind it (R10)."""
    for name in shipped().tenants:
        event = request("Design a scalable architecture", tenant=name, sensitive=True)
        for veto in chosen(shipped(), event).vetoes:
            assert VetoRule(veto.rule)
            assert veto.source in {"request", "view"} or veto.source in documents()


@pytest.mark.parametrize(
    ("kind", "complexity", "modality", "words"),
    [
        ("debugging", "medium", "text", "debugging of medium difficulty"),
        ("summarization", "simple", "text", "a simple summary"),
        ("planning", "critical", "text", "critical planning"),
        ("simple-task", "simple", "text", "a simple task"),
        ("creative", "medium", "image", "work on pictures"),
    ],
)
def test_work_in_words(kind: str, complexity: str, modality: str, words: str) -> None:
    """Type and complexity are said as people say them; of other media the medium counts."""
    changed = {"type": TaskType(kind), "complexity": complexity, "modality": modality}
    assert explain.work(task(request("Fix it")).model_copy(update=changed)) == words


def test_a_rule_that_favours_the_model_is_told() -> None:
    """Where a rule favours the chosen model, the reason says why it does (R17)."""
    choice = chosen(tenant(), request("Write a poem about rain", space_type=SpaceType.WRITING))
    assert "rule_boost" in choice.reason_codes
    assert choice.reason.endswith("; favoured, as the space is for writing")
