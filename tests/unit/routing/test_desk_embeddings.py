"""Vectors ordered before a decision: held, settled, read, kept for the tenant; never waited for in vain (R6, B9)."""

from typing import Any

import pytest

from providers.simulated.openai_embeddings import vector_of
from routing.desk_batch import GlobalReading
from routing.encoder import packed, quantised
from schemas import topics as t
from schemas.control import DOCUMENT, ConfigDocument
from schemas.control_clusters import ClustersDocument
from schemas.partition import partition_for
from schemas.provider_call import CallFailed, CallUnknown
from schemas.record import Record
from streams.replay import HistoricGlobals, stored_views
from tests.desk_world import PARTITIONS, DeskWorld, FixedGlobals, Json
from tests.documents import tenant
from tests.scripted_executor import fields, finished, started
from tests.unit.routing.toy_embeddings import DIMENSIONS, MODEL, embedded_clusters

TRAINS = "the wagons wait at the red signal"
ADVICE: Json = {"kind": "classify", "model": "gpt-4.1-nano", "complexity": ["simple", "medium", "complex", "critical"]}


def policy(**more: Any) -> ConfigDocument:
    clusters = {"document": "toys", "when": "always", "effect": "lock"}
    return DOCUMENT.validate_python({"kind": "policy", "name": "own", "clusters": clusters, **more})


def world(
    embedding: Json | None = None, *tenants: ConfigDocument, policy_fields: Json | None = None, **more: Any
) -> DeskWorld:
    clusters = embedded_clusters(**(embedding or {}))
    rest = tenants or (tenant("acme", policy="own", budget={"daily": 10}, **more),)
    return DeskWorld("acme", clusters, policy(**(policy_fields or {})), *rest, restore_each_batch=True)


def ask(w: DeskWorld, request_id: str = "r1", prompt: str = TRAINS, **more: Any) -> None:
    w.ask(request_id, prompt=prompt, **more)
    w.run()


def orders(w: DeskWorld) -> list[Json]:
    return w.values(t.DECISIONS, "advice.ordered")


def answer(w: DeskWorld, ordered: Json, text: str = TRAINS, cost: int = 5) -> None:
    vector = packed(quantised(vector_of(text, DIMENSIONS).tolist()))
    end = finished(ordered, cost=cost).model_copy(update={"content": None, "embedding": vector})
    w.report(started(ordered), end)
    w.run()


def test_the_vector_that_comes_back_decides_the_cluster() -> None:
    """The request waits for its vector; the decision follows the cluster by rule, and stores what it read (R6)."""
    w = world()
    ask(w)
    (ordered,) = orders(w)
    assert (ordered["number"], ordered["kind"], ordered["model"]) == (-1, "embed", MODEL)
    assert (ordered["dimensions"], len(ordered["chain"])) == (DIMENSIONS, 1)
    assert w.decisions() == []
    answer(w, ordered)
    (decision,) = w.decisions()
    assert (decision["cluster"], decision["rule"], decision["tier"]) == ("rail", "cluster-rail", 3)
    seen = decision["view"]["embedding"]
    assert (seen["outcome"], seen["order_id"]) == ("given", ordered["id"])
    assert seen["clusters"]["encoder"] == f"{MODEL}-{DIMENSIONS}"
    assert "clusters" not in w.values(t.CLASSIFICATIONS)[0]


def test_a_vector_is_held_settled_and_reported_as_overhead() -> None:
    """The vector has a hold of its own, is settled at its cost, and counts as overhead of the request (B9, B2)."""
    w = world()
    ask(w)
    (ordered,) = orders(w)
    assert w.ledger() == [("held", ordered["hold"]["amount"])]
    answer(w, ordered, cost=5)
    (decision,) = w.decisions()
    w.report(started(decision), finished(decision, cost=7))
    w.run()
    (result,) = w.finals()
    assert (result["cost"], result["overhead"]) == ("0.000000000012", "0.000000000005")
    assert [attempt["purpose"] for attempt in result["attempts"]] == ["advice", "answer"]


