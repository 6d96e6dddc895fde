"""ROUTING_* environment variables, read once and turned into documents (SPEC X1); no stage ever reads them.

| variable | becomes |
|---|---|
| ROUTING_DEFAULT_MODEL | the tenant's ``default_model`` |
| ROUTING_DAILY_BUDGET, ROUTING_MONTHLY_BUDGET, ROUTING_PER_REQUEST_LIMIT | the tenant's caps, dollars |
| ROUTING_TIMEOUT | milliseconds of one interactive attempt, in the policy |
| ROUTING_FALLBACK_ENABLED | false: a chain of one model, in the policy |
| ROUTING_ENABLE_LEARNING | false: history and preferences weigh nothing, nothing is explored, in the policy |
| ROUTING_ENABLE_CACHE | whether decisions about alike tasks are kept, in the policy |
| ROUTING_CACHE_TTL | seconds for which they are, in the policy |
| ROUTING_MAX_RETRIES | nothing: attempts are counted by decision and class of error; named in the notes |
| ROUTING_DEBUG | nothing here: stages started with it log more (``pointsman.process_log``) |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from schemas.control import ConfigDocument
from schemas.control_policy import PolicyDocument
from schemas.control_tenant import TenantDocument

PREFIX: Final = "ROUTING_"
_BUDGET: Final = {"DAILY_BUDGET": "daily", "MONTHLY_BUDGET": "monthly", "PER_REQUEST_LIMIT": "per_request"}
_WITHOUT_EFFECT: Final = ("MAX_RETRIES",)
_OF_POLICY: Final = ("TIMEOUT", "FALLBACK_ENABLED", "ENABLE_LEARNING", "ENABLE_CACHE", "CACHE_TTL")
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
    known = {*_BUDGET, *_WITHOUT_EFFECT, *_ELSEWHERE, *_OF_POLICY, "DEFAULT_MODEL"}
    notes += [f"{PREFIX}{name} is not known" for name in sorted(set(given) - known)]
    changed_policy = _policy(given, policy, tenant.name)
    if "CACHE_TTL" in given and (changed_policy or policy).cache is None:
        notes.append(f"{PREFIX}CACHE_TTL has no effect without a cache: {PREFIX}ENABLE_CACHE=true switches it on")
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
        changes["timeout_ms"] = {**changes["timeout_ms"], "interactive": _number("TIMEOUT", given, "milliseconds")}
    if not _on("FALLBACK_ENABLED", given):
        changes["chain_length"] = 1
    if not _on("ENABLE_LEARNING", given):
        changes |= _unlearned(changes)
    changes |= _cache(given, changes.pop("cache", None))
    if changes == before:
        return None
    own = {"name": f"{tenant}-env", "version": 1, "description": f"{policy.name}{_MARK}"}
    return PolicyDocument.model_validate({**changes, **own})


def _unlearned(policy: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a policy that learn, so that they do not."""
    history = policy["weights"]["history"]
    left = {name: weight / (1 - history) for name, weight in policy["weights"].items() if name != "history"}
    return {
        "weights": {**left, "history": 0},
        "scoring": {**policy["scoring"], "preference": 0},
        "exploration": {**policy["exploration"], "share": 0, "new_models": 0},
    }


def _cache(given: Mapping[str, str], cache: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the policy's cache as the variables say; nothing where there is none."""
    if not (_on("ENABLE_CACHE", given) if "ENABLE_CACHE" in given else cache is not None):
        return {}
    lives = {"ttl_ms": 1000 * _number("CACHE_TTL", given, "seconds")} if "CACHE_TTL" in given else {}
    return {"cache": {**(cache or {}), **lives}}


def _number(name: str, given: Mapping[str, str], unit: str) -> int:
    try:
        return int(given[name])
    except ValueError:
        raise VariableError(f"{PREFIX}{name} is a whole number of {unit}, not {given[name]!r}") from None


def _on(name: str, given: Mapping[str, str]) -> bool:
    """Return a switch; absent means on."""
    on = switch(given.get(name, "true"))
    if on is None:
        raise VariableError(f"{PREFIX}{name} is true or false, not {given[name]!r}")
    return on


def switch(text: str) -> bool | None:
    """Return what a switch says; None where it says neither."""
    word = text.strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None
