"""Rules of tiers 1 to 3, compiled: which lock, restriction and boosts hold for a request (SPEC R4, R5)."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from routing.clusters import ClusterTable, rules_of
from routing.references import NameTable, Suffix
from schemas.classification import TaskDescriptor
from schemas.control_policy import PolicyDocument, Rule, When
from schemas.control_tenant import TenantDocument
from schemas.request import RequestFacts

_TIER_1: Final = frozenset({"area", "job", "mode", "planning", "space"})
_LISTS: Final = (
    "space_type",
    "space",
    "area",
    "area_task_type",
    "mode",
    "job_type",
    "task_type",
    "complexity",
    "cluster",
    "intent",
    "language",
    "plan",
    "team",
    "use_case",
    "automation",
    "latency_class",
)
_FLAGS: Final = (
    "planning",
    "assist",
    "sensitive",
    "tools",
    "code_blocks",
    "documents",
    "images",
    "greeting",
    "short_question",
    "follow_up",
    "long_conversation",
    "mentions_plan",
    "involves_code",
)
_NAMES: Final = (*_LISTS, *_FLAGS)
_AT: Final = {name: index for index, name in enumerate(_NAMES)}


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of a rule beside what the request has; ``allowed`` are the values of which one must be there."""

    name: str
    allowed: tuple[Any, ...]
    value: Any
    holds: bool


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """One rule with its models resolved; ``suffix`` orders them by price or speed instead of by hand."""

    name: str
    source: str
    """The document that states it, ``kind/name@version``."""
    layer: str
    tier: Literal[1, 2, 3]
    effect: str
    models: tuple[str, ...]
    suffix: Suffix | None
    boost: float
    min_quality: float | None
    deny: bool
    because: str
    conditions: tuple[tuple[int, frozenset[Any]], ...]
    min_tokens: int
    min_confidence: float

    def holds(self, values: Sequence[Any], task: TaskDescriptor) -> bool:
        """Return whether every condition holds."""
        for index, allowed in self.conditions:
            if values[index] not in allowed:
                return False
        return task.signals.estimated_tokens >= self.min_tokens and task.confidence >= self.min_confidence

    def checks(self, values: Sequence[Any], task: TaskDescriptor) -> tuple[Check, ...]:
        """Return every condition with the value it looks at; the rule holds when all of them do."""
        found = [
            Check(_NAMES[index], tuple(sorted(allowed)), values[index], values[index] in allowed)
            for index, allowed in self.conditions
        ]
        for name, least, value in (
            ("min_tokens", self.min_tokens, task.signals.estimated_tokens),
            ("min_confidence", self.min_confidence, task.confidence),
        ):
            if least:
                found.append(Check(name, (least,), value, value >= least))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rules say: the lock or restriction that holds, the boosts, all rules that matched, strongest first."""

    choice: CompiledRule | None
    boosts: Mapping[str, float]
    matched: tuple[CompiledRule, ...]


NO_RULING: Final = Ruling(None, {}, ())


def compile_rules(
    policy: PolicyDocument,
    names: NameTable,
    tenant: TenantDocument | None = None,
    left_out: Container[str] = (),
    clusters: ClusterTable | None = None,
) -> tuple[CompiledRule, ...]:
    """Return the tenant's routes, then the policy's rules; each by precedence, then as written.

    Rules none of whose models exist are left out, and the policy's of the layers ``left_out``. Behind the policy's come
    the rules its clusters stand for; one of the same name that is written replaces them.
    """
    written = {rule.name for rule in policy.rules}
    meant = [rule for rule in rules_of(policy, clusters) if rule.name not in written]
    rank = {str(layer): index for index, layer in enumerate(policy.precedence)}

    def compiled(rules: Iterable[Rule], source: str) -> list[CompiledRule]:
        return [rule for rule in (_compile(rule, source, names) for rule in rules) if rule.models]

    def ordered(rules: Sequence[CompiledRule]) -> list[CompiledRule]:
        return sorted(rules, key=lambda rule: rank[rule.layer])

    routes = [] if tenant is None else compiled(tenant.routes, f"tenant/{tenant.reference}")
    own = compiled([rule for rule in policy.rules if rule.layer not in left_out], f"policy/{policy.reference}")
    behind = [] if clusters is None or "cluster" in left_out else compiled(meant, f"clusters/{clusters.reference}")
    return (*ordered(routes), *ordered([*own, *behind]))


def _compile(rule: Rule, source: str, names: NameTable) -> CompiledRule:
    models: dict[str, None] = {}
    suffix: Suffix | None = None
    for text in rule.models:
        reference = names.resolve(text)
        models.update(dict.fromkeys(reference.models))
        suffix = suffix or reference.suffix
    return CompiledRule(
        name=rule.name,
        source=source,
        layer=rule.layer,
        tier=1 if rule.layer in _TIER_1 else 3 if rule.layer == "cluster" else 2,
        effect=rule.effect,
        models=tuple(models),
        suffix=suffix,
        boost=rule.boost,
        min_quality=rule.min_quality,
        deny=rule.otherwise == "deny",
        because=rule.because,
        conditions=_conditions(rule.when),
        min_tokens=rule.when.min_tokens or 0,
        min_confidence=rule.when.min_confidence or 0.0,
    )


def _conditions(when: When) -> tuple[tuple[int, frozenset[Any]], ...]:
    conditions: list[tuple[int, frozenset[Any]]] = []
    for name in _LISTS:
        allowed = getattr(when, name)
        if allowed:
            conditions.append((_AT[name], frozenset(str(value) for value in allowed)))
    for name in _FLAGS:
        wanted = getattr(when, name)
        if wanted is not None:
            conditions.append((_AT[name], frozenset({wanted})))
    return tuple(conditions)


def values_of(
    facts: RequestFacts, task: TaskDescriptor, space_type: str | None, area_type: str | None, plan: str | None
) -> tuple[Any, ...]:
    """Return the values conditions look at, in the order of their indexes."""
    signals = task.signals
    return (
        space_type,
        facts.space,
        facts.area,
        area_type,
        facts.mode,
        facts.job_type,
        task.type,
        task.complexity,
        task.cluster,
        signals.intent,
        signals.language,
        facts.plan or plan,
        facts.team,
        facts.use_case,
        facts.automation,
        facts.latency_class,
        facts.planning,
        facts.assist,
        facts.sensitive or bool(signals.sensitive),
        bool(facts.tools or facts.mcp_tools) or task.needs_tools,
        signals.has_code_blocks,
        signals.has_documents,
        signals.has_images,
        signals.is_greeting,
        signals.is_short_question,
        signals.is_follow_up,
        signals.long_conversation,
        signals.mentions_plan,
        task.involves_code,
    )


def apply_rules(rules: Sequence[CompiledRule], values: Sequence[Any], task: TaskDescriptor) -> Ruling:
    """Return the ruling of the rules that hold: the first lock or restriction, and all boosts."""
    matched = tuple(rule for rule in rules if rule.holds(values, task))
    if not matched:
        return NO_RULING
    choice = None
    boosts: dict[str, float] = {}
    for rule in matched:
        if rule.effect == "boost":
            for model in rule.models:
                boosts[model] = boosts.get(model, 0.0) + rule.boost
        elif choice is None:
            choice = rule
    return Ruling(choice, boosts, matched)
