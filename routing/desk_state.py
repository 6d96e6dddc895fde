"""State of the router on one partition: open requests, dedupe entries, standing overrides, conversations, ledgers.

Every change marks a state key dirty; a batch writes each dirty key once to ``router-state``, so a change costs O(1)
records, and ``load`` rebuilds the same state from the newest value of each key.
"""

import heapq
from dataclasses import astuple, dataclass, field
from typing import Any, Final

import orjson

from routing.calls import Calls
from routing.decision_cache import CacheEntry
from routing.embedding_cache import KIND as EMBEDDING
from routing.embedding_cache import EmbeddingCache
from routing.ledger import Ledger
from routing.shares import count_choice, shares_of
from schemas.classification import TaskDescriptor
from schemas.decision import AdviceView, CachedChoice, EmbeddingView, Purpose
from schemas.request import RequestFacts
from schemas.user_settings import UserSettings

Json = dict[str, Any]
HOUR_MS: Final = 3_600_000
MOST_KEPT: Final = 50_000
"""Kept decisions of one partition; beyond it those that end first go."""


@dataclass(slots=True)
class DecisionState:
    """One decision of a request as the router follows it."""

    decision_id: str
    number: int
    model: str
    stream: bool
    tier: int
    estimated_cost: int
    estimated_latency_ms: int
    calls: Calls
    forced_by: str | None = None
    superseded: bool = False
    deadline_ms: int = 0
    made_ms: int = 0
    cascade: bool = False
    quality: float = 0.0
    """Predicted share of good answers of the chosen model."""
    purpose: Purpose = "answer"

    def dump(self) -> Json:
        """Return this state as plain JSON values."""
        return {
            "id": self.decision_id,
            "number": self.number,
            "model": self.model,
            "stream": self.stream,
            "tier": self.tier,
            "cost": self.estimated_cost,
            "latency": self.estimated_latency_ms,
            "calls": self.calls.to_dict(),
            "forced_by": self.forced_by,
            "superseded": self.superseded,
            "deadline": self.deadline_ms,
            "made": self.made_ms,
            "cascade": self.cascade,
            "quality": self.quality,
            "purpose": self.purpose,
        }

    @classmethod
    def load(cls, value: Json) -> "DecisionState":
        """Return the state that ``dump`` wrote."""
        return cls(
            value["id"],
            value["number"],
            value["model"],
            value["stream"],
            value["tier"],
            value["cost"],
            value["latency"],
            Calls.from_dict(value["calls"]),
            value["forced_by"],
            value["superseded"],
            value["deadline"],
            value["made"],
            value["cascade"],
            value["quality"],
            value["purpose"],
        )


