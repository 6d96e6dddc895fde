"""Two thousand installations in virtual time: promises 1 to 3 after every step, whatever is killed or paused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.account import Violation
from tests.simulation.faults import SKEWED, STORM, UNSETTLED
from tests.simulation.mutations import Mutation
from tests.simulation.world import Report, World

SEEDS = 2_000
CHUNK = 100
MOST_SEEDS = 1_500
"""So many seeds may pass before a broken rule is noticed; most are noticed within ten, all within some hundred."""
WEATHERS = {Mutation.KEEP_BY_OFFSETS: UNSETTLED, Mutation.LOSERS_RELEASE: SKEWED}


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_every_promise_holds_in_every_installation(first: int) -> None:
    """No request lost or answered twice, no cap passed, nothing refused that fitted, no call twice, bills covered.

    A failing seed repeats exactly: ``python -m tests.simulation --seed N``.
    """
    reports = [_run(seed) for seed in range(first, first + CHUNK)]
    assert sum(report.requests for report in reports) > 5 * CHUNK
    assert sum(report.calls for report in reports) > 5 * CHUNK
    assert sum(report.kills for report in reports) > CHUNK
    assert sum(report.pauses for report in reports) > CHUNK
    assert sum(report.refused for report in reports) > CHUNK // 4
    assert sum(report.forfeits for report in reports) > CHUNK // 4


def _run(seed: int) -> Report:
    try:
        return World(seed).run()
    except Violation as violation:
        pytest.fail(f"seed {seed} (python -m tests.simulation --seed {seed}): {str(violation)[:2000]}")


@pytest.mark.parametrize("mutation", list(Mutation), ids=lambda mutation: mutation.name.lower())
def test_a_rule_taken_away_is_noticed(mutation: Mutation) -> None:
    """Without the read-back of claims, the order of inputs, the dedupe or another rule, some seed breaks a promise."""
    for seed in range(MOST_SEEDS):
        try:
            World(seed, mutation, WEATHERS.get(mutation, STORM)).run()
        except Violation:
            return
    pytest.fail(f"no seed noticed: {mutation}")


def test_a_seed_repeats_exactly() -> None:
    """The same seed gives the same log and bill, byte for byte, in another process with another hash seed."""
    seed = 11
    here = World(seed).run()
    command = [sys.executable, "-m", "tests.simulation", "--seed", str(seed), "--quiet"]
    root = Path(__file__).parents[2]
    for hash_seed in ("1", "2"):
        other = subprocess.run(
            command,
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert here.digest in other.stdout


def test_a_trace_tells_what_happened() -> None:
    """A failing seed can be read: faults and what routers applied, in order of time."""
    world = World(11)
    world.verbose = True
    world.run()
    assert any("router applies on" in line for line in world.trace)
