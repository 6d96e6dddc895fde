"""Say no, with the rule that barred and the earliest time at which it would fit (DESIGN 7)."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from routing import explain
from routing.asked import Asked
from routing.build import build
from routing.candidates import BarredByWindow, Field
from routing.reason_codes import REFUSAL_OF, VetoRule
from routing.situation import Situation
from schemas.decision import Denial, RefusalCode, Veto, WindowLine

_MONEY: Final = {
    VetoRule.PER_REQUEST_CAP.value: "the cap per request",
    VetoRule.MAX_COST.value: "this request may",
}
_LISTED: Final = 3
"""Rules that a refusal names; all stand in its vetoes."""


def _denial(
    s: Situation,
    code: RefusalCode,
    reason: str,
    vetoes: tuple[Veto, ...] = (),
    fits_at: datetime | None = None,
    needed: int | None = None,
) -> Denial:
    return build(
        Denial,
        {
            "code": code,
            "reason": reason,
            "fits_at": fits_at,
            "needed": needed,
            "signals": s.task.signals,
            "task_type": str(s.task.type),
            "complexity": s.task.complexity,
            "vetoes": vetoes,
            "policy": s.policy.policy,
            "catalog": s.policy.catalog,
            "price_book": s.policy.price_book,
        },
    )


def deadline_denial(s: Situation) -> Denial:
    """Return the denial of a request whose deadline has passed."""
    return _denial(s, RefusalCode.DEADLINE, "its deadline has passed")


def auto_off_denial(s: Situation) -> Denial:
    """Return the denial of a request that leaves the choice to Auto, which its user has switched off."""
    return _denial(
        s,
        RefusalCode.AUTO_OFF,
        "Auto is off in the user's settings and the request names no model; name one, or switch it on: "
        "pointsman settings set USER --auto on",
    )


def unknown_denial(s: Situation, wanted: Asked) -> Denial:
    """Return the denial of a name that means no model."""
    return _denial(
        s,
        RefusalCode.UNKNOWN_MODEL,
        f"no model, alias or pool is called {wanted.name!r}; list them with: pointsman models",
    )


def fits_at(windows: tuple[WindowLine, ...], needed: int) -> datetime | None:
    """Return when a bound fits: the latest end of the windows that bar it now; None when it fits none empty."""
    barring = [line for line in windows if line.cap - line.spent - line.held < needed]
    if any(line.cap < needed for line in windows) or not barring:
        return None
    return max(line.end for line in barring)


def forced_denial(s: Situation, wanted: Asked, vetoes: tuple[Veto, ...], bound: int | None = None) -> Denial:
    """Return the denial of a model asked for by name, with the veto that bars it."""
    model = wanted.models[0]
    entry = s.policy.models[model]
    barred = next((item for item in vetoes if item.model == model), None)
    rule = barred.rule if barred is not None else ""
    why = explain.veto_words(rule) if barred is not None else "nothing serves it"
    followed = entry.successor if rule == VetoRule.RETIRED.value else None
    successor = f"; its successor is {_name(s, followed)}" if followed else ""
    return _denial(
        s,
        REFUSAL_OF.get(rule, RefusalCode.NO_CANDIDATE),
        f"{entry.name} was asked for, but {why} ({barred.source if barred is not None else 'catalog'}){successor}",
        vetoes,
        fits_at(s.view.windows, bound) if bound is not None else None,
        bound,
    )


def denial(s: Situation, wanted: Asked, field: Field, lock: str | None) -> Denial:
    """Return the denial when nothing that may be chosen is left."""
    named = wanted.models or ((lock,) if lock is not None else ())
    windowed = [item for item in field.windowed if not named or item.model in named]
    cheapest = min(windowed, key=lambda item: (item.bound, item.model)) if windowed else None
    vetoes = tuple(field.vetoes)
    if wanted.kind == "model":
        return forced_denial(s, wanted, vetoes, cheapest.bound if cheapest is not None else None)
    if cheapest is not None:
        return _over_budget(s, vetoes, cheapest)
    rules = Counter(item.rule for item in vetoes if not named or item.model in named)
    if lock is not None:
        why = explain.veto_words(next(iter(rules))) if rules else "it cannot be used"
        return _denial(s, RefusalCode.AREA_LOCK, f"the area is locked to {_name(s, lock)}, but {why}", vetoes)
    for rule, words in _MONEY.items():
        if rules.get(rule):
            return _denial(s, REFUSAL_OF[rule], f"every model left could cost more than {words}", vetoes)
    if rules and set(rules) == {VetoRule.UNPRICED.value}:
        return _denial(s, RefusalCode.UNPRICED, "no model that could serve it has a price", vetoes)
    return _denial(s, RefusalCode.NO_CANDIDATE, _nobody(rules), vetoes)


def _nobody(rules: Mapping[str, int]) -> str:
    """Return why no model is left, by what bars most of them."""
    if not rules:
        return "no model is offered for this kind of task"
    ordered = sorted(rules.items(), key=lambda pair: (-pair[1], pair[0]))
    listed = [f"{explain.veto_words(rule)} ({_models(count)})" for rule, count in ordered[:_LISTED]]
    return f"no model may serve it: {', '.join(listed)}"


def _models(count: int) -> str:
    return "1 model" if count == 1 else f"{count} models"


def _name(s: Situation, model: str) -> str:
    entry = s.policy.models.get(model)
    return model if entry is None else entry.name


def _over_budget(s: Situation, vetoes: tuple[Veto, ...], cheapest: BarredByWindow) -> Denial:
    when = fits_at(s.view.windows, cheapest.bound)
    later = "" if when is not None else "; it never fits this budget"
    window = "day's" if s.window_rule == VetoRule.BUDGET_DAY.value else "month's"
    name = s.policy.models[cheapest.model].name
    return _denial(
        s,
        REFUSAL_OF[s.window_rule],
        f"the {window} budget has too little left even for {name} at up to {explain.dollars(cheapest.bound)}{later}",
        vetoes,
        when,
        cheapest.bound,
    )
