"""A whole deployment under faults: its own broker and processes, traffic, kills, quiescence, an independent verdict."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analytics.door_client import DoorClosedError, QueryError, query
from deploy.shipped_config import publish_missing
from streams.local_kafka import LocalKafka
from streams.replay import verify
from streams.settings import Settings
from tests.documents import documents
from tests.faults.checker.reading import read
from tests.faults.killer import Processes, schedule
from tests.faults.load import Traffic, tenants
from tests.faults.progress import Progress, lag
from tests.stage import prepared

ROOT = Path(__file__).parents[2]
BILL = "simulated-bill.jsonl"
NOT_COMPARED = {"router-state", "result-chunks", "preferences", "model-stats", "provider-health", "config"}
"""Not recorded, or compacted: the log forgets there what ClickHouse keeps."""
FEEDBACK_TOPICS = ("overrides", "outcomes", "provider-calls")
LEAST_COMPLETED = 0.5
"""Share of the requests that must end completed: promises that hold because nothing works prove nothing."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much, how often, and what it all follows from. ``interval``: seconds between two kills."""

    requests: int
    kills: int
    seed: int
    interval: float = 4.0
    most_per_second: float = 250.0
    scale: float = 0.25
    patience: float = 180.0

    @property
    def seconds(self) -> float:
        """How long traffic and kills last."""
        return max(self.kills * self.interval, self.requests / self.most_per_second)


@dataclass(slots=True)
class Outcome:
    """What came out: the checker's report and table, and what the run itself saw."""

    plan: Plan
    checker_status: int = -1
    report: dict[str, Any] = field(default_factory=dict)
    table: str = ""
    faults: dict[str, int] = field(default_factory=dict)
    own_ends: dict[str, int] = field(default_factory=dict)
    sent: int = 0
    unanswered: list[str] = field(default_factory=list)
    open_holds: int = 0
    failures: list[str] = field(default_factory=list)
    rows_wrong: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    replayed: int = 0
    replay_differs: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def kills(self) -> int:
        """How many kill -9 were carried out."""
        return sum(count for name, count in self.faults.items() if name.startswith("kill"))

    @property
    def completed(self) -> int:
        """How many requests ended with an answer of a provider."""
        return int(self.report["rules"][0]["figures"].get("final completed", 0)) if self.report else 0

    @property
    def holds(self) -> bool:
        """Whether everything promised was seen to hold, on a run in which things happened: kills, and answers."""
        quiet = not (self.unanswered or self.open_holds or self.failures or self.rows_wrong)
        happened = self.kills >= self.plan.kills and self.completed > self.sent * LEAST_COMPLETED
        same = self.replayed > self.sent and self.replay_differs == 0
        return quiet and happened and same and self.checker_status == 0


def run(plan: Plan, folder: Path, say: Say) -> Outcome:
    """Run the plan in ``folder`` and judge it; everything started is ended."""
    outcome = Outcome(plan)
    broker = LocalKafka(folder / "kafka", heap_mb=512, guard=True)
    broker.start()
    try:
        settings = prepared(
            Settings(bootstrap=broker.bootstrap, run_dir=folder, simulated_scale=plan.scale), documents(*tenants())
        )
        processes = Processes(settings, folder, broker)
        progress = Progress(settings)
        traffic = Traffic(broker.bootstrap, "", plan.requests, plan.requests / plan.seconds, plan.seed)
        processes.start()
        progress.start()
        try:
            _under_faults(plan, processes, traffic, progress, outcome, say)
            _until_quiet(plan, settings, traffic, progress, outcome, say)
            _until_folded(plan, settings, outcome, say)
            _compare_rows(plan, settings, outcome, say)
        finally:
            traffic.stop()
            progress.stop()
            statuses = processes.stop()
            say(f"stopped: {statuses}")
        outcome.faults = dict(processes.carried_out)
        outcome.own_ends = dict(processes.own_ends)
        _judge(settings, folder, traffic, outcome, say)
        _replay(settings, outcome, say)
    finally:
        broker.kill()
    return outcome


