"""Probes of others, JSON lines of vLLM semantic-router, and what their intents mean in the words used here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.training.examples import FOLDER

_INTENTS: Final = Path(__file__).parent / "probe_intents.yaml"
_EXCERPT: Final = 60


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe: where it stands, what it asks, and what the intent that labels it wants."""

    key: str
    """``recipe/id``."""
    intent: str
    text: str
    turns: int
    """Messages of its conversation; the text is the last one, the file holds no other."""
    types: tuple[str, ...]
    """Types of work that fit the intent; empty where it says nothing of them."""
    lanes: tuple[str, ...]
    """Tiers of cost that fit the intent; empty where it says nothing of them."""
    complexity: str

    @property
    def excerpt(self) -> str:
        """The text in one line, or its first words."""
        line = " ".join(self.text.split())
        return line if len(line) <= _EXCERPT else f"{line[:_EXCERPT].rsplit(' ', 1)[0]} ..."


def read(path: Path) -> list[Probe]:
    """Return the probes whose intent means a type of work or a lane. Raise `KeyError` where a line is no probe."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [probe for probe in map(_probe, rows) if probe.types or probe.lanes]


def typed(path: Path) -> list[Probe]:
    """Return the probes that the classifier is judged on too: those whose intent was labelled with types for it."""
    return [probe for probe in read(path) if probe.intent in _labels()]


def _probe(row: Mapping[str, Any]) -> Probe:
    intent = row["decision"]
    meant = _intents().get(intent, {})
    label = _labels().get(intent, meant.get("types", ()))
    return Probe(
        key=f"{row['recipe']}/{row['id']}",
        intent=intent,
        text=row["query"],
        turns=row["nmsg"],
        types=(label,) if isinstance(label, str) else tuple(label),
        lanes=tuple(meant.get("lanes", ())),
        complexity=meant.get("complexity", "medium"),
    )


@cache
def _labels() -> Mapping[str, str | list[str]]:
    labels: Mapping[str, str | list[str]] = yaml.safe_load((FOLDER.parent / "labels-probes.yaml").read_text("utf-8"))
    return labels


@cache
def _intents() -> Mapping[str, Mapping[str, Any]]:
    intents: Mapping[str, Mapping[str, Any]] = yaml.safe_load(_INTENTS.read_text("utf-8"))
    return intents
