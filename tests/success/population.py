"""The prompts that routing is judged on: the held-out examples, whose label is their true type of task."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analytics.evaluation.intervals import FloatArray
from deploy.training.examples import Example, examples


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt with its truth: the type and complexity that the person who wrote it gave it."""

    text: str
    type: str
    complexity: str
    language: str
    style: str


def prompt_of(example: Example) -> Prompt:
    """Return a labelled example as a prompt."""
    return Prompt(example.text, example.label, example.complexity, example.language, example.style)


def held_out() -> tuple[Prompt, ...]:
    """Return the examples that no training has seen."""
    return tuple(prompt_of(example) for example in examples("test"))


def sample(prompts: Sequence[Prompt], each: int) -> tuple[Prompt, ...]:
    """Return the first ``each`` prompts of every type."""
    seen: Counter[str] = Counter()
    kept: list[Prompt] = []
    for prompt in prompts:
        seen[prompt.type] += 1
        if seen[prompt.type] <= each:
            kept.append(prompt)
    return tuple(kept)


def weights(prompts: Sequence[Prompt]) -> FloatArray:
    """Return the weight of each prompt; they sum to 1, every type has the same share."""
    counts = Counter(prompt.type for prompt in prompts)
    listed: FloatArray = np.array([1 / (len(counts) * counts[prompt.type]) for prompt in prompts], dtype=np.float64)
    return listed
