"""Matrices with a known truth: kinds of prompts told by their words, and models that are good at some of them."""

import numpy as np

from analytics.evaluation.matrix import LabelNoise, Matrix

MODELS = ("cheap", "coder", "writer")
COSTS = (1.0, 4.0, 8.0)
CHANCES = {"code": (0.3, 0.9, 0.5), "prose": (0.3, 0.4, 0.85), "small": (0.8, 0.8, 0.8)}
_WORDS = {
    "code": ["function", "loop", "compile", "array", "return", "class", "pointer", "stack"],
    "prose": ["novel", "poem", "sorrow", "garden", "letter", "chapter", "moonlight", "voice"],
    "small": ["hello", "thanks", "morning", "please", "nice", "weekend", "friend", "tea"],
}
_COMMON = [f"word{index}" for index in range(300)]


def planted(count: int, seed: int, *, shuffled: bool = False) -> Matrix:
    """Return a matrix of three kinds of prompts; ``shuffled`` parts the scores from the prompts."""
    generator = np.random.default_rng(seed)
    kinds = generator.choice(sorted(_WORDS), size=count)
    prompts = []
    for number, kind in enumerate(kinds):
        words = [
            *generator.choice(_WORDS[kind], size=3),
            *generator.choice(_COMMON, size=int(generator.integers(6, 25))),
        ]
        prompts.append(" ".join([*generator.permutation(words), f"n{number}"]))
    chances = np.array([CHANCES[kind] for kind in kinds])
    scores = (generator.random(chances.shape) < chances).astype(np.float64)
    if shuffled:
        scores = scores[generator.permutation(count)]
    return Matrix(MODELS, tuple(prompts), tuple(kinds.tolist()), scores, None, count, 0, LabelNoise(0, 0, 0, 0, 0.0))


def costs_of(matrix: Matrix) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return what the planted models cost."""
    return np.tile(np.array(COSTS), (len(matrix.prompts), 1))
