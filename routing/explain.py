"""Say why: the line that completes "because ...", the badge, the lines for people (SPEC R17)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from routing.reason_codes import ReasonCode
from routing.sensitive import named
from schemas.classification import TaskDescriptor
from schemas.decision import AttemptPlan, Choice, Denial, SignalsView, Veto
from schemas.money import PICO

LABELS: Final = {
    "architecture": "architecture",
    "planning": "planning",
    "code-generation": "coding",
    "code-review": "code review",
    "debugging": "debugging",
    "refactoring": "refactoring",
    "testing": "testing",
    "documentation": "documentation",
    "analysis": "analysis",
    "creative": "creative writing",
    "factual": "a factual question",
    "coordination": "coordination",
    "simple-task": "a simple task",
    "math": "maths",
    "translation": "translation",
    "summarization": "a summary",
    "research": "research",
    "general": "a general request",
}
_MEDIA: Final = {
    "image": "work on pictures",
    "video": "work on video",
    "audio": "work on speech and sound",
    "search": "a web search",
}
_VETO_WORDS: Final = {
    "retired": "it is retired",
    "not_in_pool": "this router does not offer it",
    "dimension": "it falls short in a dimension that the tenant demands",
    "no_endpoint": "no endpoint serves it",
    "unpriced": "its price is unknown, and unknown prices are refused",
    "not_in_plan": "the plan does not include it",
    "not_approved": "it is not approved for this tenant",
    "not_approved_sensitive": "it is not approved for sensitive data",
    "avoided": "the tenant avoids it",
    "area_lock": "the area is locked to another model",
    "modality": "it does not do this kind of task",
    "job": "it does not do this job",
    "context_window": "the prompt does not fit its context window",
    "vision": "it cannot see pictures",
    "tools": "it cannot call tools",
    "min_quality": "its quality is below the floor",
    "max_latency": "it would answer too late",
    "max_cost": "it could cost more than this request may",
    "per_request_cap": "it could cost more than the cap per request",
    "budget_day": "it could exceed the day's budget",
    "budget_month": "it could exceed the month's budget",
    "provider_open": "its provider is failing right now",
    "excluded": "it failed for this request already",
    "not_better": "it is not expected to do better than the model before",
}
_ABILITIES: Final = (
    (ReasonCode.CAPABILITY_MATCH, "matches the work well"),
    (ReasonCode.HIGH_QUALITY, "has the quality it needs"),
    (ReasonCode.HISTORY, "did well on such work before"),
)
_LOW_PRICE: Final = 0.8
"""Cost term from which a price is called low: a quarter of what is half as good as nothing."""


def dollars(pico: int) -> str:
    """Return an amount for people: cents where they matter, else as many places as show two digits."""
    amount = pico / PICO
    if amount >= 0.1 or not pico:
        return f"${amount:.2f}"
    return f"${amount:.4f}" if amount >= 0.001 else f"${amount:.6f}"


def seconds(milliseconds: int) -> str:
    """Return a duration for people."""
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def moment(when: datetime) -> str:
    """Return a time for people, with its zone."""
    return f"{when:%Y-%m-%d %H:%M %Z}"


def sensitive_words(signals: SignalsView) -> str | None:
    """Return what was found in the prompt, as a clause; None when nothing was, or nothing was looked for."""
    return f"looks like it contains {named(signals.sensitive)}" if signals.sensitive else None


def veto_words(rule: str) -> str:
    """Return what a veto rule means, as a clause."""
    return _VETO_WORDS[rule]


def label(task_type: str) -> str:
    """Return a type of task in plain words."""
    return LABELS.get(task_type, task_type)


def named_work(task: TaskDescriptor) -> str:
    """Return the kind of work of a request in plain words: of other media than text, the medium."""
    return _MEDIA.get(task.modality) or label(str(task.type))


def strengths(terms: Sequence[float]) -> tuple[ReasonCode, ...]:
    """Return what speaks for a model by its terms (capability, cost, quality, latency, history), best first."""
    capability, cost, quality, latency, history = terms[:5]
    codes: list[ReasonCode] = []
    if capability >= 0.9:
        codes.append(ReasonCode.CAPABILITY_MATCH)
    if cost >= 0.5:
        codes.append(ReasonCode.COST_EFFICIENT)
    if latency >= 0.5:
        codes.append(ReasonCode.FAST)
    if quality >= 0.9:
        codes.append(ReasonCode.HIGH_QUALITY)
    if history >= 0.9:
        codes.append(ReasonCode.HISTORY)
    return tuple(codes)


def scored_reason(task: TaskDescriptor, name: str, terms: Sequence[float]) -> str:
    """Return the reason of a choice by score: what the work looks like, and what speaks for the model."""
    seems = "looks like" if task.confidence >= 0.5 else "may be"
    return f"this {seems} {work(task)}, and {name} {_praise(terms)}"


def work(task: TaskDescriptor) -> str:
    """Return type and complexity as people say them: ``a simple summary``, ``coding of medium difficulty``."""
    named, complexity = named_work(task), str(task.complexity)
    if task.modality != "text" or (task.type == "simple-task" and complexity == "simple"):
        return named
    if complexity == "medium":
        return f"{named} of medium difficulty"
    article, _, rest = named.partition(" ")
    return f"a {complexity} {rest}" if article == "a" else f"{complexity} {named}"


def _praise(terms: Sequence[float]) -> str:
    codes = strengths(terms)
    able = next((words for code, words in _ABILITIES if code in codes), None)
    if able is None:
        return "balances ability, cost and speed best"
    if ReasonCode.COST_EFFICIENT in codes:
        return f"{able} at a {'low' if terms[1] >= _LOW_PRICE else 'fair'} price"
    return f"{able} and is fast" if ReasonCode.FAST in codes else able


def badge(name: str, how: str) -> str:
    """Return the text beside an answer: model and how it was selected."""
    return f"{name} ({how})"


def veto_line(item: Veto, name: str) -> str:
    """Return one veto for people, with its document."""
    detail = f", {item.detail}" if item.detail else ""
    return f"{name}: {veto_words(item.rule)}{detail} ({item.source})"


def lines(decision: Choice | Denial, limit: int = 5) -> tuple[str, ...]:
    """Return the explanation of a decision or refusal for people: outcome, reasons, alternatives, vetoes."""
    if isinstance(decision, Denial):
        shown = [f"refused ({decision.code.value}) because {decision.reason}"]
        if decision.fits_at is not None:
            shown.append(f"it would fit from {moment(decision.fits_at)}")
        return (*shown, *_vetoes(decision.vetoes, limit))
    first = decision.chain[0]
    shown = [
        f"{decision.badge}, because {decision.reason}",
        f"tier {decision.tier}, confidence {decision.confidence:.2f}, codes: {', '.join(decision.reason_codes)}",
        _estimate(decision, first),
    ]
    if len(decision.chain) > 1:
        shown.append("if it fails: " + ", then ".join(plan.model for plan in decision.chain[1:]))
    ranked = {item.model: item.score for item in decision.candidates} | decision.others
    others = [f"{model} {score:.3f}" for model, score in ranked.items() if model != decision.model][:limit]
    if others:
        shown.append("alternatives: " + ", ".join(others))
    return (*shown, *_vetoes(decision.vetoes, limit))


def _estimate(decision: Choice, plan: AttemptPlan) -> str:
    cost, most = dollars(plan.estimated_cost), dollars(plan.bound)
    usual = f"{dollars(decision.cost_low)} to {dollars(decision.cost_high)}"
    times = f"{seconds(decision.latency_low_ms)} to {seconds(decision.latency_high_ms)}"
    return f"estimate {cost} (usually {usual}, at most {most}), {seconds(plan.estimated_latency_ms)} (usually {times})"


def _vetoes(vetoes: Sequence[Veto], limit: int) -> list[str]:
    shown = [veto_line(item, item.model) for item in vetoes[:limit]]
    if len(vetoes) > limit:
        shown.append(f"and {len(vetoes) - limit} more barred")
    return shown