def _under_faults(
    plan: Plan, processes: Processes, traffic: Traffic, progress: Progress, outcome: Outcome, say: Say
) -> None:
    begin = time.monotonic()
    while not progress.answered and time.monotonic() - begin < plan.patience:
        traffic.probe()
        time.sleep(0.5)
    outcome.seconds["until the first answer"] = time.monotonic() - begin
    begin = time.monotonic()
    traffic.start()
    change = threading.Timer(plan.seconds / 2, publish_missing, (processes.settings, tenants(2), datetime.now(UTC)))
    change.daemon = True
    change.start()
    for number, fault in enumerate(schedule(plan.kills, plan.seed), start=1):
        wait = begin + fault.at * plan.seconds - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        processes.inject(fault)
        say(
            f"{time.monotonic() - begin:6.1f} s  {number:3d}  {fault.kind} {fault.target:12s} "
            f"sent {len(traffic.sent):6d}  answered {len(progress.answered):6d}  open {len(progress.open_holds):4d}"
        )
    traffic.done.wait(plan.seconds + plan.patience)
    change.join(plan.patience)
    processes.heal()
    outcome.seconds["traffic and faults"] = time.monotonic() - begin
    outcome.sent = len(traffic.sent)
    outcome.failures = list(traffic.failures)
    if not traffic.done.is_set():
        outcome.failures.append("the traffic did not end in time")


def _until_quiet(
    plan: Plan, settings: Settings, traffic: Traffic, progress: Progress, outcome: Outcome, say: Say
) -> None:
    """Wait until every acknowledged request is answered and no hold is open, at most ``plan.patience`` seconds."""
    begin = time.monotonic()
    wanted = set(traffic.sent)
    reported = begin
    while time.monotonic() - begin < plan.patience and (wanted - progress.answered or progress.open_holds):
        time.sleep(0.2)
        if time.monotonic() - reported > 10:
            reported = time.monotonic()
            say(f"waiting: {len(wanted - progress.answered)} unanswered, {len(progress.open_holds)} holds open")
    outcome.seconds["until quiet"] = time.monotonic() - begin
    outcome.unanswered = sorted("/".join(pair) for pair in wanted - progress.answered)
    outcome.open_holds = len(progress.open_holds)


def _until_folded(plan: Plan, settings: Settings, outcome: Outcome, say: Say) -> None:
    """Wait until the feedback stage has committed all it reads."""
    begin = time.monotonic()
    reported = begin
    while behind := lag(settings, "feedback", FEEDBACK_TOPICS):
        if time.monotonic() - begin > plan.patience:
            outcome.failures.append(f"feedback is {behind} records behind")
            break
        if time.monotonic() - reported > 10:
            reported = time.monotonic()
            say(f"waiting: feedback is {behind} records behind")
        time.sleep(0.5)
    outcome.seconds["until folded"] = time.monotonic() - begin


def expected_rows(settings: Settings) -> dict[str, int]:
    """Return how many rows ClickHouse must show by topic: one per event, one per position where no id is named."""
    seen: dict[str, set[tuple[object, ...]]] = {}
    for record in read(settings.bootstrap, settings.prefix):
        if record.topic in NOT_COMPARED:
            continue
        try:
            value = json.loads(record.value or b"null")
        except ValueError:
            value = None
        named = isinstance(value, dict) and isinstance(value.get("id"), str) and value["id"]
        identity = (value.get("type"), value["id"]) if named else (record.partition, record.offset)
        seen.setdefault(record.topic, set()).add(identity)
    return {topic: len(identities) for topic, identities in seen.items()}


