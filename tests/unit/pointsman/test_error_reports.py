import json
import sys
from typing import Any

import pytest

from pointsman.error_reports import allow_listed, report, switch_on

SECRET = "sk-my-prompt-and-my-key"


def event_with_secrets() -> dict[str, Any]:
    frame = {
        "filename": "streams/router.py",
        "function": "run",
        "lineno": 12,
        "in_app": True,
        "vars": {"prompt": SECRET},
        "context_line": SECRET,
    }
    return {
        "event_id": "1",
        "level": "error",
        "message": SECRET,
        "server_name": SECRET,
        "user": {"ip_address": SECRET},
        "request": {"headers": {"authorization": SECRET}},
        "breadcrumbs": {"values": [{"message": SECRET}]},
        "extra": {"argv": SECRET},
        "contexts": {"any": SECRET},
        "modules": {"any": SECRET},
        "tags": {"stage": "router", "prompt": SECRET},
        "exception": {
            "values": [
                {"type": "ValueError", "module": "builtins", "value": SECRET, "stacktrace": {"frames": [frame]}},
            ]
        },
        "a field of a later version": SECRET,
    }


def test_nothing_but_the_allow_list_leaves() -> None:
    """Messages, variables, headers, users, breadcrumbs and unknown fields stay here; type and place of the error go."""
    sent = allow_listed(event_with_secrets(), {})  # type: ignore[arg-type]
    text = json.dumps(sent)
    assert SECRET not in text
    exception = json.loads(text)["exception"]["values"][0]
    assert exception["type"] == "ValueError"
    assert exception["stacktrace"]["frames"] == [
        {"filename": "streams/router.py", "function": "run", "lineno": 12, "in_app": True}
    ]
    assert json.loads(text)["tags"] == {"stage": "router"}


def test_without_a_dsn_nothing_is_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without SENTRY_DSN errors stay on this machine and the client is not even loaded."""
    monkeypatch.delenv("SENTRY_DSN", raising=False)
    monkeypatch.delitem(sys.modules, "sentry_sdk", raising=False)
    assert not switch_on("router")
    report(ValueError(SECRET))
    assert "sentry_sdk" not in sys.modules
