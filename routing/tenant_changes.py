"""Changes of the tenant's document that may choose another model."""

from collections.abc import Iterator
from typing import Any

from routing.bars import barring_windows
from routing.changes import Change, Inquiry, dollars
from routing.counterfactual import Edit
from routing.reason_codes import ReasonCode, VetoRule


def _edit(q: Inquiry, path: tuple[str, ...], before: Any, after: Any) -> tuple[Edit, ...]:
    return (Edit(q.tenant, path, before, after),)


def area_lock(q: Inquiry) -> Iterator[Change]:
    """Unlock the area, or lock it to the model."""
    for path, words, place in q.places:
        lock = getattr(place, "lock", None)
        if lock is not None:
            yield Change("unlock_area", f"unlock {words} in {q.tenant}", _edit(q, (*path, "lock"), lock, None))
            yield Change(
                "area_lock",
                f"lock {words} to it instead of {lock} in {q.tenant}",
                _edit(q, (*path, "lock"), lock, q.model),
            )


def change_routes(q: Inquiry) -> Iterator[Change]:
    """Let the route of the tenant's own that decides name the model, or drop it."""
    choice = q.look.weighed.ruling.choice
    if choice is None or choice.source != q.tenant:
        return
    route = next(one for one in q.case.policy.own.routes if one.name == choice.name)
    path = ("routes", route.name)
    if choice.suffix is None:
        words = f"name it first in route {route.name} of {q.tenant}"
        after = (q.model, *q.without(route.models))
        yield Change("route_models", words, _edit(q, (*path, "models"), route.models, after))
    yield Change("drop_route", f"drop route {route.name} of {q.tenant}", _edit(q, path, route, None))


def approve(q: Inquiry) -> Iterator[Change]:
    """Approve the model for the tenant."""
    if VetoRule.NOT_APPROVED.value in q.barred_by:
        listed = q.case.policy.own.approved_models
        words = f"approve it: add it to approved_models of {q.tenant}"
        yield Change("approve", words, _edit(q, ("approved_models",), listed, (*listed, q.model)))


def approve_for_sensitive(q: Inquiry) -> Iterator[Change]:
    """Approve the model for sensitive data, in the list that holds."""
    if VetoRule.NOT_APPROVED_SENSITIVE.value not in q.barred_by:
        return
    policy = q.case.policy
    where, listed = q.tenant, policy.own.sensitive_models
    if not listed:
        where, listed = q.router, policy.settings.sensitive_models
    words = f"approve it for sensitive data: add it to sensitive_models of {where}"
    yield Change("approve_sensitive", words, (Edit(where, ("sensitive_models",), listed, (*listed, q.model)),))


def no_longer_avoid(q: Inquiry) -> Iterator[Change]:
    """Take the model off the avoid list of the tenant, or of the request's space or area."""
    listed = q.case.policy.own.avoid_models
    if any(q.means(text) for text in listed):
        words = f"take it off avoid_models of {q.tenant}"
        yield Change("avoid", words, _edit(q, ("avoid_models",), listed, q.without(listed)))
    for path, words, place in q.places:
        if any(q.means(text) for text in place.avoid):
            edits = _edit(q, (*path, "avoid"), place.avoid, q.without(place.avoid))
            yield Change("avoid_in_place", f"take it off the avoid list of {words} in {q.tenant}", edits)


def raise_caps(q: Inquiry) -> Iterator[Change]:
    """Raise the cap per request or of a window so that the model's bound fits."""
    scored, budget = q.standing.scored, q.case.policy.own.budget
    if scored is None:
        return
    caps = [
        ("daily" if line.window == "day" else "monthly", line.spent + line.held + scored.bound)
        for line in barring_windows(q.look.s, scored.bound)
    ]
    if VetoRule.PER_REQUEST_CAP.value in q.barred_by:
        caps.append(("per_request", scored.bound))
    for name, cap in caps:
        before = getattr(budget, name)
        words = f"raise budget.{name} of {q.tenant} from {dollars(before)} to {dollars(cap)}"
        yield Change(f"cap_{name}", words, _edit(q, ("budget", name), before, cap))


def allow_interactive_latency(q: Inquiry) -> Iterator[Change]:
    """Raise the tenant's limit on the latency of interactive requests."""
    limit, scored = q.case.policy.own.max_interactive_latency_ms, q.standing.scored
    if limit is not None and scored is not None and scored.latency > limit:
        words = f"raise max_interactive_latency_ms of {q.tenant} from {limit} to {scored.latency}"
        path = ("max_interactive_latency_ms",)
        yield Change("interactive_latency", words, _edit(q, path, limit, scored.latency))


def prefer(q: Inquiry) -> Iterator[Change]:
    """Let the request's area, its space or the tenant prefer the model."""
    for path, words, place in q.places:
        if not any(q.means(text) for text in place.prefer):
            edits = _edit(q, (*path, "prefer"), place.prefer, (*place.prefer, q.model))
            yield Change("prefer_in_place", f"prefer it in {words} of {q.tenant}", edits)
    own = q.case.policy.own
    if not q.standing.row.preferred:
        words = f"prefer it: add it to preferred_models of {q.tenant}"
        edits = _edit(q, ("preferred_models",), own.preferred_models, (*own.preferred_models, q.model))
        yield Change("prefer", words, edits)


def make_default(q: Inquiry) -> Iterator[Change]:
    """Make the model the default, which counts when the text says little."""
    selection = q.look.weighed.selection
    if selection is not None and ReasonCode.DEFAULT_LOW_CONFIDENCE in selection.codes:
        before = q.case.policy.own.default_model
        words = f"make it the default_model of {q.tenant}: the text says little, so the default counts"
        yield Change("default_model", words, _edit(q, ("default_model",), before, q.model))