def test_a_known_text_is_not_paid_for_again() -> None:
    """The same text of the same tenant is scored at once by the kept vector, also after a restart (R6, B9)."""
    w = world()
    ask(w)
    answer(w, orders(w)[0])
    ask(w, "r2")
    assert len(orders(w)) == 1
    assert [decision["cluster"] for decision in w.decisions()] == ["rail", "rail"]
    first, second = (decision["view"].get("embedding") for decision in w.decisions())
    assert second is None
    assert w.values(t.CLASSIFICATIONS)[1]["clusters"] == first["clusters"]
    ask(w, "r3", prompt="another text about wagons")
    assert len(orders(w)) == 2


def test_kept_vectors_end_with_their_time() -> None:
    """After ``cache_ttl_ms`` a text is asked about again, and nothing of it is left in the state (R6)."""
    w = world({"cache_ttl_ms": 1000})
    ask(w)
    answer(w, orders(w)[0])
    assert [key for key in w.state if key.startswith("embedding/")]
    w.run(later_ms=2000)
    assert not [key for key in w.state if key.startswith("embedding/")]
    ask(w, "r2")
    assert len(orders(w)) == 2


def test_no_tenant_finds_what_another_has_paid_for() -> None:
    """Two tenants with the same text pay for it twice; the state holds no word of it (R6, X3)."""
    other = next(name for name in map(str, range(100)) if partition_for(name, PARTITIONS) == partition_for("acme", 8))
    w = world(None, *(tenant(name, policy="own") for name in ("acme", other)))
    ask(w)
    answer(w, orders(w)[0])
    w.tenant = other
    ask(w, "r2")
    assert [one["tenant"] for one in orders(w)] == ["acme", other]
    assert len([key for key in w.state if key.startswith("embedding/")]) == 1
    assert not any(b"wagons" in value for value in w.state.values())


@pytest.mark.parametrize("ending", ["other_length", "no_vector", "failed", "unknown"])
def test_without_a_usable_vector_the_local_tiers_decide(ending: str) -> None:
    """A vector of another length, none, a failure or an unknown end: decided without clusters, and this is said."""
    w = world()
    ask(w)
    (ordered,) = orders(w)
    if ending in {"other_length", "no_vector"}:
        vector = packed(quantised([1.0, 2.0])) if ending == "other_length" else None
        w.report(started(ordered), finished(ordered).model_copy(update={"embedding": vector}))
    elif ending == "failed":
        values: Json = {**fields(ordered, 1, CallFailed.TYPE), "category": "overloaded"}
        w.report(started(ordered), CallFailed(**values, billed="no", terminal=True))
    else:
        w.report(started(ordered), CallUnknown(**fields(ordered, 1, CallUnknown.TYPE), reason="expired"))
    w.run()
    (decision,) = w.decisions()
    assert decision["view"]["embedding"]["outcome"] == ("failed" if ending in {"failed", "unknown"} else "unreadable")
    assert "cluster" not in decision
    assert "rule" not in decision
    assert "unadvised" in decision["reason_codes"]
    assert not [key for key in w.state if key.startswith("embedding/")]


@pytest.mark.parametrize(
    ("embedding", "request_fields", "tenant_fields", "outcome"),
    [
        ({"timeout_ms": 30_000}, {"constraints": {"max_latency_ms": 40_000}}, {}, "no_time"),
        ({"max_cost": "0.0000000001"}, {}, {}, "not_allowed"),
        ({}, {}, {"avoid_models": ["text-embedding-3-small"]}, "not_allowed"),
        ({}, {"sensitive": True}, {"sensitive_models": ["gpt-4.1"]}, "not_allowed"),
    ],
)
def test_a_vector_that_may_not_be_bought_is_not_waited_for(
    embedding: Json, request_fields: Json, tenant_fields: Json, outcome: str
) -> None:
    """Too little time, a price limit, a model not approved, or sensitive text: decided at once, with a reason (R6)."""
    w = world(embedding, **tenant_fields)
    ask(w, **request_fields)
    assert orders(w) == []
    (decision,) = w.decisions()
    assert decision["view"]["embedding"] == {"model": MODEL, "outcome": outcome}
    assert "unadvised" in decision["reason_codes"]


