"""Errors at process boundaries go to Sentry when SENTRY_DSN is set; only what is on the list below leaves.

Prompts, answers, keys and personal data can be in messages, local variables, breadcrumbs and headers: an event is
built anew from the type of the error and the places in our code, instead of being cleaned.
"""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

_EVENT_FIELDS = ("event_id", "timestamp", "level", "platform", "release", "environment")
_FRAME_FIELDS = ("filename", "function", "module", "lineno", "in_app")
_TAGS = ("stage",)


def switch_on(stage: str) -> bool:
    """Start reporting for this process if SENTRY_DSN is set; return whether it is."""
    if not os.environ.get("SENTRY_DSN"):
        return False
    import sentry_sdk  # noqa: PLC0415 - takes 0.2 s, and most processes report nothing

    sentry_sdk.init(
        before_send=allow_listed,
        default_integrations=False,
        include_local_variables=False,
        include_source_context=False,
        max_breadcrumbs=0,
        send_default_pii=False,
        send_client_reports=False,
        auto_session_tracking=False,
        server_name="",
    )
    sentry_sdk.set_tag("stage", stage)
    return True


def report(error: BaseException) -> None:
    """Send the error, if reporting is on or SENTRY_DSN asks for it, and wait up to 2 s."""
    if not os.environ.get("SENTRY_DSN"):
        return
    import sentry_sdk  # noqa: PLC0415 - as above

    if not sentry_sdk.is_initialized():
        switch_on("cli")
    sentry_sdk.capture_exception(error)
    sentry_sdk.flush(timeout=2)


def allow_listed(event: "Event", _hint: "Hint") -> "Event | None":
    """Return a new event with nothing but the listed fields; error messages stay here."""
    given: dict[str, Any] = dict(event)
    kept: dict[str, Any] = {name: given[name] for name in _EVENT_FIELDS if name in given}
    kept["tags"] = {name: given["tags"][name] for name in _TAGS if name in (given.get("tags") or {})}
    values = (given.get("exception") or {}).get("values") or []
    kept["exception"] = {"values": [_exception(value) for value in values]}
    return kept  # type: ignore[return-value]


def _exception(value: dict[str, Any]) -> dict[str, Any]:
    frames = (value.get("stacktrace") or {}).get("frames") or []
    return {
        "type": value.get("type"),
        "module": value.get("module"),
        "value": "",
        "stacktrace": {"frames": [{name: frame[name] for name in _FRAME_FIELDS if name in frame} for frame in frames]},
    }
