"""How the rules looked at one request: layer by layer, what held, what failed, what decided (SPEC R4). Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from routing.asked import SETTINGS
from routing.counterfactual import Case, Look
from routing.decide import condition_values
from routing.deciders import asked_by_name, deciders, deciding_rule
from routing.inheritance import Inherited, inherited
from routing.references import AUTO
from routing.rules import Check, CompiledRule
from schemas.decision import Choice, Denial, RefusalCode

State = Literal["decides", "boosts", "overruled", "unavailable", "fails", "left out"]
"""``overruled``: it holds, and something more specific decides. ``unavailable``: all its models are barred."""
_SHOWN: Final = 4


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """One rule beside the request: every condition with the value it looked at, and what the rule did."""

    name: str
    document: str
    effect: str
    models: tuple[str, ...]
    state: State
    words: str
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class LayerTrace:
    """One layer, in order of precedence: its rules as they were looked at, and what came of it."""

    layer: str
    decides: bool
    words: str
    rules: tuple[RuleTrace, ...] = ()


@dataclass(frozen=True, slots=True)
class RulesTrace:
    """The whole way of a request through the rules; ``rule``: the one that decided, None where none did."""

    layers: tuple[LayerTrace, ...]
    inherited: tuple[Inherited, ...]
    outcome: str
    decided_by: str
    rule: str | None
    model: str | None
    because: str


def rules_trace(case: Case) -> RulesTrace:
    """Return how the rules looked at a case."""
    look, outcome = case.look(), case.decide()
    layers = (*_named(look, outcome), *_layers(look, outcome), _score(look, outcome))
    rule = deciding_rule(look, outcome)
    refused = isinstance(outcome, Denial)
    stopped = outcome.code.value if isinstance(outcome, Denial) else "score"
    decisive = next((layer.layer for layer in layers if layer.decides), stopped)
    return RulesTrace(
        layers=layers,
        inherited=inherited(look.s),
        outcome="refused" if refused else "chosen",
        decided_by=decisive if rule is None else f"rule {rule.name}",
        rule=None if rule is None else rule.name,
        model=None if isinstance(outcome, Denial) else outcome.model,
        because=outcome.reason,
    )


def _named(look: Look, outcome: Choice | Denial) -> Iterator[LayerTrace]:
    """Yield what stands above all rules: an override, a name in the request, the lock of the area."""
    s, wanted = look.s, look.wanted
    override = s.view.override
    locked = look.lock is not None and not (wanted.kind == "model" and wanted.models[0] == look.lock)
    forced = wanted.kind != "auto" or wanted.suffix is not None
    by_override = override is not None and override.model != AUTO
    words = "none holds"
    if override is not None:
        words = f"{override.override_id} ({override.scope}) names {override.model}"
    yield LayerTrace("override", by_override and forced and not locked, words)
    by_settings = wanted.forced_by == SETTINGS or (isinstance(outcome, Denial) and outcome.code is RefusalCode.AUTO_OFF)
    by_request = forced and not by_override and not by_settings
    words = f"names {s.facts.model}" if s.facts.model != AUTO else "names no model"
    yield LayerTrace("request", by_request and not locked, words)
    if s.view.settings is not None:
        held = s.view.settings
        words = f"Auto is fixed to {held.model}" if held.auto == "fixed" else f"Auto is {held.auto}"
        yield LayerTrace("settings", by_settings and not locked, words)
    words = f"{s.facts.area} is locked to {look.lock}" if look.lock is not None else "no lock"
    if locked and isinstance(outcome, Denial) and wanted.kind == "model":
        words += f"; {wanted.name} was asked for, so the request was refused"
    yield LayerTrace("area lock", locked, words)


def _layers(look: Look, outcome: Choice | Denial) -> Iterator[LayerTrace]:
    policy = look.s.policy
    values = condition_values(look.s.facts, look.s.task, policy)
    routes = [rule for rule in policy.rules if rule.source == policy.document]
    if routes:
        traces = [_rule(rule, values, look, outcome) for rule in routes]
        yield LayerTrace("routes", any(one.state == "decides" for one in traces), _layer_words(traces), tuple(traces))
    compiled = {rule.name: rule for rule in policy.rules if rule.source != policy.document}
    for layer in policy.settings.precedence:
        traces = [_rule(rule, values, look, outcome) for rule in compiled.values() if rule.layer == layer]
        traces += [
            RuleTrace(
                rule.name,
                f"policy/{policy.policy}",
                rule.effect,
                rule.models,
                "left out",
                "the plan leaves this tier out"
                if layer in policy.plans.layers_left_out
                else "none of its models is in the catalog",
            )
            for rule in policy.settings.rules
            if rule.layer == layer and rule.name not in compiled
        ]
        decides = any(trace.state == "decides" for trace in traces)
        yield LayerTrace(layer, decides, _layer_words(traces), tuple(traces))


def _layer_words(traces: Sequence[RuleTrace]) -> str:
    if not traces:
        return "no rule"
    held = [trace.name for trace in traces if trace.state not in {"fails", "left out"}]
    looked = f"{len(traces)} rule{'s' if len(traces) > 1 else ''}"
    return f"{looked}, none holds" if not held else f"{looked}, holds: {', '.join(held)}"


def _rule(rule: CompiledRule, values: Sequence[Any], look: Look, outcome: Choice | Denial) -> RuleTrace:
    checks = rule.checks(values, look.s.task)
    state, words = _state(rule, checks, look, outcome)
    return RuleTrace(rule.name, rule.source, rule.effect, rule.models, state, words, checks)


def _state(rule: CompiledRule, checks: Sequence[Check], look: Look, outcome: Choice | Denial) -> tuple[State, str]:
    failed = [check for check in checks if not check.holds]
    if failed:
        return "fails", "; ".join(_failed(check) for check in failed)
    models = ", ".join(rule.models[:_SHOWN])
    models += f" and {len(rule.models) - _SHOWN} more" if len(rule.models) > _SHOWN else ""
    if rule.effect == "boost":
        return "boosts", f"{rule.boost:+g} for {models}"
    if rule is deciding_rule(look, outcome):
        refuses = "; all are barred, and it refuses then" if isinstance(outcome, Denial) else ""
        return "decides", f"{'locks to' if rule.effect == 'lock' else 'restricts to'} {models}{refuses}"
    choice = look.weighed.ruling.choice
    if choice is not None and rule is not choice:
        return "overruled", f"rule {choice.name} ({choice.layer}) stands above it"
    if asked_by_name(look):
        return "overruled", "what was asked for by name, or the lock of the area, stands above it"
    return "unavailable", f"all its models are barred: {models}"


def _failed(check: Check) -> str:
    if check.name.startswith("min_"):
        return f"{check.name} is {check.allowed[0]}, the request has {check.value:g}"
    wanted = " or ".join(_said(value) for value in check.allowed[:_SHOWN])
    more = f" or {len(check.allowed) - _SHOWN} more" if len(check.allowed) > _SHOWN else ""
    return f"{check.name} is to be {wanted}{more}, the request has {_said(check.value)}"


def _said(value: Any) -> str:
    return {None: "none", True: "yes", False: "no"}.get(value, str(value))


def _score(look: Look, outcome: Choice | Denial) -> LayerTrace:
    """Return the last layer: the score of all that no veto bars."""
    sure = look.weighed.selection is not None and look.weighed.selection.sure
    ranked = [item for item in look.weighed.field.ranked if item.model not in look.weighed.field.guests]
    if isinstance(outcome, Denial):
        return LayerTrace("score", decides=False, words=f"{len(ranked)} models are not barred; refused")
    best = "not asked; " if sure else ""
    best += f"best of {len(ranked)}: {ranked[0].model} {ranked[0].score:.3f}" if ranked else "no model is left"
    tipped = [item.words for item in deciders(look, outcome) if item.kind not in _ABOVE]
    return LayerTrace("score", not sure, "; ".join((best, *tipped)))


_ABOVE: Final = frozenset({"override", "request", "area_lock", "pool", "rule", "boost"})


def lines(trace: RulesTrace) -> Iterator[tuple[str, str]]:
    """Yield the trace for people as (label, text); the deciding layer is marked with an asterisk."""
    for layer in trace.layers:
        yield f"{layer.layer}{' *' if layer.decides else ''}", layer.words
        for rule in layer.rules:
            yield "", f"{rule.name} {rule.state}: {rule.words}"
    yield "", ""
    for item in trace.inherited:
        value = ", ".join(item.value) if isinstance(item.value, tuple) else item.value
        yield item.name, f"{value} ({item.source})"
    yield "", ""
    yield "decided by", f"{trace.decided_by}: {trace.model or trace.outcome}, because {trace.because}"
