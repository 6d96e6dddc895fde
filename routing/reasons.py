"""The sentence that completes "because ...", and the badge, for a selection (SPEC R17)."""

from collections.abc import Container
from typing import Final

from routing import explain
from routing.asked import Asked
from routing.preference_words import preference_words
from routing.reason_codes import ReasonCode
from routing.rules import CompiledRule
from routing.select import Selection
from routing.situation import Situation

_PERSON: Final = {
    "request": "the request names it",
    "override:request": "you chose it for this request",
    "override:conversation": "you chose it for this conversation",
    "override:area": "it was chosen for this area",
    "override:space": "it was chosen for this space",
    "override:always": "you chose it for all your requests",
    "settings": "your settings fix it for all your requests",
}
_WAYS: Final = {"floor": "the cheapest", "nitro": "the fastest"}


def reason(s: Situation, wanted: Asked, selection: Selection, codes: Container[ReasonCode]) -> str:
    """Return why the model was chosen, in one line for people; ``codes`` are all that the decision carries."""
    name = selection.chosen.row.entry.name
    if wanted.kind == "model":
        words = _PERSON.get(wanted.forced_by or "", "it was asked for by name")
    elif ReasonCode.AREA_LOCK in codes:
        words = f"the area is locked to {name}"
    elif selection.rule is not None:
        words = _by_rule(s, selection, selection.rule)
    elif wanted.kind == "pool" or wanted.suffix is not None:
        words = _by_name(wanted)
    else:
        words = _by_score(s, selection, codes)
    if ReasonCode.CACHED in codes:
        words = f"{words}; decided as for similar work before"
    if s.sensitive:
        found = explain.sensitive_words(s.task.signals)
        only = "only models approved for sensitive data were considered"
        words = f"{words}; {only}" if found is None else f"{words}; the request {found}, so {only}"
    return words


def _by_rule(s: Situation, selection: Selection, rule: CompiledRule) -> str:
    name = selection.chosen.row.entry.name
    if ReasonCode.RULE_FALLBACK in selection.codes:
        first = s.policy.models[rule.models[0]].name
        return f"{rule.because}; {first} cannot serve it, so {name} steps in"
    if rule.suffix is not None:
        return f"{rule.because}; {name} is {_WAYS[rule.suffix]}"
    if rule.effect == "restrict":
        return f"{rule.because}; {name} is the best match among the models for it"
    whose = "the organisation's own route" if rule.source == s.policy.document else "the router"
    return f"{rule.because}; {whose} names {name} for that"


def _by_name(wanted: Asked) -> str:
    pool = f"of {wanted.name.partition(':')[0]}" if wanted.kind == "pool" else "of all models that may serve this"
    return f"it is {_WAYS.get(wanted.suffix or '', 'the best match')} {pool}"


def _by_score(s: Situation, selection: Selection, codes: Container[ReasonCode]) -> str:
    name, task = selection.chosen.row.entry.name, s.task
    if ReasonCode.CASCADE_START in codes:
        return (
            f"{name} is likely good enough for {explain.named_work(task)}; its answer is checked, and a better model "
            "follows if it is not good"
        )
    if ReasonCode.ESCALATED in codes:
        return f"the first answer was not good enough, and {name} is expected to do better"
    if ReasonCode.EXPLORED in codes:
        return f"a small share of such work goes to other models, to learn how well {name} does it"
    if ReasonCode.ONLY_CANDIDATE in codes:
        return f"{name} is the only model left that may serve {explain.named_work(task)}"
    if ReasonCode.DEFAULT_LOW_CONFIDENCE in codes:
        return f"the text gives no clear hint of the work, and {name} is the default model"
    added = _added(s, selection, codes)
    words = explain.scored_reason(task, name, selection.chosen.terms)
    return words if added is None else f"{words}; {added}"


def _added(s: Situation, selection: Selection, codes: Container[ReasonCode]) -> str | None:
    """Return the strongest thing beside the model's own merits that spoke for it, or against what scores better."""
    if ReasonCode.PROBATION in codes:
        return "what scores better is too new to be chosen for its score"
    if ReasonCode.PREFERENCE in codes:
        return preference_words(s.view.preference, selection.chosen.row.entry.id)
    if ReasonCode.BUDGET_NARROWED in codes:
        return "dearer models do not fit the budget now"
    if selection.favoured is not None and not s.sensitive:
        return f"favoured, as {selection.favoured}"
    return "the tenant prefers it" if ReasonCode.TENANT_PREFERENCE in codes else None


def badge(s: Situation, wanted: Asked, selection: Selection) -> str:
    """Return the text beside an answer."""
    name = selection.chosen.row.entry.name
    if wanted.kind == "model":
        return explain.badge(name, "your choice" if wanted.forced_by != "request" else "as requested")
    if ReasonCode.AREA_LOCK in selection.codes:
        return explain.badge(name, "locked for this area")
    if ReasonCode.DEFAULT_LOW_CONFIDENCE in selection.codes:
        return explain.badge(name, "auto-selected, default")
    return explain.badge(name, f"auto-selected for {explain.named_work(s.task)}")
