"""The compiled taxonomy: profiles by type, words, and what modes and jobs say about a task."""

import re
from collections.abc import Mapping
from typing import Final

from routing.classifier_model import ClassifierModel, packaged
from routing.words import WordTable
from schemas.classification import TaskType
from schemas.control_taxonomy import CapabilityName, Route, TaxonomyDocument, TypeProfile
from schemas.request import CopilotMode, JobType

_PLAIN: Final = Route()
_BETWEEN: Final = re.compile(r"[\s_/-]+")
_EVEN: Final[dict[CapabilityName, float]] = {"reasoning": 0.4, "instruction": 0.4, "creative": 0.2}


def _bare() -> TaxonomyDocument:
    profile = TypeProfile(description="no taxonomy is published", capabilities=_EVEN, output_tokens=400)
    return TaxonomyDocument(
        kind="taxonomy",
        name="bare",
        description="What holds before a taxonomy is published.",
        types=dict.fromkeys(TaskType, profile),
    )


class Taxonomy:
    """One taxonomy document, ready to use."""

    def __init__(self, document: TaxonomyDocument | None = None) -> None:
        """Compile ``document``; without one every text is ``general``."""
        self.document = document or _bare()
        self.confidence_floor = self.document.confidence_floor
        self.words = WordTable(self.document)
        choice = self.document.classifier
        self.classifier: ClassifierModel | None = None if choice is None else packaged(choice.artefact)
        """The learned classifier; None where the words decide: no artefact is named, or not one of this package."""
        self.classifier_floor = 1.0 if choice is None else choice.floor
        self.complexity_shares: Mapping[str, dict[str, float]] = {
            called: {str(name): share for name, share in shares.items()}
            for called, shares in self.document.complexity_shares.items()
        }
        self.profiles: Mapping[str, TypeProfile] = {
            kind.value: profile for kind, profile in self.document.types.items()
        }
        self.needs: Mapping[str, Mapping[str, float]] = {
            kind: {str(name): share for name, share in profile.capabilities.items()}
            for kind, profile in self.profiles.items()
        }
        self._aliases = {
            _plain(alias): kind for kind, profile in self.profiles.items() for alias in (kind, *profile.aliases)
        }

    def route(self, mode: CopilotMode | None, job: JobType | None) -> Route:
        """Return what job type, else copilot mode, says about the task."""
        if job is not None:
            return self.document.jobs.get(job, _PLAIN)
        if mode is not None:
            return self.document.modes.get(mode, _PLAIN)
        return _PLAIN

    def type_named(self, name: str) -> str | None:
        """Return the type of work that ``name`` means in any known scheme (SPEC R8), or None."""
        return self._aliases.get(_plain(name))


def _plain(name: str) -> str:
    """Return a name in lower case, its words joined by hyphens: ``Code Review/Debug`` is ``code_review_debug``."""
    return _BETWEEN.sub("-", name.strip().lower())
