"""The clusters that come with pointsman, and what their report counts."""

import pytest

from deploy.doctor_kafka import clusters_found
from deploy.training.cluster_report import compared, difference, shipped_clusters
from deploy.training.examples import Example, examples, overlap, word_runs
from routing.centroids import with_example
from routing.clusters import ClusterTable

DOCUMENT = shipped_clusters()
NAMES = ("coding", "analysis", "creative", "simple_qa", "research", "math_logic", "translation")


def test_the_seven_clusters_of_s2_have_fifty_examples_each() -> None:
    """Each of S2's clusters has 50 to 100 examples, none twice, words beside them, types and models (R6, F3)."""
    assert tuple(DOCUMENT.clusters) == NAMES
    for cluster in DOCUMENT.clusters.values():
        assert 50 <= len(cluster.examples) <= 100
        assert cluster.keywords
        assert cluster.patterns
        assert cluster.types
        assert len(cluster.models) == 2
    everything = [example.lower() for cluster in DOCUMENT.clusters.values() for example in cluster.examples]
    assert len(everything) == len(set(everything))


def test_the_event_of_the_document_stays_small() -> None:
    """Documents are events: the clusters with their centroids are far below the limit of a record."""
    assert len(DOCUMENT.model_dump_json().encode()) < 128 * 1024


def test_no_example_is_one_of_the_classifiers() -> None:
    """No cluster learns from what it is judged by: no example shares half its runs of words with one of either part."""
    by_run: dict[tuple[str, ...], list[str]] = {}
    for part in ("development", "test"):
        for item in examples(part):
            for words in word_runs(item.text):
                by_run.setdefault(words, []).append(item.text)
    close = [
        (example, other)
        for cluster in DOCUMENT.clusters.values()
        for example in cluster.examples
        for other in {text for words in word_runs(example) for text in by_run.get(words, ())}
        if overlap(example, other) >= 1 / 2
    ]
    assert close == []


def test_each_example_is_mostly_nearest_to_its_own_cluster() -> None:
    """At least three of four examples score highest in their own cluster."""
    table = ClusterTable(DOCUMENT)
    right = total = 0
    for name, cluster in DOCUMENT.clusters.items():
        items = [Example(text, cluster.types[0].value, "en", "terse", "simple") for text in cluster.examples]
        found = compared(table, items)
        right += sum(one.nearest == name for one in found)
        total += len(found)
    assert right / total > 0.75


def test_the_interval_of_a_difference_is_that_of_pairs() -> None:
    """Equal verdicts differ by nothing; a clear gain has an interval above nothing, always the same one."""
    same = [True, False] * 50
    assert difference(same, same) == (0, 0)
    low, high = difference([False] * 100, [True] * 30 + [False] * 70)
    assert 0.2 < low < 0.3 < high < 0.4
    assert difference([False] * 100, [True] * 30 + [False] * 70) == (low, high)


def test_the_doctor_says_what_keeps_clusters_from_use() -> None:
    """Usable clusters pass; stale centroids and an encoder that is not there are told with the command (R6)."""
    assert clusters_found([]).state == "ok"
    assert clusters_found([ClusterTable(DOCUMENT)]).state == "ok"
    stale = clusters_found([ClusterTable(with_example(DOCUMENT, "coding", "brand new"))])
    assert (stale.state, stale.next) == ("warn", "pointsman clusters rebuild")
    other = DOCUMENT.model_copy(update={"encoder": "odd-1", "centroids": {}})
    assert clusters_found([ClusterTable(other)]).state == "warn"


@pytest.mark.parametrize("name", NAMES)
def test_several_languages_are_written(name: str) -> None:
    """Each cluster has examples in Latin letters beyond ASCII, in Chinese or Japanese, and in Cyrillic."""
    texts = DOCUMENT.clusters[name].examples
    assert sum(any("\u3040" <= letter <= "\u9fff" for letter in text) for text in texts) >= 5
    assert any("\u0400" <= letter <= "\u04ff" for text in texts for letter in text)
    assert sum(any("\u00c0" <= letter <= "\u024f" for letter in text) for text in texts) >= 5
