"""The written examples and the classifier that is trained from them."""

import hashlib
from collections import Counter
from itertools import product

import pytest

from deploy.training.examples import cues, examples, overlap, word_runs
from deploy.training.train import NAME, description_text, train
from routing.classifier_model import FOLDER
from routing.words import TYPES

PARTS = {"development": examples("development"), "test": examples("test")}
BOTH = [*PARTS["development"], *PARTS["test"]]
STYLES = {"terse", "chatty", "formal", "code-heavy"}


@pytest.mark.parametrize("kind", TYPES)
def test_each_type_has_sixty_examples_in_six_languages(kind: str) -> None:
    """Each type of work has at least 60 examples in at least 6 languages, in both parts (R8)."""
    mine = [item for item in BOTH if item.label == kind]
    assert len(mine) >= 60
    assert len({item.language for item in mine}) >= 6
    assert all(sum(item.label == kind for item in part) >= 15 for part in PARTS.values())


def test_examples_are_labelled_in_closed_words() -> None:
    """Labels, styles and levels of complexity come from closed lists, and each of them occurs."""
    assert {item.label for item in BOTH} == set(TYPES) == {cue.label for cue in cues()}
    assert {item.style for item in BOTH} == STYLES
    assert {item.complexity for item in BOTH} == {"simple", "medium", "complex", "critical"}


def test_no_text_occurs_twice() -> None:
    """No example is written twice, in whatever part."""
    again = [text for text, count in Counter(item.text.strip().lower() for item in BOTH).items() if count > 1]
    assert again == []


def test_development_and_test_share_no_near_duplicate() -> None:
    """No example of the test part shares a third of its runs of five words with one of the development part (R8)."""
    by_run: dict[tuple[str, ...], list[str]] = {}
    for item in PARTS["development"]:
        for run in word_runs(item.text):
            by_run.setdefault(run, []).append(item.text)
    close = [
        (item.text, other)
        for item in PARTS["test"]
        for other in {text for run in word_runs(item.text) for text in by_run.get(run, ())}
        if overlap(item.text, other) >= 1 / 3
    ]
    assert close == []


def test_overlap_sees_near_duplicates() -> None:
    """The measure is 1 for the same words in other dress, 0 for other words."""
    first = "Please sum up the minutes of the meeting on Monday"
    assert overlap(first, "please, SUM UP the minutes: of the meeting on Monday!") == 1
    assert overlap(first, "Write a poem about the sea and the wind at night") == 0
    assert all(overlap(one, two) == overlap(two, one) for one, two in product([first, "sum up the minutes"], repeat=2))


def test_training_again_gives_the_packaged_bytes() -> None:
    """The packaged classifier is rebuilt bit by bit from the examples; run `python -m deploy.training.train` (R8)."""
    content, found = train()
    assert hashlib.sha256(content).hexdigest() == hashlib.sha256((FOLDER / f"{NAME}.bin").read_bytes()).hexdigest()
    assert description_text(found) == (FOLDER / f"{NAME}.json").read_text(encoding="utf-8")
