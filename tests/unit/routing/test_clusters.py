import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.centroids import sampled, with_example
from routing.clusters import ClusterTable, Match
from routing.encoder import GRID
from routing.references import NameTable
from routing.rules import compile_rules
from schemas.cluster_reading import ClusterReading
from schemas.control_catalog import CatalogDocument
from schemas.control_policy import PolicyDocument
from tests.brain import documents
from tests.unit.routing.toy_encoder import FOOD, RAIL, document, toy

ENCODER = toy()
TABLE = ClusterTable(document())


def reading(**scores: float) -> ClusterReading:
    return ClusterReading(clusters="toys@1", encoder="toy-24-v1", scores=scores)


def names_of() -> NameTable:
    (catalog,) = (one for one in documents().values() if isinstance(one, CatalogDocument))
    return NameTable(catalog)


def policy(**fields: object) -> PolicyDocument:
    return PolicyDocument.model_validate({"kind": "policy", "name": "p", **fields})


@pytest.mark.parametrize(("texts", "cluster"), [(FOOD, "food"), (RAIL, "rail")])
def test_examples_are_nearest_to_their_own_cluster(texts: tuple[str, ...], cluster: str) -> None:
    """A cluster's examples score highest there."""
    for text in texts:
        found = TABLE.read(sampled(text), ENCODER)
        assert found is not None
        assert max(found.scores, key=lambda name: found.scores[name]) == cluster


def test_keywords_add_evidence() -> None:
    """A keyword adds the document's evidence to the cosine of its cluster, and nothing to others."""
    plain = ClusterTable(document(evidence=0))
    text = "hot soup"
    with_words, without = TABLE.read(text, ENCODER), plain.read(text, ENCODER)
    assert with_words is not None
    assert without is not None
    gained = {name: round(score - without.scores[name], 4) for name, score in with_words.scores.items()}
    assert gained == {"food": 0.1, "rail": 0, "weather": 0}


@given(st.text(max_size=200))
def test_scores_are_on_the_grid_and_always_the_same(text: str) -> None:
    """Scores are whole ten-thousandths, and a table compiled anew gives the same ones."""
    found = TABLE.read(sampled(text), ENCODER)
    assert found is not None
    assert all(score == round(score * GRID) / GRID for score in found.scores.values())
    assert found == ClusterTable(document()).read(sampled(text), toy())
    assert ClusterReading.model_validate_json(found.model_dump_json()) == found


def test_a_vector_that_came_with_an_event_reads_like_one_computed() -> None:
    """Scores of a given vector are those of the text it was made from; one of another length has none."""
    vector = ENCODER.encode("frost at night")
    assert TABLE.read_vector("frost at night", vector) == TABLE.read("frost at night", ENCODER)
    assert TABLE.read_vector("frost at night", vector[:-1]) is None


@pytest.mark.parametrize(
    ("scores", "match"),
    [
        ({"food": 0.5, "rail": 0.3, "weather": 0.1}, Match("food", 0.5)),
        ({"food": 0.5, "rail": 0.44, "weather": 0.1}, Match("food", 0.5)),
        ({"food": 0.5, "rail": 0.4401, "weather": 0.1}, Match(None, None)),
        ({"food": 0.25, "rail": 0.1, "weather": 0.1}, Match("food", 0.25)),
        ({"food": 0.2499, "rail": 0.1, "weather": 0.1}, Match(None, None)),
        ({"food": 0.5, "rail": 0.5, "weather": 0.1}, Match(None, None)),
        ({"food": 0.0, "rail": 0.0, "weather": 0.0}, Match(None, None)),
        ({}, Match(None, None)),
    ],
)
def test_a_cluster_counts_from_threshold_and_margin_on(scores: dict[str, float], match: Match) -> None:
    """The best counts when it reaches the threshold and leads by the margin, both included (R6)."""
    assert TABLE.match(reading(**scores)) == match


def test_centroids_of_other_examples_are_not_used() -> None:
    """Where an example was added and nothing rebuilt, there are no scores, and the table says why (R6)."""
    stale = ClusterTable(with_example(document(), "food", "peel the onions"))
    assert stale.fault == "its centroids of toy-24-v1 are not those of its examples"
    assert stale.read("salt", ENCODER) is None
    assert stale.read_vector("salt", ENCODER.encode("salt")) is None


def test_missing_centroids_and_another_encoder_give_no_scores() -> None:
    """Without centroids of its encoder, or asked with another encoder, a table reads nothing."""
    bare = ClusterTable(document().model_copy(update={"centroids": {}}))
    assert bare.fault == "it has no centroids of toy-24-v1"
    assert TABLE.read("salt", toy("toy-24-v2")) is None


@pytest.mark.parametrize("effect", ["lock", "restrict", "boost"])
def test_each_cluster_with_models_stands_for_a_rule(effect: str) -> None:
    """A policy's clusters become rules of tier 3 with the models in order; a written rule of the name replaces one."""
    uses = {"document": "toys", "effect": effect, "boost": 0.2}
    rules = compile_rules(policy(clusters=uses), names_of(), clusters=TABLE)
    assert [(rule.name, rule.tier, rule.effect, rule.models) for rule in rules] == [
        ("cluster-food", 3, effect, ("claude-haiku-4.5",)),
        ("cluster-rail", 3, effect, ("gpt-4o", "claude-sonnet-4")),
    ]
    own = {"name": "cluster-food", "layer": "cluster", "when": {"cluster": ["food"]}, "effect": "lock"}
    written = policy(clusters=uses, rules=[{**own, "models": ["gpt-4o"], "because": "we say so"}])
    assert compile_rules(written, names_of(), clusters=TABLE)[0].models == ("gpt-4o",)


def test_clusters_without_effect_stand_for_no_rules() -> None:
    """A policy that only reads clusters gets no rules from them."""
    assert compile_rules(policy(clusters={"document": "toys"}), names_of(), clusters=TABLE) == ()
