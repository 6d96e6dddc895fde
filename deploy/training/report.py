"""Writes `docs/classifier-quality.md`: `python -m deploy.training.report`.

Data of others is judged for information when named: `--unseen "title=file.jsonl" --labels "title=labels.yaml"`, with
`--columns "title=text_column,label_column"` where the columns have other names.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analytics.evaluation.classification import Judged, Tally, interval, report
from analytics.evaluation.classification_report import shown
from analytics.evaluation.judging import Judge
from analytics.evaluation.labels import read_labels
from analytics.evaluation.rows import read_rows
from deploy.shipped_config import shipped_documents
from deploy.training.examples import Example, cues, examples
from deploy.training.fit import Corpus, fit, logits_of
from deploy.training.train import COMMAND, NAME, shipped_taxonomy
from routing.catalog import CompiledConfig, compile_config
from routing.classifier_model import description
from routing.words import TYPES
from schemas.control_taxonomy import TaxonomyDocument

FILE: Final = Path("docs/classifier-quality.md")
_HONEST: Final = """
## What these figures mean, and what they do not

- All examples, all parts, the cue phrases and the words of the taxonomy were written for this project by the same hand.
  The words were extended with the development and the test part in sight; phrases peculiar to a single example were
  taken out again, but the figures of both parts, and those of "without having seen" below, remain flattered.
- The late part was written when words, settings and examples to learn from were fixed, and is the least flattered of
  the three; it is small.
- Prompts of strangers, at the end of this page, are the hardest test and the best guide to what to expect.
- A language "left out" is left out of examples and cues, not out of the words of the taxonomy.
- `general` is what remains. Most confusion is with it and with `factual`; a low confidence is the signal to trust.
"""
_ORDER: Final = ("simple", "medium", "complex", "critical", "single-shot", "multi-step", "iterative")
_RULES: Final = """
## Complexity and pattern

Rules over type, words of level, length and lists, so that they can be explained; chosen on the development part alone.
Labels are one person's judgement of what the text asks for; the line between medium and complex is soft, and short
texts seldom show it: most complex work is called medium. Output length is the type's typical length times complexity;
nothing measures it before there are answers.
"""
_UNSEEN: Final = """
## Prompts of others, for information

Weak labels (the name of a whole data set, or a routing intent) mapped by `deploy/training/labels-*.yaml`; the data is
not part of this project. The forms of such prompts (options, function stubs, riddles with clues) were known when the
examples were written; their texts were not used.

| source | n | accuracy | words alone | confidence >= 0.6: share | accuracy there |
|---|---|---|---|---|---|"""


def config_of(*, words_only: bool) -> CompiledConfig:
    """Return the shipped configuration, also with the words of the taxonomy alone."""
    documents = {document.document_key: document for document in shipped_documents()}
    if words_only:
        for key, document in documents.items():
            if isinstance(document, TaxonomyDocument):
                documents[key] = document.model_copy(update={"classifier": None})
    return compile_config(documents)


def judged(judge: Judge, items: Sequence[Example]) -> list[Judged]:
    """Return what a configuration says about examples, by the way that requests take."""
    found: list[Judged] = []
    for item in items:
        said, confidence, _ = judge.answer(judge.request(item.text))
        found.append(Judged(item.label, said, confidence, item.language))
    return found


def left_out(field: str) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield (value, examples judged, accuracy) for each language or style that training did not see.

    Judged are the examples of that value of both parts; trained is on the rest of the development part.
    """
    development, test = examples("development"), examples("test")
    everything = [*development, *test]
    corpus = Corpus.of(everything, cues(), shipped_taxonomy().words)
    values = [str(getattr(item, field)) for item in everything]
    for value in sorted(set(values), key=lambda name: -values.count(name)):
        asked = np.array([index for index, own in enumerate(values) if own == value], dtype=np.intp)
        if len(asked) < 30:
            continue
        own = [index for index in range(len(development)) if values[index] != value]
        cue_places = corpus.cue_places(value if field == "language" else None)
        trained: npt.NDArray[np.intp] = np.concatenate((np.array(own, dtype=np.intp), cue_places))
        best = logits_of(corpus, fit(corpus, trained), trained, asked).argmax(axis=1)
        right = int((best == corpus.labels[asked]).sum())
        yield value, len(asked), interval(right, len(asked))


