"""Prompts for benchmarks: 120 tokens in the median, one in twenty of 2,000; deterministic, no text from outside."""

import random

_OPENINGS = (
    "Write a function that {thing} and explain the edge cases.",
    "Why does this fail when I {thing}? Please fix it.",
    "Summarize the following notes on how we {thing}.",
    "Plan the next quarter for the team that will {thing}.",
    "Translate to German: we {thing} every morning.",
    "What is the fastest way to {thing}?",
    "Review this change: it is meant to {thing}.",
)
_THINGS = (
    "parse dates from log files",
    "merge two sorted lists",
    "cache the results of a query",
    "balance the accounts",
    "rename the columns of a table",
    "send invoices to customers",
    "count the words of a chapter",
    "resize pictures",
)
_WORDS = [
    "the",
    "service",
    "reads",
    "a",
    "record",
    "and",
    "writes",
    "it",
    "to",
    "the",
    "next",
    "table",
    "unless",
    "the",
    "key",
    "is",
    "known",
    "already",
    "then",
    "it",
    "waits",
    "for",
    "the",
    "other",
    "side",
    "to",
    "answer",
    "which",
    "takes",
    "a",
    "while",
    "so",
    "we",
    "keep",
    "the",
    "time",
    "and",
    "compare",
    "it",
    "with",
    "the",
    "limit",
    "of",
    "the",
    "contract",
]


def prompts(count: int, seed: int = 7) -> list[str]:
    """Return prompts; lengths are lognormal around 480 characters, every twentieth has 8,000."""
    draw = random.Random(seed)
    made: list[str] = []
    for index in range(count):
        length = 8_000 if index % 20 == 19 else int(min(max(draw.lognormvariate(6.17, 0.5), 40), 3_000))
        text = draw.choice(_OPENINGS).format(thing=draw.choice(_THINGS))
        if index % 5 == 0:
            text += "\n```python\ndef load(path):\n    return [line.strip() for line in open(path)]\n```\n"
        words = [draw.choice(_WORDS) for _ in range(max(0, length - len(text)) // 5)]
        made.append(f"{text} {' '.join(words)}"[:length])
    return made