def recorded_rows(settings: Settings) -> dict[str, int]:
    """Return the rows of ``events`` by topic; empty while the recorder starts."""
    try:
        rows = query(settings, "SELECT src_topic, count() FROM events GROUP BY src_topic").rows
    except (DoorClosedError, QueryError):
        return {}
    return {str(topic): int(str(count)) for topic, count in rows if str(topic) not in NOT_COMPARED}


def _compare_rows(plan: Plan, settings: Settings, outcome: Outcome, say: Say) -> None:
    """Wait until the recorder has caught up, then compare its rows with the log, topic by topic."""
    begin = time.monotonic()
    while True:
        expected, recorded = expected_rows(settings), recorded_rows(settings)
        late = time.monotonic() - begin > plan.patience
        if expected == recorded or late:
            break
        time.sleep(1.0)
    outcome.seconds["until recorded"] = time.monotonic() - begin
    outcome.rows = sum(recorded.values())
    outcome.rows_wrong = {
        topic: f"{recorded.get(topic, 0)} rows, {expected.get(topic, 0)} events"
        for topic in sorted(expected | recorded)
        if recorded.get(topic, 0) != expected.get(topic, 0)
    }
    say(f"ClickHouse: {outcome.rows} rows, differences: {outcome.rows_wrong or 'none'}")


def _judge(settings: Settings, folder: Path, traffic: Traffic, outcome: Outcome, say: Say) -> None:
    """Let the checker, a process of its own that knows nothing of the product, read everything."""
    begin = time.monotonic()
    sent = folder / "sent.jsonl"
    sent.write_text("".join(f"{json.dumps(pair)}\n" for pair in traffic.sent), encoding="utf-8")
    report = folder / "report.json"
    command = [sys.executable, "-m", "tests.faults.checker", "--bootstrap", settings.bootstrap]
    command += ["--prefix", settings.prefix, "--sent", str(sent), "--bill", str(folder / BILL), "--json", str(report)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    outcome.checker_status = done.returncode
    outcome.table = done.stdout
    if report.exists():
        outcome.report = json.loads(report.read_text(encoding="utf-8"))
    else:
        outcome.failures.append(f"the checker failed: {done.stderr[-2000:]}")
    outcome.seconds["checking"] = time.monotonic() - begin
    say(done.stdout)


def _replay(settings: Settings, outcome: Outcome, say: Say) -> None:
    """Recompute every decision of the log with the same code, and compare bytes (promise 3)."""
    begin = time.monotonic()
    report = verify(settings)
    outcome.replayed = report.compared
    outcome.replay_differs = report.different + len(report.truncated) + report.other_engine_batches
    outcome.seconds["replaying"] = time.monotonic() - begin
    say(f"replay: {report.compared} outputs recomputed, {report.different} differ {report.mismatches[:3]}")


def summary(outcome: Outcome) -> str:
    """Return what happened and what was found, as Markdown."""
    lines = [
        f"- requests acknowledged: {outcome.sent:,}, completed: {outcome.completed:,}",
        f"- kill -9: {outcome.kills:,}; seed {outcome.plan.seed}",
        "- faults: " + ", ".join(f"{name} {count}" for name, count in sorted(outcome.faults.items())),
        "- processes that ended by themselves and were restarted: "
        + (", ".join(f"{name}: {count}" for name, count in sorted(outcome.own_ends.items())) or "none"),
        "- seconds: " + ", ".join(f"{name} {seconds:.0f}" for name, seconds in outcome.seconds.items()),
        f"- unanswered: {len(outcome.unanswered)}; holds open: {outcome.open_holds}",
        f"- ClickHouse rows: {outcome.rows:,}, topics that differ: {len(outcome.rows_wrong)}",
        f"- replay verify: {outcome.replayed:,} outputs recomputed, {outcome.replay_differs} differ",
        *[f"- {failure}" for failure in outcome.failures],
        *[f"- {topic}: {difference}" for topic, difference in outcome.rows_wrong.items()],
        "",
        outcome.table,
    ]
    return "\n".join(lines)
