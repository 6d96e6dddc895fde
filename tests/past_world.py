"""Histories with a known truth: decisions of the real core, and ratings drawn from what is planted.

The router is told that every task is ``general`` (an area of that type), so that what a text is about stands in its
words alone; the truth knows.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from routing.catalog import CompiledConfig
from routing.classify import classify
from routing.decide import decide
from routing.draws import draw
from routing.past_decisions import HistoryFold
from routing.request_facts import facts_of
from schemas import topics
from schemas.classification import ClassificationMade
from schemas.control_policy import PolicyDocument
from schemas.control_tenant import TenantDocument
from schemas.decision import Choice, DecisionMade, Position, View
from schemas.envelope import Event
from schemas.outcome import OutcomeRated
from schemas.request import RequestReceived
from tests.brain import NOW, with_documents

TENANT: Final = "past"
POOL: Final = ("gpt-4.1", "claude-haiku-4.5", "gpt-5-mini")
EXPLORING: Final[Mapping[str, float]] = {"share": 0.5, "within": 1, "sharpness": 0}
SURE: Final[Mapping[str, float]] = {"share": 0}
WORDS: Final = {
    "code": ("function", "loop", "compile", "array", "return", "pointer"),
    "verse": ("poem", "sorrow", "garden", "moonlight", "river", "voice"),
}
Truth = Mapping[str, Mapping[str, float]]
"""What a text is about -> model -> chance of a good answer."""
APART: Final[Truth] = {
    "verse": {"gpt-4.1": 0.2, "claude-haiku-4.5": 0.9, "gpt-5-mini": 0.3},
    "code": {"gpt-4.1": 0.9, "claude-haiku-4.5": 0.2, "gpt-5-mini": 0.3},
}
ALIKE: Final[Truth] = {kind: dict.fromkeys(POOL, 0.6) for kind in WORDS}


@dataclass(frozen=True, slots=True)
class Said:
    """An event, and the topic that it lies in."""

    topic: str
    event: Event


def documents(exploration: Mapping[str, Any], **fields: Any) -> tuple[PolicyDocument, TenantDocument]:
    """Return a router over the pool and its tenant."""
    router = PolicyDocument.model_validate(
        {"name": "exploring", "pool": POOL, "exploration": {**exploration, "complexity": _ALL}, **fields}
    )
    return router, TenantDocument(name=TENANT, policy="exploring")


_ALL: Final = ("simple", "medium", "complex", "critical")


def config(exploration: Mapping[str, Any], **fields: Any) -> CompiledConfig:
    """Return the shipped configuration with that router and tenant."""
    return with_documents(*documents(exploration, **fields))


def prompt(seed: int, number: int) -> tuple[str, str]:
    """Return what a prompt is about, and its text."""
    about = ("code", "verse")[int(draw("about", seed, number) * 2)]
    words = WORDS[about]
    own = [words[int(draw("word", seed, number, place) * len(words))] for place in range(3)]
    other = [f"word{int(draw('other', seed, number, place) * 200)}" for place in range(8)]
    return about, " ".join([*own, *other])


def events(
    compiled: CompiledConfig, truth: Truth, count: int, seed: int = 0, partition: int = 0, since: datetime = NOW
) -> Iterator[Said]:
    """Yield the events of ``count`` requests, each rated; the request of number n lies at offset n."""
    policy = compiled.tenant(TENANT)
    assert policy is not None
    for number in range(count):
        about, text = prompt(seed, number)
        name, at = f"r{number}", since + timedelta(milliseconds=number)
        common: dict[str, Any] = {"occurred_at": at, "tenant": TENANT, "request_id": name}
        asked = RequestReceived(id=f"q{number}", prompt=text, area_task_type="general", **common)
        task = classify(asked, compiled)
        cause = f"cause-{seed}-{number}"
        choice = decide(facts_of(asked), task, View(), policy, at, draw("explore", cause, 1))
        assert isinstance(choice, Choice), choice.reason
        yield Said(topics.REQUESTS, asked)
        common["causation_id"] = cause
        yield Said(topics.CLASSIFICATIONS, ClassificationMade(id=f"c{number}", task=task, engine="test", **common))
        yield Said(
            topics.DECISIONS,
            DecisionMade(
                id=f"d{number}",
                number=1,
                deadline=at + timedelta(minutes=1),
                request_at=Position(topic=topics.REQUESTS, partition=partition, offset=number),
                calls_from=0,
                view=View(),
                config_offset=0,
                engine="test",
                **{**choice.__dict__, **common},
            ),
        )
        good = draw("good", seed, number) < truth[about][choice.model]
        yield Said(
            topics.OUTCOMES,
            OutcomeRated(
                id=f"o{number}",
                occurred_at=at,
                tenant=TENANT,
                request_id=name,
                decision_id=f"d{number}",
                model=choice.model,
                rating=1.0 if good else 0.0,
            ),
        )


def folded(said: Iterator[Said]) -> HistoryFold:
    """Return the fold of events, the last one first: the order does not matter."""
    fold = HistoryFold(TENANT)
    next_offset: Counter[str] = Counter()
    placed: list[tuple[Event, int]] = []
    for each in said:
        placed.append((each.event, next_offset[each.topic]))
        next_offset[each.topic] += 1
    for event, offset in reversed(placed):
        fold.add(event, offset)
    return fold
