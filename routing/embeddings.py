"""An embedding before a decision (SPEC R6): what is read of a prompt, what the model is asked, what its vector says."""

from typing import NamedTuple

from routing.build import build, fresh
from routing.classify import BOUND_FIXED
from routing.clusters import ClusterTable
from routing.encoder import unpacked
from schemas.classification import TaskDescriptor, TaskType
from schemas.cluster_reading import ClusterReading
from schemas.control_clusters import Embedding
from schemas.request import Constraints, RequestFacts

_BYTES_PER_TOKEN = 4


class Unread(NamedTuple):
    """A text whose vector is not known: all that its scores need beside the vector, and no word of it."""

    clusters: str
    """``name@version`` of the document."""
    key: str
    """Of the vector in the cache."""
    hits: tuple[int, ...]
    """Per cluster its keywords and patterns that occur."""
    size: int
    """Bytes of the text."""


def embedding_facts(facts: RequestFacts, embedding: Embedding) -> RequestFacts:
    """Return the facts under which the model is chosen: named, at its price limit, without tools."""
    limits = fresh(Constraints, {"max_cost": embedding.max_cost, "deadline": facts.constraints.deadline})
    return build(
        RequestFacts,
        {
            **facts.__dict__,
            "model": embedding.model,
            "constraints": limits,
            "tools": (),
            "mcp_tools": (),
            "job_type": None,
            "mode": None,
            "stream": False,
            "execute": True,
        },
    )


def embedding_task(task: TaskDescriptor, size: int) -> TaskDescriptor:
    """Return the descriptor of the encoder's own work: ``size`` bytes in, no token out; no tokenizer gives more."""
    return build(
        TaskDescriptor,
        {
            **task.__dict__,
            "type": TaskType.SIMPLE_TASK,
            "complexity": "simple",
            "modality": "embedding",
            "estimated_input_tokens": size // _BYTES_PER_TOKEN + 1,
            "estimated_output_tokens": 0,
            "input_token_bound": size + BOUND_FIXED,
            "requires_extended_thinking": False,
            "needs_vision": False,
            "needs_tools": False,
            "predictions": {},
            "type_shares": {},
            "complexity_shares": {},
        },
    )


def reading_of(table: ClusterTable, vector: str | None, hits: tuple[int, ...]) -> ClusterReading | None:
    """Return the scores of a packed vector; None: it cannot be read, or is of another length."""
    found = None if vector is None else unpacked(vector)
    return None if found is None else table.weigh(found, hits)


def embedded_task(task: TaskDescriptor, reading: ClusterReading, table: ClusterTable) -> TaskDescriptor:
    """Return the descriptor with the cluster that counts by these scores, if one does."""
    match = table.match(reading)
    return build(TaskDescriptor, {**task.__dict__, "cluster": match.cluster, "cluster_score": match.score})
