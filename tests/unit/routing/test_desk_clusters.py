"""The desk with cluster scores: stored in the classification, decided by, and read again in a second run."""

from typing import Any

from schemas import topics as t
from schemas.cluster_reading import ClusterReading
from schemas.control_policy import PolicyDocument
from schemas.record import Record
from streams.replay import stored_scores
from tests.desk_world import DeskWorld, FixedGlobals
from tests.documents import tenant
from tests.unit.routing.toy_encoder import document, toy

PROMPTS = ("signal at danger", "the wagons wait at the signal", "salt the soup", "something else", "rain at night")


class WithClusters(FixedGlobals):
    """Globals that answer with the scores of a reader."""

    def __init__(self, base: FixedGlobals, scores: dict[str, ClusterReading] | None) -> None:
        super().__init__(base.config, base.positions[t.CONFIG][0])
        self._scores = scores
        self._encoder = toy()

    def clusters(self, *asked: object) -> ClusterReading | None:
        clusters, text, causation_id = (str(value) for value in asked)
        if self._scores is not None:
            return self._scores.get(causation_id)
        table = self.config.clusters(clusters)
        return None if table is None else table.read(text, self._encoder)


def run(scores: dict[str, ClusterReading] | None, *, encoder: bool = True) -> DeskWorld:
    policy = PolicyDocument.model_validate(
        {"kind": "policy", "name": "own", "clusters": {"document": "toys", "when": "always", "effect": "lock"}}
    )
    world = DeskWorld("acme", document(), policy, tenant("acme", policy="own"))
    if encoder:
        world.globals = WithClusters(world.globals, scores)
    for number, prompt in enumerate(PROMPTS):
        world.ask(f"r{number}", prompt=prompt)
    world.run()
    return world


def records(world: DeskWorld) -> list[Record]:
    return [
        Record(o.topic, world.partition, at, world.now, o.key.encode(), o.value, o.headers)
        for at, o in enumerate(world.outputs)
        if o.topic == t.CLASSIFICATIONS
    ]


def decision(world: DeskWorld, request: str) -> dict[str, Any]:
    (found,) = (one for one in world.decisions() if one["request_id"] == request)
    return found


def test_a_cluster_rule_decides_in_tier_3() -> None:
    """The rule of the prompt's cluster locks its models, in tier 3; the decision tells cluster and score (R6, F4)."""
    made = decision(run(None), "r0")
    assert (made["tier"], made["model"], made["cluster"]) == (3, "gpt-4o", "rail")
    assert made["chain"][1]["model"] == "claude-sonnet-4"
    assert made["cluster_score"] >= 0.25
    assert made["reason"].startswith("it is so; the router names ")
    assert made["reason_codes"][0] == "rule_lock"


def test_scores_are_stored_and_read_again() -> None:
    """A second run from the stored scores writes the same bytes, without an encoder (DESIGN promise 3)."""
    first = run(None)
    stored = stored_scores(records(first))
    assert len(stored) == len(PROMPTS)
    assert run(stored).outputs == first.outputs


def test_without_an_encoder_requests_are_routed_all_the_same() -> None:
    """Where nothing can tell scores, none are stored, nothing is locked and every request is decided (R6)."""
    world = run(None, encoder=False)
    assert stored_scores(records(world)) == {}
    assert {made["tier"] for made in world.decisions()} == {2}
    assert len(world.decisions()) == len(PROMPTS)
