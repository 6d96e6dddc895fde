"""N15: how long the pure parts take here: CPU time of one thread, few calls, so only the order of size is meant."""

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from routing.centroids import rebuilt, sampled
from routing.classify import classify
from routing.clusters import ClusterTable
from routing.decide import decide
from routing.desk_state import OpenRequest
from routing.encoder import Encoder
from routing.reason_codes import ReasonCode
from schemas.control_clusters import ClustersDocument
from schemas.decision import Choice, View
from schemas.request import RequestReceived
from streams import encoders
from tests.bench.figures import microseconds, percentile
from tests.bench.prompts import prompts
from tests.desk_world import DeskWorld
from tests.documents import shipped, tenant
from tests.success.estimates import Verdict
from tests.success.population import Prompt
from tests.success.world import NOW, Case, case, request, shipped_router

EMBEDDING_TIER: Final = "tier with embeddings"
_OFFICE: Final = "office"
_ENCODED: Final = 400
"""Prompts that encoders are timed on, at most."""


@dataclass(frozen=True, slots=True)
class Speed:
    """The time of one part, milliseconds, and the goal for its 99th percentile."""

    what: str
    median: float
    p99: float
    goal: float

    @property
    def verdict(self) -> Verdict:
        """Return whether the 99th percentile is within the goal."""
        return "met" if self.p99 < self.goal else "missed"


def measure(count: int) -> list[Speed]:
    """Return the time of each part over ``count`` calls."""
    router = shipped_router("default")
    listed = [Prompt(text, "general", "medium", "en", "") for text in prompts(count)]
    requests = [request(router.name, prompt, at) for at, prompt in enumerate(listed)]
    asked = [case(router, prompt) for prompt in listed]
    view = View()
    gc.collect()
    gc.disable()
    try:
        return [
            _speed("decision", lambda at: decide(asked[at].facts, asked[at].task, view, router.policy, NOW), count, 10),
            _speed("classification", lambda at: classify(requests[at], router.config), count, 5),
            *_desk(requests, asked, count),
            *_encoders([prompt.text for prompt in listed], min(count, _ENCODED)),
        ]
    finally:
        gc.enable()


def _desk(requests: Sequence[RequestReceived], asked: Sequence[Case], count: int) -> list[Speed]:
    """Return the times of what the router's desk does around a decision: reading its state, repeating a kept one."""
    world = DeskWorld(_OFFICE, tenant(_OFFICE, policy="cost-first", budget={"daily": 1_000_000}))
    for at in range(0, count, 100):
        world.ask(f"w{at}", prompt=requests[at].prompt, conversation_id=f"c{at}")
        world.run()
    desk = world.desk._requests
    policy = world.globals.config.tenant(_OFFICE)
    if policy is None:
        raise LookupError(_OFFICE)
    first = asked[0].facts.model_copy(update={"tenant": _OFFICE, "conversation_id": "c0"})
    opened = OpenRequest(first, asked[0].task, 0, "cause", None)

    def read(_at: int) -> object:
        return desk.view(opened, policy, None, "cause", 1)

    def repeat(_at: int) -> object:
        return desk.choose(opened, 1, None)

    repeat(0)
    again, _, _ = desk.choose(opened, 1, None)
    if not isinstance(again, Choice) or ReasonCode.CACHED.value not in again.reason_codes:
        raise ValueError("the second of two like requests was not decided from the cache")
    return [
        _speed("cached decision, state look-up included", repeat, count, 1),
        _speed("state look-up", read, count, 2),
    ]


def _encoders(texts: Sequence[str], count: int) -> list[Speed]:
    """Return the time of the tier with embeddings, encoding and comparing with all clusters, for each encoder here."""
    document = next(document for document in shipped() if isinstance(document, ClustersDocument))
    found: list[Speed] = []
    for name in encoders.at_hand():
        encoder = encoders.load(name)
        table = ClusterTable(rebuilt(document.model_copy(update={"encoder": name}), encoder))

        def read(at: int, table: ClusterTable = table, encoder: Encoder = encoder) -> object:
            return table.read(sampled(texts[at]), encoder)

        found.append(_speed(f"{EMBEDDING_TIER}, {name}", read, count, 50))
    return found


def _speed(what: str, work: Callable[[int], object], count: int, goal: float) -> Speed:
    times = microseconds(work, count)
    return Speed(what, percentile(times, 0.5) / 1000, percentile(times, 0.99) / 1000, goal)
