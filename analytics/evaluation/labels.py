"""Labels of other data sets in the words of the taxonomy: as the taxonomy's aliases say, or as a file maps them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from routing.taxonomy import Taxonomy
from routing.words import TYPES


class LabelsError(ValueError):
    """A file of labels that cannot be used; the message says why."""


@dataclass(frozen=True)
class Labels:
    """``types``: by label the types of work it means, several where a label is wider than a type; none: left out."""

    types: Mapping[str, tuple[str, ...]]
    taxonomy: Taxonomy

    def meaning(self, label: str) -> tuple[str, ...]:
        """Return the types that ``label`` means; empty when it means none."""
        found = self.types.get(label)
        if found is not None:
            return found
        named = self.taxonomy.type_named(label)
        return () if named is None else (named,)

    def compared(self, label: str, said: str) -> tuple[str, str] | None:
        """Return (truth, answer) in common words, None for a label that means nothing.

        A label that means one type is compared as that type; a wider one keeps its name, and any of its types is right.
        """
        meaning = self.meaning(label)
        if not meaning:
            return None
        truth = meaning[0] if len(meaning) == 1 else label
        if said in meaning:
            return truth, truth
        return truth, next((name for name, types in self.types.items() if len(types) > 1 and said in types), said)


def read_labels(path: Path | None, taxonomy: Taxonomy) -> Labels:
    """Return the labels of a YAML file: ``their label: our type`` or a list of types, or null to leave it out.

    Raise `LabelsError` when the file is not of that form, or names a type that does not exist.
    """
    if path is None:
        return Labels({}, taxonomy)
    try:
        listed: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise LabelsError(f"{path.name}: {error}") from error
    if not isinstance(listed, dict):
        raise LabelsError(f"{path.name}: write one line `their label: our type` for each label")
    types: dict[str, tuple[str, ...]] = {}
    for label, value in listed.items():
        named = [] if value is None else value if isinstance(value, list) else [value]
        wrong = [name for name in named if name not in TYPES]
        if wrong:
            raise LabelsError(
                f"{path.name}: {label}: no type of work is called {wrong[0]}; there are {', '.join(TYPES)}"
            )
        types[str(label)] = tuple(str(name) for name in named)
    return Labels(types, taxonomy)
