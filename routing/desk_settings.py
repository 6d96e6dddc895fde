"""Users' settings at the desk: a change is checked against the tenant's configuration, kept, and answered (SPEC U5)."""

from typing import Any

from routing.desk_context import Context
from routing.tenant_policy import TenantPolicy
from schemas import topics as t
from schemas.ids import event_id
from schemas.record import Record
from schemas.user_settings import SettingsApplied, SettingsChanged, SettingsRejected, UserSettings


class SettingsDesk:
    """Applies changes of users' settings and answers each on ``outcomes.technical``."""

    def __init__(self, context: Context) -> None:
        """Bind to the shared context."""
        self._context = context

    def change(self, record: Record, event: SettingsChanged) -> None:
        """Apply a change, or answer why not; a repeated one changes and answers nothing."""
        context = self._context
        if not context.first_time(record, event.tenant, "settings", event.id):
            return
        policy = context.config.tenant(event.tenant)
        if policy is None:
            self._answer(SettingsRejected, event, reason="no tenant document names this tenant")
            return
        before = context.state.settings.get((event.tenant, event.user), UserSettings())
        after = before.model_copy(update={**_defaults(event), **_resolved(event, policy)})
        wrong = _fault(event, after, policy)
        if wrong is not None:
            self._answer(SettingsRejected, event, reason=wrong)
            return
        context.state.set_settings(event.tenant, event.user, after)
        self._answer(SettingsApplied, event, reason="holds from now on", settings=after)

    def _answer(self, type_: type[Any], event: SettingsChanged, **more: Any) -> None:
        answer = type_(
            id=event_id(event.tenant, type_.TYPE, event.id, 0),
            occurred_at=self._context.now,
            tenant=event.tenant,
            user=event.user,
            causation_id=event.id,
            traceparent=event.traceparent,
            change_id=event.id,
            **more,
        )
        self._context.emit(t.TECHNICAL_OUTCOMES, answer)


def _defaults(event: SettingsChanged) -> dict[str, Any]:
    return {name: UserSettings.model_fields[name].get_default() for name in event.reset}


def _resolved(event: SettingsChanged, policy: TenantPolicy) -> dict[str, Any]:
    """Return the settings given, single models by their ids; Auto leaving ``fixed`` forgets its model."""
    values = event.given()
    if event.auto in {"on", "off"}:
        values["model"] = None
    if event.model is not None:
        values["model"] = _id_of(event.model, policy)
    for name in ("preferred_models", "avoided_models"):
        models = getattr(event, name)
        if models is not None:
            values[name] = tuple(_id_of(text, policy) for text in models)
    return values


def _id_of(text: str, policy: TenantPolicy) -> str:
    meant = policy.names.resolve(text)
    return meant.models[0] if meant.kind == "model" else text


def _fault(event: SettingsChanged, after: UserSettings, policy: TenantPolicy) -> str | None:
    """Return why a change cannot be followed; without repeating what was written, which may be anything."""
    names = policy.names
    if event.model is not None and names.resolve(event.model).kind != "model":
        return "the model to fix Auto to means no single model of the catalog"
    if after.auto == "fixed" and after.model is None:
        return "Auto can only be fixed to a model: name one"
    for listed in (event.preferred_models or (), event.avoided_models or ()):
        if names.resolve_all(listed)[1]:
            return "a preferred or avoided model means nothing in the catalog"
    if event.profile is not None and event.profile not in policy.settings.profiles:
        offered = ", ".join(policy.settings.profiles) or "none"
        return f"the router has no profile of this name; it has: {offered}"
    return None