@dataclass(slots=True)
class OpenRequest:
    """An accepted request until all its decisions are closed and late news is no longer expected.

    Holds no message text: ``facts`` and ``task`` are what later decisions of the request read.
    """

    facts: RequestFacts
    task: TaskDescriptor
    offset: int
    causation_id: str
    traceparent: str | None
    decisions: dict[str, DecisionState] = field(default_factory=dict)
    current: str | None = None
    numbers: int = 0
    cancelled: bool = False
    final: bool = False
    tried: list[str] = field(default_factory=list)
    attempts: list[Json] = field(default_factory=list)
    cost: int = 0
    override_model: str | None = None
    above_quality: float | None = None
    """Set by an escalation: what further models must be better than."""
    fault: str | None = None
    """Why an earlier answer was not good enough; that answer is kept until the request ends."""
    escalations: int = 0
    advice: Json | None = None
    """What was asked last before the decision: id and kind of the order, and what its answer is read with."""
    advised: AdviceView | None = None
    embedded: EmbeddingView | None = None
    overhead: int = 0
    """Of the cost: what advice and embeddings cost."""
    expires_ms: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Tenant and request id."""
        return self.facts.tenant, self.facts.request_id

    def dump_static(self, classified: bytes) -> bytes:
        """Return the part that never changes after acceptance; ``classified`` is the JSON of its classification."""
        return orjson.dumps(
            {
                "facts": orjson.Fragment(self.facts.__pydantic_serializer__.to_json(self.facts, exclude_defaults=True)),
                "classified": orjson.Fragment(classified),
                "offset": self.offset,
                "causation": self.causation_id,
                "traceparent": self.traceparent,
            }
        )

    def dump_progress(self) -> bytes:
        """Return the part that changes with decisions and calls."""
        return orjson.dumps(
            {
                "key": self.key,
                "decisions": [decision.dump() for decision in self.decisions.values()],
                "current": self.current,
                "numbers": self.numbers,
                "cancelled": self.cancelled,
                "final": self.final,
                "tried": self.tried,
                "attempts": self.attempts,
                "cost": self.cost,
                "override": self.override_model,
                "above": self.above_quality,
                "fault": self.fault,
                "escalations": self.escalations,
                "advice": self.advice,
                "advised": None if self.advised is None else self.advised.model_dump(mode="json"),
                "embedded": None if self.embedded is None else self.embedded.model_dump(mode="json"),
                "task": None if self.advised is None and self.embedded is None else self.task.model_dump(mode="json"),
                "overhead": self.overhead,
                "expires": self.expires_ms,
            }
        )

    @classmethod
    def load(cls, static: bytes, progress: Json) -> "OpenRequest":
        """Return the request that the two dumps describe."""
        fixed = orjson.loads(static)
        request = cls(
            RequestFacts.model_validate_json(orjson.dumps(fixed["facts"])),
            TaskDescriptor.model_validate_json(orjson.dumps(fixed["classified"]["task"])),
            fixed["offset"],
            fixed["causation"],
            fixed["traceparent"],
        )
        for value in progress["decisions"]:
            request.decisions[value["id"]] = DecisionState.load(value)
        request.current = progress["current"]
        request.numbers = progress["numbers"]
        request.cancelled = progress["cancelled"]
        request.final = progress["final"]
        request.tried = progress["tried"]
        request.attempts = progress["attempts"]
        request.cost = progress["cost"]
        request.override_model = progress["override"]
        request.above_quality = progress["above"]
        request.fault = progress["fault"]
        request.escalations = progress["escalations"]
        request.advice = progress["advice"]
        if progress["advised"] is not None:
            request.advised = AdviceView.model_validate(progress["advised"])
        if progress.get("embedded") is not None:  # older progress has none
            request.embedded = EmbeddingView.model_validate(progress["embedded"])
        if progress["task"] is not None:
            request.task = TaskDescriptor.model_validate(progress["task"])
        request.overhead = progress["overhead"]
        request.expires_ms = progress["expires"]
        return request


@dataclass(frozen=True, slots=True)
class Seen:
    """A dedupe entry: content hash, offset of the accepted event, append time until which it counts."""

    content: str
    offset: int
    expires_ms: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A standing override of a conversation, area, space or user."""

    model: str
    override_id: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """The model that served a conversation last, until when that counts, when it was chosen, and its input tokens."""

    model: str
    until_ms: int
    at_ms: int = 0
    input_tokens: int = 0


