"""Requests at the desk: dedupe, classify, decide, hold; and the one final result of each (DESIGN 6.6, 7)."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

import orjson

from routing.build import build, fresh
from routing.catalog import TenantPolicy
from routing.classify import classify_with
from routing.decide import decide, ruling_of
from routing.decision_cache import CacheEntry, cache_key, kept_choice
from routing.desk_batch import Question
from routing.desk_context import Context
from routing.desk_orders import Order, OrderDesk, position
from routing.desk_scores import Scores
from routing.desk_state import HOUR_MS, Conversation, DecisionState, OpenRequest, Seen
from routing.draws import draw
from routing.embeddings import Unread
from routing.endings import Ending, final_result, settled_for, technical_outcome
from routing.reason_codes import ReasonCode
from routing.request_facts import facts_of
from schemas import topics as t
from schemas.classification import ClassificationMade
from schemas.decision import (
    Choice,
    DecisionMade,
    Denial,
    OverrideView,
    Position,
    RefusalCode,
    RequestRefused,
    View,
)
from schemas.envelope import to_ms
from schemas.ids import event_id, position_id
from schemas.ledger import AlertRaised, LedgerEvent
from schemas.provider_call import CallFinished
from schemas.record import Record
from schemas.request import RequestReceived
from schemas.result import ConflictNotice, DuplicateNotice, FinalResult, ResultStatus, StaleNotice

Cause = Literal["request", "override", "billed_failure", "unknown", "escalation"]
MAX_DECISIONS: Final = 3
"""Decisions of one request that follow a billed failure or an UNKNOWN end here."""
CONVERSATION_TTL_MS: Final = 24 * HOUR_MS
LINGER_MS: Final = HOUR_MS // 6
"""A closed request and its holds are remembered this long, to recognise repeated call records."""
LINGER_UNKNOWN_MS: Final = 24 * HOUR_MS
"""With an UNKNOWN attempt they are remembered this long: the true cost may still come."""
_LONGEST: Final = timedelta(minutes=15)
_NOT_CONTENT: Final = {"id", "occurred_at", "traceparent", "source", "type", "causation_id"}


def content_hash(key: bytes, event: RequestReceived) -> str:
    """Return the keyed BLAKE2b of a request's canonical data without id, time and trace fields (DESIGN 6.6)."""
    data = event.__pydantic_serializer__.to_json(event, exclude_defaults=True, exclude=_NOT_CONTENT)
    if event.tool_definitions or event.response_format is not None:  # objects of clients, whose order says nothing
        data = orjson.dumps(orjson.loads(data), option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(data, key=key[:64], digest_size=16).hexdigest()


class Accepted(NamedTuple):
    """An accepted request, and the text of it whose vector is not known yet, if its clusters need one."""

    request: OpenRequest
    unread: Unread | None


class RequestDesk:
    """Accepts requests, makes decisions, ends requests."""

    def __init__(self, context: Context) -> None:
        """Bind to the desk's shared context."""
        self._context = context
        self.orders = OrderDesk(context)

    # Acceptance --------------------------------------------------------------------------------------------------

    def receive(self, record: Record, event: RequestReceived) -> Accepted | None:
        """Accept a request and return it, or answer a repeated, conflicting or stale one with a non-final notice."""
        context = self._context
        here = position(record.topic, record.partition, record.offset)
        causation = position_id(record.topic, record.partition, record.offset)
        notice: dict[str, Any] = {
            "occurred_at": context.now,
            "tenant": event.tenant,
            "request_id": event.request_id,
            "user": event.user,
            "conversation_id": event.conversation_id,
            "causation_id": causation,
            "traceparent": event.traceparent,
            "request_at": here,
        }
        occurred_ms = to_ms(event.occurred_at)
        if occurred_ms < record.timestamp_ms - context.dedupe_window_ms:
            context.emit(t.RESULTS, StaleNotice(id=event_id(event.tenant, StaleNotice.TYPE, causation, 0), **notice))
            return None
        content = content_hash(context.content_key, event)
        seen = context.state.seen.get((event.tenant, event.request_id))
        if seen is not None and self._context.state.counts(event.tenant, event.request_id, seen, record.timestamp_ms):
            self._answer_repeat(event, content, seen, notice, causation)
            return None
        expires = max(record.timestamp_ms, occurred_ms) + context.dedupe_window_ms
        request, classified, unread = self._classify(record, event, causation)
        context.state.see(event.tenant, event.request_id, Seen(content, record.offset, expires))
        self._replace(request)
        context.state.open(request, context.emit(t.CLASSIFICATIONS, classified))
        return Accepted(request, unread)

    def _answer_repeat(
        self, event: RequestReceived, content: str, seen: Seen, notice: dict[str, Any], causation: str
    ) -> None:
        original: Position = notice["request_at"].model_copy(update={"offset": seen.offset})
        if content == seen.content:
            first = position_id(original.topic, original.partition, original.offset)
            self._context.emit(
                t.RESULTS,
                DuplicateNotice(
                    id=event_id(event.tenant, DuplicateNotice.TYPE, causation, 0),
                    original=original,
                    result_id=event_id(event.tenant, FinalResult.TYPE, first, 0),
                    **notice,
                ),
            )
        else:
            self._context.emit(
                t.RESULTS,
                ConflictNotice(
                    id=event_id(event.tenant, ConflictNotice.TYPE, causation, 0), original=original, **notice
                ),
            )

    def _classify(
        self, record: Record, event: RequestReceived, causation: str
    ) -> tuple[OpenRequest, ClassificationMade, Unread | None]:
        scores = Scores(self._context, event.tenant, causation)
        task, read = classify_with(event, self._context.config, scores)
        request = OpenRequest(facts_of(event), task, record.offset, causation, event.traceparent)
        classified = fresh(
            ClassificationMade,
            {
                "id": event_id(event.tenant, ClassificationMade.TYPE, causation, 1),
                "task": task,
                "clusters": read,
                "engine": self._context.engine,
                **self._context.common(request),
            },
        )
        return request, classified, scores.unread

    def _replace(self, request: OpenRequest) -> None:
        """A request id came back after its dedupe entry ended: nothing may mistake the old request for the new."""
        old = self._context.state.requests.get(request.key)
        if old is not None:
            self._context.state.forget(old)

    def fail_internal(self, record: Record, event: RequestReceived) -> None:
        """End a request inside which the core failed: a dead letter lies beside this ``failed`` result."""
        context = self._context
        request = context.state.requests.get((event.tenant, event.request_id))
        if request is not None and request.offset == record.offset and not request.final:
            self.end(
                request, ResultStatus.FAILED, "an internal error; the request is in the dead letters", code="internal"
            )

    # Decisions ---------------------------------------------------------------------------------------------------

    def view(
        self, request: OpenRequest, policy: TenantPolicy, override: OverrideView | None, cause_id: str, number: int
    ) -> View:
        """Return every value that a decision of ``request`` reads."""
        context = self._context
        facts = request.facts
        reading = context.globals.read(
            Question(
                tenant=facts.tenant,
                user=facts.user,
                space=facts.space,
                task_type=request.task.type,
                preferences=policy.settings.preferences,
                now=context.now,
                causation_id=cause_id,
                number=number,
            )
        )
        last, warm = context.state.conversation(facts, context.now_ms, policy.scoring.prompt_cache_ms)
        return fresh(
            View,
            {
                "windows": context.state.ledger(facts.tenant).lines(policy.caps, context.now_ms),
                "per_request_cap": policy.caps.per_request,
                "preference": reading.preference if policy.plans.preferences else None,
                "statistics": dict(reading.statistics),
                "health": dict(reading.health),
                "conversation_model": last,
                "override": override,
                "settings": context.state.settings.get((facts.tenant, facts.user)) if facts.user is not None else None,
                "shares": context.state.shares_of(facts.tenant) if policy.share_control is not None else {},
                "warm_tokens": warm,
                "advice": request.advised,
                "embedding": request.embedded,
                "above_quality": request.above_quality,
                "excluded": tuple(request.tried),
            },
        )

    def standing(self, request: OpenRequest) -> OverrideView | None:
        """Return the most specific standing override of the request's conversation, area, space or user."""
        facts = request.facts
        places: tuple[tuple[Literal["conversation", "area", "space", "always"], str | None], ...] = (
            ("conversation", facts.conversation_id),
            ("area", facts.area),
            ("space", facts.space),
            ("always", facts.user),
        )
        for scope, target in places:
            if target is None:
                continue
            found = self._context.state.standing.get((facts.tenant, scope, target))
            if found is not None and found.model not in request.tried:
                return OverrideView(scope=scope, model=found.model, override_id=found.override_id)
        return None

    def choose(
        self, request: OpenRequest, number: int, override: OverrideView | None
    ) -> tuple[Choice | Denial, View, TenantPolicy | None]:
        """Run the pure decision; an override reads under its own id, since it may come to nothing and come again."""
        policy = self._context.config.tenant(request.facts.tenant, request.facts.plan)
        if policy is None:
            denial = Denial(
                code=RefusalCode.UNKNOWN_TENANT,
                reason="no tenant document names this tenant; apply one with: pointsman config apply",
                signals=request.task.signals,
                task_type=request.task.type,
                complexity=request.task.complexity,
                policy="none",
                catalog="none",
                price_book="none",
            )
            return denial, View(), None
        by_override = override is not None and override.scope == "request"
        cause_id = override.override_id if override is not None and by_override else request.causation_id
        view = self.view(request, policy, override, cause_id, 0 if by_override else number)
        blocked = self._blocked(request, policy)
        if blocked is not None:
            return blocked, view, policy
        ruling = ruling_of(request.facts, request.task, policy)
        key = cache_key(request.facts, request.task, view, policy, ruling)
        state, offset, now_ms = self._context.state, self._context.config_offset, self._context.now_ms
        kept = state.cached_choice(request.facts.tenant, key, offset, now_ms) if key is not None else None
        if kept is not None:
            view = build(View, {**view.__dict__, "cached": kept})
        drawn = draw("explore", cause_id, number)
        chosen = decide(request.facts, request.task, view, policy, self._context.now, drawn, ruling)
        if key is not None and isinstance(chosen, Choice) and ReasonCode.CACHED.value not in chosen.reason_codes:
            ttl_ms = policy.settings.cache.ttl_ms if policy.settings.cache is not None else 0
            state.keep_choice(request.facts.tenant, key, CacheEntry(kept_choice(chosen), offset, now_ms + ttl_ms))
        return chosen, view, policy

    def _blocked(self, request: OpenRequest, policy: TenantPolicy) -> Denial | None:
        if not self._context.state.ledger(request.facts.tenant).is_blocked(self._context.now_ms):
            return None
        return Denial(
            code=RefusalCode.BUDGET_BLOCKED,
            reason="a call cost more than its hold; the tenant is blocked until its budget windows end",
            signals=request.task.signals,
            task_type=request.task.type,
            complexity=request.task.complexity,
            policy=policy.policy,
            catalog=policy.catalog,
            price_book=policy.price_book,
        )

    def decide_next(self, request: OpenRequest, cause: Cause) -> None:
        """Make the first decision of a request, or the one after a billed failure or an UNKNOWN."""
        number = request.numbers + 1
        chosen, view, policy = self.choose(request, number, self.standing(request))
        if isinstance(chosen, Choice) and policy is not None:
            self.commit(request, number, cause, chosen, view, policy)
        elif isinstance(chosen, Denial):
            self._refuse(request, number, cause, chosen, view)

    def _refuse(self, request: OpenRequest, number: int, cause: Cause, denial: Denial, view: View) -> None:
        context = self._context
        refused = fresh(
            RequestRefused,
            {
                **denial.__dict__,
                "id": event_id(request.facts.tenant, RequestRefused.TYPE, request.causation_id, number),
                "number": number,
                "cause": cause,
                "request_at": self.position(request),
                "view": view,
                "config_offset": context.config_offset,
                "engine": context.engine,
                **context.common(request),
            },
        )
        context.emit(t.DECISIONS, refused)
        code = denial.code.value
        if cause == "request":
            self.end(request, ResultStatus.REFUSED, denial.reason, code=code, fits_at=denial.fits_at)
        else:
            reason = f"no further model after a {cause.replace('_', ' ')}: {denial.reason}"
            self.end(request, ResultStatus.FAILED, reason, code=code)

    def commit(
        self,
        request: OpenRequest,
        number: int,
        cause: Cause,
        choice: Choice,
        view: View,
        policy: TenantPolicy,
    ) -> DecisionState:
        """Write decision, hold and (for ``execute: false``) the routed result; fold them into the state."""
        context, facts = self._context, request.facts
        superseded = request.current if cause == "override" else None
        fields = {"cause": cause, "supersedes": superseded, "probe": facts.probe}
        order = Order(DecisionMade, number, self._deadline(request, choice), facts.execute, facts.stream, fields)
        state = self.orders.place(request, order, choice, view, policy)
        request.numbers = number
        request.current = state.decision_id
        if facts.conversation_id is not None:
            context.state.converse(
                facts.tenant,
                facts.conversation_id,
                Conversation(choice.model, context.now_ms + CONVERSATION_TTL_MS, context.now_ms, choice.input_tokens),
            )
        if policy.share_control is not None and not facts.probe:
            context.state.count_choice(facts.tenant, choice.model, policy.share_control.window)
        context.state.changed(request)
        if not facts.execute:
            self.end(request, ResultStatus.ROUTED, choice.reason)
        return state

    def book(self, request: OpenRequest, events: Sequence[LedgerEvent | AlertRaised]) -> None:
        """Write ledger events and alerts, and fold them into the tenant's ledger."""
        ledger = self._context.state.ledger(request.facts.tenant)
        for event in events:
            self._context.emit(t.ALERTS if isinstance(event, AlertRaised) else t.LEDGER, event)
            ledger.apply(event)

    def _deadline(self, request: OpenRequest, choice: Choice) -> Any:
        limit = self._context.now + min(timedelta(milliseconds=sum(plan.timeout_ms for plan in choice.chain)), _LONGEST)
        wanted = request.facts.constraints.deadline
        return limit if wanted is None else min(wanted, limit)

    def position(self, request: OpenRequest) -> Position:
        """Return where the request lies in the log."""
        return position(t.REQUESTS, self._context.partition, request.offset)

    # The end -----------------------------------------------------------------------------------------------------

    def end(
        self,
        request: OpenRequest,
        status: ResultStatus,
        reason: str,
        *,
        code: str | None = None,
        fits_at: datetime | None = None,
        finished: CallFinished | None = None,
        degraded: str | None = None,
    ) -> None:
        """Write the one final result and the one technical outcome of an accepted request."""
        if request.final:
            return
        context = self._context
        kept = context.state.answers.get(request.key)
        ending = settled_for(Ending(status, reason, code, fits_at, finished, degraded), kept, request.fault)
        common = context.common(request)
        context.emit(t.RESULTS, final_result(request, ending, self.position(request), common))
        context.emit(t.TECHNICAL_OUTCOMES, technical_outcome(request, ending, common))
        context.state.ended(request)
        self.linger(request)

    @staticmethod
    def _may_cost(request: OpenRequest, decision: DecisionState) -> bool:
        """Return whether a call is open; of a request that is not executed only what is asked before is called."""
        return not decision.calls.closed and (request.facts.execute or decision.purpose == "advice")

    def linger(self, request: OpenRequest) -> None:
        """Once final and with every decision closed, plan when to forget the request."""
        if not request.final or any(self._may_cost(request, decision) for decision in request.decisions.values()):
            return
        unknown = any(decision.calls.unknown for decision in request.decisions.values())
        self._context.state.expire_at(request, self._context.now_ms + (LINGER_UNKNOWN_MS if unknown else LINGER_MS))
