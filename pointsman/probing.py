"""Probes sent as ordinary requests for one named model: held, settled and capped like any, told apart by use case.

A probe's request id says model, prompt and limit, and how often it was asked before: an answer that is in the log is
not paid for again.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import orjson

from pointsman.client import Answer, Client, NoAnswerError, NotAcceptedError, Receipt
from pointsman.log_reader import LogReader
from routing.probe_checks import passes
from schemas import topics
from schemas.decision import DecisionMade, RequestRefused
from schemas.money import format_usd
from schemas.partition import partition_for
from schemas.probe import Probe
from schemas.request import PROBE
from schemas.result import FinalResult
from streams.settings import Settings

_PREFIX = "probe-"
_OVER_COST = "constraint_cost"


@dataclass(frozen=True, slots=True)
class Judged:
    """One probe and what became of it; money in pico-dollars."""

    probe: Probe
    request_id: str | None
    passed: bool | None
    """None: there is no answer of the model that could be judged."""
    reason: str = ""
    cost: int = 0
    latency_ms: int | None = None
    simulated: bool = False
    earlier: bool = False
    """Whether the answer was in the log already."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Who is asked: ``limit`` pico-dollars at most in all, ``parallel`` requests at once, ``timeout`` seconds each."""

    tenant: str
    model: str
    limit: int
    parallel: int = 8
    timeout: float = 120.0


Earlier = Mapping[str, tuple[int, FinalResult]]
"""What the log holds, by probe (its digest): how often it was asked, and the newest completed or else last result."""


def digest(model: str, probe: Probe) -> str:
    """Return what tells a question to a model from all others."""
    content = orjson.dumps([model, probe.id, probe.prompt, probe.max_output_tokens])
    return blake2b(content, digest_size=12).hexdigest()


def earlier_answers(settings: Settings, tenant: str) -> Earlier:
    """Return what the tenant's earlier probes came to, as far as results are kept."""
    found: dict[str, tuple[int, FinalResult]] = {}
    with LogReader(settings) as reader:
        partition = partition_for(tenant, reader.partitions(topics.RESULTS))
        reader.assign(reader.beginnings([(topics.RESULTS, partition)]))
        for record in reader.until_end():
            subject = record.header("ce_subject") or ""
            if not subject.startswith(_PREFIX) or record.header("ce_type") != FinalResult.TYPE:
                continue
            result = FinalResult.model_validate_json(record.value or b"")
            asked, _, of = subject.removeprefix(_PREFIX).partition("-")
            if result.tenant == tenant and asked.isdigit():
                found[of] = _newest(found.get(of), int(asked), result)
    return found


def _newest(known: tuple[int, FinalResult] | None, asked: int, result: FinalResult) -> tuple[int, FinalResult]:
    if known is None:
        return asked, result
    better = result if result.status == "completed" or known[1].status != "completed" else known[1]
    return max(asked, known[0]), better


def ask_all(
    client: Client, plan: Plan, probes: Sequence[Probe], earlier: Earlier, tell: Callable[[str], None]
) -> list[Judged]:
    """Ask what the log does not answer yet; return all probes with what became of them, in order."""
    judged: dict[str, Judged] = {}
    queue: deque[tuple[Probe, str]] = deque()
    for probe in probes:
        key = digest(plan.model, probe)
        count, known = earlier.get(key, (0, None))
        if known is not None and known.status == "completed":
            judged[probe.id] = judge(probe, plan.model, known, earlier=True)
        else:
            queue.append((probe, f"{_PREFIX}{count + 1}-{key}"))
    for one in _Round(client, plan).run(queue):
        judged[one.probe.id] = one
        tell(f"asked: {len(judged)} of {len(probes)} probes")
    return [judged[probe.id] for probe in probes]


def asked_again(earlier: Earlier) -> Earlier:
    """Return the log's answers as if they did not count: every probe is asked once more, under a new id."""
    return {key: (count, result.model_copy(update={"status": "failed"})) for key, (count, result) in earlier.items()}


def judge(probe: Probe, model: str, answer: Answer, *, earlier: bool = False) -> Judged:
    """Return what an answer says of the model; one of another model says nothing."""
    cost = answer.cost if isinstance(answer, FinalResult) else 0
    if not isinstance(answer, FinalResult) or answer.status != "completed":
        return Judged(probe, answer.request_id, None, f"{answer.status}: {answer.reason}", cost)
    if answer.model != model:
        return Judged(probe, answer.request_id, None, f"answered by {answer.model} instead", cost)
    passed = answer.content is not None and passes(probe.check, answer.content)
    reason = "" if passed else (answer.degraded or "the answer fails the check")
    return Judged(probe, answer.request_id, passed, reason, cost, answer.latency_ms, answer.simulated, earlier=earlier)


@dataclass(slots=True)
class _Waiting:
    probe: Probe
    receipt: Receipt
    hold: int
    until: float


class _Round:
    """One run: never more in flight than what is left would pay for."""

    def __init__(self, client: Client, plan: Plan) -> None:
        self._client = client
        self._plan = plan
        self._left = plan.limit
        self._waiting: list[_Waiting] = []
        self._largest = 0
        self._over = False

    def run(self, queue: "deque[tuple[Probe, str]]") -> Iterable[Judged]:
        """Yield each probe's end as it comes."""
        while queue or self._waiting:
            while queue and self._may_send():
                probe, request_id = queue.popleft()
                ended = self._send(probe, request_id)
                if ended is not None:
                    yield ended
            if self._over and not self._waiting:
                yield from (Judged(probe, None, None, "not asked: over --max-cost") for probe, _ in queue)
                return
            yield from self._ended()

    def _may_send(self) -> bool:
        free = self._left - sum(one.hold for one in self._waiting)
        if free < max(1, self._largest):
            self._over = self._over or not self._waiting
            return False
        return not self._over and len(self._waiting) < self._plan.parallel

    def _send(self, probe: Probe, request_id: str) -> Judged | None:
        """Send one probe and wait for its decision, which says how much it holds."""
        plan, free = self._plan, self._left - sum(one.hold for one in self._waiting)
        receipt = self._client.submit(
            tenant=plan.tenant,
            request_id=request_id,
            prompt=probe.prompt,
            model=plan.model,
            use_case=PROBE,
            latency_class="background",
            max_output_tokens=probe.max_output_tokens,
            constraints={"max_cost": format_usd(free)},
        )
        try:
            decision = self._client.decision(receipt, plan.timeout)
        except NotAcceptedError:
            self._client.forget(request_id)
            return Judged(probe, request_id, None, "asked before, and not answered yet: run the command again later")
        if isinstance(decision, RequestRefused) and decision.code == _OVER_COST:
            self._over = True
        hold = decision.hold.amount if isinstance(decision, DecisionMade) and decision.hold is not None else 0
        self._largest = max(self._largest, hold)
        self._waiting.append(_Waiting(probe, receipt, hold, time.monotonic() + plan.timeout))
        return None

    def _ended(self) -> Iterable[Judged]:
        self._client.poll(0.2)
        for one in list(self._waiting):
            try:
                answer = self._client.result(one.receipt, 0.0)
            except NoAnswerError:
                if time.monotonic() < one.until:
                    continue
                # Its hold stays counted: it may still be charged.
                self._left -= one.hold
                ended = Judged(one.probe, one.receipt.request_id, None, "no answer in time: it is pending")
            else:
                ended = judge(one.probe, self._plan.model, answer)
                self._left -= ended.cost
            self._waiting.remove(one)
            yield ended