class DeskState:
    """All state of one partition; ``load`` and ``drain`` are its change log."""

    def __init__(self) -> None:
        """Start empty."""
        self.requests: dict[tuple[str, str], OpenRequest] = {}
        self.by_decision: dict[str, OpenRequest] = {}
        self.ledgers: dict[str, Ledger] = {}
        self.seen: dict[tuple[str, str], Seen] = {}
        self.standing: dict[tuple[str, str, str], Standing] = {}
        self.settings: dict[tuple[str, str], UserSettings] = {}
        """(tenant, user) -> what the user has set; users who set nothing are not in it."""
        self.conversations: dict[tuple[str, str], Conversation] = {}
        self.choices: dict[str, dict[str, float]] = {}
        """Tenant -> faded count of its decisions by model, where its router steers toward target shares."""
        self.answers: dict[tuple[str, str], bytes] = {}
        """Answers that were not good enough, while a better one is waited for: JSON of the call's end."""
        self.choices_kept: dict[tuple[str, str], CacheEntry] = {}
        """Tenant and key -> kept decision about alike tasks."""
        self.embeddings = EmbeddingCache()
        self.unanswered = 0
        """Accepted requests without a final result."""
        self._expiring_seen: list[tuple[int, str, str]] = []
        self._expiring_requests: list[tuple[int, str, str]] = []
        self._expiring_choices: list[tuple[int, str, str]] = []
        self._expiring_conversations: list[tuple[int, str, str]] = []
        self._dirty: dict[str, bytes | None] = {}
        self._changed: dict[tuple[str, str], OpenRequest] = {}
        self._touched: set[str] = set()

    def ledger(self, tenant: str) -> Ledger:
        """Return the tenant's ledger, empty if it is new; its changes are drained with this batch."""
        self._touched.add(tenant)
        ledger = self.ledgers.get(tenant)
        if ledger is None:
            ledger = self.ledgers[tenant] = Ledger(tenant)
        return ledger

    def gauges(self, now_ms: int) -> dict[str, int]:
        """Return the size of each kind of state, and the age in ms of the oldest request without a final result."""
        waiting = [
            decision.made_ms
            for request in self.requests.values()
            if not request.final
            for decision in request.decisions.values()
            if not decision.calls.closed
        ]
        return {
            "requests": len(self.requests),
            "unanswered": self.unanswered,
            "dedupe": len(self.seen),
            "overrides": len(self.standing),
            "settings": len(self.settings),
            "conversations": len(self.conversations),
            "kept_decisions": len(self.choices_kept),
            "kept_embeddings": len(self.embeddings),
            "holds": sum(len(ledger.holds) for ledger in self.ledgers.values()),
            "oldest_hold_ms": max(now_ms - min(waiting), 0) if waiting else 0,
        }

    # Changes -----------------------------------------------------------------------------------------------------

    def open(self, request: OpenRequest, classified: bytes) -> None:
        """Add an accepted request; ``classified`` is the JSON of its classification."""
        tenant, request_id = request.key
        self.requests[request.key] = request
        self.unanswered += 1
        self._dirty[f"request/{tenant}/{request_id}"] = request.dump_static(classified)
        self._changed[request.key] = request

    def keep_answer(self, request: OpenRequest, finished: bytes) -> None:
        """Keep an answer until the request ends."""
        self.answers[request.key] = finished
        self._dirty["/".join(("answer", *request.key))] = finished

    def ended(self, request: OpenRequest) -> None:
        """Note that ``request`` has its final result."""
        if self.answers.pop(request.key, None) is not None:
            self._dirty["/".join(("answer", *request.key))] = None
        request.final = True
        self.unanswered -= 1
        self._changed[request.key] = request

    def changed(self, request: OpenRequest) -> None:
        """Note that decisions, calls or costs of ``request`` changed."""
        self._changed[request.key] = request

    def expire_at(self, request: OpenRequest, at_ms: int) -> None:
        """Forget ``request`` once the desk's time has passed ``at_ms``; the latest call counts."""
        request.expires_ms = at_ms
        heapq.heappush(self._expiring_requests, (at_ms, *request.key))
        self._changed[request.key] = request

    def see(self, tenant: str, identity: str, seen: Seen) -> None:
        """Remember a request id (or, prefixed, an override or cancel id)."""
        self.seen[tenant, identity] = seen
        heapq.heappush(self._expiring_seen, (seen.expires_ms, tenant, identity))
        self._dirty[f"dedupe/{tenant}/{identity}"] = orjson.dumps(
            [tenant, identity, seen.content, seen.offset, seen.expires_ms]
        )

    def stand(self, tenant: str, scope: str, target: str, standing: Standing | None) -> None:
        """Set or lift a standing override."""
        key = f"override/{tenant}/{scope}/{target}"
        if standing is None:
            self.standing.pop((tenant, scope, target), None)
            self._dirty[key] = None
        else:
            self.standing[tenant, scope, target] = standing
            self._dirty[key] = orjson.dumps([tenant, scope, target, standing.model, standing.override_id])

    def set_settings(self, tenant: str, user: str, settings: UserSettings) -> None:
        """Keep what a user has set; defaults are forgotten."""
        key = f"settings/{tenant}/{user}"
        if settings == UserSettings():
            self.settings.pop((tenant, user), None)
            self._dirty[key] = None
        else:
            self.settings[tenant, user] = settings
            self._dirty[key] = orjson.dumps([tenant, user, settings.model_dump(mode="json", exclude_defaults=True)])

    def converse(self, tenant: str, name: str, conversation: Conversation) -> None:
        """Remember what served a conversation last."""
        self.conversations[tenant, name] = conversation
        heapq.heappush(self._expiring_conversations, (conversation.until_ms, tenant, name))
        self._dirty[f"conversation/{tenant}/{name}"] = orjson.dumps([tenant, name, *astuple(conversation)])

    def conversation(self, facts: RequestFacts, now_ms: int, cache_ms: int) -> tuple[str | None, int]:
        """Return the model that served the request's conversation last, and the tokens its provider still has cached.

        A provider keeps a prompt for some minutes (``cache_ms``) after its last use; the prompt of the last decision is
        the beginning of this one.
        """
        if facts.conversation_id is None:
            return None, 0
        known = self.conversations.get((facts.tenant, facts.conversation_id))
        if known is None or known.until_ms < now_ms:
            return None, 0
        return known.model, known.input_tokens if now_ms - known.at_ms <= cache_ms else 0

    def cached_choice(self, tenant: str, key: str, config_offset: int, now_ms: int) -> CachedChoice | None:
        """Return the kept decision of that key, if it is of this config and not too old."""
        entry = self.choices_kept.get((tenant, key))
        if entry is None or entry.config_offset != config_offset or entry.until_ms < now_ms:
            return None
        return entry.choice

    def keep_choice(self, tenant: str, key: str, entry: CacheEntry) -> None:
        """Keep a decision for alike tasks."""
        self.choices_kept[tenant, key] = entry
        heapq.heappush(self._expiring_choices, (entry.until_ms, tenant, key))
        self._dirty[f"choice/{tenant}/{key}"] = orjson.dumps(
            [entry.choice.model_dump(mode="json"), entry.config_offset, entry.until_ms]
        )

    def count_choice(self, tenant: str, model: str, window: int) -> None:
        """Count a decision for a model."""
        weights = self.choices[tenant] = count_choice(self.choices.get(tenant, {}), model, window)
        self._dirty[f"shares/{tenant}"] = orjson.dumps(weights)

    def shares_of(self, tenant: str) -> dict[str, float]:
        """Return the share of each model in the tenant's latest decisions."""
        return shares_of(self.choices.get(tenant, {}))

    # Time --------------------------------------------------------------------------------------------------------

    def prune_seen(self, append_ms: int) -> None:
        """Forget dedupe entries that ended before ``append_ms``, an append time of ``requests``."""
        heap = self._expiring_seen
        kept: list[tuple[int, str, str]] = []
        while heap and heap[0][0] < append_ms:
            _, tenant, identity = heapq.heappop(heap)
            entry = self.seen.get((tenant, identity))
            if entry is None or entry.expires_ms >= append_ms:
                continue
            if self.counts(tenant, identity, entry, append_ms):
                kept.append((entry.expires_ms, tenant, identity))
            else:
                del self.seen[tenant, identity]
                self._dirty[f"dedupe/{tenant}/{identity}"] = None

        for item in kept:
            heapq.heappush(heap, item)

    def counts(self, tenant: str, identity: str, seen: Seen, append_ms: int) -> bool:
        """Return whether a dedupe entry still counts: within its time, and as long as its request is unanswered."""
        if append_ms <= seen.expires_ms:
            return True
        request = self.requests.get((tenant, identity))
        return request is not None and not request.final and request.offset == seen.offset

    def prune(self, now_ms: int) -> None:
        """Forget closed requests, conversations and ledger entries whose time has passed."""
        heap = self._expiring_requests
        while heap and heap[0][0] < now_ms:
            _, tenant, request_id = heapq.heappop(heap)
            request = self.requests.get((tenant, request_id))
            if request is not None and request.expires_ms is not None and request.expires_ms < now_ms:
                self.forget(request)
        talks = self._expiring_conversations
        while talks and talks[0][0] < now_ms:
            _, tenant, conversation = heapq.heappop(talks)
            known = self.conversations.get((tenant, conversation))
            if known is not None and known.until_ms < now_ms:
                del self.conversations[tenant, conversation]
                self._dirty[f"conversation/{tenant}/{conversation}"] = None

        self.embeddings.prune(now_ms)
        kept = self._expiring_choices
        while kept and (kept[0][0] < now_ms or len(kept) > MOST_KEPT):
            until_ms, tenant, key = heapq.heappop(kept)
            entry = self.choices_kept.get((tenant, key))
            if entry is not None and entry.until_ms == until_ms:
                del self.choices_kept[tenant, key]
                self._dirty[f"choice/{tenant}/{key}"] = None

    def forget(self, request: OpenRequest) -> None:
        """Forget a request, its decisions and its closed holds."""
        tenant, request_id = request.key
        del self.requests[request.key]
        self._changed.pop(request.key, None)
        for decision_id in request.decisions:
            self.by_decision.pop(decision_id, None)
            self.ledger(tenant).forget(decision_id)
        self._dirty[f"request/{tenant}/{request_id}"] = None
        self._dirty[f"progress/{tenant}/{request_id}"] = None

    # Change log --------------------------------------------------------------------------------------------------

    def drain(self) -> dict[str, bytes | None]:
        """Return the newest value of every key changed since the last call; None is a tombstone."""
        for (tenant, request_id), request in self._changed.items():
            self._dirty[f"progress/{tenant}/{request_id}"] = request.dump_progress()
        self._changed.clear()
        for tenant in sorted(self._touched):
            self._dirty.update(self.ledgers[tenant].drain())
        self._touched.clear()
        self._dirty.update(self.embeddings.drain())
        dirty, self._dirty = self._dirty, {}
        return dirty

    @classmethod
    def load(cls, entries: dict[str, bytes]) -> "DeskState":
        """Return the state that the newest value of each key describes (tombstones left out)."""
        state = cls()
        for key, value in entries.items():
            kind = key.partition("/")[0]
            if kind == "progress":
                progress = orjson.loads(value)
                tenant, request_id = progress["key"]
                state._restore(OpenRequest.load(entries[f"request/{tenant}/{request_id}"], progress))
            elif kind == "dedupe":
                tenant, identity, content, offset, expires = orjson.loads(value)
                state.seen[tenant, identity] = Seen(content, offset, expires)
                state._expiring_seen.append((expires, tenant, identity))
            elif kind == "conversation":
                tenant, name, *known = orjson.loads(value)
                conversation = state.conversations[tenant, name] = Conversation(*known)
                state._expiring_conversations.append((conversation.until_ms, tenant, name))
            elif kind == "choice":
                _, tenant, name = key.split("/", 2)
                choice, offset, until_ms = orjson.loads(value)
                state.choices_kept[tenant, name] = CacheEntry(CachedChoice(**choice), offset, until_ms)
                state._expiring_choices.append((until_ms, tenant, name))
            elif kind == EMBEDDING:
                state.embeddings.load(key, value)
            elif kind in Ledger.KINDS:
                state.ledger(key.split("/", 2)[1]).load(key, value)
            else:
                state._restore_lasting(kind, key, value)
        heapq.heapify(state._expiring_seen)
        heapq.heapify(state._expiring_conversations)
        heapq.heapify(state._expiring_choices)
        heapq.heapify(state._expiring_requests)
        state._touched.clear()
        return state

    def _restore_lasting(self, kind: str, key: str, value: bytes) -> None:
        """Take over what no time ends: overrides, settings, shares, and answers while a better one is waited for."""
        if kind == "override":
            tenant, scope, target, model, override_id = orjson.loads(value)
            self.standing[tenant, scope, target] = Standing(model, override_id)
        elif kind == "settings":
            tenant, user, settings = orjson.loads(value)
            self.settings[tenant, user] = UserSettings.model_validate_json(orjson.dumps(settings))
        elif kind == "answer":
            _, tenant, request_id = key.split("/", 2)
            self.answers[tenant, request_id] = value
        elif kind == "shares":
            self.choices[key.split("/", 1)[1]] = orjson.loads(value)

    def _restore(self, request: OpenRequest) -> None:
        self.requests[request.key] = request
        self.unanswered += not request.final
        for decision_id in request.decisions:
            self.by_decision[decision_id] = request
        if request.expires_ms is not None:
            self._expiring_requests.append((request.expires_ms, *request.key))
