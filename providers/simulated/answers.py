"""The texts of simulated answers: our own sentences, plain ASCII, always labelled, never telling how good they are."""

import json
from typing import Any

from providers.simulated.draws import Draws

LABEL = "[simulated]"
BYTES_PER_TOKEN = 4
_CODE_TASKS = frozenset({"code-generation", "code-review", "debugging", "refactoring", "testing"})

_PROSE = (
    "Start from what has to be true at the end and work back to the first step. ",
    "The main trade-off here is between doing it once and being able to do it again. ",
    "Three points matter most: the input, the limit, and what happens when the limit is reached. ",
    "A short list is easier to check than a long one, so here is the short list. ",
    "If the numbers are small, the simple way wins; measure before choosing the other. ",
    "Keep the part that changes often away from the part that must not change. ",
    "The second option costs more at first and less afterwards. ",
    "Nothing in the question rules out the plain answer, so take the plain answer. ",
    "Write down the assumption, because it is the first thing that will be forgotten. ",
    "When two sources disagree, prefer the one that says how it measured. ",
    "The risk is not that it fails but that it fails without anybody noticing. ",
    "Ask one person who uses it every day before you decide. ",
    "Compare the result with last month's, not with the plan. ",
    "The first draft should be complete and rough rather than polished and partial. ",
    "Two of the causes can be excluded by looking at the time of the first report. ",
    "What remains is a question of taste, and either form is fine. ",
)
_CODE = (
    "def total(values):\n    return sum(value for value in values if value is not None)\n\n",
    "def first(items, default=None):\n    return next(iter(items), default)\n\n",
    "def clamp(value, low, high):\n    return max(low, min(high, value))\n\n",
    "def chunks(items, size):\n    return [items[at : at + size] for at in range(0, len(items), size)]\n\n",
    "def index_by(items, key):\n    return {key(item): item for item in items}\n\n",
    "def add_all(total, items):\n    for item in items:\n        total += item\n    return total\n\n",
    "def pairs(items):\n    return list(zip(items, items[1:]))\n\n",
    "def is_sorted(items):\n    return all(a <= b for a, b in zip(items, items[1:]))\n\n",
)


def answer_text(tokens: int, task_type: str | None, draws: Draws) -> str:
    """Return a text of at most ``tokens`` tokens (4 bytes each), close to that length."""
    size = tokens * BYTES_PER_TOKEN
    corpus = _CODE if task_type in _CODE_TASKS else _PROSE
    start, step = draws.whole("sentence", len(corpus)), 2 * draws.whole("order", len(corpus) // 2) + 1
    parts = [f"{LABEL} "]
    length, number = len(parts[0]), 0
    while length < size:
        part = corpus[(start + number * step) % len(corpus)]
        parts.append(part)
        length += len(part)
        number += 1
    return "".join(parts)[:size].rstrip()


def sample_json(schema: Any, depth: int = 0) -> Any:
    """Return a value that fits a JSON Schema of the usual kind; what is not understood becomes the label."""
    if not isinstance(schema, dict) or depth > 8:
        return LABEL
    if "const" in schema:
        return schema["const"]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties")
        fields = properties.items() if isinstance(properties, dict) else ()
        return {str(name): sample_json(value, depth + 1) for name, value in fields}
    if kind == "array":
        return [sample_json(schema.get("items"), depth + 1)]
    samples: dict[Any, Any] = {"integer": 1, "number": 1, "boolean": True, "null": None}
    return samples.get(kind, LABEL) if isinstance(kind, str) else LABEL


def json_text(schema: Any) -> str:
    """Return a JSON answer: a sample of ``schema``, or a labelled object when there is none."""
    return json.dumps(sample_json(schema) if schema else {"simulated": True, "answer": LABEL}, separators=(",", ":"))


def tokens_of(text: str) -> int:
    """Return the number of tokens of a text, rounded up."""
    return -(-len(text.encode("utf-8", errors="replace")) // BYTES_PER_TOKEN)
