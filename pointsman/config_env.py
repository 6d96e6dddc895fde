"""ROUTING_* environment variables, read once and turned into documents (SPEC X1); no stage ever reads them.

| variable | becomes |
|---|---|
| ROUTING_DEFAULT_MODEL | the tenant's ``default_model`` |
| ROUTING_DAILY_BUDGET, ROUTING_MONTHLY_BUDGET, ROUTING_PER_REQUEST_LIMIT | the tenant's caps, dollars |
| ROUTING_TIMEOUT | milliseconds of one interactive attempt, in the policy |
| ROUTING_FALLBACK_ENABLED | false: a chain of one model, in the policy |
| ROUTING_ENABLE_LEARNING | false: history and preferences weigh nothing, in the policy |
| ROUTING_ENABLE_CACHE, ROUTING_CACHE_TTL, ROUTING_MAX_RETRIES | nothing yet: named in the notes |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from schemas.control import ConfigDocument
from schemas.control_policy import PolicyDocument
from schemas.control_tenant import TenantDocument

PREFIX: Final = "ROUTING_"
_BUDGET: Final = {"DAILY_BUDGET": "daily", "MONTHLY_BUDGET": "monthly", "PER_REQUEST_LIMIT": "per_request"}
_WITHOUT_EFFECT: Final = ("ENABLE_CACHE", "CACHE_TTL", "MAX_RETRIES")
_ELSEWHERE: Final = ("DEBUG",)
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})


_MARK: Final = ", as ROUTING_* variables say"


class VariableError(ValueError):
    """A variable has a value that means nothing; the message names it."""


@dataclass(frozen=True, slots=True)
class FromEnvironment:
    """Documents to publish, versions of their predecessors kept, and what the user should know."""

    documents: tuple[ConfigDocument, ...]
    notes: tuple[str, ...]


def from_environment(environ: Mapping[str, str], tenant: TenantDocument, policy: PolicyDocument) -> FromEnvironment:
    """Return ``tenant`` and, where needed, a policy of its own made from ``policy``, changed as the variables say.

    Raise `VariableError` or pydantic's ``ValidationError``.
    """
    given = {name.removeprefix(PREFIX): text for name, text in environ.items() if name.startswith(PREFIX) and text}
    notes = [f"{PREFIX}{name} has no effect in this version" for name in _WITHOUT_EFFECT if name in given]
    known = {*_BUDGET, *_WITHOUT_EFFECT, *_ELSEWHERE, "DEFAULT_MODEL", "TIMEOUT", "FALLBACK_ENABLED", "ENABLE_LEARNING"}
    notes += [f"{PREFIX}{name} is not known" for name in sorted(set(given) - known)]
    changed_policy = _policy(given, policy, tenant.name)
    changes: dict[str, Any] = tenant.model_dump(mode="json", exclude_none=True)
    changes["budget"] |= {field: given[name] for name, field in _BUDGET.items() if name in given}
    if "DEFAULT_MODEL" in given:
        changes["default_model"] = given["DEFAULT_MODEL"]
    if changed_policy is not None:
        changes["policy"] = changed_policy.name
    documents: list[ConfigDocument] = [] if changed_policy is None else [changed_policy]
    return FromEnvironment((*documents, TenantDocument.model_validate(changes)), tuple(notes))


def made_from(policy: PolicyDocument, tenant: str) -> str | None:
    """Return the name of the policy from which an earlier call made this one, or None when it is nobody's making."""
    made = policy.name == f"{tenant}-env" and policy.description.endswith(_MARK)
    return policy.description.removesuffix(_MARK) if made else None


def _policy(given: Mapping[str, str], policy: PolicyDocument, tenant: str) -> PolicyDocument | None:
    """Return a policy for this tenant alone, or None when the variables change none."""
    changes: dict[str, Any] = policy.model_dump(mode="json", exclude_none=True)
    before = dict(changes)
    if "TIMEOUT" in given:
        changes["timeout_ms"] = {**changes["timeout_ms"], "interactive": _number("TIMEOUT", given)}
    if not _switch("FALLBACK_ENABLED", given):
        changes["chain_length"] = 1
    if not _switch("ENABLE_LEARNING", given):
        history = changes["weights"]["history"]
        left = {name: weight / (1 - history) for name, weight in changes["weights"].items() if name != "history"}
        changes["weights"] = {**left, "history": 0}
        changes["scoring"] = {**changes["scoring"], "preference": 0}
    if changes == before:
        return None
    own = {"name": f"{tenant}-env", "version": 1, "description": f"{policy.name}{_MARK}"}
    return PolicyDocument.model_validate({**changes, **own})


def _number(name: str, given: Mapping[str, str]) -> int:
    try:
        return int(given[name])
    except ValueError:
        raise VariableError(f"{PREFIX}{name} is a whole number of milliseconds, not {given[name]!r}") from None


def _switch(name: str, given: Mapping[str, str]) -> bool:
    """Return a switch; absent means on."""
    text = given.get(name, "true").strip().lower()
    if text not in _TRUE | _FALSE:
        raise VariableError(f"{PREFIX}{name} is true or false, not {given[name]!r}")
    return text in _TRUE
