"""What the router decided, as debug lines: ids, model, scores and reason, never a prompt (SPEC X1, `ROUTING_DEBUG`)."""

import logging
from collections.abc import Iterable

import orjson
import structlog

from schemas import topics as t
from schemas.record import Output

_FIELDS = ("tenant", "request_id", "model", "tier", "code", "task_type", "complexity", "confidence", "policy", "reason")


def decisions_wanted() -> bool:
    """Return whether the process was started with debug lines; never where nobody configured a log."""
    return structlog.is_configured() and bool(structlog.get_logger().is_enabled_for(logging.DEBUG))


def log_decisions(outputs: Iterable[Output]) -> None:
    """Log each decision and refusal among the outputs of a batch, before the batch is committed."""
    log = structlog.get_logger()
    for output in outputs:
        if output.topic == t.DECISIONS and output.value:
            event = orjson.loads(output.value)
            scores = {item["model"]: item["score"] for item in event.get("candidates", ())}
            shown = {name: event[name] for name in _FIELDS if event.get(name) is not None}
            log.debug("decided", type=event["type"], scores=scores, **shown)
