"""Writes `docs/clusters.md`: `python -m deploy.training.cluster_report [--encoder ID ...]`.

Clusters learn from their own examples alone, so both parts of the classifier's examples are new to them.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from analytics.evaluation.classification import interval
from analytics.evaluation.classification_report import shown
from deploy.shipped_config import shipped_documents
from deploy.training.examples import Example, examples
from deploy.training.fit import chances_of, held_out_logits, reading_of, temperature_of
from deploy.training.train import NAME, corpus_of, shipped_taxonomy
from routing.blend import blended
from routing.centroids import rebuilt, sampled
from routing.classifier_model import Verdict, packaged
from routing.clusters import ClusterTable, Match
from routing.words import TYPES
from schemas.cluster_reading import ClusterReading
from schemas.control_clusters import ClustersDocument
from streams import encoders

FILE: Final = Path("docs/clusters.md")
_RESAMPLES: Final = 2000
_STRENGTHS: Final = (1.0, 2.0, 4.0, 6.0)
_INTRODUCTION: Final = """# How well prompts find their cluster

Written by `python -m deploy.training.cluster_report`; all figures are measured, brackets are 95 % intervals.

A prompt is compared with the centroid of each cluster's examples; keywords and patterns add evidence (formulas in
`routing/clusters.py`). A cluster counts when its score is far enough from nothing and from the second best. Judged are
the classifier's examples, which no cluster learns from: right is the cluster that the example's type of work belongs
to. Planning, architecture, documentation, coordination and small talk belong to none, so any cluster is wrong there.
The clusters' examples and those judged were written by the same hand: on prompts of strangers expect less."""
_HONEST: Final = """
## What this means

- One centroid over several languages is a blunt tool: nearest alone is right in two of three prompts. The margin is
  what makes it useful: where a cluster counts, it is mostly right, and elsewhere routing goes on without one.
- Word vectors of a wheel do as well here as a small transformer at a fraction of the time. The transformer is an
  option for those who write clusters in English.
- Blending ships switched off: what it gains on the part its strength was chosen on is not shown on the other.
- Languages are few prompts each; read them as a hint of where more examples are needed."""


@dataclass(frozen=True, slots=True)
class Compared:
    """An example, what its scores are, and the cluster it belongs to (None: none)."""

    example: Example
    reading: ClusterReading
    match: Match
    truth: str | None

    @property
    def nearest(self) -> str:
        """The cluster with the highest score."""
        return max(self.reading.scores, key=lambda name: self.reading.scores[name])


def shipped_clusters() -> ClustersDocument:
    """Return the clusters that come with pointsman."""
    (document,) = (item for item in shipped_documents() if isinstance(item, ClustersDocument))
    return document


def compared(table: ClusterTable, items: Sequence[Example]) -> list[Compared]:
    """Return the scores of examples."""
    encoder = encoders.load(table.encoder)
    found: list[Compared] = []
    for item in items:
        reading = table.read(sampled(item.text), encoder)
        if reading is None:
            raise SystemExit(f"{table.reference} cannot be used: {table.fault}; run: pointsman clusters rebuild")
        found.append(Compared(item, reading, table.match(reading), table.cluster_of.get(item.label)))
    return found


def verdicts(part: str) -> tuple[list[Verdict], list[str]]:
    """Return what the classifier says of a part's examples and what is true; of its own part held out, each fifth."""
    taxonomy = shipped_taxonomy()
    if part == "test":
        model, items = packaged(NAME), examples("test")
        if model is None:
            raise SystemExit(f"{NAME} is not there; run: python -m deploy.training.train")
        return [model.verdict(reading_of(item.text, taxonomy.words)) for item in items], [one.label for one in items]
    corpus = corpus_of(taxonomy)
    labels = corpus.labels[: len(corpus.examples)]
    logits = held_out_logits(corpus)
    chances = chances_of(logits, temperature_of(logits, labels))
    rows = [[int(chance * 1_000_000_000) for chance in row] for row in chances.tolist()]
    return [Verdict(row, sum(row), row.index(max(row))) for row in rows], [TYPES[label] for label in labels]


def lines(names: Sequence[str]) -> Iterator[str]:
    """Yield the page."""
    document = shipped_clusters()
    yield _INTRODUCTION
    count = sum(len(cluster.examples) for cluster in document.clusters.values())
    yield f"\n`{document.document_key}`: {len(document.clusters)} clusters, {count} examples."
    parts = {"development": examples("development"), "test": examples("test")}
    yield "\n| encoder | part | n | nearest right | one counts: share | right where one counts | outside all clusters |"
    yield "|---|---|---|---|---|---|---|"
    own: dict[str, list[Compared]] = {}
    for name in names:
        table = ClusterTable(rebuilt(document.model_copy(update={"encoder": name}), encoders.load(name)))
        for part, items in parts.items():
            found = compared(table, items)
            if name == document.encoder:
                own[part] = found
            yield _line(name, part, found)
    yield from _by(own["development"] + own["test"])
    yield from _blending(document, own)
    yield _HONEST


