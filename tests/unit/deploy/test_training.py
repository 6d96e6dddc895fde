"""The written examples and the classifier that is trained from them."""

import hashlib
from collections import Counter
from itertools import product

import pytest

from deploy.training.examples import Example, Part, cues, examples, likeness, overlap, word_runs
from deploy.training.train import NAME, description_text, shipped_taxonomy, train
from routing.classifier_model import FOLDER, description
from routing.words import TYPES

PARTS: dict[Part, list[Example]] = {part: examples(part) for part in ("development", "test", "late")}
ALL = [item for part in PARTS.values() for item in part]
JUDGING = [*PARTS["test"], *PARTS["late"]]
STYLES = {"terse", "chatty", "formal", "code-heavy"}


@pytest.mark.parametrize("kind", TYPES)
def test_each_type_has_sixty_examples_in_six_languages(kind: str) -> None:
    """Each type of work has at least 60 examples to learn from, 25 to be judged by, each in 6 languages (R8)."""
    for items, least in ((PARTS["development"], 60), (PARTS["test"], 25)):
        mine = [item for item in items if item.label == kind]
        assert len(mine) >= least
        assert len({item.language for item in mine}) >= 6
    assert sum(item.label == kind for item in PARTS["late"]) >= 5


def test_examples_are_labelled_in_closed_words() -> None:
    """Labels, styles and levels of complexity come from closed lists, and each of them occurs."""
    assert {item.label for item in ALL} == set(TYPES) == {cue.label for cue in cues()}
    assert {item.style for item in ALL} == STYLES
    assert {item.complexity for item in ALL} == {"simple", "medium", "complex", "critical"}
    assert {item.pattern for item in ALL} == {"", "single-shot", "multi-step", "iterative"}


def test_no_text_occurs_twice() -> None:
    """No example is written twice, in whatever part."""
    again = [text for text, count in Counter(item.text.strip().lower() for item in ALL).items() if count > 1]
    assert again == []


def test_parts_share_no_near_duplicate() -> None:
    """No example to be judged by shares a third of its runs of five words with one to learn from (R8)."""
    by_run: dict[tuple[str, ...], list[str]] = {}
    for item in PARTS["development"]:
        for run in word_runs(item.text):
            by_run.setdefault(run, []).append(item.text)
    close = [
        (item.text, other)
        for item in JUDGING
        for other in {text for run in word_runs(item.text) for text in by_run.get(run, ())}
        if overlap(item.text, other) >= 1 / 3
    ]
    assert close == []


def test_parts_share_no_text_in_other_dress() -> None:
    """No example to be judged by has 45 % of its runs of four characters in common with one to learn from (R8)."""
    close = [
        (item.text, other.text)
        for item in JUDGING
        for other in PARTS["development"]
        if item.label == other.label and likeness(item.text, other.text) >= 0.45
    ]
    assert close == []


def test_likeness_sees_other_dress() -> None:
    """The measure is 1 for the same letters, high for a changed word, low for other texts."""
    first = "Sum up the minutes of the meeting"
    assert likeness(first, "sum up -- the MINUTES of the meeting!") == 1
    assert likeness(first, "Sum up the minutes of our meeting") > 0.45
    assert likeness(first, "Write a poem about the wind") < 0.2
    assert likeness("", "") == 1


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


def test_the_shipped_floor_is_the_trained_one() -> None:
    """The taxonomy's floor of confidence is the one that training found."""
    trained = description(NAME)
    choice = shipped_taxonomy().document.classifier
    assert trained is not None
    assert choice is not None
    assert (choice.artefact, choice.floor) == (NAME, trained["floor"])
