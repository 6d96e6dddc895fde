"""Select among scored candidates: forced, locked, restricted or best by score; and the fallbacks behind it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from routing.asked import SETTINGS, Asked
from routing.candidates import Field, Scored
from routing.cascade import cascade_start
from routing.explore import draw_among, established, explores, newcomers
from routing.reason_codes import ReasonCode
from routing.references import Suffix
from routing.rules import CompiledRule, Ruling
from routing.situation import Situation

Tier = Literal[1, 2, 3, 4]
_SIGNAL_TIER: Final = 2


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The chosen candidate, the fallbacks in order, and how it came about."""

    chosen: Scored
    fallbacks: tuple[Scored, ...]
    tier: Tier
    codes: tuple[ReasonCode, ...]
    rule: CompiledRule | None = None
    from_model: str | None = None
    sure: bool = False
    """Decided by a person or a rule, not by the classification."""
    cascade: bool = False
    """Whether the answer is checked, and a better model follows where it is not good enough."""
    kept_confidence: float | None = None
    """That of the kept decision that this one repeats: it looked at all models, this one only at those kept."""
    propensities: Mapping[str, float] | None = None
    """Of every model that could have been drawn; None: the chosen one, for certain."""
    favoured: str | None = None
    """Why the strongest rule that favours the model does so, as a clause."""


def by_cost(item: Scored) -> tuple[int, float, str]:
    """Cheapest first."""
    return (item.cost, item.rank, item.model)


def by_latency(item: Scored) -> tuple[int, float, str]:
    """Fastest first."""
    return (item.latency, item.rank, item.model)


_ORDER: Final[dict[Suffix, Callable[[Scored], tuple[float, float, str]]]] = {"floor": by_cost, "nitro": by_latency}


def select(
    s: Situation, wanted: Asked, lock: str | None, ruling: Ruling, field: Field, number: float = 0.0
) -> Selection | None:
    """Return the selection, or None when nothing that may be chosen is left; ``number`` in [0, 1) draws."""
    guests = field.guests
    ranked = [item for item in field.ranked if item.model not in guests] if guests else field.ranked
    if wanted.kind == "model":
        return _forced(s, wanted, field, ranked)
    if lock is not None:
        found = [item for item in field.ranked if item.model == lock]
        return Selection(found[0], (), 1, (ReasonCode.AREA_LOCK,), sure=True) if found else None
    if wanted.kind == "pool" or wanted.suffix is not None:
        return _pool(s, wanted, ranked)
    rule = ruling.choice
    if rule is not None:
        selection = _by_rule(s, rule, field, ranked)
        if selection is not None or rule.deny:
            return selection
    if not ranked:
        return None
    return _best(s, ranked, ruling, number, unavailable=rule)


def _forced(s: Situation, wanted: Asked, field: Field, ranked: Sequence[Scored]) -> Selection | None:
    model = wanted.models[0]
    found = [item for item in field.ranked if item.model == model]
    if not found:
        return None
    code = _FORCED.get((wanted.forced_by or "").partition(":")[0], ReasonCode.FORCED_REQUEST)
    others = ranked if s.policy.settings.forced_fallback else ()
    auto = ranked[0].model if ranked else None
    return Selection(
        found[0],
        _fallbacks(s, found[0], others),
        1,
        (code,),
        from_model=auto if auto != model else None,
        sure=True,
    )


_FORCED: Final = {"override": ReasonCode.FORCED_OVERRIDE, SETTINGS: ReasonCode.FORCED_SETTINGS}


def _pool(s: Situation, wanted: Asked, ranked: Sequence[Scored]) -> Selection | None:
    members = [item for item in ranked if not wanted.models or item.model in wanted.models]
    if not members:
        return None
    if wanted.suffix is not None:
        members.sort(key=_ORDER[wanted.suffix])
    codes: list[ReasonCode] = []
    if wanted.models:
        codes.append(ReasonCode.POOL)
    if wanted.suffix is not None:
        codes.append(ReasonCode.CHEAPEST if wanted.suffix == "floor" else ReasonCode.FASTEST)
    return Selection(members[0], _fallbacks(s, members[0], members), 1, tuple(codes), sure=True)