def _line(name: str, part: str, found: Sequence[Compared]) -> str:
    inside = [one for one in found if one.truth is not None]
    counted = [one for one in found if one.match.cluster is not None]
    outside = [one for one in found if one.truth is None]
    figures: list[dict[str, Any]] = [
        interval(sum(one.nearest == one.truth for one in inside), len(inside)),
        interval(len(counted), len(found)),
        interval(sum(one.match.cluster == one.truth for one in counted), len(counted)),
        interval(sum(one.match.cluster is not None for one in outside), len(outside)),
    ]
    return f"| {name} | {part} | {len(found)} | {' | '.join(shown(figure) for figure in figures)} |"


def _by(found: Sequence[Compared]) -> Iterator[str]:
    for title, values in (
        ("cluster", [one.truth or "none" for one in found]),
        ("language", [one.example.language for one in found]),
    ):
        yield f"\n## By {title}, both parts, the shipped encoder\n"
        yield f"| {title} | n | one counts: share | right where one counts |\n|---|---|---|---|"
        for value, _ in Counter(values).most_common():
            own = [one for one, at in zip(found, values, strict=True) if at == value]
            counted = [one for one in own if one.match.cluster is not None]
            right = sum(one.match.cluster == one.truth for one in counted)
            told = shown(interval(right, len(counted))) if counted else "-"
            yield f"| {value} | {len(own)} | {shown(interval(len(counted), len(own)))} | {told} |"


def _blending(document: ClustersDocument, own: dict[str, list[Compared]]) -> Iterator[str]:
    yield "\n## Blending: scores move an unsure classification\n"
    yield (
        f"Only where the classifier is less sure than {document.unsure_below:g} (formula in `routing/blend.py`); "
        f"shipped is a strength of {document.blend:g}. The development part is classified held out. The difference is "
        f"paired, over {_RESAMPLES:,} resamples of the prompts.\n"
    )
    yield "| part | strength | unsure | accuracy before | after | difference | of the unsure: before | after |"
    yield "|---|---|---|---|---|---|---|---|"
    floor = shipped_taxonomy().classifier_floor
    for part, found in own.items():
        said, truths = verdicts(part)
        for strength in _STRENGTHS:
            table = ClusterTable(document.model_copy(update={"blend": strength}))
            unsure = [verdict.confidence < document.unsure_below for verdict in said]
            before = [_kind(verdict, floor) == truth for verdict, truth in zip(said, truths, strict=True)]
            after = [
                _kind(blended(verdict, one.reading, table) if asked else verdict, floor) == truth
                for verdict, one, asked, truth in zip(said, found, unsure, truths, strict=True)
            ]
            low, high = difference(before, after)
            asked_before = [right for right, asked in zip(before, unsure, strict=True) if asked]
            asked_after = [right for right, asked in zip(after, unsure, strict=True) if asked]
            yield (
                f"| {part} | {strength:g} | {share(unsure):.3f} | {share(before):.3f} | {share(after):.3f} "
                f"| {share(after) - share(before):+.3f} ({low:+.3f} to {high:+.3f}) "
                f"| {share(asked_before):.3f} | {share(asked_after):.3f} |"
            )


def _kind(verdict: Verdict, floor: float) -> str:
    return verdict.label if verdict.confidence >= floor else "general"


def share(values: Sequence[bool]) -> float:
    """Return how many are true, 0 to 1."""
    return sum(values) / max(len(values), 1)


def difference(before: Sequence[bool], after: Sequence[bool]) -> tuple[float, float]:
    """Return the 95 % interval of the mean gain, by resampling pairs with a fixed seed."""
    gains = [int(late) - int(early) for early, late in zip(before, after, strict=True)]
    draw = Random(0)  # noqa: S311 - a bootstrap wants a seed, not secrecy
    means = sorted(sum(draw.choices(gains, k=len(gains))) / len(gains) for _ in range(_RESAMPLES))
    return means[_RESAMPLES // 40], means[-_RESAMPLES // 40]


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(prog="python -m deploy.training.cluster_report", description=__doc__)
    parser.add_argument("--encoder", action="append", default=[], metavar="ID", help="compare this encoder too")
    parser.add_argument("--file", type=Path, default=FILE, help="where the page goes")
    given = parser.parse_args()
    names = list(dict.fromkeys([shipped_clusters().encoder, *given.encoder]))
    given.file.write_text("\n".join(lines(names)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
