"""Embeddings at the desk (SPEC R6, B9): ordered where clusters need a vector that is not known, read when it comes."""

from typing import Any, Final, Literal

from routing.advice import is_in_time
from routing.clusters import ClusterTable
from routing.desk_asking import AskingDesk, Question
from routing.desk_context import Context
from routing.desk_state import DecisionState, OpenRequest
from routing.embeddings import Unread, embedded_task, embedding_facts, embedding_task, reading_of
from schemas.control_clusters import Embedding
from schemas.decision import EmbeddingView
from schemas.provider_call import CallFinished

NUMBER: Final = -1
"""Of the order and its hold: it comes before advice, which is 0."""


class EmbeddingDesk:
    """Orders vectors, keeps them for the tenant, and gives requests the cluster that counts."""

    def __init__(self, context: Context, asking: AskingDesk) -> None:
        """Bind to the shared context and the way of asking."""
        self._context = context
        self._asking = asking

    def order(self, request: OpenRequest, unread: Unread) -> bool:
        """Order the vector of a text; return False where none is bought, and note why if the clusters lack it."""
        policy = self._asking.policy_of(request)
        table, embedding = self._table(unread.clusters)
        if policy is None or table is None or embedding is None:
            return False
        context = self._context
        if not is_in_time(request.facts, embedding.timeout_ms, context.now):
            request.embedded = EmbeddingView(model=embedding.model, outcome="no_time")
            return False
        view = self._asking.view(request, policy, NUMBER)
        question = Question(
            NUMBER,
            embedding_facts(request.facts, embedding),
            embedding_task(request.task, unread.size),
            embedding.timeout_ms,
            {"kind": "embed", "dimensions": embedding.dimensions},
        )
        state = self._asking.ask(request, question, view, policy)
        if state is None:
            request.embedded = EmbeddingView(model=embedding.model, outcome="not_allowed")
            return False
        request.advice = {"order": state.decision_id, "kind": "embed", **unread._asdict()}
        return True

    def ended(self, request: OpenRequest, decision: DecisionState, finished: CallFinished | None) -> None:
        """Keep the vector that has come, and note what the decision reads of it."""
        ordered: dict[str, Any] = request.advice or {}
        vector = None if finished is None else finished.embedding
        table, embedding = self._table(ordered["clusters"])
        reading = None if table is None else reading_of(table, vector, tuple(ordered["hits"]))
        if vector is not None and reading is not None and embedding is not None:
            state, until_ms = self._context.state, self._context.now_ms + embedding.cache_ttl_ms
            state.embeddings.put(ordered["key"], vector, until_ms)
        outcome: Literal["given", "unreadable", "failed"] = (
            "given" if reading is not None else ("failed" if finished is None else "unreadable")
        )
        request.embedded = EmbeddingView(
            model=decision.model, outcome=outcome, order_id=decision.decision_id, clusters=reading
        )
        if reading is not None and table is not None and request.current is None:
            request.task = embedded_task(request.task, reading, table)

    def _table(self, reference: str) -> tuple[ClusterTable | None, Embedding | None]:
        table = self._context.config.clusters(reference)
        return (None, None) if table is None else (table, table.embedding)
