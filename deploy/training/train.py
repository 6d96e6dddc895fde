"""Trains the packaged classifier from the written examples: `python -m deploy.training.train`.

Writes `routing/artefacts/NAME.bin` (weights) and `NAME.json` (hashes of what it was trained on, figures, this command).
The same examples give the same bytes.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from analytics.evaluation.classification import Judged, Tally, report
from deploy.shipped_config import shipped_documents
from deploy.training.examples import Example, Part, cues, data_hash, examples
from deploy.training.fit import (
    Corpus,
    Matrix,
    chances_of,
    fit,
    held_out_logits,
    other_style_logits,
    reading_of,
    temperature_of,
    weights_of,
)
from routing.classifier_features import STRUCTURE
from routing.classifier_model import FOLDER, ClassifierModel, encode
from routing.taxonomy import Taxonomy
from routing.words import TYPES
from schemas.control_taxonomy import TaxonomyDocument

NAME: Final = "classifier-v2"
JUDGED_BY: Final[tuple[Part, ...]] = ("test", "late")
COMMAND: Final = "python -m deploy.training.train"
_KNOWN: Final = ("Draft a schedule for moving house", "Warum stürzt das Programm ab?", "def f(x): return x + 1", "")
_TOLERANCE: Final = 0.003
"""Accuracy that may be given up for a higher floor."""


def shipped_taxonomy() -> Taxonomy:
    """Return the taxonomy that comes with pointsman; its words are part of what the classifier sees."""
    (document,) = (item for item in shipped_documents() if isinstance(item, TaxonomyDocument))
    return Taxonomy(document)


def corpus_of(taxonomy: Taxonomy) -> Corpus:
    """Return the development part and the cues, read."""
    return Corpus.of(examples("development"), cues(), taxonomy.words)


def train(name: str = NAME) -> tuple[bytes, dict[str, Any]]:
    """Return the artefact's bytes and its description.

    Temperature and floor come from examples of styles that the fit had not seen: users write in styles of their own.
    """
    taxonomy = shipped_taxonomy()
    corpus = corpus_of(taxonomy)
    labels = corpus.labels[: len(corpus.examples)]
    logits, strange = held_out_logits(corpus), other_style_logits(corpus)
    temperature = temperature_of(strange, labels)
    floor = floor_of(strange, temperature, corpus)
    everything = np.arange(len(corpus.labels))
    weights = weights_of(corpus, everything, fit(corpus, everything))
    content = encode(weights.table, weights.structure, weights.bias)
    model = weights.model(temperature)
    judging: dict[str, Sequence[Example]] = {part: examples(part) for part in JUDGED_BY}
    found = {
        "name": name,
        "command": COMMAND,
        "sha256": hashlib.sha256(content).hexdigest(),
        "types": list(TYPES),
        "structure": list(STRUCTURE),
        "temperature_64": temperature,
        "floor": floor,
        "known_answers": {text: list(model.verdict(reading_of(text, taxonomy.words)).billionths) for text in _KNOWN},
        "data": {
            **{
                part: {"examples": len(items), "sha256": data_hash(items)}
                for part, items in {"development": corpus.examples, **judging}.items()
            },
            "cues": {
                "phrases": len(corpus.cues),
                "sha256": data_hash([Example(cue.text, cue.label, cue.language, "cue", "") for cue in corpus.cues]),
            },
            "taxonomy": {"reference": taxonomy.document.reference, "words_sha256": words_hash(taxonomy)},
        },
        "figures": {
            "development_held_out": figures(report(Tally.of(judged(corpus.examples, logits, temperature)))),
            **{part: figures(report(Tally.of(judged_by(model, items, taxonomy)))) for part, items in judging.items()},
        },
    }
    return content, found


def words_hash(taxonomy: Taxonomy) -> str:
    """Return the SHA-256 of everything in a taxonomy that readings depend on."""
    names = {"types", "intents", "levels", "greetings", "follow_ups", "plans", "function_words"}
    document = taxonomy.document.model_dump(mode="json", include=names)
    document["types"] = {kind: [profile["words"], profile["weak_words"]] for kind, profile in document["types"].items()}
    return hashlib.sha256(json.dumps(document, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def judged(items: Sequence[Example], logits: Matrix, temperature: int) -> list[Judged]:
    """Return what scores say about examples."""
    chances = chances_of(logits, temperature)
    return [
        Judged(item.label, TYPES[int(row.argmax())], float(row.max()), item.language)
        for item, row in zip(items, chances, strict=True)
    ]


def judged_by(model: ClassifierModel, items: Sequence[Example], taxonomy: Taxonomy) -> list[Judged]:
    """Return what a finished classifier says about examples."""
    verdicts = [model.verdict(reading_of(item.text, taxonomy.words)) for item in items]
    return [
        Judged(item.label, verdict.label, verdict.confidence, item.language)
        for item, verdict in zip(items, verdicts, strict=True)
    ]


def floor_of(logits: Matrix, temperature: int, corpus: Corpus) -> float:
    """Return the highest confidence floor that costs no accuracy when everything below it is called ``general``."""
    said = judged(corpus.examples, logits, temperature)
    accuracy = {
        floor: sum((one.said if one.confidence >= floor else "general") == one.truth for one in said) / len(said)
        for floor in (step / 100 for step in range(0, 61, 2))
    }
    best = max(accuracy.values())
    return max(floor for floor, value in accuracy.items() if value >= best - _TOLERANCE)


def figures(found: dict[str, Any]) -> dict[str, Any]:
    """Return the main figures of a report."""
    return {
        "accuracy": found["accuracy"],
        "macro_f1": found["macro_f1"],
        "ece": {name: value for name, value in found["ece"].items() if name != "bins"},
        "at_confidence_0.6": found["coverage"]["0.6"],
    }


def description_text(found: dict[str, Any]) -> str:
    """Return a description as it is stored."""
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Train and write the artefact."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the artefact goes")
    folder: Path = parser.parse_args().folder
    content, found = train()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{NAME}.bin").write_bytes(content)
    (folder / f"{NAME}.json").write_text(description_text(found), encoding="utf-8")


if __name__ == "__main__":
    main()
