import sys
import time
from pathlib import Path

import psutil
import pytest

from deploy.child import Child, ProcessSpec, restart_delay
from deploy.leftovers import end_leftovers, leftovers
from deploy.run_dir import RunDir, StageCounts, SupervisorState
from deploy.supervisor import process_table
from tests.waiting import eventually

SLEEP = "import time\nwhile True: time.sleep(1)"
STUBBORN = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf', flush=True)\n{SLEEP}"
ANNOUNCE = "from streams.ready import announce_ready\nannounce_ready()"


def make_child(tmp_path: Path, code: str) -> Child:
    run_dir = RunDir(tmp_path)
    run_dir.create()
    return Child(ProcessSpec("router", 3, (sys.executable, "-c", code)), run_dir, {})


def ended(child: Child) -> bool:
    return child.watch(time.monotonic(), may_start=False)


def test_the_first_restart_is_at_once_and_later_ones_wait_longer() -> None:
    """Pauses grow from nothing to half a minute and stay there."""
    delays = [restart_delay(failures) for failures in range(1, 12)]
    assert delays[0] == 0.0
    assert delays == sorted(delays)
    assert delays[-1] == delays[-2] == 30.0


def test_every_process_has_a_fixed_slot() -> None:
    """The table gives each stage the slots 0 to n-1 and starts the simulated providers before those who call them."""
    table = process_table(StageCounts(router=3, executor=2))
    assert [(row.name, row.slot) for row in table] == [
        ("simulated", 0),
        ("router", 0),
        ("router", 1),
        ("router", 2),
        ("executor", 0),
        ("executor", 1),
        ("feedback", 0),
        ("recorder", 0),
    ]
    assert table[2].command[-4:] == ("run", "router", "--slot", "1")
    assert table[2].command[1] == "-P"


def test_a_process_that_ends_comes_back_under_its_slot(tmp_path: Path) -> None:
    """After an end the same slot is started again: at once the first time, after a pause the second time."""
    child = make_child(tmp_path, "raise SystemExit(70)")
    assert child.watch(time.monotonic(), may_start=True)
    eventually(lambda: ended(child), "first end")
    assert child.watch(time.monotonic(), may_start=True)
    eventually(lambda: ended(child), "second end")
    assert not child.watch(time.monotonic(), may_start=True)
    state = child.snapshot()
    assert (state.state, state.slot, state.restarts, state.last_exit, state.pid) == ("restarting", 3, 2, 70, None)
    child.forgive()
    assert child.watch(time.monotonic(), may_start=True)
    child.kill()
    assert child.wait(time.monotonic() + 10)


def test_nothing_starts_while_the_broker_is_away(tmp_path: Path) -> None:
    """Without a broker a stage waits instead of failing again and again."""
    child = make_child(tmp_path, SLEEP)
    assert not child.watch(time.monotonic(), may_start=False)
    assert child.snapshot().state == "waiting"


def test_ready_is_what_the_process_says(tmp_path: Path) -> None:
    """A process runs from its start and is ready from its announcement on; a restart takes the announcement back."""
    child = make_child(tmp_path, f"import sys\nsys.path.insert(0, {str(Path.cwd())!r})\n{ANNOUNCE}\n{SLEEP}")
    child.watch(time.monotonic(), may_start=True)
    try:
        eventually(lambda: child.snapshot().state == "ready", "the announcement")
        assert child.ready_file.exists()
    finally:
        child.kill()
        child.wait(time.monotonic() + 10)
    assert child.snapshot().state == "stopped"


def test_an_ordered_end_is_final(tmp_path: Path) -> None:
    """A process told to end is not started again."""
    child = make_child(tmp_path, SLEEP)
    child.watch(time.monotonic(), may_start=True)
    child.terminate()
    assert child.wait(time.monotonic() + 10)
    assert not child.watch(time.monotonic() + 1000, may_start=True)
    assert child.snapshot().state == "stopped"


@pytest.mark.parametrize("code", [SLEEP, STUBBORN])
def test_leftovers_of_a_killed_supervisor_are_ended(tmp_path: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a state file names is ended, even if it ignores SIGTERM; a process with another start time is left alone."""
    monkeypatch.setattr("deploy.leftovers.STAGE_STOP_SECONDS", 0.5)
    mine, other = make_child(tmp_path / "a", code), make_child(tmp_path / "b", SLEEP)
    for child in (mine, other):
        child.watch(time.monotonic(), may_start=True)
    if code == STUBBORN:
        eventually(lambda: mine.run_dir.log("router", 3).read_text(), "the signal handler")
    foreign = other.snapshot()
    assert foreign.started is not None
    wrong = foreign.model_copy(update={"started": foreign.started - 3600})
    state = SupervisorState(pid=1, started=0.0, phase="running", processes=(mine.snapshot(), wrong))
    try:
        assert [process.pid for process in leftovers(state)] == [mine.snapshot().pid]
        end_leftovers(state)
        assert leftovers(state) == []
        assert foreign.pid is not None
        assert psutil.pid_exists(foreign.pid)
    finally:
        for child in (mine, other):
            child.kill()
            child.wait(time.monotonic() + 10)