def _by_rule(s: Situation, rule: CompiledRule, field: Field, ranked: Sequence[Scored]) -> Selection | None:
    """Return the first (lock) or best (restrict) of the rule's models; the list goes on as fallbacks, then the rest."""
    known = {item.model: item for item in field.ranked}
    members = [
        known[model]
        for model in rule.models
        if model in known and (rule.min_quality is None or known[model].row.entry.quality >= rule.min_quality)
    ]
    if not members:
        return None
    if rule.suffix is not None:
        members.sort(key=_ORDER[rule.suffix])
    elif rule.effect == "restrict":
        members.sort()
    codes = [ReasonCode.RULE_LOCK if rule.effect == "lock" else ReasonCode.RULE_RESTRICT]
    if rule.suffix == "floor":
        codes.append(ReasonCode.CHEAPEST)
    elif rule.suffix == "nitro":
        codes.append(ReasonCode.FASTEST)
    if rule.effect == "lock" and rule.suffix is None and members[0].model != rule.models[0]:
        codes.append(ReasonCode.RULE_FALLBACK)
    rest = members if rule.deny else [*members, *ranked]
    listed = members[1:] if rule.effect == "lock" and rule.suffix is None else []
    fallbacks = _fallbacks(s, members[0], rest, listed)
    return Selection(members[0], fallbacks, rule.tier, tuple(codes), rule, sure=True)


def _best(
    s: Situation, ranked: Sequence[Scored], ruling: Ruling, number: float, unavailable: CompiledRule | None
) -> Selection:
    exploration = s.policy.exploration
    fresh = newcomers(ranked, exploration, s.view.statistics)
    able = established(ranked, fresh, exploration)
    start = cascade_start(s, able)
    if start is not None:
        fallbacks = _fallbacks(s, start, able)
        return Selection(start, fallbacks, 2, (ReasonCode.CASCADE_START,), cascade=True)
    top = _top(s, able, ruling, unavailable)
    if able[0] is not ranked[0]:
        top = replace(top, codes=(*top.codes, ReasonCode.PROBATION))
    # What a rule would have fixed is not explored either while its models cannot be used.
    if (
        len(ranked) == 1
        or unavailable is not None
        or s.sensitive
        or not explores(exploration, s.facts, s.task.complexity)
    ):
        return top
    drawn = draw_among(able, () if s.task.complexity == "critical" else fresh, exploration, number)
    if drawn.chosen is able[0]:
        return replace(top, propensities=drawn.propensities)
    codes = (ReasonCode.EXPLORED, *((ReasonCode.NEW_MODEL,) if drawn.new else ()))
    return Selection(drawn.chosen, _fallbacks(s, drawn.chosen, able), 2, codes, propensities=drawn.propensities)


def _top(s: Situation, ranked: Sequence[Scored], ruling: Ruling, unavailable: CompiledRule | None) -> Selection:
    chosen = ranked[0]
    model = chosen.model
    codes: list[ReasonCode] = []
    if unavailable is not None:
        codes.append(ReasonCode.RULE_UNAVAILABLE)
    if s.task.confidence < s.policy.settings.confidence_floor and model == s.policy.default_model:
        codes.append(ReasonCode.DEFAULT_LOW_CONFIDENCE)
    else:
        codes.append(ReasonCode.BEST_SCORE)
    favoured = None
    if model in ruling.boosts and ruling.boosts[model] > 0:
        codes.append(ReasonCode.RULE_BOOST)
        favoured = next(r.because for r in ruling.matched if r.effect == "boost" and r.boost > 0 and model in r.models)
    if s.view.above_quality is not None:
        codes.insert(0, ReasonCode.ESCALATED)
    tier: Tier = 2
    if any(item.preference for item in ranked):
        without = min(ranked, key=lambda item: (-item.without, item.cost, item.model))
        if without is not chosen:
            tier = 4
            codes.append(ReasonCode.PREFERENCE)
    if len(ranked) == 1:
        codes.append(ReasonCode.ONLY_CANDIDATE)
    return Selection(chosen, _fallbacks(s, chosen, ranked), tier, tuple(codes), favoured=favoured)


def _fallbacks(
    s: Situation, chosen: Scored, ordered: Sequence[Scored], listed: Sequence[Scored] = ()
) -> tuple[Scored, ...]:
    """Return the models behind the chosen one: a rule's list, the policy's chain, then others, new providers first."""
    room = s.policy.chain_length - 1
    first = list(listed)
    chain = s.policy.fallbacks.get(chosen.model)
    if chain:
        known = {item.model: item for item in ordered}
        first += [known[model] for model in chain if model in known]
    picked: list[Scored] = []
    models = {chosen.model}
    for item in first:
        if len(picked) < room and item.model not in models:
            picked.append(item)
            models.add(item.model)
    providers = {chosen.endpoint.provider, *(item.endpoint.provider for item in picked)}
    for fresh in (True, False):
        for item in ordered:
            if len(picked) >= room:
                return tuple(picked)
            if item.model in models or (fresh and item.endpoint.provider in providers):
                continue
            picked.append(item)
            models.add(item.model)
            providers.add(item.endpoint.provider)
    return tuple(picked)
