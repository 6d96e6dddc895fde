"""Classifies plain prompts as the router would, and says how sure it is of each answer."""

from datetime import UTC, datetime
from typing import Final

from routing.catalog import CompiledConfig
from routing.classify import classify
from routing.signals import read
from routing.words import TYPES
from schemas.classification import TaskDescriptor
from schemas.request import RequestReceived

_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
_GENERAL: Final = TYPES.index("general")
_LONGEST: Final = 65_536
"""Characters that a prompt of a request may have."""


class Judge:
    """A configuration's classification of prompts that come alone."""

    def __init__(self, config: CompiledConfig) -> None:
        """Take the taxonomy that holds where no tenant says otherwise."""
        self.config = config
        self.taxonomy = config.taxonomy_of("")

    def request(self, text: str) -> RequestReceived:
        """Return a request for ``text`` alone; what is too long for a request is cut."""
        prompt = text[:_LONGEST].encode("utf-8", "replace").decode()
        return RequestReceived(id="e", occurred_at=_AT, tenant="evaluation", request_id="r", prompt=prompt)

    def task(self, request: RequestReceived) -> TaskDescriptor:
        """Return the task descriptor of a request."""
        return classify(request, self.config)

    def answer(self, request: RequestReceived) -> tuple[str, float, str]:
        """Return (type, how likely it is right, language).

        The descriptor's confidence of ``general`` is that of the best other type; here it is its own probability.
        """
        task = self.task(request)
        confidence = task.confidence
        if task.type == "general" and self.taxonomy.classifier is not None:
            verdict = self.taxonomy.classifier.verdict(read(request, self.taxonomy.words))
            confidence = verdict.billionths[_GENERAL] / 1_000_000_000
        return task.type.value, confidence, task.signals.language or "unknown"