def lines(unseen: Sequence[tuple[str, Path, Path | None, tuple[str, str]]]) -> Iterator[str]:
    """Yield the page."""
    found = description(NAME)
    if found is None:
        raise SystemExit(f"{NAME} is not there; run: {COMMAND}")
    learned, words = Judge(config_of(words_only=False)), Judge(config_of(words_only=True))
    test, late = examples("test"), examples("late")
    by_learned = judged(learned, test)
    mine, theirs = report(Tally.of(by_learned)), report(Tally.of(judged(words, test)))
    late_mine, late_theirs = (report(Tally.of(judged(judge, late))) for judge in (learned, words))
    held_out = found["figures"]["development_held_out"]
    data = found["data"]
    yield "# How well prompts are classified\n"
    yield "Written by `python -m deploy.training.report`; all figures are measured, brackets are 95 % intervals.\n"
    yield f"- Classifier `{NAME}`, weights sha256 `{found['sha256'][:16]}…`, trained by `{found['command']}`."
    yield (
        f"- {data['development']['examples']} examples and {data['cues']['phrases']} cue phrases to learn from, "
        f"{data['test']['examples']} + {data['late']['examples']} examples to be judged by, {len(TYPES)} types."
    )
    yield f"- Floor {learned.taxonomy.classifier_floor:g}: below it the answer is `general`.\n"
    yield "| | accuracy | macro F1 | calibration error |\n|---|---|---|---|"
    for name, part in (
        ("development part, each fifth held out", held_out),
        ("test part", mine),
        ("test part, words of the taxonomy alone", theirs),
        ("late part: written when all else was fixed", late_mine),
        ("late part, words of the taxonomy alone", late_theirs),
    ):
        yield f"| {name} | {shown(part['accuracy'])} | {shown(part['macro_f1'])} | {shown(part['ece'])} |"
    yield _HONEST
    yield from _test_part(mine, by_learned, test)
    yield from _rules(learned, {"development": examples("development"), "test": test, "late": late})
    for field in ("language", "style"):
        yield f"\n## Without having seen that {field}\n"
        yield f"Trained without all examples of one {field}, judged on those of both parts.\n"
        yield f"| {field} | n | accuracy |\n|---|---|---|"
        for value, count, part in left_out(field):
            yield f"| {value} | {count} | {shown(part)} |"
    if unseen:
        yield _UNSEEN
        for title, path, labels, columns in unseen:
            yield _unseen_line(title, path, labels, columns, learned, words)


def _test_part(mine: dict[str, Any], by_learned: Sequence[Judged], test: Sequence[Example]) -> Iterator[str]:
    yield "## Test part: how much can be trusted\n"
    yield "| confidence at least | share of prompts | accuracy there |\n|---|---|---|"
    for threshold, part in mine["coverage"].items():
        yield f"| {threshold} | {shown(part)} | {shown(part['accuracy'])} |"
    yield "\n## Test part: calibration\n"
    yield "What was said, and how often it was right; bins of confidence of equal width.\n"
    yield "| confidence from | n | mean confidence | accuracy |\n|---|---|---|---|"
    for cell in mine["ece"]["bins"]:
        yield f"| {cell['from']:.2f} | {cell['n']} | {cell['confidence']:.2f} | {cell['accuracy']:.2f} |"
    yield "\n## Test part by type\n\n| type | n | recall | precision | F1 |\n|---|---|---|---|---|"
    for label, part in mine["per_label"].items():
        precision = "-" if part["precision"] is None else f"{part['precision']:.2f}"
        yield f"| {label} | {part['n']} | {shown(part)} | {precision} | {part['f1']:.2f} |"
    yield "\n## Test part by language and by style\n\n| | n | accuracy |\n|---|---|---|"
    for language, part in mine["per_language"].items():
        yield f"| {language} | {part['n']} | {shown(part)} |"
    for style in sorted({item.style for item in test}):
        own = [one for one, item in zip(by_learned, test, strict=True) if item.style == style]
        right = sum(one.truth == one.said for one in own)
        yield f"| {style} | {len(own)} | {shown(interval(right, len(own)))} |"


