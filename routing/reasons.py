"""The sentence that completes "because ...", and the badge, for a selection (SPEC R17)."""

from typing import Final

from routing import explain
from routing.asked import Asked
from routing.preference_words import preference_words
from routing.reason_codes import ReasonCode
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


def reason(s: Situation, wanted: Asked, selection: Selection) -> str:
    """Return why the model was chosen, in one line for people."""
    name = selection.chosen.row.entry.name
    if wanted.kind == "model":
        words = _PERSON.get(wanted.forced_by or "", "it was asked for by name")
    elif ReasonCode.AREA_LOCK in selection.codes:
        words = f"the area is locked to {name}"
    elif selection.rule is not None:
        words = _by_rule(s, selection)
    elif wanted.kind == "pool" or wanted.suffix is not None:
        words = _by_name(wanted, selection)
    else:
        words = _by_score(s, selection)
    if ReasonCode.CACHED in selection.codes:
        words = f"{words}; decided as for similar work before"
    if s.sensitive:
        found = explain.sensitive_words(s.task.signals)
        only = "only models approved for sensitive data were considered"
        words = f"{words}; {only}" if found is None else f"{words}; the request {found}, so {only}"
    return words


def _by_rule(s: Situation, selection: Selection) -> str:
    rule = selection.rule
    if rule is None or ReasonCode.RULE_FALLBACK not in selection.codes:
        return rule.because if rule is not None else ""
    first = s.policy.models[rule.models[0]].name
    return f"{rule.because}; {first} cannot be used now, so {selection.chosen.row.entry.name} steps in"


def _by_name(wanted: Asked, selection: Selection) -> str:
    pool = f"of {wanted.name.partition(':')[0]}" if wanted.kind == "pool" else "of all models that may serve this"
    way = {"floor": "the cheapest", "nitro": "the fastest"}.get(wanted.suffix or "", "the best match")
    return f"it is {way} {pool}: about {explain.dollars(selection.chosen.cost)}"


def _by_score(s: Situation, selection: Selection) -> str:
    chosen, codes, task = selection.chosen, selection.codes, s.task
    name = chosen.row.entry.name
    if ReasonCode.CASCADE_START in codes:
        return (
            f"{name} is likely to do for {explain.label(str(task.type))}; its answer is checked, and a better model "
            f"follows if it is not good: about {explain.dollars(chosen.cost)}"
        )
    if ReasonCode.ESCALATED in codes:
        return f"the first answer was not good enough, and {name} is expected to do better"
    if ReasonCode.EXPLORED in codes:
        return f"a small share of such work goes to other models, to learn how well {name} does it"
    if ReasonCode.DEFAULT_LOW_CONFIDENCE in codes:
        return f"the text gives no clear hint of the work, and {name} is the default model"
    words = explain.scored_reason(task, name, chosen.terms, (chosen.cost, chosen.latency))
    if ReasonCode.PROBATION in codes:
        words = f"{words}; what scores better is too new to be chosen for its score"
    if ReasonCode.PREFERENCE not in codes:
        return words
    return f"{words}; {preference_words(s.view.preference, chosen.row.entry.id)}"


def badge(s: Situation, wanted: Asked, selection: Selection) -> str:
    """Return the text beside an answer."""
    name = selection.chosen.row.entry.name
    if wanted.kind == "model":
        return explain.badge(name, "your choice" if wanted.forced_by != "request" else "as requested")
    if ReasonCode.AREA_LOCK in selection.codes:
        return explain.badge(name, "locked for this area")
    if ReasonCode.DEFAULT_LOW_CONFIDENCE in selection.codes:
        return explain.badge(name, "auto-selected, default")
    return explain.badge(name, f"auto-selected for {explain.label(str(s.task.type))}")
