"""A stream of requests through the pure core: decided, answered by the simulator's plan, rated, and folded back.

Statistics follow at once, one call a request, in the real folds of the feedback stage; how long a stage takes to read
them, retries and fallbacks are left out. Whether an answer is good, its length, time and fate are the simulator's own
draws (``providers.simulated.plan``); a stated share of answers is rated, 1 for a good one and 0 for another.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from providers.simulated.answers import tokens_of
from providers.simulated.draws import Draws
from providers.simulated.plan import UNBILLED, Plan, SimulatedCall, plan_call
from routing.build import fresh
from routing.decide import decide
from routing.draws import draw
from routing.statistics import StatisticsEvent, fold_statistics
from routing.statistics_view import merge
from schemas.decision import AttemptPlan, Choice, StatisticsView, View
from schemas.outcome import OutcomeRated
from schemas.provider_call import CallFailed, CallFinished
from schemas.statistics import ModelStatisticsRow
from schemas.usage import Usage
from tests.success.world import NOW, Case, Router, behaviours

RATED: Final = 0.3
"""Share of answers that somebody rates."""


class Step(NamedTuple):
    """One request of the stream: which case, what was decided, and how the call went."""

    number: int
    case: Case
    choice: Choice
    plan: Plan
    at: datetime = NOW


class Experience:
    """What is known of models by type of task: rows as the feedback stage keeps them, views as decisions read them."""

    def __init__(self) -> None:
        self.views: dict[str, dict[str, StatisticsView]] = {}
        self._rows: dict[tuple[str, str], ModelStatisticsRow] = {}

    def snapshot(self) -> dict[str, dict[str, StatisticsView]]:
        """Return the views as they are now."""
        return {kind: dict(views) for kind, views in self.views.items()}

    def fold(self, *events: StatisticsEvent) -> None:
        """Fold events of one model and type of task."""
        first = events[0]
        key = (first.model, first.task_type)
        row = self._rows.get(key)
        if row is None:
            row = ModelStatisticsRow(version=0, partition=0, model=key[0], task_type=key[1], updated_at=NOW)
        for event in events:
            row = fold_statistics(row, event, NOW)
        self._rows[key] = row
        self.views.setdefault(key[1], {})[key[0]] = merge([row])


def call(case: Case, attempt: AttemptPlan, name: str, seed: int) -> Plan:
    """Return how the simulator answers a call; ``name`` tells calls apart."""
    prompt = case.prompt
    tokens = tokens_of(prompt.text)
    asked = SimulatedCall(
        model=attempt.provider_model,
        input_tokens=tokens,
        earlier_tokens=0,
        max_output_tokens=attempt.max_output_tokens,
        task_type=prompt.type,
    )
    behaviour = behaviours().of(attempt.provider_model)
    return plan_call(asked, behaviour, Draws(seed, name.encode(), attempt.model))


def events_of(step: Step, *, rated: bool) -> list[StatisticsEvent]:
    """Return what the log would hold of a step: the call's end, and a rating of its answer if there is one."""
    chosen = step.choice.chain[0]
    request = f"r{step.number}"
    common = {
        "id": request,
        "occurred_at": step.at,
        "tenant": step.case.facts.tenant,
        "request_id": request,
    }
    of_call = {
        **common,
        "decision_id": request,
        "attempt": 1,
        "attempt_id": request,
        "instance": "simulated",
        "incarnation": 1,
        "model": chosen.model,
        "provider": chosen.provider,
        "task_type": step.choice.task_type,
        "tier": step.choice.tier,
        "forced_by": step.choice.forced_by,
    }
    plan = step.plan
    if plan.fate in UNBILLED or plan.fate == "reset_after":
        category = plan.fate if plan.fate in {"rate_limited", "server_error", "overloaded"} else "connection_lost"
        return [fresh(CallFailed, {**of_call, "category": category, "billed": "no", "terminal": True})]
    usage = fresh(Usage, {"input_tokens": plan.bill.input_tokens, "output_tokens": plan.bill.output_tokens})
    times = {"latency_ms": int(plan.total_s * 1000), "ttft_ms": int(plan.ttft_s * 1000)}
    found: list[StatisticsEvent] = [fresh(CallFinished, {**of_call, "usage": usage, "cost": plan.bill.cost, **times})]
    if rated:
        said = {"model": chosen.model, "task_type": step.choice.task_type, "rating": 1.0 if plan.good else 0.0}
        found.append(fresh(OutcomeRated, {**common, **said}))
    return found


class Stream:
    """Which requests come, in which order: each type of task as often as any other."""

    def __init__(self, cases: Sequence[Case], seed: int) -> None:
        self.seed = seed
        found: dict[str, list[Case]] = {}
        for case in cases:
            found.setdefault(case.prompt.type, []).append(case)
        self._by_type = [found[kind] for kind in sorted(found)]

    def at(self, number: int) -> Case:
        """Return the case of a request."""
        of_type = self._by_type[int(draw("type", self.seed, number) * len(self._by_type))]
        return of_type[int(draw("prompt", self.seed, number) * len(of_type))]


def run(
    router: Router,
    stream: Stream,
    marks: Sequence[int],
    seen: Callable[[int, Experience], None],
    rated: float = RATED,
) -> None:
    """Send requests through a router until the last of ``marks``; at each mark ``seen`` is shown the experience."""
    experience = Experience()
    for number in range(max(marks) + 1):
        if number in marks:
            seen(number, experience)
        if number == max(marks):
            return
        case = stream.at(number)
        view = View(statistics=experience.views.get(case.task.type, {}))
        where = draw("exploration", stream.seed, number)
        choice = decide(case.facts, case.task, view, router.policy, NOW, where)
        if not isinstance(choice, Choice):
            raise TypeError(choice.reason)
        plan = call(case, choice.chain[0], f"r{number}", stream.seed)
        is_rated = draw("rated", stream.seed, number) < rated
        experience.fold(*events_of(Step(number, case, choice, plan), rated=is_rated))