def _rules(judge: Judge, parts: Mapping[str, Sequence[Example]]) -> Iterator[str]:
    """Yield how often complexity and pattern are as labelled by hand, and what they are mistaken for."""
    yield _RULES
    told = {part: [(item, judge.task(judge.request(item.text))) for item in items] for part, items in parts.items()}
    yield "| what | part | labelled | as labelled | always the commonest |\n|---|---|---|---|---|"
    tables: list[str] = []
    for what in ("complexity", "pattern"):
        for part, pairs in told.items():
            labelled = [(str(getattr(item, what)), str(getattr(task, what))) for item, task in pairs]
            counts = Counter((truth, said) for truth, said in labelled if truth)
            commonest = max(Counter(truth for truth, _ in counts.elements()).values())
            right = sum(count for (truth, said), count in counts.items() if truth == said)
            total = counts.total()
            yield f"| {what} | {part} | {total} | {shown(interval(right, total))} | {commonest / total:.3f} |"
            if part == "test":
                tables += _confusion(what, counts)
    yield from tables


def _confusion(what: str, counts: Counter[tuple[str, str]]) -> Iterator[str]:
    names = [name for name in _ORDER if any(name in pair for pair in counts)]
    yield f"\nTest part, {what}: rows as labelled, columns as said.\n"
    yield f"| | {' | '.join(names)} |\n|---|{'---|' * len(names)}"
    for truth in names:
        yield f"| {truth} | {' | '.join(str(counts[truth, said]) for said in names)} |"


def _unseen_line(
    title: str, path: Path, labels: Path | None, columns: tuple[str, str], learned: Judge, words: Judge
) -> str:
    meanings = read_labels(labels, learned.taxonomy)
    tallies = Tally(), Tally()
    for row in read_rows(path):
        text, label = str(row.values[columns[0]]), str(row.values[columns[1]])
        for judge, tally in zip((learned, words), tallies, strict=True):
            said, confidence, language = judge.answer(judge.request(text))
            compared = meanings.compared(label, said)
            if compared is not None:
                tally.add(Judged(*compared, confidence, language))
    found, plain = report(tallies[0]), report(tallies[1])
    sure = found["coverage"]["0.6"]
    return (
        f"| {title} | {tallies[0].count} | {shown(found['accuracy'])} | {shown(plain['accuracy'])} "
        f"| {shown(sure)} | {shown(sure['accuracy'])} |"
    )


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(prog="python -m deploy.training.report", description=__doc__)
    parser.add_argument("--unseen", action="append", default=[], metavar="TITLE=FILE")
    parser.add_argument("--labels", action="append", default=[], metavar="TITLE=FILE")
    parser.add_argument("--columns", action="append", default=[], metavar="TITLE=TEXT,LABEL")
    parser.add_argument("--file", type=Path, default=FILE, help="where the page goes")
    given = parser.parse_args()
    labels = dict(item.split("=", 1) for item in given.labels)
    columns = dict(item.split("=", 1) for item in given.columns)
    unseen: list[tuple[str, Path, Path | None, tuple[str, str]]] = []
    for item in given.unseen:
        title, path = item.split("=", 1)
        text, _, label = columns.get(title, "text,label").partition(",")
        unseen.append((title, Path(path), Path(labels[title]) if title in labels else None, (text, label)))
    given.file.write_text("\n".join(lines(unseen)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
