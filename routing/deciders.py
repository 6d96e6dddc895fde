"""What decided instead of the score, by name: a person, a lock, a rule, a pool, a share, a draw, a habit (SPEC R23)."""

from collections.abc import Iterator
from dataclasses import dataclass

from routing.asked import SETTINGS
from routing.counterfactual import Look
from routing.reason_codes import ReasonCode
from routing.rules import CompiledRule
from schemas.decision import Choice, Denial


@dataclass(frozen=True, slots=True)
class Decider:
    """Something that decided, or tipped the scale: what kind, its name, and where it stands."""

    kind: str
    name: str
    document: str
    words: str


def asked_by_name(look: Look) -> bool:
    """Return whether a person, the request or the lock of the area names what is chosen: no rule is asked then."""
    return look.lock is not None or look.wanted.kind != "auto" or look.wanted.suffix is not None


def deciding_rule(look: Look, outcome: Choice | Denial) -> CompiledRule | None:
    """Return the rule that decided: that of the selection, or the one that refuses when all its models are barred."""
    selection, choice = look.weighed.selection, look.weighed.ruling.choice
    if isinstance(outcome, Choice):
        return None if selection is None else selection.rule
    refuses = choice is not None and choice.deny and selection is None and not asked_by_name(look)
    return choice if refuses else None


def deciders(look: Look, outcome: Choice | Denial) -> tuple[Decider, ...]:
    """Return what made the decision what it is, beside the weighted score."""
    tipping = _tipping(look, outcome) if isinstance(outcome, Choice) else ()
    return (*_sure(look, outcome), *tipping)


def _sure(look: Look, outcome: Choice | Denial) -> Iterator[Decider]:
    """Yield what decides without a score: override, name in the request, lock of the area, rule, pool."""
    s, wanted, policy = look.s, look.wanted, look.s.policy
    override = s.view.override
    if override is not None and (wanted.forced_by or "").startswith("override"):
        words = f"an override of this {override.scope} names {override.model}"
        if override.scope == "always":
            words = f"a standing override of the user names {override.model}"
        yield Decider("override", override.override_id, "view", words)
    elif wanted.forced_by == SETTINGS:
        yield Decider("settings", "settings", "view", f"the user's settings fix Auto to {wanted.name}")
    elif s.view.settings is not None and s.view.settings.auto == "off" and isinstance(outcome, Denial):
        yield Decider("settings", "settings", "view", "the user's settings have Auto off")
    elif wanted.kind == "model":
        yield Decider("request", s.facts.model, "request", f"the request names {s.facts.model}")
    if look.lock is not None:
        area = s.facts.area or ""
        yield Decider("area_lock", area, policy.document, f"the area {area} is locked to {look.lock}")
    elif wanted.kind == "pool" or (wanted.kind != "model" and wanted.suffix is not None):
        words = f"only what {wanted.name} means competes"
        if wanted.suffix is not None:
            words += f", by {'price' if wanted.suffix == 'floor' else 'speed'} alone"
        yield Decider("pool", wanted.name, "request" if wanted.forced_by == "request" else "view", words)
    rule = deciding_rule(look, outcome)
    if rule is not None:
        verb = "locks the request to" if rule.effect == "lock" else "restricts the request to"
        listed = ", ".join(rule.models[:4]) + (f" and {len(rule.models) - 4} more" if len(rule.models) > 4 else "")
        words = f"rule {rule.name} {verb} {listed}, because {rule.because}"
        yield Decider("rule", rule.name, rule.source, words)


def _tipping(look: Look, choice: Choice) -> Iterator[Decider]:
    """Yield what tipped the score towards the chosen model."""
    policy, codes, model = look.s.policy, set(choice.reason_codes), choice.model
    document = f"policy/{policy.policy}"
    default = policy.document if policy.own.default_model is not None else document
    if ReasonCode.EXPLORED.value in codes:
        yield Decider("exploration", "exploration", document, "a small share of such work is drawn for other models")
    if ReasonCode.PROBATION.value in codes:
        words = "models with few calls so far wait, however well they score"
        yield Decider("exploration", "probation", document, words)
    if ReasonCode.CASCADE_START.value in codes:
        words = f"{model} starts, its answer is checked, and a better model follows where it is not good enough"
        yield Decider("cascade", "cascade", document, words)
    if ReasonCode.CACHED.value in codes:
        yield Decider("cache", "decision cache", document, "a kept decision about similar work was repeated")
    if ReasonCode.RULE_BOOST.value in codes:
        for rule in look.weighed.ruling.matched:
            if rule.effect == "boost" and rule.boost > 0 and model in rule.models:
                words = f"rule {rule.name} favours {model} by {rule.boost:g}, because {rule.because}"
                yield Decider("boost", rule.name, rule.source, words)
    for code, kind, source, words in (
        (ReasonCode.PREFERENCE, "preference", "view", f"the user tends to prefer {model}"),
        (ReasonCode.TARGET_SHARE, "share", document, f"{model} gets less than its target share of requests"),
        (ReasonCode.DEFAULT_LOW_CONFIDENCE, "default", default, f"the text says little, and {model} is the default"),
        (ReasonCode.STICKY, "conversation", "view", f"the conversation uses {model} already"),
        (ReasonCode.SETTINGS_PREFERENCE, "settings", "view", f"the user's settings prefer {model}"),
        (ReasonCode.TENANT_PREFERENCE, "tenant", policy.document, f"the tenant prefers {model} or who serves it"),
    ):
        if code.value in codes:
            yield Decider(kind, model, source, words)
