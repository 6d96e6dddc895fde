"""A decision that can be made again with something changed: what it read, and edits of that (SPEC R23)."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import BaseModel

from routing.asked import Asked
from routing.catalog import CompiledConfig, TenantPolicy
from routing.decide import Weighed, decide, named, repeat, ruling_of, weigh
from routing.situation import Situation, situation
from schemas.classification import TaskDescriptor
from schemas.control_policy import PolicyDocument
from schemas.control_tenant import TenantDocument
from schemas.decision import Choice, Denial, View
from schemas.request import RequestFacts

_T = TypeVar("_T")
REQUEST: Final = "request"
TASK: Final = "task"
VIEW: Final = "view"
CLOCK: Final = "clock"
_IN_CACHE_KEY: Final = frozenset({"preference", "conversation_model", "override", "settings", "excluded"})
"""Values of the view on which it depends whether a kept decision is about an alike task (``decision_cache``)."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One value that a decision reads, changed.

    ``where``: ``request``, ``task``, ``view``, ``clock`` or ``kind/name@version`` of a tenant or policy document.
    ``path`` names the field; in lists of named items (rules) the item. ``after`` None takes such an item out.
    """

    where: str
    path: tuple[str, ...]
    before: Any
    after: Any


class Look(NamedTuple):
    """What the steps of one decision came to."""

    s: Situation
    wanted: Asked
    lock: str | None
    weighed: Weighed


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """Everything that one decision read: the arguments of ``decide``, with the configuration instead of its policy."""

    facts: RequestFacts
    task: TaskDescriptor
    view: View
    config: CompiledConfig
    now: datetime
    number: float = 0.0

    @property
    def policy(self) -> TenantPolicy:
        """What the tenant's documents say; raise ``LookupError`` without a complete set of them."""
        policy = self.config.tenant(self.facts.tenant, self.facts.plan)
        if policy is None:
            raise LookupError(f"tenant {self.facts.tenant} has no complete set of documents")
        return policy

    def decide(self) -> Choice | Denial:
        """Decide."""
        return decide(self.facts, self.task, self.view, self.policy, self.now, self.number)

    def chooses(self, model: str) -> bool:
        """Return whether the decision is this model."""
        outcome = self.decide()
        return isinstance(outcome, Choice) and outcome.model == model

    def look(self) -> Look:
        """Return what the steps of the decision came to."""
        s = situation(self.facts, self.task, self.view, self.policy, self.now)
        wanted, lock = named(s)
        ruling = ruling_of(self.facts, self.task, self.policy)
        weighed = weigh(s, wanted, lock, ruling, self.number)
        again = repeat(s, wanted, lock, ruling)
        return Look(s, wanted, lock, weighed if again is None else weighed._replace(selection=again[1]))

    def edited(self, *edits: Edit) -> "Case":
        """Return the case with these values changed, one after the other."""
        case = self
        for edit in edits:
            case = case._with(edit)
        return case

    def _with(self, edit: Edit) -> "Case":
        if edit.where == VIEW:
            view = _put(self.view, edit.path, edit.after)
            return replace(self, view=_afresh(view) if edit.path[0] in _IN_CACHE_KEY else view)
        if edit.where == CLOCK:
            return replace(self, now=edit.after)
        fresh = replace(self, view=_afresh(self.view))
        if edit.where == REQUEST:
            return replace(fresh, facts=_put(self.facts, edit.path, edit.after))
        if edit.where == TASK:
            return replace(fresh, task=_put(self.task, edit.path, edit.after))
        kind, _, reference = edit.where.partition("/")
        document = self.config.document(kind, reference)
        if not isinstance(document, TenantDocument | PolicyDocument):
            raise TypeError(f"edits change documents of tenants and routers, not {edit.where}")
        changed = replace(fresh, config=self.config.replaced(_put(document, edit.path, edit.after)))
        return replace(changed, view=_with_caps(changed)) if edit.path[0] == "budget" else changed


def _afresh(view: View) -> View:
    """Return the view without a kept decision: another request, another preference or other documents end it."""
    return view if view.cached is None else view.model_copy(update={"cached": None})


def _with_caps(case: Case) -> View:
    """Return the view under the caps of the tenant's document."""
    budget, view = case.policy.caps, case.view
    caps = {"day": budget.daily, "month": budget.monthly}
    windows = tuple(
        line.model_copy(update={"cap": cap}) for line in view.windows if (cap := caps[line.window]) is not None
    )
    return view.model_copy(update={"windows": windows, "per_request_cap": budget.per_request})


def _put(value: _T, path: tuple[str, ...], after: Any) -> _T:
    """Return ``value`` with the part at ``path`` replaced: fields of models, keys of dicts, named items of tuples."""
    if not path:
        return after  # type: ignore[no-any-return]
    head, rest = path[0], path[1:]
    part: Any = value
    if isinstance(part, BaseModel):
        changed: Any = part.model_copy(update={head: _put(getattr(part, head), rest, after)})
    elif isinstance(part, dict):
        changed = {**part, head: _put(part.get(head), rest, after)}
    else:
        found = {item.name: item for item in part} | {head: _put(_named(part, head), rest, after)}
        changed = tuple(item for item in found.values() if item is not None)
    return changed  # type: ignore[no-any-return]


def _named(items: Any, name: str) -> Any:
    return next((item for item in items if item.name == name), None)