def test_a_budget_without_room_for_a_vector_buys_none() -> None:
    """Where the hold of a vector does not fit the budget, none is asked for (B2, R6)."""
    w = world(None, tenant("acme", policy="own", budget={"daily": "0.000000001"}))
    ask(w)
    assert orders(w) == []
    assert w.finals()[0]["status"] == "refused"


def test_no_vector_is_bought_where_nothing_is_to_be_chosen() -> None:
    """A model named by the request or fixed by the user needs no clusters (U5, B9)."""
    w = world()
    ask(w, model="gpt-4.1")
    w.publish(
        t.OVERRIDES,
        {"type": "pointsman.settings.changed.v1", "user": "ann", "auto": "fixed", "model": "gpt-4o"},
    )
    ask(w, "r2", user="ann")
    assert orders(w) == []
    assert [decision["model"] for decision in w.decisions()] == ["gpt-4.1", "gpt-4o"]


def test_a_vector_and_advice_are_asked_for_one_after_the_other() -> None:
    """The vector first, then the adviser; the one decision reads both, and all three holds are told apart (R6, R22)."""
    w = world(policy_fields={"advice": ADVICE})
    ask(w)
    answer(w, orders(w)[0])
    assert w.decisions() == []
    embed, advice = orders(w)
    assert [(one["number"], one["kind"]) for one in (embed, advice)] == [(-1, "embed"), (0, "classify")]
    end = finished(advice).model_copy(update={"content": '{"type": "translation", "complexity": "simple"}'})
    w.report(started(advice), end)
    w.run()
    (decision,) = w.decisions()
    assert (decision["cluster"], decision["task_type"]) == ("rail", "translation")
    assert decision["view"]["advice"]["outcome"] == decision["view"]["embedding"]["outcome"] == "given"
    assert len({embed["hold"]["hold_id"], advice["hold"]["hold_id"], decision["hold"]["hold_id"]}) == 3


def test_an_override_meanwhile_stands_above_the_vector() -> None:
    """A person who chooses while the vector is awaited is followed; the vector is still kept for the next (U1, R6)."""
    w = world()
    ask(w)
    w.publish(
        t.OVERRIDES,
        {"type": "pointsman.override.requested.v1", "scope": "request", "request_id": "r1", "model": "gpt-4o"},
    )
    w.run()
    answer(w, orders(w)[0])
    assert [decision["model"] for decision in w.decisions()] == ["gpt-4o"]
    ask(w, "r2")
    assert (len(orders(w)), w.decisions()[-1]["cluster"]) == (1, "rail")


class Failing(FixedGlobals):
    """Globals in which the provider of the encoder lets no call through."""

    def read(self, *_: object) -> Any:
        return GlobalReading(None, {}, {"openai": "open", "openrouter": "open"})


def test_a_second_run_asks_nobody_either_where_nobody_could_be_asked() -> None:
    """Where health barred the encoder, history is decided again by the health that the decision stored (A5, R6)."""
    w = world()
    w.globals = Failing(w.globals.config, w.globals.positions[t.CONFIG][0])
    ask(w)
    assert orders(w) == []
    again = world()
    again.globals = _historic(w)
    ask(again)
    assert [output.value for output in again.outputs] == [output.value for output in w.outputs]


def _historic(w: DeskWorld) -> Any:
    records = [
        Record(o.topic, w.partition, at, w.now, o.key.encode(), o.value, o.headers)
        for at, o in enumerate(w.outputs)
        if o.topic == t.DECISIONS
    ]

    class Journal:
        globals = w.globals.positions

    return HistoricGlobals(w.globals.config, Journal(), stored_views(records), {})  # type: ignore[arg-type]


def test_an_embedding_must_be_the_encoder_and_blends_nothing() -> None:
    """A document names its embedding as its encoder, and cannot blend scores that come after the classification."""
    good = embedded_clusters().model_dump(mode="json")
    for wrong in ({"encoder": "another-1"}, {"blend": 1.0}):
        with pytest.raises(ValueError, match=r"encoder of this embedding|blend is 0"):
            ClustersDocument.model_validate({**good, **wrong})
