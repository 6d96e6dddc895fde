"""What was asked for by name: an override, an explicit model, a pool, the cheapest or fastest (SPEC R11, U1)."""

from dataclasses import dataclass
from typing import Final, Literal

from routing.references import AUTO, Suffix
from routing.tenant_policy import TenantPolicy
from schemas.decision import View
from schemas.request import RequestFacts


@dataclass(frozen=True, slots=True)
class Asked:
    """``auto``: all compete; ``model``: this one or none; ``pool``: only these; ``unknown``: a name nobody knows."""

    kind: Literal["auto", "model", "pool", "unknown"]
    models: tuple[str, ...] = ()
    forced_by: str | None = None
    suffix: Suffix | None = None
    provider: str | None = None
    name: str = AUTO


SETTINGS: Final = "settings"
"""``forced_by`` of a model that the user's settings fix."""
AUTO_ASKED: Final = Asked("auto")


def asked(facts: RequestFacts, view: View, policy: TenantPolicy) -> Asked:
    """Return what was asked for by name: an override, else the request's own model, else the one its user fixed."""
    override = view.override
    if override is not None and override.model != AUTO:
        return _named(override.model, f"override:{override.scope}", policy)
    if facts.model == AUTO:
        return _fixed(view, policy) or AUTO_ASKED
    return _named(facts.model, "request", policy)


def _fixed(view: View, policy: TenantPolicy) -> Asked | None:
    """Return the model that the user's settings fix Auto to, unless it was tried for this request already."""
    settings = view.settings
    if settings is None or settings.auto != "fixed" or settings.model is None or settings.model in view.excluded:
        return None
    return _named(settings.model, SETTINGS, policy)


def _named(name: str, forced_by: str, policy: TenantPolicy) -> Asked:
    reference = policy.names.resolve(name)
    if reference.kind == "auto":
        return Asked("auto", (), forced_by if reference.suffix else None, reference.suffix, None, name)
    return Asked(reference.kind, reference.models, forced_by, reference.suffix, reference.provider, name)
