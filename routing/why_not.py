"""Why a decision did not choose a model, and the smallest change that would have (SPEC R23). Pure.

Changes are tried in the order of ``_CHANGES``: what touches this request alone, then what a person had decided, then
time, then the tenant's document, the router's, the model's record; within a kind the least that suffices. Each that is
listed was proved: the decision was made again with exactly its edits.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, Literal

from routing import request_changes as of_request
from routing import router_changes as of_router
from routing import tenant_changes as of_tenant
from routing.bars import Bar
from routing.changes import Change, Inquiry, inquiry
from routing.counterfactual import Case
from routing.deciders import Decider, deciders
from routing.gaps import Gap, gaps
from schemas.decision import Choice, Denial

Proposer = Callable[[Inquiry], Iterator[Change]]
MOST: Final = 3
_OPENERS: Final[tuple[Proposer, ...]] = (
    of_request.name_it,
    of_request.leave_it_open,
    of_request.raise_max_cost,
    of_request.allow_time,
    of_request.lower_min_quality,
    of_request.shorten_answer,
    of_request.shorten_prompt,
    of_request.decide_afresh,
    of_request.new_conversation,
    of_request.lift_override,
    of_request.change_settings,
    of_request.reset_preferences,
    of_request.wait_for_budget,
    of_request.wait_for_provider,
    of_tenant.area_lock,
    of_tenant.change_routes,
    of_tenant.approve,
    of_tenant.approve_for_sensitive,
    of_tenant.no_longer_avoid,
    of_tenant.raise_caps,
    of_tenant.allow_interactive_latency,
    of_tenant.prefer,
    of_tenant.make_default,
    of_router.offer,
    of_router.lower_floor,
    of_router.change_rules,
    of_router.stop_steering,
)
_CHANGES: Final[tuple[Proposer, ...]] = (*_OPENERS, of_router.change_weight, of_router.boost, of_router.good_record)
"""Smallest first. The last three search, so they are no part of pairs."""


class UnknownModelError(ValueError):
    """A name that means no model, or more than one."""


@dataclass(frozen=True, slots=True)
class WhyNot:
    """The answer. ``score`` and ``rank`` (from 1, among ``competing``) are what the model had, or would have unbarred.

    ``changes`` each suffice alone; ``pair``: no single one does, and the two of its edits together do.
    """

    model: str
    verdict: Literal["chosen", "barred", "decided", "outscored"]
    summary: str
    chosen: str | None
    refusal: str | None
    score: float | None
    chosen_score: float | None
    rank: int | None
    competing: int
    bars: tuple[Bar, ...] = ()
    deciders: tuple[Decider, ...] = ()
    gaps: tuple[Gap, ...] = ()
    changes: tuple[Change, ...] = ()
    pair: Change | None = None


def why_not(case: Case, name: str) -> WhyNot:
    """Return why ``case`` did not choose the model that ``name`` means; raise ``UnknownModelError`` for other names."""
    reference = case.policy.names.resolve(name)
    if reference.kind != "model":
        known = "means several models; name one" if reference.kind == "pool" else "is no model of the catalog"
        message = f"{name!r} {known}"
        raise UnknownModelError(message)
    q, outcome = inquiry(case, reference.models[0]), case.decide()
    answer = _answer(q, outcome)
    if answer.verdict == "chosen":
        return answer
    changes = tuple(islice(_sufficient(q, _CHANGES), MOST))
    return replace(answer, changes=changes, pair=None if changes else _pair(q))


def _answer(q: Inquiry, outcome: Choice | Denial) -> WhyNot:
    field, stands = q.look.weighed.field, q.standing
    chosen = outcome.model if isinstance(outcome, Choice) else None
    best = next((item for item in field.ranked if item.model == chosen), None)
    answer = WhyNot(
        model=q.model,
        verdict="outscored",
        summary="",
        chosen=chosen,
        refusal=outcome.code.value if isinstance(outcome, Denial) else None,
        score=None if stands.scored is None else stands.scored.score,
        chosen_score=None if best is None else best.score,
        rank=stands.rank,
        competing=sum(1 for item in field.ranked if item.model not in field.guests),
        bars=stands.bars,
        deciders=deciders(q.look, outcome),
    )
    if chosen == q.model:
        return replace(answer, verdict="chosen", bars=(), summary=f"it was chosen, because {outcome.reason}")
    if stands.scored is not None and best is not None:
        s = q.look.s
        answer = replace(answer, gaps=gaps(stands.scored, best, s.weights, q.look.weighed.ruling, s.policy.dimensions))
    if stands.bars:
        rules = ", ".join(dict.fromkeys(bar.rule for bar in stands.bars))
        return replace(answer, verdict="barred", summary=f"it was barred: {rules}")
    if isinstance(outcome, Denial):
        return replace(answer, verdict="decided", summary=f"the request was refused, because {outcome.reason}")
    return _beside_score(answer, outcome)


def _beside_score(answer: WhyNot, outcome: Choice) -> WhyNot:
    """Say whether the score or something else decided for the chosen model."""
    mine, theirs = answer.score or 0.0, answer.chosen_score or 0.0
    place = f"it has rank {answer.rank} of {answer.competing} with {mine:.3f}, {outcome.model} has {theirs:.3f}"
    decisive = next((item for item in answer.deciders if item.kind in _DECISIVE), None)
    if decisive is not None:
        return replace(answer, verdict="decided", summary=f"{decisive.words}; by score {place}")
    return replace(answer, summary=f"it scored less: {place}")


_DECISIVE: Final = frozenset(
    {"override", "settings", "request", "area_lock", "rule", "pool", "exploration", "cascade", "cache"}
)


def _sufficient(q: Inquiry, proposers: tuple[Proposer, ...]) -> Iterator[Change]:
    """Yield the first change of each kind that alone chooses the model, smallest first."""
    for propose in proposers:
        for change in propose(q):
            if q.chosen_with(*change.edits):
                yield replace(change, verified=True)
                break


def _pair(q: Inquiry) -> Change | None:
    """Return two changes that choose the model together, the smallest by the sum of their places in the order."""
    best: tuple[int, Change] | None = None
    for index, propose in enumerate(_OPENERS):
        for first in propose(q):
            further = inquiry(q.case.edited(*first.edits), q.model)
            found = _second(further, first, len(_OPENERS) if best is None else best[0] - index)
            if found is not None:
                best = (index + found[0], found[1])
    return None if best is None else best[1]


def _second(q: Inquiry, first: Change, below: int) -> tuple[int, Change] | None:
    for index, propose in enumerate(_OPENERS[: max(below, 0)]):
        for second in propose(q):
            if second.kind != first.kind and q.chosen_with(*second.edits):
                words = f"{first.words}; and {second.words}"
                kind = f"{first.kind}+{second.kind}"
                return index, Change(kind, words, (*first.edits, *second.edits), verified=True)
    return None


def lines(answer: WhyNot) -> Iterator[tuple[str, str]]:
    """Yield the answer for people as (label, text); a label stands before the first of its lines."""
    yield "why not", f"{answer.model}: {answer.summary}"
    for bar in answer.bars:
        figures = ", against ".join(figure for figure in (bar.figure, bar.limit) if figure)
        yield "barred by", f"{bar.rule}, {bar.words}{f': {figures}' if figures else ''} ({bar.document})"
    for decider in answer.deciders:
        yield "decided by", f"{decider.kind} {decider.name}: {decider.words} ({decider.document})"
    for gap in sorted(answer.gaps, key=lambda item: item.difference):
        if gap.difference:
            yield "gap", f"{gap.difference:+.3f} {gap.term} (weight {gap.weight:.2f}): {gap.words}"
    if answer.verdict == "chosen":
        return
    for change in answer.changes:
        yield "would do", change.words
    if answer.pair is not None:
        yield "would do", f"no single change; two together: {answer.pair.words}"
    elif not answer.changes:
        yield "would do", "cannot tell by one or two changes"
