"""Decisions as debug lines: what was decided and why, never what was asked."""

import logging
from collections.abc import Generator

import pytest
import structlog
from structlog.testing import capture_logs

from pointsman.process_log import log_to_stderr
from streams.decision_log import decisions_wanted, log_decisions
from tests.desk_world import DeskWorld
from tests.documents import tenant

SECRET = "the quick heron waits beside the old weir"


@pytest.fixture
def unconfigured() -> Generator[None]:
    """No log configured, before and after."""
    handlers, level = logging.root.handlers[:], logging.root.level
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def test_a_decision_and_a_refusal_are_told_without_the_prompt() -> None:
    """Model, scores and reason of a decision, code and reason of a refusal; no word of the prompt (X1, D5)."""
    world = DeskWorld("mill", tenant("mill"))
    world.ask("a", prompt=SECRET)
    world.ask("b", prompt=SECRET, model="nobody-knows-it")
    with capture_logs() as lines:
        log_decisions(world.run())

    made, refused = lines
    assert (made["event"], made["request_id"], made["log_level"]) == ("decided", "a", "debug")
    assert made["scores"][made["model"]] > 0
    assert made["reason"]
    assert (refused["request_id"], refused["code"]) == ("b", "unknown_model")
    assert "heron" not in str(lines)


@pytest.mark.usefixtures("unconfigured")
def test_only_processes_started_with_debug_log_decisions() -> None:
    """Decisions are logged where debug lines were asked for, not by default, not where nobody configured a log (X1)."""
    wanted = [decisions_wanted()]
    for debug in (False, True):
        log_to_stderr("router", 0, debug=debug)
        wanted.append(decisions_wanted())
    assert wanted == [False, False, True]
