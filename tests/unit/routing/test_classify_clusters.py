"""Classification with cluster scores: when they are asked, what they change, what is stored and read again."""

from typing import Any

import pytest

from routing.catalog import CompiledConfig
from routing.centroids import sampled
from routing.classify import classify, classify_with
from schemas.cluster_reading import ClusterReading
from schemas.control_policy import PolicyDocument
from schemas.control_tenant import TenantDocument
from schemas.request import CopilotMode, JobType
from tests.brain import documents, request, with_documents
from tests.unit.routing.toy_encoder import cluster, document, toy

SURE = "Write a function that parses dates in Python and add unit tests"
UNSURE = "the blue one near the window"


class Reader:
    """Answers with fixed scores and keeps what it was asked."""

    def __init__(self, **scores: float) -> None:
        self.scores = scores
        self.asked: list[tuple[str, str]] = []

    def __call__(self, clusters: str, text: str, /) -> ClusterReading | None:
        self.asked.append((clusters, text))
        return ClusterReading(clusters=clusters, encoder="toy-24-v1", scores=self.scores) if self.scores else None


def config(when: str = "always", **fields: Any) -> CompiledConfig:
    policy = PolicyDocument.model_validate(
        {"kind": "policy", "name": "own", "clusters": {"document": "toys", "when": when}}
    )
    return with_documents(document(**fields), policy, TenantDocument(name="t", policy="own"))


def test_without_a_reader_nothing_is_compared() -> None:
    """Classification by the text alone has no cluster and is what it was."""
    task, scores = classify_with(request(SURE), config(), None)
    assert (task.cluster, task.cluster_score, scores) == (None, None, None)
    assert task == classify(request(SURE), config())


def test_the_cluster_that_counts_is_in_the_descriptor() -> None:
    """Cluster and score are those of the reading, which is returned to be stored (R6, F4)."""
    reader = Reader(food=0.1, rail=0.61, weather=0.2)
    task, scores = classify_with(request(SURE), config(), reader)
    assert (task.cluster, task.cluster_score) == ("rail", 0.61)
    assert scores is not None
    assert scores.scores == reader.scores
    assert reader.asked == [("toys@1", sampled(SURE))]


def test_low_scores_fall_back_to_no_cluster() -> None:
    """Below the threshold there is no cluster, and the classification is that of the text (R6)."""
    task, scores = classify_with(request(SURE), config(), Reader(food=0.2, rail=0.1, weather=0.1))
    assert scores is not None
    assert task == classify(request(SURE), config())


@pytest.mark.parametrize(("below", "asked"), [(0.0, 0), (1.0, 1)])
def test_only_the_unsure_ask_where_the_policy_says_so(below: float, asked: int) -> None:
    """With ``when: unsure`` a classification as sure as the document wants it asks for no scores (R6)."""
    reader = Reader(food=0.9, rail=0.1, weather=0.1)
    classify_with(request(UNSURE), config("unsure", unsure_below=below), reader)
    assert len(reader.asked) == asked


def test_pictures_and_voices_are_not_compared() -> None:
    """Requests for other media ask for no scores."""
    reader = Reader(food=0.9, rail=0.1, weather=0.1)
    classify_with(request("a boat", job_type=JobType.MEDIA_VIDEO), config(), reader)
    assert reader.asked == []


def test_a_mode_says_more_than_scores() -> None:
    """What mode or job say of the type holds, whatever the scores."""
    event = request(UNSURE, mode=CopilotMode.RESEARCH_ANALYST)
    blend = config(blend=20)
    task, _ = classify_with(event, blend, Reader(food=1.0, rail=0, weather=0))
    assert (task.type, task.confidence) == (classify(event, blend).type, 1.0)


def test_scores_move_an_unsure_type_where_the_document_blends() -> None:
    """With a strength scores move the type of an unsure classification, and leave a sure one alone (R8)."""
    reader = Reader(food=-0.2, rail=-0.2, weather=1.0)
    assert classify(request(UNSURE), config()).type != "factual"
    moved, _ = classify_with(request(UNSURE), config(blend=20, unsure_below=1), reader)
    assert moved.type == "factual"
    for other in (config(blend=0, unsure_below=1), config(blend=20, unsure_below=0)):
        same, _ = classify_with(request(UNSURE), other, reader)
        assert same.type == classify(request(UNSURE), other).type


def test_reading_again_what_was_stored_gives_the_same_bytes() -> None:
    """A classification from stored scores is the one from the encoder (DESIGN promise 3)."""
    compiled, encoder = config(blend=4, unsure_below=1), toy()

    def live(clusters: str, text: str, /) -> ClusterReading | None:
        table = compiled.clusters(clusters)
        return None if table is None else table.read(text, encoder)

    for prompt in (SURE, UNSURE, "salt the soup", "signal at danger", ""):
        first, scores = classify_with(request(prompt), compiled, live)
        stored = None if scores is None else ClusterReading.model_validate_json(scores.model_dump_json())
        again, _ = classify_with(request(prompt), compiled, lambda _clusters, _text, /, stored=stored: stored)
        assert again.model_dump_json() == first.model_dump_json()


def test_a_policy_whose_clusters_are_not_published_goes_on_without() -> None:
    """A name that means no document compares nothing and breaks nothing."""
    policy = PolicyDocument.model_validate({"name": "own", "clusters": {"document": "nothing", "effect": "lock"}})
    compiled = with_documents(policy, TenantDocument(name="t", policy="own"))
    reader = Reader(food=0.9)
    assert classify_with(request(SURE), compiled, reader) == (classify(request(SURE), compiled), None)
    assert reader.asked == []


def test_a_type_belongs_to_one_cluster() -> None:
    """Two clusters of one type are refused: blending would count it twice."""
    both = {"a": cluster(["x"], types=["math"]), "b": cluster(["y"], types=["math"])}
    with pytest.raises(ValueError, match="belongs to one cluster"):
        document(clusters=both)


def test_shipped_documents_are_as_before_without_an_encoder() -> None:
    """Routers other than S2's name no clusters."""
    named = {
        found.name for found in documents().values() if isinstance(found, PolicyDocument) and found.clusters is not None
    }
    assert named == {"s2"}
