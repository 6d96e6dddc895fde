"""History under another router: which decisions would change, at what cost, and what the log can say of their worth."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from analytics.evaluation.rescoring import OffPolicy, off_policy
from routing.catalog import CompiledConfig
from routing.decide import decide
from routing.logged_decisions import logged_of
from routing.past_decisions import PastDecision
from routing.rescore import rescore
from routing.rescore_table import Past, PastTable
from routing.tenant_policy import TenantPolicy
from schemas.control_tenant import TenantDocument
from schemas.decision import Choice


class NoRouterError(ValueError):
    """A router or tenant that the configuration does not have; the message says which."""


@dataclass(frozen=True, slots=True)
class Rescoring:
    """Counts of decisions; costs as estimated, in pico-dollars, of those that the other router decides, too."""

    decisions: int
    changed: int
    refused: int
    one_by_one: int
    cost_before: int
    cost_after: int
    moves: tuple[tuple[str, str, int], ...]
    """(from, to, decisions), most first."""
    worth: OffPolicy


def under(config: CompiledConfig, tenant: str, router: str) -> TenantPolicy:
    """Return what would decide for a tenant whose document named ``router``. Raise `NoRouterError`."""
    document = config.document("tenant", tenant)
    if not isinstance(document, TenantDocument):
        raise NoRouterError(f"no tenant {tenant}")
    if config.document("policy", router) is None:
        raise NoRouterError(f"no router {router}")
    policy = config.replaced(document.model_copy(update={"policy": router, "weights": None})).tenant(tenant)
    if policy is None:
        raise NoRouterError(f"tenant {tenant} has no complete set of documents under {router}")
    return policy


def rescored(history: Sequence[PastDecision], policy: TenantPolicy, seed: int = 0) -> Rescoring:
    """Decide the past decisions that nobody forced again under ``policy``, without exploring."""
    free = [past for past in history if past.free]
    pasts = [replace(past.past(policy.taxonomy), number=0.0) for past in free]
    result = rescore(PastTable(pasts), policy)
    chosen = result.chosen
    moves = Counter(
        (past.decision.model, model)
        for past, model in zip(free, chosen, strict=True)
        if model is not None and model != past.decision.model
    )
    before = after = 0
    for past, read, model in zip(free, pasts, chosen, strict=True):
        if model is not None:
            before += past.decision.chain[0].estimated_cost
            after += _cost(past, read, model, policy)
    weights = policy.settings.preferences.signals
    rewards = [past.reward(weights) for past in free]
    known = [
        (past, worth, model) for past, worth, model in zip(free, rewards, chosen, strict=True) if worth is not None
    ]
    logged = logged_of([(past, worth) for past, worth, _ in known])
    return Rescoring(
        decisions=len(free),
        changed=moves.total(),
        refused=chosen.count(None),
        one_by_one=int(result.one_by_one.sum()),
        cost_before=before,
        cost_after=after,
        moves=tuple(sorted(((*pair, count) for pair, count in moves.items()), key=lambda move: (-move[2], move))),
        worth=off_policy(logged, [model for _, _, model in known], seed),
    )


def _cost(past: PastDecision, read: Past, model: str, policy: TenantPolicy) -> int:
    """Return the estimated cost of a model: as the decision recorded it, else as the other router estimates it."""
    for item in past.decision.candidates:
        if item.model == model:
            return item.estimated_cost
    outcome = decide(read.facts, read.task, read.view, policy, read.now, read.number)
    return outcome.chain[0].estimated_cost if isinstance(outcome, Choice) else 0
